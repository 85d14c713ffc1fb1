/* SPDX-License-Identifier: MIT */
/* definition/text.h - pieces of a definition's text: where they end, and what people mean by them.
 */
#ifndef USER_DEFINITION_TEXT_H
#define USER_DEFINITION_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *at;
    size_t length;
};

bool slice_is(struct slice s, const char *text);
struct slice slice_trim(struct slice s);

/* What is before a '#' that begins @s or comes after white space. */
struct slice slice_without_comment(struct slice s);

/* What is before the first @separator, taken off *@s together with it; all of it if there is none.
 */
struct slice slice_take(struct slice *s, char separator);

/* The first word, taken off *@s with the white space that follows it. */
struct slice slice_take_word(struct slice *s);

/* No control characters but tabulators. */
bool slice_is_text(struct slice s);

/* Copy @s to @to of @size bytes, NUL-terminated; false: it does not fit, and nothing is copied. */
bool slice_copy(struct slice s, char *to, size_t size);

/* How much of @s a report quotes: for "%.*s". */
int slice_shown(struct slice s);

/* How many characters have to be added, left out, replaced, or swapped with the next one, to make
 * @b of @a. More than TEXT_DISTANCE_LENGTH_MAX characters are far from everything. */
enum { TEXT_DISTANCE_LENGTH_MAX = 63, TEXT_FAR = 100 };
unsigned text_distance(struct slice a, struct slice b);

/* Is somebody who wrote @a likely to have meant @b? */
bool text_similar(struct slice a, const char *b, unsigned *best);

/* A decimal number without sign. */
bool text_number(struct slice s, uint64_t *value);

/* A size in bytes: digits, perhaps a fraction, perhaps K, M, G or T with or without B or iB, all
 * powers of 1024; without a unit it is in MiB. */
bool text_size(struct slice s, uint64_t *bytes);

#endif
