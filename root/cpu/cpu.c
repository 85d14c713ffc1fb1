/* SPDX-License-Identifier: MIT */
/* root/cpu/cpu.c - the processors: bring-up of each, the list of all, and asking them for things. */
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/msr.h>
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
#include "sched/sched.h"
#include "sched/stack.h"

/* SDM vol. 3, 9.4.4.1: INIT, 10 ms, STARTUP, 200 us, STARTUP. */
#define INIT_WAIT_NS    10000000ull
#define STARTUP_WAIT_NS 200000ull
#define ONLINE_WAIT_NS  1000000000ull
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
    insn_write_cr4(cr4 & ~CR4_PGE);
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

/* What a starting processor is handed. */
struct start_order {
    struct cpu *cpu;
    uint64_t ist[IST_COUNT];
    uint64_t tsc; /* out: the processor's, when it came */
};

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
    /* pairs with the acquire in wait_online */
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
    sched_idle();
}

static bool wait_online(const struct cpu *cpu)
{
    uint64_t end = time_now() + ONLINE_WAIT_NS;

    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
        if (time_now() > end)
            return false;
        insn_pause();
    }
    return true;
}

static void send_startup(uint32_t apic_id, uint64_t page)
{
    uint32_t vector = (uint32_t)(page >> TRAMPOLINE_PAGE_SHIFT);
    uint64_t flags = interrupts_off();

    apic_send(apic_id, APIC_DELIVERY_INIT | APIC_ICR_LEVEL_ASSERT);
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

static bool cpu_start(uint32_t apic_id, uint64_t page)
{
    struct trampoline_parameters *p =
        (struct trampoline_parameters *)((uint8_t *)phys_to_virt(page) +
                                         TRAMPOLINE_PARAMETERS_OFFSET);
    struct start_order *order = kalloc(sizeof(*order));
    uint64_t stack, before;
    struct cpu *cpu = cpu_create(apic_id, order, &stack);

    if (cpu == NULL)
        return false;
    *p = (struct trampoline_parameters){
        .cr3 = paging_firmware_root(),
        .stack = stack,
        .entry = (uint64_t)(uintptr_t)cpu_main,
        .argument = (uint64_t)(uintptr_t)order,
    };
    before = insn_rdtsc();
    send_startup(apic_id, page);
    if (!wait_online(cpu))
        return false; /* its memory stays allocated: it may still come and use it */
    tsc_check(cpu, before, order->tsc);
    cpu_add(cpu);
    kfree(order);
    return true;
}

void cpu_start_others(const uint32_t *apic_ids, uint32_t count)
{
    uint64_t page = boot_memory_low_page();

    if (count > 1 && page == 0) {
        log_print("cpu: no memory below 640 KiB, the other processors stay off");
        return;
    }
    if (count > 1)
        memcpy(phys_to_virt(page), trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
    for (uint32_t i = 0; i < count && cpus.count < CPU_MAX; i++)
        if (apic_ids[i] != boot_cpu.apic_id && !cpu_start(apic_ids[i], page))
            log_print("cpu: the processor with APIC ID %u does not start", apic_ids[i]);
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
