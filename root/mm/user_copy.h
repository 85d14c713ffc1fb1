/* SPDX-License-Identifier: MIT */
/* root/mm/user_copy.h - the only ways between kernel memory and ring 3's. An address that is not
 * ring 3's, or not mapped, makes them return false; the destination is then undefined. Thread
 * context, in a process. */
#ifndef ROOT_MM_USER_COPY_H
#define ROOT_MM_USER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool copy_from_user(void *to, uint64_t from, size_t size);
bool copy_to_user(uint64_t to, const void *from, size_t size);

/* The NUL-terminated text at @from, cut off never: false if it has more than @size - 1 characters. */
bool copy_string_from_user(char *to, uint64_t from, size_t size);

/* Whether [@address, @address + @size) lies wholly in ring 3's half. */
bool user_range_is_valid(uint64_t address, uint64_t size);

/* A kernel fault at *@rip: true if it is one of the copies', and *@rip is now its way out. */
bool user_copy_fixup(uint64_t *rip);

/* Whether ring-3 pages must be opened by STAC. Bring-up. */
void user_copy_use_smap(bool on);

/* Close ring-3 pages again that an interrupted copy had opened; its IRET opens them anew. */
void user_copy_close(void);

/* user_copy.asm: the bytes that were not copied. */
size_t user_copy_bytes(void *to, const void *from, size_t size);

#endif
