/* SPDX-License-Identifier: MIT */
/* debug/log.c - the hypervisor's lines on COM1. Root drives the port once it runs; a line of ours is
 * written in one go between its characters. */
#include "debug/log.h"

#include <rt/format.h>
#include <x86/insn.h>
#include "core/config.h"
#include "core/spinlock.h"

enum {
    UART_DATA = 0,
    UART_LINE_CONTROL = 3,
    UART_LINE_STATUS = 5,
    UART_8N1 = 0x03, /* and the divisor latch closed */
    UART_THR_EMPTY = 0x20,
    UART_POLLS = 100000, /* then the port is taken for absent */
};

static struct spinlock log_lock;
static bool seized; /* [a] */

static void put(void *context, char c)
{
    (void)context;
    for (int i = 0; i < UART_POLLS && !(insn_in8(HV_LOG_PORT + UART_LINE_STATUS) & UART_THR_EMPTY);
         i++)
        insn_pause();
    insn_out8(HV_LOG_PORT + UART_DATA, (uint8_t)c);
}

static void put_text(const char *s)
{
    while (*s != '\0')
        put(NULL, *s++);
}

void log_line(const char *prefix, const char *fmt, va_list ap)
{
    put_text(prefix);
    rt_vformat(put, NULL, fmt, ap);
    put_text("\r\n");
}

void hv_log(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (__atomic_load_n(&seized, __ATOMIC_RELAXED)) {
        log_line("hv: ", fmt, ap);
    } else {
        spin_lock(&log_lock);
        log_line("hv: ", fmt, ap);
        spin_unlock(&log_lock);
    }
    va_end(ap);
}

void log_seize(void)
{
    __atomic_store_n(&seized, true, __ATOMIC_RELAXED);
    insn_out8(HV_LOG_PORT + UART_LINE_CONTROL, UART_8N1); /* root may have been setting it up */
    put_text("\r\n");
}
