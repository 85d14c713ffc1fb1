/* SPDX-License-Identifier: MIT */
/* core/types.h - the address kinds and attributes used all over the hypervisor. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <x86/pte.h> /* PAGE_SIZE and its like */

/* Mixing the two kinds is a compile error. */
typedef struct {
    uint64_t v;
} gpa_t; /* guest physical address */
typedef struct {
    uint64_t v;
} hpa_t; /* system physical address */

static inline gpa_t gpa(uint64_t v)
{
    return (gpa_t){v};
}

static inline hpa_t hpa(uint64_t v)
{
    return (hpa_t){v};
}

#define MUST_CHECK __attribute__((warn_unused_result))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
