/* SPDX-License-Identifier: MIT */
/* rt/elf.c - see rt/elf.h. */
#include <rt/elf.h>
#include <rt/mem.h>

const char *elf_check(const void *file, uint64_t size, struct elf_header *h)
{
    if (size < sizeof(*h))
        return "it is too short";
    memcpy(h, file, sizeof(*h));
    if (memcmp(h->ident, ELF_MAGIC, ELF_MAGIC_SIZE) != 0)
        return "it is not an ELF file";
    if (h->ident[ELF_IDENT_CLASS] != ELF_CLASS_64 || h->ident[ELF_IDENT_DATA] != ELF_LITTLE_ENDIAN ||
        h->machine != ELF_MACHINE_X86_64)
        return "it is not an ELF file for x86-64";
    if (h->type != ELF_TYPE_EXECUTABLE)
        return "it is not a fixed-address executable";
    if (h->program_size != sizeof(struct elf_program) ||
        !elf_inside(h->programs, (uint64_t)h->program_count * h->program_size, size))
        return "its program headers are not inside the file";
    return NULL;
}

bool elf_next_segment(const void *file, uint64_t size, const struct elf_header *h, uint32_t *next,
                      struct elf_program *p, const char **wrong)
{
    *wrong = NULL;
    while (*next < h->program_count) {
        memcpy(p, (const uint8_t *)file + h->programs + (uint64_t)*next * sizeof(*p), sizeof(*p));
        ++*next;
        if (p->type != ELF_PROGRAM_LOAD || p->memory_size == 0)
            continue;
        if (p->file_size <= p->memory_size && elf_inside(p->offset, p->file_size, size))
            return true;
        *wrong = "a segment is not inside the file";
        return false;
    }
    return false;
}

static void use_section(const uint8_t *file, uint64_t size, const struct elf_section *sections,
                        uint32_t count, const struct elf_section *s, struct elf_symbols *t)
{
    const struct elf_section *strings;

    if (s->type != ELF_SECTION_SYMBOLS || s->link >= count)
        return;
    strings = &sections[s->link];
    if (s->offset % _Alignof(struct elf_symbol) != 0 || !elf_inside(s->offset, s->size, size) ||
        !elf_inside(strings->offset, strings->size, size) || strings->size == 0 ||
        file[strings->offset + strings->size - 1] != '\0')
        return;
    t->symbols = (const struct elf_symbol *)(const void *)(file + s->offset);
    t->count = s->size / sizeof(struct elf_symbol);
    t->strings = (const char *)(file + strings->offset);
    t->strings_size = strings->size;
}

void elf_symbols_find(const void *file, uint64_t size, struct elf_symbols *t)
{
    const struct elf_header *h = file;
    const struct elf_section *sections;

    if (size < sizeof(*h) || memcmp(h->ident, ELF_MAGIC, ELF_MAGIC_SIZE) != 0 ||
        h->section_size != sizeof(*sections) || h->sections % _Alignof(struct elf_section) != 0 ||
        !elf_inside(h->sections, (uint64_t)h->section_count * sizeof(*sections), size))
        return;
    sections = (const struct elf_section *)(const void *)((const uint8_t *)file + h->sections);
    for (uint32_t i = 0; i < h->section_count; i++)
        use_section(file, size, sections, h->section_count, &sections[i], t);
}

const char *elf_symbol_name(const struct elf_symbols *t, uint64_t address, uint64_t *offset)
{
    for (uint64_t i = 0; i < t->count; i++) {
        const struct elf_symbol *s = &t->symbols[i];

        if ((s->info & ELF_SYMBOL_TYPE_MASK) != ELF_SYMBOL_FUNCTION || s->name >= t->strings_size)
            continue;
        if (address >= s->value && address - s->value < s->size) {
            *offset = address - s->value;
            return t->strings + s->name;
        }
    }
    return NULL;
}
