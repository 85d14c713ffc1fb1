/* SPDX-License-Identifier: MIT */
/* debug/symbols.h - names for addresses, from the image's own ELF file, which the loader leaves in
 * memory. */
#ifndef DEBUG_SYMBOLS_H
#define DEBUG_SYMBOLS_H

#include <stdint.h>
#include <hvabi/boot.h>

/* At boot, with the direct map in force. */
void symbols_init(const struct boot_image *image);

/* The function that holds @address, and *@offset in it; NULL: unknown. Linear: for panics. */
const char *symbol_name(uint64_t address, uint64_t *offset);

/* The linker's build id, 40 hexadecimal digits. */
const char *build_id(void);

#endif
