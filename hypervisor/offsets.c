/* SPDX-License-Identifier: MIT */
/* offsets.c - structure offsets for nasm code: see cmake/offsets.cmake. No offset is typed
 * twice. */
#include "core/vp.h"

#define EMIT(name, value) __asm__ volatile("\n.ascii \"->" #name " %0<-\"" : : "i"((uint64_t)(value)))

void offsets(void);

void offsets(void)
{
    EMIT(VP_GPR, offsetof(struct vp, gpr));
}
