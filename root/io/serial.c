/* SPDX-License-Identifier: MIT */
/* root/io/serial.c - see serial.h. Registers: National Semiconductor PC16550D data sheet, 8. */
#include <stdbool.h>
#include <stdint.h>
#include <x86/insn.h>
#include "io/console.h"
#include "io/irq.h"
#include "io/serial.h"
#include "log.h"
#include "sched/thread.h"

enum {
    COM1 = 0x3f8,
    COM1_ISA_IRQ = 4,
    SERIAL_DATA = COM1 + 0,
    SERIAL_DIVISOR_LOW = COM1 + 0, /* with LCR_DLAB */
    SERIAL_DIVISOR_HIGH = COM1 + 1,
    SERIAL_IER = COM1 + 1,
    SERIAL_IIR = COM1 + 2,
    SERIAL_FCR = COM1 + 2,
    SERIAL_LCR = COM1 + 3,
    SERIAL_MCR = COM1 + 4,
    SERIAL_LSR = COM1 + 5,
    SERIAL_SCR = COM1 + 7,
};
#define IER_RECEIVED  0x01
#define IER_TRANSMIT  0x02
#define IIR_NONE      0x01
#define FCR_ENABLE    0x07 /* FIFOs on and empty, interrupt at one byte */
#define LCR_8N1       0x03
#define LCR_DLAB      0x80
#define MCR_READY     0x0b /* DTR, RTS, OUT2: the interrupt gets out */
#define LSR_RECEIVED  0x01
#define LSR_TRANSMIT  0x20
#define LSR_ALL_SENT  0x40
#define DIVISOR_115200 1
#define SCRATCH_PATTERN 0x5a

enum { FIFO_DEPTH = 16, OUTPUT_SIZE = 8192 };
/* A transmitter that is not ready after so many looks is given up for the moment. */
#define TRANSMIT_MAX_POLLS 1000000u

static struct {
    struct spinlock lock;
    bool present;    /* [I] */
    bool interrupts; /* [lock] the interrupt drains the output */
    bool unlocked;   /* panic */
    uint32_t head, tail; /* [lock] */
    char output[OUTPUT_SIZE]; /* [lock] */
    struct irq irq;
} serial;

void serial_init(void)
{
    insn_out8(SERIAL_SCR, SCRATCH_PATTERN);
    if (insn_in8(SERIAL_SCR) != SCRATCH_PATTERN)
        return;
    insn_out8(SERIAL_IER, 0);
    insn_out8(SERIAL_LCR, LCR_DLAB);
    insn_out8(SERIAL_DIVISOR_LOW, DIVISOR_115200);
    insn_out8(SERIAL_DIVISOR_HIGH, 0);
    insn_out8(SERIAL_LCR, LCR_8N1);
    insn_out8(SERIAL_FCR, FCR_ENABLE);
    insn_out8(SERIAL_MCR, MCR_READY);
    serial.present = true;
}

static bool transmitter_ready(void)
{
    return (insn_in8(SERIAL_LSR) & LSR_TRANSMIT) != 0;
}

/* The transmitter is ready: fill its FIFO. */
static void send_some_locked(void)
{
    for (unsigned i = 0; i < FIFO_DEPTH && serial.head != serial.tail; i++)
        insn_out8(SERIAL_DATA, (uint8_t)serial.output[serial.tail++ % OUTPUT_SIZE]);
}

static void poll_some_locked(void)
{
    for (unsigned i = 0; i < TRANSMIT_MAX_POLLS && !transmitter_ready(); i++)
        insn_pause();
    send_some_locked();
}

static void put_locked(char c)
{
    while (serial.head - serial.tail == OUTPUT_SIZE)
        poll_some_locked();
    serial.output[serial.head++ % OUTPUT_SIZE] = c;
}

/* Start sending what is queued, or send all of it where no interrupt would. */
static void kick_locked(void)
{
    if (serial.interrupts && !serial.unlocked) {
        if (transmitter_ready())
            send_some_locked();
        insn_out8(SERIAL_IER, IER_RECEIVED | (serial.head != serial.tail ? IER_TRANSMIT : 0));
        return;
    }
    while (serial.head != serial.tail)
        poll_some_locked();
}

void serial_write(const char *text, size_t length)
{
    uint64_t flags;

    if (!serial.present)
        return;
    flags = serial.unlocked ? 0 : spin_lock(&serial.lock);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            put_locked('\r');
        put_locked(text[i]);
    }
    kick_locked();
    if (!serial.unlocked)
        spin_unlock(&serial.lock, flags);
}

static void serial_transmit(void)
{
    uint64_t flags = spin_lock(&serial.lock);

    if (transmitter_ready())
        send_some_locked();
    insn_out8(SERIAL_IER, IER_RECEIVED | (serial.head != serial.tail ? IER_TRANSMIT : 0));
    spin_unlock(&serial.lock, flags);
}

static void serial_interrupt(void *context)
{
    (void)context;
    while ((insn_in8(SERIAL_IIR) & IIR_NONE) == 0) {
        while ((insn_in8(SERIAL_LSR) & LSR_RECEIVED) != 0)
            console_input((char)insn_in8(SERIAL_DATA));
        serial_transmit();
    }
}

void serial_start(void)
{
    uint64_t flags;

    if (!serial.present)
        return;
    if (!irq_alloc(&serial.irq, 0, serial_interrupt, NULL) ||
        !irq_route_isa(&serial.irq, COM1_ISA_IRQ)) {
        log_print("serial: no interrupt, no input");
        return;
    }
    flags = spin_lock(&serial.lock);
    serial.interrupts = true;
    kick_locked();
    spin_unlock(&serial.lock, flags);
}

void serial_panic(void)
{
    serial.unlocked = true;
}

void serial_flush(void)
{
    uint64_t flags;

    if (!serial.present)
        return;
    flags = serial.unlocked ? 0 : spin_lock(&serial.lock);
    while (serial.head != serial.tail)
        poll_some_locked();
    for (unsigned i = 0; i < TRANSMIT_MAX_POLLS; i++) {
        if ((insn_in8(SERIAL_LSR) & LSR_ALL_SENT) != 0)
            break;
        insn_pause();
    }
    if (!serial.unlocked)
        spin_unlock(&serial.lock, flags);
}
