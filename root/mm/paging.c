/* SPDX-License-Identifier: MIT */
/* root/mm/paging.c - see paging.h. */
#include <x86/cpuid.h>
#include <x86/insn.h>
#include "image.h"
#include "log.h"
#include "mm/boot_memory.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "sched/thread.h"

#define FOUR_GIB  0x100000000ull

static struct {
    struct spinlock lock;
    uint64_t root;            /* [I] */
    uint64_t firmware_root;   /* [I] */
    uint64_t image_physical;  /* [I] */
    uint64_t mmio_next;       /* [lock] */
    bool has_1g;              /* [I] */
    bool has_page_allocator;  /* [I] */
} paging = {.mmio_next = KERNEL_MMIO_BASE};

uint64_t pt_table_alloc(void)
{
    uint64_t page;

    if (!paging.has_page_allocator)
        return boot_memory_take(1);
    page = page_alloc(0);
    if (page != 0)
        page_zero(page, 0);
    return page;
}

/* Map [@va, @va + @size) to @physical with the largest pages that fit. Bring-up only. */
static void map_range(uint64_t root, uint64_t va, uint64_t physical, uint64_t size, uint64_t flags)
{
    while (size != 0) {
        unsigned level = paging.has_1g ? PT_LEVEL_1G : PT_LEVEL_2M;
        uint64_t *entry;

        while (level > PT_LEVEL_4K &&
               ((va | physical) % pt_level_size(level) != 0 || size < pt_level_size(level)))
            level--;
        entry = pt_entry(root, va, level, true);
        *entry = physical | flags | PTE_P | (level > PT_LEVEL_4K ? PTE_PS : 0);
        va += pt_level_size(level);
        physical += pt_level_size(level);
        size -= pt_level_size(level);
    }
}

/* Neighbouring RAM ranges are mapped as one, so that large pages fit. */
static void map_ram(const struct boot_info *info)
{
    const struct boot_memory_range *map =
        (const struct boot_memory_range *)(uintptr_t)info->memory_map;

    for (uint32_t i = 0; i < info->memory_map_count;) {
        uint64_t begin = map[i].base, end = begin;

        while (i < info->memory_map_count && map[i].base == end && boot_memory_is_ram(map[i].type))
            end += map[i++].length;
        if (end == begin)
            i++;
        else if (end <= DIRECT_MAP_SIZE)
            map_range(paging.root, DIRECT_MAP_BASE + begin, begin, end - begin, PTE_RW | PTE_NX);
    }
}

static void map_image_part(const uint8_t *begin, const uint8_t *end, uint64_t flags)
{
    uint64_t va = (uint64_t)(uintptr_t)begin;

    map_range(paging.root, va, paging.image_physical + (va - IMAGE_VIRTUAL_BASE),
              (uint64_t)(end - begin), flags);
}

/* Everything below the end of RAM, and at least 4 GiB, one to one and executable: the firmware's
 * runtime services and the other processors' start code run in it, nothing else does. */
static void map_firmware(const struct boot_info *info)
{
    const struct boot_memory_range *map =
        (const struct boot_memory_range *)(uintptr_t)info->memory_map;
    uint64_t end = FOUR_GIB, step = pt_level_size(paging.has_1g ? PT_LEVEL_1G : PT_LEVEL_2M);

    for (uint32_t i = 0; i < info->memory_map_count; i++)
        if (boot_memory_is_ram(map[i].type) && map[i].base + map[i].length > end)
            end = map[i].base + map[i].length;
    map_range(paging.firmware_root, 0, 0, (end + step - 1) / step * step, PTE_RW);
}

/* Give every upper-half top-level entry that is used its table now. */
static void share_upper_half(void)
{
    uint64_t *from = boot_memory_access(paging.root);
    uint64_t *to = boot_memory_access(paging.firmware_root);

    pt_entry(paging.root, KERNEL_STACKS_BASE, PT_LEVEL_1G, true);
    pt_entry(paging.root, KERNEL_MMIO_BASE, PT_LEVEL_1G, true);
    pt_entry(paging.root, KERNEL_ALIAS_BASE, PT_LEVEL_1G, true);
    pt_entry(paging.root, KERNEL_HYPERCALL_PAGE, PT_LEVEL_1G, true);
    for (unsigned i = PTE_PER_TABLE / 2; i < PTE_PER_TABLE; i++)
        to[i] = from[i];
}

static bool cpu_has_1g_pages(void)
{
    uint32_t regs[4];

    insn_cpuid(CPUID_LEAF_EXT_FEATURES, 0, regs);
    return (regs[3] & CPUID_80000001_EDX_PAGE1GB) != 0;
}

void paging_init(const struct boot_info *info)
{
    paging.has_1g = cpu_has_1g_pages();
    paging.image_physical = info->root.physical_base;
    paging.root = boot_memory_take(1);
    paging.firmware_root = boot_memory_take(1);
    map_ram(info);
    map_image_part(image_start, image_rodata, 0);
    map_image_part(image_rodata, image_data, PTE_NX);
    map_image_part(image_data, image_end, PTE_RW | PTE_NX);
    map_firmware(info);
    share_upper_half();
    insn_write_cr3(paging.root);
    boot_memory_use_direct_map();
}

void paging_use_page_allocator(void)
{
    paging.has_page_allocator = true;
}

bool kernel_map(uint64_t va, uint64_t physical, uint64_t flags)
{
    uint64_t lock_flags = spin_lock(&paging.lock);
    uint64_t *entry = pt_entry(paging.root, va, PT_LEVEL_4K, true);

    if (entry != NULL)
        *entry = physical | flags | PTE_P;
    spin_unlock(&paging.lock, lock_flags);
    return entry != NULL;
}

void kernel_unmap(uint64_t va)
{
    uint64_t lock_flags = spin_lock(&paging.lock);

    *pt_entry(paging.root, va, PT_LEVEL_4K, false) = 0;
    spin_unlock(&paging.lock, lock_flags);
}

static uint64_t mmio_reserve(uint64_t size)
{
    uint64_t flags = spin_lock(&paging.lock);
    uint64_t va = paging.mmio_next;

    paging.mmio_next += size + PAGE_SIZE; /* an unmapped page between any two */
    spin_unlock(&paging.lock, flags);
    return va;
}

volatile void *mmio_map(uint64_t physical, size_t size)
{
    uint64_t offset = physical % PAGE_SIZE;
    uint64_t length = (offset + size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    uint64_t va = mmio_reserve(length);

    for (uint64_t at = 0; at < length; at += PAGE_SIZE)
        if (!kernel_map(va + at, physical - offset + at,
                        PTE_RW | PTE_NX | PTE_PCD | PTE_PWT))
            return NULL;
    return (volatile void *)(uintptr_t)(va + offset);
}

uint64_t paging_kernel_root(void)
{
    return paging.root;
}

uint64_t paging_firmware_root(void)
{
    return paging.firmware_root;
}

uint64_t paging_new_root(void)
{
    uint64_t root = page_alloc(0);
    const uint64_t *from = phys_to_virt(paging.root);
    uint64_t *to;

    if (root == 0)
        return 0;
    page_zero(root, 0);
    to = phys_to_virt(root);
    for (unsigned i = PTE_PER_TABLE / 2; i < PTE_PER_TABLE; i++)
        to[i] = from[i];
    return root;
}

void *phys_to_virt(uint64_t physical)
{
    return (void *)(uintptr_t)(DIRECT_MAP_BASE + physical);
}

uint64_t virt_to_phys(const void *address)
{
    uint64_t va = (uint64_t)(uintptr_t)address;

    if (va >= IMAGE_VIRTUAL_BASE)
        return va - IMAGE_VIRTUAL_BASE + paging.image_physical;
    BUG_ON(va < DIRECT_MAP_BASE || va >= DIRECT_MAP_BASE + DIRECT_MAP_SIZE);
    return va - DIRECT_MAP_BASE;
}
