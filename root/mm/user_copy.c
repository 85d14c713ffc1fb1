/* SPDX-License-Identifier: MIT */
/* root/mm/user_copy.c - see user_copy.h. */
#include <x86/insn.h>
#include "mm/user_copy.h"

/* Pairs of addresses: where a fault may happen, and where it goes on. */
struct fixup {
    uint64_t fault, resume;
};
extern const struct fixup image_extable[], image_extable_end[];

extern uint8_t user_copy_smap; /* user_copy.asm */

bool copy_from_user(void *to, uint64_t from, size_t size)
{
    return user_range_is_valid(from, size) &&
           user_copy_bytes(to, (const void *)(uintptr_t)from, size) == 0;
}

bool copy_to_user(uint64_t to, const void *from, size_t size)
{
    return user_range_is_valid(to, size) &&
           user_copy_bytes((void *)(uintptr_t)to, from, size) == 0;
}

bool copy_string_from_user(char *to, uint64_t from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!copy_from_user(&to[i], from + i, 1))
            return false;
        if (to[i] == '\0')
            return true;
    }
    return false;
}

bool user_copy_fixup(uint64_t *rip)
{
    for (const struct fixup *f = image_extable; f < image_extable_end; f++) {
        if (f->fault == *rip) {
            *rip = f->resume;
            return true;
        }
    }
    return false;
}

void user_copy_use_smap(bool on)
{
    user_copy_smap = on;
}

void user_copy_close(void)
{
    if (user_copy_smap)
        insn_clac();
}
