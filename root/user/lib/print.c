/* SPDX-License-Identifier: MIT */
/* root/user/lib/print.c - see print.h. One write for each call, so that lines stay whole. */
#include "lib/print.h"
#include "lib/system.h"

enum { TEXT_MAX = 1024 };

void print(const char *fmt, ...)
{
    char text[TEXT_MAX];
    size_t length, done = 0;
    va_list ap;

    va_start(ap, fmt);
    length = rt_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (length >= sizeof(text))
        length = sizeof(text) - 1;
    while (done < length) {
        int64_t n = write(STDOUT_FILE, text + done, length - done);

        if (n <= 0)
            return;
        done += (size_t)n;
    }
}
