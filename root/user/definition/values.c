/* SPDX-License-Identifier: MIT */
/* definition/values.c - the keys, and what their values must be.
 *
 * A function here reports what is wrong with one value, with what to write instead, and sets its
 * part of the definition if nothing is. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "definition/parse.h"

#define MIB        (1ull << 20)
#define CHOICE_MAX 3

/* ---- choices ---- */

struct choice {
    const char *word;
    unsigned value;
};

static const char *choice_name(void *context, size_t index)
{
    const struct choice *choices = context;

    return index < CHOICE_MAX ? choices[index].word : NULL;
}

/* The value of the word in @choices, or *@value as it was. */
static void apply_choice(struct parser *p, const char *key, struct slice value,
                         struct choice choices[CHOICE_MAX], unsigned *chosen)
{
    const struct names names = {choice_name, choices};
    const char *nearest = names_nearest(&names, value);
    char list[64];

    for (size_t i = 0; i < CHOICE_MAX && choices[i].word != NULL; i++) {
        if (slice_is(value, choices[i].word)) {
            *chosen = choices[i].value;
            return;
        }
    }
    names_list(&names, list, sizeof(list));
    if (nearest != NULL)
        parser_report(p, "%s: \"%.*s\" is none of %s: did you mean %s?", key, slice_shown(value),
                      value.at, list, nearest);
    else
        parser_report(p, "%s: \"%.*s\" is none of %s", key, slice_shown(value), value.at, list);
}

static void apply_bool(struct parser *p, const char *key, struct slice value,
                       struct choice choices[CHOICE_MAX], bool *chosen)
{
    unsigned number = *chosen;

    apply_choice(p, key, value, choices, &number);
    *chosen = number != 0;
}

static void apply_console(struct parser *p, const char *key, struct slice value)
{
    struct choice choices[CHOICE_MAX] = {{"com1", true}, {"none", false}};

    apply_bool(p, key, value, choices, &p->d->com1);
}

static void apply_exit_port(struct parser *p, const char *key, struct slice value)
{
    struct choice choices[CHOICE_MAX] = {{"on", true}, {"off", false}};

    apply_bool(p, key, value, choices, &p->d->exit_port);
}

static void apply_autostart(struct parser *p, const char *key, struct slice value)
{
    struct choice choices[CHOICE_MAX] = {{"yes", true}, {"no", false}};

    apply_bool(p, key, value, choices, &p->d->autostart);
}

static void apply_restart(struct parser *p, const char *key, struct slice value)
{
    struct choice choices[CHOICE_MAX] = {{"never", DEFINITION_RESTART_NEVER},
                                         {"on-crash", DEFINITION_RESTART_ON_CRASH},
                                         {"always", DEFINITION_RESTART_ALWAYS}};
    unsigned chosen = p->d->restart;

    apply_choice(p, key, value, choices, &chosen);
    p->d->restart = (enum definition_restart)chosen;
}

/* ---- numbers ---- */

static void apply_number(struct parser *p, const char *key, struct slice value, uint32_t most,
                         uint32_t *number)
{
    uint64_t n;

    if (!text_number(value, &n) || n == 0 || n > most)
        parser_report(p, "%s: \"%.*s\" is not a number from 1 to %" PRIu32, key, slice_shown(value),
                      value.at, most);
    else
        *number = (uint32_t)n;
}

static void apply_vps(struct parser *p, const char *key, struct slice value)
{
    apply_number(p, key, value, DEFINITION_VPS_MAX, &p->d->vps);
}

static void apply_weight(struct parser *p, const char *key, struct slice value)
{
    apply_number(p, key, value, DEFINITION_WEIGHT_MAX, &p->d->weight);
}

static void apply_memory(struct parser *p, const char *key, struct slice value)
{
    uint64_t bytes;
    int shown = slice_shown(value);

    if (!text_size(value, &bytes))
        parser_report(p, "%s: \"%.*s\" is not a size: write 512M or 2G", key, shown, value.at);
    else if (bytes > DEFINITION_MEMORY_MAX)
        parser_report(p, "%s: %.*s is more than the %llu TiB that a child can have", key, shown,
                      value.at, (unsigned long long)(DEFINITION_MEMORY_MAX >> 40));
    else if (bytes < DEFINITION_MEMORY_UNIT)
        parser_report(p,
                      "%s: %.*s is less than the %llu MiB that a child needs: is the unit right?",
                      key, shown, value.at, DEFINITION_MEMORY_UNIT / MIB);
    else if (bytes % DEFINITION_MEMORY_UNIT != 0)
        parser_report(p, "%s: %.*s is not a multiple of %llu MiB: write %lluM", key, shown,
                      value.at, DEFINITION_MEMORY_UNIT / MIB,
                      (bytes / DEFINITION_MEMORY_UNIT + 1) * (DEFINITION_MEMORY_UNIT / MIB));
    else
        p->d->memory = bytes;
}

/* A part of a processor: the sign may be left out. */
static void apply_percent(struct parser *p, const char *key, struct slice value, uint64_t least,
                          uint32_t *percent)
{
    struct slice digits = value;
    uint64_t n;

    if (value.at[value.length - 1] == '%') {
        digits.length--;
        digits = slice_trim(digits);
    }
    if (!text_number(digits, &n) || n < least || n > 100)
        parser_report(p,
                      "%s: \"%.*s\" is not a part of a processor from %" PRIu64 "%% to 100%%: "
                      "write 50%%",
                      key, slice_shown(value), value.at, least);
    else
        *percent = (uint32_t)n;
}

/* Nothing at all would be a child that never runs. */
static void apply_cap(struct parser *p, const char *key, struct slice value)
{
    apply_percent(p, key, value, 1, &p->d->cap);
}

static void apply_reserve(struct parser *p, const char *key, struct slice value)
{
    apply_percent(p, key, value, 0, &p->d->reserve);
}

/* ---- names ---- */

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool name_is_good(struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        if (!name_character(s.at[i]))
            return false;
    return s.length != 0 && s.at[0] != '-' && s.at[0] != '.';
}

/* A name that is good, and looks like @s. */
static void name_suggest(struct slice s, char *name, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < s.length && n < size - 1; i++)
        if (name_character(s.at[i]) && (n != 0 || (s.at[i] != '-' && s.at[i] != '.')))
            name[n++] = s.at[i];
        else if (n != 0 && name[n - 1] != '-')
            name[n++] = '-';
    while (n != 0 && name[n - 1] == '-')
        n--;
    name[n] = '\0';
}

static void apply_name(struct parser *p, const char *key, struct slice value)
{
    if (!name_is_good(value)) {
        char better[32];
        name_suggest(value, better, sizeof(better));
        parser_report(
            p,
            "%s: \"%.*s\" is not made of letters, digits and - _ . with a letter, a digit "
            "or _ first: write %s",
            key, slice_shown(value), value.at, better[0] != '\0' ? better : "child");
    } else if (!slice_copy(value, p->d->name, sizeof(p->d->name))) {
        parser_report(p, "%s: it has %zu characters, of %d that fit", key, value.length,
                      DEFINITION_NAME_MAX - 1);
    }
}

static void report_missing_file(struct parser *p, const char *key, struct slice file,
                                const struct names *names)
{
    const char *nearest = names_nearest(names, file);
    const char *place = p->world->file_place;

    if (nearest != NULL) {
        parser_report(p, "%s: there is no \"%.*s\" in %s: did you mean %s?", key, slice_shown(file),
                      file.at, place, nearest);
    } else {
        char list[80];
        parser_report(p, "%s: there is no \"%.*s\" in %s: it has %s", key, slice_shown(file),
                      file.at, place, names_list(names, list, sizeof(list)));
    }
}

static bool names_have(const struct names *names, struct slice s)
{
    const char *name;

    for (size_t i = 0; (name = names->name(names->context, i)) != NULL; i++)
        if (slice_is(s, name))
            return true;
    return false;
}

/* Take the name of a boot module, if there is one. */
static void apply_file(struct parser *p, const char *key, struct slice file, char *to)
{
    const struct definition_world *world = p->world;
    struct slice base = file;

    while (memchr(base.at, '/', base.length) != NULL)
        slice_take(&base, '/');
    if (base.length != file.length && base.length != 0)
        parser_report(p, "%s: \"%.*s\" has a folder, and boot modules are in none: write %.*s", key,
                      slice_shown(file), file.at, slice_shown(base), base.at);
    else if (!name_is_good(file))
        parser_report(
            p, "%s: \"%.*s\" is no name of a boot module: they have letters, digits and - _ .", key,
            slice_shown(file), file.at);
    else if (!slice_copy(file, to, DEFINITION_NAME_MAX))
        parser_report(p, "%s: the name has %zu characters, of %d that fit", key, file.length,
                      DEFINITION_NAME_MAX - 1);
    else if (world != NULL && world->file != NULL) {
        const struct names names = {world->file, world->context};
        if (!names_have(&names, file))
            report_missing_file(p, key, file, &names);
    }
}

static void apply_kernel(struct parser *p, const char *key, struct slice value)
{
    p->d->boot = DEFINITION_BOOT_LINUX;
    apply_file(p, key, value, p->d->image);
}

static void apply_multiboot(struct parser *p, const char *key, struct slice value)
{
    p->d->boot = DEFINITION_BOOT_MULTIBOOT;
    apply_file(p, key, value, p->d->image);
}

static void apply_initrd(struct parser *p, const char *key, struct slice value)
{
    apply_file(p, key, value, p->d->initrd);
}

static void apply_command_line(struct parser *p, const char *key, struct slice value)
{
    if (!slice_copy(value, p->d->command_line, sizeof(p->d->command_line)))
        parser_report(p, "%s: it has %zu characters, of %d that fit", key, value.length,
                      DEFINITION_COMMAND_LINE_MAX - 1);
}

static void apply_module(struct parser *p, const char *key, struct slice value)
{
    struct definition_module *m = &p->d->modules[p->d->module_count];

    if (p->d->module_count == DEFINITION_MODULES_MAX) {
        parser_report(p, "%s: there are more than %d", key, DEFINITION_MODULES_MAX);
        return;
    }
    apply_file(p, key, slice_take_word(&value), m->file);
    if (!slice_copy(value, m->arguments, sizeof(m->arguments)))
        parser_report(p, "%s: its arguments have %zu characters, of %d that fit", key, value.length,
                      DEFINITION_MODULE_TEXT_MAX - 1);
    p->d->module_count++;
}

/* ---- disks ---- */

static size_t count_of(struct slice s, size_t from, char first, char last)
{
    size_t n = 0;

    while (from + n < s.length && s.at[from + n] >= first && s.at[from + n] <= last)
        n++;
    return n;
}

/* The length of the disk's name in @s, which may go on with a partition's number: "nvme0",
 * "nvme0p1". 0: it is neither. */
static size_t disk_name_length(struct slice s)
{
    size_t letters = count_of(s, 0, 'a', 'z');
    size_t digits = count_of(s, letters, '0', '9');
    size_t disk = letters + digits, number;

    if (letters == 0 || digits == 0 || s.length >= DEFINITION_DISK_NAME_MAX)
        return 0;
    if (disk == s.length)
        return disk;
    number = count_of(s, disk + 1, '0', '9');
    return s.at[disk] == 'p' && number != 0 && disk + 1 + number == s.length ? disk : 0;
}

/* Two names of disks or partitions: does one have what the other has? */
static bool disks_overlap(struct slice a, struct slice b)
{
    size_t disk = disk_name_length(a);

    if (disk != disk_name_length(b) || memcmp(a.at, b.at, disk) != 0)
        return false;
    if (a.length == disk || b.length == disk)
        return true; /* one of them is the whole disk */
    return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

/* Is none of the disks so far the same, or part of it? */
static bool disk_is_free(struct parser *p, const char *key, struct slice name)
{
    for (uint32_t i = 0; i < p->d->disk_count; i++) {
        const char *other = p->d->disks[i].name;
        if (disks_overlap(name, (struct slice){other, strlen(other)})) {
            parser_report(p, "%s: %.*s is given already, as disk %" PRIu32 ", %s", key,
                          slice_shown(name), name.at, i, other);
            return false;
        }
    }
    return true;
}

static bool disk_is_there(struct parser *p, const char *key, struct slice name)
{
    const struct definition_world *world = p->world;
    struct names names;
    char list[80];

    if (world == NULL || world->disk == NULL)
        return true;
    names = (struct names){world->disk, world->context};
    if (names_have(&names, name))
        return true;
    parser_report(p, "%s: root has no disk \"%.*s\": it has %s", key, slice_shown(name), name.at,
                  names_list(&names, list, sizeof(list)));
    return false;
}

static void apply_disk(struct parser *p, const char *key, struct slice value)
{
    struct definition_disk *disk = &p->d->disks[p->d->disk_count];
    struct slice options = value;
    struct slice name = slice_trim(slice_take(&options, ','));
    bool read_only = name.length != value.length;

    options = slice_trim(options);
    if (p->d->disk_count == DEFINITION_DISKS_MAX)
        parser_report(p, "%s: there are more than %d", key, DEFINITION_DISKS_MAX);
    else if (disk_name_length(name) == 0)
        parser_report(p, "%s: \"%.*s\" is no name of a disk or a partition: write nvme0 or nvme0p1",
                      key, slice_shown(name), name.at);
    else if (read_only && !slice_is(options, "ro"))
        parser_report(p, "%s: \"%.*s\" is no option of a disk: ro is the only one", key,
                      slice_shown(options), options.at);
    else if (disk_is_free(p, key, name) && disk_is_there(p, key, name)) {
        slice_copy(name, disk->name, sizeof(disk->name));
        disk->read_only = read_only;
        p->d->disk_count++;
    }
}

const struct key definition_keys[KEY_COUNT] = {
    [KEY_NAME] = {"name", apply_name, false},
    [KEY_VPS] = {"vps", apply_vps, false},
    [KEY_MEMORY] = {"memory", apply_memory, false},
    [KEY_WEIGHT] = {"weight", apply_weight, false},
    [KEY_CAP] = {"cap", apply_cap, false},
    [KEY_RESERVE] = {"reserve", apply_reserve, false},
    [KEY_KERNEL] = {"kernel", apply_kernel, false},
    [KEY_INITRD] = {"initrd", apply_initrd, false},
    [KEY_COMMAND_LINE] = {"cmdline", apply_command_line, false},
    [KEY_MULTIBOOT] = {"multiboot", apply_multiboot, false},
    [KEY_MODULE] = {"module", apply_module, true},
    [KEY_DISK] = {"disk", apply_disk, true},
    [KEY_NETWORK] = {"network", apply_network, true},
    [KEY_CONSOLE] = {"console", apply_console, false},
    [KEY_EXIT_PORT] = {"exit-port", apply_exit_port, false},
    [KEY_RESTART] = {"restart", apply_restart, false},
    [KEY_AUTOSTART] = {"autostart", apply_autostart, false},
};
