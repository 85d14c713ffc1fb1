/* SPDX-License-Identifier: MIT */
/* root/io/irq.c - vectors and their handlers; see irq.h. A vector belongs to one CPU. */
#include <stddef.h>
#include <x86/insn.h>
#include "cpu/cpu.h"
#include "cpu/trap.h"
#include "io/acpi.h"
#include "io/ioapic.h"
#include "io/irq.h"
#include "io/irq_entry.h"
#include "log.h"
#include "sched/thread.h"

/* 8259 data ports: the mask registers (Intel 8259A data sheet). */
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK  0xa1
#define PIC_MASK_ALL    0xff

/* SDM vol. 3, 11.11.1 and 2: message signalled interrupts. */
#define MSI_ADDRESS                   0xfee00000ull
#define MSI_ADDRESS_DESTINATION_SHIFT 12
/* IOAPICs and MSIs name their destination in 8 bits, of which 255 means everybody. */
#define DESTINATION_MAX 254u

static struct spinlock vectors_lock; /* guards struct cpu.irqs against other allocations */

void irq_init(void)
{
    insn_out8(PIC_MASTER_MASK, PIC_MASK_ALL);
    insn_out8(PIC_SLAVE_MASK, PIC_MASK_ALL);
    ioapic_init();
}

/* The slot of a vector of @cpu that is free; 0: none. */
static unsigned free_vector_locked(const struct cpu *cpu)
{
    for (unsigned v = VECTOR_DEVICE_FIRST; v <= VECTOR_DEVICE_LAST; v++)
        if (cpu->irqs[v] == NULL)
            return v;
    return 0;
}

bool irq_alloc(struct irq *irq, uint32_t cpu, irq_handler handler, void *context)
{
    struct cpu *target = cpu < cpu_count() ? cpu_get(cpu) : NULL;
    unsigned vector;
    uint64_t flags;

    if (target == NULL || target->apic_id > DESTINATION_MAX)
        return false;
    flags = spin_lock(&vectors_lock);
    vector = free_vector_locked(target);
    *irq = (struct irq){
        .vector = (uint8_t)vector, .cpu = cpu, .handler = handler, .context = context};
    if (vector != 0)
        __atomic_store_n(&target->irqs[vector], irq, __ATOMIC_RELEASE);
    spin_unlock(&vectors_lock, flags);
    return vector != 0;
}

void irq_free(struct irq *irq)
{
    struct cpu *cpu = cpu_get(irq->cpu);

    __atomic_store_n(&cpu->irqs[irq->vector], NULL, __ATOMIC_SEQ_CST);
    /* The handler may be running there; from its own CPU that cannot be seen. */
    while (__atomic_load_n(&cpu->active_vector, __ATOMIC_SEQ_CST) == irq->vector)
        insn_pause();
}

bool irq_dispatch(struct cpu *cpu, unsigned vector)
{
    bool owed = true;
    struct irq *irq;

    __atomic_store_n(&cpu->active_vector, vector, __ATOMIC_SEQ_CST);
    irq = __atomic_load_n(&cpu->irqs[vector], __ATOMIC_SEQ_CST);
    if (irq != NULL) {
        __atomic_store_n(&irq->count, irq->count + 1, __ATOMIC_RELAXED);
        owed = !irq->auto_eoi;
        irq->handler(irq->context);
    }
    __atomic_store_n(&cpu->active_vector, 0, __ATOMIC_RELEASE);
    return owed;
}

uint64_t irq_msi_address(const struct irq *irq)
{
    return MSI_ADDRESS | (uint64_t)cpu_get(irq->cpu)->apic_id << MSI_ADDRESS_DESTINATION_SHIFT;
}

uint32_t irq_msi_data(const struct irq *irq)
{
    return irq->vector; /* fixed delivery, edge */
}

bool irq_route_gsi(struct irq *irq, uint32_t gsi, bool level, bool active_low)
{
    return ioapic_route(gsi, irq->vector, cpu_get(irq->cpu)->apic_id, level, active_low);
}

bool irq_route_isa(struct irq *irq, uint8_t isa_irq)
{
    const struct acpi_madt_info *madt = acpi_madt();

    for (uint32_t i = 0; madt != NULL && i < madt->override_count; i++) {
        const struct acpi_madt_override *o = &madt->overrides[i];

        if (o->isa_irq == isa_irq)
            return irq_route_gsi(irq, o->gsi, o->level, o->active_low);
    }
    return irq_route_gsi(irq, isa_irq, false, false);
}
