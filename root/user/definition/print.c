/* SPDX-License-Identifier: MIT */
/* definition/print.c - from a definition to its text; see definition.h. */
#include <inttypes.h>
#include <string.h>
#include <stdarg.h>
#include <stdio.h>
#include "definition/definition.h"

/* A text that is written as far as it fits. */
struct output {
    char *at;
    size_t size, length;
};

static void put(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct output *o, const char *fmt, ...)
{
    bool room = o->length < o->size;
    va_list ap;

    va_start(ap, fmt);
    o->length +=
        (size_t)vsnprintf(room ? o->at + o->length : NULL, room ? o->size - o->length : 0, fmt, ap);
    va_end(ap);
}

static void put_memory(struct output *o, uint64_t bytes)
{
    if (bytes % (1ull << 30) == 0)
        put(o, "memory = %" PRIu64 "G\n", bytes >> 30);
    else
        put(o, "memory = %" PRIu64 "M\n", bytes >> 20);
}

static void put_processors(struct output *o, const struct definition *d)
{
    if (d->vps != 1)
        put(o, "vps = %" PRIu32 "\n", d->vps);
    put_memory(o, d->memory);
    if (d->weight != DEFINITION_WEIGHT_DEFAULT)
        put(o, "weight = %" PRIu32 "\n", d->weight);
    if (d->cap != DEFINITION_CAP_DEFAULT)
        put(o, "cap = %" PRIu32 "%%\n", d->cap);
    if (d->reserve != 0)
        put(o, "reserve = %" PRIu32 "%%\n", d->reserve);
}

static void put_boot(struct output *o, const struct definition *d)
{
    put(o, "%s = %s\n", d->boot == DEFINITION_BOOT_LINUX ? "kernel" : "multiboot", d->image);
    if (d->initrd[0] != '\0')
        put(o, "initrd = %s\n", d->initrd);
    if (d->command_line[0] != '\0')
        put(o, "cmdline = %s\n", d->command_line);
    for (uint32_t i = 0; i < d->module_count; i++) {
        const struct definition_module *m = &d->modules[i];
        put(o, "module = %s%s%s\n", m->file, m->arguments[0] != '\0' ? " " : "", m->arguments);
    }
}

static const char *restart_word(enum definition_restart restart)
{
    switch (restart) {
    case DEFINITION_RESTART_ON_CRASH:
        return "on-crash";
    case DEFINITION_RESTART_ALWAYS:
        return "always";
    case DEFINITION_RESTART_NEVER:
    default:
        return "never";
    }
}

static void put_network(struct output *o, const struct definition_network *n)
{
    static const uint8_t none[DEFINITION_ADDRESS_BYTES];
    const uint8_t *a = n->address;

    put(o, "network = %s", n->name);
    if (memcmp(a, none, sizeof(none)) != 0)
        put(o, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
    if (n->vlan != 0)
        put(o, ",vlan=%u", n->vlan);
    if (n->rate != 0)
        put(o, ",rate=%" PRIu32, n->rate);
    put(o, "\n");
}

static void put_devices(struct output *o, const struct definition *d)
{
    for (uint32_t i = 0; i < d->disk_count; i++)
        put(o, "disk = %s%s\n", d->disks[i].name, d->disks[i].read_only ? ",ro" : "");
    for (uint32_t i = 0; i < d->network_count; i++)
        put_network(o, &d->networks[i]);
    if (!d->com1)
        put(o, "console = none\n");
    if (d->exit_port)
        put(o, "exit-port = on\n");
}

size_t definition_print(const struct definition *d, char *buffer, size_t size)
{
    struct output o = {.at = buffer, .size = size};

    put(&o, "name = %s\n", d->name);
    put_processors(&o, d);
    put_boot(&o, d);
    put_devices(&o, d);
    if (d->restart != DEFINITION_RESTART_NEVER)
        put(&o, "restart = %s\n", restart_word(d->restart));
    if (d->autostart)
        put(&o, "autostart = yes\n");
    return o.length;
}
