/* SPDX-License-Identifier: MIT */
/* vmwp/device/uart.h - COM1: a 16550A. National Semiconductor PC16550D data sheet, 8.
 *
 * What is sent is out at once: the transmitter is always empty, but says so by interrupt only after
 * the time that a line takes for a full FIFO. It goes to console_out() in batches: at a newline,
 * when the buffer is full, or UART_FLUSH_NS after the first byte. What is received waits in the
 * FIFO of 16 until the child takes it, and the rest at the caller: nothing is lost but in loopback.
 * The modem at the other end is always there (CTS, DSR, DCD). OUT2 lets the interrupt out, as PCs
 * are wired.
 */
#ifndef USER_VMWP_DEVICE_UART_H
#define USER_VMWP_DEVICE_UART_H

#include <hvabi/layout.h>
#include "vmwp/device/device.h"

enum { UART_FIFO_SIZE = 16, UART_OUTPUT_SIZE = 256, UART_REGISTERS = 8 };
#define UART_FLUSH_NS 4000000ull

#define UART_STATE_VERSION 1u

/* Fields are only appended, together with an increment of the version. */
struct uart_state {
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    uint8_t ier;
    uint8_t fcr; /* the bits that stay: FIFOs on, DMA mode, trigger level */
    uint8_t lcr;
    uint8_t mcr;
    uint8_t scratch;
    uint8_t line_errors; /* bits of LSR that reading it clears */
    uint8_t modem_deltas;
    uint8_t transmit_pending; /* 1: the THRE interrupt, unless masked by IER */
    uint8_t timeout_pending;  /* 1: the character time-out interrupt, likewise */
    uint8_t received_count;
    uint16_t divisor;
    uint16_t received_breaks;         /* bit i: received[i] is a break */
    uint8_t received[UART_FIFO_SIZE]; /* the oldest first */
    uint8_t reserved[2];              /* 0 */
};
ABI_SIZE(struct uart_state, 40);

struct uart {
    struct uart_state s;
    const struct device_host *host; /* [I] */
    uint64_t timeout_ns;            /* when waiting characters are overdue; DEVICE_NO_DEADLINE */
    uint64_t transmit_ns;           /* when the THRE interrupt is due; DEVICE_NO_DEADLINE */
    uint64_t flush_ns;              /* when output is overdue; DEVICE_NO_DEADLINE */
    uint32_t output_count;
    uint8_t output[UART_OUTPUT_SIZE];
};

/* As firmware leaves it: 115200 8N1, interrupts off. */
void uart_init(struct uart *u, const struct device_host *host);

/* Register @offset (0 to 7). */
uint8_t uart_read(struct uart *u, unsigned offset);
void uart_write(struct uart *u, unsigned offset, uint8_t value);

/* Whether it asks for an interrupt. */
bool uart_line(const struct uart *u);

/* Receive @bytes: how many there was room for. A break is one character. */
size_t uart_receive(struct uart *u, const uint8_t *bytes, size_t count);
bool uart_receive_break(struct uart *u);
size_t uart_room(const struct uart *u);

void uart_flush(struct uart *u);
uint64_t uart_deadline(const struct uart *u);
void uart_tick(struct uart *u);

void uart_save(struct uart *u, struct uart_state *out);
bool uart_state_valid(const struct uart_state *in);
void uart_restore(struct uart *u, const struct uart_state *in); /* a valid one */

#endif
