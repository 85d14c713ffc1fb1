/* SPDX-License-Identifier: MIT */
/* vmwp/start.h - everything before a child's first instruction: its definition, its files, its
 * memory, the registers of VP 0. */
#ifndef USER_VMWP_START_H
#define USER_VMWP_START_H

#include <stdbool.h>
#include "definition/definition.h"
#include "vmwp/partition.h"

/* Read @text, a definition as vmms has printed it. False: it is none, which is said. */
bool start_definition(struct definition *d, const char *text);

/* Load what @d names into the memory of @p and set the registers of VP 0. False: why not is the
 * reason that the child has ended. */
bool start_load(const struct partition *p, const struct definition *d);

#endif
