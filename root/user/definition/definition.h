/* SPDX-License-Identifier: MIT */
/* definition/definition.h - the definition of a child: a text of "key = value" lines, '#' comments.
 *
 * docs/children.md has the keys. All that is wrong with a text is reported, each with its line and
 * what to write instead; a definition with anything wrong is not used. Printed, a definition is a
 * text that parses to the same one: so it is handed from program to program.
 *
 * Rules: nothing is allocated; the text need not end with NUL and is not trusted. */
#ifndef USER_DEFINITION_DEFINITION_H
#define USER_DEFINITION_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rootabi/vm.h>

enum {
    DEFINITION_TEXT_MAX = 4096,         /* bytes of a definition as printed, with the NUL */
    DEFINITION_NAME_MAX = 64,           /* all of these with the NUL */
    DEFINITION_COMMAND_LINE_MAX = 2048, /* what Linux takes */
    DEFINITION_MODULE_TEXT_MAX = 256,
    DEFINITION_DISK_NAME_MAX = 16,
    DEFINITION_MODULES_MAX = 8,
    DEFINITION_DISKS_MAX = 8,
    DEFINITION_SWITCH_NAME_MAX = 16,
    DEFINITION_NETWORKS_MAX = 4,
    DEFINITION_ADDRESS_BYTES = 6,
    DEFINITION_VLAN_MAX = 4094,
    DEFINITION_RATE_MAX = 100000, /* Mbit a second */
    DEFINITION_VPS_MAX = 240,
    DEFINITION_WEIGHT_MAX = 10000,
    DEFINITION_WEIGHT_DEFAULT = 100,
    DEFINITION_CAP_DEFAULT = 100, /* all of a processor */
};

#define DEFINITION_FILE_MAX (64u << 10) /* no text that is longer is one */

#define DEFINITION_MEMORY_UNIT (2ull << 20) /* memory is a multiple of this */
#define DEFINITION_MEMORY_MAX  ((uint64_t)VM_MEMORY_MAX_MIB << 20)

enum definition_boot {
    DEFINITION_BOOT_LINUX,     /* image is a bzImage, perhaps with initrd */
    DEFINITION_BOOT_MULTIBOOT, /* image is a Multiboot 1 image, perhaps with modules */
};

enum definition_restart {
    DEFINITION_RESTART_NEVER,
    DEFINITION_RESTART_ON_CRASH, /* when it ended otherwise than by power-off, exit or stop */
    DEFINITION_RESTART_ALWAYS,   /* whenever nobody has stopped it */
};

struct definition_disk {
    char name[DEFINITION_DISK_NAME_MAX]; /* of root's: "nvme0", "nvme0p1" */
    bool read_only;
};

/* A network card. */
struct definition_network {
    char name[DEFINITION_SWITCH_NAME_MAX];     /* of root's switch: "switch0" */
    uint8_t address[DEFINITION_ADDRESS_BYTES]; /* all 0: root's choice */
    uint16_t vlan;                             /* 0: none */
    uint32_t rate;                             /* Mbit a second that it may send; 0: no limit */
};

/* A module of a Multiboot image. */
struct definition_module {
    char file[DEFINITION_NAME_MAX];
    char arguments[DEFINITION_MODULE_TEXT_MAX]; /* "": none */
};

/* Unused parts are zero, so that equal definitions are equal bytes. */
struct definition {
    char name[DEFINITION_NAME_MAX];
    uint32_t vps;
    uint32_t weight;
    uint32_t cap, reserve; /* of each VP, in percent of a processor; reserve 0: none */
    uint64_t memory;       /* bytes */
    enum definition_boot boot;
    char image[DEFINITION_NAME_MAX];  /* names of boot modules, which root has as /boot/NAME */
    char initrd[DEFINITION_NAME_MAX]; /* "": none */
    char command_line[DEFINITION_COMMAND_LINE_MAX];
    uint32_t module_count;
    uint32_t disk_count;
    uint32_t network_count;
    struct definition_module modules[DEFINITION_MODULES_MAX];
    struct definition_disk disks[DEFINITION_DISKS_MAX]; /* LUNs in this order */
    struct definition_network networks[DEFINITION_NETWORKS_MAX];
    enum definition_restart restart;
    bool com1;      /* console = com1 */
    bool exit_port; /* writes to port 0xF4 end it */
    bool autostart;
};

/* What there is for a definition to name. Lists are read by index until NULL. */
struct definition_world {
    const char *(*file)(void *context, size_t index); /* boot modules; no hook: not checked */
    const char *(*disk)(void *context,
                        size_t index); /* disks and partitions; no hook: not checked */
    void *context;
    const char *file_place; /* where the files are, for reports: "/boot" */
};

/* Told each thing that is wrong: that of a line as it is read, then what lines say together, or do
 * not say. @line counts from 1. */
typedef void (*definition_report)(void *context, unsigned line, const char *text);

/* Read the @size bytes at @text. @world: NULL or what the names must be found in. True: nothing was
 * reported, and @d is the definition. */
bool definition_parse(struct definition *d, const char *text, size_t size,
                      const struct definition_world *world, definition_report report,
                      void *context);

/* Print @d, which was parsed, to @buffer of @size bytes, always NUL-terminated: the keys in one
 * order, without those that have their default. The length that the whole text has; less than
 * DEFINITION_TEXT_MAX for what definition_parse took. */
size_t definition_print(const struct definition *d, char *buffer, size_t size);

#endif
