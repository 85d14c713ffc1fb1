/* SPDX-License-Identifier: MIT */
/* bench.c - what an exit costs, in TSC ticks, which under -icount are instructions. For each figure
 *   bench: NAME TICKS
 * Argument: loops=N (1000). Nothing here halts. signal_event_root is left out, with a line that
 * says so, unless root has set up an event connection; so is self_ipi_x2apic where x2APIC is not
 * offered. */
#include <hvabi/msr.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <x86/apic.h>
#include <x86/exception.h>
#include <x86/insn.h>

#include "guest.h"

#define WARM_UP_LOOPS 100u
#define VECTOR_IPI    0x40
#define VECTOR_TIMER  0x41
#define TIMER_COUNT   1u
#define UNKNOWN_MSR   0x4000ffffu /* reserved by the TLFS for synthetic registers; none is there */
#define RDMSR_LENGTH  2u

static const struct guest_boot *boot_info;
static volatile uint64_t interrupts;

static void interrupt_handler(struct guest_frame *frame)
{
    (void)frame;
    interrupts++;
    guest_apic_eoi();
}

/* #GP of the RDMSR below: go on behind it. */
static void fault_handler(struct guest_frame *frame)
{
    frame->rip += RDMSR_LENGTH;
}

static void cpuid_exit(void)
{
    uint32_t regs[4];

    insn_cpuid(0, 0, regs);
}

static void unknown_msr_exit(void)
{
    (void)insn_rdmsr(UNKNOWN_MSR);
}

/* No other VP of this child waits for a processor: there is nobody to yield to. */
static void null_hypercall(void)
{
    (void)guest_hypercall(HvCallNotifyLongSpinWait | HV_HYPERCALL_FAST, 0, 0);
}

static void port_read_root(void)
{
    (void)insn_in8(GUEST_PORT_CONSOLE);
}

/* Until root's handler has counted the event. */
static void signal_event_root(void)
{
    uint64_t seen = __atomic_load_n(&boot_info->events_handled, __ATOMIC_ACQUIRE);

    (void)hv_call_signal_event(guest_client(), boot_info->event_connection, 0);
    while (__atomic_load_n(&boot_info->events_handled, __ATOMIC_ACQUIRE) == seen)
        insn_pause();
}

static void interrupt_wait(uint64_t seen)
{
    while (interrupts == seen) {
        insn_sti_nop_cli();
        insn_pause();
    }
}

static void self_ipi(void)
{
    uint64_t seen = interrupts;

    guest_apic_self_ipi(VECTOR_IPI);
    interrupt_wait(seen);
}

static void timer_interrupt(void)
{
    uint64_t seen = interrupts;

    guest_apic_timer_once(VECTOR_TIMER, TIMER_COUNT);
    interrupt_wait(seen);
}

static void measure(const char *name, void (*operation)(void), uint64_t loops)
{
    uint64_t begin, ticks;

    for (uint64_t i = 0; i < WARM_UP_LOOPS; i++)
        operation();
    begin = insn_rdtsc();
    for (uint64_t i = 0; i < loops; i++)
        operation();
    ticks = insn_rdtsc() - begin;
    guest_printf("bench: %s %llu\n", name, (unsigned long long)(ticks / loops));
}

static void measure_xapic(uint64_t loops)
{
    guest_apic_disable();
    guest_apic_mode_set(false);
    guest_apic_enable();
    measure("self_ipi_xapic", self_ipi, loops);
}

static void measure_x2apic(uint64_t loops)
{
    if (!guest_apic_x2_offered()) {
        guest_printf("bench: self_ipi_x2apic not offered\n");
        return;
    }
    guest_apic_mode_set(true);
    guest_apic_enable();
    measure("self_ipi_x2apic", self_ipi, loops);
}

uint8_t guest_main(const struct guest_boot *boot)
{
    uint64_t loops = guest_arg_number(guest_command_line(), "loops", 1000);

    boot_info = boot;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    if (!loops)
        return GUEST_EXIT_USAGE;
    guest_handler_set(VECTOR_IPI, interrupt_handler);
    guest_handler_set(VECTOR_TIMER, interrupt_handler);
    guest_handler_set(EXCEPTION_GP, fault_handler);
    measure("cpuid_exit", cpuid_exit, loops);
    measure("unknown_msr_exit", unknown_msr_exit, loops);
    measure("null_hypercall", null_hypercall, loops);
    measure("port_read_root", port_read_root, loops);
    if (boot->event_connection)
        measure("signal_event_root", signal_event_root, loops);
    else
        guest_printf("bench: signal_event_root without a connection\n");
    measure_xapic(loops);
    measure_x2apic(loops);
    measure("timer_interrupt", timer_interrupt, loops);
    return GUEST_EXIT_OK;
}
