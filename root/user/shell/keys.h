/* SPDX-License-Identifier: MIT */
/* shell/keys.h - what is typed, as the keys of an American keyboard: scan codes of set 1. */
#ifndef SHELL_KEYS_H
#define SHELL_KEYS_H

#include <stdbool.h>
#include <stdint.h>

struct vm_key;

/* The keys that type @c: printable ASCII, '\n', '\t', backspace or escape; their number, at most
 * KEYS_PER_CHARACTER; 0: no key does. */
enum { KEYS_PER_CHARACTER = 6 };
unsigned keys_of_character(char c, struct vm_key *keys);

/* Ctrl, Alt and Delete, pressed together and let go. */
unsigned keys_ctrl_alt_delete(struct vm_key *keys);

#endif
