/* SPDX-License-Identifier: MIT */
/* boot/smp.c - start the other logical processors, one after the other. SDM vol. 3A, 9.4.4. */
#include "boot/smp.h"

#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include "boot/kept.h"
#include "boot/paging.h"
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/timer.h"
#include "debug/log.h"
#include "mm/phys.h"

extern const char trampoline_start[], trampoline_end[], trampoline_data[];

/* At the end of boot/trampoline.asm. */
struct trampoline_data {
    uint64_t cr3;   /* below 4 GiB, maps the trampoline one to one and the hypervisor */
    uint64_t stack;
    uint64_t entry;
    uint64_t cr4;
    uint64_t argument;
};

#define LOW_MEMORY_END   0xa0000ull
#define LOW_MEMORY_START 0x1000ull
#define START_TIMEOUT_MS 10000u

/* Two free pages below 1 MiB; they are root's, free RAM, and root does not run yet. */
static uint64_t find_low_pages(const struct boot_info *info)
{
    const struct boot_memory_range *r = hpa_ptr(hpa(info->memory_map));

    for (uint32_t i = 0; i < info->memory_map_count; i++) {
        uint64_t base = r[i].base < LOW_MEMORY_START ? LOW_MEMORY_START : r[i].base;
        uint64_t end = r[i].base + r[i].length;
        if (end > LOW_MEMORY_END)
            end = LOW_MEMORY_END;
        if (r[i].type == BOOT_MEMORY_USABLE && end > base && end - base >= 2 * PAGE_SIZE)
            return base;
    }
    return 0;
}

/* The hypervisor's PML4 with the loader's one-to-one mapping of low memory beside it. */
static void make_low_pml4(uint64_t at, const struct boot_info *info)
{
    uint64_t *pml4 = hpa_ptr(hpa(at));
    const uint64_t *loader = hpa_ptr(hpa(info->hypervisor.cr3 & PTE_ADDR_MASK));

    memcpy(pml4, hpa_ptr(hpa(paging_cr3())), PAGE_SIZE);
    pml4[0] = loader[0];
}

static bool wait_for(const uint32_t *started, uint32_t count)
{
    uint64_t end = insn_rdtsc() + tsc_hz / 1000 * START_TIMEOUT_MS;

    while (__atomic_load_n(started, __ATOMIC_ACQUIRE) != count) {
        if (insn_rdtsc() > end)
            return false;
        insn_pause();
    }
    return true;
}

static void delay_us(uint64_t us)
{
    uint64_t end = insn_rdtsc() + tsc_hz / 1000000 * us;

    while (insn_rdtsc() < end)
        insn_pause();
}

uint32_t smp_started = 1;

void smp_start(const struct boot_info *info, void (*entry)(struct pcpu *), void (*started)(uint32_t))
{
    uint64_t page = find_low_pages(info);
    const uint32_t *ids = hpa_ptr(hpa(info->lp_apic_ids));
    size_t size = (size_t)(trampoline_end - trampoline_start);

    if (info->lp_count < 2)
        return;
    if (page == 0)
        panic("no two free pages below 640 KiB to start the other processors from");
    make_low_pml4(page + PAGE_SIZE, info);
    memcpy(hpa_ptr(hpa(page)), trampoline_start, size);
    struct trampoline_data *data =
        hpa_ptr(hpa(page + (uint64_t)(trampoline_data - trampoline_start)));
    for (uint32_t i = 1; i < lp_count; i++) {
        *data = (struct trampoline_data){
            .cr3 = page + PAGE_SIZE,
            .stack = lp_table[i]->stack_top,
            .entry = (uint64_t)entry,
            .cr4 = insn_read_cr4() & ~(CR4_SMEP | CR4_SMAP), /* not with the firmware's tables */
            .argument = (uint64_t)lp_table[i],
        };
        lapic_physical_ipi(ids[i], APIC_DELIVERY_INIT | APIC_ICR_LEVEL_ASSERT);
        delay_us(10000);
        for (int k = 0; k < 2; k++) {
            lapic_physical_ipi(ids[i], APIC_DELIVERY_STARTUP | APIC_ICR_LEVEL_ASSERT |
                                           (uint32_t)(page >> 12));
            delay_us(200);
        }
        if (!wait_for(&smp_started, i + 1))
            panic("LP %u (APIC id %u) did not start within %u ms", i, ids[i], START_TIMEOUT_MS);
        started(i);
    }
    memset(hpa_ptr(hpa(page)), 0, 2 * PAGE_SIZE);
}
