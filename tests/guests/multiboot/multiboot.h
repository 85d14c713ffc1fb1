/* SPDX-License-Identifier: MIT */
/* multiboot.h - the parts of the Multiboot image: what its loader told (told.c), the machine around
 * it (machine.c), and lines on COM1 (console.c). Its structures are its own, from the
 * specifications, not those of a loader: Multiboot 0.6.96, 3.3; ACPI 6.4, 5.2. */
#ifndef TESTS_MULTIBOOT_H
#define TESTS_MULTIBOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <x86/layout.h>

/* What entry.asm found. */
struct entry_state {
    uint32_t eax, ebx, eflags, cr0, cr4, cs, ss;
};

/* ---- what a loader tells ---- */

#define INFO_MEMORY  (1u << 0)
#define INFO_COMMAND (1u << 2)
#define INFO_MODULES (1u << 3)
#define INFO_MAP     (1u << 6)
#define INFO_LOADER  (1u << 9)

struct info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper; /* KiB */
    uint32_t boot_device, command_line;
    uint32_t module_count, modules;
    uint32_t symbols[4];
    uint32_t map_length, map;
    uint32_t drives[2], configuration;
    uint32_t loader;
};
X86_OFFSET(struct info, command_line, 16);
X86_OFFSET(struct info, map, 48);
X86_OFFSET(struct info, loader, 64);

struct module {
    uint32_t start, end, text, reserved;
};

#define MAP_RAM 1u

struct map_entry {
    uint32_t size; /* of the rest */
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));
X86_SIZE(struct map_entry, 24);

/* What is at physical address @address: memory is mapped one to one. */
static inline void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

extern char image_start[], image_data_end[], image_end[];

/* All that can be known before anything is asked of the machine. */
void check_told(const struct entry_state *entry);

/* The command line that the loader has handed over. */
const char *command_line(void);

/* CPUID, ACPI tables, the other processors, timer interrupts, ports that nobody has. */
void check_machine(uint32_t vps);

/* ---- console.c ---- */

void console_begin(void);

void console_text(const char *text);

/* Whether a key was typed, which is taken. */
bool console_key(void);

/* A line "PASS name" or "FAIL name: found, not wanted". */
void check_equal(const char *name, uint64_t found, uint64_t wanted);
void check(const char *name, bool passed);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many checks there were so far, and how many failed. */
unsigned checks_done(void);
unsigned checks_failed(void);

#endif
