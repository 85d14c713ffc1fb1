/* SPDX-License-Identifier: MIT */
/* root/lib/line.c - see root/lib/line.h. */
#include "lib/line.h"

void line_make(char *text, size_t size)
{
    text[size - 1] = '\0';
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}
