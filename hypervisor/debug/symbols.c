/* SPDX-License-Identifier: MIT */
/* debug/symbols.c - see debug/symbols.h. System V ABI, "Object Files". */
#include "debug/symbols.h"

#include <elf.h>
#include <rt/format.h>
#include "core/types.h"
#include "mm/phys.h"

extern const char build_id_note[];

static struct {
    const Elf64_Sym *table;
    uint64_t count;
    const char *strings;
    uint64_t strings_size;
} symbols;

static bool within(const struct boot_image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->file_size && size <= image->file_size - offset;
}

void symbols_init(const struct boot_image *image)
{
    const char *file = hpa_ptr(hpa(image->file_base));
    const Elf64_Ehdr *eh = (const void *)file;
    const Elf64_Shdr *sh = (const void *)(file + eh->e_shoff);

    if (image->file_size < sizeof(*eh) || eh->e_shentsize != sizeof(*sh) ||
        !within(image, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(*sh)))
        return;
    for (unsigned i = 0; i < eh->e_shnum; i++) {
        if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= eh->e_shnum)
            continue;
        const Elf64_Shdr *strings = &sh[sh[i].sh_link];
        if (!within(image, sh[i].sh_offset, sh[i].sh_size) ||
            !within(image, strings->sh_offset, strings->sh_size) || strings->sh_size == 0 ||
            file[strings->sh_offset + strings->sh_size - 1] != '\0')
            return;
        symbols.table = (const void *)(file + sh[i].sh_offset);
        symbols.count = sh[i].sh_size / sizeof(Elf64_Sym);
        symbols.strings = file + strings->sh_offset;
        symbols.strings_size = strings->sh_size;
    }
}

const char *symbol_name(uint64_t address, uint64_t *offset)
{
    for (uint64_t i = 0; i < symbols.count; i++) {
        const Elf64_Sym *s = &symbols.table[i];
        if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || address < s->st_value ||
            address - s->st_value >= s->st_size || s->st_name >= symbols.strings_size)
            continue;
        *offset = address - s->st_value;
        return symbols.strings + s->st_name;
    }
    return NULL;
}

#define BUILD_ID_BYTES 20

const char *build_id(void)
{
    static char text[2 * BUILD_ID_BYTES + 1];
    const Elf64_Nhdr *note = (const void *)build_id_note;
    const uint8_t *id = (const uint8_t *)(note + 1) + ((note->n_namesz + 3u) & ~3u);

    for (size_t i = 0; i < BUILD_ID_BYTES; i++)
        rt_snprintf(&text[2 * i], 3, "%02x", id[i]);
    return text;
}
