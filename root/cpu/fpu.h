/* SPDX-License-Identifier: MIT */
/* root/cpu/fpu.h - x87, SSE and AVX registers of ring 3; the kernel uses none of them. */
#ifndef ROOT_CPU_FPU_H
#define ROOT_CPU_FPU_H

/* Turn them on. Each CPU, before the first thread. */
void fpu_init_cpu(void);

/* State as a program finds it; kfree() it. NULL: no memory. */
void *fpu_create(void);

/* From and to the registers of this CPU. Interrupts off. */
void fpu_save(void *area);
void fpu_load(const void *area);

#endif
