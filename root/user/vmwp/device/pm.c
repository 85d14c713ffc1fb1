/* SPDX-License-Identifier: MIT */
/* vmwp/device/pm.c - see pm.h. */
#include <string.h>
#include "vmwp/device/pm.h"

/* ACPI 6.4, table 4.28: sleep control register */
#define SLEEP_TYPE_SHIFT 2
#define SLEEP_TYPE_MASK  0x1cu
#define SLEEP_ENABLE     0x20u /* write-only */

/* Intel I/O controller hub data sheets: RST_CNT. A reset is RST_CPU going from 0 to 1. */
#define RESET_SYSTEM 0x02u
#define RESET_CPU    0x04u
#define RESET_FULL   0x08u
#define RESET_BITS   (RESET_SYSTEM | RESET_CPU | RESET_FULL)

/* Keyboard controller (8042): its commands F0 to FF pulse those lines low whose bit is 0. */
#define KEYBOARD_PULSE      0xf0u
#define KEYBOARD_RESET_LINE 0x01u
#define KEYBOARD_INPUT_FULL 0x02u

static void end(struct pm *p, enum machine_end how)
{
    p->end_wanted = true;
    p->how = how;
}

uint8_t pm_sleep_control_read(const struct pm *p)
{
    return p->s.sleep_control;
}

void pm_sleep_control_write(struct pm *p, uint8_t value)
{
    p->s.sleep_control = value & SLEEP_TYPE_MASK;
    if ((value & SLEEP_ENABLE) && p->s.sleep_control >> SLEEP_TYPE_SHIFT == PM_SLEEP_TYPE_S5)
        end(p, MACHINE_END_POWER_OFF);
}

uint8_t pm_sleep_status_read(const struct pm *p)
{
    (void)p;
    return 0;
}

uint8_t pm_reset_control_read(const struct pm *p)
{
    return p->s.reset_control;
}

void pm_reset_control_write(struct pm *p, uint8_t value)
{
    if (value & ~(unsigned)p->s.reset_control & RESET_CPU)
        end(p, MACHINE_END_RESET);
    p->s.reset_control = value & RESET_BITS;
}

/* All ones, as where nobody is, but for the bit that a reset waits for. */
uint8_t pm_keyboard_read(const struct pm *p)
{
    (void)p;
    return UINT8_MAX & ~KEYBOARD_INPUT_FULL;
}

void pm_keyboard_write(struct pm *p, uint8_t value)
{
    if ((value & KEYBOARD_PULSE) == KEYBOARD_PULSE && !(value & KEYBOARD_RESET_LINE))
        end(p, MACHINE_END_RESET);
}

void pm_init(struct pm *p)
{
    memset(p, 0, sizeof(*p));
    p->s.version = PM_STATE_VERSION;
    p->s.size = sizeof(p->s);
}

void pm_save(const struct pm *p, struct pm_state *out)
{
    *out = p->s;
}

bool pm_state_valid(const struct pm_state *in)
{
    return in->version == PM_STATE_VERSION && in->size == sizeof(*in) && in->reserved == 0 &&
           (in->sleep_control & ~SLEEP_TYPE_MASK) == 0 && (in->reset_control & ~RESET_BITS) == 0;
}

void pm_restore(struct pm *p, const struct pm_state *in)
{
    p->s = *in;
}
