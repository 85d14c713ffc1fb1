/* SPDX-License-Identifier: MIT */
/* root/cpu/cpu.c - the processors: bring-up of each, the list of all, and asking them for things. */
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/msr.h>
#include "boot/selftest.h"
#include "boot/trampoline.h"
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "cpu/fpu.h"
#include "cpu/trap.h"
#include "log.h"
#include "mm/boot_memory.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "mm/user_copy.h"
#include "panic.h"
#include "sched/sched.h"
#include "sched/stack.h"

/* SDM vol. 3, 9.4.4.1: INIT, 10 ms, STARTUP, 200 us, STARTUP. */
#define INIT_WAIT_NS    10000000ull
#define STARTUP_WAIT_NS 200000ull
#define COME_WAIT_NS    10000000000ull
#define TRAMPOLINE_PAGE_SHIFT 12

enum { BOOT_IST_SIZE = 8192 };

static struct cpu boot_cpu;
static uint8_t boot_ist[IST_COUNT][BOOT_IST_SIZE] __attribute__((aligned(16)));

static struct {
    struct cpu *table[CPU_MAX]; /* [I] below count */
    uint32_t count;             /* [a] */
    bool stop;                  /* [a] */
} cpus;

uint32_t cpu_count(void)
{
    return __atomic_load_n(&cpus.count, __ATOMIC_ACQUIRE);
}

struct cpu *cpu_get(uint32_t index)
{
    return cpus.table[index];
}

static void cpu_add(struct cpu *cpu)
{
    cpu->self = cpu;
    cpu->index = cpus.count;
    cpus.table[cpus.count] = cpu;
    __atomic_store_n(&cpus.count, cpus.count + 1, __ATOMIC_RELEASE);
}

/* Write protection, no execution and no access of user pages in ring 0, and SYSCALL. */
static void control_registers_init(void)
{
    uint32_t regs[4];
    uint64_t cr4 = insn_read_cr4();

    insn_cpuid(CPUID_LEAF_FEATURES_7, 0, regs);
    if ((regs[1] & CPUID_7_EBX_SMEP) != 0)
        cr4 |= CR4_SMEP;
    if ((regs[1] & CPUID_7_EBX_SMAP) != 0)
        cr4 |= CR4_SMAP;
    user_copy_use_smap((regs[1] & CPUID_7_EBX_SMAP) != 0);
    insn_write_cr0(insn_read_cr0() | CR0_WP);
    insn_write_cr4(cr4 & ~(CR4_PGE | CR4_FSGSBASE)); /* ring 3 would choose what GS is in an NMI */
    fpu_init_cpu();
    insn_wrmsr(MSR_EFER, insn_rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    insn_wrmsr(MSR_STAR, (uint64_t)SELECTOR_KERNEL_DATA << STAR_SYSRET_CS_SHIFT |
                             (uint64_t)SELECTOR_KERNEL_CODE << STAR_SYSCALL_CS_SHIFT);
    insn_wrmsr(MSR_LSTAR, (uint64_t)(uintptr_t)syscall_entry);
    insn_wrmsr(MSR_SFMASK, SYSCALL_FLAGS_CLEARED);
}

void cpu_init_boot(void)
{
    uint64_t ist[IST_COUNT] = {0};

    for (unsigned i = IST_NONE + 1; i < IST_COUNT; i++)
        ist[i] = (uint64_t)(uintptr_t)boot_ist[i] + BOOT_IST_SIZE;
    boot_cpu.self = &boot_cpu;
    idt_init();
    descriptors_load(&boot_cpu.tables, (uint64_t)(uintptr_t)&boot_cpu, ist);
    control_registers_init();
    cpu_add(&boot_cpu);
    boot_cpu.online = true;
}

static bool ist_alloc(uint64_t ist[IST_COUNT])
{
    for (unsigned i = IST_NONE + 1; i < IST_COUNT; i++) {
        ist[i] = stack_alloc();
        if (ist[i] == 0)
            return false;
    }
    return true;
}

/* Whoever changes it from START_EXPECTED decides: the processor that it came, the bootstrap
 * processor that it waits no longer. */
enum start_state { START_EXPECTED, START_HERE, START_CANCELLED };

/* What a starting processor is handed. Freed when it has come, before it goes on. */
struct start_order {
    struct cpu *cpu;
    uint64_t ist[IST_COUNT];
    uint64_t tsc;           /* out: the processor's, when it came */
    enum start_state state; /* [a] */
};

static bool start_decide(struct start_order *order, enum start_state decision)
{
    enum start_state expected = START_EXPECTED;

    return __atomic_compare_exchange_n(&order->state, &expected, decision, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* A started processor's first C code, on its own stack and the firmware's tables. */
static void cpu_main(struct start_order *order)
{
    struct cpu *cpu = order->cpu;

    descriptors_load(&cpu->tables, (uint64_t)(uintptr_t)cpu, order->ist);
    insn_write_cr3(paging_kernel_root());
    control_registers_init();
    apic_init_cpu();
    cpu->apic_id = apic_id();
    order->tsc = insn_rdtsc();
    if (!start_decide(order, START_HERE))
        panic_halt();
    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) /* pairs with the release in cpu_go */
        insn_pause();
    sched_idle();
}

enum start_result {
    STARTED,
    ABSENT, /* it does not have the parameters, and will not */
    STUCK,  /* it has them, and may be reading them for ever */
};

/* Withdraw the offer, if it has not been taken. */
static bool offer_withdraw(struct trampoline_parameters *p, uint32_t apic_id)
{
    uint64_t offer = TRAMPOLINE_OFFER(apic_id);

    return __atomic_compare_exchange_n(&p->claim, &offer, 0, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

static enum start_result wait_for(struct start_order *order, struct trampoline_parameters *p,
                                  uint32_t apic_id)
{
    uint64_t end = time_now() + COME_WAIT_NS;

    while (__atomic_load_n(&order->state, __ATOMIC_ACQUIRE) != START_HERE && time_now() <= end)
        insn_pause();
    if (start_decide(order, START_CANCELLED))
        return offer_withdraw(p, apic_id) ? ABSENT : STUCK;
    return STARTED;
}

static void send_init(uint32_t apic_id)
{
    uint64_t flags = interrupts_off();

    apic_send(apic_id, APIC_DELIVERY_INIT | APIC_ICR_LEVEL_ASSERT);
    interrupts_restore(flags);
}

static void send_startup(uint32_t apic_id, uint64_t page)
{
    uint32_t vector = (uint32_t)(page >> TRAMPOLINE_PAGE_SHIFT);
    uint64_t flags = interrupts_off();

    send_init(apic_id);
    time_delay(INIT_WAIT_NS);
    apic_send(apic_id, APIC_DELIVERY_STARTUP | vector);
    time_delay(STARTUP_WAIT_NS);
    apic_send(apic_id, APIC_DELIVERY_STARTUP | vector);
    interrupts_restore(flags);
}

/* A struct cpu ready to be started with; NULL: no memory. */
static struct cpu *cpu_create(uint32_t apic_id, struct start_order *order, uint64_t *stack)
{
    struct cpu *cpu = kalloc(sizeof(*cpu));

    *stack = stack_alloc();
    if (cpu == NULL || order == NULL || *stack == 0 || !ist_alloc(order->ist))
        return NULL;
    cpu->apic_id = apic_id;
    cpu->index = cpus.count;
    cpu->self = cpu;
    if (!sched_init_cpu(cpu, *stack))
        return NULL;
    order->cpu = cpu;
    return cpu;
}

/* All CPUs must read the same time: a TSC that was not between ours before and after is off. */
static void tsc_check(const struct cpu *cpu, uint64_t before, uint64_t tsc)
{
    if (tsc < before || tsc > insn_rdtsc())
        log_print("cpu: CPU %u: its TSC differs, time is not the same on all CPUs", cpu->index);
}

/* It is one of us: let it go on. */
static void cpu_go(struct cpu *cpu)
{
    cpu_add(cpu);
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

/* What an absent or stuck one was given stays allocated: a late one is sent back to wait for a
 * start-up by INIT, or halts by itself. */
static enum start_result cpu_start(uint32_t apic_id, uint64_t page)
{
    struct trampoline_parameters *p =
        (struct trampoline_parameters *)((uint8_t *)phys_to_virt(page) +
                                         TRAMPOLINE_PARAMETERS_OFFSET);
    struct start_order *order = kalloc(sizeof(*order));
    uint64_t stack, before;
    struct cpu *cpu = cpu_create(apic_id, order, &stack);
    enum start_result result;

    if (cpu == NULL)
        return ABSENT;
    *p = (struct trampoline_parameters){
        .cr3 = paging_firmware_root(),
        .claim = TRAMPOLINE_OFFER(apic_id),
        .stack = stack,
        .entry = (uint64_t)(uintptr_t)cpu_main,
        .argument = (uint64_t)(uintptr_t)order,
    };
    if (provoke_late_cpu() && offer_withdraw(p, apic_id)) {
        send_startup(apic_id, page);
        return ABSENT;
    }
    before = insn_rdtsc();
    send_startup(apic_id, page);
    result = wait_for(order, p, apic_id);
    if (result != STARTED) {
        send_init(apic_id);
        return result;
    }
    tsc_check(cpu, before, order->tsc);
    kfree(order);
    cpu_go(cpu);
    return STARTED;
}

void cpu_start_others(const uint32_t *apic_ids, uint32_t count)
{
    uint64_t page = boot_memory_low_page();
    enum start_result result = STARTED;

    if (count > 1 && page == 0) {
        log_print("cpu: no memory below 640 KiB, the other processors stay off");
        return;
    }
    if (count > 1)
        memcpy(phys_to_virt(page), trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
    for (uint32_t i = 0; i < count && cpus.count < CPU_MAX && result != STUCK; i++) {
        if (apic_ids[i] == boot_cpu.apic_id)
            continue;
        result = cpu_start(apic_ids[i], page);
        if (result != STARTED)
            log_print("cpu: the processor with APIC ID %u does not start%s", apic_ids[i],
                      result == STUCK ? " to its end: those after it stay off" : "");
    }
}

void cpu_kick(struct cpu *cpu)
{
    uint64_t flags = interrupts_off();

    apic_send(cpu->apic_id, APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT | VECTOR_RESCHEDULE);
    interrupts_restore(flags);
}

void cpu_stop_others(void)
{
    __atomic_store_n(&cpus.stop, true, __ATOMIC_RELEASE);
    if (cpu_count() > 1)
        apic_send(0, APIC_ICR_SHORTHAND_OTHERS | APIC_ICR_LEVEL_ASSERT | APIC_DELIVERY_NMI);
}

bool cpu_stop_requested(void)
{
    return __atomic_load_n(&cpus.stop, __ATOMIC_ACQUIRE);
}
