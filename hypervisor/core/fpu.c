/* SPDX-License-Identifier: MIT */
/* core/fpu.c - see core/fpu.h. SDM vol. 1, chapter 13. */
#include "core/fpu.h"

#include <rt/mem.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include <x86/xsave.h>
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"

/* Components whose state fits in a page and whose use has no side effects for others. */
#define XCR0_SUPPORTED                                                                             \
    (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM | XCR0_PKRU)

#define MXCSR_MASK_DEFAULT 0xffbfu /* where the processor saves 0 for it. SDM vol. 1, 11.6.6 */

static struct {
    uint64_t mask;
    uint32_t size;
    uint32_t mxcsr_mask; /* the bits that MXCSR has */
    bool pointers_stay;  /* see pointers_forget */
} fpu = {.size = FXSAVE_SIZE};

static uint32_t field32(const void *area, size_t at)
{
    uint32_t v;

    memcpy(&v, (const uint8_t *)area + at, sizeof(v));
    return v;
}

static void measure_mxcsr(void)
{
    _Alignas(16) uint8_t area[FXSAVE_SIZE];

    insn_fxsave(area);
    fpu.mxcsr_mask = field32(area, FXSAVE_MXCSR_MASK);
    if (fpu.mxcsr_mask == 0)
        fpu.mxcsr_mask = MXCSR_MASK_DEFAULT;
}

static bool moves_pointers(void)
{
    uint32_t r[4];

    insn_cpuid(CPUID_LEAF_EXT_MAX, 0, r);
    if (r[0] < CPUID_LEAF_ADDRESS_SIZES)
        return false;
    insn_cpuid(CPUID_LEAF_ADDRESS_SIZES, 0, r);
    return r[1] & CPUID_80000008_EBX_XSAVEERPTR;
}

void fpu_on(void)
{
    uint32_t r[4];

    insn_write_cr0((insn_read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
    insn_write_cr4(insn_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    measure_mxcsr();
    fpu.pointers_stay = !moves_pointers();
    insn_cpuid(CPUID_LEAF_FEATURES, 0, r);
    if (!(r[2] & CPUID_1_ECX_XSAVE))
        return;
    insn_write_cr4(insn_read_cr4() | CR4_OSXSAVE);
    insn_cpuid(CPUID_LEAF_XSAVE, 0, r);
    fpu.mask = ((uint64_t)r[3] << 32 | r[0]) & XCR0_SUPPORTED;
    insn_xsetbv(0, fpu.mask);
    insn_cpuid(CPUID_LEAF_XSAVE, 0, r);
    fpu.size = r[1];
    if (fpu.size > PAGE_SIZE)
        panic("the XSAVE area for XCR0 %lx needs %u bytes, a page is given", fpu.mask, fpu.size);
}

uint64_t fpu_xcr0_mask(void)
{
    return fpu.mask;
}

void fpu_reset(struct vp *vp)
{
    uint8_t *area = vp->xsave;

    memset(area, 0, PAGE_SIZE);
    *(uint16_t *)(void *)(area + FXSAVE_FCW) = FCW_INIT;
    *(uint32_t *)(void *)(area + FXSAVE_MXCSR) = MXCSR_INIT;
    vp->xcr0 = XCR0_X87;
}

/* SDM vol. 1, 13.8: the header names components that are enabled, in the standard form. */
bool fpu_area_valid(const void *area)
{
    uint64_t header[XSAVE_HEADER_SIZE / sizeof(uint64_t)], rest = 0;

    if (field32(area, FXSAVE_MXCSR) & ~fpu.mxcsr_mask)
        return false;
    memcpy(header, (const uint8_t *)area + XSAVE_XSTATE_BV, sizeof(header));
    for (size_t i = 1; i < ARRAY_SIZE(header); i++)
        rest |= header[i];
    return rest == 0 && (header[0] & ~fpu.mask) == 0;
}

/* Without XSAVEERPTR a processor loads the x87 instruction and data pointers only if an exception is
 * pending in what it loads: a guest would find where the guest before it had its last x87 instruction
 * (CVE-2006-1056; APM vol. 5, FXRSTOR). Let them be the same for all. EMMS would fault on what is
 * pending, and FILD on a full stack. */
static void pointers_forget(void)
{
    static const int32_t zero;

    insn_fnclex();
    insn_emms();
    insn_fild32(&zero);
}

/* XCR0 holds all components while state moves, so that what a guest has disabled for the moment
 * moves too. */
void fpu_load(struct vp *vp)
{
    if (fpu.pointers_stay)
        pointers_forget();
    if (fpu.mask == 0) {
        insn_fxrstor(vp->xsave);
        return;
    }
    insn_xrstor(vp->xsave, fpu.mask);
    if (vp->xcr0 != fpu.mask)
        insn_xsetbv(0, vp->xcr0);
}

void fpu_xcr0_learn(struct vp *vp)
{
    if (fpu.mask != 0)
        vp->xcr0 = insn_xgetbv(0) & fpu.mask;
}

void fpu_save(struct vp *vp)
{
    uint64_t xcr0;

    if (fpu.mask == 0) {
        insn_fxsave(vp->xsave);
        return;
    }
    xcr0 = insn_xgetbv(0);
    vp->xcr0 = xcr0 & fpu.mask;
    if (xcr0 != fpu.mask)
        insn_xsetbv(0, fpu.mask);
    insn_xsave(vp->xsave, fpu.mask);
    xsave_trim_x87(vp->xsave);
}
