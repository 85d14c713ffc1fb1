/* SPDX-License-Identifier: MIT */
/* efi/image.h - ELF64 images: checked, then placed.
 *
 * Rules: image_check() trusts nothing in the file and touches no byte beyond its size;
 * image_place() acts on a plan that image_check() has filled and cannot fail. */
#ifndef EFI_IMAGE_H
#define EFI_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_SEGMENTS_MAX 16
#define IMAGE_SPAN_MAX     (256ull << 20) /* bytes of memory that an image may occupy */
#define IMAGE_PAGE_SIZE    4096ull
#define IMAGE_BUILD_ID_MAX 20 /* bytes: a SHA-1 */

/* Images are linked into the topmost 2 GiB (-mcmodel=kernel). */
#define IMAGE_LOWEST_ADDRESS 0xffffffff80000000ull

enum {
    IMAGE_READ = 1,
    IMAGE_WRITE = 2,
    IMAGE_EXECUTE = 4,
};

struct image_segment {
    uint64_t address;     /* linked virtual address */
    uint64_t memory_size; /* bytes, not 0 */
    uint64_t file_offset;
    uint64_t file_size; /* bytes, at most memory_size; the rest is zero */
    uint32_t access;    /* IMAGE_READ ... */
    uint32_t reserved;
};

struct image_plan {
    uint64_t virtual_base; /* of the first page */
    uint64_t size;         /* bytes, a multiple of the page size */
    uint64_t entry;
    uint32_t segment_count;
    uint32_t build_id_size; /* bytes; 0: the image has none */
    uint8_t build_id[IMAGE_BUILD_ID_MAX];
    struct image_segment segments[IMAGE_SEGMENTS_MAX];
};

/* Read the @size bytes at @file into @plan. NULL, or what is wrong with the file; then @plan is
 * undefined. */
const char *image_check(const void *file, size_t size, struct image_plan *plan);

/* Write the image's memory, plan->size bytes at @memory, from the checked @file. */
void image_place(const struct image_plan *plan, const void *file, void *memory);

#endif
