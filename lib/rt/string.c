/* SPDX-License-Identifier: MIT */
/* rt/string.c - of rt/mem.h, what the C library does not have: host tests link this beside it. */
#include <rt/mem.h>

size_t rt_strlcpy(char *dst, const char *src, size_t size)
{
    size_t length = strlen(src);

    if (size != 0) {
        size_t n = length < size ? length : size - 1;
        memcpy(dst, src, n);
        dst[n] = '\0';
    }
    return length;
}
