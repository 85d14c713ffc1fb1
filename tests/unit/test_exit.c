/* SPDX-License-Identifier: MIT */
/* test_exit.c - what each kind of exit does to a child's VP and tells its parent; CPUID and MSRs
 * have tests of their own. */
#include "exit_fixture.h"

#include <hvabi/msr.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include <x86/msr.h>

/* ---- ports ---- */

static struct vp_exit io(uint16_t port, uint8_t size, bool in)
{
    return (struct vp_exit){
        .reason = VP_EXIT_IO, .insn_len = 1, .io = {.port = port, .size = size, .in = in}};
}

static void port_without_an_intercept_reads_ones(void **state)
{
    static const struct {
        uint8_t size;
        uint64_t rax;
    } cases[] = {{1, 0x11111111111111ff}, {2, 0x111111111111ffff}, {4, 0xffffffff}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vp_exit exit = io(0x60, cases[i].size, true);
        vp->gpr[X86_RAX] = 0x1111111111111111;
        vp->rip = CODE;
        machine_exit(vp, &exit);
        assert_int_equal(vp->gpr[X86_RAX], cases[i].rax);
        assert_int_equal(vp->rip, CODE + 1);
    }
    expect_no_message();
}

static void write_to_a_port_without_an_intercept_is_lost(void **state)
{
    struct vp_exit exit = io(0x80, 4, false);

    (void)state;
    vp->gpr[X86_RAX] = 0x1111111111111111;
    machine_exit(vp, &exit);
    assert_int_equal(vp->gpr[X86_RAX], 0x1111111111111111);
    assert_int_equal(vp->rip, CODE + 1);
    expect_no_message();
}

static void string_io_to_nobody_is_skipped_whole(void **state)
{
    struct vp_exit exit = io(0x80, 1, true);

    (void)state;
    exit.io.string = exit.io.rep = true;
    exit.insn_len = 2;
    vp->gpr[X86_RAX] = 0x77;
    vp->gpr[X86_RCX] = 1000;
    machine_exit(vp, &exit);
    assert_int_equal(vp->gpr[X86_RCX], 0);
    assert_int_equal(vp->gpr[X86_RAX], 0x77);
    assert_int_equal(vp->rip, CODE + 2);
}

/* Ranges of any alignment, over each other and across the map's pages. */
static void port_ranges_are_what_was_asked_for(void **state)
{
    static const struct {
        uint32_t first, last, access;
    } ranges[] = {{0, 0xffff, 1},      {0x60, 0x60, 0},      {0x61, 0x62, 3}, {0x3ffd, 0x4002, 2},
                  {0x8000, 0xffff, 0}, {0x1f1, 0x1f7, 3},    {0x1f4, 0x1f8, 0}, {0xfffe, 0xffff, 3},
                  {0x7fff, 0xbffd, 2}, {0x3f8, 0x3ff, 3}};
    static uint8_t wanted[0x10000];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        uint32_t first = ranges[i].first, last = ranges[i].last;
        install(HvInterceptTypeX64IoPortRange, ranges[i].access,
                first | (uint64_t)last << HV_INTERCEPT_PARAMETER_PORT_RANGE_END_SHIFT);
        memset(wanted + first, (int)ranges[i].access, last - first + 1);
        for (uint32_t port = 0; port < sizeof(wanted); port++)
            for (uint32_t access = 1; access <= 2; access <<= 1)
                assert_int_equal(partition_intercepts_port(child, (uint16_t)port, access),
                                 (wanted[port] & access) != 0);
    }
}

static void intercepted_port_sends_a_message_and_suspends(void **state)
{
    struct vp_exit exit = io(0x3f8, 1, false);
    struct hv_message m;
    const struct hv_x64_io_port_intercept_message *p;

    (void)state;
    install(HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_WRITE, 0x3f8);
    vp->gpr[X86_RAX] = 0x123456789abcdef0;
    machine_exit(vp, &exit);
    p = expect_message(&m, HvMessageTypeX64IoPortIntercept, sizeof(*p));
    assert_int_equal(p->port_number, 0x3f8);
    assert_int_equal(p->access_info, 1);
    assert_int_equal(p->rax, 0x123456789abcdef0);
    assert_int_equal(p->header.access_type, HvInterceptAccessWrite);
    assert_int_equal(p->header.vp_index, 0);
    assert_int_equal(p->header.rip, CODE);
    assert_int_equal(p->header.length_and_cr8, 1);
    assert_int_equal(p->header.cs_segment.attributes, 0xa09b);
    assert_int_equal(p->header.execution_state,
                     HV_X64_EXECUTION_CR0_PE | HV_X64_EXECUTION_EFER_LMA);
}

static void port_intercepted_for_writes_is_not_for_reads(void **state)
{
    struct vp_exit exit = io(0x3f8, 1, true);

    (void)state;
    install(HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_WRITE, 0x3f8);
    machine_exit(vp, &exit);
    expect_no_message();
}

static void string_io_message_has_what_an_emulator_needs(void **state)
{
    static const uint8_t rep_outsb[] = {0xf3, 0x6e};
    struct vp_exit exit = io(0xe9, 1, false);
    struct hv_message m;
    const struct hv_x64_io_port_intercept_message *p;

    (void)state;
    install(HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_WRITE, 0xe9);
    code(rep_outsb, sizeof(rep_outsb));
    exit.io.string = exit.io.rep = true;
    vp->gpr[X86_RCX] = 3;
    vp->gpr[X86_RSI] = 0x2000;
    vp->gpr[X86_RDI] = 0x3000;
    machine_exit(vp, &exit);
    p = expect_message(&m, HvMessageTypeX64IoPortIntercept, sizeof(*p));
    assert_int_equal(p->access_info, 1 | HV_X64_IO_PORT_ACCESS_STRING | HV_X64_IO_PORT_ACCESS_REP);
    assert_int_equal(p->instruction_byte_count, X86_INSN_MAX);
    assert_memory_equal(p->instruction_bytes, rep_outsb, sizeof(rep_outsb));
    assert_int_equal(p->rcx, 3);
    assert_int_equal(p->rsi, 0x2000);
    assert_int_equal(p->rdi, 0x3000);
}

static void every_port_has_its_own_intercept(void **state)
{
    static const uint16_t ports[] = {0, 1, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xbfff, 0xc000, 0xffff};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        install(HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_READ, ports[i]);
        for (uint32_t port = 0; port <= UINT16_MAX; port++) {
            assert_int_equal(
                partition_intercepts_port(child, (uint16_t)port, HV_INTERCEPT_ACCESS_MASK_READ),
                port == ports[i]);
            assert_false(
                partition_intercepts_port(child, (uint16_t)port, HV_INTERCEPT_ACCESS_MASK_WRITE));
        }
        install(HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_NONE, ports[i]);
    }
}

static void resumed_vp_can_send_the_next_intercept(void **state)
{
    struct vp_exit exit = io(0x3f8, 1, false);
    struct hv_message m;

    (void)state;
    install(HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_WRITE, 0x3f8);
    for (unsigned i = 0; i < 3; i++) {
        machine_exit(vp, &exit);
        expect_message(&m, HvMessageTypeX64IoPortIntercept,
                       sizeof(struct hv_x64_io_port_intercept_message));
        vp->suspend &= ~(uint32_t)VP_SUSPEND_INTERCEPT;
    }
}

/* ---- memory ---- */

static struct vp_exit fault(uint64_t at, uint32_t access)
{
    return (struct vp_exit){.reason = VP_EXIT_GPA_FAULT, .fault = {.gpa = at, .access = access}};
}

static void access_to_nothing_is_told_with_all_that_emulation_needs(void **state)
{
    static const uint8_t store[] = {0x89, 0x08}; /* mov [rax], ecx */
    struct vp_exit exit = fault(0x10000004, GPA_FAULT_WRITE);
    struct hv_message m;
    const struct hv_x64_memory_intercept_message *p;

    (void)state;
    code(store, sizeof(store));
    for (unsigned i = 0; i < 16; i++)
        vp->gpr[i] = i * 0x101;
    machine_exit(vp, &exit);
    p = expect_message(&m, HvMessageTypeUnmappedGpa, sizeof(*p));
    assert_int_equal(p->guest_physical_address, 0x10000004);
    assert_int_equal(p->header.access_type, HvInterceptAccessWrite);
    assert_int_equal(p->cache_type, HvCacheTypeX64WriteBack);
    assert_int_equal(p->instruction_byte_count, X86_INSN_MAX);
    assert_memory_equal(p->instruction_bytes, store, sizeof(store));
    assert_memory_equal(p->gprs, vp->gpr, sizeof(p->gprs));
    assert_int_equal(p->ss_segment.attributes, 0xc093);
}

static void access_that_a_mapping_refuses_is_another_message(void **state)
{
    struct vp_exit exit = fault(0x2000, GPA_FAULT_EXECUTE | GPA_FAULT_PRESENT);
    struct hv_message m;
    const struct hv_x64_memory_intercept_message *p;

    (void)state;
    machine_exit(vp, &exit);
    p = expect_message(&m, HvMessageTypeGpaIntercept, sizeof(*p));
    assert_int_equal(p->header.access_type, HvInterceptAccessExecute);
}

static void write_to_the_hypercall_page_is_gp(void **state)
{
    struct vp_exit exit = fault(0x3010, GPA_FAULT_WRITE | GPA_FAULT_PRESENT);

    (void)state;
    machine_wrmsr(vp, HV_X64_MSR_HYPERCALL, 0x3000 | HV_X64_MSR_HYPERCALL_ENABLE);
    machine_exit(vp, &exit);
    expect_exception(EXCEPTION_GP);
    expect_no_message();
}

static void apic_page_is_emulated(void **state)
{
    static const uint8_t store[] = {0x89, 0x08}; /* mov [rax], ecx */
    struct vp_exit exit = fault(APIC_DEFAULT_BASE + APIC_TPR, GPA_FAULT_WRITE);

    (void)state;
    code(store, sizeof(store));
    vp->gpr[X86_RCX] = 0x50;
    machine_exit(vp, &exit);
    assert_int_equal(vp->rip, CODE + sizeof(store));
    assert_int_equal(lapic_tpr(&vp->lapic), 0x50);
    expect_no_message();
}

static void apic_page_reads_by_mov(void **state)
{
    static const uint8_t load[] = {0x44, 0x8b, 0x08}; /* mov r9d, [rax] */
    struct vp_exit exit = fault(APIC_DEFAULT_BASE + APIC_TPR, 0);

    (void)state;
    code(load, sizeof(load));
    lapic_tpr_set(&vp->lapic, 0x70);
    vp->gpr[9] = UINT64_MAX;
    machine_exit(vp, &exit);
    assert_int_equal(vp->gpr[9], 0x70);
    assert_int_equal(vp->rip, CODE + sizeof(load));
}

static void apic_page_read_modify_write_sets_flags(void **state)
{
    static const uint8_t and_or[][6] = {
        {0x83, 0x20, 0x0f}, /* and dword [rax], 15 */
        {0x83, 0x08, 0x30}, /* or dword [rax], 0x30 */
    };
    static const uint8_t expected[] = {0x00, 0x30};
    struct vp_exit exit = fault(APIC_DEFAULT_BASE + APIC_TPR, GPA_FAULT_WRITE);

    (void)state;
    lapic_tpr_set(&vp->lapic, 0x70);
    for (unsigned i = 0; i < ARRAY_SIZE(and_or); i++) {
        vp->rip = CODE;
        vp->rflags |= RFLAGS_CF | RFLAGS_OF;
        code(and_or[i], sizeof(and_or[i]));
        machine_exit(vp, &exit);
        assert_int_equal(lapic_tpr(&vp->lapic), expected[i]);
        assert_int_equal(vp->rflags & (RFLAGS_CF | RFLAGS_OF | RFLAGS_SF), 0);
        assert_int_equal((vp->rflags & RFLAGS_ZF) != 0, expected[i] == 0);
        assert_int_equal((vp->rflags & RFLAGS_PF) != 0, __builtin_popcount(expected[i]) % 2 == 0);
        assert_int_equal(vp->rip, CODE + 3);
    }
}

static void apic_page_access_that_nobody_emulates_is_undefined(void **state)
{
    static const uint8_t wrong[][3] = {
        {0x0f, 0x11, 0x00}, /* movups [rax], xmm0 */
        {0x88, 0x08},       /* mov [rax], cl */
        {0x66, 0x89, 0x08}, /* mov [rax], cx */
        {0xff, 0x00},       /* inc dword [rax] */
    };
    struct vp_exit exit = fault(APIC_DEFAULT_BASE + APIC_TPR, GPA_FAULT_WRITE);

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        code(wrong[i], sizeof(wrong[i]));
        machine_exit(vp, &exit);
        expect_exception(EXCEPTION_UD);
    }
}

static void apic_page_of_an_x2apic_is_ordinary_memory(void **state)
{
    struct vp_exit exit = fault(APIC_DEFAULT_BASE, 0);
    struct hv_message m;

    (void)state;
    machine_wrmsr(vp, MSR_IA32_APIC_BASE, machine_rdmsr(vp, MSR_IA32_APIC_BASE) | APIC_BASE_EXTD);
    machine_exit(vp, &exit);
    expect_message(&m, HvMessageTypeUnmappedGpa, sizeof(struct hv_x64_memory_intercept_message));
}

/* ---- root's own faults ---- */

static struct vp *enter_root(void)
{
    machine_leave(vp);
    vp = partition_vp(root_partition, 0);
    machine_enter(vp);
    vp->rip = CODE;
    return vp;
}

static void root_reaches_devices_at_the_first_touch(void **state)
{
    struct vp_exit exit = fault(0xfd000000, GPA_FAULT_WRITE);
    struct slat_view view;

    (void)state;
    enter_root();
    machine_exit(vp, &exit);
    expect_nothing_injected();
    assert_int_equal(slat_query(&root_partition->slat, gpa(0xfd000123), &view), HV_STATUS_SUCCESS);
    assert_int_equal(view.hpa.v, 0xfd000123);
}

static void root_cannot_touch_what_the_hypervisor_keeps(void **state)
{
    static const uint64_t forbidden[] = {
        MACHINE_KEPT_BASE, MACHINE_KEPT_BASE + MACHINE_KEPT_SIZE - 1, APIC_DEFAULT_BASE + 0x300};

    (void)state;
    enter_root();
    machine_wrmsr(vp, MSR_IA32_APIC_BASE, machine_rdmsr(vp, MSR_IA32_APIC_BASE) | APIC_BASE_EXTD);
    for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
        struct vp_exit exit = fault(forbidden[i], GPA_FAULT_WRITE);
        machine_exit(vp, &exit);
        expect_exception(EXCEPTION_GP);
    }
}

static void root_cannot_touch_deposited_pages(void **state)
{
    struct vp_exit exit = fault(MACHINE_KEPT_BASE + MACHINE_KEPT_SIZE, GPA_FAULT_WRITE);

    (void)state;
    enter_root();
    machine_exit(vp, &exit);
    expect_exception(EXCEPTION_GP);
}

/* ---- the rest ---- */

static void hlt_waits_for_an_interrupt(void **state)
{
    (void)state;
    simple_exit(VP_EXIT_HALT, 1);
    assert_int_equal(vp->activity, VP_ACTIVITY_HALT);
    assert_int_equal(vp->rip, CODE + 1);
}

static void pause_gives_the_lp_away(void **state)
{
    (void)state;
    simple_exit(VP_EXIT_PAUSE, 0);
    assert_true(vp->yield);
}

static void undefined_instructions_are_undefined(void **state)
{
    (void)state;
    simple_exit(VP_EXIT_UNDEFINED, 3);
    expect_exception(EXCEPTION_UD);
}

/* It exists everywhere; what is missing is the counter. */
static void rdpmc_is_a_fault_of_its_operand(void **state)
{
    (void)state;
    simple_exit(VP_EXIT_RDPMC, 2);
    expect_exception(EXCEPTION_GP);
}

static void xsetbv(uint64_t xcr, uint64_t value)
{
    vp->rip = CODE;
    vp->gpr[X86_RCX] = xcr;
    vp->gpr[X86_RAX] = (uint32_t)value | 0xabcdull << 32;
    vp->gpr[X86_RDX] = value >> 32 | 0xabcdull << 32;
    simple_exit(VP_EXIT_XSETBV, 3);
}

static void xsetbv_enables_what_the_partition_may(void **state)
{
    (void)state;
    xsetbv(0, XCR0_X87 | XCR0_SSE | XCR0_AVX);
    expect_nothing_injected();
    assert_int_equal(vp->xcr0, 7);
    assert_int_equal(machine.lp->xcr0, 7);
    assert_int_equal(vp->rip, CODE + 3);
    xsetbv(0, XCR0_X87);
    assert_int_equal(machine.lp->xcr0, 1);
}

/* As QEMU 7.2 does. */
static void xcr0_that_changed_without_an_exit_is_noticed(void **state)
{
    (void)state;
    xsetbv(0, XCR0_X87);
    machine.lp->xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    vp->gpr[X86_RAX] = CPUID_LEAF_XSAVE;
    vp->gpr[X86_RCX] = 0;
    simple_exit(VP_EXIT_CPUID, 2);
    assert_int_equal(vp->xcr0, XCR0_X87 | XCR0_SSE | XCR0_AVX);
}

static void xsetbv_of_anything_else_is_gp(void **state)
{
    static const uint64_t wrong[] = {0, XCR0_SSE, XCR0_X87 | XCR0_AVX, XCR0_X87 | XCR0_PKRU,
                                     XCR0_X87 | 1ull << 63};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        xsetbv(0, wrong[i]);
        expect_exception(EXCEPTION_GP);
    }
    xsetbv(1, XCR0_X87);
    expect_exception(EXCEPTION_GP);
    fake_of(vp)->segments[2].attributes |= 3 << HV_X64_SEGMENT_DPL_SHIFT;
    xsetbv(0, XCR0_X87);
    expect_exception(EXCEPTION_GP);
    assert_int_equal(vp->xcr0, XCR0_X87);
}

static void wbinvd_is_roots_alone(void **state)
{
    (void)state;
    simple_exit(VP_EXIT_CACHE_FLUSH, 2);
    assert_int_equal(machine.lp->wbinvds, 0);
    assert_int_equal(vp->rip, CODE + 2);
    enter_root();
    simple_exit(VP_EXIT_CACHE_FLUSH, 2);
    assert_int_equal(machine.lp->wbinvds, 1);
}

static void cr8_write_needs_no_bytes_where_the_processor_tells_them(void **state)
{
    struct vp_exit exit = {.reason = VP_EXIT_CR8_WRITE, .insn_len = 4, .cr8 = {true, 9}};

    (void)state;
    code("\x0f\x0b", 2); /* others by now */
    vp->gpr[9] = 7;
    machine_exit(vp, &exit);
    assert_int_equal(lapic_tpr(&vp->lapic), 0x70);
    assert_int_equal(vp->rip, CODE + 4);
}

static void cr8_write_sets_the_task_priority(void **state)
{
    static const uint8_t mov_cr8_rcx[] = {0x44, 0x0f, 0x22, 0xc1};

    (void)state;
    code(mov_cr8_rcx, sizeof(mov_cr8_rcx));
    vp->gpr[X86_RCX] = 5;
    simple_exit(VP_EXIT_CR8_WRITE, 0);
    assert_int_equal(lapic_tpr(&vp->lapic), 0x50);
    assert_int_equal(fake_of(vp)->cr8, 5);
    assert_int_equal(vp->rip, CODE + sizeof(mov_cr8_rcx));
    vp->rip = CODE;
    vp->gpr[X86_RCX] = 0x10;
    simple_exit(VP_EXIT_CR8_WRITE, 0);
    expect_exception(EXCEPTION_GP);
    assert_int_equal(lapic_tpr(&vp->lapic), 0x50);
}

static void exception_exit(uint8_t vector, bool has_error, uint32_t error)
{
    machine_exit(vp, &(struct vp_exit){.reason = VP_EXIT_EXCEPTION,
                                       .exception = {.vector = vector,
                                                     .has_error_code = has_error,
                                                     .error_code = error,
                                                     .parameter = 0x77}});
}

static void exception_that_nobody_intercepts_is_the_guests_own(void **state)
{
    (void)state;
    exception_exit(EXCEPTION_AC, true, 0);
    assert_int_equal(event()->vector, EXCEPTION_AC);
    assert_true(event()->has_error);
    event()->valid = false;
    exception_exit(EXCEPTION_DB, false, 0);
    assert_int_equal(event()->vector, EXCEPTION_DB);
    assert_false(event()->has_error);
    expect_no_message();
}

static void intercepted_exception_is_a_message(void **state)
{
    struct hv_message m;
    const struct hv_x64_exception_intercept_message *p;

    (void)state;
    install(HvInterceptTypeException, HV_INTERCEPT_ACCESS_MASK_EXECUTE, EXCEPTION_AC);
    exception_exit(EXCEPTION_AC, true, 0x33);
    p = expect_message(&m, HvMessageTypeExceptionIntercept, sizeof(*p));
    assert_int_equal(p->exception_vector, EXCEPTION_AC);
    assert_int_equal(p->exception_info, HV_X64_EXCEPTION_ERROR_CODE_VALID);
    assert_int_equal(p->error_code, 0x33);
    assert_int_equal(p->exception_parameter, 0x77);
}

static void exception_that_does_not_exit_cannot_be_intercepted(void **state)
{
    (void)state;
    for (uint32_t vector = 0; vector < 64; vector++)
        if (vector != EXCEPTION_DB && vector != EXCEPTION_AC)
            assert_int_equal(partition_install_intercept(child, HvInterceptTypeException,
                                                         HV_INTERCEPT_ACCESS_MASK_EXECUTE, vector),
                             HV_STATUS_INVALID_PARAMETER);
}

static void machine_check_is_the_machines_end(void **state)
{
    (void)state;
    assert_true(PANICS(exception_exit(EXCEPTION_MC, false, 0)));
}

static void triple_fault_is_told_to_the_parent(void **state)
{
    struct hv_message m;

    (void)state;
    simple_exit(VP_EXIT_SHUTDOWN, 0);
    expect_message(&m, HvMessageTypeUnrecoverableException,
                   sizeof(struct hv_x64_unrecoverable_exception_message));
}

static void refused_registers_are_told_to_the_parent(void **state)
{
    struct hv_message m;
    const struct hv_x64_invalid_vp_register_message *p;

    (void)state;
    simple_exit(VP_EXIT_INVALID_STATE, 0);
    p = expect_message(&m, HvMessageTypeInvalidVpRegisterValue, sizeof(*p));
    assert_int_equal(p->vp_index, 0);
}

static void roots_own_end_is_the_machines(void **state)
{
    (void)state;
    enter_root();
    assert_true(PANICS(simple_exit(VP_EXIT_SHUTDOWN, 0)));
    assert_true(PANICS(simple_exit(VP_EXIT_INVALID_STATE, 0)));
}

/* The parent takes no messages: the VP is suspended, which the parent can find out. */
static void intercept_without_a_reader_suspends_all_the_same(void **state)
{
    struct vp *root = partition_vp(root_partition, 0);
    struct hv_message m;

    (void)state;
    assert_true(synic_msr_write(&root->synic, HV_X64_MSR_SCONTROL, 0));
    simple_exit(VP_EXIT_SHUTDOWN, 0);
    assert_true(vp->suspend & VP_SUSPEND_INTERCEPT);
    assert_false(machine_message(0, &m));
}

#define TEST(f) cmocka_unit_test_setup(f, exit_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(port_without_an_intercept_reads_ones),
        TEST(write_to_a_port_without_an_intercept_is_lost),
        TEST(string_io_to_nobody_is_skipped_whole),
        TEST(port_ranges_are_what_was_asked_for),
        TEST(intercepted_port_sends_a_message_and_suspends),
        TEST(port_intercepted_for_writes_is_not_for_reads),
        TEST(string_io_message_has_what_an_emulator_needs),
        TEST(every_port_has_its_own_intercept),
        TEST(resumed_vp_can_send_the_next_intercept),
        TEST(access_to_nothing_is_told_with_all_that_emulation_needs),
        TEST(access_that_a_mapping_refuses_is_another_message),
        TEST(write_to_the_hypercall_page_is_gp),
        TEST(apic_page_is_emulated),
        TEST(apic_page_reads_by_mov),
        TEST(apic_page_read_modify_write_sets_flags),
        TEST(apic_page_access_that_nobody_emulates_is_undefined),
        TEST(apic_page_of_an_x2apic_is_ordinary_memory),
        TEST(root_reaches_devices_at_the_first_touch),
        TEST(root_cannot_touch_what_the_hypervisor_keeps),
        TEST(root_cannot_touch_deposited_pages),
        TEST(hlt_waits_for_an_interrupt),
        TEST(pause_gives_the_lp_away),
        TEST(undefined_instructions_are_undefined),
        TEST(rdpmc_is_a_fault_of_its_operand),
        TEST(xsetbv_enables_what_the_partition_may),
        TEST(xcr0_that_changed_without_an_exit_is_noticed),
        TEST(xsetbv_of_anything_else_is_gp),
        TEST(wbinvd_is_roots_alone),
        TEST(cr8_write_needs_no_bytes_where_the_processor_tells_them),
        TEST(cr8_write_sets_the_task_priority),
        TEST(exception_that_nobody_intercepts_is_the_guests_own),
        TEST(intercepted_exception_is_a_message),
        TEST(exception_that_does_not_exit_cannot_be_intercepted),
        TEST(machine_check_is_the_machines_end),
        TEST(triple_fault_is_told_to_the_parent),
        TEST(refused_registers_are_told_to_the_parent),
        TEST(roots_own_end_is_the_machines),
        TEST(intercept_without_a_reader_suspends_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
