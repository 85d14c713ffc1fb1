/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_process.h - one process on the host, for root's system calls as shipped:
 * real page tables in host memory, copies that walk them, time that passes when somebody sleeps.
 *
 * "Physical" addresses are the host's. Ends of the process and of the machine come back to the
 * caller of fake_syscall as FAKE_ENDED. */
#ifndef FAKES_ROOT_PROCESS_H
#define FAKES_ROOT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "mm/memory.h"
#include "proc/process.h"

#define FAKE_ENDED      INT64_MIN
#define FAKE_WALL_CLOCK 1700000000000000000ull
#define FAKE_BRK        0x600000ull

enum { FAKE_ID = 7 };

/* The first boot module, shell.elf: a large page, a page, and a bit. */
#define FAKE_MODULE_SIZE    (PAGE_SIZE_2M + PAGE_SIZE + 5)
#define FAKE_MODULE_BYTE(i) ((uint8_t)((i) * 7 + (i) / PAGE_SIZE + 1))

struct fake_process {
    struct process process;
    uint64_t now;
    uint64_t clock_moved; /* the wall clock, by being set */
    int64_t live;             /* kernel allocations and pages not given back */
    int64_t allocations_left; /* -1: endless; then there is no memory */
    uint64_t flushes;         /* of the TLB */
    uint64_t exit_status, resets, power_offs;
    uint64_t fs_base;
    bool killed;          /* somebody has, or it has slept and nobody was to wake it */
    uint64_t sleeps;
    void (*others)(void); /* what the others do when it sleeps next; it wakes to look again */
    char console[256];    /* what was written last */
    size_t console_length;
    uint64_t console_total; /* bytes written */
    const char *input;      /* what the console gives */
    struct wait_queue console_queue;
};
extern struct fake_process fake_process;

/* root_devices.c: /dev/root and /dev/disk have something to show. */
void fake_devices_init(void);

/* root_devices.c gives it what is written to the console. */
void fake_console_write(const char *text, size_t length);

/* A new process with nothing mapped and the console on files 0 to 2. */
void fake_process_begin(void);

/* Free it; afterwards nothing may be live. */
void fake_process_end(void);

int64_t fake_syscall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                     uint64_t a4, uint64_t a5);

#endif
