/* SPDX-License-Identifier: MIT */
/* main.c - the enlighten guest uses what hypervisors give their guests as Linux does: flushes and
 * interrupts by hypercall, ends of interrupt by the assist page, timers in direct mode, the idle
 * and the crash registers; and asks for flushes that make no sense. Arguments: crash=1 ends with a
 * crash report that has a text; reset=1 by the reset register. */
#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <kern/guest_cpu.h>
#include <rt/mem.h>
#include <x86/cpuid.h>
#include <x86/insn.h>

#include "enlighten.h"

static struct {
    uint32_t vps;
    uint32_t arrived; /* [a] in all meetings so far */
    _Alignas(HV_PAGE_SIZE) uint64_t input[GUEST_CPU_MAX][HV_PAGE_SIZE / sizeof(uint64_t)];
} enlighten;

uint32_t enlighten_vps(void)
{
    return enlighten.vps;
}

uint32_t enlighten_vp(void)
{
    return guest_cpu_this()->index;
}

void enlighten_meet(void)
{
    uint32_t mine = __atomic_fetch_add(&enlighten.arrived, 1, __ATOMIC_ACQ_REL);
    uint32_t last = mine - mine % enlighten.vps + enlighten.vps;

    while (__atomic_load_n(&enlighten.arrived, __ATOMIC_ACQUIRE) < last)
        insn_pause();
}

void enlighten_check(bool ok, const char *what, uint64_t got)
{
    if (ok)
        return;
    guest_printf("enlighten: VP %u: %s: %#llx\n", enlighten_vp(), what, (unsigned long long)got);
    guest_exit(GUEST_EXIT_FAILED);
}

uint64_t *enlighten_input(void)
{
    return enlighten.input[enlighten_vp()];
}

hv_status enlighten_call(uint64_t control, unsigned words)
{
    uint64_t reps = (control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT;
    uint64_t result = guest_hypercall(control, (uintptr_t)enlighten_input(), 0);
    hv_status status = result & HV_HYPERCALL_RESULT_STATUS_MASK;

    memset(enlighten_input(), 0, words * sizeof(uint64_t));
    if (status == HV_STATUS_SUCCESS)
        enlighten_check(result >> HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT == reps,
                        "a call that succeeds has not done all elements", result);
    return status;
}

static void features(void)
{
    const uint32_t hints = HV_CPUID_HINT_HYPERCALL_REMOTE_FLUSH | HV_CPUID_HINT_APIC_MSRS |
                           HV_CPUID_HINT_DEPRECATE_AUTO_EOI | HV_CPUID_HINT_SYNTHETIC_CLUSTER_IPI |
                           HV_CPUID_HINT_EX_PROCESSOR_MASKS;
    const uint32_t edx =
        HV_CPUID_FEATURES_EDX_GUEST_CRASH_REGS | HV_CPUID_FEATURES_EDX_DIRECT_SYNTHETIC_TIMERS;
    uint32_t r[4];

    insn_cpuid(HV_CPUID_RECOMMENDATIONS, 0, r);
    enlighten_check((r[CPUID_EAX] & hints) == hints, "CPUID recommends less", r[CPUID_EAX]);
    insn_cpuid(HV_CPUID_FEATURES, 0, r);
    enlighten_check((r[CPUID_EDX] & edx) == edx, "CPUID shows less", r[CPUID_EDX]);
}

static void vp_main(void)
{
    static const struct {
        void (*run)(void);
        const char *name;
    } parts[] = {
        {enlighten_flushes, "flushes"}, {enlighten_ipis, "interrupts"},
        {enlighten_assist, "assist"},   {enlighten_timers, "timers"},
        {enlighten_idle, "idle"},       {enlighten_bad_sets, "bad sets"},
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        enlighten_meet();
        parts[i].run();
        enlighten_meet();
        if (enlighten_vp() == 0)
            guest_printf("enlighten: %s ok\n", parts[i].name);
    }
    insn_cli();
    enlighten_meet();
    while (enlighten_vp() != 0)
        insn_hlt();
}

/* As Linux reports a panic. */
static void crash(void)
{
    static const char text[] = "enlighten: the end of the log\n";

    for (uint32_t i = 0; i < 3; i++)
        insn_wrmsr(HV_X64_MSR_CRASH_P0 + i, 0);
    insn_wrmsr(HV_X64_MSR_CRASH_P3, (uintptr_t)text);
    insn_wrmsr(HV_X64_MSR_CRASH_P4, sizeof text - 1);
    insn_wrmsr(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
}

uint8_t guest_main(const struct guest_boot *boot)
{
    enlighten.vps = boot->vp_count;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    features();
    guest_others_start(boot, vp_main);
    vp_main();
    if (guest_arg_number(guest_command_line(), "crash", 0))
        crash();
    guest_printf("enlighten: %u VPs done\n", boot->vp_count);
    if (guest_arg_number(guest_command_line(), "reset", 0))
        insn_wrmsr(HV_X64_MSR_RESET, HV_X64_MSR_RESET_NOW);
    return GUEST_EXIT_OK;
}
