/* SPDX-License-Identifier: MIT */
/* root/child/image.h - a guest's image in the child's memory; docs/guests.md. Pure: the memory is
 * written through a function of the caller's. */
#ifndef ROOT_CHILD_IMAGE_H
#define ROOT_CHILD_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copy @size bytes (@data NULL: zeros) to guest physical @gpa, which has been checked. */
typedef void (*image_write)(void *context, uint64_t gpa, const void *data, size_t size);

struct image_target {
    uint64_t memory_size; /* bytes of RAM, from GPA 0 */
    image_write write;
    void *context;
};

/* Load the PT_LOAD segments of the ELF file. NULL and *@entry, or what is wrong, in words. */
const char *image_load(const struct image_target *t, const void *file, size_t size,
                       uint64_t *entry);

/* Command line, struct guest_boot and page tables. False: the command line is too long. */
bool image_boot_data(const struct image_target *t, const char *command_line, uint32_t vp_count,
                     uint32_t event_connection, uint32_t message_connection);

#endif
