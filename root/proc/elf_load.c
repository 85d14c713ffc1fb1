/* SPDX-License-Identifier: MIT */
/* root/proc/elf_load.c - see elf_load.h. The file may come from anybody: headers are copied, then
 * checked. */
#include <stdbool.h>
#include <stddef.h>
#include <rt/mem.h>
#include "elf.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/elf_load.h"

static const char *header_check(const struct elf_header *h, uint64_t size)
{
    if (memcmp(h->ident, ELF_MAGIC, ELF_MAGIC_SIZE) != 0 || h->ident[4] != ELF_CLASS_64 ||
        h->ident[5] != ELF_LITTLE_ENDIAN || h->machine != ELF_MACHINE_X86_64)
        return "not an ELF file for x86-64";
    if (h->type != ELF_TYPE_EXECUTABLE)
        return "not a static executable";
    if (h->program_size != sizeof(struct elf_program) || h->programs > size ||
        (uint64_t)h->program_count * h->program_size > size - h->programs)
        return "program headers outside the file";
    if (h->entry < USER_BASE || h->entry >= USER_END)
        return "entry point outside ring 3";
    return NULL;
}

static bool segment_is_sane(const struct elf_program *p, uint64_t size)
{
    return p->file_size <= p->memory_size && p->offset <= size &&
           p->file_size <= size - p->offset && p->virtual_address >= USER_BASE &&
           p->virtual_address < USER_END && p->memory_size <= USER_END - p->virtual_address;
}

static uint32_t segment_access(const struct elf_program *p)
{
    return SPACE_READ | ((p->flags & ELF_PROGRAM_WRITE) != 0 ? SPACE_WRITE : 0u) |
           ((p->flags & ELF_PROGRAM_EXECUTE) != 0 ? SPACE_EXECUTE : 0u);
}

static const char *segment_load(struct address_space *space, const uint8_t *file, uint64_t size,
                                const struct elf_program *p)
{
    uint64_t base = p->virtual_address & ~PAGE_MASK;

    if (!segment_is_sane(p, size))
        return "a segment outside the file or ring 3";
    if ((p->flags & ELF_PROGRAM_WRITE) != 0 && (p->flags & ELF_PROGRAM_EXECUTE) != 0)
        return "a segment both writable and executable";
    if (space_map(space, base, p->virtual_address - base + p->memory_size, segment_access(p)) < 0)
        return "segments overlap, or no memory";
    if (!space_write(space, p->virtual_address, file + p->offset, p->file_size))
        return "a segment could not be filled";
    return NULL;
}

const char *elf_load(struct address_space *space, const void *file, uint64_t size, uint64_t *entry)
{
    struct elf_header h;
    const char *wrong;

    if (size < sizeof(h))
        return "too short";
    memcpy(&h, file, sizeof(h));
    wrong = header_check(&h, size);
    for (unsigned i = 0; i < h.program_count && wrong == NULL; i++) {
        struct elf_program p;

        memcpy(&p, (const uint8_t *)file + h.programs + i * sizeof(p), sizeof(p));
        if (p.type == ELF_PROGRAM_LOAD && p.memory_size != 0)
            wrong = segment_load(space, file, size, &p);
    }
    *entry = h.entry;
    return wrong;
}
