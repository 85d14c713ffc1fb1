/* SPDX-License-Identifier: MIT */
/* root/io/console.c - see console.h. */
#include <stdbool.h>
#include "io/console.h"
#include "io/framebuffer.h"
#include "io/serial.h"
#include "log_ring.h"
#include "sched/thread.h"
#include "sched/watch.h"

enum { INPUT_SIZE = 4096 }; /* some lines that are pasted while nobody reads */

static struct {
    struct wait_queue queue;
    uint32_t head, tail;    /* [queue.lock] characters ever put and taken */
    char buffer[INPUT_SIZE]; /* [queue.lock] */
} input;

void console_init_early(void)
{
    wait_queue_init(&input.queue);
    serial_init();
}

void console_init_framebuffer(const struct boot_framebuffer *fb)
{
    framebuffer_init(fb);
}

void console_start(void)
{
    serial_start();
    framebuffer_start();
}

void console_write(const char *text, size_t length)
{
    serial_write(text, length);
    framebuffer_write(text, length);
}

void console_input(char c)
{
    uint64_t flags = spin_lock(&input.queue.lock);

    if (input.head - input.tail < INPUT_SIZE)
        input.buffer[input.head++ % INPUT_SIZE] = c;
    spin_unlock(&input.queue.lock, flags);
    wake_all(&input.queue);
}

static bool has_input(void *context)
{
    (void)context;
    return input.head != input.tail;
}

bool console_has_input(void)
{
    uint64_t flags = spin_lock(&input.queue.lock);
    bool has = has_input(NULL);

    spin_unlock(&input.queue.lock, flags);
    return has;
}

void console_watch(struct watch *w)
{
    watch_add(w, &input.queue);
}

size_t console_read(char *buffer, size_t size)
{
    size_t n = 0;

    while (n == 0 && size != 0) {
        uint64_t flags;

        if (!wait_until_killed(&input.queue, has_input, NULL, WAIT_FOREVER))
            return 0;
        flags = spin_lock(&input.queue.lock);
        while (n < size && input.head != input.tail)
            buffer[n++] = input.buffer[input.tail++ % INPUT_SIZE];
        spin_unlock(&input.queue.lock, flags);
    }
    return n;
}

void console_panic(void)
{
    log_panic();
    serial_panic();
    framebuffer_panic();
}

void console_flush(void)
{
    serial_flush();
}
