/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_hypercall.c - whatever root and a child ask of the hypervisor, by hypercalls with
 * any input from memory that others change, and by exits of any kind: it never panics, nothing stays
 * locked, and at the end every child can be taken apart and gives all of its memory back.
 *
 * Input: steps, each an opcode byte and its operands; they end where the bytes run out. A
 * hypercall's block is a list of words, each named by a byte: a value of interest, or eight bytes
 * that follow. */
#include <stdlib.h>
#include <string.h>
#include <hvabi/msr.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include "debug/log.h"
#include "fakes/hv_machine.h"
#include "mm/pfn.h"
#include "mm/phys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX   200u
#define ROUNDS_MAX  2000u /* of one hypercall */
#define CHILD_PAGES 8u
#define DEPOSITS    16u /* root's pages that are there to be given away */

struct input {
    const uint8_t *at, *end;
};

static struct partition *child;
static uint64_t child_id;
static gpa_t in_page, out_page, spare;

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint64_t raw(struct input *in)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < sizeof(v); i++)
        v = v << 8 | byte(in);
    return v;
}

/* A word of a block, of a register or of an address. */
static uint64_t word(struct input *in)
{
    static const uint64_t values[] = {
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        16,
        32,
        0x40,
        0xff,
        0x100,
        0x1ff,
        0x200,
        0x1000,
        0x10000,
        UINT32_MAX,
        HV_PARTITION_ID_SELF,
        1ull << 32,
        1ull << 40,
        1ull << 48,
        1ull << 63,
        HvPartitionPropertyPrivilegeFlags,
        HvPartitionPropertySuspend,
        HvPartitionPropertyCpuReserve,
        HvPartitionPropertyCpuCap,
        HvPartitionPropertyCpuWeight,
        HvPortTypeMessage,
        HvPortTypeEvent,
        HvStatsObjectVp,
        HvX64RegisterRax,
        HvX64RegisterRip,
        HvX64RegisterRflags,
        HvX64RegisterCr0,
        HvX64RegisterCr3,
        HvX64RegisterCr4,
        HvX64RegisterEfer,
        HvX64RegisterCs,
        HvX64RegisterXfem,
        HvX64RegisterTsc,
        HvX64RegisterApicBase,
        HvRegisterExplicitSuspend,
        HvRegisterInterceptSuspend,
        HvRegisterPendingInterruption,
        HvRegisterSint0,
        HvRegisterSipp,
        HvRegisterScontrol,
        HV_X64_MSR_SIMP,
        HV_X64_MSR_SCONTROL,
        HV_X64_MSR_SINT0,
        HV_X64_MSR_HYPERCALL,
        HV_X64_MSR_GUEST_OS_ID,
        HV_X64_MSR_STIMER0_CONFIG,
        HV_X64_MSR_STIMER0_COUNT,
        HV_X64_MSR_VP_ASSIST_PAGE,
        HV_X64_MSR_REFERENCE_TSC,
        HV_X64_MSR_ICR,
        HV_X64_MSR_EOM,
        HV_MAP_GPA_LARGE_PAGE | HV_MAP_GPA_PERMISSIONS_MASK,
        HV_MAP_GPA_PERMISSIONS_MASK,
        APIC_DEFAULT_BASE,
        HV_X64_MSR_RESET,
        HV_X64_MSR_CRASH_CTL,
        HV_X64_MSR_EOI,
        HV_X64_MSR_TSC_INVARIANT_CONTROL,
        HvInterceptTypeX64MsrIndex,
        HvRegisterGuestCrashP3,
        UINT64_MAX,
    };
    uint8_t b = byte(in);

    if (b < ARRAY_SIZE(values))
        return values[b];
    switch (b >> 4) {
    case 0xf:
        return raw(in);
    case 0xe:
        return (spare.v >> PAGE_SHIFT) + b % DEPOSITS;
    case 0xd:
        return child_id;
    case 0xc:
        return child_id + ((uint64_t)(b & 0xf) << 10) + (b & 3);
    case 0xb:
        return (b & 0xfull) << PAGE_SHIFT | HV_X64_MSR_PAGE_ENABLE;
    default:
        return b;
    }
}

/* ---- hypercalls ---- */

static uint64_t call(struct vp *vp, uint64_t control, uint64_t in, uint64_t out)
{
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    uint64_t rip = vp->rip;

    vp->gpr[X86_RCX] = control;
    vp->gpr[X86_RDX] = in;
    vp->gpr[8] = out;
    fake_of(vp)->injected.valid = false;
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        machine_exit(vp, &exit);
        if (vp->rip != rip)
            return vp->gpr[X86_RAX];
        if (fake_of(vp)->injected.valid)
            break;
    }
    return UINT64_MAX;
}

static void fill(void *block, struct input *in, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        uint64_t v = word(in);
        memcpy((uint8_t *)block + i * sizeof(v), &v, sizeof(v));
    }
}

static uint64_t control_word(struct input *in)
{
    uint8_t code = byte(in), count = byte(in), flags = byte(in);

    return (flags & 0x80 ? raw(in) & ~HV_HYPERCALL_CODE_MASK
                         : (uint64_t)count << HV_HYPERCALL_REP_COUNT_SHIFT) |
           (flags & 1 ? HV_HYPERCALL_FAST : 0) |
           (flags & 2 ? (uint64_t)(byte(in) & 7) << HV_HYPERCALL_VARIABLE_HEADER_SHIFT : 0) | code;
}

static void step_root_call(struct input *in)
{
    uint64_t control = control_word(in);
    uint8_t words = byte(in) & 0x1f;

    fill(machine_ptr(in_page), in, words);
    if (control & HV_HYPERCALL_FAST)
        (void)call(this_cpu()->current, control, *(uint64_t *)machine_ptr(in_page),
                   ((uint64_t *)machine_ptr(in_page))[1]);
    else
        (void)call(this_cpu()->current, control, in_page.v, out_page.v);
}

static void step_root_call_anywhere(struct input *in)
{
    uint64_t control = control_word(in), at = word(in);

    (void)call(this_cpu()->current, control, at, word(in));
}

/* ---- the child ---- */

static struct vp *child_vp(struct input *in)
{
    return child->state == PARTITION_INITIALIZED ? partition_vp(child, byte(in) & 1) : NULL;
}

static void as_child(struct input *in, void (*act)(struct vp *vp, struct input *in))
{
    struct vp *root = this_cpu()->current, *vp = child_vp(in);

    if (vp == NULL)
        return;
    machine_leave(root);
    machine_enter(vp);
    act(vp, in);
    machine_leave(vp);
    machine_enter(root);
}

static void child_call(struct vp *vp, struct input *in)
{
    uint64_t control = control_word(in), at = (byte(in) & 0xfull) << 8;
    uint8_t words = byte(in) & 0x1f;
    struct slat_view view;

    if (slat_query(&child->slat, gpa(at), &view) == HV_STATUS_SUCCESS)
        fill(hpa_ptr(hpa(view.hpa.v & ~PAGE_MASK)), in, words);
    (void)call(vp, control, at & ~PAGE_MASK, at | 0x800);
}

static void child_exit(struct vp *vp, struct input *in)
{
    struct vp_exit exit = {.reason = byte(in) % VP_EXIT_REASON_COUNT, .insn_len = byte(in) & 0xf};

    vp->gpr[X86_RAX] = word(in);
    vp->gpr[X86_RCX] = word(in);
    vp->gpr[X86_RDX] = word(in);
    vp->rip = word(in);
    if (exit.reason == VP_EXIT_IO) {
        exit.io.port = (uint16_t)word(in);
        exit.io.size = (uint8_t)(1u << byte(in) % 3);
        exit.io.in = byte(in) & 1;
        exit.io.string = byte(in) & 1;
        exit.io.rep = byte(in) & 1;
    } else if (exit.reason == VP_EXIT_GPA_FAULT) {
        exit.fault.gpa = word(in);
        exit.fault.access = byte(in) & 0xf;
    } else if (exit.reason == VP_EXIT_EXCEPTION) {
        exit.exception.vector = byte(in) & 0x1f;
        exit.exception.error_code = (uint32_t)word(in);
        if (exit.exception.vector == 18) /* the machine's end, not the child's */
            return;
    }
    machine_exit(vp, &exit);
}

static void child_mode(struct vp *vp, struct input *in)
{
    struct fake_vp *f = fake_of(vp);

    f->cr0 = word(in) & CR0_DEFINED;
    f->cr3 = word(in);
    f->cr4 = word(in);
    f->efer = word(in);
    f->segments[1].attributes = (uint16_t)word(in);
    f->segments[2].attributes = (uint16_t)word(in);
    vp->rflags = word(in) | RFLAGS_RESERVED1;
}

static void child_flat(struct vp *vp, struct input *in)
{
    (void)in;
    machine_flat(vp);
    vp->rflags = RFLAGS_RESERVED1 | RFLAGS_IF;
    child->guest_os_id = MACHINE_GUEST_OS;
}

static void step_child_call(struct input *in)
{
    as_child(in, child_call);
}

static void step_child_exit(struct input *in)
{
    as_child(in, child_exit);
}

static void step_child_mode(struct input *in)
{
    as_child(in, child_mode);
}

static void step_child_flat(struct input *in)
{
    as_child(in, child_flat);
}

/* ---- root's own, and time ---- */

static void step_root_msr(struct input *in)
{
    struct vp *vp = this_cpu()->current;
    uint64_t msr = word(in), value = word(in);

    if (msr == HV_X64_MSR_GUEST_OS_ID)
        return;
    if ((uint32_t)msr == HV_X64_MSR_RESET || (uint32_t)msr == HV_X64_MSR_CRASH_CTL)
        return; /* root's end, not a child's */
    vp->gpr[X86_RCX] = msr;
    vp->gpr[X86_RAX] = value;
    vp->gpr[X86_RDX] = value >> 32;
    machine_exit(vp,
                 &(struct vp_exit){.reason = byte(in) & 1 ? VP_EXIT_MSR_READ : VP_EXIT_MSR_WRITE,
                                   .insn_len = 2});
    fake_of(vp)->injected.valid = false;
}

static void step_time(struct input *in)
{
    machine.tsc += word(in) % MACHINE_TSC_HZ;
    timers_run(this_cpu());
}

static void (*const steps[])(struct input *) = {
    step_root_call,  step_root_call,  step_root_call_anywhere, step_child_call, step_child_exit,
    step_child_mode, step_child_flat, step_root_msr,           step_time,
};

/* ---- the end ---- */

/* A page of root's that is still its own to read and write. */
static gpa_t usable_page(void)
{
    struct slat_view view;

    for (uint64_t at = MIB; at < MACHINE_RAM; at += PAGE_SIZE)
        if (slat_query(&root_partition->slat, gpa(at), &view) == HV_STATUS_SUCCESS &&
            view.access == SLAT_RWX && !view.overlay && pfn_query(hpa(at), NULL) == PFN_ROOT)
            return gpa(at);
    abort();
}

static void withdraw_all(struct vp *root, uint64_t id)
{
    gpa_t page = usable_page();
    struct hv_input_withdraw_memory *in = machine_ptr(page);
    uint64_t status;

    do {
        *in = (struct hv_input_withdraw_memory){.partition_id = id};
        status = call(root, MACHINE_REP(HvCallWithdrawMemory, 200), page.v, page.v + 0x800) &
                 HV_HYPERCALL_RESULT_STATUS_MASK;
    } while (status == HV_STATUS_SUCCESS);
    BUG_ON(status != HV_STATUS_NO_RESOURCES);
}

static void end_children(struct vp *root)
{
    uint64_t id;

    root_partition->guest_os_id = MACHINE_GUEST_OS;
    machine_flat(root);
    while (partition_next_child(root_partition, HV_PARTITION_ID_INVALID, &id) ==
               HV_STATUS_SUCCESS &&
           id != HV_PARTITION_ID_INVALID) {
        BUG_ON(call(root, HvCallFinalizePartition | HV_HYPERCALL_FAST, id, 0) != HV_STATUS_SUCCESS);
        withdraw_all(root, id);
        BUG_ON(call(root, HvCallDeletePartition | HV_HYPERCALL_FAST, id, 0) != HV_STATUS_SUCCESS);
    }
    BUG_ON(root_partition->children != 0 || pfn_mappings() != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct vp *root;

    machine_init(1);
    machine_take_messages(0);
    child = machine_child(2, CHILD_PAGES);
    child_id = child->id;
    if (size & 1)
        child->privileges = root_partition->privileges; /* which do not make it root */
    in_page = machine_page();
    out_page = machine_page();
    spare = machine_page();
    for (unsigned i = 1; i < DEPOSITS; i++)
        (void)machine_page();
    root = partition_vp(root_partition, 0);
    machine_enter(root);
    for (unsigned i = 0; i < STEPS_MAX && in.at < in.end; i++) {
        steps[byte(&in) % ARRAY_SIZE(steps)](&in);
        BUG_ON(machine_locked(&root_partition->lock) || this_cpu()->current != root);
    }
    end_children(root);
    withdraw_all(root, HV_PARTITION_ID_SELF);
    return 0;
}
