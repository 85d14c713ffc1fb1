/* SPDX-License-Identifier: MIT */
/* definition/parse.h - what the parts of the parser share. */
#ifndef USER_DEFINITION_PARSE_H
#define USER_DEFINITION_PARSE_H

#include "definition/definition.h"
#include "definition/text.h"

enum definition_key {
    KEY_NAME,
    KEY_VPS,
    KEY_MEMORY,
    KEY_WEIGHT,
    KEY_CAP,
    KEY_RESERVE,
    KEY_KERNEL,
    KEY_INITRD,
    KEY_COMMAND_LINE,
    KEY_MULTIBOOT,
    KEY_MODULE,
    KEY_DISK,
    KEY_NETWORK,
    KEY_CONSOLE,
    KEY_EXIT_PORT,
    KEY_RESTART,
    KEY_AUTOSTART,
    KEY_COUNT,
};

struct parser {
    struct definition *d;
    const struct definition_world *world;
    definition_report report;
    void *context;
    unsigned line;
    bool wrong;                /* something was reported */
    unsigned lines[KEY_COUNT]; /* where each key stands first; 0: nowhere */
};

/* A key, and what takes its value. */
struct key {
    const char *name;
    void (*apply)(struct parser *p, const char *name, struct slice value);
    bool repeatable;
};

/* network.c */
void apply_network(struct parser *p, const char *key, struct slice value);

extern const struct key definition_keys[KEY_COUNT]; /* by enum definition_key */

void parser_report(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names of one kind, that a report may suggest. */
struct names {
    const char *(*name)(void *context, size_t index);
    void *context;
};

/* The name nearest to @meant; NULL: none is near. */
const char *names_nearest(const struct names *names, struct slice meant);

/* The names, for a report: "a, b, c", or as many as fit into @size bytes, and "...". */
const char *names_list(const struct names *names, char *buffer, size_t size);

#endif
