/* SPDX-License-Identifier: MIT */
/* console.c - lines to the console port. See guest.h. */
#include <kern/guest_sync.h>
#include <rt/format.h>
#include <x86/insn.h>

#include "guest.h"

static struct guest_ticket_lock console_lock;

bool guest_console_present(void)
{
    return insn_in8(GUEST_PORT_CONSOLE) == GUEST_CONSOLE_PRESENT;
}

void guest_printf(const char *format, ...)
{
    char line[GUEST_LINE_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    rt_vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    guest_ticket_acquire(&console_lock);
    for (const char *c = line; *c; c++)
        insn_out8(GUEST_PORT_CONSOLE, (uint8_t)*c);
    guest_ticket_release(&console_lock);
}
