/* SPDX-License-Identifier: MIT */
/* vmwp/boot/multiboot.c - see multiboot.h.
 *
 * What the image is told is at BOOT_INFO_GPA, all that this points to from BOOT_COMMAND_LINE_GPA
 * on: below anything that an image or a module may overwrite. */
#include <string.h>
#include <x86/cr.h>
#include <x86/pte.h>
#include "vmwp/boot/e820.h"
#include "vmwp/boot/multiboot.h"
#include "vmwp/boot/multiboot_abi.h"
#include "vmwp/boot/multiboot_image.h"

#define LOADER_NAME "Verdigris"
#define KIB         1024u
#define ARENA_ALIGN 8u

/* Room for what the information points to. */
struct arena {
    uint8_t *bytes;
    uint32_t size, used;
};

/* Take @size bytes, whose address goes to *@gpa; NULL: they are not there. */
static void *arena_take(struct arena *a, uint64_t size, uint32_t *gpa)
{
    uint8_t *at = a->bytes + a->used;

    if (size > a->size - a->used)
        return NULL;
    *gpa = BOOT_COMMAND_LINE_GPA + a->used;
    a->used += (uint32_t)((size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN);
    if (a->used > a->size)
        a->used = a->size;
    return at;
}

static bool text_put(struct arena *a, const char *text, uint32_t *gpa)
{
    size_t size = strlen(text) + 1;
    char *to = arena_take(a, size, gpa);

    if (to != NULL)
        memcpy(to, text, size);
    return to != NULL;
}

/* The image's name, then its command line. */
static bool command_line_put(struct arena *a, const struct multiboot_boot *boot, uint32_t *gpa)
{
    size_t name = strlen(boot->name), rest = strlen(boot->command_line);
    char *to = arena_take(a, name + 1 + rest + 1, gpa);

    if (to == NULL)
        return false;
    memcpy(to, boot->name, name);
    to[name] = rest != 0 ? ' ' : '\0';
    memcpy(to + name + 1, boot->command_line, rest + 1);
    return true;
}

static bool map_put(struct arena *a, const struct guest_ram *ram, struct multiboot_info *info)
{
    struct e820_map map;
    struct multiboot_mmap entry = {.size = sizeof(entry) - sizeof(entry.size)};
    uint8_t *to;

    e820_build(&map, ram);
    info->mmap_length = (uint32_t)(map.count * sizeof(entry));
    to = arena_take(a, info->mmap_length, &info->mmap_addr);
    if (to == NULL)
        return false;
    for (uint32_t i = 0; i < map.count; i++, to += sizeof(entry)) {
        entry.base_addr = map.entries[i].address;
        entry.length = map.entries[i].size;
        entry.type = map.entries[i].type;
        memcpy(to, &entry, sizeof(entry));
    }
    return true;
}

static uint64_t page_up(uint64_t gpa)
{
    return (gpa + PAGE_MASK) & ~PAGE_MASK;
}

/* Copy @file to the first page at or behind *@end, which moves behind it. */
static bool module_load(const struct guest_ram *ram, const struct boot_file *file, uint64_t *end,
                        struct multiboot_mod *mod)
{
    uint64_t at = page_up(*end);
    uint8_t *to = file->size != 0 ? ram_at(ram, at, file->size) : NULL;

    if (at > ram->low_bytes || file->size > ram->low_bytes - at)
        return false;
    if (to != NULL)
        memcpy(to, file->bytes, file->size);
    mod->mod_start = (uint32_t)at;
    mod->mod_end = (uint32_t)(at + file->size);
    *end = at + file->size;
    return true;
}

static bool modules_put(struct arena *a, const struct guest_ram *ram,
                        const struct multiboot_boot *boot, uint64_t end,
                        struct multiboot_info *info, struct boot_error *error)
{
    struct multiboot_mod mod = {.reserved = 0};
    uint8_t *list = arena_take(a, boot->module_count * sizeof(mod), &info->mods_addr);

    info->mods_count = boot->module_count;
    for (uint32_t i = 0; i < boot->module_count; i++) {
        const struct multiboot_module *module = &boot->modules[i];
        if (list == NULL || !text_put(a, module->text, &mod.string))
            return boot_refuse(error, "has more text on its modules than fits");
        if (!module_load(ram, &module->file, &end, &mod))
            return boot_refuse(
                error, "leaves no room for the module \"%.60s\": give the child more memory",
                module->text);
        memcpy(list + i * sizeof(mod), &mod, sizeof(mod));
    }
    return true;
}

static bool information_write(const struct guest_ram *ram, const struct multiboot_boot *boot,
                              uint64_t image_end, struct boot_error *error)
{
    struct multiboot_info info = {
        .flags = MULTIBOOT_INFO_MEMORY | MULTIBOOT_INFO_COMMAND_LINE | MULTIBOOT_INFO_MODULES |
                 MULTIBOOT_INFO_MAP | MULTIBOOT_INFO_LOADER,
        .mem_lower = BOOT_LOW_END / KIB,
        .mem_upper = (uint32_t)((ram->low_bytes - BOOT_IMAGE_GPA) / KIB),
    };
    struct arena a = {.bytes = ram_at(ram, BOOT_COMMAND_LINE_GPA, BOOT_COMMAND_LINE_MAX),
                      .size = BOOT_COMMAND_LINE_MAX};
    void *to = ram_at(ram, BOOT_INFO_GPA, sizeof(info));

    if (to == NULL || a.bytes == NULL || !map_put(&a, ram, &info) ||
        !text_put(&a, LOADER_NAME, &info.boot_loader_name))
        return boot_refuse(error, "does not fit in so little memory");
    if (!command_line_put(&a, boot, &info.cmdline))
        return boot_refuse(error, "takes a command line of %u characters, and this one has %zu",
                           BOOT_COMMAND_LINE_MAX, strlen(boot->command_line));
    if (!modules_put(&a, ram, boot, image_end, &info, error))
        return false;
    memcpy(to, &info, sizeof(info));
    return true;
}

static bool registers_fill(const struct guest_ram *ram, uint32_t entry, struct boot_registers *r)
{
    r->count = 0;
    boot_register(r, HvX64RegisterCr4, 0);
    boot_register(r, HvX64RegisterEfer, 0);
    boot_register(r, HvX64RegisterCr0, CR0_PE | CR0_ET | CR0_NE);
    boot_register(r, HvX64RegisterRflags, RFLAGS_RESERVED1);
    boot_register(r, HvX64RegisterRax, MULTIBOOT_LOADER_MAGIC);
    boot_register(r, HvX64RegisterRbx, BOOT_INFO_GPA);
    boot_register(r, HvX64RegisterRip, entry);
    return boot_flat_segments(ram, r, false);
}

bool multiboot_load(const struct guest_ram *ram, const struct multiboot_boot *boot,
                    struct boot_registers *registers, struct boot_error *error)
{
    struct multiboot_image image;

    if (boot->module_count > MULTIBOOT_MODULES_MAX)
        return boot_refuse(error, "has more than %d modules", MULTIBOOT_MODULES_MAX);
    if (!multiboot_image_load(ram, &boot->image, &image, error) ||
        !information_write(ram, boot, image.end, error))
        return false;
    if (!registers_fill(ram, image.entry, registers))
        return boot_refuse(error, "does not fit in so little memory");
    return true;
}
