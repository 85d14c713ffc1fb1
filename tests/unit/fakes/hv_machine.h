/* SPDX-License-Identifier: MIT */
/* fakes/hv_machine.h - the hypervisor on a small fake machine: the sources of core, hcall, emul,
 * mm and synic as shipped, with hypervisor/virt/fake instead of a processor that runs guests.
 *
 * There is one host thread. A test acts as one logical processor at a time (machine_lp), and time
 * moves only when a test moves it, or when all LPs halt in machine_run. */
#ifndef FAKES_HV_MACHINE_H
#define FAKES_HV_MACHINE_H

#include "core/pcpu.h"
#include "core/vp.h"
#include "fakes/fake_mm.h"
#include "virt/fake/fake.h"

#define MACHINE_LPS       4u
#define MACHINE_RAM       (32 * MIB)
#define MACHINE_KEPT_BASE (16 * MIB) /* the hypervisor's own */
#define MACHINE_KEPT_SIZE MIB
#define MACHINE_TSC_HZ    1000000000ull
#define MACHINE_APIC_HZ   100000000ull
#define MACHINE_GUEST_OS  0x8100000000000000ull /* what the VPs of helpers say they are */

/* A logical processor, and what it was made to do. */
struct fake_lp {
    struct pcpu pcpu;
    uint64_t cr0, cr4, dr[4], xcr0;
    uint8_t fpu[PAGE_SIZE]; /* FPU and vector registers, in the layout of XSAVE */
    uint64_t fip; /* x87 instruction pointer, which FXRSTOR leaves; 0: that of the hypervisor's FILD */
    bool emptied; /* by EMMS */
    uint64_t deadline;      /* of the physical timer; UINT64_MAX: none */
    uint64_t tsc_aux, spec_ctrl;
    uint32_t ipis;      /* sent to it */
    uint32_t eois;      /* it wrote */
    uint32_t ibpbs;     /* it executed */
    uint32_t wbinvds;   /* it executed */
};

struct machine {
    struct fake_lp lps[MACHINE_LPS];
    struct fake_lp *lp; /* the one whose code runs */
    uint64_t tsc;
    uint64_t next_page;      /* of machine_page */
    gpa_t call_in, call_out; /* of machine_call */
    uint64_t deposited;      /* pages that machine_deposit gave away */
    uint32_t waits;          /* PAUSEs in a row; too many: a loop that never ends */
};
extern struct machine machine;

/* A fresh machine with @lps LPs and root's partition; root's VPs are in 64-bit mode at CPL 0, with
 * a guest OS id, and run nowhere. This is LP 0. */
void machine_init(uint32_t lps);

/* Does anybody hold @l? */
static inline bool machine_locked(const struct spinlock *l)
{
    return l->owner != l->next;
}

/* Go on as LP @index. */
void machine_lp(uint32_t index);

/* A page of root's RAM that nobody uses yet, zeroed. */
gpa_t machine_page(void);
/* The host's pointer to root's address. */
void *machine_ptr(gpa_t at);

/* Load @vp on this LP as its run loop would; and put it away. */
void machine_enter(struct vp *vp);
void machine_leave(struct vp *vp);

/* The VP leaves guest mode with @exit, and what that means is done. @vp is loaded here. */
void machine_exit(struct vp *vp, const struct vp_exit *exit);

/* The loaded 64-bit @vp makes a hypercall and repeats it until it is complete: its result value.
 * A call that is still not complete after many rounds fails the test. */
uint64_t machine_hypercall(struct vp *vp, uint64_t control, uint64_t in, uint64_t out);

/* The same for root's VP 0, which is loaded meanwhile, with @size bytes of input in a page that the
 * caller reads the output from (NULL: not wanted). */
uint64_t machine_call(uint64_t control, const void *in, size_t size, void *out, size_t out_size);
#define MACHINE_REP(code, count)                                                                   \
    ((uint64_t)(code) | (uint64_t)(count) << HV_HYPERCALL_REP_COUNT_SHIFT)

/* Give @pages of root's pages to the pool of partition @id. */
void machine_deposit(uint64_t id, uint32_t pages);

/* A child with @vps VPs and @pages pages of RAM from guest page 0 on, all by hypercalls. VPs are as
 * after machine_flat, suspended. */
struct partition *machine_child(uint32_t vps, uint32_t pages);
/* Where root has the RAM of a child that machine_child made. */
gpa_t machine_child_ram(struct partition *p, uint64_t gpa);
/* Finalize, withdraw and delete: all that @p had must come back. */
void machine_child_end(struct partition *p);

/* Put @vp into 64-bit mode at CPL 0, with linear addresses equal to physical ones. */
void machine_flat(struct vp *vp);

/* Write a synthetic or architectural MSR as @vp, which is loaded. Fails the test if it faults. */
void machine_wrmsr(struct vp *vp, uint32_t msr, uint64_t value);
uint64_t machine_rdmsr(struct vp *vp, uint32_t msr);

/* Enable root VP @index's SynIC so that intercept messages arrive; take the next one. */
void machine_take_messages(uint32_t index);
bool machine_message(uint32_t index, struct hv_message *out);

/* Run all LPs' run loops until every one halts and no timer is due up to TSC @until. */
void machine_run(uint64_t until);

#endif
