/* SPDX-License-Identifier: MIT */
/* core/vp_state.h - the state of a virtual processor outside of it: for save, restore and
 * migration.
 *
 * Its local APIC, SynIC and synthetic timers have structures of their own (emul/lapic_state.h,
 * synic/synic.h, synic/stimer.h). To restore: the partition, then each VP is created and given its
 * state here, then its APIC, SynIC and timers. */
#ifndef CORE_VP_STATE_H
#define CORE_VP_STATE_H

#include <hvabi/layout.h>
#include <hvabi/message.h>
#include <hvabi/regs.h>
#include "core/types.h"

struct vp;

#define VP_STATE_VERSION   1u
#define VP_STATE_REGISTERS 29u

/* vp_state.events */
enum {
    VP_STATE_INIT = 1u << 0, /* reached the VP, which has not run since */
    VP_STATE_SIPI = 1u << 1,
    VP_STATE_NMI = 1u << 2,
    VP_STATE_EXPLICIT_SUSPEND = 1u << 8, /* HvRegisterExplicitSuspend */
    VP_STATE_INTERCEPT_SUSPEND = 1u << 9,
    VP_STATE_INTERCEPT_WAITS = 1u << 10, /* the message below has not reached the parent */
};

/* vp_state.activity */
enum {
    VP_STATE_RUNS = 0,
    VP_STATE_HALTED = 1,
    VP_STATE_IDLES = 2,
    VP_STATE_WAITS_FOR_SIPI = 3,
};

/* Fields are only appended, together with an increment of the version. */
struct vp_state {
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    uint32_t vp_index;
    uint32_t apic_id;
    uint32_t activity;    /* VP_STATE_RUNS .. */
    uint32_t events;      /* VP_STATE_INIT .. */
    uint32_t sipi_vector; /* with VP_STATE_SIPI */
    uint32_t reserved;    /* 0 */
    uint64_t gpr[16];     /* in the order of HvX64RegisterRax .. R15 */
    uint64_t rip;
    uint64_t rflags;
    uint64_t dr[4];
    struct hv_register_value registers[VP_STATE_REGISTERS]; /* named in core/vp_state.c */
    uint64_t tsc_delta;                                     /* guest TSC less the partition's */
    uint64_t tsc_aux;
    uint64_t spec_ctrl;
    uint64_t run_tsc; /* ticks that it has run */
    uint64_t vp_assist_msr;
    uint64_t stats_msr;
    uint64_t eoi_vectors[4];     /* level interrupts ended, of which the parent has not heard */
    struct hv_message intercept; /* its origination_id is 0 */
    uint8_t assist_page[HV_PAGE_SIZE];
    uint8_t xsave[HV_PAGE_SIZE]; /* FPU and vector registers; standard form */
};
ABI_OFFSET(struct vp_state, gpr, 32);
ABI_OFFSET(struct vp_state, registers, 208);
ABI_OFFSET(struct vp_state, tsc_delta, 672);
ABI_OFFSET(struct vp_state, intercept, 752);
ABI_OFFSET(struct vp_state, assist_page, 1008);
ABI_SIZE(struct vp_state, 9200);

/* @vp is held, and its parent takes no messages meanwhile. */
void vp_save(struct vp *vp, struct vp_state *out);

/* Make @vp what @in says; it is held, and has not run since it was created.
 * HV_STATUS_INVALID_SAVE_RESTORE_STATE: not a state, or not one that this machine can take.
 * HV_STATUS_INSUFFICIENT_MEMORY: no tables for an overlay. Nothing has changed then. */
hv_status vp_restore(struct vp *vp, const struct vp_state *in) MUST_CHECK;

#endif
