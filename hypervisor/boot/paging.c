/* SPDX-License-Identifier: MIT */
/* boot/paging.c - see boot/paging.h. */
#include "boot/paging.h"

#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include <x86/pte.h>
#include "boot/kept.h"
#include "core/pcpu.h"
#include "debug/log.h"
#include "mm/phys.h"

/* Laid out by hypervisor.ld. */
extern const char image_start[], text_start[], text_end[], data_start[], image_end[];
extern const char boot_stack[], boot_stack_top[]; /* boot/entry.asm */

static struct {
    uint64_t root;   /* physical address of the PML4; 0: not built */
    bool loaded;
    bool gigabyte_pages;
} paging;

void *paging_boot_ptr(uint64_t physical)
{
    return paging.loaded ? hpa_ptr(hpa(physical)) : (void *)physical;
}

/* The entry for @va at @level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB), tables above it made as needed. */
static uint64_t *entry_for(uint64_t va, unsigned level)
{
    uint64_t *table = paging_boot_ptr(paging.root);

    for (unsigned at = 4; at > level; at--) {
        uint64_t *e = &table[pte_index(va, at)];
        if (!(*e & PTE_P))
            *e = kept_alloc(PAGE_SIZE).v | PTE_P | PTE_RW;
        table = paging_boot_ptr(*e & PTE_ADDR_MASK);
    }
    return &table[pte_index(va, level)];
}

static void map(uint64_t va, uint64_t physical, uint64_t size, uint64_t flags)
{
    for (uint64_t at = 0; at < size; at += PAGE_SIZE)
        *entry_for(va + at, 1) = (physical + at) | flags | PTE_P;
}

static void map_direct(uint64_t top)
{
    unsigned level = paging.gigabyte_pages ? 3 : 2;
    uint64_t step = paging.gigabyte_pages ? PAGE_SIZE_1G : PAGE_SIZE_2M;

    for (uint64_t at = 0; at < top; at += step)
        *entry_for(HV_DIRECT_MAP + at, level) = at | PTE_P | PTE_RW | PTE_PS | PTE_NX;
}

static void map_image(const struct boot_image *image)
{
    uint64_t start = (uint64_t)image_start;

    for (uint64_t va = start; va < (uint64_t)image_end; va += PAGE_SIZE) {
        uint64_t flags = PTE_NX;
        if (va >= (uint64_t)text_start && va < (uint64_t)text_end)
            flags = 0;
        else if (va >= (uint64_t)data_start)
            flags = PTE_NX | PTE_RW;
        map(va, image->physical_base + (va - start), PAGE_SIZE, flags);
    }
}

void paging_init(const struct boot_info *info)
{
    const struct boot_memory_range *ranges = (const void *)info->memory_map;
    uint64_t top = 1ull << 32;
    uint32_t r[4];

    for (uint32_t i = 0; i < info->memory_map_count; i++)
        if (ranges[i].type != BOOT_MEMORY_MMIO && ranges[i].base + ranges[i].length > top)
            top = ranges[i].base + ranges[i].length;
    insn_cpuid(CPUID_LEAF_EXT_FEATURES, 0, r);
    paging.gigabyte_pages = r[3] & CPUID_80000001_EDX_PAGE1GB;
    paging.root = kept_alloc(PAGE_SIZE).v;
    map_direct(top);
    map_image(&info->hypervisor);
    map(HV_MMIO, insn_rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_ADDR_MASK, PAGE_SIZE,
        PTE_RW | PTE_PCD | PTE_PWT | PTE_NX);
    insn_write_cr3(paging.root);
    paging.loaded = true;
}

uint64_t paging_cr3(void)
{
    return paging.root;
}

static uint64_t stack_size(unsigned which)
{
    return which == 0 ? HV_STACK_SIZE : HV_IST_STACK_SIZE;
}

uint64_t paging_stack_top(uint32_t index, unsigned which)
{
    uint64_t top = HV_STACKS + index * HV_STACK_SLOT;

    for (unsigned i = 0; i <= which; i++)
        top += PAGE_SIZE + stack_size(i);
    return top;
}

bool paging_is_stack(uint32_t index, uint64_t va, uint64_t size)
{
    uint64_t boot_bottom = (uint64_t)boot_stack, boot_top = (uint64_t)boot_stack_top;

    for (unsigned which = 0; which <= HV_IST_COUNT; which++) {
        uint64_t top = paging_stack_top(index, which);
        if (va >= top - stack_size(which) && va <= top - size)
            return true;
    }
    return va >= boot_bottom && va <= boot_top - size;
}

bool paging_is_stack_guard(uint64_t va)
{
    uint64_t slot = (va - HV_STACKS) / HV_STACK_SLOT;

    return va >= HV_STACKS && slot < LP_MAX && !paging_is_stack((uint32_t)slot, va, 1);
}

void paging_map_stacks(uint32_t index)
{
    for (unsigned which = 0; which <= HV_IST_COUNT; which++) {
        uint64_t size = stack_size(which);
        map(paging_stack_top(index, which) - size, kept_alloc(size).v, size, PTE_RW | PTE_NX);
    }
}
