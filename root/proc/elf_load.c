/* SPDX-License-Identifier: MIT */
/* root/proc/elf_load.c - see elf_load.h. The file may come from anybody. */
#include <stdbool.h>
#include <stddef.h>
#include <rt/elf.h>
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/elf_load.h"

static bool segment_is_of_ring_3(const struct elf_program *p)
{
    return p->virtual_address >= USER_BASE && p->virtual_address < USER_END &&
           p->memory_size <= USER_END - p->virtual_address;
}

static uint32_t segment_access(const struct elf_program *p)
{
    return SPACE_READ | ((p->flags & ELF_PROGRAM_WRITE) != 0 ? SPACE_WRITE : 0u) |
           ((p->flags & ELF_PROGRAM_EXECUTE) != 0 ? SPACE_EXECUTE : 0u);
}

static const char *segment_load(struct address_space *space, const uint8_t *file,
                                const struct elf_program *p)
{
    uint64_t base = p->virtual_address & ~PAGE_MASK;

    if (!segment_is_of_ring_3(p))
        return "a segment outside ring 3";
    if ((p->flags & ELF_PROGRAM_WRITE) != 0 && (p->flags & ELF_PROGRAM_EXECUTE) != 0)
        return "a segment both writable and executable";
    if (space_map(space, base, p->virtual_address - base + p->memory_size, segment_access(p)) < 0)
        return "segments overlap, or no memory";
    if (!space_write(space, p->virtual_address, file + p->offset, p->file_size))
        return "a segment could not be filled";
    return NULL;
}

/* @p is loaded: what of @h it tells. */
static void note_segment(struct elf_loaded *l, const struct elf_header *h,
                         const struct elf_program *p)
{
    uint64_t end = (p->virtual_address + p->memory_size + PAGE_MASK) & ~PAGE_MASK;
    uint64_t size = (uint64_t)h->program_count * sizeof(*p);

    if (end > l->end)
        l->end = end;
    if (h->programs >= p->offset && elf_inside(h->programs - p->offset, size, p->file_size))
        l->headers = p->virtual_address + (h->programs - p->offset);
}

const char *elf_load(struct address_space *space, const void *file, uint64_t size,
                     struct elf_loaded *loaded)
{
    struct elf_header h;
    struct elf_program p;
    const char *wrong = elf_check(file, size, &h);
    uint32_t next = 0;

    if (wrong != NULL)
        return wrong;
    if (h.entry < USER_BASE || h.entry >= USER_END)
        return "its entry point is outside ring 3";
    *loaded = (struct elf_loaded){.entry = h.entry, .header_count = h.program_count};
    while (elf_next_segment(file, size, &h, &next, &p, &wrong)) {
        wrong = segment_load(space, file, &p);
        if (wrong != NULL)
            break;
        note_segment(loaded, &h, &p);
    }
    return wrong;
}
