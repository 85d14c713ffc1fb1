/* SPDX-License-Identifier: MIT */
/* root/user/shell/words.c - taking command lines apart; see shell.h. */
#include <rt/mem.h>
#include "shell/shell.h"

char quote_after(char quote, char c)
{
    bool is_quote = c == '\'' || c == '"';

    if (quote == '\0' && is_quote)
        return c;
    if (c == quote)
        return '\0';
    return quote;
}

/* The word at *@text, without its quotes, moved to its beginning and ended; *@text is behind it. */
static char *take_word(char **text)
{
    char *word = *text, *to = *text, *from = *text;
    char quote = '\0';

    for (; *from != '\0' && (quote != '\0' || *from != ' '); from++) {
        char next = quote_after(quote, *from);

        if (next == quote)
            *to++ = *from;
        quote = next;
    }
    *text = *from != '\0' ? from + 1 : from;
    *to = '\0';
    return word;
}

int split_words(char *text, char **words)
{
    int n = 0;

    for (;;) {
        while (*text == ' ')
            text++;
        if (*text == '\0')
            break;
        if (n == ARGUMENTS_MAX)
            return ARGUMENTS_MAX + 1;
        words[n++] = take_word(&text);
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
