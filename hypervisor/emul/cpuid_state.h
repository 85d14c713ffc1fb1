/* SPDX-License-Identifier: MIT */
/* emul/cpuid_state.h - what a partition sees of its processors, outside of it. */
#ifndef EMUL_CPUID_STATE_H
#define EMUL_CPUID_STATE_H

#include <hvabi/layout.h>
#include "emul/cpuid.h"

#define CPUID_STATE_VERSION 1u
#define CPUID_STATE_ROWS                                                                           \
    (CPUID_BASIC_LEAVES + CPUID_EXTENDED_LEAVES + CPUID_HYPERVISOR_LEAVES +                        \
     CPUID_CACHE_SUBLEAVES + CPUID_XSAVE_SUBLEAVES + 2u)

struct cpuid_state {
    uint32_t version; /* CPUID_STATE_VERSION */
    uint32_t vp_count;
    uint64_t xcr0;
    /* In the order of struct cpuid_policy: leaves, cache and XSAVE subleaves, leaf 7's. */
    struct cpuid_registers rows[CPUID_STATE_ROWS];
    uint64_t reserved; /* 0 */
};
ABI_OFFSET(struct cpuid_state, rows, 16);
ABI_SIZE(struct cpuid_state, 1400);

void cpuid_save(const struct cpuid_policy *p, struct cpuid_state *out);

/* Does @p, as this machine has built it, show all that the saved one showed and nothing else? A
 * guest looks once and relies on it ever after. */
bool cpuid_state_matches(const struct cpuid_policy *p, const struct cpuid_state *in);

#endif
