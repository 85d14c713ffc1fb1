/* SPDX-License-Identifier: MIT */
/* x86/xsave.h - the area of FXSAVE and XSAVE. SDM vol. 1, 10.5.1, 13.4 and 13.6. */
#ifndef X86_XSAVE_H
#define X86_XSAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <x86/cr.h>

/* The legacy region, byte offsets. */
#define FXSAVE_SIZE       512u
#define FXSAVE_FCW        0u /* with FSW, FTW and FOP behind it */
#define FXSAVE_FIP        8u
#define FXSAVE_FDP        16u
#define FXSAVE_MXCSR      24u
#define FXSAVE_MXCSR_MASK 28u
#define FXSAVE_ST0        32u /* eight of 16 bytes */
#define FXSAVE_XMM0       160u

#define FCW_INIT   0x37fu
#define MXCSR_INIT 0x1f80u

/* The header behind it. */
#define XSAVE_XSTATE_BV   512u
#define XSAVE_HEADER_SIZE 64u

/* Is the x87 state in @area the one that FNINIT and RESET make, with nothing in the registers? */
static inline bool xsave_x87_is_initial(const void *area)
{
    const uint64_t *word = area;
    uint64_t rest = (word[FXSAVE_FCW / 8] ^ FCW_INIT) | word[FXSAVE_FIP / 8] | word[FXSAVE_FDP / 8];

#pragma GCC unroll 16
    for (unsigned i = FXSAVE_ST0 / 8; i < FXSAVE_XMM0 / 8; i++)
        rest |= word[i];
    return rest == 0;
}

/* After XSAVE into @area: let XRSTOR initialise x87 instead of loading its initial state, which a
 * processor that does not track what is in use has stored. On QEMU 7.2's TCG it must: loading x87
 * state on any processor changes the word in which processor 0 has its SVM flags, without a lock, so
 * that processor 0 may find itself in guest mode after a #VMEXIT. */
static inline void xsave_trim_x87(void *area)
{
    uint64_t *xstate_bv = (uint64_t *)area + XSAVE_XSTATE_BV / 8;

    if ((*xstate_bv & XCR0_X87) && xsave_x87_is_initial(area))
        *xstate_bv &= ~(uint64_t)XCR0_X87;
}

#endif
