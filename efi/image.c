/* SPDX-License-Identifier: MIT */
/* efi/image.c - see efi/image.h. */
#include <stdbool.h>
#include <rt/elf.h>
#include <rt/mem.h>
#include "image.h"

static uint64_t page_down(uint64_t v)
{
    return v & ~(IMAGE_PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t v)
{
    return page_down(v + IMAGE_PAGE_SIZE - 1);
}

static uint32_t segment_access(uint32_t flags)
{
    return ((flags & ELF_PROGRAM_READ) != 0 ? IMAGE_READ : 0u) |
           ((flags & ELF_PROGRAM_WRITE) != 0 ? IMAGE_WRITE : 0u) |
           ((flags & ELF_PROGRAM_EXECUTE) != 0 ? IMAGE_EXECUTE : 0u);
}

static uint64_t plan_end(const struct image_plan *plan)
{
    const struct image_segment *last;

    if (plan->segment_count == 0)
        return 0;
    last = &plan->segments[plan->segment_count - 1];
    return page_up(last->address + last->memory_size);
}

static const char *segment_check(const struct image_plan *plan, const struct elf_program *s)
{
    if (plan->segment_count == IMAGE_SEGMENTS_MAX)
        return "it has too many segments";
    if (s->virtual_address < IMAGE_LOWEST_ADDRESS || s->memory_size > IMAGE_SPAN_MAX ||
        s->virtual_address > UINT64_MAX - IMAGE_SPAN_MAX - IMAGE_PAGE_SIZE)
        return "a segment is linked outside the topmost 2 GiB";
    if (page_down(s->virtual_address) < plan_end(plan))
        return "its segments overlap, share a page or are out of order";
    return NULL;
}

static const char *segment_add(struct image_plan *plan, const struct elf_program *s)
{
    const char *wrong = segment_check(plan, s);

    if (wrong != NULL)
        return wrong;
    plan->segments[plan->segment_count++] = (struct image_segment){
        .address = s->virtual_address,
        .memory_size = s->memory_size,
        .file_offset = s->offset,
        .file_size = s->file_size,
        .access = segment_access(s->flags),
    };
    return NULL;
}

/* Look for the build id among the notes of one section; malformed notes end the search. */
static void notes_scan(struct image_plan *plan, const uint8_t *file, const struct elf_section *s)
{
    uint64_t at = 0;

    while (elf_inside(at, sizeof(struct elf_note), s->size)) {
        struct elf_note note;
        uint64_t name, descriptor;

        memcpy(&note, file + s->offset + at, sizeof(note));
        name = at + sizeof(note);
        descriptor = name + (((uint64_t)note.name_size + 3) & ~3ull);
        if (!elf_inside(descriptor, note.descriptor_size, s->size))
            return;
        if (note.type == ELF_NOTE_BUILD_ID && note.name_size == sizeof("GNU") &&
            memcmp(file + s->offset + name, "GNU", sizeof("GNU")) == 0 &&
            note.descriptor_size <= IMAGE_BUILD_ID_MAX) {
            memcpy(plan->build_id, file + s->offset + descriptor, note.descriptor_size);
            plan->build_id_size = note.descriptor_size;
            return;
        }
        at = descriptor + (((uint64_t)note.descriptor_size + 3) & ~3ull);
    }
}

/* The build id is for people: an image whose sections cannot be read has none. */
static void build_id_find(struct image_plan *plan, const uint8_t *file, size_t size,
                          const struct elf_header *h)
{
    if (h->section_size != sizeof(struct elf_section) ||
        !elf_inside(h->sections, (uint64_t)h->section_count * h->section_size, size))
        return;
    for (unsigned i = 0; i < h->section_count && plan->build_id_size == 0; i++) {
        struct elf_section s;

        memcpy(&s, file + h->sections + (uint64_t)i * sizeof(s), sizeof(s));
        if (s.type == ELF_SECTION_NOTE && elf_inside(s.offset, s.size, size))
            notes_scan(plan, file, &s);
    }
}

static const char *segments_read(const uint8_t *file, size_t size, const struct elf_header *h,
                                 struct image_plan *plan)
{
    struct elf_program p;
    const char *wrong;
    uint32_t next = 0;

    while (elf_next_segment(file, size, h, &next, &p, &wrong)) {
        wrong = segment_add(plan, &p);
        if (wrong != NULL)
            break;
    }
    return wrong;
}

static bool entry_is_code(const struct image_plan *plan, uint64_t entry)
{
    for (unsigned i = 0; i < plan->segment_count; i++) {
        const struct image_segment *s = &plan->segments[i];

        if ((s->access & IMAGE_EXECUTE) != 0 && entry >= s->address &&
            entry - s->address < s->file_size)
            return true;
    }
    return false;
}

const char *image_check(const void *file, size_t size, struct image_plan *plan)
{
    struct elf_header h;
    const char *wrong;

    memset(plan, 0, sizeof(*plan));
    wrong = elf_check(file, size, &h);
    if (wrong == NULL)
        wrong = segments_read(file, size, &h, plan);
    if (wrong != NULL)
        return wrong;
    if (plan->segment_count == 0)
        return "it has no segments to load";
    build_id_find(plan, file, size, &h);
    plan->entry = h.entry;
    plan->virtual_base = page_down(plan->segments[0].address);
    plan->size = plan_end(plan) - plan->virtual_base;
    if (plan->size > IMAGE_SPAN_MAX)
        return "its segments are too far apart";
    if (!entry_is_code(plan, h.entry))
        return "its entry point is not in an executable segment";
    return NULL;
}

void image_place(const struct image_plan *plan, const void *file, void *memory)
{
    memset(memory, 0, plan->size);
    for (unsigned i = 0; i < plan->segment_count; i++) {
        const struct image_segment *s = &plan->segments[i];

        memcpy((uint8_t *)memory + (s->address - plan->virtual_base),
               (const uint8_t *)file + s->file_offset, s->file_size);
    }
}
