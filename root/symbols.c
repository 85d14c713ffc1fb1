/* SPDX-License-Identifier: MIT */
/* root/symbols.c - names for addresses, from the symbol table of our own ELF file, and the build
 * ID. The file was already checked by the loader; every offset is checked again all the same. */
#include <stdbool.h>
#include <stddef.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "elf.h"
#include "image.h"
#include "panic.h"

static struct {
    const struct elf_symbol *symbols;
    uint64_t count;
    const char *strings;
    uint64_t strings_size;
} table;

static bool inside(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

static void use_section(const uint8_t *file, uint64_t size, const struct elf_section *sections,
                        uint32_t count, const struct elf_section *s)
{
    const struct elf_section *strings;

    if (s->type != ELF_SECTION_SYMBOLS || s->link >= count)
        return;
    strings = &sections[s->link];
    if (!inside(s->offset, s->size, size) || !inside(strings->offset, strings->size, size) ||
        strings->size == 0 || file[strings->offset + strings->size - 1] != '\0')
        return;
    table.symbols = (const struct elf_symbol *)(const void *)(file + s->offset);
    table.count = s->size / sizeof(struct elf_symbol);
    table.strings = (const char *)(file + strings->offset);
    table.strings_size = strings->size;
}

void symbols_init(const void *elf, uint64_t size)
{
    const uint8_t *file = elf;
    const struct elf_header *h = elf;
    const struct elf_section *sections;

    if (size < sizeof(*h) || memcmp(h->ident, ELF_MAGIC, ELF_MAGIC_SIZE) != 0 ||
        h->section_size != sizeof(*sections) ||
        !inside(h->sections, (uint64_t)h->section_count * sizeof(*sections), size))
        return;
    sections = (const struct elf_section *)(const void *)(file + h->sections);
    for (uint32_t i = 0; i < h->section_count; i++)
        use_section(file, size, sections, h->section_count, &sections[i]);
}

const char *symbols_find(uint64_t address, uint64_t *offset)
{
    for (uint64_t i = 0; i < table.count; i++) {
        const struct elf_symbol *s = &table.symbols[i];

        if ((s->info & ELF_SYMBOL_TYPE_MASK) != ELF_SYMBOL_FUNCTION || s->name >= table.strings_size)
            continue;
        if (address >= s->value && address - s->value < s->size) {
            *offset = address - s->value;
            return table.strings + s->name;
        }
    }
    return NULL;
}

const char *build_id(void)
{
    /* An ELF note: three words, "GNU\0", then the ID. */
    enum { NOTE_HEADER = 16, ID_MAX = 20 };
    static char text[2 * ID_MAX + 1];
    size_t size = (size_t)(image_build_id_end - image_build_id);

    if (text[0] != '\0')
        return text;
    for (size_t i = NOTE_HEADER; i < size && i < NOTE_HEADER + ID_MAX; i++)
        rt_snprintf(text + 2 * (i - NOTE_HEADER), 3, "%02x", image_build_id[i]);
    return text;
}
