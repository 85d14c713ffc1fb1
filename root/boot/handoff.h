/* SPDX-License-Identifier: MIT */
/* root/boot/handoff.h - root's own copy of what the loader handed over. */
#ifndef ROOT_BOOT_HANDOFF_H
#define ROOT_BOOT_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hvabi/boot.h>

/* Check and copy the structure itself, at entry. NULL, or what is wrong with it. */
const char *handoff_take(const struct boot_info *info);

/* Copy what it points to (options, modules, APIC IDs) out of the loader's memory. After the heap. */
bool handoff_copy(void);

/* Zero what lies behind the modules in their last pages, which ring 3 may come to see. Once, after
 * handoff_copy. */
void handoff_trim_modules(void);

/* The copy; pointers in it are still physical addresses. */
const struct boot_info *handoff_info(void);

/* The value of @key among boot.cfg's options, in @value, as much as fits; false: not there. Any
 * context. */
bool handoff_option(const char *key, char *value, size_t size);

/* The same in place: *@length characters, not NUL-terminated. NULL: not there. */
const char *handoff_option_find(const char *key, size_t *length);

/* The @index-th boot module, or the one named @name; NULL: none. Its memory is never freed. */
const struct boot_module *handoff_module(uint32_t index);
const struct boot_module *handoff_find_module(const char *name);

/* The processors' APIC IDs, the bootstrap processor's first. */
const uint32_t *handoff_apic_ids(uint32_t *count);

/* Why there is or is no hypervisor underneath, in words. */
const char *handoff_launch_text(void);

#endif
