/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_definition.c - any text as the definition of a child: each report names a line of
 * it, and what is taken prints to a text that parses to the same. */
#include <stdlib.h>
#include <string.h>
#include "definition/definition.h"

struct lines {
    unsigned count; /* of the file */
    unsigned reports;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok)
        abort();
}

static void report(void *context, unsigned line, const char *text)
{
    struct lines *l = context;

    require(line >= 1 && line <= l->count && text[0] != '\0' && strchr(text, '\n') == NULL);
    l->reports++;
}

static void report_none(void *context, unsigned line, const char *text)
{
    (void)context;
    (void)line;
    (void)text;
    abort();
}

static const char *name(void *context, size_t index)
{
    static const char *const names[] = {"vmlinuz", "initrd.img", "test.flat", "nvme0", "nvme0p1"};

    (void)context;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}

static void check_values(const struct definition *d)
{
    require(d->name[0] != '\0' && d->image[0] != '\0');
    require(d->vps >= 1 && d->vps <= DEFINITION_VPS_MAX);
    require(d->weight >= 1 && d->weight <= DEFINITION_WEIGHT_MAX);
    require(d->cap >= 1 && d->cap <= 100 && d->reserve <= d->cap);
    require(d->memory != 0 && d->memory % DEFINITION_MEMORY_UNIT == 0 &&
            d->memory <= DEFINITION_MEMORY_MAX);
    require(d->module_count <= DEFINITION_MODULES_MAX && d->disk_count <= DEFINITION_DISKS_MAX);
    require(d->boot == DEFINITION_BOOT_MULTIBOOT || (d->module_count == 0 && !d->exit_port));
    require(d->boot == DEFINITION_BOOT_LINUX || d->initrd[0] == '\0');
    require(d->restart <= DEFINITION_RESTART_ALWAYS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct definition d, again;
    const struct definition_world world = {name, name, NULL, "/boot"};
    char text[DEFINITION_TEXT_MAX];
    struct lines lines = {1, 0};

    for (size_t i = 0; i + 1 < size; i++)
        lines.count += data[i] == '\n';
    definition_parse(&d, (const char *)data, size, &world, report, &lines);
    lines.reports = 0;
    if (!definition_parse(&d, (const char *)data, size, NULL, report, &lines)) {
        require(lines.reports != 0);
        return 0;
    }
    require(lines.reports == 0);
    check_values(&d);
    require(definition_print(&d, text, sizeof(text)) < sizeof(text));
    memset(&again, 0x5a, sizeof(again));
    require(definition_parse(&again, text, strlen(text), NULL, report_none, NULL));
    /* NOLINTNEXTLINE(bugprone-*,cert-*): padding is zero too */
    require(memcmp(&again, &d, sizeof(d)) == 0);
    return 0;
}
