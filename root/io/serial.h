/* SPDX-License-Identifier: MIT */
/* root/io/serial.h - the first serial port, a 16550: polled at first, by interrupts later. */
#ifndef ROOT_IO_SERIAL_H
#define ROOT_IO_SERIAL_H

#include <stddef.h>

void serial_init(void);  /* set up, if there is one */
void serial_start(void); /* use its interrupt */

/* A newline becomes CR LF. Any context. A thread with interrupts on sleeps while the line is too slow;
 * elsewhere text is then dropped, and the next that is sent says how many lines. */
void serial_write(const char *text, size_t length);

void serial_panic(void); /* polled, without locks from now on */
void serial_flush(void); /* until all is sent; a thread with interrupts on sleeps */

#endif
