/* SPDX-License-Identifier: MIT */
/* bench.c - what the hot paths cost. For each figure
 *   bench: NAME instructions=N exits=N REASON=N ...
 * in TSC ticks, which under -icount are instructions, and exits of this VP by its statistics page;
 * the median of several batches, divided by the operations in a batch.
 * Arguments: loops=N operations a batch (100); only=NAME measures one figure. Nothing here halts
 * but vp_switch, where each VP does and the other one runs. signal_event_root needs an event
 * connection that root has set up, and vp_switch a second VP; what cannot be measured is said. With
 * storage=1 all of that is left out for reads of a disk: bench_storage.c; with
 * network=cards, pair or sink for frames: bench_network.c, bench_pair.c. */
#include <hvabi/msr.h>
#include <hvabi/stats.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <x86/apic.h>
#include <x86/exception.h>
#include <x86/insn.h>

#include <rt/format.h>
#include <rt/mem.h>

#include "bench.h"

#define WARM_UP_LOOPS 100u
#define BATCHES       9u /* odd: the median is one of them */
#define VECTOR_IPI    0x40
#define VECTOR_TIMER  0x41
#define VECTOR_SWITCH 0x42
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

    guest_apic_timer_start(TIMER_COUNT);
    interrupt_wait(seen);
}

/* ---- vp_switch: two VPs of one LP wake each other and halt ---- */

static volatile uint64_t switches; /* whose turn it is: even, VP 0's */

static void switch_handler(struct guest_frame *frame)
{
    (void)frame;
    guest_apic_eoi();
}

static void wake_other(void)
{
    switches++;
    guest_apic_ipi(guest_cpu_this()->index ^ 1u,
                   APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT | VECTOR_SWITCH);
}

/* The interrupt stays pending until the halt, even if the other VP has gone first meanwhile: each
 * turn makes the same exits. */
static void wait_turn(uint64_t parity)
{
    do
        insn_sti_hlt_cli();
    while ((switches & 1) != parity);
}

static void second_vp(void)
{
    for (;;) {
        wait_turn(1);
        wake_other();
    }
}

/* There and back: two switches. */
static void vp_switch_pair(void)
{
    wake_other();
    wait_turn(0);
}

/* ---- measuring ---- */

struct figure {
    uint64_t ticks;
    uint64_t exits[HvStatsVpExitFirst + 32];
};

static uint64_t stats[512] __attribute__((aligned(4096)));
static struct figure batches[BATCHES];

#define EXIT_NAME(constant, name) #name,
static const char *const exit_names[] = {HV_STATS_VP_EXITS(EXIT_NAME)};
#define EXIT_REASONS (sizeof exit_names / sizeof exit_names[0])

static void run_batch(struct figure *f, void (*operation)(void), uint64_t loops)
{
    uint64_t before[HvStatsVpExitFirst + EXIT_REASONS];
    uint64_t begin;

    for (unsigned i = 0; i < HvStatsVpExitFirst + EXIT_REASONS; i++)
        before[i] = __atomic_load_n(&stats[i], __ATOMIC_RELAXED);
    begin = insn_rdtsc();
    for (uint64_t i = 0; i < loops; i++)
        operation();
    f->ticks = insn_rdtsc() - begin;
    for (unsigned i = 0; i < HvStatsVpExitFirst + EXIT_REASONS; i++)
        f->exits[i] = __atomic_load_n(&stats[i], __ATOMIC_RELAXED) - before[i];
}

static const struct figure *median(void)
{
    for (unsigned i = 0; i < BATCHES; i++) {
        unsigned less = 0, same = 0;
        for (unsigned k = 0; k < BATCHES; k++) {
            less += batches[k].ticks < batches[i].ticks;
            same += batches[k].ticks == batches[i].ticks;
        }
        if (less <= BATCHES / 2 && less + same > BATCHES / 2)
            return &batches[i];
    }
    return &batches[0];
}

/* Ticks are of both VPs' @each operations a loop, exits of VP 0's loop. */
static void report(const char *name, const struct figure *f, uint64_t loops, uint64_t each)
{
    char line[GUEST_LINE_MAX];
    size_t n = rt_snprintf(line, sizeof line, "bench: %s instructions=%lu exits=%lu", name,
                           f->ticks / (loops * each), f->exits[HvStatsVpTotalExits] / loops);

    for (unsigned i = 0; i < EXIT_REASONS && n < sizeof line; i++)
        if (f->exits[HvStatsVpExitFirst + i] >= loops)
            n += rt_snprintf(line + n, sizeof line - n, " %s=%lu", exit_names[i],
                             f->exits[HvStatsVpExitFirst + i] / loops);
    guest_printf("%s\n", line);
}

static char only[32]; /* empty: all */

static void measure_many(const char *name, void (*operation)(void), uint64_t loops, uint64_t each)
{
    if (only[0] != '\0' && strcmp(only, name) != 0)
        return;
    for (unsigned i = 0; i < WARM_UP_LOOPS; i++)
        operation();
    for (unsigned i = 0; i < BATCHES; i++)
        run_batch(&batches[i], operation, loops);
    report(name, median(), loops, each);
}

static void measure(const char *name, void (*operation)(void), uint64_t loops)
{
    measure_many(name, operation, loops, 1);
}

static void measure_switch(const struct guest_boot *boot, uint64_t loops)
{
    if (boot->vp_count < 2) {
        guest_printf("bench: vp_switch needs a second VP\n");
        return;
    }
    guest_handler_set(VECTOR_SWITCH, switch_handler);
    guest_others_start(boot, second_vp);
    measure_many("vp_switch", vp_switch_pair, loops, 2);
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

static uint8_t network(const char *part)
{
    if (strcmp(part, "cards") == 0)
        return bench_network();
    if (strcmp(part, "pair") == 0)
        return bench_network_pair();
    return strcmp(part, "sink") == 0 ? bench_network_sink() : GUEST_EXIT_USAGE;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    uint64_t loops = guest_arg_number(guest_command_line(), "loops", 100);
    char part[8];

    if (guest_arg_number(guest_command_line(), "storage", 0) != 0)
        return bench_storage();
    if (guest_arg_text(guest_command_line(), "network", part, sizeof(part)))
        return network(part);
    boot_info = boot;
    guest_arg_text(guest_command_line(), "only", only, sizeof only);
    insn_wrmsr(HV_X64_MSR_STATS_VP_RETAIL_PAGE,
               (uint64_t)(uintptr_t)stats | HV_X64_MSR_PAGE_ENABLE);
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
    guest_apic_timer_set(VECTOR_TIMER);
    measure("timer_interrupt", timer_interrupt, loops);
    measure_switch(boot, loops);
    return GUEST_EXIT_OK;
}
