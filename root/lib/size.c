/* SPDX-License-Identifier: MIT */
/* root/lib/size.c - reads sizes; see size.h. */
#include "lib/size.h"

#define DECIMAL 10u

/* The power of two that a suffix stands for; -1: it is none. */
static int suffix_shift(char c)
{
    switch (c) {
    case 'K':
    case 'k':
        return 10;
    case '\0':
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    default:
        return -1;
    }
}

bool size_parse(const char *text, uint64_t *bytes)
{
    uint64_t n = 0;
    const char *p = text;
    int shift;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(n, DECIMAL, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
            return false;
    }
    shift = suffix_shift(*p);
    if (p == text || shift < 0 || (*p != '\0' && p[1] != '\0') || n > UINT64_MAX >> shift)
        return false;
    *bytes = n << shift;
    return true;
}
