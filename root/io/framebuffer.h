/* SPDX-License-Identifier: MIT */
/* root/io/framebuffer.h - text on the firmware's frame buffer, 8 by 16 pixels a character. Writing
 * changes only cells in memory; a thread (or, after a panic, the writer) draws those that differ
 * from what the screen shows. */
#ifndef ROOT_IO_FRAMEBUFFER_H
#define ROOT_IO_FRAMEBUFFER_H

#include <stddef.h>

struct boot_framebuffer;

void framebuffer_init(const struct boot_framebuffer *info); /* nothing happens if there is none */
void framebuffer_start(void);                             /* begin to draw, by a thread */
void framebuffer_write(const char *text, size_t length);  /* any context */
void framebuffer_panic(void);                             /* draw at once, without locks */

#endif
