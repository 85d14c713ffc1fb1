/* SPDX-License-Identifier: MIT */
/* vmwp/device/uart.c - see uart.h. Sections are those of the PC16550D data sheet. */
#include <string.h>
#include "vmwp/device/uart.h"

enum {
    DATA,
    IER,
    IIR,
    LCR,
    MCR,
    LSR,
    MSR,
    SCRATCH,
    FCR = IIR,
    DIVISOR_LOW = DATA,
    DIVISOR_HIGH = IER
};

/* 8.7 */
#define IER_RECEIVED 0x01
#define IER_TRANSMIT 0x02
#define IER_LINE     0x04
#define IER_MODEM    0x08
#define IER_BITS     0x0f

/* 8.5, table IV: from the most urgent on */
#define IIR_LINE     0x06
#define IIR_RECEIVED 0x04
#define IIR_TIMEOUT  0x0c
#define IIR_TRANSMIT 0x02
#define IIR_MODEM    0x00
#define IIR_NONE     0x01
#define IIR_FIFOS    0xc0

/* 8.4 */
#define FCR_ENABLE         0x01
#define FCR_RECEIVER_RESET 0x02
#define FCR_KEPT           0xc9
#define FCR_TRIGGER_SHIFT  6

/* 8.1 */
#define LCR_LENGTH_MASK 0x03
#define LCR_LENGTH_MIN  5
#define LCR_STOP        0x04
#define LCR_PARITY      0x08
#define LCR_DLAB        0x80
#define LCR_8N1         0x03

/* 8.6 */
#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_BITS 0x1f

/* 8.3 */
#define LSR_RECEIVED    0x01
#define LSR_OVERRUN     0x02
#define LSR_BREAK       0x10
#define LSR_TRANSMIT    0x20
#define LSR_ALL_SENT    0x40
#define LSR_FIFO_ERROR  0x80
#define LSR_ERRORS_KEPT (LSR_OVERRUN | LSR_BREAK)

/* 8.8: states, and in the same order four bits below them what has changed */
#define MSR_CTS         0x10
#define MSR_DSR         0x20
#define MSR_RI          0x40
#define MSR_DCD         0x80
#define MSR_DELTA_SHIFT 4
#define MSR_DELTAS      0x0f

#define CLOCK_HZ           115200u /* of characters' bits, at divisor 1 */
#define NS_PER_SECOND      1000000000ull
#define TIMEOUT_CHARACTERS 4 /* 8.9 */

static bool fifos_on(const struct uart_state *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned capacity(const struct uart_state *s)
{
    return fifos_on(s) ? UART_FIFO_SIZE : 1;
}

static unsigned trigger_level(const struct uart_state *s)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return fifos_on(s) ? levels[s->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

static uint64_t now(const struct uart *u)
{
    return u->host->now_ns(u->host->context);
}

/* What the line takes for one character: start bit, data, parity, stop bits. */
static uint64_t character_ns(const struct uart_state *s)
{
    unsigned bits = 1u + LCR_LENGTH_MIN + (s->lcr & LCR_LENGTH_MASK) +
                    (s->lcr & LCR_PARITY ? 1 : 0) + (s->lcr & LCR_STOP ? 2 : 1);
    unsigned divisor = s->divisor != 0 ? s->divisor : 1;

    return NS_PER_SECOND * bits * divisor / CLOCK_HZ;
}

/* ---- interrupts ---- */

static uint8_t interrupt_id(const struct uart_state *s)
{
    if ((s->ier & IER_LINE) && s->line_errors != 0)
        return IIR_LINE;
    if ((s->ier & IER_RECEIVED) && s->received_count >= trigger_level(s))
        return IIR_RECEIVED;
    if ((s->ier & IER_RECEIVED) && s->timeout_pending)
        return IIR_TIMEOUT;
    if ((s->ier & IER_TRANSMIT) && s->transmit_pending)
        return IIR_TRANSMIT;
    if ((s->ier & IER_MODEM) && s->modem_deltas != 0)
        return IIR_MODEM;
    return IIR_NONE;
}

bool uart_line(const struct uart *u)
{
    /* Loopback disconnects the modem control outputs, OUT2 among them. */
    return (u->s.mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && interrupt_id(&u->s) != IIR_NONE;
}

/* Characters that wait have been taken, or more have come: the patience begins again. */
static void timeout_restart(struct uart *u)
{
    u->timeout_ns = DEVICE_NO_DEADLINE;
    if (fifos_on(&u->s) && u->s.received_count > 0 && !u->s.timeout_pending)
        u->timeout_ns = now(u) + TIMEOUT_CHARACTERS * character_ns(&u->s);
}

static void timeout_check(struct uart *u)
{
    if (u->timeout_ns == DEVICE_NO_DEADLINE || now(u) < u->timeout_ns)
        return;
    u->timeout_ns = DEVICE_NO_DEADLINE;
    u->s.timeout_pending = 1;
}

static void transmit_check(struct uart *u)
{
    if (u->transmit_ns == DEVICE_NO_DEADLINE || now(u) < u->transmit_ns)
        return;
    u->transmit_ns = DEVICE_NO_DEADLINE;
    u->s.transmit_pending = 1;
}

/* ---- receiver ---- */

/* An error is told when its character has come to the top of the FIFO. */
static void top_changed(struct uart_state *s)
{
    if (s->received_count > 0 && (s->received_breaks & 1))
        s->line_errors |= LSR_BREAK;
}

static void receive(struct uart *u, uint8_t byte, bool is_break)
{
    struct uart_state *s = &u->s;
    unsigned n = s->received_count;

    if (n == capacity(s)) {
        s->line_errors |= LSR_OVERRUN;
        if (fifos_on(s))
            return;
        n = 0; /* without FIFOs the newer one stays */
    }
    s->received[n] = byte;
    s->received_breaks = (uint16_t)((s->received_breaks & ~(1u << n)) | (unsigned)is_break << n);
    s->received_count = (uint8_t)(n + 1);
    if (n == 0)
        top_changed(s);
    if (!s->timeout_pending)
        timeout_restart(u);
}

static uint8_t receiver_take(struct uart *u)
{
    struct uart_state *s = &u->s;
    uint8_t byte = s->received[0];

    if (s->received_count == 0)
        return 0;
    s->received_count--;
    memmove(s->received, s->received + 1, s->received_count);
    s->received_breaks >>= 1;
    top_changed(s);
    s->timeout_pending = 0;
    timeout_restart(u);
    return byte;
}

static void receiver_clear(struct uart *u)
{
    u->s.received_count = 0;
    u->s.received_breaks = 0;
    u->s.timeout_pending = 0;
    u->timeout_ns = DEVICE_NO_DEADLINE;
}

size_t uart_room(const struct uart *u)
{
    return u->s.mcr & MCR_LOOP ? 0 : capacity(&u->s) - u->s.received_count;
}

size_t uart_receive(struct uart *u, const uint8_t *bytes, size_t count)
{
    size_t room = uart_room(u), n = count < room ? count : room;

    for (size_t i = 0; i < n; i++)
        receive(u, bytes[i], false);
    return n;
}

bool uart_receive_break(struct uart *u)
{
    if (uart_room(u) == 0)
        return false;
    receive(u, 0, true);
    return true;
}

/* ---- transmitter ---- */

void uart_flush(struct uart *u)
{
    if (u->output_count > 0)
        u->host->console_out(u->host->context, u->output, u->output_count);
    u->output_count = 0;
    u->flush_ns = DEVICE_NO_DEADLINE;
}

static void send(struct uart *u, uint8_t byte)
{
    u->output[u->output_count++] = byte;
    if (byte == '\n' || u->output_count == UART_OUTPUT_SIZE)
        uart_flush(u);
    else if (u->output_count == 1)
        u->flush_ns = now(u) + UART_FLUSH_NS;
}

/* The holding register is full, and empty again at once; only the interrupt takes the time that a
 * line would: a child that fills the FIFO at each one would do nothing else. */
static void transmit(struct uart *u, uint8_t byte)
{
    if (u->s.mcr & MCR_LOOP)
        receive(u, byte, false);
    else
        send(u, byte);
    if (!(u->s.ier & IER_TRANSMIT)) {
        u->s.transmit_pending = 1;
        return;
    }
    u->s.transmit_pending = 0;
    if (u->transmit_ns == DEVICE_NO_DEADLINE)
        u->transmit_ns = now(u) + capacity(&u->s) * character_ns(&u->s);
}

/* ---- registers ---- */

/* In loopback the modem's outputs are its inputs. 8.6 */
static uint8_t modem_lines(const struct uart_state *s)
{
    if (!(s->mcr & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

/* RI counts when it ends only. */
static void mcr_write(struct uart_state *s, uint8_t value)
{
    unsigned before = modem_lines(s), after, changed;

    s->mcr = value & MCR_BITS;
    after = modem_lines(s);
    changed = ((before ^ after) & ~(unsigned)MSR_RI) | (before & ~after & MSR_RI);
    s->modem_deltas |= (uint8_t)(changed >> MSR_DELTA_SHIFT);
}

static void fcr_write(struct uart *u, uint8_t value)
{
    if (((value ^ u->s.fcr) & FCR_ENABLE) || (value & FCR_RECEIVER_RESET))
        receiver_clear(u);
    u->s.fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

static void ier_write(struct uart *u, uint8_t value)
{
    if (value & ~u->s.ier & IER_TRANSMIT && u->transmit_ns == DEVICE_NO_DEADLINE)
        u->s.transmit_pending = 1; /* it is empty: that is an interrupt */
    u->s.ier = value & IER_BITS;
}

static uint8_t iir_read(struct uart *u)
{
    uint8_t id;

    timeout_check(u);
    transmit_check(u);
    id = interrupt_id(&u->s);
    if (id == IIR_TRANSMIT)
        u->s.transmit_pending = 0;
    return (uint8_t)(id | (fifos_on(&u->s) ? IIR_FIFOS : 0));
}

static uint8_t lsr_read(struct uart_state *s)
{
    unsigned v = LSR_TRANSMIT | LSR_ALL_SENT | s->line_errors;

    if (s->received_count > 0)
        v |= LSR_RECEIVED;
    if (fifos_on(s) && s->received_breaks != 0)
        v |= LSR_FIFO_ERROR;
    s->line_errors = 0;
    s->received_breaks &= (uint16_t)~1u; /* that of the top has been told now */
    return (uint8_t)v;
}

static uint8_t msr_read(struct uart_state *s)
{
    uint8_t v = modem_lines(s) | s->modem_deltas;

    s->modem_deltas = 0;
    return v;
}

uint8_t uart_read(struct uart *u, unsigned offset)
{
    struct uart_state *s = &u->s;
    bool latch = s->lcr & LCR_DLAB;

    switch (offset % UART_REGISTERS) {
    case DATA:
        return latch ? (uint8_t)s->divisor : receiver_take(u);
    case IER:
        return latch ? (uint8_t)(s->divisor >> 8) : s->ier;
    case IIR:
        return iir_read(u);
    case LCR:
        return s->lcr;
    case MCR:
        return s->mcr;
    case LSR:
        return lsr_read(s);
    case MSR:
        return msr_read(s);
    default:
        return s->scratch;
    }
}

static void divisor_write(struct uart_state *s, unsigned offset, uint8_t value)
{
    if (offset == DIVISOR_LOW)
        s->divisor = (uint16_t)((s->divisor & 0xff00u) | value);
    else
        s->divisor = (uint16_t)((s->divisor & 0xffu) | (unsigned)value << 8);
}

static void data_write(struct uart *u, unsigned offset, uint8_t value)
{
    if (u->s.lcr & LCR_DLAB)
        divisor_write(&u->s, offset, value);
    else if (offset == DATA)
        transmit(u, value);
    else
        ier_write(u, value);
}

void uart_write(struct uart *u, unsigned offset, uint8_t value)
{
    switch (offset % UART_REGISTERS) {
    case DATA:
    case IER:
        data_write(u, offset % UART_REGISTERS, value);
        break;
    case FCR:
        fcr_write(u, value);
        break;
    case LCR:
        u->s.lcr = value;
        break;
    case MCR:
        mcr_write(&u->s, value);
        break;
    case SCRATCH:
        u->s.scratch = value;
        break;
    default: /* LSR and MSR: nothing but the factory writes them */
        break;
    }
}

/* ---- time and state ---- */

uint64_t uart_deadline(const struct uart *u)
{
    uint64_t first = u->flush_ns;

    if ((u->s.ier & IER_RECEIVED) && u->timeout_ns < first)
        first = u->timeout_ns;
    if ((u->s.ier & IER_TRANSMIT) && u->transmit_ns < first)
        first = u->transmit_ns;
    return first;
}

void uart_tick(struct uart *u)
{
    timeout_check(u);
    transmit_check(u);
    if (u->flush_ns != DEVICE_NO_DEADLINE && now(u) >= u->flush_ns)
        uart_flush(u);
}

void uart_init(struct uart *u, const struct device_host *host)
{
    memset(u, 0, sizeof(*u));
    u->host = host;
    u->timeout_ns = DEVICE_NO_DEADLINE;
    u->transmit_ns = DEVICE_NO_DEADLINE;
    u->flush_ns = DEVICE_NO_DEADLINE;
    u->s.version = UART_STATE_VERSION;
    u->s.size = sizeof(u->s);
    u->s.lcr = LCR_8N1;
    u->s.divisor = 1;
}

void uart_save(struct uart *u, struct uart_state *out)
{
    timeout_check(u);
    uart_flush(u);
    if (u->transmit_ns != DEVICE_NO_DEADLINE) /* a little early */
        u->s.transmit_pending = 1;
    u->transmit_ns = DEVICE_NO_DEADLINE;
    *out = u->s;
}

static bool receiver_valid(const struct uart_state *in)
{
    return in->received_count <= capacity(in) && in->received_breaks >> in->received_count == 0 &&
           in->timeout_pending <= (fifos_on(in) && in->received_count > 0 ? 1 : 0);
}

bool uart_state_valid(const struct uart_state *in)
{
    if (in->version != UART_STATE_VERSION || in->size != sizeof(*in) ||
        (in->reserved[0] | in->reserved[1]) != 0)
        return false;
    if ((in->ier & ~IER_BITS) || (in->mcr & ~MCR_BITS) || (in->modem_deltas & ~MSR_DELTAS) ||
        (in->line_errors & ~LSR_ERRORS_KEPT) || in->transmit_pending > 1)
        return false;
    if ((in->fcr & ~FCR_KEPT) || (in->fcr != 0 && !fifos_on(in)))
        return false;
    return receiver_valid(in);
}

void uart_restore(struct uart *u, const struct uart_state *in)
{
    uart_flush(u);
    u->s = *in;
    u->transmit_ns = DEVICE_NO_DEADLINE;
    timeout_restart(u);
}
