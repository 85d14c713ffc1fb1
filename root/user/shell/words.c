/* SPDX-License-Identifier: MIT */
/* root/user/shell/words.c - taking command lines apart; see shell.h. */
#include <rt/mem.h>
#include "shell/shell.h"

int split_words(char *text, char **words)
{
    int n = 0;

    while (n < ARGUMENTS_MAX) {
        while (*text == ' ')
            *text++ = '\0';
        if (*text == '\0')
            break;
        words[n++] = text;
        while (*text != '\0' && *text != ' ')
            text++;
    }
    return n;
}

bool parse_number(const char *text, uint64_t *value)
{
    uint64_t v = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (*text < '0' || *text > '9' || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}
