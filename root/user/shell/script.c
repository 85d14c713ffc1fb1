/* SPDX-License-Identifier: MIT */
/* root/user/shell/script.c - commands one after the other, as in boot.cfg's exec; see shell.h. */
#include <rt/mem.h>
#include "lib/print.h"
#include "shell/line.h"
#include "shell/shell.h"

/* The next command of *@text, without the blanks before it, in @line; its length, which may be more
 * than fits. */
static size_t next_command(const char **text, char *line, size_t size)
{
    size_t n = 0;
    char quote = '\0';

    while (**text == ' ' || **text == ';')
        (*text)++;
    for (; **text != '\0' && (quote != '\0' || **text != ';'); (*text)++, n++) {
        quote = quote_after(quote, **text);
        if (n + 1 < size)
            line[n] = **text;
    }
    line[n < size ? n : size - 1] = '\0';
    return n;
}

struct script_counts script_run(const char *text, const char *prompt)
{
    struct script_counts c = {0};
    char line[LINE_SIZE];

    while (*text != '\0') {
        size_t n = next_command(&text, line, sizeof(line));
        int status = -1;

        if (n == 0)
            continue;
        print("%s%s\n", prompt, line);
        if (n < sizeof(line)) {
            status = run_line(line);
        } else {
            print("not run: a command has at most %u characters, this one %lu\n", LINE_SIZE - 1, n);
            status = 1;
        }
        c.run += status >= 0;
        c.failed += status > 0;
    }
    return c;
}
