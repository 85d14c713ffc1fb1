/* SPDX-License-Identifier: MIT */
/* shell/keys.c - see keys.h. */
#include "shell/keys.h"
#include <rootabi/vm.h>

enum { CODE_CTRL = 0x1d, CODE_SHIFT = 0x2a, CODE_ALT = 0x38, CODE_DELETE = 0x53 };

/* By code, without and with shift; 0: a key without a character. */
static const char plain[] = "\0\x1b"
                            "1234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
static const char shifted[] = "\0\0!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";

static unsigned code_of(char c, const char *table, unsigned size)
{
    for (unsigned i = 1; i < size; i++)
        if (table[i] == c)
            return i;
    return 0;
}

static void key(struct vm_key *keys, unsigned *count, unsigned code, unsigned flags)
{
    keys[(*count)++] = (struct vm_key){.code = (uint16_t)code, .flags = (uint16_t)flags};
}

unsigned keys_of_character(char c, struct vm_key *keys)
{
    unsigned code = code_of(c, plain, sizeof(plain) - 1);
    bool shift = code == 0;
    unsigned count = 0;

    if (shift)
        code = code_of(c, shifted, sizeof(shifted) - 1);
    if (c == '\0' || code == 0)
        return 0;
    if (shift)
        key(keys, &count, CODE_SHIFT, 0);
    key(keys, &count, code, 0);
    key(keys, &count, code, VM_KEY_BREAK);
    if (shift)
        key(keys, &count, CODE_SHIFT, VM_KEY_BREAK);
    return count;
}

unsigned keys_ctrl_alt_delete(struct vm_key *keys)
{
    unsigned count = 0;

    key(keys, &count, CODE_CTRL, 0);
    key(keys, &count, CODE_ALT, 0);
    key(keys, &count, CODE_DELETE, VM_KEY_E0);
    key(keys, &count, CODE_DELETE, VM_KEY_E0 | VM_KEY_BREAK);
    key(keys, &count, CODE_ALT, VM_KEY_BREAK);
    key(keys, &count, CODE_CTRL, VM_KEY_BREAK);
    return count;
}
