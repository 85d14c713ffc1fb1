/* SPDX-License-Identifier: MIT */
/* root/io/console.h - the operator's line: output to every console there is (16550, frame buffer),
 * input from any of them (16550). */
#ifndef ROOT_IO_CONSOLE_H
#define ROOT_IO_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_framebuffer;
struct watch;

/* Before anything else: the serial line, polled. */
void console_init_early(void);

/* The frame buffer too. After the heap works; drawing begins with console_start_threads. */
void console_init_framebuffer(const struct boot_framebuffer *fb);

/* Serial by interrupts; a thread draws the frame buffer. After interrupts and threads work. */
void console_start(void);

/* Any context. */
void console_write(const char *text, size_t length);

/* At least one, at most @size characters that were typed. Thread context: sleeps for the first. 0:
 * the thread was killed meanwhile. */
size_t console_read(char *buffer, size_t size);

/* Is there one? Who reads it is not said. */
bool console_has_input(void);

/* Wake @w when there is one. */
void console_watch(struct watch *w);

/* Take a typed character: the drivers' side. Any context. */
void console_input(char c);

/* The other CPUs are stopped: no locks, no interrupts, no threads from now on. */
void console_panic(void);

/* Wait until everything written is out. */
void console_flush(void);

#endif
