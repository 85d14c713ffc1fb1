/* SPDX-License-Identifier: MIT */
/* vmwp/boot/multiboot_image.c - see multiboot_image.h. */
#include <string.h>
#include "vmwp/boot/multiboot_abi.h"
#include "vmwp/boot/multiboot_image.h"

/* Copy the header at @offset to @h, what is not there as zero. Is it one? */
static bool header_at(const struct boot_file *file, uint64_t offset, struct multiboot_header *h)
{
    size_t size = boot_inside(file, offset, sizeof(*h)) ? sizeof(*h) : MULTIBOOT_HEADER_MIN;

    if (!boot_inside(file, offset, size))
        return false;
    memset(h, 0, sizeof(*h));
    memcpy(h, file->bytes + offset, size);
    if (h->magic != MULTIBOOT_HEADER_MAGIC || h->magic + h->flags + h->checksum != 0)
        return false;
    return !(h->flags & MULTIBOOT_ADDRESSES) || size == sizeof(*h);
}

/* Find the header; the file's offset of it is in *@offset. */
static bool header_find(const struct boot_file *file, struct multiboot_header *h, uint64_t *offset,
                        struct boot_error *error)
{
    for (*offset = 0; *offset + MULTIBOOT_HEADER_MIN <= MULTIBOOT_SEARCH;
         *offset += MULTIBOOT_HEADER_ALIGN)
        if (header_at(file, *offset, h))
            return true;
    return boot_refuse(error, "is not a Multiboot 1 image: its first 8 KiB have no header");
}

static bool header_check(const struct multiboot_header *h, struct boot_error *error)
{
    uint32_t unknown = h->flags & MULTIBOOT_REQUIRED &
                       ~(MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_VIDEO_MODE);

    if (h->flags & MULTIBOOT_VIDEO_MODE)
        return boot_refuse(error, "asks for a graphics mode, and a child has no graphics");
    if (unknown != 0)
        return boot_refuse(error, "asks for what its loader does not know: header flags 0x%x",
                           unknown);
    return true;
}

/* Put @file_size bytes of the file, and zeros up to @memory_size, to @gpa. */
static bool segment_load(const struct guest_ram *ram, const uint8_t *bytes, uint64_t file_size,
                         uint64_t gpa, uint64_t memory_size, struct boot_error *error)
{
    uint8_t *to = gpa >= BOOT_IMAGE_GPA ? ram_at(ram, gpa, memory_size) : NULL;

    if (to == NULL || gpa + memory_size > ram->low_bytes)
        return boot_refuse(error,
                           "wants to be at 0x%llx to 0x%llx, and the child's memory for it is "
                           "0x%x to 0x%llx",
                           (unsigned long long)gpa, (unsigned long long)(gpa + memory_size),
                           BOOT_IMAGE_GPA, (unsigned long long)ram->low_bytes);
    memcpy(to, bytes, file_size);
    memset(to + file_size, 0, memory_size - file_size);
    return true;
}

static bool entry_check(const struct multiboot_image *image, struct boot_error *error)
{
    if (image->entry < BOOT_IMAGE_GPA || image->entry >= image->end)
        return boot_refuse(error, "has its entry point at 0x%x, outside of the image",
                           image->entry);
    return true;
}

/* ---- flat: the addresses are in the header, which lies at @offset ---- */

static bool flat_load(const struct guest_ram *ram, const struct boot_file *file,
                      const struct multiboot_header *h, uint64_t offset,
                      struct multiboot_image *image, struct boot_error *error)
{
    uint64_t before = (uint64_t)h->header_addr - h->load_addr; /* the header, in what is loaded */
    uint64_t file_size, memory_size;

    if (h->load_addr > h->header_addr || before > offset)
        return boot_refuse(error, "begins, by its header's addresses, before the file does");
    file_size = file->size - (offset - before);
    if (h->load_end_addr != 0) {
        if (h->load_end_addr < h->load_addr || h->load_end_addr - h->load_addr > file_size)
            return boot_refuse(error,
                               "is cut short: by its header's addresses there is more of it");
        file_size = h->load_end_addr - h->load_addr;
    }
    memory_size = file_size;
    if (h->bss_end_addr != 0) {
        if (h->bss_end_addr < h->load_addr || h->bss_end_addr - h->load_addr < file_size)
            return boot_refuse(error, "ends, by its header's addresses, before its data do");
        memory_size = h->bss_end_addr - h->load_addr;
    }
    image->entry = h->entry_addr;
    image->end = h->load_addr + memory_size;
    return segment_load(ram, file->bytes + (offset - before), file_size, h->load_addr, memory_size,
                        error) &&
           entry_check(image, error);
}

/* ---- ELF32 ---- */

static bool elf_copy(const struct boot_file *file, struct elf32_header *h, struct boot_error *error)
{
    if (!boot_is_elf(file) || file->size < sizeof(*h))
        return boot_refuse(error, "is neither an ELF file nor has its header any addresses");
    memcpy(h, file->bytes, sizeof(*h));
    if (h->ident[ELF32_IDENT_CLASS] != ELF32_CLASS_32)
        return boot_refuse(error, "is an ELF64 file: make it one for 32 bits, by "
                                  "objcopy -O elf32-i386");
    if (h->ident[ELF32_IDENT_DATA] != ELF32_LITTLE_ENDIAN || h->type != ELF32_TYPE_EXECUTABLE ||
        h->machine != ELF32_MACHINE_386)
        return boot_refuse(error, "is not an ELF executable for the i386");
    if (h->program_size < sizeof(struct elf32_program) ||
        !boot_inside(file, h->programs, (uint64_t)h->program_count * h->program_size))
        return boot_refuse(error,
                           "is cut short, or no ELF file: its program headers are not in it");
    return true;
}

static bool elf_segment(const struct guest_ram *ram, const struct boot_file *file, uint64_t offset,
                        struct multiboot_image *image, struct boot_error *error)
{
    struct elf32_program p;

    memcpy(&p, file->bytes + offset, sizeof(p));
    if (p.type != ELF32_PROGRAM_LOAD || p.memory_size == 0)
        return true;
    if (p.file_size > p.memory_size || !boot_inside(file, p.offset, p.file_size))
        return boot_refuse(error, "is cut short, or no ELF file: a segment is not in it");
    if (image->end < (uint64_t)p.physical_address + p.memory_size)
        image->end = (uint64_t)p.physical_address + p.memory_size;
    return segment_load(ram, file->bytes + p.offset, p.file_size, p.physical_address, p.memory_size,
                        error);
}

static bool elf_load(const struct guest_ram *ram, const struct boot_file *file,
                     struct multiboot_image *image, struct boot_error *error)
{
    struct elf32_header h;

    if (!elf_copy(file, &h, error))
        return false;
    image->entry = h.entry;
    image->end = 0;
    for (uint64_t i = 0; i < h.program_count; i++)
        if (!elf_segment(ram, file, h.programs + i * h.program_size, image, error))
            return false;
    return entry_check(image, error);
}

bool multiboot_image_load(const struct guest_ram *ram, const struct boot_file *file,
                          struct multiboot_image *image, struct boot_error *error)
{
    struct multiboot_header h;
    uint64_t offset;

    if (!header_find(file, &h, &offset, error) || !header_check(&h, error))
        return false;
    return h.flags & MULTIBOOT_ADDRESSES ? flat_load(ram, file, &h, offset, image, error)
                                         : elf_load(ram, file, image, error);
}
