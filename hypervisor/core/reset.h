/* SPDX-License-Identifier: MIT */
/* core/reset.h - the machine's end without root's help. */
#ifndef CORE_RESET_H
#define CORE_RESET_H

/* Reset the machine by what every PC has. The other LPs are stopped. */
_Noreturn void machine_reset(void);

#endif
