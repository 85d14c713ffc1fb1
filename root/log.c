/* SPDX-License-Identifier: MIT */
/* root/log.c - see log.h. The ring keeps the newest LOG_SIZE bytes of text.
 * Rule: not with a scheduler's lock (run queue, wait queue, timer queue) held: showing a line may
 * wake a thread. */
#include <rt/mem.h>
#include "io/console.h"
#include "log.h"
#include "log_ring.h"
#include "sched/thread.h"

enum { LOG_SIZE = 1 << 17, LINE_MAX = 320 };
#define NS_PER_S  1000000000ul
#define NS_PER_US 1000ul

static struct {
    struct spinlock lock;
    uint64_t end; /* [lock] characters ever written */
    bool unlocked; /* panic: nobody else runs, and a stopped CPU may hold the lock */
    char text[LOG_SIZE]; /* [lock] */
} ring;

static void ring_append(const char *text, size_t length)
{
    uint64_t flags = ring.unlocked ? 0 : spin_lock(&ring.lock);

    for (size_t i = 0; i < length; i++)
        ring.text[(ring.end + i) % LOG_SIZE] = text[i];
    ring.end += length;
    if (!ring.unlocked)
        spin_unlock(&ring.lock, flags);
}

void log_print(const char *fmt, ...)
{
    char line[LINE_MAX];
    uint64_t now = time_now();
    size_t n = rt_snprintf(line, sizeof(line), "[%5lu.%06lu] ", now / NS_PER_S,
                           now % NS_PER_S / NS_PER_US);
    va_list ap;

    va_start(ap, fmt);
    n += rt_vsnprintf(line + n, sizeof(line) - n, fmt, ap);
    va_end(ap);
    if (n > sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n++] = '\n';
    ring_append(line, n);
    console_write(line, n);
}

size_t log_read(uint64_t *position, char *buffer, size_t size)
{
    uint64_t flags = spin_lock(&ring.lock);
    size_t n = 0;

    if (ring.end - *position > LOG_SIZE)
        *position = ring.end - LOG_SIZE;
    while (n < size && *position < ring.end)
        buffer[n++] = ring.text[(*position)++ % LOG_SIZE];
    spin_unlock(&ring.lock, flags);
    return n;
}

void log_panic(void)
{
    ring.unlocked = true;
}
