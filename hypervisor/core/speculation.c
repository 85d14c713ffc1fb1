/* SPDX-License-Identifier: MIT */
/* core/speculation.c - see core/speculation.h. APM vol. 2, 3.2.9 and 15.38; APM vol. 3, appendix E;
 * "Software techniques for managing speculation on AMD processors". */
#include "core/speculation.h"

#include <rt/mem.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"

struct speculation speculation;

/* "TCGTCGTCGTCG" in EBX, ECX and EDX of the hypervisor's leaf: QEMU without a virtualising host. */
#define TCG_EBX 0x54474354u
#define TCG_ECX 0x43544743u
#define TCG_EDX 0x47435447u

/* The CPUID bits that promise bits of SPEC_CTRL and PRED_CMD. What a partition sees of them
 * (emul/cpuid_masks.h) and what it may set come from the same words. */
static const struct {
    uint32_t leaf, subleaf, which, bit;
    uint64_t spec_ctrl, pred_cmd;
} promises[] = {
    {CPUID_LEAF_ADDRESS_SIZES, 0, CPUID_EBX, CPUID_80000008_EBX_IBPB, 0, PRED_CMD_IBPB},
    {CPUID_LEAF_EXT_FEATURES_2, 0, CPUID_EAX, CPUID_80000021_EAX_SBPB, 0, PRED_CMD_SBPB},
    {CPUID_LEAF_ADDRESS_SIZES, 0, CPUID_EBX, CPUID_80000008_EBX_IBRS, SPEC_CTRL_IBRS, 0},
    {CPUID_LEAF_ADDRESS_SIZES, 0, CPUID_EBX, CPUID_80000008_EBX_STIBP, SPEC_CTRL_STIBP, 0},
    {CPUID_LEAF_ADDRESS_SIZES, 0, CPUID_EBX, CPUID_80000008_EBX_SSBD, SPEC_CTRL_SSBD, 0},
    {CPUID_LEAF_ADDRESS_SIZES, 0, CPUID_EBX, CPUID_80000008_EBX_PSFD, SPEC_CTRL_PSFD, 0},
    {CPUID_LEAF_FEATURES_7, 0, CPUID_EDX, CPUID_7_EDX_IBRS_IBPB, SPEC_CTRL_IBRS, PRED_CMD_IBPB},
    {CPUID_LEAF_FEATURES_7, 0, CPUID_EDX, CPUID_7_EDX_STIBP, SPEC_CTRL_STIBP, 0},
    {CPUID_LEAF_FEATURES_7, 0, CPUID_EDX, CPUID_7_EDX_SSBD, SPEC_CTRL_SSBD, 0},
    {CPUID_LEAF_FEATURES_7, 2, CPUID_EDX, CPUID_7_2_EDX_PSFD, SPEC_CTRL_PSFD, 0},
    {CPUID_LEAF_FEATURES_7, 2, CPUID_EDX, CPUID_7_2_EDX_IPRED_CTRL,
     SPEC_CTRL_IPRED_DIS_U | SPEC_CTRL_IPRED_DIS_S, 0},
    {CPUID_LEAF_FEATURES_7, 2, CPUID_EDX, CPUID_7_2_EDX_RRSBA_CTRL,
     SPEC_CTRL_RRSBA_DIS_U | SPEC_CTRL_RRSBA_DIS_S, 0},
    {CPUID_LEAF_FEATURES_7, 2, CPUID_EDX, CPUID_7_2_EDX_BHI_CTRL, SPEC_CTRL_BHI_DIS_S, 0},
};

/* ---- asking the processor ---- */

/* One register of a leaf, or 0 where there is no such leaf. */
static uint32_t word(cpuid_reader cpuid, uint32_t leaf, uint32_t subleaf, unsigned which)
{
    uint32_t r[4];

    cpuid(leaf & CPUID_LEAF_EXT_MAX, 0, r);
    if (leaf > r[CPUID_EAX])
        return 0;
    if (leaf == CPUID_LEAF_FEATURES_7 && subleaf != 0) {
        cpuid(leaf, 0, r);
        if (subleaf > r[CPUID_EAX])
            return 0;
    }
    cpuid(leaf, subleaf, r);
    return r[which];
}

static bool is_interpreter(cpuid_reader cpuid)
{
    uint32_t r[4];

    if (!(word(cpuid, CPUID_LEAF_FEATURES, 0, CPUID_ECX) & CPUID_1_ECX_HYPERVISOR))
        return false;
    cpuid(CPUID_LEAF_HYPERVISOR, 0, r);
    return r[CPUID_EBX] == TCG_EBX && r[CPUID_ECX] == TCG_ECX && r[CPUID_EDX] == TCG_EDX;
}

/* APM vol. 3, E.3.2. */
static uint32_t family(cpuid_reader cpuid)
{
    uint32_t eax = word(cpuid, CPUID_LEAF_FEATURES, 0, CPUID_EAX);
    uint32_t base = eax >> CPUID_1_EAX_FAMILY_SHIFT & CPUID_1_EAX_FAMILY_MASK;

    return base == CPUID_1_EAX_FAMILY_MASK
               ? base + (eax >> CPUID_1_EAX_EXT_FAMILY_SHIFT & CPUID_1_EAX_EXT_FAMILY_MASK)
               : base;
}

/* Can a guest teach the predictors where the hypervisor's returns go, whatever its return stack
 * says? By branch type confusion (families 15h to 18h) or by speculative return stack overflow
 * (from 17h on), unless the processor says that it cannot. Only a barrier after the exit helps. */
static bool returns_can_be_taught(cpuid_reader cpuid)
{
    uint32_t f = family(cpuid);
    uint32_t ebx = word(cpuid, CPUID_LEAF_ADDRESS_SIZES, 0, CPUID_EBX);
    uint32_t eax = word(cpuid, CPUID_LEAF_EXT_FEATURES_2, 0, CPUID_EAX);
    bool confusion = f >= 0x15 && f <= 0x18 && !(ebx & CPUID_80000008_EBX_BTC_NO);
    bool overflow = f >= 0x17 && !(eax & CPUID_80000021_EAX_SRSO_NO);

    return confusion || overflow;
}

/* Where IBPB leaves branch types alone: family 19h with microcode that does not know better. */
static bool barrier_is_weak(cpuid_reader cpuid)
{
    return family(cpuid) == 0x19 && !(word(cpuid, CPUID_LEAF_EXT_FEATURES_2, 0, CPUID_EAX) &
                                      CPUID_80000021_EAX_IBPB_BRTYPE);
}

/* Transient scheduler attacks: the processor offers the repair, and does not deny the need. */
static bool buffers_leak(cpuid_reader cpuid)
{
    const uint32_t safe = CPUID_80000021_ECX_TSA_SQ_NO | CPUID_80000021_ECX_TSA_L1_NO;

    return (word(cpuid, CPUID_LEAF_EXT_FEATURES_2, 0, CPUID_EAX) & CPUID_80000021_EAX_VERW_CLEAR) &&
           (word(cpuid, CPUID_LEAF_EXT_FEATURES_2, 0, CPUID_ECX) & safe) != safe;
}

static uint32_t thread_bits(cpuid_reader cpuid)
{
    uint32_t threads;

    if (word(cpuid, CPUID_LEAF_TOPOLOGY, 0, CPUID_EBX) != 0)
        return word(cpuid, CPUID_LEAF_TOPOLOGY, 0, CPUID_EAX) & CPUID_B_EAX_SHIFT_MASK;
    if (!(word(cpuid, CPUID_LEAF_EXT_FEATURES, 0, CPUID_ECX) & CPUID_80000001_ECX_TOPOEXT))
        return 0;
    threads = word(cpuid, CPUID_LEAF_TOPOLOGY_AMD, 0, CPUID_EBX) >> CPUID_8000001E_EBX_THREADS_SHIFT &
              CPUID_8000001E_EBX_THREADS_MASK; /* less 1 */
    return threads == 0 ? 0 : 32 - (uint32_t)__builtin_clz(threads);
}

/* ---- choosing ---- */

void speculation_choose(struct speculation *s, cpuid_reader cpuid)
{
    bool taught = returns_can_be_taught(cpuid);

    memset(s, 0, sizeof(*s));
    s->predicts = !is_interpreter(cpuid);
    s->auto_ibrs =
        word(cpuid, CPUID_LEAF_EXT_FEATURES_2, 0, CPUID_EAX) & CPUID_80000021_EAX_AUTOMATIC_IBRS;
    s->spec_ctrl_virtual =
        word(cpuid, CPUID_LEAF_SVM, 0, CPUID_EDX) & CPUID_8000000A_EDX_SPEC_CTRL;
    s->thread_bits = thread_bits(cpuid);
    for (unsigned i = 0; i < ARRAY_SIZE(promises); i++)
        if (word(cpuid, promises[i].leaf, promises[i].subleaf, promises[i].which) & promises[i].bit) {
            s->spec_ctrl_guest |= promises[i].spec_ctrl;
            s->pred_cmd_guest |= promises[i].pred_cmd;
        }
    s->ibpb = s->pred_cmd_guest & PRED_CMD_IBPB;
    if (s->thread_bits != 0)
        s->spec_ctrl = s->spec_ctrl_guest & SPEC_CTRL_STIBP;
    if (!s->predicts)
        return;
    s->stale = !s->ibpb || (taught && barrier_is_weak(cpuid));
    s->guards_root = (buffers_leak(cpuid) ? GUARD_CLEAR_BUFFERS : 0u) |
                     (s->auto_ibrs ? 0u : GUARD_FILL_RETURNS); /* with it, exits clear the stack */
    s->guards_child = s->guards_root | (taught && s->ibpb ? GUARD_BARRIER : 0u);
}

void speculation_count_ticks(struct speculation *s)
{
    s->guards_root |= GUARD_COUNT_TICKS;
    s->guards_child |= GUARD_COUNT_TICKS;
}

void speculation_log(const struct speculation *s)
{
    uint32_t guards = s->guards_child;

    if (!s->predicts) {
        hv_log("speculation: nothing to guard against, this processor is QEMU's interpreter");
        return;
    }
    hv_log("speculation: %s%s%s%s%s%s",
           s->ibpb ? "IBPB between partitions" : "no IBPB",
           guards & GUARD_BARRIER ? " and after children's exits" : "",
           guards & GUARD_FILL_RETURNS ? ", return stack refilled after exits" : "",
           guards & GUARD_CLEAR_BUFFERS ? ", buffers cleared before entries" : "",
           s->auto_ibrs ? ", automatic IBRS" : "",
           s->spec_ctrl & SPEC_CTRL_STIBP ? ", STIBP" : "");
    if (s->stale)
        hv_log("speculation: this is not enough: the processor needs newer microcode");
}

bool speculation_runs_children(const struct speculation *s, const uint32_t *apic_ids,
                               uint32_t index, bool shared)
{
    if (shared)
        return true;
    for (uint32_t i = 0; i < index; i++)
        if (apic_ids[i] >> s->thread_bits == apic_ids[index] >> s->thread_bits)
            return false;
    return true;
}

/* ---- switching ---- */

void speculation_cpu_on(struct pcpu *cpu)
{
    cpu->spec_ctrl = speculation.spec_ctrl;
    if (speculation.spec_ctrl_guest != 0)
        insn_wrmsr(MSR_IA32_SPEC_CTRL, cpu->spec_ctrl);
}

/* All bits of SPEC_CTRL restrict, so the guest's may stay while the hypervisor works for it. */
static void spec_ctrl_load(struct pcpu *cpu, const struct vp *vp)
{
    uint64_t value = speculation.spec_ctrl | vp->spec_ctrl;

    if (cpu->spec_ctrl == value)
        return;
    cpu->spec_ctrl = value;
    insn_wrmsr(MSR_IA32_SPEC_CTRL, value);
}

void speculation_load(struct pcpu *cpu, const struct vp *vp)
{
    if (cpu->predictors_of != vp->partition->id) {
        cpu->predictors_of = vp->partition->id;
        if (speculation.ibpb)
            insn_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
    }
    spec_ctrl_load(cpu, vp);
}

void speculation_set_spec_ctrl(struct vp *vp, uint64_t value)
{
    vp->spec_ctrl = value;
    spec_ctrl_load(this_cpu(), vp);
}
