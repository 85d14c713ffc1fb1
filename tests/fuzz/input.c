/* SPDX-License-Identifier: MIT */
/* tests/fuzz/input.c - see input.h. */
#include <stdlib.h>
#include <string.h>
#include "input.h"

static struct {
    const uint8_t *data;
    size_t left;
} input;

void must(bool condition)
{
    if (!condition)
        abort();
}

void input_begin(const uint8_t *data, size_t size)
{
    input.data = data;
    input.left = size;
}

bool input_left(void)
{
    return input.left > 0;
}

void take(void *to, size_t size)
{
    size_t n = size < input.left ? size : input.left;

    memset(to, 0, size);
    if (n > 0)
        memcpy(to, input.data, n);
    input.data += n;
    input.left -= n;
}

uint8_t take_byte(void)
{
    uint8_t byte;

    take(&byte, 1);
    return byte;
}
