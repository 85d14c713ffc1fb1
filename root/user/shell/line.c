/* SPDX-License-Identifier: MIT */
/* root/user/shell/line.c - see line.h. */
#include <rt/mem.h>
#include "shell/line.h"

#define CONTROL(letter) ((letter) & 0x1f)
#define KEY_ESCAPE      '\033'
#define KEY_DELETE      '\177'
#define ERASE_TO_END    "\033[K"

static void put(struct line_editor *e, const char *text, size_t length)
{
    if (length != 0)
        e->callbacks->write(e->callbacks->context, text, length);
}

static void put_text(struct line_editor *e, const char *text)
{
    put(e, text, strlen(text));
}

static void put_backspaces(struct line_editor *e, size_t n)
{
    while (n-- != 0)
        put(e, "\b", 1);
}

/* Show the whole line anew. */
static void redraw(struct line_editor *e)
{
    put_text(e, "\r");
    put_text(e, e->prompt);
    put(e, e->text, e->length);
    put_text(e, ERASE_TO_END);
    put_backspaces(e, e->length - e->cursor);
}

void line_init(struct line_editor *e, const struct line_callbacks *callbacks, const char *prompt)
{
    memset(e, 0, sizeof(*e));
    e->callbacks = callbacks;
    e->prompt = prompt;
}

void line_begin(struct line_editor *e)
{
    e->length = 0;
    e->cursor = 0;
    e->text[0] = '\0';
    e->escape = ESCAPE_NONE;
    e->browsed = e->history_count;
    put_text(e, e->prompt);
}

static void set_text(struct line_editor *e, const char *text)
{
    rt_strlcpy(e->text, text, LINE_SIZE);
    e->length = strlen(e->text);
    e->cursor = e->length;
    redraw(e);
}

/* Insert @n characters at the cursor; nothing if they do not fit. */
static void insert(struct line_editor *e, const char *text, size_t n)
{
    if (n == 0 || n >= LINE_SIZE - e->length)
        return;
    memmove(e->text + e->cursor + n, e->text + e->cursor, e->length - e->cursor + 1);
    memcpy(e->text + e->cursor, text, n);
    e->length += n;
    e->cursor += n;
    if (e->cursor == e->length)
        put(e, text, n);
    else
        redraw(e);
}

/* Delete [@from, @to) and put the cursor there. */
static void delete_range(struct line_editor *e, size_t from, size_t to)
{
    if (from == to)
        return;
    memmove(e->text + from, e->text + to, e->length - to + 1);
    e->length -= to - from;
    e->cursor = from;
    redraw(e);
}

static void move_to(struct line_editor *e, size_t cursor)
{
    if (cursor <= e->cursor)
        put_backspaces(e, e->cursor - cursor);
    else
        put(e, e->text + e->cursor, cursor - e->cursor);
    e->cursor = cursor;
}

static size_t word_start(const struct line_editor *e)
{
    size_t at = e->cursor;

    while (at > 0 && e->text[at - 1] == ' ')
        at--;
    while (at > 0 && e->text[at - 1] != ' ')
        at--;
    return at;
}

static uint32_t history_first(const struct line_editor *e)
{
    return e->history_count > LINE_HISTORY ? e->history_count - LINE_HISTORY : 0;
}

static void browse(struct line_editor *e, uint32_t entry)
{
    if (entry < history_first(e) || entry > e->history_count || entry == e->browsed)
        return;
    if (e->browsed == e->history_count)
        rt_strlcpy(e->unfinished, e->text, LINE_SIZE);
    e->browsed = entry;
    set_text(e, entry == e->history_count ? e->unfinished : e->history[entry % LINE_HISTORY]);
}

static void browse_up(struct line_editor *e)
{
    if (e->browsed > 0)
        browse(e, e->browsed - 1);
}

static void browse_down(struct line_editor *e)
{
    browse(e, e->browsed + 1);
}

void line_remember(struct line_editor *e, const char *text)
{
    const char *last = e->history[(e->history_count + LINE_HISTORY - 1) % LINE_HISTORY];

    if (text[0] == '\0' || (e->history_count != 0 && strcmp(last, text) == 0))
        return;
    rt_strlcpy(e->history[e->history_count++ % LINE_HISTORY], text, LINE_SIZE);
}

/* The @n-th candidate that begins with the @length characters at @word; @n counts those. */
static const char *matching(struct line_editor *e, size_t start, size_t length, unsigned wanted)
{
    const char *c;

    for (unsigned n = 0;
         (c = e->callbacks->candidate(e->callbacks->context, e->text, start, n)) != NULL; n++)
        if (strncmp(c, e->text + start, length) == 0 && wanted-- == 0)
            return c;
    return NULL;
}

static void list_candidates(struct line_editor *e, size_t start, size_t length)
{
    const char *c;

    put_text(e, "\n");
    for (unsigned n = 0; (c = matching(e, start, length, n)) != NULL; n++) {
        put_text(e, c);
        put_text(e, "  ");
    }
    put_text(e, "\n");
    redraw(e);
}

/* How many characters all candidates share. Candidates may live in one buffer: copy the first. */
static size_t common_length(struct line_editor *e, size_t start, size_t length, char *first)
{
    size_t common = strlen(first);
    const char *c;

    for (unsigned n = 1; (c = matching(e, start, length, n)) != NULL; n++) {
        size_t same = 0;

        while (same < common && c[same] == first[same])
            same++;
        common = same;
    }
    return common;
}

static void complete(struct line_editor *e)
{
    char first[LINE_SIZE];
    size_t start = e->cursor, length, common;
    const char *c;

    while (start > 0 && e->text[start - 1] != ' ')
        start--;
    length = e->cursor - start;
    c = matching(e, start, length, 0);
    if (c == NULL)
        return;
    rt_strlcpy(first, c, sizeof(first));
    common = common_length(e, start, length, first);
    if (matching(e, start, length, 1) == NULL) {
        insert(e, first + length, common - length);
        insert(e, " ", 1);
    } else if (common > length) {
        insert(e, first + length, common - length);
    } else {
        list_candidates(e, start, length);
    }
}

static enum line_result finish(struct line_editor *e)
{
    move_to(e, e->length);
    put_text(e, "\n");
    line_remember(e, e->text);
    return LINE_DONE;
}

static enum line_result cancel(struct line_editor *e)
{
    put_text(e, "^C\n");
    return LINE_CANCEL;
}

static void delete_before(struct line_editor *e)
{
    if (e->cursor > 0)
        delete_range(e, e->cursor - 1, e->cursor);
}

static void delete_at(struct line_editor *e)
{
    if (e->cursor < e->length)
        delete_range(e, e->cursor, e->cursor + 1);
}

static void move_left(struct line_editor *e)
{
    move_to(e, e->cursor > 0 ? e->cursor - 1 : 0);
}

static void move_right(struct line_editor *e)
{
    move_to(e, e->cursor < e->length ? e->cursor + 1 : e->length);
}

static void clear_screen(struct line_editor *e)
{
    put_text(e, "\033[H\033[2J");
    redraw(e);
}

/* The last character of "ESC [ ... c". */
static void escape_end(struct line_editor *e, char c)
{
    e->escape = ESCAPE_NONE;
    switch (c) {
    case 'A':
        browse_up(e);
        break;
    case 'B':
        browse_down(e);
        break;
    case 'C':
        move_right(e);
        break;
    case 'D':
        move_left(e);
        break;
    case 'H':
        move_to(e, 0);
        break;
    case 'F':
        move_to(e, e->length);
        break;
    case '~':
        if (e->parameter == '3')
            delete_at(e);
        else if (e->parameter == '1' || e->parameter == '7')
            move_to(e, 0);
        else if (e->parameter == '4' || e->parameter == '8')
            move_to(e, e->length);
        break;
    default:
        break;
    }
}

static void escape_key(struct line_editor *e, char c)
{
    if (e->escape == ESCAPE_SEEN) {
        e->escape = c == '[' || c == 'O' ? ESCAPE_BRACKET : ESCAPE_NONE;
        e->parameter = 0;
    } else if ((c >= '0' && c <= '9') || c == ';') {
        e->parameter = c;
    } else {
        escape_end(e, c);
    }
}

static void edit_key(struct line_editor *e, char c)
{
    switch (c) {
    case KEY_ESCAPE:
        e->escape = ESCAPE_SEEN;
        break;
    case KEY_DELETE:
    case '\b':
        delete_before(e);
        break;
    case '\t':
        complete(e);
        break;
    case CONTROL('A'):
        move_to(e, 0);
        break;
    case CONTROL('B'):
        move_left(e);
        break;
    case CONTROL('D'):
        delete_at(e);
        break;
    case CONTROL('E'):
        move_to(e, e->length);
        break;
    case CONTROL('F'):
        move_right(e);
        break;
    case CONTROL('K'):
        delete_range(e, e->cursor, e->length);
        break;
    case CONTROL('L'):
        clear_screen(e);
        break;
    case CONTROL('N'):
        browse_down(e);
        break;
    case CONTROL('P'):
        browse_up(e);
        break;
    case CONTROL('U'):
        delete_range(e, 0, e->cursor);
        break;
    case CONTROL('W'):
        delete_range(e, word_start(e), e->cursor);
        break;
    default:
        if (c >= ' ' && c <= '~')
            insert(e, &c, 1);
        break;
    }
}

enum line_result line_key(struct line_editor *e, char c)
{
    char last = e->last_key;

    e->last_key = c;
    if (e->escape != ESCAPE_NONE) {
        escape_key(e, c);
        return LINE_MORE;
    }
    if (c == '\n' && last == '\r')
        return LINE_MORE;
    if (c == '\r' || c == '\n')
        return finish(e);
    if (c == CONTROL('C'))
        return cancel(e);
    edit_key(e, c);
    return LINE_MORE;
}
