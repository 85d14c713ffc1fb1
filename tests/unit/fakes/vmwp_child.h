/* SPDX-License-Identifier: MIT */
/* fakes/vmwp_child.h - a VP that stands in an intercept, for the emulator: registers, 64 KiB of
 * RAM, one page of a device, ports. Its linear addresses are what vmwp_child_map() says. */
#ifndef FAKES_VMWP_CHILD_H
#define FAKES_VMWP_CHILD_H

#include <x86/decode.h>
#include "vmwp/emulate.h"

enum { CHILD_RAM = 0x10000, CHILD_PAGES = 32, CHILD_PORT_LOG = 1024 };
#define CHILD_DEVICE_GPA 0xfec00000ull

struct vmwp_child_page {
    uint64_t linear;
    uint64_t gpa;
    uint32_t result; /* HvTranslateGva* */
    bool read_only;
};

struct vmwp_child {
    struct emulate_vp vp;
    struct guest_ram ram;
    enum x86_mode mode;
    uint64_t gprs[X86_GPR_COUNT];
    uint64_t rip, rflags, cr2, pending; /* the last two: what was set */
    uint64_t bases[X86_SEGMENT_COUNT];
    unsigned cpl;
    bool registers_fail;
    uint32_t gets, sets; /* calls */
    struct vmwp_child_page pages[CHILD_PAGES];
    uint32_t page_count;
    uint32_t translations;
    uint8_t device[4096]; /* what is read and written there */
    uint32_t device_reads, device_writes;
    uint64_t device_last; /* address of the last access */
    uint32_t ports;       /* accesses */
    uint16_t port_last;
    uint8_t port_log[CHILD_PORT_LOG]; /* bytes written; those read are 0, 1, 2 ... */
    uint32_t port_bytes;
    struct emulate_answer answer;
    uint8_t memory[CHILD_RAM];
};

/* 64-bit code at privilege level 0 with flat segments; nothing is mapped. */
void vmwp_child_init(struct vmwp_child *c, enum x86_mode mode);

/* The page at @linear is that of @gpa. */
void vmwp_child_map(struct vmwp_child *c, uint64_t linear, uint64_t gpa);

/* Accesses to the page at @linear have @result. */
void vmwp_child_deny(struct vmwp_child *c, uint64_t linear, uint32_t result);

/* Let the instruction, @count bytes, be emulated as one that accessed @gpa, or @port. Registers are
 * then what the VP would have. */
bool vmwp_child_mmio(struct vmwp_child *c, const void *code, unsigned count, uint64_t gpa,
                     bool write);
bool vmwp_child_string(struct vmwp_child *c, const void *code, unsigned count, uint16_t port,
                       unsigned size, bool write);
bool vmwp_child_port(struct vmwp_child *c, unsigned length, uint16_t port, unsigned size,
                     bool write);

#endif
