/* SPDX-License-Identifier: MIT */
/* root/user/shell/words.c - taking command lines apart; see shell.h. */
#include <rt/mem.h>
#include "shell/shell.h"

int split_words(char *text, char **words)
{
    int n = 0;

    for (;;) {
        while (*text == ' ')
            *text++ = '\0';
        if (*text == '\0')
            break;
        if (n == ARGUMENTS_MAX)
            return ARGUMENTS_MAX + 1;
        words[n++] = text;
        while (*text != '\0' && *text != ' ')
            text++;
    }
    return n;
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

bool parse_number(const char *text, uint64_t *value)
{
    unsigned base = 10;
    uint64_t v = 0;

    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = digit_value(*text);

        if (digit >= base || v > (UINT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *value = v;
    return true;
}
