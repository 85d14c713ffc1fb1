/* SPDX-License-Identifier: MIT */
/* boot/options.c - see boot/options.h. */
#include "boot/options.h"

#include <rt/mem.h>

const char *option_find(const char *options, const char *key)
{
    size_t n = strlen(key);

    for (const char *line = options; line != NULL && *line != '\0';) {
        if (strncmp(line, key, n) == 0 && line[n] == '=')
            return line + n + 1;
        while (*line != '\0' && *line++ != '\n')
            ;
    }
    return NULL;
}

bool option_is(const char *value, const char *word)
{
    size_t n = strlen(word);

    return strncmp(value, word, n) == 0 && (value[n] == '\n' || value[n] == '\0');
}
