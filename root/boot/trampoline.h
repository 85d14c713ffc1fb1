/* SPDX-License-Identifier: MIT */
/* root/boot/trampoline.h - the code another processor begins with, in real mode, below 1 MiB.
 * cpu_start_others copies it to a low page, fills the parameters at its end and sends the page's
 * number as the startup vector. */
#ifndef ROOT_BOOT_TRAMPOLINE_H
#define ROOT_BOOT_TRAMPOLINE_H

#include <stddef.h>
#include <stdint.h>

struct trampoline_parameters {
    uint64_t cr3;      /* below 4 GiB, mapping the page one to one and the kernel; for all the same */
    uint64_t claim;    /* [a] TRAMPOLINE_OFFER(APIC ID): for that processor; 0: for nobody any more */
    uint64_t stack;    /* top */
    uint64_t entry;    /* void entry(void *argument) */
    uint64_t argument;
};

/* A processor sets claim from its own offer to 0 before it reads what follows, and halts if it is
 * another's: it came late, and was given up. */
#define TRAMPOLINE_OFFER_BIT      32
#define TRAMPOLINE_OFFER(apic_id) (1ull << TRAMPOLINE_OFFER_BIT | (apic_id))

#define TRAMPOLINE_PARAMETERS_OFFSET 0xf00

/* trampoline.asm */
extern const uint8_t trampoline_begin[], trampoline_end[];

#endif
