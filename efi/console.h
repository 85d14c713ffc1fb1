/* SPDX-License-Identifier: MIT */
/* efi/console.h - text for people: on the firmware's console, and on the serial line as well where
 * the console does not go there. Rules: not after ExitBootServices. */
#ifndef EFI_CONSOLE_H
#define EFI_CONSOLE_H

#include "uefi.h"
#include <rt/format.h>

void console_init(EFI_SYSTEM_TABLE *table);

/* printf() with the conversions of rt/format.h; '\n' ends a line. */
void console_print(const char *fmt, ...) FORMAT_PRINTF(1, 2);

#endif
