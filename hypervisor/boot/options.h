/* SPDX-License-Identifier: MIT */
/* boot/options.h - what boot.cfg says to the hypervisor: boot_info.options, lines of key=value. */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include <stdbool.h>

/* The value of the first line for @key, which ends with that line, or NULL. @options may be NULL. */
const char *option_find(const char *options, const char *key);

/* Is @value, from option_find, exactly @word? */
bool option_is(const char *value, const char *word);

#endif
