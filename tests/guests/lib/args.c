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

/* The number at @c, which goes up to the value's end or a comma: what is behind it. NULL: it is
 * none, or too large. */
static const char *number_parse(const char *c, uint64_t *number)
{
    unsigned base = 10;

    if (c[0] == '0' && c[1] == 'x') {
        base = 16;
        c += 2;
    }
    if (!*c || is_blank(*c) || *c == ',')
        return NULL;
    for (*number = 0; *c && !is_blank(*c) && *c != ','; c++) {
        unsigned digit = digit_value(*c);

        if (digit >= base || *number > (UINT64_MAX - digit) / base)
            return NULL;
        *number = *number * base + digit;
    }
    return c;
}

bool guest_arg_numbers(const char *line, const char *key, uint64_t *numbers, uint32_t count)
{
    const char *c = value_find(line, key);

    for (uint32_t i = 0; c && i < count; i++) {
        if (i > 0 && *c++ != ',')
            return false;
        c = number_parse(c, &numbers[i]);
    }
    return c && *c != ',';
}

uint64_t guest_arg_number(const char *line, const char *key, uint64_t fallback)
{
    uint64_t number;

    return guest_arg_numbers(line, key, &number, 1) ? number : fallback;
}
