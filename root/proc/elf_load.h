/* SPDX-License-Identifier: MIT */
/* root/proc/elf_load.h - putting a static ELF executable into an address space. */
#ifndef ROOT_PROC_ELF_LOAD_H
#define ROOT_PROC_ELF_LOAD_H

#include <stdint.h>

struct address_space;

/* Map and fill the segments of the @size bytes at @file; its entry point in *@entry. NULL, or what
 * is wrong; then the space holds some of the segments. */
const char *elf_load(struct address_space *space, const void *file, uint64_t size, uint64_t *entry);

#endif
