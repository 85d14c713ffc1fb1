/* SPDX-License-Identifier: MIT */
/* core/speculation.h - what keeps one partition from learning of another, or of the hypervisor, by
 * what processors execute ahead of time. docs/security.md says against what, and why so.
 *
 * The choice is made once, by a pure function of CPUID: nothing is used that CPUID does not show,
 * and a processor that is not known to be safe is not. On the way into a guest and back only
 * vp.guards is looked at. */
#ifndef CORE_SPECULATION_H
#define CORE_SPECULATION_H

#include <stdbool.h>
#include <stdint.h>
#include "emul/cpuid.h"

struct pcpu;
struct vp;

/* vp.guards: what entering and leaving the VP includes. entry.asm. */
enum {
    GUARD_CLEAR_BUFFERS = 1u << 0, /* VERW before each entry */
    GUARD_FILL_RETURNS = 1u << 1,  /* refill the return stack after each exit */
    GUARD_BARRIER = 1u << 2,       /* IBPB after each exit */
    /* No guard, but looked at in the same place, for nothing where it is off. */
    GUARD_COUNT_TICKS = 1u << 3,   /* HvStatsVpGuestTicks */
};

/* About the boot processor; the others are alike. */
struct speculation {
    bool predicts;          /* false: an interpreter, which executes nothing ahead of time */
    bool ibpb;              /* PRED_CMD has it */
    bool auto_ibrs;         /* EFER.AIBRSE is there, and used */
    bool spec_ctrl_virtual; /* guests have a SPEC_CTRL of their own in the VMCB */
    bool stale;             /* the microcode lacks the repair for a flaw that the processor has */
    uint32_t guards_root, guards_child;
    uint32_t thread_bits;     /* of an APIC id: the LPs that share a core differ in nothing else */
    uint64_t spec_ctrl;       /* the hypervisor's own value: in force for every guest as well */
    uint64_t spec_ctrl_guest; /* bits that guests may set: what CPUID promises them */
    uint64_t pred_cmd_guest;  /* likewise */
};

extern struct speculation speculation; /* [I] after boot */

/* Fill @s with what the processor of @cpuid has and needs. Pure. */
void speculation_choose(struct speculation *s, cpuid_reader cpuid);

/* Have ticks in guest mode counted, of every VP. After the choice, before there is a VP. */
void speculation_count_ticks(struct speculation *s);

/* Say what was chosen, in a line of the log. */
void speculation_log(const struct speculation *s);

/* May the LP at @index of @apic_ids run children? With @shared all LPs do; without, of the LPs that
 * share a core only the first does, so that two children are never on one core at a time. */
bool speculation_runs_children(const struct speculation *s, const uint32_t *apic_ids,
                               uint32_t index, bool shared);

/* Put this LP's SPEC_CTRL in the state that @cpu says. Once, while it starts. */
void speculation_cpu_on(struct pcpu *cpu);

/* @vp is being loaded on @cpu, this LP: forget what another partition taught the predictors, and let
 * the VP's SPEC_CTRL be in force until the next is loaded. */
void speculation_load(struct pcpu *cpu, const struct vp *vp);

/* The guest's SPEC_CTRL becomes @value. @vp is loaded on this LP. */
void speculation_set_spec_ctrl(struct vp *vp, uint64_t value);

#endif
