/* SPDX-License-Identifier: MIT */
/* fakes/hv_machine.c - see fakes/hv_machine.h. */
#include "fakes/hv_machine.h"

/* For its table of partitions, which a fresh machine must find empty. */
#include "core/partition.c" /* NOLINT(bugprone-suspicious-include) */
#include "core/statistics.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <hvabi/msr.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include <x86/msr.h>
#include <x86/xsave.h>
#include "core/speculation.h"
#include "debug/panic.h"
#include "debug/provoke.h"
#include "emul/msr.h"
#include "hcall/hcall.h"
#include "mm/guest.h"
#include "mm/pfn.h"

#define MACHINE_PAGES (2 * MIB) /* machine_page starts here */
#define CALL_ROUNDS   100000u
#define WAITS_MAX     1000u
#define VMCALL_LENGTH 3u

struct machine machine;
uint64_t tsc_hz = MACHINE_TSC_HZ, lapic_timer_hz = MACHINE_APIC_HZ;
bool tsc_synchronised = true;
bool provoke_armed;

static const struct boot_memory_range memory_map[] = {
    {.base = 0, .length = 0xa0000, .type = BOOT_MEMORY_USABLE},
    {.base = 0xa0000, .length = 0x60000, .type = BOOT_MEMORY_RESERVED},
    {.base = MIB, .length = MACHINE_KEPT_BASE - MIB, .type = BOOT_MEMORY_USABLE},
    {.base = MACHINE_KEPT_BASE, .length = MACHINE_KEPT_SIZE, .type = BOOT_MEMORY_HYPERVISOR},
    {.base = MACHINE_KEPT_BASE + MACHINE_KEPT_SIZE,
     .length = MACHINE_RAM - MACHINE_KEPT_BASE - MACHINE_KEPT_SIZE,
     .type = BOOT_MEMORY_USABLE},
};

static void check(bool ok, const char *what)
{
    if (!ok)
        panic("the fake machine: %s", what);
}

/* ---- instructions ---- */

uint64_t insn_rdtsc(void)
{
    machine.waits = 0;
    return machine.tsc;
}

void insn_pause(void)
{
    check(++machine.waits < WAITS_MAX, "an LP waits for another one, and there is none");
}

/* An AMD processor with AVX and nothing else of note. */
void insn_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    static const struct {
        uint32_t leaf, subleaf, r[4];
    } leaves[] = {
        {0, 0, {0xd, 0x68747541, 0x444d4163, 0x69746e65}},
        {1,
         0,
         {0x00800f12, 0x00000800,
          CPUID_1_ECX_SSE3 | CPUID_1_ECX_VMX | CPUID_1_ECX_MONITOR | CPUID_1_ECX_XSAVE |
              CPUID_1_ECX_AVX | CPUID_1_ECX_RDRAND,
          UINT32_MAX & ~CPUID_1_EDX_PSN}},
        {0xd, 0, {XCR0_X87 | XCR0_SSE | XCR0_AVX, 832, 832, 0}},
        {0xd, 2, {256, 576, 0, 0}},
        {0x80000000, 0, {0x80000021, 0x68747541, 0x444d4163, 0x69746e65}},
        {0x80000001, 0, {0x00800f12, 0, 1u << 2, CPUID_80000001_EDX_RDTSCP | 1u << 29}},
        {0x80000008,
         0,
         {0x3030, CPUID_80000008_EBX_IBPB | CPUID_80000008_EBX_IBRS | CPUID_80000008_EBX_SSBD, 0,
          0}},
    };

    memset(out, 0, 4 * sizeof(out[0]));
    for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
        if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
            memcpy(out, leaves[i].r, sizeof(leaves[i].r));
}

uint64_t insn_rdmsr(uint32_t msr)
{
    return msr == MSR_TSC_AUX ? machine.lp->tsc_aux : 0;
}

void insn_wrmsr(uint32_t msr, uint64_t v)
{
    if (msr == MSR_TSC_AUX)
        machine.lp->tsc_aux = v;
    else if (msr == MSR_IA32_PRED_CMD && v == PRED_CMD_IBPB)
        machine.lp->ibpbs++;
    else if (msr == MSR_IA32_SPEC_CTRL)
        machine.lp->spec_ctrl = v;
}

void insn_wbinvd(void)
{
    machine.lp->wbinvds++;
}

uint64_t insn_read_cr0(void)
{
    return machine.lp->cr0;
}

uint64_t insn_read_cr4(void)
{
    return machine.lp->cr4;
}

void insn_write_cr0(uint64_t v)
{
    machine.lp->cr0 = v;
}

void insn_write_cr4(uint64_t v)
{
    machine.lp->cr4 = v;
}

#define DEBUG_REGISTER(n)                                                                          \
    uint64_t insn_read_dr##n(void)                                                                 \
    {                                                                                              \
        return machine.lp->dr[n];                                                                  \
    }                                                                                              \
    void insn_write_dr##n(uint64_t v)                                                              \
    {                                                                                              \
        machine.lp->dr[n] = v;                                                                     \
    }
DEBUG_REGISTER(0)
DEBUG_REGISTER(1)
DEBUG_REGISTER(2)
DEBUG_REGISTER(3)

uint32_t insn_xgetbv(uint32_t xcr)
{
    check(xcr == 0, "XGETBV faults");
    return (uint32_t)machine.lp->xcr0;
}

/* What faults on a processor is the hypervisor's end, and so it is here. SDM vol. 2, XSETBV. */
void insn_xsetbv(uint32_t xcr, uint64_t v)
{
    check(xcr == 0 && (v & XCR0_X87) && !(v & ~(XCR0_X87 | XCR0_SSE | XCR0_AVX)) &&
              (!(v & XCR0_AVX) || (v & XCR0_SSE)),
          "XSETBV faults");
    machine.lp->xcr0 = v;
}

enum {
    XCOMP_BV = 520,
    HEADER_END = 576,
    AVX_END = 832,
};
#define MXCSR_VALID 0xffffu

static uint64_t word_at(const uint8_t *area, unsigned at)
{
    uint64_t v;

    memcpy(&v, area + at, sizeof(v));
    return v;
}

void insn_fxsave(void *area)
{
    memcpy(area, machine.lp->fpu, FXSAVE_SIZE);
}

void insn_fxrstor(const void *area)
{
    check(((uint32_t)word_at(area, FXSAVE_MXCSR) & ~MXCSR_VALID) == 0, "FXRSTOR faults");
    memcpy(machine.lp->fpu, area, FXSAVE_SIZE);
}

enum { FSW = 2, FSW_ES = 1 << 7 };

void insn_fnclex(void)
{
    machine.lp->fpu[FSW] &= (uint8_t)~FSW_ES;
}

void insn_emms(void)
{
    check(!(machine.lp->fpu[FSW] & FSW_ES), "EMMS faults");
    machine.lp->emptied = true;
}

void insn_fild32(const int32_t *v)
{
    check(machine.lp->emptied && *v == 0, "FILD faults");
    machine.lp->emptied = false;
    machine.lp->fip = 0;
}

void insn_xsave(void *area, uint64_t mask)
{
    uint64_t bv = mask & machine.lp->xcr0;

    insn_fxsave(area);
    memcpy((uint8_t *)area + XSAVE_XSTATE_BV, &bv, sizeof(bv));
    if (bv & XCR0_AVX)
        memcpy((uint8_t *)area + HEADER_END, machine.lp->fpu + HEADER_END, AVX_END - HEADER_END);
}

/* What is not in XSTATE_BV is initialised; MXCSR always comes from the area. */
static void load_legacy(const uint8_t *area, bool x87, bool sse)
{
    uint8_t *fpu = machine.lp->fpu;

    memset(fpu, 0, FXSAVE_SIZE);
    memcpy(fpu, &(uint16_t){FCW_INIT}, sizeof(uint16_t));
    if (x87) {
        memcpy(fpu, area, FXSAVE_MXCSR);
        memcpy(fpu + FXSAVE_ST0, area + FXSAVE_ST0, FXSAVE_XMM0 - FXSAVE_ST0);
    }
    memcpy(fpu + FXSAVE_MXCSR, area + FXSAVE_MXCSR, 2 * sizeof(uint32_t));
    if (sse)
        memcpy(fpu + FXSAVE_XMM0, area + FXSAVE_XMM0, FXSAVE_SIZE - FXSAVE_XMM0);
}

/* SDM vol. 1, 13.8: the header is checked, and so is MXCSR. */
void insn_xrstor(const void *area, uint64_t mask)
{
    uint64_t bv = word_at(area, XSAVE_XSTATE_BV), rest = 0;

    for (unsigned at = XCOMP_BV; at < HEADER_END; at += 8)
        rest |= word_at(area, at);
    check(rest == 0 && (bv & ~machine.lp->xcr0) == 0, "XRSTOR faults: the header");
    check(((uint32_t)word_at(area, FXSAVE_MXCSR) & ~MXCSR_VALID) == 0, "XRSTOR faults: MXCSR");
    load_legacy(area, mask & bv & XCR0_X87, mask & bv & XCR0_SSE);
    if (mask & XCR0_AVX)
        memset(machine.lp->fpu + HEADER_END, 0, AVX_END - HEADER_END);
    if (mask & bv & XCR0_AVX)
        memcpy(machine.lp->fpu + HEADER_END, (const uint8_t *)area + HEADER_END,
               AVX_END - HEADER_END);
}

void *insn_read_gs_self(void)
{
    return &machine.lp->pcpu;
}

/* ---- what surrounds the core ---- */

static struct {
    uint64_t next, end;
} kept;

hpa_t kept_alloc(uint64_t bytes)
{
    uint64_t at = kept.next;

    kept.next += (bytes + PAGE_MASK) & ~PAGE_MASK;
    check(kept.next <= kept.end, "the kept memory is too small");
    return hpa(at);
}

void kept_take_rest(uint64_t *base, uint64_t *size)
{
    *base = kept.next;
    *size = kept.end - kept.next;
    kept.next = kept.end;
}

void lapic_physical_ipi(uint32_t apic_id, uint32_t low)
{
    uint32_t *epoch;

    (void)low;
    check(apic_id < MACHINE_LPS, "an IPI to an LP that is not there");
    machine.lps[apic_id].ipis++;
    epoch = &machine.lps[apic_id].pcpu.remote.guest_epoch;
    if (*epoch & 1) /* in guest mode, says a test: it leaves it */
        ++*epoch;
}

void lapic_physical_eoi(void)
{
    machine.lp->eois++;
}

void lapic_physical_timer(uint64_t deadline_tsc)
{
    machine.lp->deadline = deadline_tsc;
}

void lapic_physical_recheck(void)
{
}

bool lapic_physical_timer_repeats(void)
{
    return false;
}

void provoke_before(const struct pcpu *cpu, struct vp *vp)
{
    (void)cpu;
    (void)vp;
}

void provoke_after(const struct vp *vp, const struct vp_exit *exit)
{
    (void)vp;
    (void)exit;
}

void stop_report(struct partition *p)
{
    (void)p;
}

void panic_root_died(const char *fmt, ...)
{
    panic("root died: %s", fmt);
}

/* ---- LPs ---- */

void machine_lp(uint32_t index)
{
    machine.lp = &machine.lps[index];
}

static void lp_init(struct fake_lp *lp, uint32_t index)
{
    struct pcpu *cpu = &lp->pcpu;

    cpu->self = cpu;
    cpu->lp_index = cpu->apic_id = index;
    cpu->lp_bit = 1ull << index % 64;
    cpu->timer_programmed = lp->deadline = UINT64_MAX;
    cpu->hcall_in = hpa_ptr(kept_alloc(PAGE_SIZE));
    cpu->hcall_out = hpa_ptr(kept_alloc(PAGE_SIZE));
    cpu->has_tsc_aux = true;
    cpu->remote.idle = true; /* an LP as which nothing runs holds nothing */
    lp_table[index] = cpu;
    machine_lp(index);
    fpu_on();
    virt_cpu_on(cpu);
    speculation_cpu_on(cpu);
}

static jmp_buf halted;

/* Interrupts are let in: the timer's, if it is due. */
void insn_sti_nop_cli(void)
{
    if (machine.lp->deadline > machine.tsc)
        return;
    machine.lp->deadline = UINT64_MAX;
    machine.lp->pcpu.remote.work |= WORK_TIMER;
}

void insn_sti_hlt_cli(void)
{
    insn_sti_nop_cli();
    if (machine.lp->pcpu.remote.work == 0)
        longjmp(halted, 1);
}

static void run_lp(struct fake_lp *lp)
{
    machine.lp = lp;
    lp->pcpu.remote.idle = false;        /* as the run loop believes */
    timer_cancel(&lp->pcpu.slice_timer); /* the run loop initialises it */
    if (setjmp(halted) == 0)
        vp_run_loop();
    machine.lp->pcpu.remote.idle = true;
}

static struct fake_lp *next_timer(void)
{
    struct fake_lp *next = &machine.lps[0];

    for (uint32_t i = 1; i < lp_count; i++)
        if (machine.lps[i].deadline < next->deadline)
            next = &machine.lps[i];
    return next;
}

void machine_run(uint64_t until)
{
    volatile uint32_t here = machine.lp->pcpu.lp_index;
    struct fake_lp *timer;

    for (uint32_t i = 0; i < lp_count; i++)
        run_lp(&machine.lps[i]);
    for (;;) {
        bool busy = false;
        for (uint32_t i = 0; i < lp_count; i++) {
            if (machine.lps[i].pcpu.remote.work == 0)
                continue;
            run_lp(&machine.lps[i]);
            busy = true;
        }
        if (busy)
            continue;
        timer = next_timer();
        if (timer->deadline > until)
            break;
        if (timer->deadline > machine.tsc)
            machine.tsc = timer->deadline;
        run_lp(timer);
    }
    machine_lp(here);
}

/* ---- VPs ---- */

void machine_enter(struct vp *vp)
{
    struct pcpu *cpu = this_cpu();

    check(cpu->current == NULL && vp->sched.state != SCHED_RUNNING, "a VP is loaded already");
    (void)sched_detach(vp);
    vp->sched.state = SCHED_RUNNING;
    vp->sched.lp = cpu->lp_index;
    vp->sched.started = machine.tsc;
    cpu->current = vp;
    vp_load(vp);
}

void machine_leave(struct vp *vp)
{
    vp_unload(vp);
    sched_stop(this_cpu(), vp, true);
    (void)sched_detach(vp); /* what it was asked while it ran has made it runnable */
}

void machine_exit(struct vp *vp, const struct vp_exit *exit)
{
    struct vp_exit copy = *exit;

    vp_exit_handle(vp, &copy);
    grace_pass(this_cpu());
}

void machine_flat(struct vp *vp)
{
    struct fake_vp *f = fake_of(vp);

    f->cr0 = CR0_PE | CR0_ET | CR0_NE;
    f->cr4 = CR4_PAE | CR4_OSFXSR;
    f->efer = EFER_LME | EFER_LMA;
    f->segments[HvX64RegisterCs - HvX64RegisterEs] =
        (struct hv_x64_segment_register){.limit = UINT32_MAX, .selector = 8, .attributes = 0xa09b};
    f->segments[HvX64RegisterSs - HvX64RegisterEs] =
        (struct hv_x64_segment_register){.limit = UINT32_MAX, .selector = 16, .attributes = 0xc093};
    vp->activity = VP_ACTIVITY_RUN;
}

void machine_wrmsr(struct vp *vp, uint32_t msr, uint64_t value)
{
    check(msr_write(vp, msr, value) == MSR_DONE, "a WRMSR faults");
}

uint64_t machine_rdmsr(struct vp *vp, uint32_t msr)
{
    uint64_t value;

    check(msr_read(vp, msr, &value) == MSR_DONE, "an RDMSR faults");
    return value;
}

/* ---- memory and calls ---- */

gpa_t machine_page(void)
{
    gpa_t page = gpa(machine.next_page);

    machine.next_page += PAGE_SIZE;
    check(machine.next_page <= MACHINE_KEPT_BASE, "no RAM is left");
    return page;
}

void *machine_ptr(gpa_t at)
{
    return hpa_ptr(hpa(at.v));
}

uint64_t machine_hypercall(struct vp *vp, uint64_t control, uint64_t in, uint64_t out)
{
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = VMCALL_LENGTH};
    uint64_t rip = vp->rip;

    vp->gpr[X86_RCX] = control;
    vp->gpr[X86_RDX] = in;
    vp->gpr[8] = out;
    for (uint32_t round = 0; round < CALL_ROUNDS; round++) {
        machine_exit(vp, &exit);
        if (vp->rip != rip)
            return vp->gpr[X86_RAX];
        check(!fake_of(vp)->injected.valid, "a hypercall faults");
    }
    panic("the fake machine: hypercall %lx is never complete", control);
}

uint64_t machine_call(uint64_t control, const void *in, size_t size, void *out, size_t out_size)
{
    struct vp *vp = partition_vp(root_partition, 0);
    bool loaded = this_cpu()->current == vp;
    uint64_t result;

    memcpy(machine_ptr(machine.call_in), in, size);
    if (!loaded)
        machine_enter(vp);
    result = machine_hypercall(vp, control, machine.call_in.v, machine.call_out.v);
    if (!loaded)
        machine_leave(vp);
    if (out != NULL)
        memcpy(out, machine_ptr(machine.call_out), out_size);
    return result;
}

static void call_ok(uint64_t control, const void *in, size_t size, void *out, size_t out_size)
{
    uint64_t result = machine_call(control, in, size, out, out_size);

    if ((result & HV_HYPERCALL_RESULT_STATUS_MASK) != HV_STATUS_SUCCESS)
        panic("the fake machine: hypercall %lx: status %lx", control, result);
}

/* Deposited pages come from above the hypervisor's own memory. */
void machine_deposit(uint64_t id, uint32_t pages)
{
    enum { PER_CALL = 256 };
    uint64_t in[1 + PER_CALL] = {id};

    while (pages != 0) {
        uint32_t n = pages < PER_CALL ? pages : PER_CALL;
        for (uint32_t i = 0; i < n; i++)
            in[1 + i] =
                ((MACHINE_KEPT_BASE + MACHINE_KEPT_SIZE) >> PAGE_SHIFT) + machine.deposited++;
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): 64 bits are shifted */
        call_ok(MACHINE_REP(HvCallDepositMemory, n), in, (1 + n) * sizeof(in[0]), NULL, 0);
        pages -= n;
    }
}

/* Map @pages fresh pages of root's from guest page 0 on. */
static void map_ram(uint64_t id, uint32_t pages)
{
    uint64_t in[sizeof(struct hv_input_map_gpa_pages) / sizeof(uint64_t) + 1];
    struct hv_input_map_gpa_pages *header = (void *)in;

    *header = (struct hv_input_map_gpa_pages){
        .target_partition_id = id,
        .map_flags = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE,
    };
    for (uint32_t i = 0; i < pages; i++) {
        header->target_gpa_base = i;
        header->source_gpa_page_list[0] = machine_page().v >> PAGE_SHIFT;
        call_ok(MACHINE_REP(HvCallMapGpaPages, 1), in, sizeof(in), NULL, 0);
    }
}

struct partition *machine_child(uint32_t vps, uint32_t pages)
{
    struct hv_input_create_partition create = {0};
    struct hv_output_create_partition created;
    struct partition *p;

    call_ok(HvCallCreatePartition, &create, sizeof(create), &created, sizeof(created));
    machine_deposit(created.partition_id, 40 + 16 * vps);
    call_ok(HvCallInitializePartition, &created.partition_id, sizeof(uint64_t), NULL, 0);
    map_ram(created.partition_id, pages);
    for (uint32_t i = 0; i < vps; i++) {
        struct hv_input_create_vp vp = {.partition_id = created.partition_id, .vp_index = i};
        call_ok(HvCallCreateVp, &vp, sizeof(vp), NULL, 0);
    }
    p = partition_get(root_partition, created.partition_id);
    check(p != NULL, "the child is not found");
    partition_put(p);
    for (uint32_t i = 0; i < vps; i++)
        machine_flat(partition_vp(p, i));
    p->guest_os_id = MACHINE_GUEST_OS;
    return p;
}

gpa_t machine_child_ram(struct partition *p, uint64_t at)
{
    struct slat_view view;

    check(slat_query(&p->slat, gpa(at), &view) == HV_STATUS_SUCCESS, "not the child's RAM");
    return gpa(view.hpa.v);
}

void machine_child_end(struct partition *p)
{
    enum { PER_CALL = 256 };
    uint64_t id = p->id, result;
    struct hv_input_withdraw_memory withdraw = {.partition_id = id};

    call_ok(HvCallFinalizePartition, &id, sizeof(id), NULL, 0);
    do
        result = machine_call(MACHINE_REP(HvCallWithdrawMemory, PER_CALL), &withdraw,
                              sizeof(withdraw), NULL, 0);
    while ((result & HV_HYPERCALL_RESULT_STATUS_MASK) == HV_STATUS_SUCCESS);
    check((result & HV_HYPERCALL_RESULT_STATUS_MASK) == HV_STATUS_NO_RESOURCES, "a withdrawal");
    call_ok(HvCallDeletePartition, &id, sizeof(id), NULL, 0);
}

/* ---- messages ---- */

enum { INTERCEPT_VECTOR = 0x40 };

void machine_take_messages(uint32_t index)
{
    struct vp *vp = partition_vp(root_partition, index);
    bool ok =
        synic_msr_write(&vp->synic, HV_X64_MSR_SIMP, machine_page().v | HV_X64_MSR_PAGE_ENABLE) &&
        synic_msr_write(&vp->synic, HV_X64_MSR_SCONTROL, HV_SYNIC_CONTROL_ENABLE) &&
        synic_msr_write(&vp->synic, HV_X64_MSR_SINT0, INTERCEPT_VECTOR);

    check(ok, "root's SynIC");
}

bool machine_message(uint32_t index, struct hv_message *out)
{
    struct vp *vp = partition_vp(root_partition, index);
    struct hv_message *slot = hpa_ptr(vp->sim_page);

    if (slot->header.message_type == HvMessageTypeNone)
        return false;
    *out = *slot;
    slot->header.message_type = HvMessageTypeNone;
    check(synic_msr_write(&vp->synic, HV_X64_MSR_EOM, 0), "EOM");
    return true;
}

/* ---- the machine ---- */

/* The scheduler forgets the VPs of the machine before. */
static void detach_all(void)
{
    for (uint32_t slot = 0; slot < PARTITION_MAX; slot++) {
        for (uint32_t i = 0; table.slots[slot] != NULL && i < table.slots[slot]->vp_highest; i++) {
            struct vp *vp = partition_vp(table.slots[slot], i);
            if (vp != NULL)
                (void)sched_detach(vp);
        }
    }
}

void machine_init(uint32_t lps)
{
    struct boot_info info = {.memory_map_count = ARRAY_SIZE(memory_map)};

    detach_all();
    memset(&machine, 0, sizeof(machine));
    memset(&table, 0, sizeof(table));
    fake_ram_init();
    machine.tsc = MACHINE_TSC_HZ;
    machine.next_page = MACHINE_PAGES;
    kept.next = MACHINE_KEPT_BASE;
    kept.end = MACHINE_KEPT_BASE + MACHINE_KEPT_SIZE;
    pfn_init(memory_map, ARRAY_SIZE(memory_map), hpa(MACHINE_KEPT_BASE), MACHINE_KEPT_SIZE,
             hpa_ptr(kept_alloc(pfn_table_size(memory_map, ARRAY_SIZE(memory_map)))));
    info.memory_map = MACHINE_PAGES; /* the loader's copy of it, which root may reuse later */
    memcpy(hpa_ptr(hpa(info.memory_map)), memory_map, sizeof(memory_map));
    lp_count = lps;
    speculation_choose(&speculation, insn_cpuid);
    for (uint32_t i = 0; i < lps; i++)
        lp_init(&machine.lps[i], i);
    sched_slice_tsc = MACHINE_TSC_HZ / 250;
    machine_lp(0);
    statistics_init();
    partition_create_root(&info);
    memset(hpa_ptr(hpa(info.memory_map)), 0, sizeof(memory_map));
    machine.call_in = machine_page();
    machine.call_out = machine_page();
    root_partition->guest_os_id = MACHINE_GUEST_OS;
    for (uint32_t i = 0; i < lps; i++)
        machine_flat(partition_vp(root_partition, i));
}
