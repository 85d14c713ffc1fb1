/* SPDX-License-Identifier: MIT */
/* definition/check.c - a program of the host: says what is wrong with definitions of children, as
 * vmms would. Boot modules are looked for beside each definition, or in one folder; what disks
 * there are only root knows. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "definition/definition.h"

enum { EXIT_FINE = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

static const char USAGE[] = "usage: check-definition [--dir DIR] FILE...\n"
                            "\n"
                            "Says what is wrong with definitions of children. Kernels, initrds, "
                            "images and modules must be in\n"
                            "the definition's folder, or in DIR; disks are not looked for.\n";

#define PATH_MAX_SHOWN 4096

struct listing {
    struct dirent **entries;
    int count;
};

struct checked {
    const char *file;
    struct definition definition;
};

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void listing_read(struct listing *l, const char *folder)
{
    l->count = scandir(folder, &l->entries, is_visible, alphasort);
    if (l->count < 0)
        perror(folder);
}

static void listing_free(struct listing *l)
{
    for (int i = 0; i < l->count; i++)
        free(l->entries[i]);
    if (l->count >= 0)
        free(l->entries);
}

static const char *listing_name(void *context, size_t index)
{
    const struct listing *l = context;

    return l->count >= 0 && index < (size_t)l->count ? l->entries[index]->d_name : NULL;
}

/* The folder that @file is in. */
static void folder_of(const char *file, char *folder, size_t size)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        snprintf(folder, size, ".");
    else
        snprintf(folder, size, "%.*s", slash == file ? 1 : (int)(slash - file), file);
}

/* The whole file, and one byte more of one that is too long. False: it cannot be read. */
static bool file_read(const char *file, char text[DEFINITION_FILE_MAX + 1], size_t *size)
{
    FILE *f = fopen(file, "r");
    bool read;

    *size = f != NULL ? fread(text, 1, DEFINITION_FILE_MAX + 1, f) : 0;
    read = f != NULL && !ferror(f);
    if (!read)
        perror(file);
    if (f != NULL)
        fclose(f);
    return read;
}

static void report(void *context, unsigned line, const char *text)
{
    const char *file = context;

    fprintf(stderr, "%s:%u: %s\n", file, line, text);
}

static void describe(const struct checked *c)
{
    const struct definition *d = &c->definition;

    printf("%s: %s: %" PRIu32 " VP%s, %" PRIu64 " MiB, %s %s%s%s, %" PRIu32 " disk%s\n", c->file,
           d->name, d->vps, d->vps == 1 ? "" : "s", d->memory >> 20,
           d->boot == DEFINITION_BOOT_LINUX ? "Linux" : "Multiboot", d->image,
           d->initrd[0] != '\0' ? " with " : "", d->initrd, d->disk_count,
           d->disk_count == 1 ? "" : "s");
}

static bool check_file(struct checked *c, const char *folder)
{
    static char text[DEFINITION_FILE_MAX + 1];
    char place[PATH_MAX_SHOWN], name[PATH_MAX_SHOWN];
    struct listing files;
    const struct definition_world world = {
        .file = listing_name, .context = &files, .file_place = place};
    size_t size;
    bool fine;

    if (!file_read(c->file, text, &size))
        return false;
    folder_of(c->file, place, sizeof(place));
    if (folder != NULL)
        snprintf(place, sizeof(place), "%s", folder);
    snprintf(name, sizeof(name), "%s", c->file);
    listing_read(&files, place);
    fine = definition_parse(&c->definition, text, size, &world, report, name);
    listing_free(&files);
    return fine;
}

/* No two children have one name. */
static bool check_name(const struct checked *all, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(all[i].definition.name, all[index].definition.name) == 0) {
            fprintf(stderr, "%s: the name %s is also that of %s\n", all[index].file,
                    all[index].definition.name, all[i].file);
            return false;
        }
    }
    return true;
}

static int check_all(char **files, size_t count, const char *folder)
{
    struct checked *all = calloc(count, sizeof(*all));
    size_t fine = 0;

    if (all == NULL) {
        perror("check");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < count; i++) {
        struct checked *c = &all[fine];
        c->file = files[i];
        if (!check_file(c, folder) || !check_name(all, fine))
            continue;
        describe(c);
        fine++;
    }
    free(all);
    return fine == count ? EXIT_FINE : EXIT_WRONG;
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    int at = 1;

    if (argc > 2 && strcmp(argv[1], "--dir") == 0) {
        folder = argv[2];
        at = 3;
    }
    if (at >= argc || argv[at][0] == '-') {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    return check_all(argv + at, (size_t)(argc - at), folder);
}
