/* SPDX-License-Identifier: MIT */
/* svm/exit.c - from #VMEXIT codes to normalised exits. APM vol. 2, 15.7 to 15.25 and appendix C.
 * Pure: reads the control block, touches no hardware. */
#include "virt/svm/svm.h"

#include <x86/exception.h>
#include "core/pcpu.h"

/* Where the processor saves the next RIP it is the length; elsewhere the core decodes. */
static uint8_t known_length(const struct vp *vp)
{
    const struct vmcb *v = vmcb_of(vp);

    if (!svm_features.nrip_save)
        return 0;
    uint64_t length = v->control.nrip - v->save.rip;
    return length <= 15 ? (uint8_t)length : 0;
}

static void translate_io(const struct vmcb *v, struct vp_exit *exit)
{
    uint64_t info = v->control.exitinfo1;

    exit->reason = VP_EXIT_IO;
    exit->io.port = (uint16_t)(info >> VMCB_IOIO_PORT_SHIFT);
    exit->io.size = (uint8_t)(info >> VMCB_IOIO_SIZE_SHIFT & VMCB_IOIO_SIZE_MASK);
    exit->io.in = info & VMCB_IOIO_IN;
    exit->io.string = info & VMCB_IOIO_STRING;
    exit->io.rep = info & VMCB_IOIO_REP;
    /* The RIP after the instruction: always given for IOIO. */
    exit->insn_len = (uint8_t)(v->control.exitinfo2 - v->save.rip);
}

static void translate_fault(const struct vmcb *v, struct vp_exit *exit)
{
    uint64_t info = v->control.exitinfo1;

    exit->reason = VP_EXIT_GPA_FAULT;
    exit->fault.gpa = v->control.exitinfo2;
    exit->fault.access = (info & VMCB_NPF_WRITE ? GPA_FAULT_WRITE : 0u) |
                         (info & VMCB_NPF_FETCH ? GPA_FAULT_EXECUTE : 0u) |
                         (info & VMCB_NPF_PRESENT ? GPA_FAULT_PRESENT : 0u) |
                         (info & VMCB_NPF_PAGE_WALK ? GPA_FAULT_PAGE_TABLE : 0u);
    exit->insn_len = 0;
}

static void translate_cr8_write(const struct vmcb *v, struct vp_exit *exit)
{
    uint64_t info = v->control.exitinfo1;

    exit->reason = VP_EXIT_CR8_WRITE;
    exit->cr8.known = svm_features.decode_assists && (info & VMCB_CR_MOV);
    exit->cr8.gpr = (uint8_t)(info & VMCB_CR_GPR_MASK);
}

static void translate_exception(const struct vmcb *v, struct vp_exit *exit)
{
    exit->reason = VP_EXIT_EXCEPTION;
    exit->exception.vector = (uint8_t)(v->control.exitcode - VMEXIT_EXCEPTION);
    exit->exception.has_error_code = exception_has_error_code(exit->exception.vector);
    exit->exception.error_code = (uint32_t)v->control.exitinfo1;
    exit->exception.parameter = v->control.exitinfo2;
}

/* The exits that say nothing more than why, close enough together to become a table. */
static enum vp_exit_reason simple_reason(uint32_t code)
{
    switch (code) {
    case VMEXIT_INTR:
    case VMEXIT_NMI:
    case VMEXIT_SMI:
    case VMEXIT_INIT:
        return VP_EXIT_INTERRUPT;
    case VMEXIT_IRET:
        return VP_EXIT_NMI_WINDOW;
    case VMEXIT_CPUID:
        return VP_EXIT_CPUID;
    case VMEXIT_HLT:
        return VP_EXIT_HALT;
    case VMEXIT_VMMCALL:
        return VP_EXIT_HYPERCALL;
    case VMEXIT_XSETBV:
        return VP_EXIT_XSETBV;
    case VMEXIT_WBINVD:
    case VMEXIT_INVD:
        return VP_EXIT_CACHE_FLUSH;
    case VMEXIT_PAUSE:
        return VP_EXIT_PAUSE;
    case VMEXIT_SHUTDOWN:
        return VP_EXIT_SHUTDOWN;
    case VMEXIT_RDPMC:
        return VP_EXIT_RDPMC;
    default:
        /* VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA, MONITOR, MWAIT. */
        return VP_EXIT_UNDEFINED;
    }
}

/* On QEMU's TCG a nested fault that cuts the delivery of an offered interrupt short looks like one in
 * the delivery of an exception of that vector. KVM on top of it injects that exception, is refused,
 * and passes the refusal on to us. The offer stands, and the page that was missing is there now: the
 * next try comes further: a delivery reads IDT, GDT and TSS and writes a stack. So the refusal of a
 * VMCB without fault, with an offer, counts when it is repeated more often than that. What was
 * refused has not run, but QEMU 7.2 leaves the page offset of KVM's VMRUN in its RIP. */
#define REFUSALS_MAX 8u

static bool refused_by_mistake(const struct svm_vp *s)
{
    return s->refusals <= REFUSALS_MAX && (s->vmcb->control.v_intr & VMCB_V_IRQ) &&
           vmcb_check(s->vmcb, svm_features.asids) == NULL;
}

/* The next entry flushes all of @cpu. */
static void asids_forget(struct pcpu *cpu, struct svm_vp *s)
{
    cpu->asid_next = cpu->asid_count;
    s->asid_lp = UINT32_MAX;
}

static __attribute__((noinline)) enum vp_exit_reason refused(struct vp *vp)
{
    struct svm_vp *s = svm_of(vp);
    uint64_t exits = vp->stats[HvStatsVpTotalExits];

    s->refusals = exits - s->refused_at == 1 ? s->refusals + 1 : 1;
    s->refused_at = exits;
    asids_forget(this_cpu(), s); /* who refuses does not say whether it has flushed first */
    if (!refused_by_mistake(s))
        return VP_EXIT_INVALID_STATE;
    vp->rip = s->entered_rip;
    return VP_EXIT_INTERRUPT;
}

void svm_exit_translate(struct vp *vp, struct vp_exit *exit)
{
    const struct vmcb *v = vmcb_of(vp);
    uint32_t code = (uint32_t)v->control.exitcode;

    exit->insn_len = known_length(vp);
    switch (code) {
    case VMEXIT_NPF:
        translate_fault(v, exit);
        break;
    case VMEXIT_IOIO:
        translate_io(v, exit);
        break;
    case VMEXIT_MSR:
        exit->reason = v->control.exitinfo1 & 1 ? VP_EXIT_MSR_WRITE : VP_EXIT_MSR_READ;
        break;
    case VMEXIT_EXCEPTION ... VMEXIT_EXCEPTION_END:
        translate_exception(v, exit);
        break;
    case VMEXIT_CR8_WRITE:
        translate_cr8_write(v, exit);
        break;
    case VMEXIT_INVALID_LOW:
        exit->reason = refused(vp);
        break;
    default:
        exit->reason = simple_reason(code);
        break;
    }
}
