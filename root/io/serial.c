/* SPDX-License-Identifier: MIT */
/* root/io/serial.c - see serial.h. What is written goes through a ring that the interrupt drains. A
 * writer for whom there is no room sleeps, if it is a thread that may; otherwise its text is dropped,
 * and counted. Nobody waits for the line with the lock held, but at the start and in a panic.
 * Registers: National Semiconductor PC16550D data sheet, 8. */
#include <stdbool.h>
#include <stdint.h>
#include <rt/format.h>
#include <x86/cr.h>
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

enum {
    FIFO_DEPTH = 16,
    OUTPUT_SIZE = 8192,
    PIECE_SIZE = 1024, /* of text that stays together: at most twice as much in the ring */
    NOTE_SIZE = 64,    /* room for the line that counts what was dropped */
    ROOM_WANTED = OUTPUT_SIZE / 2, /* who waits for room is woken with so much */
};
_Static_assert(2 * PIECE_SIZE + NOTE_SIZE <= ROOM_WANTED, "a piece fits when its writer is woken");
/* The whole ring takes 0.7 s. A line that makes no room for longer does not move at all. */
#define ROOM_WAIT_NS 2000000000ull
/* A transmitter that is not ready after so many looks is given up for the moment. */
#define TRANSMIT_MAX_POLLS 1000000u

static struct {
    struct spinlock lock;
    bool present;    /* [I] */
    bool interrupts; /* [lock] the interrupt drains the output */
    bool unlocked;   /* panic */
    uint32_t head, tail; /* [lock] to change, [a] */
    uint32_t dropped;    /* [lock] lines that were not sent since the last that was */
    struct wait_queue room; /* waits for ROOM_WANTED */
    char output[OUTPUT_SIZE]; /* [lock] */
    struct irq irq;
} serial;

void serial_init(void)
{
    wait_queue_init(&serial.room);
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
    uint32_t tail = serial.tail;

    for (unsigned i = 0; i < FIFO_DEPTH && serial.head != tail; i++)
        insn_out8(SERIAL_DATA, (uint8_t)serial.output[tail++ % OUTPUT_SIZE]);
    __atomic_store_n(&serial.tail, tail, __ATOMIC_RELAXED);
}

static void poll_some_locked(void)
{
    for (unsigned i = 0; i < TRANSMIT_MAX_POLLS && !transmitter_ready(); i++)
        insn_pause();
    send_some_locked();
}

static uint32_t room(void)
{
    return OUTPUT_SIZE - (__atomic_load_n(&serial.head, __ATOMIC_RELAXED) -
                          __atomic_load_n(&serial.tail, __ATOMIC_RELAXED));
}

static bool room_is_wanted(void *unused)
{
    (void)unused;
    return room() >= ROOM_WANTED;
}

static void put_locked(char c)
{
    serial.output[serial.head % OUTPUT_SIZE] = c;
    __atomic_store_n(&serial.head, serial.head + 1, __ATOMIC_RELAXED);
}

static void put_text_locked(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            put_locked('\r');
        put_locked(text[i]);
    }
}

static void interrupt_wanted_locked(void)
{
    insn_out8(SERIAL_IER, IER_RECEIVED | (serial.head != serial.tail ? IER_TRANSMIT : 0));
}

/* Start sending what is queued, or send all of it where no interrupt would. */
static void kick_locked(void)
{
    if (serial.interrupts && !serial.unlocked) {
        if (transmitter_ready())
            send_some_locked();
        interrupt_wanted_locked();
        return;
    }
    while (serial.head != serial.tail)
        poll_some_locked();
}

/* Room for @size characters. False: nobody makes it while we hold the lock. */
static bool make_room_locked(uint32_t size)
{
    while (room() < size) {
        if (!serial.interrupts || serial.unlocked)
            poll_some_locked();
        else if (transmitter_ready())
            send_some_locked();
        else
            return false;
    }
    return true;
}

static uint32_t count_lines(const char *text, size_t length)
{
    uint32_t lines = 0;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

/* With the lock, which was taken with *@flags, and which is released while we sleep. False: there is
 * no room, and this is no thread that may wait for it, or it has waited too long. */
static bool wait_for_room(uint32_t size, uint64_t *flags)
{
    while (!make_room_locked(size)) {
        bool made;

        if ((*flags & RFLAGS_IF) == 0)
            return false;
        spin_unlock(&serial.lock, *flags);
        made = wait_until_timeout(&serial.room, room_is_wanted, NULL, ROOM_WAIT_NS);
        *flags = spin_lock(&serial.lock);
        if (!made)
            return false;
    }
    return true;
}

static void note_dropped_locked(void)
{
    char note[NOTE_SIZE - 1]; /* and the carriage return */

    if (serial.dropped == 0)
        return;
    put_text_locked(note,
                    rt_snprintf(note, sizeof(note), "serial: %u lines dropped\n", serial.dropped));
    serial.dropped = 0;
}

/* At most PIECE_SIZE characters. */
static void write_piece(const char *text, size_t length)
{
    uint64_t flags = serial.unlocked ? 0 : spin_lock(&serial.lock);
    uint32_t lines = count_lines(text, length);

    if (wait_for_room((uint32_t)length + lines + NOTE_SIZE, &flags)) {
        note_dropped_locked();
        put_text_locked(text, length);
    } else {
        serial.dropped += lines != 0 ? lines : 1;
    }
    kick_locked();
    if (!serial.unlocked)
        spin_unlock(&serial.lock, flags);
}

void serial_write(const char *text, size_t length)
{
    while (serial.present && length != 0) {
        size_t n = length < PIECE_SIZE ? length : PIECE_SIZE;

        write_piece(text, n);
        text += n;
        length -= n;
    }
}

static void serial_transmit(void)
{
    uint64_t flags = spin_lock(&serial.lock);

    if (transmitter_ready())
        send_some_locked();
    interrupt_wanted_locked();
    spin_unlock(&serial.lock, flags);
    if (room_is_wanted(NULL))
        wake_all(&serial.room);
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

static bool is_empty(void *unused)
{
    (void)unused;
    return room() == OUTPUT_SIZE;
}

void serial_flush(void)
{
    uint64_t flags;

    if (!serial.present)
        return;
    if (serial.interrupts && !serial.unlocked && (insn_pushf() & RFLAGS_IF) != 0)
        wait_until_timeout(&serial.room, is_empty, NULL, ROOM_WAIT_NS);
    flags = serial.unlocked ? 0 : spin_lock(&serial.lock);
    while (serial.head != serial.tail)
        poll_some_locked();
    for (unsigned i = 0; i < TRANSMIT_MAX_POLLS && (insn_in8(SERIAL_LSR) & LSR_ALL_SENT) == 0; i++)
        insn_pause();
    if (!serial.unlocked)
        spin_unlock(&serial.lock, flags);
}
