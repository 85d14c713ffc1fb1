/* SPDX-License-Identifier: MIT */
/* definition/parse.c - from a text to a definition; see definition.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "definition/parse.h"

#define REPORT_MAX 320

void parser_report(struct parser *p, const char *fmt, ...)
{
    char text[REPORT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?'; /* a file must not drive the terminal that a report appears on */
    p->wrong = true;
    p->report(p->context, p->line, text);
}

/* ---- names ---- */

const char *names_nearest(const struct names *names, struct slice meant)
{
    const char *nearest = NULL, *name;
    unsigned best = TEXT_FAR;

    for (size_t i = 0; (name = names->name(names->context, i)) != NULL; i++)
        if (text_similar(meant, name, &best))
            nearest = name;
    return nearest;
}

const char *names_list(const struct names *names, char *buffer, size_t size)
{
    static const char more[] = ", ...";
    size_t used = 0;
    const char *name;

    snprintf(buffer, size, "nothing");
    for (size_t i = 0; (name = names->name(names->context, i)) != NULL; i++) {
        size_t length = strlen(name);
        const char *separator = i == 0 ? "" : ", ";
        if (used + strlen(separator) + length + sizeof(more) > size) {
            snprintf(buffer + used, size - used, "%s", i == 0 ? "others" : more);
            break;
        }
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", separator, name);
    }
    return buffer;
}

static const char *key_name(void *context, size_t index)
{
    (void)context;
    return index < KEY_COUNT ? definition_keys[index].name : NULL;
}

/* ---- lines ---- */

static const struct key *key_find(struct slice name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (slice_is(name, definition_keys[i].name))
            return &definition_keys[i];
    return NULL;
}

static void report_unknown_key(struct parser *p, struct slice name)
{
    const struct names keys = {key_name, NULL};
    const char *nearest = names_nearest(&keys, name);

    if (nearest != NULL) {
        parser_report(p, "unknown key \"%.*s\": did you mean %s?", slice_shown(name), name.at,
                      nearest);
    } else {
        char list[200];
        parser_report(p, "unknown key \"%.*s\": the keys are %s", slice_shown(name), name.at,
                      names_list(&keys, list, sizeof(list)));
    }
}

static void parse_pair(struct parser *p, struct slice name, struct slice value)
{
    const struct key *key = key_find(name);
    unsigned *line;

    if (key == NULL) {
        report_unknown_key(p, name);
        return;
    }
    line = &p->lines[key - definition_keys];
    if (*line != 0 && !key->repeatable) {
        parser_report(p, "%s: line %u has it already: leave one of them out", key->name, *line);
        return;
    }
    *line = *line != 0 ? *line : p->line;
    if (value.length == 0)
        parser_report(p, "%s: nothing follows the =: write a value, or leave the line out",
                      key->name);
    else if (value.at[0] == '#')
        parser_report(p, "%s: \"%.*s\" looks like a comment: those come after a blank", key->name,
                      slice_shown(value), value.at);
    else if (!slice_is_text(value))
        parser_report(p, "%s: the value has control characters", key->name);
    else
        key->apply(p, key->name, value);
}

static void parse_line(struct parser *p, struct slice line)
{
    struct slice s = slice_trim(slice_without_comment(line));
    struct slice value = s, name;

    if (s.length == 0)
        return;
    if (memchr(s.at, '=', s.length) == NULL) {
        parser_report(p, "\"%.*s\" is not of the form key = value", slice_shown(s), s.at);
        return;
    }
    name = slice_take(&value, '=');
    parse_pair(p, slice_trim(name), slice_trim(value));
}

/* ---- what the lines say together ---- */

/* Report, where @key stands, that it is there without what it belongs to. */
static void require_beside(struct parser *p, enum definition_key key, enum definition_key other,
                           const char *why)
{
    if (p->lines[key] == 0 || p->lines[other] != 0)
        return;
    p->line = p->lines[key];
    parser_report(p, "%s: it goes with %s: %s", definition_keys[key].name,
                  definition_keys[other].name, why);
}

static void check_boot(struct parser *p, unsigned last_line)
{
    unsigned kernel = p->lines[KEY_KERNEL], multiboot = p->lines[KEY_MULTIBOOT];

    if (kernel != 0 && multiboot != 0) {
        p->line = kernel > multiboot ? kernel : multiboot;
        parser_report(p,
                      "a child starts from a kernel or from a multiboot image, and line %u has the "
                      "other: leave one of them out",
                      kernel < multiboot ? kernel : multiboot);
    } else if (kernel == 0 && multiboot == 0) {
        p->line = last_line;
        parser_report(p, "there is nothing to start: write kernel = FILE or multiboot = FILE");
    } else {
        require_beside(p, KEY_INITRD, KEY_KERNEL, "a multiboot image has module = FILE");
        require_beside(p, KEY_MODULE, KEY_MULTIBOOT, "a Linux kernel has initrd = FILE");
        require_beside(p, KEY_EXIT_PORT, KEY_MULTIBOOT, "Linux powers off by ACPI");
    }
}

static void check_limits(struct parser *p)
{
    unsigned cap = p->lines[KEY_CAP], reserve = p->lines[KEY_RESERVE];

    if (p->d->reserve <= p->d->cap)
        return;
    p->line = cap > reserve ? cap : reserve;
    parser_report(p,
                  "reserve: %" PRIu32 "%% is more than cap lets it have, %" PRIu32
                  "%% in line %u: raise cap or lower reserve",
                  p->d->reserve, p->d->cap, cap);
}

static void check_together(struct parser *p, unsigned last_line)
{
    p->line = last_line;
    if (p->lines[KEY_NAME] == 0)
        parser_report(p, "there is no name: write name = NAME");
    if (p->lines[KEY_MEMORY] == 0)
        parser_report(p, "the size of its memory is missing: write memory = 512M");
    check_limits(p);
    check_boot(p, last_line);
    p->line = last_line;
    if (!p->wrong && definition_print(p->d, NULL, 0) >= DEFINITION_TEXT_MAX)
        parser_report(p,
                      "all this is more than %d characters: shorten cmdline or the modules' lines",
                      DEFINITION_TEXT_MAX - 1);
}

static void set_defaults(struct definition *d)
{
    memset(d, 0, sizeof(*d));
    d->vps = 1;
    d->weight = DEFINITION_WEIGHT_DEFAULT;
    d->cap = DEFINITION_CAP_DEFAULT;
    d->restart = DEFINITION_RESTART_NEVER;
    d->com1 = true;
}

/* Some editors begin a file with this. */
static struct slice without_byte_order_mark(struct slice s)
{
    if (s.length >= 3 && memcmp(s.at, "\xef\xbb\xbf", 3) == 0)
        return (struct slice){s.at + 3, s.length - 3};
    return s;
}

bool definition_parse(struct definition *d, const char *text, size_t size,
                      const struct definition_world *world, definition_report report, void *context)
{
    struct parser p = {.d = d, .world = world, .report = report, .context = context, .line = 1};
    struct slice rest = without_byte_order_mark((struct slice){text, size});
    unsigned last_line = 1;

    set_defaults(d);
    if (size > DEFINITION_FILE_MAX) {
        parser_report(&p, "this is no definition: it has more than %u KiB",
                      DEFINITION_FILE_MAX >> 10);
        return false;
    }
    for (unsigned line = 1; rest.length != 0; line++) {
        p.line = last_line = line;
        parse_line(&p, slice_take(&rest, '\n'));
    }
    check_together(&p, last_line);
    return !p.wrong;
}
