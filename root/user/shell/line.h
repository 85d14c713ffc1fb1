/* SPDX-License-Identifier: MIT */
/* root/user/shell/line.h - a line editor for a VT100-like terminal: cursor keys, the usual control
 * keys, history, completion. It is a pure state machine: keys in, text out through a sink. */
#ifndef SHELL_LINE_H
#define SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_SIZE = 512, LINE_HISTORY = 32 };

enum line_result {
    LINE_MORE,   /* the line is not finished */
    LINE_DONE,   /* editor->text holds it */
    LINE_CANCEL, /* Ctrl-C: forget it */
};

struct line_callbacks {
    void (*write)(void *context, const char *text, size_t length);
    /* The @n-th (from 0) word that could stand at @text + @start, or NULL: there are fewer. */
    const char *(*candidate)(void *context, const char *text, size_t start, unsigned n);
    void *context;
};

enum line_escape { ESCAPE_NONE, ESCAPE_SEEN, ESCAPE_BRACKET };

struct line_editor {
    const struct line_callbacks *callbacks;
    const char *prompt;
    char text[LINE_SIZE]; /* NUL-terminated */
    size_t length, cursor;
    enum line_escape escape;
    char parameter; /* the digit of an escape sequence; 0: none */
    char last_key;  /* so that LF after CR is not a second line */
    char history[LINE_HISTORY][LINE_SIZE]; /* a ring */
    uint32_t history_count;                /* ever added */
    uint32_t browsed;                      /* the entry shown; history_count: the new line */
    char unfinished[LINE_SIZE];            /* the new line, while history is shown */
};

void line_init(struct line_editor *e, const struct line_callbacks *callbacks, const char *prompt);

/* Show the prompt with an empty line. */
void line_begin(struct line_editor *e);

/* Take one character from the terminal. */
enum line_result line_key(struct line_editor *e, char c);

/* Remember @text, unless it is empty or what was remembered last. */
void line_remember(struct line_editor *e, const char *text);

#endif
