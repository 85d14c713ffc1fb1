/* SPDX-License-Identifier: MIT */
/* core/reset.c - see core/reset.h. The hypervisor reads no ACPI tables and calls no firmware, which is
 * root's: the chipset's reset register, then the keyboard controller, then a triple fault. */
#include "core/reset.h"

#include <x86/insn.h>

enum {
    RESET_CONTROL = 0xcf9,
    RESET_CONTROL_SYSTEM = 0x02,
    RESET_CONTROL_CPU = 0x04, /* the change from 0 to 1 resets */
    KEYBOARD_COMMAND = 0x64,
    KEYBOARD_PULSE_RESET = 0xfe,
    DELAY_READS = 100000, /* of a port, about 1 us each */
};

static void delay(void)
{
    for (int i = 0; i < DELAY_READS; i++)
        insn_in8(KEYBOARD_COMMAND);
}

void machine_reset(void)
{
    static const struct insn_table_register empty;

    insn_out8(RESET_CONTROL, RESET_CONTROL_SYSTEM);
    insn_out8(RESET_CONTROL, RESET_CONTROL_SYSTEM | RESET_CONTROL_CPU);
    delay();
    insn_out8(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
    delay();
    for (;;) {
        insn_lidt(&empty);
        insn_int3();
    }
}
