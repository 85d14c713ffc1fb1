/* SPDX-License-Identifier: MIT */
/* svm/dump.c - a VP's control block in words, for panics. APM vol. 2, appendices B and C. */
#include "virt/virt.h"
#include "virt/svm/svm.h"

#include <rt/format.h>
#include <rt/mem.h>
#include "debug/log.h"

#define LINE_MAX 160

/* ---- names ---- */

struct name {
    uint32_t value;
    const char *name;
};

static const struct name exit_names[] = {
    {VMEXIT_CR8_WRITE, "CR8 write"},
    {VMEXIT_INTR, "INTR"},
    {VMEXIT_NMI, "NMI"},
    {VMEXIT_SMI, "SMI"},
    {VMEXIT_INIT, "INIT"},
    {VMEXIT_RDPMC, "RDPMC"},
    {VMEXIT_CPUID, "CPUID"},
    {VMEXIT_IRET, "IRET"},
    {VMEXIT_INVD, "INVD"},
    {VMEXIT_PAUSE, "PAUSE"},
    {VMEXIT_HLT, "HLT"},
    {VMEXIT_INVLPGA, "INVLPGA"},
    {VMEXIT_IOIO, "IOIO"},
    {VMEXIT_MSR, "MSR"},
    {VMEXIT_SHUTDOWN, "SHUTDOWN"},
    {VMEXIT_VMRUN, "VMRUN"},
    {VMEXIT_VMMCALL, "VMMCALL"},
    {VMEXIT_VMLOAD, "VMLOAD"},
    {VMEXIT_VMSAVE, "VMSAVE"},
    {VMEXIT_STGI, "STGI"},
    {VMEXIT_CLGI, "CLGI"},
    {VMEXIT_SKINIT, "SKINIT"},
    {VMEXIT_WBINVD, "WBINVD"},
    {VMEXIT_MONITOR, "MONITOR"},
    {VMEXIT_MWAIT, "MWAIT"},
    {VMEXIT_MWAIT_ARMED, "MWAIT"},
    {VMEXIT_XSETBV, "XSETBV"},
    {VMEXIT_NPF, "NPF"},
    {VMEXIT_INVALID_LOW, "INVALID"},
};

static const struct name misc1_names[] = {
    {VMCB_INTERCEPT_INTR, "INTR"},       {VMCB_INTERCEPT_NMI, "NMI"},
    {VMCB_INTERCEPT_SMI, "SMI"},         {VMCB_INTERCEPT_INIT, "INIT"},
    {VMCB_INTERCEPT_RDPMC, "RDPMC"},     {VMCB_INTERCEPT_CPUID, "CPUID"},
    {VMCB_INTERCEPT_IRET, "IRET"},       {VMCB_INTERCEPT_INVD, "INVD"},
    {VMCB_INTERCEPT_PAUSE, "PAUSE"},     {VMCB_INTERCEPT_HLT, "HLT"},
    {VMCB_INTERCEPT_INVLPGA, "INVLPGA"}, {VMCB_INTERCEPT_IOIO, "IOIO"},
    {VMCB_INTERCEPT_MSR, "MSR"},         {VMCB_INTERCEPT_TASK, "TASK"},
    {VMCB_INTERCEPT_FERR, "FERR"},       {VMCB_INTERCEPT_SHUTDOWN, "SHUTDOWN"},
};

static const struct name misc2_names[] = {
    {VMCB_INTERCEPT_VMRUN, "VMRUN"},     {VMCB_INTERCEPT_VMMCALL, "VMMCALL"},
    {VMCB_INTERCEPT_VMLOAD, "VMLOAD"},   {VMCB_INTERCEPT_VMSAVE, "VMSAVE"},
    {VMCB_INTERCEPT_STGI, "STGI"},       {VMCB_INTERCEPT_CLGI, "CLGI"},
    {VMCB_INTERCEPT_SKINIT, "SKINIT"},   {VMCB_INTERCEPT_WBINVD, "WBINVD"},
    {VMCB_INTERCEPT_MONITOR, "MONITOR"}, {VMCB_INTERCEPT_MWAIT, "MWAIT"},
    {VMCB_INTERCEPT_XSETBV, "XSETBV"},
};

static const struct name tlb_names[] = {
    {VMCB_TLB_NOTHING, "flush nothing"},
    {VMCB_TLB_FLUSH_ALL, "flush all"},
    {VMCB_TLB_FLUSH_ASID, "flush this ASID"},
};

static const char *find_name(const struct name *names, size_t count, uint32_t value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return "?";
}

/* One line: @label, then the name of each bit of @bits, and what of them has none. */
static void dump_bits(const char *label, const struct name *names, size_t count, uint32_t bits)
{
    char line[LINE_MAX] = "";
    size_t length = 0;

    for (size_t i = 0; i < count && length < sizeof(line); i++) {
        if (!(bits & names[i].value))
            continue;
        bits &= ~names[i].value;
        length += (size_t)rt_snprintf(line + length, sizeof(line) - length, " %s", names[i].name);
    }
    hv_log("  %s%s, others %x", label, line, bits);
}

/* ---- parts of the control area ---- */

static void dump_exit(const struct vmcb_control *c)
{
    uint32_t code = (uint32_t)c->exitcode;

    if (code >= VMEXIT_EXCEPTION && code <= VMEXIT_EXCEPTION_END)
        hv_log("  exit %lx (exception %u) exitinfo1 %lx exitinfo2 %lx", c->exitcode,
               code - VMEXIT_EXCEPTION, c->exitinfo1, c->exitinfo2);
    else
        hv_log("  exit %lx (%s) exitinfo1 %lx exitinfo2 %lx", c->exitcode,
               find_name(exit_names, ARRAY_SIZE(exit_names), code), c->exitinfo1, c->exitinfo2);
}

/* EVENTINJ and EXITINTINFO (15.20). */
static void dump_event(const char *label, uint64_t e)
{
    static const char *const types[] = {"interrupt", "?", "NMI", "exception", "software interrupt",
                                        "?", "?", "?"};
    unsigned vector = (unsigned)(e & VMCB_EVENT_VECTOR_MASK);
    const char *type = types[(e & VMCB_EVENT_TYPE_MASK) >> VMCB_EVENT_TYPE_SHIFT];

    if (!(e & VMCB_EVENT_VALID))
        hv_log("  %s %lx (none)", label, e);
    else if (e & VMCB_EVENT_ERROR_VALID)
        hv_log("  %s %lx (%s %u, error %x)", label, e, type, vector,
               (uint32_t)(e >> VMCB_EVENT_ERROR_SHIFT));
    else
        hv_log("  %s %lx (%s %u)", label, e, type, vector);
}

static void dump_interrupts(const struct vmcb_control *c)
{
    unsigned tpr = (unsigned)(c->v_intr & VMCB_V_TPR_MASK);
    unsigned vector = (unsigned)((c->v_intr & VMCB_V_INTR_VECTOR_MASK) >> VMCB_V_INTR_VECTOR_SHIFT);

    hv_log("  v_intr %lx (TPR %u, %s vector %u%s) shadow %lx", c->v_intr, tpr,
           c->v_intr & VMCB_V_IRQ ? "offers" : "offered", vector,
           c->v_intr & VMCB_V_INTR_MASKING ? ", masking" : "", c->interrupt_shadow);
}

static void dump_control(const struct vmcb_control *c)
{
    dump_exit(c);
    dump_event("exitintinfo", c->exitintinfo);
    dump_event("eventinj", c->eventinj);
    dump_interrupts(c);
    hv_log("  intercepts: CR writes %x, DR %x %x, exceptions %x", c->intercept_cr_writes,
           c->intercept_dr_reads, c->intercept_dr_writes, c->intercept_exceptions);
    dump_bits("intercepts:", misc1_names, ARRAY_SIZE(misc1_names), c->intercept_misc1);
    dump_bits("intercepts:", misc2_names, ARRAY_SIZE(misc2_names), c->intercept_misc2);
    hv_log("  asid %u tlb_control %u (%s) nested paging %s n_cr3 %lx tsc_offset %lx", c->guest_asid,
           c->tlb_control, find_name(tlb_names, ARRAY_SIZE(tlb_names), c->tlb_control),
           c->np_control & VMCB_NP_ENABLE ? "on" : "off", c->n_cr3, c->tsc_offset);
}

static void dump_save(const struct vmcb_save *s)
{
    static const char *const names[] = {"es", "cs", "ss", "ds", "fs", "gs",
                                        "gdtr", "ldtr", "idtr", "tr"};
    const struct vmcb_segment *segment = &s->es;

    hv_log("  rip %016lx rsp %016lx rax %016lx rflags %08lx cpl %u", s->rip, s->rsp, s->rax,
           s->rflags, s->cpl);
    hv_log("  cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx dr6 %lx dr7 %lx", s->cr0, s->cr2, s->cr3,
           s->cr4, s->efer, s->dr6, s->dr7);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        hv_log("  %-4s %04x base %016lx limit %08x attributes %03x", names[i],
               segment[i].selector, segment[i].base, segment[i].limit, segment[i].attributes);
}

void virt_dump(const struct vp *vp)
{
    const struct vmcb *v = vmcb_of(vp);
    const char *wrong = vmcb_check(v, svm_features.asids);

    hv_log("VMCB at %lx: %s", svm_of(vp)->vmcb_pa.v, wrong != NULL ? wrong : "consistent");
    dump_control(&v->control);
    dump_save(&v->save);
}
