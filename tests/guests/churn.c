/* SPDX-License-Identifier: MIT */
/* churn.c - VPs that make exits of all kinds in random order, for ever: somebody stops them.
 *
 * Arguments: seed=N. VP 0 alone reads another VP's registers by rep hypercalls (it needs
 * AccessVpRegisters) and starts the last VP anew by INIT and SIPI. Interrupts stay off: timers and
 * IPIs leave theirs pending. */
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <hvabi/regs.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <x86/apic.h>
#include <x86/insn.h>
#include <x86/pte.h>

#include "guest.h"

#define VECTOR        0x60u
#define TIMER_PERIODS 1000u
#define STIMER_TIME   1000u /* 100 ns */
#define SINT          2u
#define REGISTERS     (HV_PAGE_SIZE / (uint32_t)sizeof(struct hv_register_value))
#define MESSAGE_TYPE  1u

static const struct guest_boot *boot_data;
static uint64_t state[GUEST_CPU_MAX];
static _Alignas(4096) uint8_t pages[GUEST_CPU_MAX][2][4096]; /* SIM and SIEF pages lie over them */

/* SplitMix64; each VP has its own sequence, which goes on when the VP starts anew. */
static uint64_t next_random(void)
{
    uint64_t z = state[guest_cpu_this()->index] += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static bool is_first_of_several(void)
{
    return guest_cpu_this()->index == 0 && boot_data->vp_count > 1;
}

static void act_cpuid(void)
{
    uint32_t r[4];

    insn_cpuid(0, 0, r);
}

/* Root takes a carriage return and shows nothing. */
static void act_port(void)
{
    insn_out8(GUEST_PORT_CONSOLE, '\r');
}

static void act_port_read(void)
{
    (void)insn_in8(GUEST_PORT_CONSOLE);
}

static void act_rep_call(void)
{
    static uint32_t names[REGISTERS];
    static struct hv_register_value values[REGISTERS];
    uint32_t other = boot_data->vp_count - 1;

    if (!is_first_of_several())
        return;
    for (uint32_t i = 0; i < REGISTERS; i++)
        names[i] = HvX64RegisterRip;
    (void)hv_call_get_vp_registers(guest_client(), HV_PARTITION_ID_SELF, other, names, values,
                                   REGISTERS);
}

/* guest_smp_start() has left the trampoline as the last VP needs it. */
static void act_start_anew(void)
{
    uint32_t last = boot_data->vp_count - 1;

    if (!is_first_of_several())
        return;
    guest_apic_ipi(last, APIC_DELIVERY_INIT | APIC_ICR_LEVEL_ASSERT);
    guest_apic_ipi(last, APIC_DELIVERY_STARTUP | APIC_ICR_LEVEL_ASSERT |
                             (uint32_t)(GUEST_BOOT_TRAMPOLINE_GPA >> PAGE_SHIFT));
}

static void act_message(void)
{
    uint64_t payload = next_random();

    (void)hv_call_post_message(guest_client(), boot_data->message_connection, MESSAGE_TYPE,
                               &payload, sizeof payload);
}

static void act_event(void)
{
    (void)hv_call_signal_event(guest_client(), boot_data->event_connection, 0);
}

static void act_spin(void)
{
    (void)hv_call_notify_long_spin_wait(guest_client(), 1);
}

static void act_ipi(void)
{
    guest_apic_ipi((uint32_t)(next_random() % boot_data->vp_count),
                   APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT | VECTOR);
}

static void act_timer(void)
{
    guest_apic_timer_set(VECTOR);
    guest_apic_timer_start(TIMER_PERIODS);
}

static void act_synthetic_timer(void)
{
    insn_wrmsr(HV_X64_MSR_STIMER0_COUNT, STIMER_TIME);
    insn_wrmsr(HV_X64_MSR_STIMER0_CONFIG,
               HV_STIMER_ENABLE | HV_STIMER_PERIODIC | SINT << HV_STIMER_SINT_SHIFT);
}

static void page_toggle(uint32_t msr, void *page)
{
    bool on = insn_rdmsr(msr) & HV_X64_MSR_PAGE_ENABLE;

    insn_wrmsr(msr, on ? 0 : (uintptr_t)page | HV_X64_MSR_PAGE_ENABLE);
}

static void act_synic(void)
{
    uint32_t self = guest_cpu_this()->index;

    page_toggle(HV_X64_MSR_SIMP, pages[self][0]);
    page_toggle(HV_X64_MSR_SIEFP, pages[self][1]);
    insn_wrmsr(HV_X64_MSR_SINT0 + SINT, VECTOR);
    insn_wrmsr(HV_X64_MSR_SCONTROL, HV_SYNIC_CONTROL_ENABLE);
}

static void churn(void)
{
    static void (*const acts[])(void) = {
        act_cpuid, act_port,  act_port_read, act_rep_call, act_start_anew, act_start_anew,
        act_message, act_event, act_spin, act_ipi, act_timer, act_synthetic_timer, act_synic,
    };

    for (;;)
        acts[next_random() % (sizeof acts / sizeof acts[0])]();
}

uint8_t guest_main(const struct guest_boot *boot)
{
    uint64_t seed = guest_arg_number(guest_command_line(), "seed", 1);

    boot_data = boot;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    for (uint32_t i = 0; i < GUEST_CPU_MAX; i++)
        state[i] = seed + i;
    guest_others_start(boot, churn);
    churn();
    return GUEST_EXIT_OK;
}
