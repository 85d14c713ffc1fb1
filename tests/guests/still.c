/* SPDX-License-Identifier: MIT */
/* still.c - memory that must not change: a pattern is written once and then compared for ever, by a
 * loop that writes nothing, so that the child's memory has one hash from "still: ready" on. rest=1:
 * it is compared once; then the VP halts, for ever, and others have the processors.
 *
 * Ends only if the pattern has changed, with GUEST_EXIT_FAILED. */
#include <x86/insn.h>

#include "guest.h"

#define FIRST_GPA 0x200000ull /* behind the image */

static uint64_t pattern(uint64_t gpa)
{
    return gpa * 0x9e3779b97f4a7c15ull;
}

/* The first address that differs; 0: none does. */
static uint64_t changed(uint64_t end)
{
    for (uint64_t gpa = FIRST_GPA; gpa < end; gpa += sizeof(uint64_t))
        if (*(const volatile uint64_t *)(uintptr_t)gpa != pattern(gpa))
            return gpa;
    return 0;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    bool rest = guest_arg_number(guest_command_line(), "rest", 0) != 0;
    uint64_t end = boot->memory_size, where;

    for (uint64_t gpa = FIRST_GPA; gpa < end; gpa += sizeof(uint64_t))
        *(volatile uint64_t *)(uintptr_t)gpa = pattern(gpa);
    guest_printf("still: ready\n");
    while ((where = changed(end)) == 0) {
        if (rest)
            insn_hlt(); /* with interrupts off */
        insn_pause();
    }
    guest_printf("still: %#llx has changed\n", (unsigned long long)where);
    return GUEST_EXIT_FAILED;
}
