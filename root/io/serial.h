/* SPDX-License-Identifier: MIT */
/* root/io/serial.h - the first serial port, a 16550: polled at first, by interrupts later. */
#ifndef ROOT_IO_SERIAL_H
#define ROOT_IO_SERIAL_H

#include <stddef.h>

void serial_init(void);                           /* set up, if there is one */
void serial_start(void);                          /* use its interrupt */
void serial_write(const char *text, size_t length); /* any context; a newline becomes CR LF */
void serial_panic(void);                          /* polled, without locks from now on */
void serial_flush(void);                          /* until all is sent */

#endif
