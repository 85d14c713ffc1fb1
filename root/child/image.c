/* SPDX-License-Identifier: MIT */
/* root/child/image.c - see root/child/image.h. */
#include "child/image.h"

#include <hvabi/guest_boot.h>
#include <rt/mem.h>
#include <x86/pte.h>
#include "elf.h"

static bool header_good(const struct elf_header *h, size_t size)
{
    return size >= sizeof(*h) && memcmp(h->ident, ELF_MAGIC, ELF_MAGIC_SIZE) == 0 &&
           h->ident[4] == ELF_CLASS_64 && h->ident[5] == ELF_LITTLE_ENDIAN &&
           h->type == ELF_TYPE_EXECUTABLE && h->machine == ELF_MACHINE_X86_64 &&
           h->program_size == sizeof(struct elf_program) && h->programs <= size &&
           h->program_count <= (size - h->programs) / sizeof(struct elf_program);
}

static bool within(uint64_t start, uint64_t length, uint64_t limit)
{
    return start <= limit && length <= limit - start;
}

const char *image_load(const struct image_target *t, const void *file, size_t size, uint64_t *entry)
{
    const uint8_t *bytes = file;
    struct elf_header h;

    if (size < sizeof(h))
        return "it is too short for an ELF file";
    memcpy(&h, file, sizeof(h));
    if (!header_good(&h, size))
        return "it is no static ELF64 executable for x86-64";
    for (uint32_t i = 0; i < h.program_count; i++) {
        struct elf_program p;
        memcpy(&p, bytes + h.programs + i * sizeof(p), sizeof(p));
        if (p.type != ELF_PROGRAM_LOAD || p.memory_size == 0)
            continue;
        if (p.file_size > p.memory_size || !within(p.offset, p.file_size, size))
            return "a segment lies beyond the end of the file";
        if (p.physical_address < GUEST_BOOT_IMAGE_GPA ||
            !within(p.physical_address, p.memory_size, t->memory_size))
            return "a segment lies outside of the child's memory, or below 1 MiB";
        t->write(t->context, p.physical_address, bytes + p.offset, p.file_size);
        t->write(t->context, p.physical_address + p.file_size, NULL, p.memory_size - p.file_size);
    }
    if (!within(h.entry, 1, t->memory_size))
        return "its entry point lies outside of the child's memory";
    *entry = h.entry;
    return NULL;
}

static void write_page_tables(const struct image_target *t)
{
    uint64_t table[PTE_PER_TABLE] = {GUEST_BOOT_PDPT_GPA | PTE_P | PTE_RW};

    t->write(t->context, GUEST_BOOT_PML4_GPA, table, sizeof(table));
    for (uint32_t i = 0; i < GUEST_BOOT_PD_COUNT; i++)
        table[i] = (GUEST_BOOT_PD_GPA + i * PAGE_SIZE) | PTE_P | PTE_RW;
    t->write(t->context, GUEST_BOOT_PDPT_GPA, table, sizeof(table));
    for (uint32_t d = 0; d < GUEST_BOOT_PD_COUNT; d++) {
        for (uint64_t i = 0; i < PTE_PER_TABLE; i++)
            table[i] = (d * PAGE_SIZE_1G + i * PAGE_SIZE_2M) | PTE_P | PTE_RW | PTE_PS;
        t->write(t->context, GUEST_BOOT_PD_GPA + d * PAGE_SIZE, table, sizeof(table));
    }
}

bool image_boot_data(const struct image_target *t, const char *command_line, uint32_t vp_count,
                     uint32_t event_connection, uint32_t message_connection)
{
    struct guest_boot boot = {
        .magic = GUEST_BOOT_MAGIC,
        .memory_size = t->memory_size,
        .vp_count = vp_count,
        .cmdline_gpa = GUEST_BOOT_CMDLINE_GPA,
        .event_connection = event_connection,
        .message_connection = message_connection,
    };
    size_t length = strlen(command_line) + 1;

    if (length > GUEST_BOOT_CMDLINE_SIZE)
        return false;
    t->write(t->context, GUEST_BOOT_CMDLINE_GPA, command_line, length);
    t->write(t->context, GUEST_BOOT_GPA, &boot, sizeof(boot));
    write_page_tables(t);
    return true;
}
