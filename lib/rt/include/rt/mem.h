/* SPDX-License-Identifier: MIT */
/* rt/mem.h - the memory and string functions of the C library that freestanding code uses. */
#ifndef RT_MEM_H
#define RT_MEM_H

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* Copy @src to @dst of @size bytes, always NUL-terminated. True length of @src is returned. */
size_t rt_strlcpy(char *dst, const char *src, size_t size);

#endif
