/* SPDX-License-Identifier: MIT */
/* root/lib/size.h - sizes of memory as people write them: "64K", "512M", "2G", and "512",
 * which is MiB too. Any context. */
#ifndef ROOT_LIB_SIZE_H
#define ROOT_LIB_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Read all of @text as a size in bytes. False, and *@bytes is unchanged: it is no size, or one
 * that 64 bits do not hold. */
bool size_parse(const char *text, uint64_t *bytes);

#endif
