/* SPDX-License-Identifier: MIT */
/* root/power.h - the ends of a run: by the firmware's runtime services, else the FADT's reset
 * register, else by a triple fault (reset) or a halt (power off). */
#ifndef ROOT_POWER_H
#define ROOT_POWER_H

struct boot_info;

/* Remember where the runtime services are. */
void power_init(const struct boot_info *info);

/* Thread context. */
_Noreturn void power_reset(void);
_Noreturn void power_off(void);

#endif
