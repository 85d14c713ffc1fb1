/* SPDX-License-Identifier: MIT */
/* tests/unit/test_serial.c - root's serial line over a UART that sends as fast as the test says. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include "io/console.h"
#include "io/irq.h"
#include "io/serial.h"
#include "log.h"
#include "sched/thread.h"

enum { DATA = 0x3f8, IER = DATA + 1, IIR = DATA + 2, LSR = DATA + 5, SCR = DATA + 7, FIFO = 16 };
enum { TRANSMIT = 0x02, NO_INTERRUPT = 0x01, READY = 0x60, RING = 8192 };

static struct {
    char sent[1 << 16];
    size_t length;
    uint8_t scratch, enabled;
    unsigned fifo;     /* characters in it */
    bool fast;         /* it is empty at once */
    unsigned looks;    /* at a transmitter that is not ready */
    bool asked;        /* the interrupt has been identified */
    bool locked;
    unsigned sleeps;
    uint64_t flags;    /* of whoever calls */
    irq_handler handler;
} uart;

uint8_t insn_in8(uint16_t port)
{
    if (port == SCR)
        return uart.scratch;
    if (port == IIR) {
        bool pending = (uart.enabled & TRANSMIT) != 0 && uart.fifo == 0 && !uart.asked;

        uart.asked = true;
        return pending ? TRANSMIT : NO_INTERRUPT;
    }
    if (port != LSR)
        return 0;
    uart.looks += uart.fifo != 0;
    return uart.fifo == 0 ? READY : 0;
}

void insn_out8(uint16_t port, uint8_t value)
{
    if (port == SCR)
        uart.scratch = value;
    if (port == IER)
        uart.enabled = value;
    if (port != DATA || value == 1) /* the divisor */
        return;
    assert_true(uart.fifo < FIFO);
    assert_true(uart.length < sizeof(uart.sent));
    uart.sent[uart.length++] = (char)value;
    uart.fifo = uart.fast ? 0 : uart.fifo + 1;
}

void insn_pause(void)
{
    uart.fifo = 0;
}

uint64_t insn_pushf(void)
{
    return uart.flags;
}

uint64_t spin_lock(struct spinlock *l)
{
    (void)l;
    assert_false(uart.locked);
    uart.locked = true;
    return uart.flags;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    (void)l;
    assert_true(uart.locked);
    assert_int_equal(flags, uart.flags);
    uart.locked = false;
}

static void drain_once(void)
{
    uint64_t flags = uart.flags;

    uart.fifo = 0;
    uart.asked = false;
    uart.flags = 0;
    uart.handler(NULL);
    uart.flags = flags;
}

void wait_queue_init(struct wait_queue *q)
{
    (void)q;
}

void wake_all(struct wait_queue *q)
{
    (void)q;
    assert_false(uart.locked);
}

/* The line moves on while a thread sleeps, and never without its interrupt. */
bool wait_until_timeout(struct wait_queue *q, bool (*condition)(void *context), void *context,
                        uint64_t ns)
{
    (void)q;
    (void)ns;
    assert_false(uart.locked);
    assert_true(uart.flags & RFLAGS_IF);
    uart.sleeps++;
    for (unsigned i = 0; !condition(context); i++) {
        if (i > RING)
            return false;
        assert_true(uart.enabled & TRANSMIT);
        drain_once();
    }
    return true;
}

bool irq_alloc(struct irq *irq, uint32_t cpu, irq_handler handler, void *context)
{
    (void)irq;
    (void)cpu;
    (void)context;
    uart.handler = handler;
    return true;
}

bool irq_route_isa(struct irq *irq, uint8_t isa_irq)
{
    (void)irq;
    (void)isa_irq;
    return true;
}

void log_print(const char *fmt, ...)
{
    (void)fmt;
}

void console_input(char c)
{
    (void)c;
}

static int start(void **state)
{
    (void)state;
    memset(&uart, 0, sizeof(uart));
    serial_init();
    serial_start();
    uart.length = 0;
    return 0;
}

/* Everything out; the module itself lives as long as the program. */
static int stop(void **state)
{
    (void)state;
    uart.flags = RFLAGS_IF;
    serial_flush();
    return 0;
}

static void line(char c, unsigned length)
{
    char text[1024];

    memset(text, c, length);
    text[length - 1] = '\n';
    serial_write(text, length);
}

static unsigned count(char c)
{
    unsigned n = 0;

    for (size_t i = 0; i < uart.length; i++)
        n += uart.sent[i] == c;
    return n;
}

static void a_fast_line_loses_nothing_in_an_interrupt(void **state)
{
    (void)state;
    uart.fast = true;
    for (unsigned i = 0; i < 400; i++)
        line('x', 100);
    uart.flags = RFLAGS_IF;
    serial_flush();
    assert_int_equal(count('x'), 400 * 99);
    assert_int_equal(count('\r'), 400);
    assert_int_equal(count('d'), 0);
}

static void a_slow_line_loses_lines_in_an_interrupt_and_says_how_many(void **state)
{
    unsigned kept;

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        line('x', 100);
    assert_int_equal(uart.sleeps, 0);
    assert_true(uart.looks < 1000);
    for (unsigned i = 0; i < RING; i++)
        drain_once();
    line('y', 10);
    uart.flags = RFLAGS_IF;
    serial_flush();
    kept = count('x') / 99;
    assert_int_equal(count('x'), kept * 99); /* whole lines */
    assert_true(kept >= RING / 101 - 1 && kept < 200);
    {
        char said[64], *at;

        snprintf(said, sizeof(said), "serial: %u lines dropped\r\nyyyyyyyyy\r\n", 200 - kept);
        at = strstr(uart.sent, said);
        assert_non_null(at);
    }
}

static void a_thread_sleeps_without_the_lock(void **state)
{
    (void)state;
    uart.flags = RFLAGS_IF;
    for (unsigned i = 0; i < 200; i++)
        line('x', 100);
    assert_true(uart.sleeps > 0);
    serial_flush();
    assert_int_equal(count('x'), 200 * 99);
    assert_int_equal(count('d'), 0);
}

static void a_long_text_is_written_in_pieces(void **state)
{
    static char text[3 * RING];

    (void)state;
    uart.flags = RFLAGS_IF;
    memset(text, '\n', sizeof(text));
    serial_write(text, sizeof(text));
    serial_flush();
    assert_int_equal(count('\n'), sizeof(text));
    assert_int_equal(count('\r'), sizeof(text));
}

/* Last: there is no way back. */
static void a_panic_polls(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++)
        line('x', 100);
    uart.length = 0;
    serial_panic();
    for (unsigned i = 0; i < 200; i++)
        line('z', 100);
    serial_flush();
    assert_int_equal(count('z'), 200 * 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fast_line_loses_nothing_in_an_interrupt, start, stop),
        cmocka_unit_test_setup_teardown(
            a_slow_line_loses_lines_in_an_interrupt_and_says_how_many, start, stop),
        cmocka_unit_test_setup_teardown(a_thread_sleeps_without_the_lock, start, stop),
        cmocka_unit_test_setup_teardown(a_long_text_is_written_in_pieces, start, stop),
        cmocka_unit_test_setup(a_panic_polls, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
