/* SPDX-License-Identifier: MIT */
/* emul/cpuid_state.c - see emul/cpuid_state.h. */
#include "emul/cpuid_state.h"

#include <rt/mem.h>
#include <x86/cpuid.h>

_Static_assert(offsetof(struct cpuid_policy, host) ==
                   CPUID_STATE_ROWS * sizeof(struct cpuid_registers),
               "the tables come first and are saved whole");

#define EXT_POWER_ROW (CPUID_BASIC_LEAVES + (CPUID_LEAF_EXT_POWER - CPUID_LEAF_EXT_MAX))

void cpuid_save(const struct cpuid_policy *p, struct cpuid_state *out)
{
    *out = (struct cpuid_state){
        .version = CPUID_STATE_VERSION,
        .vp_count = p->vp_count,
        .xcr0 = p->xcr0,
    };
    memcpy(out->rows, p, sizeof(out->rows));
    /* The guest's own choice, if it may make it: of another state. */
    out->rows[EXT_POWER_ROW].r[CPUID_EDX] &= ~CPUID_80000007_EDX_TSC_INVARIANT;
}

bool cpuid_state_matches(const struct cpuid_policy *p, const struct cpuid_state *in)
{
    struct cpuid_state own;

    cpuid_save(p, &own);
    return memcmp(&own, in, sizeof(own)) == 0;
}
