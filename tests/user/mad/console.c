/* SPDX-License-Identifier: MIT */
/* tests/user/mad/console.c - what a loud worker writes to its console: sequences that a terminal
 * obeys, a prompt that looks like that of root's shell, and a flood. tests/boot/cases/mad.py looks
 * at what of it has come to the terminal. */
#include "mad.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FLOOD_LINES = 20000, LINE = 40, LINES_A_PIECE = 500 };

/* A title, a reset, the other screen, an empty screen; lines that begin as root's do. */
static const char harm[] = "\x1b]0;mad\x07\x1b"
                           "c\x1b[?1049h\x1b[2J\x1b[H mad title\n"
                           "root> mad prompt\n"
                           "\rroot> mad return\n";

static void say(const char *text, size_t size)
{
    ssize_t n = write(STDOUT_FILENO, text, size);

    mad_check("its console takes all", n == (ssize_t)size, n < 0 ? errno : n);
}

static void flood(void)
{
    static char piece[LINES_A_PIECE * LINE];
    static const char start[] = "mad flood ";

    memset(piece, '.', sizeof(piece));
    for (unsigned i = 0; i < LINES_A_PIECE; i++) {
        memcpy(piece + i * LINE, start, sizeof(start) - 1);
        piece[i * LINE + LINE - 1] = '\n';
    }
    for (unsigned i = 0; i < FLOOD_LINES / LINES_A_PIECE; i++)
        say(piece, sizeof(piece));
}

void mad_console(void)
{
    const struct timespec pause = {.tv_sec = 1};
    char byte;

    mad_check("its console cannot be read", read(STDIN_FILENO, &byte, 1) < 0 && errno == EBADF,
              errno);
    say(harm, sizeof(harm) - 1);
    flood();
    nanosleep(&pause, NULL); /* something more will be shown then */
}
