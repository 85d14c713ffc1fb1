/* SPDX-License-Identifier: MIT */
/* root/child/image.c - see root/child/image.h. */
#include "child/image.h"

#include <hvabi/guest_boot.h>
#include <rt/elf.h>
#include <rt/mem.h>
#include <x86/pte.h>

const char *image_load(const struct image_target *t, const void *file, size_t size, uint64_t *entry)
{
    const uint8_t *bytes = file;
    struct elf_header h;
    struct elf_program p;
    const char *wrong = elf_check(file, size, &h);
    uint32_t next = 0;

    if (wrong != NULL)
        return wrong;
    while (elf_next_segment(file, size, &h, &next, &p, &wrong)) {
        if (p.physical_address < GUEST_BOOT_IMAGE_GPA ||
            !elf_inside(p.physical_address, p.memory_size, t->memory_size))
            return "a segment lies outside of the child's memory, or below 1 MiB";
        t->write(t->context, p.physical_address, bytes + p.offset, p.file_size);
        t->write(t->context, p.physical_address + p.file_size, NULL, p.memory_size - p.file_size);
    }
    if (wrong == NULL && h.entry >= t->memory_size)
        return "its entry point lies outside of the child's memory";
    *entry = h.entry;
    return wrong;
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
