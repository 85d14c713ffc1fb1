/* SPDX-License-Identifier: MIT */
/* root/io/framebuffer.c - see framebuffer.h. Cells are a ring of rows, so that scrolling moves
 * nothing. */
#include <stdbool.h>
#include <stdint.h>
#include <rt/mem.h>
#include <hvabi/boot.h>
#include "io/font.h"
#include "io/framebuffer.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

enum { CELL_WIDTH = 8, CELL_HEIGHT = 16, TAB_WIDTH = 8, BYTES_PER_PIXEL = 4 };
#define COLOUR_TEXT       0x00d0d0d0u /* grey: the same in either byte order */
#define COLOUR_BACKGROUND 0x00000000u
#define ESCAPE            '\033'

static struct {
    struct wait_queue queue;     /* of the drawing thread; its lock protects the cells */
    volatile uint32_t *pixels;   /* [I] NULL: no frame buffer */
    uint32_t stride;             /* [I] pixels */
    uint32_t columns, rows;      /* [I] */
    uint32_t top;                /* [lock] ring row that is shown first */
    uint32_t column, row;        /* [lock] cursor, on the screen */
    bool changed;                /* [lock] */
    bool escape;                 /* [lock] inside an escape sequence */
    bool synchronous;            /* panic */
    char *cells;                 /* [lock] wanted */
    char *shown;                 /* [drawer] what the pixels show, by screen row */
} fb;

void framebuffer_init(const struct boot_framebuffer *info)
{
    volatile uint32_t *pixels;

    wait_queue_init(&fb.queue);
    if (info->format == BOOT_FRAMEBUFFER_NONE || info->width < CELL_WIDTH ||
        info->height < CELL_HEIGHT || info->stride < info->width ||
        info->size / BYTES_PER_PIXEL / info->stride < info->height)
        return;
    fb.columns = info->width / CELL_WIDTH;
    fb.rows = info->height / CELL_HEIGHT;
    fb.stride = info->stride;
    fb.cells = kalloc((size_t)fb.columns * fb.rows);
    fb.shown = kalloc((size_t)fb.columns * fb.rows);
    pixels = mmio_map(info->base, (size_t)info->stride * info->height * BYTES_PER_PIXEL);
    if (fb.cells == NULL || fb.shown == NULL || pixels == NULL)
        return;
    memset(fb.cells, ' ', (size_t)fb.columns * fb.rows);
    log_print("console: frame buffer %ux%u", info->width, info->height);
    fb.pixels = pixels;
}

static char *cell_at(uint32_t column, uint32_t row)
{
    return &fb.cells[(size_t)((fb.top + row) % fb.rows) * fb.columns + column];
}

static void new_line_locked(void)
{
    fb.column = 0;
    if (fb.row + 1 < fb.rows) {
        fb.row++;
        return;
    }
    fb.top = (fb.top + 1) % fb.rows;
    memset(cell_at(0, fb.row), ' ', fb.columns);
}

static void put_visible_locked(char c)
{
    if (fb.column == fb.columns)
        new_line_locked();
    *cell_at(fb.column++, fb.row) = c;
}

/* Whether @c still belongs to an escape sequence ("ESC [ ... letter"); "ESC [ K", erase to the end
 * of the line, is the only one with an effect. */
static bool in_escape_locked(char c)
{
    if (c == ESCAPE)
        return fb.escape = true;
    if (!fb.escape)
        return false;
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        fb.escape = false;
    if (c == 'K' && fb.column < fb.columns)
        memset(cell_at(fb.column, fb.row), ' ', fb.columns - fb.column);
    return true;
}

static void put_locked(char c)
{
    if (in_escape_locked(c))
        return;
    switch (c) {
    case '\n':
        new_line_locked();
        break;
    case '\r':
        fb.column = 0;
        break;
    case '\b':
        fb.column -= fb.column != 0;
        break;
    case '\t':
        while (fb.column % TAB_WIDTH != TAB_WIDTH - 1)
            put_visible_locked(' ');
        put_visible_locked(' ');
        break;
    default:
        if (c >= ' ')
            put_visible_locked(c);
        break;
    }
}

static void draw_cell(uint32_t column, uint32_t row, char c)
{
    volatile uint32_t *at =
        fb.pixels + (size_t)row * CELL_HEIGHT * fb.stride + (size_t)column * CELL_WIDTH;

    for (unsigned y = 0; y < CELL_HEIGHT; y++, at += fb.stride) {
        uint8_t bits = font_row(c, y);

        for (unsigned x = 0; x < CELL_WIDTH; x++)
            at[x] = (bits & (0x80u >> x)) != 0 ? COLOUR_TEXT : COLOUR_BACKGROUND;
    }
}

/* Draw the cells of screen row @row that differ; a copy is taken first, so that nobody waits. */
static void draw_row(uint32_t row, char *copy)
{
    uint64_t flags = fb.synchronous ? 0 : spin_lock(&fb.queue.lock);
    char *shown = fb.shown + (size_t)row * fb.columns;

    memcpy(copy, cell_at(0, row), fb.columns);
    if (!fb.synchronous)
        spin_unlock(&fb.queue.lock, flags);
    for (uint32_t i = 0; i < fb.columns; i++) {
        if (copy[i] == shown[i])
            continue;
        shown[i] = copy[i];
        draw_cell(i, row, copy[i]);
    }
}

static bool take_change(void *context)
{
    bool changed = fb.changed;

    (void)context;
    fb.changed = false;
    return changed;
}

static void draw_thread(void *copy)
{
    for (;;) {
        wait_until(&fb.queue, take_change, NULL);
        for (uint32_t row = 0; row < fb.rows; row++)
            draw_row(row, copy);
    }
}

void framebuffer_start(void)
{
    char *copy = fb.pixels != NULL ? kalloc(fb.columns) : NULL;

    if (copy != NULL)
        thread_start("console", draw_thread, copy, -1);
}

static void write_synchronously(const char *text, size_t length)
{
    static char copy[1024];

    for (size_t i = 0; i < length; i++)
        put_locked(text[i]);
    for (uint32_t row = 0; row < fb.rows && fb.columns <= sizeof(copy); row++)
        draw_row(row, copy);
}

void framebuffer_write(const char *text, size_t length)
{
    uint64_t flags;

    if (fb.pixels == NULL)
        return;
    if (fb.synchronous) {
        write_synchronously(text, length);
        return;
    }
    flags = spin_lock(&fb.queue.lock);
    for (size_t i = 0; i < length; i++)
        put_locked(text[i]);
    fb.changed = true;
    spin_unlock(&fb.queue.lock, flags);
    wake_all(&fb.queue);
}

void framebuffer_panic(void)
{
    fb.synchronous = true;
}
