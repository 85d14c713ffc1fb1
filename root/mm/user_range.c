/* SPDX-License-Identifier: MIT */
/* root/mm/user_range.c - the check before every copy; apart, so that tests link the shipped one. */
#include "mm/space.h"
#include "mm/user_copy.h"

bool user_range_is_valid(uint64_t address, uint64_t size)
{
    return size == 0 ||
           (address >= USER_BASE && address < USER_END && size <= USER_END - address);
}
