/* SPDX-License-Identifier: MIT */
/* definition/text.c - see text.h. */
#include <string.h>
#include "definition/text.h"

#define SHOWN_MAX 60
#define SLIPS_MAX 2u

/* ---- slices ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool slice_is(struct slice s, const char *text)
{
    return s.length == strlen(text) && memcmp(s.at, text, s.length) == 0;
}

struct slice slice_trim(struct slice s)
{
    while (s.length != 0 && is_space(s.at[0])) {
        s.at++;
        s.length--;
    }
    while (s.length != 0 && is_space(s.at[s.length - 1]))
        s.length--;
    return s;
}

struct slice slice_without_comment(struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        if (s.at[i] == '#' && (i == 0 || is_space(s.at[i - 1])))
            return (struct slice){s.at, i};
    return s;
}

/* Take the first @length characters and @skip more off *@s. */
static struct slice take(struct slice *s, size_t length, size_t skip)
{
    struct slice first = {s->at, length};

    s->at += length + skip;
    s->length -= length + skip;
    return first;
}

struct slice slice_take(struct slice *s, char separator)
{
    size_t n = 0;

    while (n < s->length && s->at[n] != separator)
        n++;
    return take(s, n, n < s->length);
}

struct slice slice_take_word(struct slice *s)
{
    struct slice word;
    size_t n = 0;

    while (n < s->length && !is_space(s->at[n]))
        n++;
    word = take(s, n, 0);
    *s = slice_trim(*s);
    return word;
}

bool slice_is_text(struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        if (((uint8_t)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f)
            return false;
    return true;
}

bool slice_copy(struct slice s, char *to, size_t size)
{
    if (s.length >= size)
        return false;
    memcpy(to, s.at, s.length);
    to[s.length] = '\0';
    return true;
}

int slice_shown(struct slice s)
{
    return (int)(s.length < SHOWN_MAX ? s.length : SHOWN_MAX);
}

/* ---- what was meant ---- */

static uint8_t smaller(unsigned a, unsigned b)
{
    return (uint8_t)(a < b ? a : b);
}

/* Row by row of the table of distances of prefixes (Damerau and Levenshtein, without two changes to
 * one place); the last three rows are kept. */
unsigned text_distance(struct slice a, struct slice b)
{
    uint8_t rows[3][TEXT_DISTANCE_LENGTH_MAX + 1];

    if (a.length > TEXT_DISTANCE_LENGTH_MAX || b.length > TEXT_DISTANCE_LENGTH_MAX)
        return TEXT_FAR;
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= a.length; i++) {
        uint8_t *row = rows[i % 3];
        const uint8_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.length; j++) {
            row[j] = smaller(last[j - 1] + (a.at[i - 1] != b.at[j - 1] ? 1u : 0u),
                             smaller(last[j], row[j - 1]) + 1u);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1u);
        }
    }
    return rows[a.length % 3][b.length];
}

/* Two slips, in a word of which they are less than half. @best: the least distance so far. */
bool text_similar(struct slice a, const char *b, unsigned *best)
{
    unsigned distance = text_distance(a, (struct slice){b, strlen(b)});

    if (distance >= *best || distance > SLIPS_MAX || distance >= (a.length + 1) / 2)
        return false;
    *best = distance;
    return true;
}

/* ---- numbers ---- */

/* Take the digits that *@s begins with. False: there are none, or 64 bits do not hold it. */
static bool take_digits(struct slice *s, uint64_t *value)
{
    size_t n = 0;

    *value = 0;
    for (; n < s->length && s->at[n] >= '0' && s->at[n] <= '9'; n++)
        if (__builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (uint64_t)(s->at[n] - '0'), value))
            return false;
    take(s, n, 0);
    return n != 0;
}

/* Take digits and perhaps a point with up to 3 more: the number is *@value / *@scale. */
static bool take_decimal(struct slice *s, uint64_t *value, uint64_t *scale)
{
    uint64_t fraction;
    size_t digits;

    *scale = 1;
    if (!take_digits(s, value))
        return false;
    if (s->length == 0 || s->at[0] != '.')
        return true;
    take(s, 1, 0);
    digits = s->length;
    if (!take_digits(s, &fraction) || digits - s->length > 3)
        return false;
    for (digits -= s->length; digits != 0; digits--)
        *scale *= 10;
    return !__builtin_mul_overflow(*value, *scale, value) &&
           !__builtin_add_overflow(*value, fraction, value);
}

bool text_number(struct slice s, uint64_t *value)
{
    return take_digits(&s, value) && s.length == 0;
}

/* The power of two that a unit stands for; -1: it is none. */
static int unit_shift(struct slice unit)
{
    static const char letters[] = "KMGT";

    if (unit.length == 0)
        return 20;
    for (int i = 0; letters[i] != '\0'; i++) {
        char small = (char)(letters[i] - 'A' + 'a');
        struct slice rest = {unit.at + 1, unit.length - 1};
        if ((unit.at[0] == letters[i] || unit.at[0] == small) &&
            (rest.length == 0 || slice_is(rest, "B") || slice_is(rest, "b") ||
             slice_is(rest, "iB") || slice_is(rest, "ib")))
            return 10 * (i + 1);
    }
    return -1;
}

bool text_size(struct slice s, uint64_t *bytes)
{
    uint64_t value, scale;
    int shift;

    if (!take_decimal(&s, &value, &scale))
        return false;
    shift = unit_shift(slice_trim(s));
    if (shift < 0 || value > UINT64_MAX >> shift || (value << shift) % scale != 0)
        return false;
    *bytes = (value << shift) / scale;
    return true;
}
