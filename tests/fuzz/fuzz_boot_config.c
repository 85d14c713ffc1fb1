/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_boot_config.c - any boot.cfg: what comes out is well-formed, and every report
 * names a line of the file. */
#include <stdlib.h>
#include <string.h>
#include "config.h"

struct lines {
    unsigned count; /* of the file */
    unsigned last;  /* that was reported */
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

    require(line > l->last && line <= l->count && text[0] != '\0');
    l->last = line;
}

static void path_check(const char *path)
{
    size_t length = strnlen(path, CONFIG_PATH_MAX);

    require(length < CONFIG_PATH_MAX);
    for (size_t i = 0; i < length; i++)
        require(path[i] > ' ' && path[i] <= '~' && path[i] != '/');
}

static void options_check(const struct config *c)
{
    const char *at = c->options;

    require(c->options_length < CONFIG_OPTIONS_MAX && strlen(c->options) == c->options_length);
    while (*at != '\0') {
        const char *end = strchr(at, '\n');
        const char *equals = strchr(at, '=');

        require(end != NULL && equals != NULL && equals < end && equals != at);
        at = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config c;
    struct lines lines = {1, 0};

    for (size_t i = 0; i < size; i++)
        lines.count += data[i] == '\n';
    config_defaults(&c);
    config_parse(&c, (const char *)data, size, report, &lines);
    require(c.launch == CONFIG_LAUNCH_AUTO || c.launch == CONFIG_LAUNCH_OFF);
    require(c.root[0] != '\0' && c.module_count <= CONFIG_MODULES_MAX);
    path_check(c.root);
    path_check(c.hypervisor);
    for (uint32_t i = 0; i < c.module_count; i++)
        path_check(c.modules[i]);
    options_check(&c);
    return 0;
}
