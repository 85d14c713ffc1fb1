/* SPDX-License-Identifier: MIT */
/* x86/layout.h - assertions on structures whose layout the processor defines. */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#include <stddef.h>

#define X86_SIZE(type, bytes)                                                                      \
    _Static_assert(sizeof(type) == (bytes), "size of " #type " differs from the processor's")
#define X86_OFFSET(type, member, bytes)                                                            \
    _Static_assert(offsetof(type, member) == (bytes),                                              \
                   "offset of " #type "." #member " differs from the processor's")

#endif
