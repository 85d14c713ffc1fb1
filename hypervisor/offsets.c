/* SPDX-License-Identifier: MIT */
/* offsets.c - structure offsets for nasm code: compiled to assembly, from which the build takes the
 * lines that begin with "->". No offset is typed twice. */
#include "core/vp.h"

#define EMIT(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))

void offsets(void);

void offsets(void)
{
    EMIT(VP_GPR, offsetof(struct vp, gpr));
}
