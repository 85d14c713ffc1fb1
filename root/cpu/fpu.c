/* SPDX-License-Identifier: MIT */
/* root/cpu/fpu.c - see fpu.h. SDM vol. 1, 10.5 and chapter 13. */
#include "cpu/fpu.h"

#include <rt/mem.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include <x86/xsave.h>
#include "mm/memory.h"

#define XCR0_USED (XCR0_X87 | XCR0_SSE | XCR0_AVX)

/* Without more components than XCR0_USED an area is smaller, and must be aligned. */
#define AREA_SIZE PAGE_SIZE

static uint64_t xcr0; /* 0: there is only FXSAVE. The same on all CPUs */

void fpu_init_cpu(void)
{
    uint32_t r[4];

    insn_write_cr0((insn_read_cr0() | CR0_MP) & ~(CR0_EM | CR0_TS));
    insn_write_cr4(insn_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    insn_cpuid(CPUID_LEAF_FEATURES, 0, r);
    if (!(r[2] & CPUID_1_ECX_XSAVE))
        return;
    insn_write_cr4(insn_read_cr4() | CR4_OSXSAVE);
    insn_cpuid(CPUID_LEAF_XSAVE, 0, r);
    xcr0 = ((uint64_t)r[3] << 32 | r[0]) & XCR0_USED;
    insn_xsetbv(0, xcr0);
}

void *fpu_create(void)
{
    uint8_t *area = kalloc(AREA_SIZE);

    if (area == NULL)
        return NULL;
    memset(area, 0, AREA_SIZE);
    memcpy(area + FXSAVE_FCW, &(uint16_t){FCW_INIT}, sizeof(uint16_t));
    memcpy(area + FXSAVE_MXCSR, &(uint32_t){MXCSR_INIT}, sizeof(uint32_t));
    return area;
}

void fpu_save(void *area)
{
    if (xcr0 == 0) {
        insn_fxsave(area);
        return;
    }
    insn_xsave(area, xcr0);
    xsave_trim_x87(area);
}

void fpu_load(const void *area)
{
    if (xcr0 == 0)
        insn_fxrstor(area);
    else
        insn_xrstor(area, xcr0);
}
