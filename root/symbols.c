/* SPDX-License-Identifier: MIT */
/* root/symbols.c - names for addresses, from the symbol table of our own ELF file, and the build
 * ID. */
#include <stddef.h>
#include <rt/elf.h>
#include <rt/format.h>
#include "image.h"
#include "panic.h"

static struct elf_symbols table;

void symbols_init(const void *elf, uint64_t size)
{
    elf_symbols_find(elf, size, &table);
}

const char *symbols_find(uint64_t address, uint64_t *offset)
{
    return elf_symbol_name(&table, address, offset);
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
