/* SPDX-License-Identifier: MIT */
/* efi/paging.h - the page tables an image is entered with (APM vol. 2, 5.3: four levels).
 *
 * Tables are taken one after the other from a block of memory that is mapped one to one, whose size
 * paging_bytes() gives beforehand: nothing here can run out or fail. */
#ifndef EFI_PAGING_H
#define EFI_PAGING_H

#include <stdbool.h>
#include <stdint.h>
#include "image.h"

struct paging {
    uint64_t next; /* physical address of the next free table */
    uint64_t cr3;
};

/* Bytes of tables for an identity map of @identity_size and the image of @plan. */
uint64_t paging_bytes(uint64_t identity_size, bool gib_pages, const struct image_plan *plan);

/* Begin with an empty map whose tables are taken from @block, page-aligned. */
void paging_init(struct paging *p, uint64_t block);

/* Map [0, @size) one to one, writable and executable, with 1 GiB or 2 MiB pages. @size is a
 * multiple of 1 GiB. */
void paging_map_identity(struct paging *p, uint64_t size, bool gib_pages);

/* Map the segments of @plan, whose memory is at @physical_base, each with its access rights. */
void paging_map_image(struct paging *p, const struct image_plan *plan, uint64_t physical_base);

#endif
