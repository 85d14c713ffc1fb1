/* SPDX-License-Identifier: MIT */
/* root/proc/elf_load.h - putting a static ELF executable into an address space. */
#ifndef ROOT_PROC_ELF_LOAD_H
#define ROOT_PROC_ELF_LOAD_H

#include <stdint.h>

struct address_space;

/* What a program's start needs to know of its file. */
struct elf_loaded {
    uint64_t entry;   /* in ring 3 */
    uint64_t end;     /* of the highest segment, rounded up to pages */
    uint64_t headers; /* where the program headers have been loaded; 0: nowhere */
    uint16_t header_count;
};

/* Map and fill the segments of the @size bytes at @file. NULL, or what is wrong; then the space holds
 * some of the segments. */
const char *elf_load(struct address_space *space, const void *file, uint64_t size,
                     struct elf_loaded *loaded);

#endif
