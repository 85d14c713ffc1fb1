/* SPDX-License-Identifier: MIT */
/* test_svm.c - exits, events, ASIDs and the world switch of the AMD-V backend. APM vol. 2, 15. */
#include "svm_fixture.h"

#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include "mm/phys.h"

/* The exit that the processor's @code, @info1, @info2 becomes. */
static struct vp_exit translate(uint64_t code, uint64_t info1, uint64_t info2)
{
    struct vp_exit exit = {0};

    vmcb->control.exitcode = code;
    vmcb->control.exitinfo1 = info1;
    vmcb->control.exitinfo2 = info2;
    svm_exit_translate(vp, &exit);
    return exit;
}

/* ---- exits ---- */

static void every_exit_code_has_its_reason(void **state)
{
    static const struct {
        uint64_t code;
        enum vp_exit_reason reason;
    } cases[] = {
        {0x018, VP_EXIT_CR8_WRITE},
        {0x060, VP_EXIT_INTERRUPT},
        {0x061, VP_EXIT_INTERRUPT},
        {0x062, VP_EXIT_INTERRUPT},
        {0x063, VP_EXIT_INTERRUPT},
        {0x06f, VP_EXIT_RDPMC},
        {0x072, VP_EXIT_CPUID},
        {0x074, VP_EXIT_NMI_WINDOW},
        {0x076, VP_EXIT_CACHE_FLUSH},
        {0x077, VP_EXIT_PAUSE},
        {0x078, VP_EXIT_HALT},
        {0x07a, VP_EXIT_UNDEFINED},
        {0x07f, VP_EXIT_SHUTDOWN},
        {0x080, VP_EXIT_UNDEFINED},
        {0x081, VP_EXIT_HYPERCALL},
        {0x082, VP_EXIT_UNDEFINED},
        {0x083, VP_EXIT_UNDEFINED},
        {0x084, VP_EXIT_UNDEFINED},
        {0x085, VP_EXIT_UNDEFINED},
        {0x086, VP_EXIT_UNDEFINED},
        {0x089, VP_EXIT_CACHE_FLUSH},
        {0x08a, VP_EXIT_UNDEFINED},
        {0x08b, VP_EXIT_UNDEFINED},
        {0x08c, VP_EXIT_UNDEFINED},
        {0x08d, VP_EXIT_XSETBV},
        {0x400, VP_EXIT_GPA_FAULT},
        {UINT64_MAX, VP_EXIT_INVALID_STATE},
        {UINT32_MAX, VP_EXIT_INVALID_STATE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(translate(cases[i].code, 0, 0).reason, cases[i].reason);
}

static void msr_exits_tell_reads_from_writes(void **state)
{
    (void)state;
    assert_int_equal(translate(VMEXIT_MSR, 0, 0).reason, VP_EXIT_MSR_READ);
    assert_int_equal(translate(VMEXIT_MSR, 1, 0).reason, VP_EXIT_MSR_WRITE);
}

static void length_is_known_where_the_next_rip_is_saved(void **state)
{
    (void)state;
    vmcb->save.rip = 0x1000;
    vmcb->control.nrip = 0x1002;
    assert_int_equal(translate(VMEXIT_CPUID, 0, 0).insn_len, 2);
    vmcb->control.nrip = 0x1010;
    assert_int_equal(translate(VMEXIT_CPUID, 0, 0).insn_len, 0); /* no instruction is that long */
    vmcb->control.nrip = 0;
    assert_int_equal(translate(VMEXIT_CPUID, 0, 0).insn_len, 0);
    svm_begin(0);
    vmcb->save.rip = 0x1000;
    vmcb->control.nrip = 0x1002;
    assert_int_equal(translate(VMEXIT_CPUID, 0, 0).insn_len, 0);
}

static void decode_assists_tell_what_goes_to_cr8(void **state)
{
    struct vp_exit e;

    (void)state;
    assert_false(translate(VMEXIT_CR8_WRITE, VMCB_CR_MOV | 9, 0).cr8.known); /* it has none */
    svm_begin(CPUID_8000000A_EDX_DECODE_ASSISTS);
    e = translate(VMEXIT_CR8_WRITE, VMCB_CR_MOV | 9, 0);
    assert_int_equal(e.reason, VP_EXIT_CR8_WRITE);
    assert_true(e.cr8.known);
    assert_int_equal(e.cr8.gpr, 9);
    assert_false(translate(VMEXIT_CR8_WRITE, 0, 0).cr8.known);
}

static void io_exit_is_taken_apart(void **state)
{
    struct vp_exit e;

    (void)state;
    vmcb->save.rip = 0x7fff;
    e = translate(VMEXIT_IOIO, 0x03f80000 | 1u << 4 | 1, 0x8000);
    assert_int_equal(e.reason, VP_EXIT_IO);
    assert_int_equal(e.io.port, 0x3f8);
    assert_int_equal(e.io.size, 1);
    assert_true(e.io.in);
    assert_false(e.io.string);
    assert_false(e.io.rep);
    assert_int_equal(e.insn_len, 1);
    e = translate(VMEXIT_IOIO, 0xffff0000 | 1u << 6 | 1u << 3 | 1u << 2, 0x8001);
    assert_int_equal(e.io.port, 0xffff);
    assert_int_equal(e.io.size, 4);
    assert_false(e.io.in);
    assert_true(e.io.string);
    assert_true(e.io.rep);
    assert_int_equal(e.insn_len, 2);
}

static void nested_page_fault_tells_address_and_access(void **state)
{
    struct vp_exit e;

    (void)state;
    e = translate(VMEXIT_NPF, 1ull << 32 | 1 << 2, 0x123456789);
    assert_int_equal(e.fault.gpa, 0x123456789);
    assert_int_equal(e.fault.access, 0);
    e = translate(VMEXIT_NPF, 1ull << 32 | 1 << 2 | 1 << 1 | 1, 0);
    assert_int_equal(e.fault.access, GPA_FAULT_WRITE | GPA_FAULT_PRESENT);
    e = translate(VMEXIT_NPF, 1ull << 33 | 1 << 4, 0);
    assert_int_equal(e.fault.access, GPA_FAULT_EXECUTE | GPA_FAULT_PAGE_TABLE);
    assert_int_equal(e.insn_len, 0);
}

static void exception_exits_carry_vector_and_error_code(void **state)
{
    (void)state;
    for (uint8_t v = 0; v < 32; v++) {
        struct vp_exit e = translate(0x40u + v, 0x1234, 0xcafe);
        assert_int_equal(e.reason, VP_EXIT_EXCEPTION);
        assert_int_equal(e.exception.vector, v);
        assert_int_equal(e.exception.has_error_code, exception_has_error_code(v));
        assert_int_equal(e.exception.error_code, 0x1234);
        assert_int_equal(e.exception.parameter, 0xcafe);
    }
}

/* ---- what VMRUN demands ---- */

static void new_vp_passes_the_processors_checks(void **state)
{
    (void)state;
    vmcb->control.guest_asid = 1;
    assert_null(vmcb_check(vmcb, asids));
}

static void each_inconsistency_is_named(void **state)
{
    struct vmcb good;

    (void)state;
    vmcb->control.guest_asid = 1;
    vmcb->save.efer |= EFER_LME | EFER_LMA;
    vmcb->save.cr0 = CR0_PE | CR0_PG;
    vmcb->save.cr4 = CR4_PAE;
    good = *vmcb;
    assert_null(vmcb_check(vmcb, asids));
#define WRONG(change)                                                                              \
    do {                                                                                           \
        *vmcb = good;                                                                              \
        change;                                                                                    \
        assert_non_null(vmcb_check(vmcb, asids));                                                  \
    } while (0)
    WRONG(vmcb->save.efer &= ~EFER_SVME);
    WRONG(vmcb->save.cr0 |= CR0_NW);
    WRONG(vmcb->save.cr0 |= 1ull << 32);
    WRONG(vmcb->save.dr6 |= 1ull << 32);
    WRONG(vmcb->save.dr7 |= 1ull << 63);
    WRONG(vmcb->save.cr4 &= ~CR4_PAE);
    WRONG(vmcb->save.cr0 &= ~CR0_PE);
    WRONG(vmcb->save.cs.attributes |= VMCB_SEGMENT_L | VMCB_SEGMENT_DB);
    WRONG(vmcb->control.intercept_misc2 &= ~VMCB_INTERCEPT_VMRUN);
    WRONG(vmcb->control.guest_asid = 0);
    WRONG(vmcb->control.guest_asid = asids);
    WRONG(vmcb->control.n_cr3 |= 0x800);
}

static void dangerous_instructions_are_always_intercepted(void **state)
{
    const struct vmcb_control *c = &vmcb->control;
    const uint32_t misc2 = VMCB_INTERCEPT_VMRUN | VMCB_INTERCEPT_VMMCALL | VMCB_INTERCEPT_VMLOAD |
                           VMCB_INTERCEPT_VMSAVE | VMCB_INTERCEPT_STGI | VMCB_INTERCEPT_CLGI |
                           VMCB_INTERCEPT_SKINIT | VMCB_INTERCEPT_XSETBV;
    const uint32_t misc1 = VMCB_INTERCEPT_INTR | VMCB_INTERCEPT_NMI | VMCB_INTERCEPT_INIT |
                           VMCB_INTERCEPT_CPUID | VMCB_INTERCEPT_HLT | VMCB_INTERCEPT_INVLPGA |
                           VMCB_INTERCEPT_IOIO | VMCB_INTERCEPT_MSR | VMCB_INTERCEPT_SHUTDOWN;
    const uint32_t exceptions = 1u << EXCEPTION_DB | 1u << EXCEPTION_AC | 1u << EXCEPTION_MC;

    (void)state;
    assert_int_equal(c->intercept_misc1 & misc1, misc1);
    assert_int_equal(c->intercept_misc2 & misc2, misc2);
    assert_int_equal(c->intercept_exceptions & exceptions, exceptions);
    assert_true(c->np_control & VMCB_NP_ENABLE);
    assert_true(c->v_intr & VMCB_V_INTR_MASKING);
    assert_int_equal(c->n_cr3, partition.slat.root.v);
}

static void child_reaches_no_port_and_only_msrs_of_the_vmcb(void **state)
{
    const uint8_t *io = hpa_ptr(hpa(vmcb->control.iopm_base_pa));
    const uint8_t *msr = hpa_ptr(hpa(vmcb->control.msrpm_base_pa));
    static const uint32_t passed[] = {0x174,      0x175,      0x176,      0x277,
                                      0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
                                      0xc0000100, 0xc0000101, 0xc0000102};
    static const uint32_t bases[] = {0, 0xc0000000, 0xc0010000};

    (void)state;
    for (unsigned i = 0; i <= UINT16_MAX / 8; i++)
        assert_int_equal(io[i], 0xff);
    for (unsigned block = 0; block < 3; block++) {
        for (uint32_t i = 0; i < 0x2000; i++) {
            unsigned bits = msr[block * 0x800 + i / 4] >> i % 4 * 2 & 3;
            bool pass = false;
            for (size_t k = 0; k < ARRAY_SIZE(passed); k++)
                pass |= passed[k] == bases[block] + i;
            assert_int_equal(bits, pass ? 0 : 3);
        }
    }
}

/* ---- events ---- */

static void see_nmi(struct vmcb *v)
{
    assert_int_equal(v->control.eventinj, VMCB_EVENT_VALID | VMCB_EVENT_NMI | EXCEPTION_NMI);
    v->control.exitcode = VMEXIT_HLT;
}

static void injected_event_is_delivered_once(void **state)
{
    (void)state;
    virt_inject_nmi(vp);
    assert_true(virt_injecting(vp));
    guest = see_nmi;
    run();
    assert_false(virt_injecting(vp));
}

static void exceptions_carry_error_codes_only_if_they_have_one(void **state)
{
    (void)state;
    virt_inject_exception(vp, EXCEPTION_GP, true, 0x18);
    assert_int_equal(vmcb->control.eventinj, VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION |
                                                 VMCB_EVENT_ERROR_VALID | 13 | 0x18ull << 32);
    virt_inject_exception(vp, EXCEPTION_UD, false, 0x18);
    assert_int_equal(vmcb->control.eventinj, VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | 6);
    virt_inject_nmi(vp);
    assert_int_equal(vmcb->control.eventinj, VMCB_EVENT_VALID | VMCB_EVENT_NMI | 2);
}

static uint64_t cut_short;

static void cut_delivery_short(struct vmcb *v)
{
    v->control.exitcode = VMEXIT_NPF;
    v->control.exitintinfo = cut_short;
}

static void offer_that_looks_like_an_exception_is_not_injected(void **state)
{
    (void)state;
    guest = cut_delivery_short;
    virt_interrupt_offer(vp, 0x51);
    cut_short = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | 0x51;
    run();
    assert_false(virt_injecting(vp));
    assert_false(virt_interrupt_taken(vp));
    cut_short = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | EXCEPTION_GP;
    run();
    assert_true(virt_injecting(vp));
}

static void refuse(struct vmcb *v)
{
    v->control.exitcode = VMEXIT_INVALID_LOW;
}

/* As QEMU's TCG below KVM does it. */
static void refuse_elsewhere(struct vmcb *v)
{
    refuse(v);
    v->save.rip = (v->save.rip & ~0xfffull) | 0xdc9;
}

static void refused_offer_leaves_the_guest_where_it_was(void **state)
{
    (void)state;
    guest = refuse_elsewhere;
    vp->rip = 0x123456;
    virt_interrupt_offer(vp, 0x51);
    assert_int_equal(run().reason, VP_EXIT_INTERRUPT);
    assert_int_equal(vp->rip, 0x123456);
}

static void refusal_of_an_offer_counts_when_it_is_repeated(void **state)
{
    (void)state;
    guest = refuse;
    assert_int_equal(run().reason, VP_EXIT_INVALID_STATE); /* nothing is offered */
    virt_interrupt_offer(vp, 0x51);
    for (uint64_t exits = 10; exits < 18; exits++) {
        vp->stats[HvStatsVpTotalExits] = exits;
        assert_int_equal(run().reason, VP_EXIT_INTERRUPT);
    }
    vp->stats[HvStatsVpTotalExits] = 18;
    assert_int_equal(run().reason, VP_EXIT_INVALID_STATE);
    vp->stats[HvStatsVpTotalExits] = 20; /* another exit came between */
    assert_int_equal(run().reason, VP_EXIT_INTERRUPT);
}

static void delivery_that_an_exit_cut_short_is_repeated(void **state)
{
    static const uint64_t again[] = {
        VMCB_EVENT_VALID | VMCB_EVENT_INTR | 0x30,
        VMCB_EVENT_VALID | VMCB_EVENT_NMI | 2,
        VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | VMCB_EVENT_ERROR_VALID | 14 | 2ull << 32,
    };
    static const uint64_t never[] = {
        0x30, /* not valid */
        VMCB_EVENT_VALID | VMCB_EVENT_SOFT | 0x80,
        VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | EXCEPTION_BP,
        VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | EXCEPTION_OF,
    };

    (void)state;
    guest = cut_delivery_short;
    for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
        cut_short = again[i];
        run();
        assert_int_equal(vmcb->control.eventinj, again[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
        cut_short = never[i];
        run();
        assert_false(virt_injecting(vp));
    }
}

static void interrupts_wait_for_if_shadow_and_injection(void **state)
{
    (void)state;
    assert_false(virt_interruptible(vp));
    vp->rflags |= RFLAGS_IF;
    assert_true(virt_interruptible(vp));
    vmcb->control.interrupt_shadow = VMCB_INTERRUPT_SHADOW;
    assert_true(virt_in_shadow(vp));
    assert_false(virt_interruptible(vp));
    virt_skip(vp, 1);
    assert_false(virt_in_shadow(vp));
    assert_true(virt_interruptible(vp));
    virt_inject_nmi(vp);
    assert_false(virt_interruptible(vp));
}

static void offer_is_a_virtual_interrupt_until_the_processor_takes_it(void **state)
{
    (void)state;
    virt_interrupt_offer(vp, 0x51);
    assert_true(vmcb->control.v_intr & VMCB_V_IRQ);
    assert_int_equal(vmcb->control.v_intr >> VMCB_V_INTR_VECTOR_SHIFT & 0xff, 0x51);
    assert_false(virt_interrupt_taken(vp));
    virt_interrupt_offer(vp, 0xa2);
    assert_int_equal(vmcb->control.v_intr >> VMCB_V_INTR_VECTOR_SHIFT & 0xff, 0xa2);
    vmcb->control.v_intr &= ~VMCB_V_IRQ; /* as delivery does */
    assert_true(virt_interrupt_taken(vp));
    virt_interrupt_offer(vp, 0x51);
    virt_interrupt_offer(vp, -1);
    assert_false(vmcb->control.v_intr & VMCB_V_IRQ);
    assert_true(vmcb->control.v_intr & VMCB_V_INTR_MASKING);
}

static void nmi_window_is_the_iret_intercept(void **state)
{
    (void)state;
    virt_nmi_window(vp, true);
    assert_true(vmcb->control.intercept_misc1 & VMCB_INTERCEPT_IRET);
    virt_nmi_window(vp, false);
    assert_false(vmcb->control.intercept_misc1 & VMCB_INTERCEPT_IRET);
}

static void cr8_does_not_touch_its_neighbours(void **state)
{
    (void)state;
    virt_interrupt_offer(vp, 0xff);
    virt_cr8_set(vp, 0xb);
    assert_int_equal(vmcb->control.v_intr & VMCB_V_TPR_MASK, 0xb);
    assert_true(vmcb->control.v_intr & VMCB_V_IRQ);
    assert_true(vmcb->control.v_intr & VMCB_V_INTR_MASKING);
}

/* ---- the world switch ---- */

static void swap_registers(struct vmcb *v)
{
    assert_int_equal(v->save.rax, 0xaa);
    assert_int_equal(v->save.rsp, 0x5b);
    assert_int_equal(v->save.rip, 0x1000);
    assert_int_equal(v->save.rflags, 0x202);
    v->save.rax = 1;
    v->save.rsp = 2;
    v->save.rip = 3;
    v->save.rflags = 4;
    v->control.exitcode = VMEXIT_CPUID;
    v->control.nrip = 5;
}

static void rax_rsp_rip_and_rflags_travel_through_the_vmcb(void **state)
{
    struct vp_exit e;

    (void)state;
    vp->gpr[0] = 0xaa;
    vp->gpr[4] = 0x5b;
    vp->rip = 0x1000;
    vp->rflags = 0x202;
    guest = swap_registers;
    e = run();
    assert_int_equal(vp->gpr[0], 1);
    assert_int_equal(vp->gpr[4], 2);
    assert_int_equal(vp->rip, 3);
    assert_int_equal(vp->rflags, 4);
    assert_int_equal(e.reason, VP_EXIT_CPUID);
    assert_int_equal(e.insn_len, 2);
}

static void rip_wraps_at_4_gib_outside_64_bit_mode(void **state)
{
    (void)state;
    vp->rip = UINT32_MAX;
    virt_skip(vp, 2);
    assert_int_equal(vp->rip, 1);
    vmcb->save.efer |= EFER_LME | EFER_LMA;
    vmcb->save.cs.attributes |= VMCB_SEGMENT_L;
    vp->rip = UINT32_MAX;
    virt_skip(vp, 2);
    assert_int_equal(vp->rip, 1ull << 32 | 1);
}

static void interrupt_before_anything(struct vmcb *v)
{
    v->control.exitcode = VMEXIT_INTR;
    v->control.interrupt_shadow = 0;
}

static void step_of_one(struct vmcb *v)
{
    interrupt_before_anything(v);
    v->save.rip++;
}

/* As an emulator does that forgets it at VMRUN. */
static void shadow_lasts_until_an_instruction_is_executed(void **state)
{
    (void)state;
    guest = interrupt_before_anything;
    vmcb->control.interrupt_shadow = VMCB_INTERRUPT_SHADOW;
    for (unsigned i = 0; i < 10; i++) {
        run();
        assert_true(virt_in_shadow(vp));
    }
    guest = step_of_one;
    run();
    assert_false(virt_in_shadow(vp));
    guest = interrupt_before_anything;
    vmcb->control.interrupt_shadow = VMCB_INTERRUPT_SHADOW;
    for (unsigned i = 0; i < 64; i++)
        run();
    assert_false(virt_in_shadow(vp)); /* it spins */
}

/* ---- ASIDs: no translation of another VP, LP or time is ever used ---- */

struct entry {
    uint32_t asid;
    bool flush;
};

static struct entry enter_once(void)
{
    run();
    return (struct entry){vmcb->control.guest_asid, vmcb->control.tlb_control != VMCB_TLB_NOTHING};
}

static void second_entry_keeps_its_translations(void **state)
{
    struct entry first, second;

    (void)state;
    first = enter_once();
    second = enter_once();
    assert_int_equal(first.asid, second.asid);
    assert_false(second.flush);
}

static void changed_memory_is_seen_at_the_next_entry(void **state)
{
    struct entry before, after;

    (void)state;
    before = enter_once();
    partition.slat.generation++;
    after = enter_once();
    assert_true(after.flush || after.asid != before.asid);
}

/* The others of the LP keep theirs. */
static void changed_memory_flushes_one_asid_where_the_processor_can(void **state)
{
    struct entry before, after;

    (void)state;
    before = enter_once();
    partition.slat.generation++;
    after = enter_once();
    assert_int_equal(after.asid, before.asid);
    assert_int_equal(vmcb->control.tlb_control, VMCB_TLB_FLUSH_ASID);
    assert_false(enter_once().flush);

    svm_begin(0);
    before = enter_once();
    partition.slat.generation++;
    after = enter_once();
    assert_int_not_equal(after.asid, before.asid);
    assert_false(after.flush);
}

static void wish_to_forget_is_seen_at_the_next_entry(void **state)
{
    struct entry before, after;

    (void)state;
    before = enter_once();
    vp->tlb_generation++;
    after = enter_once();
    assert_int_equal(after.asid, before.asid);
    assert_int_equal(vmcb->control.tlb_control, VMCB_TLB_FLUSH_ASID);
    assert_false(enter_once().flush);
}

static void refused_entry_may_not_have_flushed(void **state)
{
    (void)state;
    enter_once();
    partition.slat.generation++;
    guest = refuse;
    enter_once();
    guest = NULL;
    enter_once();
    assert_int_equal(vmcb->control.tlb_control, VMCB_TLB_FLUSH_ALL);
}

/* On each LP an ASID that was used there for something else is flushed before it is used again. */
static void use_asids(uint32_t features)
{
    bool used[2][8] = {{false}};

    svm_begin(features);
    for (unsigned i = 0; i < 100; i++) {
        unsigned lp = i % 3 == 0;
        cpu = &cpus[lp];
        partition.slat.generation++;
        struct entry e = enter_once();
        assert_in_range(e.asid, 1, 7);
        assert_true(!used[lp][e.asid] || e.flush);
        if (vmcb->control.tlb_control == VMCB_TLB_FLUSH_ALL)
            memset(used[lp], 0, sizeof(used[lp]));
        used[lp][e.asid] = true;
    }
}

static void asids_are_flushed_before_they_are_used_again(void **state)
{
    (void)state;
    use_asids(CPUID_8000000A_EDX_FLUSH_BY_ASID);
    use_asids(0);
}

/* ---- INIT and start-up ---- */

static void init_state_is_the_manuals(void **state)
{
    (void)state;
    assert_int_equal(vmcb->save.cr0, 0x60000010);
    assert_int_equal(vmcb->save.dr6, 0xffff0ff0);
    assert_int_equal(vmcb->save.dr7, 0x400);
    assert_int_equal(vmcb->save.g_pat, 0x0007040600070406);
    assert_int_equal(vp->rip, 0xfff0);
    assert_int_equal(vp->rflags, 2);
    assert_int_equal(vmcb->save.cs.selector, 0xf000);
    assert_int_equal(vmcb->save.cs.base, 0xffff0000);
    assert_int_equal(vmcb->save.idtr.limit, 0xffff);
}

static void reset_forgets_events_and_windows(void **state)
{
    (void)state;
    virt_inject_nmi(vp);
    virt_interrupt_offer(vp, 0x31);
    vmcb->control.interrupt_shadow = VMCB_INTERRUPT_SHADOW;
    virt_vp_reset(vp);
    assert_false(virt_injecting(vp));
    assert_false(virt_in_shadow(vp));
    assert_false(vmcb->control.v_intr & VMCB_V_IRQ);
}

static void startup_ipi_gives_a_real_mode_address(void **state)
{
    (void)state;
    virt_vp_sipi(vp, 0x9a);
    assert_int_equal(vmcb->save.cs.selector, 0x9a00);
    assert_int_equal(vmcb->save.cs.base, 0x9a000);
    assert_int_equal(vp->rip, 0);
}

static void vp_without_memory_is_refused_and_leaves_nothing(void **state)
{
    uint64_t in_use;

    (void)state;
    virt_vp_destroy(vp);
    virt_vp_destroy(vp); /* harmless */
    assert_int_equal(pool_balance(&partition.pool).in_use, 0);
    for (uint64_t n = pool_balance(&partition.pool).available; n > 1; n--) {
        hpa_t page;
        assert_int_equal(pool_page_alloc(&partition.pool, &page), HV_STATUS_SUCCESS);
    }
    in_use = pool_balance(&partition.pool).in_use;
    assert_int_equal(virt_vp_create(vp), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(pool_balance(&partition.pool).in_use, in_use);
}

#define TEST(f) cmocka_unit_test_setup(f, svm_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_exit_code_has_its_reason),
        TEST(msr_exits_tell_reads_from_writes),
        TEST(length_is_known_where_the_next_rip_is_saved),
        TEST(decode_assists_tell_what_goes_to_cr8),
        TEST(io_exit_is_taken_apart),
        TEST(nested_page_fault_tells_address_and_access),
        TEST(exception_exits_carry_vector_and_error_code),
        TEST(new_vp_passes_the_processors_checks),
        TEST(each_inconsistency_is_named),
        TEST(dangerous_instructions_are_always_intercepted),
        TEST(child_reaches_no_port_and_only_msrs_of_the_vmcb),
        TEST(injected_event_is_delivered_once),
        TEST(exceptions_carry_error_codes_only_if_they_have_one),
        TEST(offer_that_looks_like_an_exception_is_not_injected),
        TEST(refused_offer_leaves_the_guest_where_it_was),
        TEST(refusal_of_an_offer_counts_when_it_is_repeated),
        TEST(delivery_that_an_exit_cut_short_is_repeated),
        TEST(interrupts_wait_for_if_shadow_and_injection),
        TEST(offer_is_a_virtual_interrupt_until_the_processor_takes_it),
        TEST(nmi_window_is_the_iret_intercept),
        TEST(cr8_does_not_touch_its_neighbours),
        TEST(rax_rsp_rip_and_rflags_travel_through_the_vmcb),
        TEST(rip_wraps_at_4_gib_outside_64_bit_mode),
        TEST(second_entry_keeps_its_translations),
        TEST(changed_memory_is_seen_at_the_next_entry),
        TEST(changed_memory_flushes_one_asid_where_the_processor_can),
        TEST(wish_to_forget_is_seen_at_the_next_entry),
        TEST(refused_entry_may_not_have_flushed),
        TEST(shadow_lasts_until_an_instruction_is_executed),
        TEST(asids_are_flushed_before_they_are_used_again),
        TEST(init_state_is_the_manuals),
        TEST(reset_forgets_events_and_windows),
        TEST(startup_ipi_gives_a_real_mode_address),
        TEST(vp_without_memory_is_refused_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
