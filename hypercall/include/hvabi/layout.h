/* SPDX-License-Identifier: MIT */
/* hvabi/layout.h - the fixed-width types and the layout assertions of every ABI header.
 *
 * ABI structures hold fixed-width integers only: no bit-fields, enums, bools, longs or pointers,
 * whose layouts differ between the ELF and the Windows targets. abi_check.c compiles every header
 * for both. */
#ifndef HVABI_LAYOUT_H
#define HVABI_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define ABI_SIZE(type, bytes)                                                                      \
    _Static_assert(sizeof(type) == (bytes), "size of " #type " differs from the interface")
#define ABI_OFFSET(type, member, bytes)                                                            \
    _Static_assert(offsetof(type, member) == (bytes),                                              \
                   "offset of " #type "." #member " differs from the interface")

#endif
