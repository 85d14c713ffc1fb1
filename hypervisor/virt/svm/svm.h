/* SPDX-License-Identifier: MIT */
/* svm/svm.h - what the files of this backend share. APM vol. 2, chapter 15. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "core/vp.h"
#include "virt/svm/vmcb.h"

/* vp.backend */
struct svm_vp {
    struct vmcb *vmcb;
    hpa_t vmcb_pa;
    uint32_t asid;
    uint32_t asid_lp;         /* LP on which asid is valid */
    uint64_t asid_generation; /* pcpu.asid_generation when it was handed out */
    /* What its translations may hold: slat.generation + vp.tlb_generation. Both only grow, so the
     * sum is the same when both are. */
    uint64_t translations;
    uint64_t refused_at; /* the VP's exits when its VMCB was last refused */
    uint32_t refusals;   /* in a row */
    uint64_t entered_rip; /* of the VP at its last VMRUN */
    uint32_t shadows;    /* entries in a row that were interrupted before the first instruction */
};

/* What this machine's SVM offers; the same on every LP. */
struct svm_features {
    uint32_t asids;
    bool nrip_save, decode_assists, flush_by_asid;
};
extern struct svm_features svm_features; /* [I] after virt_cpu_on of the boot processor */

static inline struct svm_vp *svm_of(const struct vp *vp)
{
    return vp->backend;
}

static inline struct vmcb *vmcb_of(const struct vp *vp)
{
    return svm_of(vp)->vmcb;
}

/* entry.asm: load the VP's registers, VMRUN, and put them away. Interrupts are off before and after,
 * and taken as exits in between. */
void svm_enter(struct vp *vp, uint64_t vmcb_pa, uint64_t host_vmcb_pa);

/* exit.c: fill @exit from the control block. */
void svm_exit_translate(struct vp *vp, struct vp_exit *exit);

/* What is wrong with @v for VMRUN, in words, or NULL (APM vol. 2, 15.5.1). */
const char *vmcb_check(const struct vmcb *v, uint32_t asids);

#endif
