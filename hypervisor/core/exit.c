/* SPDX-License-Identifier: MIT */
/* core/exit.c - what is done about each exit: a switch of one-line cases, a function each. */
#include <hvabi/management.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include "core/fpu.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/panic.h"
#include "emul/apic_page.h"
#include "emul/gva.h"
#include "emul/msr.h"
#include "hcall/hcall.h"
#include "mm/pfn.h"
#include "virt/virt.h"

#define VP_EXIT_NAME(constant, name) #name,
const char *const vp_exit_names[VP_EXIT_REASON_COUNT] = {HV_STATS_VP_EXITS(VP_EXIT_NAME)};

/* The low halves of RAX and RDX, as RDMSR and WRMSR use them. */
static uint64_t edx_eax(const struct vp *vp)
{
    return vp->gpr[X86_RDX] << 32 | (vp->gpr[X86_RAX] & UINT32_MAX);
}

static void inject_gp(struct vp *vp)
{
    virt_inject_exception(vp, EXCEPTION_GP, true, 0);
}

/* Length of the instruction that made the exit; 0: its bytes are gone or others by now: it is
 * simply run again. */
static unsigned length_of(struct vp *vp, const struct vp_exit *exit, uint32_t opcode)
{
    uint8_t bytes[X86_INSN_MAX];

    if (exit->insn_len != 0)
        return exit->insn_len;
    return x86_insn_length(bytes, gva_fetch(vp, bytes), gva_mode(vp), opcode);
}

static bool skip(struct vp *vp, const struct vp_exit *exit, uint32_t opcode)
{
    unsigned length = length_of(vp, exit, opcode);

    if (length != 0)
        virt_skip(vp, length);
    return length != 0;
}

static void cpuid_intercept(struct vp *vp, unsigned length, const uint32_t r[4])
{
    struct hv_x64_cpuid_intercept_message *m = vp_intercept_begin(vp, sizeof(*m));

    vp_intercept_header(vp, &m->header, length, HvInterceptAccessExecute);
    m->rax = vp->gpr[X86_RAX];
    m->rcx = vp->gpr[X86_RCX];
    m->rdx = vp->gpr[X86_RDX];
    m->rbx = vp->gpr[X86_RBX];
    m->default_result_rax = r[0];
    m->default_result_rcx = r[2];
    m->default_result_rdx = r[3];
    m->default_result_rbx = r[1];
    vp_intercept(vp, HvMessageTypeX64CpuidIntercept, sizeof(*m));
}

static void exit_cpuid(struct vp *vp, struct vp_exit *exit)
{
    struct cpuid_vp view = {
        .apic_id = vp->apic_id, .cr4 = virt_cr4(vp), .apic_off = !lapic_is_on(&vp->lapic)};
    unsigned length = length_of(vp, exit, X86_OPCODE_CPUID);
    uint32_t r[4];

    if (length == 0)
        return;
    if ((uint32_t)vp->gpr[X86_RAX] == CPUID_LEAF_XSAVE)
        fpu_xcr0_learn(vp);
    view.xcr0 = vp->xcr0;
    cpuid_guest(vp->partition->cpuid, &view, (uint32_t)vp->gpr[X86_RAX],
                (uint32_t)vp->gpr[X86_RCX], r);
    if (vp->partition->intercepts.cpuid != 0) {
        cpuid_intercept(vp, length, r);
        return;
    }
    vp->gpr[X86_RAX] = r[0];
    vp->gpr[X86_RBX] = r[1];
    vp->gpr[X86_RCX] = r[2];
    vp->gpr[X86_RDX] = r[3];
    virt_skip(vp, length);
}

static void exit_halt(struct vp *vp, struct vp_exit *exit)
{
    if (skip(vp, exit, X86_OPCODE_HLT))
        vp->activity = VP_ACTIVITY_HALT;
}

static void exit_shutdown(struct vp *vp)
{
    struct hv_x64_unrecoverable_exception_message *m;

    if (vp->partition->is_root)
        panic_root_died("VP %u: triple fault, or reset", vp->index);
    m = vp_intercept_begin(vp, sizeof(*m));
    vp_intercept_header(vp, &m->header, 0, HvInterceptAccessExecute);
    vp_intercept(vp, HvMessageTypeUnrecoverableException, sizeof(*m));
}

static void msr_intercept(struct vp *vp, unsigned length, bool write)
{
    struct hv_x64_msr_intercept_message *m = vp_intercept_begin(vp, sizeof(*m));

    vp_intercept_header(vp, &m->header, length,
                        write ? HvInterceptAccessWrite : HvInterceptAccessRead);
    m->msr_number = (uint32_t)vp->gpr[X86_RCX];
    m->rdx = vp->gpr[X86_RDX];
    m->rax = vp->gpr[X86_RAX];
    vp_intercept(vp, HvMessageTypeMsrIntercept, sizeof(*m));
}

static __attribute__((noinline, cold)) void msr_not_done(struct vp *vp, unsigned length,
                                                         bool write, enum msr_result r)
{
    if (r == MSR_INTERCEPT || (r == MSR_UNKNOWN && (vp->partition->intercepts.msr >> write & 1)))
        msr_intercept(vp, length, write);
    else if (r == MSR_SHUTDOWN)
        exit_shutdown(vp);
    else
        inject_gp(vp);
}

static void exit_msr(struct vp *vp, struct vp_exit *exit, bool write)
{
    unsigned length = length_of(vp, exit, write ? X86_OPCODE_WRMSR : X86_OPCODE_RDMSR);
    uint32_t msr = (uint32_t)vp->gpr[X86_RCX];
    uint64_t value;
    enum msr_result r;

    if (length == 0)
        return;
    r = write ? msr_write(vp, msr, edx_eax(vp)) : msr_read(vp, msr, &value);
    if (r == MSR_FAULT) {
        inject_gp(vp);
        return;
    }
    if (r != MSR_DONE) {
        msr_not_done(vp, length, write, r);
        return;
    }
    if (write) {
        vp_tpr_show(vp);
    } else {
        vp->gpr[X86_RAX] = value & UINT32_MAX;
        vp->gpr[X86_RDX] = value >> 32;
    }
    virt_skip(vp, length);
}

/* ---- ports ---- */

static void fill_string_io(struct vp *vp, struct hv_x64_io_port_intercept_message *m)
{
    struct hv_register_value segment;

    m->instruction_byte_count = (uint8_t)gva_fetch(vp, m->instruction_bytes);
    if (virt_reg_get(vp, HvX64RegisterDs, &segment) == HV_STATUS_SUCCESS)
        m->ds_segment = segment.segment;
    if (virt_reg_get(vp, HvX64RegisterEs, &segment) == HV_STATUS_SUCCESS)
        m->es_segment = segment.segment;
    m->rcx = vp->gpr[X86_RCX];
    m->rsi = vp->gpr[X86_RSI];
    m->rdi = vp->gpr[X86_RDI];
}

static void io_intercept(struct vp *vp, const struct vp_exit *exit)
{
    struct hv_x64_io_port_intercept_message *m = vp_intercept_begin(vp, sizeof(*m));

    vp_intercept_header(vp, &m->header, exit->insn_len,
                        exit->io.in ? HvInterceptAccessRead : HvInterceptAccessWrite);
    m->port_number = exit->io.port;
    m->access_info = (uint8_t)(exit->io.size |
                               (exit->io.string ? HV_X64_IO_PORT_ACCESS_STRING : 0u) |
                               (exit->io.rep ? HV_X64_IO_PORT_ACCESS_REP : 0u));
    m->rax = vp->gpr[X86_RAX];
    if (exit->io.string)
        fill_string_io(vp, m);
    vp_intercept(vp, HvMessageTypeX64IoPortIntercept, sizeof(*m));
}

/* TLFS 2.0A, 11.9: nobody there. A string instruction reads all ones into memory that we do not
 * touch for it: it is skipped whole, with its count used up. */
static void io_nobody(struct vp *vp, const struct vp_exit *exit)
{
    uint64_t ones = exit->io.size == 4 ? UINT32_MAX : (1ull << exit->io.size * 8) - 1;

    if (exit->io.string && exit->io.rep)
        vp->gpr[X86_RCX] = 0;
    else if (exit->io.in && !exit->io.string)
        vp->gpr[X86_RAX] = exit->io.size == 4 ? ones : vp->gpr[X86_RAX] | ones;
    virt_skip(vp, exit->insn_len);
}

static void exit_io(struct vp *vp, struct vp_exit *exit)
{
    uint32_t access = exit->io.in ? HV_INTERCEPT_ACCESS_MASK_READ : HV_INTERCEPT_ACCESS_MASK_WRITE;

    if (partition_intercepts_port(vp->partition, exit->io.port, access))
        io_intercept(vp, exit);
    else
        io_nobody(vp, exit);
}

/* ---- memory ---- */

static void memory_intercept(struct vp *vp, const struct vp_exit *exit)
{
    uint32_t a = exit->fault.access;
    struct hv_x64_memory_intercept_message *m = vp_intercept_begin(vp, sizeof(*m));
    struct hv_register_value segment;

    vp_intercept_header(vp, &m->header, 0,
                        a & GPA_FAULT_EXECUTE ? HvInterceptAccessExecute
                        : a & GPA_FAULT_WRITE ? HvInterceptAccessWrite
                                              : HvInterceptAccessRead);
    m->cache_type = HvCacheTypeX64WriteBack;
    m->guest_physical_address = exit->fault.gpa;
    m->tpr_priority = lapic_tpr(&vp->lapic);
    m->instruction_byte_count = (uint8_t)gva_fetch(vp, m->instruction_bytes);
    if (virt_reg_get(vp, HvX64RegisterDs, &segment) == HV_STATUS_SUCCESS)
        m->ds_segment = segment.segment;
    if (virt_reg_get(vp, HvX64RegisterSs, &segment) == HV_STATUS_SUCCESS)
        m->ss_segment = segment.segment;
    memcpy(m->gprs, vp->gpr, sizeof(m->gprs));
    vp_intercept(vp, a & GPA_FAULT_PRESENT ? HvMessageTypeGpaIntercept : HvMessageTypeUnmappedGpa,
                 sizeof(*m));
}

/* Root touches what no firmware table names (devices), or what the hypervisor keeps (#GP). */
static void root_fault(struct vp *vp, const struct vp_exit *exit)
{
    static const struct slat_hole apic = {APIC_DEFAULT_BASE, APIC_MMIO_SIZE};
    unsigned access = exit->fault.access & GPA_FAULT_WRITE ? SLAT_WRITE : SLAT_READ;
    hv_status st;

    if (exit->fault.access & GPA_FAULT_EXECUTE)
        access = SLAT_EXECUTE;
    st = slat_identity_fault(&vp->partition->slat, gpa(exit->fault.gpa), access, SLAT_WRITE_BACK,
                             &apic, 1);
    if (st == HV_STATUS_SUCCESS)
        return;
    hv_log("root VP %u: rip %lx rsp %lx: access %u to %lx denied (status %x, page state %u)",
           vp->index, vp->rip, vp->gpr[X86_RSP], exit->fault.access, exit->fault.gpa, st,
           pfn_query(hpa(exit->fault.gpa & ~PAGE_MASK), NULL));
    inject_gp(vp);
}

/* A write to an overlay that the guest may only read (the hypercall page) is #GP. TLFS 6.0b, 3.13. */
static bool is_overlay(struct vp *vp, uint64_t at)
{
    struct slat_view view;

    return slat_query(&vp->partition->slat, gpa(at), &view) == HV_STATUS_SUCCESS && view.overlay;
}

static void exit_gpa_fault(struct vp *vp, struct vp_exit *exit)
{
    uint64_t at = exit->fault.gpa;

    if ((at & ~(APIC_MMIO_SIZE - 1ull)) == APIC_DEFAULT_BASE && lapic_mmio_on(&vp->lapic)) {
        if (!apic_page_access(vp, (uint32_t)(at & (APIC_MMIO_SIZE - 1))))
            virt_inject_exception(vp, EXCEPTION_UD, false, 0);
        vp_tpr_show(vp);
    } else if ((exit->fault.access & GPA_FAULT_PRESENT) && is_overlay(vp, at)) {
        inject_gp(vp);
    } else if (vp->partition->is_root) {
        root_fault(vp, exit);
    } else {
        memory_intercept(vp, exit);
    }
}

/* ---- the rest ---- */

/* Which register a MOV to CR8 reads, and its length, from its bytes. */
static bool cr8_decode(struct vp *vp, struct vp_exit *exit)
{
    uint8_t bytes[X86_INSN_MAX];
    unsigned count = gva_fetch(vp, bytes);
    struct x86_insn insn;

    if (x86_decode(bytes, count, gva_mode(vp), &insn) != X86_DECODE_OK || !insn.has_modrm)
        return false;
    exit->cr8.gpr = (uint8_t)((insn.modrm & 7u) | (insn.rex & X86_REX_B ? 8u : 0u));
    exit->insn_len = insn.length;
    return true;
}

static void exit_cr8_write(struct vp *vp, struct vp_exit *exit)
{
    if ((!exit->cr8.known || exit->insn_len == 0) && !cr8_decode(vp, exit))
        return;
    uint64_t value = vp->gpr[exit->cr8.gpr & 15u];
    if (value & ~CR8_TPR_MASK) {
        inject_gp(vp);
        return;
    }
    lapic_tpr_set(&vp->lapic, (uint8_t)(value << 4));
    vp_tpr_show(vp);
    virt_skip(vp, exit->insn_len);
}

static void exit_xsetbv(struct vp *vp, struct vp_exit *exit)
{
    uint64_t value = edx_eax(vp);

    if ((uint32_t)vp->gpr[X86_RCX] != 0 || virt_cpl(vp) != 0 ||
        !cpuid_xcr0_valid(vp->partition->cpuid, value)) {
        inject_gp(vp);
        return;
    }
    if (!skip(vp, exit, X86_OPCODE_XSETBV))
        return;
    vp->xcr0 = value;
    insn_xsetbv(0, value);
}

/* Root's devices may need it; a child's writes are coherent anyway. */
static void exit_cache_flush(struct vp *vp, struct vp_exit *exit)
{
    if (!skip(vp, exit, X86_OPCODE_WBINVD) && !skip(vp, exit, X86_OPCODE_INVD))
        return;
    if (vp->partition->is_root)
        insn_wbinvd();
}

static void exception_intercept(struct vp *vp, const struct vp_exit *exit)
{
    struct hv_x64_exception_intercept_message *m = vp_intercept_begin(vp, sizeof(*m));

    vp_intercept_header(vp, &m->header, 0, HvInterceptAccessExecute);
    m->exception_vector = exit->exception.vector;
    m->exception_info = exit->exception.has_error_code ? HV_X64_EXCEPTION_ERROR_CODE_VALID : 0;
    m->error_code = exit->exception.error_code;
    m->exception_parameter = exit->exception.parameter;
    m->instruction_byte_count = (uint8_t)gva_fetch(vp, m->instruction_bytes);
    memcpy(m->gprs, vp->gpr, sizeof(m->gprs));
    vp_intercept(vp, HvMessageTypeExceptionIntercept, sizeof(*m));
}

/* #DB and #AC come here so that a guest that makes them without end makes exits without end, which
 * the scheduler survives; #MC because it is the machine's. */
static void exit_exception(struct vp *vp, struct vp_exit *exit)
{
    uint8_t vector = exit->exception.vector;

    if (vector == EXCEPTION_MC)
        panic("machine check in partition %lx VP %u", vp->partition->id, vp->index);
    if (vp->partition->intercepts.exceptions >> vector & 1)
        exception_intercept(vp, exit);
    else
        virt_inject_exception(vp, vector, exit->exception.has_error_code,
                              exit->exception.error_code);
}

static void exit_invalid_state(struct vp *vp)
{
    struct hv_x64_invalid_vp_register_message *m;

    if (vp->partition->is_root)
        panic_root_died("VP %u: the processor refuses its registers", vp->index);
    virt_dump(vp);
    m = vp_intercept_begin(vp, sizeof(*m));
    m->vp_index = vp->index;
    vp_intercept(vp, HvMessageTypeInvalidVpRegisterValue, sizeof(*m));
}

/* NMIs are open again when IRET has been executed, and not before: it stands in a shadow. */
static void exit_nmi_window(struct vp *vp)
{
    vp->nmi_masked = false;
    virt_nmi_window(vp, false);
    virt_shadow_set(vp);
}

/* Instructions that a VP has not, and RDPMC, which all have: no case of its own, since there is no
 * table of jumps, and each case costs those that matter. */
static void exit_refused(struct vp *vp, const struct vp_exit *exit)
{
    if (exit->reason == VP_EXIT_RDPMC)
        inject_gp(vp);
    else
        virt_inject_exception(vp, EXCEPTION_UD, false, 0);
}

void vp_exit_handle(struct vp *vp, struct vp_exit *exit)
{
    switch (exit->reason) {
    case VP_EXIT_INTERRUPT:
        insn_sti_nop_cli(); /* it is taken here */
        break;
    case VP_EXIT_NMI_WINDOW:
        exit_nmi_window(vp);
        break;
    case VP_EXIT_CPUID:
        exit_cpuid(vp, exit);
        break;
    case VP_EXIT_HALT:
        exit_halt(vp, exit);
        break;
    case VP_EXIT_HYPERCALL:
        hcall_exit(vp, exit);
        break;
    case VP_EXIT_MSR_READ:
        exit_msr(vp, exit, false);
        break;
    case VP_EXIT_MSR_WRITE:
        exit_msr(vp, exit, true);
        break;
    case VP_EXIT_IO:
        exit_io(vp, exit);
        break;
    case VP_EXIT_GPA_FAULT:
        exit_gpa_fault(vp, exit);
        break;
    case VP_EXIT_CR8_WRITE:
        exit_cr8_write(vp, exit);
        break;
    case VP_EXIT_XSETBV:
        exit_xsetbv(vp, exit);
        break;
    case VP_EXIT_CACHE_FLUSH:
        exit_cache_flush(vp, exit);
        break;
    case VP_EXIT_EXCEPTION:
        exit_exception(vp, exit);
        break;
    case VP_EXIT_PAUSE:
        vp->yield = true;
        break;
    case VP_EXIT_SHUTDOWN:
        exit_shutdown(vp);
        break;
    case VP_EXIT_INVALID_STATE:
        exit_invalid_state(vp);
        break;
    case VP_EXIT_UNDEFINED:
    case VP_EXIT_RDPMC:
    case VP_EXIT_REASON_COUNT:
    default:
        exit_refused(vp, exit);
        break;
    }
}
