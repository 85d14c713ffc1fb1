/* SPDX-License-Identifier: MIT */
/* vmwp/device/pm.h - how a child turns itself off or resets itself: the sleep registers of
 * hardware-reduced ACPI (ACPI 6.4, 4.8.3.7), the reset control register of PC chipsets at 0xCF9,
 * and what is left of the keyboard controller. */
#ifndef USER_VMWP_DEVICE_PM_H
#define USER_VMWP_DEVICE_PM_H

#include <hvabi/layout.h>
#include "vmwp/device/device.h"

/* SLP_TYP that \_S5 in the DSDT names. No other sleeping state exists. */
enum { PM_SLEEP_TYPE_S5 = 5 };

#define PM_STATE_VERSION 1u

/* Fields are only appended, together with an increment of the version. */
struct pm_state {
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    uint8_t sleep_control;
    uint8_t reset_control;
    uint16_t reserved; /* 0 */
};
ABI_SIZE(struct pm_state, 12);

struct pm {
    struct pm_state s;
    bool end_wanted; /* the child has asked for @how: the machine looks after each access */
    enum machine_end how;
};

void pm_init(struct pm *p);

uint8_t pm_sleep_control_read(const struct pm *p);
void pm_sleep_control_write(struct pm *p, uint8_t value);

/* Nothing wakes a child: WAK_STS is never set, and writing it does nothing. */
uint8_t pm_sleep_status_read(const struct pm *p);

uint8_t pm_reset_control_read(const struct pm *p);
void pm_reset_control_write(struct pm *p, uint8_t value);

/* Port 0x64. There is no controller behind it: a driver that flushes its output gives up at once,
 * and nobody waits for it to take a command. */
uint8_t pm_keyboard_read(const struct pm *p);
void pm_keyboard_write(struct pm *p, uint8_t value);

void pm_save(const struct pm *p, struct pm_state *out);
bool pm_state_valid(const struct pm_state *in);
void pm_restore(struct pm *p, const struct pm_state *in); /* a valid one */

#endif
