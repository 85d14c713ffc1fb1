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

struct listing {
    char **names;
    size_t count;
};

struct checked {
    const char *file;
    struct definition definition;
};

static void *require(void *memory)
{
    if (memory == NULL) {
        fputs("check: out of memory\n", stderr);
        exit(EXIT_USAGE);
    }
    return memory;
}

static void listing_read(struct listing *l, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    *l = (struct listing){NULL, 0};
    if (dir == NULL) {
        perror(folder);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        l->names = require(realloc(l->names, (l->count + 1) * sizeof(l->names[0])));
        l->names[l->count++] = require(strdup(entry->d_name));
    }
    closedir(dir);
}

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->names[i]);
    free(l->names);
}

static const char *listing_name(void *context, size_t index)
{
    const struct listing *l = context;

    return index < l->count ? l->names[index] : NULL;
}

/* The folder that @file is in; the caller frees it. */
static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        return require(strdup("."));
    return require(strndup(file, slash == file ? 1 : (size_t)(slash - file)));
}

/* The whole file, and one byte more of one that is too long; NULL: it cannot be read. */
static char *file_read(const char *file, size_t *size)
{
    char *text = require(malloc(DEFINITION_FILE_MAX + 1));
    FILE *f = fopen(file, "r");

    *size = f != NULL ? fread(text, 1, DEFINITION_FILE_MAX + 1, f) : 0;
    if (f == NULL || ferror(f)) {
        perror(file);
        free(text);
        text = NULL;
    }
    if (f != NULL)
        fclose(f);
    return text;
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
    size_t size;
    char *text = file_read(c->file, &size);
    char *place = folder != NULL ? require(strdup(folder)) : folder_of(c->file);
    struct listing files;
    const struct definition_world world = {
        .file = listing_name, .context = &files, .file_place = place};
    char name[256];
    bool fine;

    listing_read(&files, place);
    snprintf(name, sizeof(name), "%s", c->file);
    fine = text != NULL && definition_parse(&c->definition, text, size, &world, report, name);
    listing_free(&files);
    free(place);
    free(text);
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
    struct checked *all = require(calloc(count, sizeof(*all)));
    size_t fine = 0;

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
