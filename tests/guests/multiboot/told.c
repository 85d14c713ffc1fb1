/* SPDX-License-Identifier: MIT */
/* told.c - what the loader did and told: registers, image, command line, modules, map of memory.
 * What is due is on the command line: name= and text= of the image and of its only module, its
 * bytes= and sha256=, and memory=, the child's, in bytes. */
#include <rt/mem.h>
#include <rt/sha256.h>
#include <x86/cr.h>

#include "guest.h"
#include "multiboot.h"

#define LOADER_MAGIC 0x2badb002u
#define MIB          (1ull << 20)
#define LOW_END      0xa0000ull /* of memory below the hole at 640 KiB */
#define LOW_MAX      (3ull << 30)
#define HIGH         (4ull << 30)
#define PAGE         4096ull

enum { TEXT_MAX = 80 };

static const char *line = "";

/* Not zero in the file, zero in the file, and behind what is in the file. */
static volatile uint64_t first = 0x76657264696772ull, last_of_bss[2];

const char *command_line(void)
{
    return line;
}

static uint64_t due(const char *key)
{
    return guest_arg_number(line, key, 0);
}

/* ---- registers, image ---- */

static void check_entry(const struct entry_state *entry)
{
    check_equal("EAX is the loader's magic", entry->eax, LOADER_MAGIC);
    check_equal("EBX is aligned", entry->ebx % 4, 0);
    check_equal("CR0: protected mode, no paging", entry->cr0 & (CR0_PE | CR0_PG), CR0_PE);
    check_equal("CR4 is clear", entry->cr4, 0);
    check_equal("EFLAGS: no interrupts, no virtual-8086 mode",
                entry->eflags & (RFLAGS_IF | RFLAGS_VM), 0);
    check("CS and SS are of ring 0", (entry->cs & 3) == 0 && (entry->ss & 3) == 0);
}

static void check_image(void)
{
    check("data are there", first == 0x76657264696772ull);
    check("what is not in the file is zero", last_of_bss[0] == 0 && last_of_bss[1] == 0);
}

/* ---- command line, modules ---- */

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void check_command_line(void)
{
    char name[TEXT_MAX] = "";

    guest_arg_text(line, "name", name, sizeof(name));
    check("the command line begins with the image's name",
          name[0] != '\0' && begins_with(line, name) && line[strlen(name)] == ' ');
}

/* "FILE ARGUMENTS" */
static void check_module_text(const char *text)
{
    char file[TEXT_MAX] = "", argument[TEXT_MAX] = "";

    guest_arg_text(line, "module", file, sizeof(file));
    guest_arg_text(line, "text", argument, sizeof(argument));
    check("the module has its name and its arguments",
          begins_with(text, file) && text[strlen(file)] == ' ' &&
              strcmp(text + strlen(file) + 1, argument) == 0);
}

static void check_module_bytes(const struct module *m)
{
    char wanted[SHA256_HEX_SIZE] = "", found[SHA256_HEX_SIZE];
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256 sum;

    guest_arg_text(line, "sha256", wanted, sizeof(wanted));
    sha256_init(&sum);
    sha256_update(&sum, at(m->start), m->end - m->start);
    sha256_final(&sum, digest);
    sha256_hex(digest, found);
    check("the module's SHA-256 is that of its file", strcmp(found, wanted) == 0);
}

static void check_modules(const struct info *info)
{
    const struct module *m = at(info->modules);

    check_equal("there is one module", info->module_count, 1);
    if (info->module_count != 1)
        return;
    check_equal("the module begins with a page", m->start % PAGE, 0);
    check("the module is behind the image", m->start >= (uintptr_t)image_end);
    check_equal("the module has the size of its file", m->end - m->start, due("bytes"));
    check_module_text(at(m->text));
    check_module_bytes(m);
}

/* ---- memory ---- */

struct ram {
    uint64_t bytes, low, upper, high; /* all; at 0, at 1 MiB, at 4 GiB */
    bool ordered;
};

static void map_read(const struct info *info, struct ram *ram)
{
    uint64_t end = 0;

    *ram = (struct ram){.ordered = true};
    for (uint32_t i = 0; i < info->map_length;) {
        struct map_entry e;

        memcpy(&e, at((uint64_t)info->map + i), sizeof(e));
        i += e.size + (uint32_t)sizeof(e.size);
        ram->ordered =
            ram->ordered && e.size == sizeof(e) - sizeof(e.size) && e.base >= end && e.length != 0;
        if (!ram->ordered)
            return;
        end = e.base + e.length;
        if (e.type != MAP_RAM)
            continue;
        ram->bytes += e.length;
        ram->low += e.base == 0 ? e.length : 0;
        ram->upper += e.base == MIB ? e.length : 0;
        ram->high += e.base == HIGH ? e.length : 0;
    }
}

static void check_map(const struct info *info)
{
    uint64_t memory = due("memory"), low = memory < LOW_MAX ? memory : LOW_MAX;
    struct ram ram;

    map_read(info, &ram);
    check("the map's entries are in order", ram.ordered);
    check_equal("memory from 0 on", ram.low, LOW_END);
    check_equal("memory from 1 MiB on", ram.upper, low - MIB);
    check_equal("memory from 4 GiB on", ram.high, memory - low);
    check_equal("memory, all of it", ram.bytes, memory - (MIB - LOW_END));
    check_equal("mem_lower", info->mem_lower, LOW_END / 1024);
    check_equal("mem_upper", info->mem_upper, (low - MIB) / 1024);
}

/* The end of what the map has is memory, and not that of something else. */
static void check_end_of_memory(const struct info *info)
{
    volatile uint64_t *word = at(MIB + info->mem_upper * 1024ull - sizeof(*word));
    uint64_t before = *word;

    *word = ~before;
    check("memory goes to its end", *word == ~before);
    *word = before;
}

void check_told(const struct entry_state *entry)
{
    const uint32_t wanted = INFO_MEMORY | INFO_COMMAND | INFO_MODULES | INFO_MAP | INFO_LOADER;
    const struct info *info = at(entry->ebx);

    check_entry(entry);
    check_image();
    check_equal("the information has all of its parts", info->flags & wanted, wanted);
    if ((info->flags & wanted) != wanted)
        return;
    line = at(info->command_line);
    check("the loader has a name", begins_with(at(info->loader), "Verdigris"));
    check_command_line();
    check_modules(info);
    check_map(info);
    check_end_of_memory(info);
}
