/* SPDX-License-Identifier: MIT */
/* efi/config.c - see efi/config.h. */
#include <stdbool.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "config.h"

#define REPORT_MAX 160 /* bytes of a report */
#define SHOWN_MAX  40  /* bytes of the file that a report quotes */

struct slice {
    const char *at;
    size_t length;
};

struct parser {
    struct config *config;
    config_report report;
    void *context;
    unsigned line;
};

struct key {
    const char *name;
    void (*apply)(struct parser *p, const struct key *key, struct slice value);
};

static void parser_report(const struct parser *p, const char *fmt, ...) FORMAT_PRINTF(2, 3);

static void parser_report(const struct parser *p, const char *fmt, ...)
{
    char text[REPORT_MAX];
    va_list ap;

    va_start(ap, fmt);
    rt_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    p->report(p->context, p->line, text);
}

/* How much of @s a report quotes: for "%.*s". */
static int slice_shown(struct slice s)
{
    return (int)(s.length < SHOWN_MAX ? s.length : SHOWN_MAX);
}

static bool slice_is(struct slice s, const char *text)
{
    return s.length == strlen(text) && memcmp(s.at, text, s.length) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice slice_trim(struct slice s)
{
    while (s.length != 0 && is_space(s.at[0])) {
        s.at++;
        s.length--;
    }
    while (s.length != 0 && is_space(s.at[s.length - 1]))
        s.length--;
    return s;
}

static struct slice slice_without_comment(struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        if (s.at[i] == '#' && (i == 0 || is_space(s.at[i - 1])))
            return (struct slice){s.at, i};
    return s;
}

static bool slice_is_text(struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        if ((uint8_t)s.at[i] < ' ' && s.at[i] != '\t')
            return false;
    return true;
}

/* A path that the firmware can open: plain ASCII, of bounded length. */
static bool path_is_good(struct slice s)
{
    if (s.length == 0 || s.length >= CONFIG_PATH_MAX)
        return false;
    for (size_t i = 0; i < s.length; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return s.at[s.length - 1] != '\\' && s.at[s.length - 1] != '/';
}

/* Copy a good path with UEFI's separator. */
static void path_copy(char *dst, struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        dst[i] = (char)(s.at[i] == '/' ? '\\' : s.at[i]);
    dst[s.length] = '\0';
}

static void apply_launch(struct parser *p, const struct key *key, struct slice value)
{
    if (slice_is(value, "auto"))
        p->config->launch = CONFIG_LAUNCH_AUTO;
    else if (slice_is(value, "off"))
        p->config->launch = CONFIG_LAUNCH_OFF;
    else
        parser_report(p, "%s: \"%.*s\" is neither auto nor off: using %s", key->name,
                      slice_shown(value), value.at,
                      p->config->launch == CONFIG_LAUNCH_OFF ? "off" : "auto");
}

static void apply_path(struct parser *p, const struct key *key, struct slice value, char *path)
{
    if (path_is_good(value))
        path_copy(path, value);
    else
        parser_report(p, "%s: \"%.*s\" is not a path: using %s", key->name, slice_shown(value),
                      value.at, path[0] != '\0' ? path : "the image that fits the processor");
}

static void apply_hypervisor(struct parser *p, const struct key *key, struct slice value)
{
    apply_path(p, key, value, p->config->hypervisor);
}

static void apply_root(struct parser *p, const struct key *key, struct slice value)
{
    apply_path(p, key, value, p->config->root);
}

static void apply_module(struct parser *p, const struct key *key, struct slice value)
{
    struct config *c = p->config;

    if (!path_is_good(value))
        parser_report(p, "%s: \"%.*s\" is not a path: left out", key->name, slice_shown(value),
                      value.at);
    else if (c->module_count == CONFIG_MODULES_MAX)
        parser_report(p, "%s: more than %d modules: \"%.*s\" is left out", key->name,
                      CONFIG_MODULES_MAX, slice_shown(value), value.at);
    else
        path_copy(c->modules[c->module_count++], value);
}

/* A key of root's or the hypervisor's: handed on as it is. */
static void apply_option(struct parser *p, const struct key *key, struct slice value)
{
    struct config *c = p->config;
    size_t name_length = strlen(key->name);
    size_t room = CONFIG_OPTIONS_MAX - 1 - c->options_length;
    char *at = c->options + c->options_length;

    if (name_length + value.length + 2 > room) {
        parser_report(p, "%s: more than %d bytes of options: left out", key->name,
                      CONFIG_OPTIONS_MAX);
        return;
    }
    memcpy(at, key->name, name_length);
    at[name_length] = '=';
    memcpy(at + name_length + 1, value.at, value.length);
    at[name_length + 1 + value.length] = '\n';
    at[name_length + 2 + value.length] = '\0';
    c->options_length += name_length + value.length + 2;
}

static const struct key KEYS[] = {
    {"hypervisorlaunchtype", apply_launch},
    {"hypervisor", apply_hypervisor},
    {"root", apply_root},
    {"module", apply_module},
    {"startup", apply_option},
    {"exec", apply_option},
    {"console", apply_option},
    {"hvdebug", apply_option},
    {"idle", apply_option},
    {"memdisk", apply_option},
    {"memnic", apply_option},
    {"rootaddress", apply_option},
    {"rootdeath", apply_option},
    {"deposit", apply_option},
    {"rootdebug", apply_option},
    {"selftest", apply_option},
    {"smt", apply_option},
};

static const struct key *key_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
        if (slice_is(name, KEYS[i].name))
            return &KEYS[i];
    return NULL;
}

static void parse_pair(struct parser *p, struct slice name, struct slice value)
{
    const struct key *key = key_find(name);

    if (key == NULL)
        parser_report(p, "unknown key \"%.*s\": ignored", slice_shown(name), name.at);
    else if (!slice_is_text(value))
        parser_report(p, "%s: the value has control characters: ignored", key->name);
    else
        key->apply(p, key, value);
}

static void parse_line(struct parser *p, struct slice line)
{
    struct slice s = slice_trim(slice_without_comment(line));
    size_t equals = 0;

    if (s.length == 0)
        return;
    while (equals < s.length && s.at[equals] != '=')
        equals++;
    if (equals == s.length) {
        parser_report(p, "\"%.*s\" is not of the form key = value: ignored", slice_shown(s), s.at);
        return;
    }
    parse_pair(p, slice_trim((struct slice){s.at, equals}),
               slice_trim((struct slice){s.at + equals + 1, s.length - equals - 1}));
}

void config_defaults(struct config *c)
{
    c->launch = CONFIG_LAUNCH_AUTO;
    c->hypervisor[0] = '\0';
    rt_strlcpy(c->root, CONFIG_DEFAULT_ROOT, sizeof(c->root));
    c->module_count = 0;
    c->options_length = 0;
    c->options[0] = '\0';
}

/* Some editors begin a file with this. */
static struct slice without_byte_order_mark(struct slice s)
{
    if (s.length >= 3 && memcmp(s.at, "\xef\xbb\xbf", 3) == 0)
        return (struct slice){s.at + 3, s.length - 3};
    return s;
}

void config_parse(struct config *c, const char *text, size_t size, config_report report,
                  void *context)
{
    struct parser p = {c, report, context, 0};
    struct slice rest = without_byte_order_mark((struct slice){text, size});

    while (rest.length != 0) {
        size_t n = 0;

        while (n < rest.length && rest.at[n] != '\n')
            n++;
        p.line++;
        parse_line(&p, (struct slice){rest.at, n});
        if (n < rest.length)
            n++;
        rest.at += n;
        rest.length -= n;
    }
}
