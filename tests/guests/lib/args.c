/* SPDX-License-Identifier: MIT */
/* args.c - arguments of the form key=value. See guest.h. Pure: also compiled for the host. */
#include <rt/mem.h>

#include "guest.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* The value of @key within @line, or NULL. */
static const char *value_find(const char *line, const char *key)
{
    size_t length = strlen(key);
    bool word_begins = true;

    for (; *line; line++) {
        if (word_begins && strncmp(line, key, length) == 0 && line[length] == '=')
            return line + length + 1;
        word_begins = is_blank(*line);
    }
    return NULL;
}

bool guest_arg_text(const char *line, const char *key, char *value, size_t size)
{
    const char *found = value_find(line, key);
    size_t n = 0;

    if (!found)
        return false;
    while (n + 1 < size && found[n] && !is_blank(found[n])) {
        value[n] = found[n];
        n++;
    }
    value[n] = 0;
    return true;
}

/* The value of a digit, or 16 for what is none. */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return 16;
}

uint64_t guest_arg_number(const char *line, const char *key, uint64_t fallback)
{
    const char *c = value_find(line, key);
    unsigned base = 10;
    uint64_t number = 0;

    if (c && c[0] == '0' && c[1] == 'x') {
        base = 16;
        c += 2;
    }
    if (!c || !*c || is_blank(*c))
        return fallback;
    for (; *c && !is_blank(*c); c++) {
        unsigned digit = digit_value(*c);

        if (digit >= base || number > (UINT64_MAX - digit) / base)
            return fallback;
        number = number * base + digit;
    }
    return number;
}
