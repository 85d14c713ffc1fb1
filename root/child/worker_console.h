/* SPDX-License-Identifier: MIT */
/* root/child/worker_console.h - what a worker writes to its files 0 to 2: lines of root's log, with
 * the child's name before them, without control characters, and only so many. A worker may be in
 * its child's hands: it must neither look like root or its shell nor keep those waiting who print.
 */
#ifndef ROOT_CHILD_WORKER_CONSOLE_H
#define ROOT_CHILD_WORKER_CONSOLE_H

struct file;

/* So many lines at once, which is about half of what waits for the serial line (io/serial.c), and later
 * so many a second (lib/log_limit.h). A line that is longer is several. */
enum { WORKER_CONSOLE_BURST = 20, WORKER_CONSOLE_LINE_MAX = 128 };

/* The console of child @name's worker, with one reference. NULL: no memory. Thread context. A write
 * never sleeps: what the serial line has no room for is dropped. */
struct file *worker_console_create(const char *name);

#endif
