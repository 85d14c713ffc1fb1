/* SPDX-License-Identifier: MIT */
/* root/proc/dev_console.c - /dev/console: raw characters. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "io/console.h"
#include "proc/devices.h"

static int64_t read_characters(struct file *f, char *buffer, size_t size)
{
    size_t n;

    if ((f->flags & OPEN_NONBLOCK) != 0 && !console_has_input())
        return -EAGAIN;
    n = console_read(buffer, size);
    return n != 0 ? (int64_t)n : -EINTR;
}

static int64_t write_characters(struct file *f, const char *buffer, size_t size)
{
    (void)f;
    console_write(buffer, size);
    return (int64_t)size;
}

static uint32_t poll_characters(struct file *f, struct watch *w)
{
    (void)f;
    console_watch(w);
    return POLL_OUT | (console_has_input() ? POLL_IN : 0u);
}

const struct file_operations dev_console = {
    .name = "/dev/console",
    .read = read_characters,
    .write = write_characters,
    .poll = poll_characters,
};
