/* SPDX-License-Identifier: MIT */
/* hvabi/guest_boot.h - how root's child loader starts a toy guest. Not part of the TLFS.
 *
 * The loader puts, in the child's RAM: the command line (NUL-terminated) at GUEST_BOOT_CMDLINE_GPA,
 * struct guest_boot at GUEST_BOOT_GPA, page tables from GUEST_BOOT_PML4_GPA on that map the first
 * 4 GiB one to one with 2 MiB pages, and the PT_LOAD segments of the ELF image at their physical
 * addresses. VP 0 starts at e_entry in 64-bit mode, CPL 0, flat segments, IF = 0,
 * CR3 = GUEST_BOOT_PML4_GPA, RDI = GUEST_BOOT_GPA, RSP undefined. See docs/guests.md. */
#ifndef HVABI_GUEST_BOOT_H
#define HVABI_GUEST_BOOT_H

#include <hvabi/layout.h>

#define GUEST_BOOT_MAGIC          0x544f4f4254534755ull /* "UGSTBOOT" */
#define GUEST_BOOT_CMDLINE_GPA    0x1000ull
#define GUEST_BOOT_CMDLINE_SIZE   4096ull /* with its NUL */
#define GUEST_BOOT_GPA            0x2000ull
#define GUEST_BOOT_PML4_GPA       0x3000ull
#define GUEST_BOOT_PDPT_GPA       0x4000ull
#define GUEST_BOOT_PD_GPA         0x5000ull /* four page directories, to 0x8fff */
#define GUEST_BOOT_PD_COUNT       4
#define GUEST_BOOT_TRAMPOLINE_GPA 0x9000ull   /* the guest's own, for starting its other VPs */
#define GUEST_BOOT_IMAGE_GPA      0x100000ull /* images are linked here */

struct guest_boot {
    uint64_t magic;
    uint64_t memory_size; /* bytes of RAM, from GPA 0 */
    uint32_t vp_count;
    uint32_t reserved;
    uint64_t cmdline_gpa;
    uint32_t event_connection;   /* for HvCallSignalEvent to root; 0: none */
    uint32_t message_connection; /* for HvCallPostMessage to root; 0: none */
    uint64_t events_handled;     /* root's handler adds 1 for each event it has been told of */
};
ABI_SIZE(struct guest_boot, 48);
ABI_OFFSET(struct guest_boot, magic, 0);
ABI_OFFSET(struct guest_boot, memory_size, 8);
ABI_OFFSET(struct guest_boot, vp_count, 16);
ABI_OFFSET(struct guest_boot, reserved, 20);
ABI_OFFSET(struct guest_boot, cmdline_gpa, 24);
ABI_OFFSET(struct guest_boot, event_connection, 32);
ABI_OFFSET(struct guest_boot, message_connection, 36);
ABI_OFFSET(struct guest_boot, events_handled, 40);

/* I/O ports that root answers for a child of its child loader */
#define GUEST_PORT_CONSOLE    0x402u /* OUT: one character; IN: GUEST_CONSOLE_PRESENT */
#define GUEST_CONSOLE_PRESENT 0xe9u
/* IN, four bytes: of root's VP that answers, the low half of its ticks in guest mode so far, and of
 * how often it left guest mode. All ones unless the hypervisor counts ticks (hvabi/stats.h). */
#define GUEST_PORT_ROOT_TICKS 0x404u
#define GUEST_PORT_ROOT_EXITS 0x408u
#define GUEST_PORT_EXIT       0x501u /* OUT: exit code; root stops the child */

#endif
