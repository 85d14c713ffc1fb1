/* SPDX-License-Identifier: MIT */
/* debug/symbols.c - see debug/symbols.h. System V ABI, "Object Files". */
#include "debug/symbols.h"

#include <rt/elf.h>
#include <rt/format.h>
#include "core/types.h"
#include "mm/phys.h"

extern const char build_id_note[];

static struct elf_symbols symbols;

void symbols_init(const struct boot_image *image)
{
    elf_symbols_find(hpa_ptr(hpa(image->file_base)), image->file_size, &symbols);
}

const char *symbol_name(uint64_t address, uint64_t *offset)
{
    return elf_symbol_name(&symbols, address, offset);
}

#define BUILD_ID_BYTES 20

const char *build_id(void)
{
    static char text[2 * BUILD_ID_BYTES + 1];
    const struct elf_note *note = (const void *)build_id_note;
    const uint8_t *id = (const uint8_t *)(note + 1) + ((note->name_size + 3u) & ~3u);

    for (size_t i = 0; i < BUILD_ID_BYTES; i++)
        rt_snprintf(&text[2 * i], 3, "%02x", id[i]);
    return text;
}
