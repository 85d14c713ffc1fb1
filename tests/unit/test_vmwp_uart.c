/* SPDX-License-Identifier: MIT */
/* test_vmwp_uart.c - a child's COM1, used as Linux's 8250 driver and its early console do. The
 * names of registers are those of Linux. */
#include <linux/serial_reg.h>
#include "fakes/test.h"
#include "fakes/vmwp_world.h"
#include "vmwp/device/uart.h"

static struct vmwp_world w;
static struct uart u;

static int setup(void **state)
{
    (void)state;
    vmwp_world_init(&w);
    uart_init(&u, &w.host);
    return 0;
}

static uint8_t in(unsigned offset)
{
    return uart_read(&u, offset);
}

static unsigned in_bits(unsigned offset, unsigned mask)
{
    return in(offset)&mask;
}

static void out(unsigned offset, unsigned value)
{
    uart_write(&u, offset, (uint8_t)value);
}

static size_t type(const char *text)
{
    return uart_receive(&u, (const uint8_t *)text, strlen(text));
}

static void pass(uint64_t ns)
{
    w.now_ns += ns;
    uart_tick(&u);
}

/* As a driver leaves it that has opened the port: FIFOs on, trigger level @trigger. */
static void open_port(unsigned trigger)
{
    out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT | trigger);
    out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
    out(UART_IER, UART_IER_RDI | UART_IER_RLSI);
}

static unsigned interrupt_id(void)
{
    return in_bits(UART_IIR, 0x0f);
}

/* ---- what Linux asks ---- */

/* 8250_port.c, autoconfig(): is there anything? */
static void autoconfig_finds_a_uart(void **state)
{
    uint8_t ier = in(UART_IER), mcr = in(UART_MCR);

    (void)state;
    out(UART_IER, 0);
    assert_int_equal(in_bits(UART_IER, 0x0f), 0);
    out(UART_IER, 0x0f);
    assert_int_equal(in_bits(UART_IER, 0x0f), 0x0f);
    out(UART_IER, ier);
    out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
    assert_int_equal(in_bits(UART_MSR, 0xf0), UART_MSR_DCD | UART_MSR_CTS);
    out(UART_MCR, mcr);
}

/* Which of the many? One with an identity in IIR, and none of those with more registers. */
static void autoconfig_calls_it_16550a(void **state)
{
    uint8_t mcr, iir, ier;

    (void)state;
    out(UART_LCR, UART_LCR_CONF_MODE_B);
    out(UART_EFR, 0);
    out(UART_LCR, 0);
    out(UART_FCR, UART_FCR_ENABLE_FIFO);
    assert_int_equal(in(UART_IIR) >> 6, 3);
    out(UART_LCR, UART_LCR_CONF_MODE_A); /* no ST16C650, */
    assert_int_not_equal(in(UART_EFR), 0);
    out(UART_LCR, UART_LCR_CONF_MODE_B); /* no newer one, */
    assert_int_not_equal(in(UART_EFR), 0);
    out(UART_LCR, 0); /* no bank 2 with a copy of MCR's loop bit, */
    mcr = in(UART_MCR);
    out(UART_LCR, 0xe0);
    assert_int_equal((in(UART_IIR) ^ mcr) & UART_MCR_LOOP, 0);
    out(UART_LCR, 0);
    out(UART_MCR, mcr ^ UART_MCR_LOOP);
    out(UART_LCR, 0xe0);
    iir = in(UART_IIR);
    out(UART_LCR, 0);
    out(UART_MCR, mcr);
    assert_int_equal((iir ^ mcr) & UART_MCR_LOOP, 0);
    out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE); /* no TI16750, */
    assert_int_equal(in(UART_IIR) >> 5, 6);
    out(UART_FCR, UART_FCR_ENABLE_FIFO);
    out(UART_LCR, UART_LCR_CONF_MODE_A);
    out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
    assert_int_equal(in(UART_IIR) >> 5, 6);
    out(UART_FCR, UART_FCR_ENABLE_FIFO);
    out(UART_LCR, 0);
    ier = in(UART_IER); /* no Xscale */
    out(UART_IER, ier | UART_IER_UUE);
    assert_int_equal(in_bits(UART_IER, UART_IER_UUE), 0);
}

/* size_fifo(): 256 bytes are sent in loopback at 115200 baud, and counted 20 ms later. */
static void fifo_has_sixteen_bytes(void **state)
{
    unsigned count = 0;

    (void)state;
    out(UART_LCR, 0);
    out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
    out(UART_MCR, UART_MCR_LOOP);
    out(UART_LCR, UART_LCR_CONF_MODE_A);
    out(UART_DLL, 1);
    out(UART_DLM, 0);
    out(UART_LCR, UART_LCR_WLEN8);
    for (unsigned i = 0; i < 256; i++)
        out(UART_TX, i);
    pass(20000000);
    for (; (in_bits(UART_LSR, UART_LSR_DR)) && count < 256; count++)
        assert_int_equal(in(UART_RX), count);
    assert_int_equal(count, 16);
    uart_flush(&u);
    assert_int_equal(w.output_count, 0);
}

/* serial8250_do_startup(): a FIFO to be cleared, nothing that looks like an absent port, and a THRE
 * interrupt that comes again whenever it is enabled with nothing to send. */
static void startup_finds_no_bug(void **state)
{
    (void)state;
    out(UART_FCR, UART_FCR_ENABLE_FIFO);
    out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
    out(UART_FCR, 0);
    in(UART_LSR);
    in(UART_RX);
    in(UART_IIR);
    in(UART_MSR);
    assert_int_not_equal(in(UART_LSR), 0xff);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(in_bits(UART_LSR, UART_LSR_THRE));
        out(UART_IER, UART_IER_THRI);
        assert_int_equal(interrupt_id(), UART_IIR_THRI);
        out(UART_IER, 0);
    }
    out(UART_MCR, UART_MCR_OUT2);
    out(UART_IER, UART_IER_THRI);
    assert_true(in_bits(UART_LSR, UART_LSR_TEMT));
    assert_false(in_bits(UART_IIR, UART_IIR_NO_INT));
}

/* 8250_early.c: it finds the speed that firmware has set, and sends when both are empty. */
static void early_console_finds_its_speed_and_sends(void **state)
{
    const char *text = "early\r\n";
    const unsigned both_empty = UART_LSR_THRE | UART_LSR_TEMT;
    unsigned quot;

    (void)state;
    out(UART_LCR, in(UART_LCR) | UART_LCR_DLAB);
    quot = in(UART_DLL) | (unsigned)in(UART_DLM) << 8;
    out(UART_LCR, in(UART_LCR) & (uint8_t)~UART_LCR_DLAB);
    assert_int_equal(quot, 1);
    assert_int_equal(in(UART_LCR), UART_LCR_WLEN8);
    out(UART_IER, in_bits(UART_IER, UART_IER_UUE));
    out(UART_FCR, 0);
    out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
    for (; *text != 0; text++) {
        assert_int_equal(in(UART_LSR)&both_empty, both_empty);
        out(UART_TX, (uint8_t)*text);
    }
    assert_string_equal(w.output, "early\r\n");
    assert_int_equal(w.output_calls, 1);
}

#define FIFO_NS (16ull * 86805) /* what a line takes for 16 characters, at 115200 8N1 */

/* serial8250_handle_irq() and serial8250_tx_chars(): 16 bytes an interrupt until nothing is left, and
 * the processor free meanwhile. */
static void interrupts_drain_a_transmission(void **state)
{
    const char text[] = "0123456789abcdef0123456789abcdef";
    unsigned sent = 0, interrupts = 0;

    (void)state;
    open_port(UART_FCR_R_TRIG_10);
    assert_false(uart_line(&u));
    out(UART_IER, UART_IER_RDI | UART_IER_RLSI | UART_IER_THRI);
    while (uart_line(&u)) {
        assert_int_equal(interrupt_id(), UART_IIR_THRI);
        assert_false(uart_line(&u)); /* the next one is a new edge */
        interrupts++;
        for (unsigned i = 0; i < 16 && sent < 32; i++)
            out(UART_TX, (uint8_t)text[sent++]);
        if (sent == 32)
            out(UART_IER, UART_IER_RDI | UART_IER_RLSI);
        pass(FIFO_NS - 1);
        assert_false(uart_line(&u));
        pass(1);
    }
    assert_int_equal(interrupts, 2);
    uart_flush(&u);
    assert_string_equal(w.output, text);
}

/* ---- receiver ---- */

static void one_character_without_fifos_interrupts(void **state)
{
    (void)state;
    open_port(0);
    out(UART_FCR, 0);
    assert_int_equal(type("ab"), 1);
    assert_true(uart_line(&u));
    assert_int_equal(in(UART_IIR), UART_IIR_RDI);
    assert_int_equal(in(UART_LSR), UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
    assert_int_equal(in(UART_RX), 'a');
    assert_false(uart_line(&u));
    assert_int_equal(type("b"), 1);
    assert_int_equal(in(UART_RX), 'b');
}

static void trigger_levels_are_1_4_8_14(void **state)
{
    static const unsigned levels[] = {1, 4, 8, 14};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        open_port(i << 6);
        for (unsigned n = 1; n < levels[i]; n++) {
            type("x");
            assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
        }
        type("x");
        assert_int_equal(interrupt_id(), UART_IIR_RDI);
        in(UART_RX);
        assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
    }
}

/* 4 characters of 10 bits at 115200 baud are 347 us. */
static void lone_character_interrupts_after_four_characters_time(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_10);
    type("x");
    assert_int_equal(uart_deadline(&u), w.now_ns + 4 * 86805);
    pass(4 * 86805 - 1);
    assert_false(uart_line(&u));
    pass(1);
    assert_true(uart_line(&u));
    assert_int_equal(uart_deadline(&u), DEVICE_NO_DEADLINE);
    assert_int_equal(interrupt_id(), UART_IIR_RX_TIMEOUT);
    assert_true(uart_line(&u)); /* only reading ends it */
    assert_int_equal(in(UART_RX), 'x');
    assert_false(uart_line(&u));
    pass(1000000);
    assert_false(uart_line(&u));
}

static void each_character_and_each_read_begin_the_time_again(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_10);
    type("x");
    pass(300000);
    type("yz");
    pass(300000);
    assert_false(uart_line(&u));
    in(UART_RX);
    pass(300000);
    assert_false(uart_line(&u));
    w.now_ns += 100000;
    assert_int_equal(interrupt_id(), UART_IIR_RX_TIMEOUT); /* nobody has called uart_tick() */
}

static void slower_lines_and_longer_characters_take_longer(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_10);
    out(UART_LCR, UART_LCR_DLAB);
    out(UART_DLL, 0x00);
    out(UART_DLM, 0x03);                                             /* 150 baud */
    out(UART_LCR, UART_LCR_WLEN8 | UART_LCR_PARITY | UART_LCR_STOP); /* 12 bits */
    type("x");
    assert_int_equal(uart_deadline(&u), w.now_ns + 4 * 80000000ull);
}

static void full_fifo_leaves_the_rest_to_the_caller(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_11);
    assert_int_equal(uart_room(&u), 16);
    assert_int_equal(type("0123456789abcdefXYZ"), 16);
    assert_int_equal(uart_room(&u), 0);
    assert_int_equal(type("XYZ"), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(in(UART_RX), '0' + i);
    assert_int_equal(type("XYZ"), 3);
    assert_false(in_bits(UART_LSR, UART_LSR_OE));
    for (unsigned i = 3; i < 10; i++)
        assert_int_equal(in(UART_RX), '0' + i);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(in(UART_RX), 'a' + i);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(in(UART_RX), 'X' + i);
    assert_false(in_bits(UART_LSR, UART_LSR_DR));
}

static void reset_and_switching_of_fifos_empty_them(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_00);
    type("abc");
    out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
    assert_false(in_bits(UART_LSR, UART_LSR_DR));
    type("abc");
    out(UART_FCR, 0);
    assert_false(in_bits(UART_LSR, UART_LSR_DR));
    assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
    type("a");
    out(UART_FCR, UART_FCR_ENABLE_FIFO);
    assert_false(in_bits(UART_LSR, UART_LSR_DR));
    assert_false(uart_line(&u));
}

static void overrun_in_loopback_is_told_once(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_11);
    out(UART_MCR, UART_MCR_LOOP);
    assert_int_equal(type("x"), 0); /* the line is not connected */
    for (unsigned i = 0; i < 17; i++)
        out(UART_TX, i);
    assert_int_equal(interrupt_id(), UART_IIR_RLSI);
    assert_true(in_bits(UART_LSR, UART_LSR_OE));
    assert_false(in_bits(UART_LSR, UART_LSR_OE));
    assert_int_equal(interrupt_id(), UART_IIR_RDI);
    out(UART_FCR, 0);
    out(UART_TX, 1);
    out(UART_TX, 2); /* without FIFOs it is the older one that is lost */
    assert_true(in_bits(UART_LSR, UART_LSR_OE));
    assert_int_equal(in(UART_RX), 2);
}

/* drivers/tty: a break makes the next character a SysRq command. */
static void break_is_told_when_it_is_at_the_top(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_11);
    type("a");
    assert_true(uart_receive_break(&u));
    type("c");
    assert_int_equal(in_bits(UART_LSR, UART_LSR_BRK_ERROR_BITS), 0);
    assert_true(in_bits(UART_LSR, 0x80)); /* some error in the FIFO */
    assert_int_equal(in(UART_RX), 'a');
    assert_int_equal(interrupt_id(), UART_IIR_RLSI);
    assert_int_equal(in_bits(UART_LSR, UART_LSR_BRK_ERROR_BITS), UART_LSR_BI);
    assert_int_equal(in(UART_LSR), UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT); /* told once */
    assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
    assert_int_equal(in(UART_RX), 0);
    assert_int_equal(in(UART_LSR), UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
    assert_int_equal(in(UART_RX), 'c');
    while (uart_room(&u) > 0)
        type("x");
    assert_false(uart_receive_break(&u));
}

/* ---- interrupts ---- */

static void urgent_interrupts_come_first(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_01);
    in(UART_MSR);
    out(UART_IER, 0x0f);
    uart_receive_break(&u);
    type("a");
    type("b");
    type("c");
    out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2); /* CTS and DSR go */
    out(UART_MCR, UART_MCR_OUT2);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_RLSI);
    in(UART_LSR);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_RDI);
    in(UART_RX);
    pass(10000000);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_RX_TIMEOUT);
    for (unsigned i = 0; i < 3; i++)
        in(UART_RX);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_THRI);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_MSI);
    assert_true(uart_line(&u));
    assert_int_equal(in(UART_MSR),
                     UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD | UART_MSR_DCTS | UART_MSR_DDSR);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_NO_INT);
    assert_false(uart_line(&u));
}

static void acknowledged_transmitter_stays_quiet(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_00);
    out(UART_IER, UART_IER_THRI);
    assert_int_equal(interrupt_id(), UART_IIR_THRI);
    out(UART_IER, UART_IER_THRI | UART_IER_RDI); /* it was enabled before */
    assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
    out(UART_TX, 'x');
    assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
    uart_flush(&u);
    assert_int_equal(uart_deadline(&u), w.now_ns + FIFO_NS);
    w.now_ns += FIFO_NS;
    assert_int_equal(interrupt_id(), UART_IIR_THRI); /* nobody has called uart_tick() */
    assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
}

/* What was sent before the interrupt was wanted takes no time; what was sent while it was, does. */
static void transmitter_interrupt_waits_for_what_is_sent(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_00);
    out(UART_TX, 'x');
    out(UART_IER, UART_IER_THRI);
    assert_int_equal(interrupt_id(), UART_IIR_THRI);
    out(UART_TX, 'y');
    out(UART_IER, 0);
    out(UART_IER, UART_IER_THRI);
    assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
    pass(FIFO_NS);
    assert_int_equal(interrupt_id(), UART_IIR_THRI);
}

static void awaited_transmitter_interrupt_survives_a_save(void **state)
{
    struct uart_state saved;

    (void)state;
    open_port(UART_FCR_R_TRIG_00);
    out(UART_IER, UART_IER_THRI);
    assert_int_equal(interrupt_id(), UART_IIR_THRI);
    out(UART_TX, 'x');
    uart_save(&u, &saved);
    uart_init(&u, u.host);
    uart_restore(&u, &saved);
    assert_int_equal(interrupt_id(), UART_IIR_THRI);
}

static void masked_interrupts_do_not_come(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_00);
    out(UART_IER, 0);
    type("x");
    uart_receive_break(&u);
    pass(1000000);
    assert_int_equal(interrupt_id(), UART_IIR_NO_INT);
    assert_false(uart_line(&u));
    assert_int_equal(uart_deadline(&u), DEVICE_NO_DEADLINE);
    out(UART_IER, UART_IER_RDI);
    assert_true(uart_line(&u));
}

static void out2_lets_the_interrupt_out(void **state)
{
    (void)state;
    open_port(UART_FCR_R_TRIG_00);
    out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
    type("x");
    assert_false(uart_line(&u));
    assert_int_equal(interrupt_id(), UART_IIR_RDI);
    out(UART_MCR, UART_MCR_OUT2);
    assert_true(uart_line(&u));
    out(UART_MCR, UART_MCR_OUT2 | UART_MCR_LOOP);
    assert_false(uart_line(&u));
}

static void ring_counts_when_it_ends(void **state)
{
    (void)state;
    out(UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_DTR | UART_MCR_OUT2);
    in(UART_MSR);
    out(UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_DTR | UART_MCR_OUT2 | UART_MCR_OUT1);
    assert_int_equal(in(UART_MSR), 0xf0);
    out(UART_MCR, UART_MCR_LOOP);
    assert_int_equal(in(UART_MSR), UART_MSR_ANY_DELTA);
    assert_int_equal(in(UART_MSR), 0);
}

/* ---- output ---- */

static void print(const char *text)
{
    for (; *text != 0; text++)
        out(UART_TX, (uint8_t)*text);
}

static void output_waits_for_its_newline(void **state)
{
    (void)state;
    print("half a ");
    assert_int_equal(w.output_calls, 0);
    print("line\nand");
    assert_string_equal(w.output, "half a line\n");
    assert_int_equal(w.output_calls, 1);
}

static void output_without_newline_goes_at_its_deadline(void **state)
{
    uint64_t first = w.now_ns;

    (void)state;
    print("login");
    pass(1000000);
    print(": ");
    assert_int_equal(uart_deadline(&u), first + UART_FLUSH_NS);
    pass(UART_FLUSH_NS - 1000001);
    assert_int_equal(w.output_calls, 0);
    pass(1);
    assert_string_equal(w.output, "login: ");
    assert_int_equal(uart_deadline(&u), DEVICE_NO_DEADLINE);
}

static void full_buffer_goes_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < UART_OUTPUT_SIZE + 1; i++)
        print("x");
    assert_int_equal(w.output_calls, 1);
    assert_int_equal(w.output_count, UART_OUTPUT_SIZE);
    assert_int_equal(uart_deadline(&u), w.now_ns + UART_FLUSH_NS);
}

static void other_registers_read_back(void **state)
{
    (void)state;
    out(UART_SCR, 0xa5);
    assert_int_equal(in(UART_SCR), 0xa5);
    out(UART_LCR, UART_LCR_DLAB | UART_LCR_SBC);
    assert_int_equal(in(UART_LCR), UART_LCR_DLAB | UART_LCR_SBC);
    out(UART_DLL, 0x34);
    out(UART_DLM, 0x12);
    assert_int_equal(in(UART_DLL), 0x34);
    assert_int_equal(in(UART_DLM), 0x12);
    out(UART_LCR, 0);
    assert_int_equal(in(UART_IER), 0);
    out(UART_MCR, 0xff);
    assert_int_equal(in(UART_MCR), 0x1f);
    out(UART_LSR, 0xff);
    out(UART_MSR, 0xff);
    assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
    uart_flush(&u);
    assert_int_equal(w.output_count, 0);
}

/* ---- state ---- */

static void busy(void)
{
    open_port(UART_FCR_R_TRIG_10);
    out(UART_LCR, UART_LCR_DLAB);
    out(UART_DLL, 0x0c);
    out(UART_DLM, 0x01);
    out(UART_LCR, UART_LCR_WLEN7 | UART_LCR_PARITY);
    out(UART_SCR, 0x77);
    out(UART_IER, 0x0f);
    uart_receive_break(&u);
    type("abc");
    uart_receive_break(&u);
    out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2);
    out(UART_MCR, UART_MCR_OUT2);
    print("held back");
}

static void state_makes_the_round(void **state)
{
    struct uart_state saved, again;

    (void)state;
    busy();
    uart_save(&u, &saved);
    assert_string_equal(w.output, "held back");
    assert_true(uart_state_valid(&saved));
    uart_init(&u, &w.host);
    uart_restore(&u, &saved);
    uart_save(&u, &again);
    assert_memory_equal(&saved, &again, sizeof(saved));
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_RLSI);
    assert_true(in_bits(UART_LSR, UART_LSR_BI));
    assert_int_equal(in(UART_RX), 0);
    assert_int_equal(in(UART_RX), 'a');
    assert_int_equal(in(UART_SCR), 0x77);
    pass(100000000);
    assert_int_equal(in(UART_IIR), 0xc0 | UART_IIR_RX_TIMEOUT);
}

static void assert_refused(const struct uart_state *good, size_t offset, uint8_t value)
{
    struct uart_state bad = *good;

    ((uint8_t *)&bad)[offset] = value;
    assert_false(uart_state_valid(&bad));
}

static void states_that_lie_are_refused(void **state)
{
    struct uart_state good;

    (void)state;
    busy();
    uart_save(&u, &good);
    assert_refused(&good, offsetof(struct uart_state, version), 2);
    assert_refused(&good, offsetof(struct uart_state, size), 0);
    assert_refused(&good, offsetof(struct uart_state, ier), 0x10);
    assert_refused(&good, offsetof(struct uart_state, fcr), 0x80);
    assert_refused(&good, offsetof(struct uart_state, fcr), 0x21);
    assert_refused(&good, offsetof(struct uart_state, mcr), 0x20);
    assert_refused(&good, offsetof(struct uart_state, line_errors), 0x01);
    assert_refused(&good, offsetof(struct uart_state, modem_deltas), 0x10);
    assert_refused(&good, offsetof(struct uart_state, transmit_pending), 2);
    assert_refused(&good, offsetof(struct uart_state, timeout_pending), 2);
    assert_refused(&good, offsetof(struct uart_state, received_count), 17);
    assert_refused(&good, offsetof(struct uart_state, received_count), 4); /* a break beyond */
    assert_refused(&good, offsetof(struct uart_state, fcr), 0); /* five in a FIFO of one */
    assert_refused(&good, offsetof(struct uart_state, reserved), 1);
    good.received_count = 0;
    good.received_breaks = 0;
    good.timeout_pending = 1; /* of what? */
    assert_false(uart_state_valid(&good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(autoconfig_finds_a_uart, setup),
        cmocka_unit_test_setup(autoconfig_calls_it_16550a, setup),
        cmocka_unit_test_setup(fifo_has_sixteen_bytes, setup),
        cmocka_unit_test_setup(startup_finds_no_bug, setup),
        cmocka_unit_test_setup(early_console_finds_its_speed_and_sends, setup),
        cmocka_unit_test_setup(interrupts_drain_a_transmission, setup),
        cmocka_unit_test_setup(one_character_without_fifos_interrupts, setup),
        cmocka_unit_test_setup(trigger_levels_are_1_4_8_14, setup),
        cmocka_unit_test_setup(lone_character_interrupts_after_four_characters_time, setup),
        cmocka_unit_test_setup(each_character_and_each_read_begin_the_time_again, setup),
        cmocka_unit_test_setup(slower_lines_and_longer_characters_take_longer, setup),
        cmocka_unit_test_setup(full_fifo_leaves_the_rest_to_the_caller, setup),
        cmocka_unit_test_setup(reset_and_switching_of_fifos_empty_them, setup),
        cmocka_unit_test_setup(overrun_in_loopback_is_told_once, setup),
        cmocka_unit_test_setup(break_is_told_when_it_is_at_the_top, setup),
        cmocka_unit_test_setup(urgent_interrupts_come_first, setup),
        cmocka_unit_test_setup(acknowledged_transmitter_stays_quiet, setup),
        cmocka_unit_test_setup(transmitter_interrupt_waits_for_what_is_sent, setup),
        cmocka_unit_test_setup(awaited_transmitter_interrupt_survives_a_save, setup),
        cmocka_unit_test_setup(masked_interrupts_do_not_come, setup),
        cmocka_unit_test_setup(out2_lets_the_interrupt_out, setup),
        cmocka_unit_test_setup(ring_counts_when_it_ends, setup),
        cmocka_unit_test_setup(output_waits_for_its_newline, setup),
        cmocka_unit_test_setup(output_without_newline_goes_at_its_deadline, setup),
        cmocka_unit_test_setup(full_buffer_goes_out, setup),
        cmocka_unit_test_setup(other_registers_read_back, setup),
        cmocka_unit_test_setup(state_makes_the_round, setup),
        cmocka_unit_test_setup(states_that_lie_are_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
