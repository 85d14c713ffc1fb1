/* SPDX-License-Identifier: MIT */
/* console.c - lines on COM1, polled, as unit-test images print them. See multiboot.h. */
#include <rt/format.h>
#include <x86/insn.h>

#include "multiboot.h"

/* 16550: registers, from COM1's first port on. */
#define COM1              0x3f8u
#define UART_DATA         (COM1 + 0) /* divisor, low, with DLAB */
#define UART_IER          (COM1 + 1) /* divisor, high, with DLAB */
#define UART_FCR          (COM1 + 2)
#define UART_LCR          (COM1 + 3)
#define UART_MCR          (COM1 + 4)
#define UART_LSR          (COM1 + 5)
#define UART_LCR_DLAB     0x80u
#define UART_LCR_8N1      0x03u
#define UART_FCR_ON       0x07u /* FIFOs, emptied */
#define UART_MCR_DTR_RTS  0x03u
#define UART_LSR_READY    0x01u
#define UART_LSR_THR_FREE 0x20u

#define LINE_MAX 256

static struct {
    unsigned done, failed;
} checks;

void console_begin(void)
{
    insn_out8(UART_IER, 0);
    insn_out8(UART_LCR, UART_LCR_DLAB);
    insn_out8(UART_DATA, 1); /* 115,200 baud */
    insn_out8(UART_IER, 0);
    insn_out8(UART_LCR, UART_LCR_8N1);
    insn_out8(UART_FCR, UART_FCR_ON);
    insn_out8(UART_MCR, UART_MCR_DTR_RTS);
}

static void put(char c)
{
    while (!(insn_in8(UART_LSR) & UART_LSR_THR_FREE))
        insn_pause();
    insn_out8(UART_DATA, (uint8_t)c);
}

void console_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
}

bool console_key(void)
{
    if (!(insn_in8(UART_LSR) & UART_LSR_READY))
        return false;
    (void)insn_in8(UART_DATA);
    return true;
}

void say(const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    rt_vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    console_text(line);
}

void check(const char *name, bool passed)
{
    checks.done++;
    checks.failed += !passed;
    say("%s %s\n", passed ? "PASS" : "FAIL", name);
}

void check_equal(const char *name, uint64_t found, uint64_t wanted)
{
    if (found == wanted) {
        check(name, true);
        return;
    }
    checks.done++;
    checks.failed++;
    say("FAIL %s: %#lx, not %#lx\n", name, found, wanted);
}

unsigned checks_done(void)
{
    return checks.done;
}

unsigned checks_failed(void)
{
    return checks.failed;
}
