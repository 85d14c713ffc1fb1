/* SPDX-License-Identifier: MIT */
/* fakes/fake_mm.c - see fakes/fake_mm.h. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier) */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <core/spinlock.h>
#include <debug/log.h>
#include <fake_mm.h>
#include <mm/pfn.h>
#include <mm/phys.h>

unsigned char *fake_ram;
static jmp_buf panic_jump;
static bool panic_armed;

const struct boot_memory_range fake_map[] = {
    {.base = 0, .length = 0xa0000, .type = BOOT_MEMORY_USABLE},
    {.base = 0xa0000, .length = 0x60000, .type = BOOT_MEMORY_RESERVED},
    {.base = MIB, .length = KEPT_BASE - MIB, .type = BOOT_MEMORY_USABLE},
    {.base = KEPT_BASE, .length = KEPT_SIZE, .type = BOOT_MEMORY_HYPERVISOR},
    {.base = 96 * MIB, .length = 32 * MIB, .type = BOOT_MEMORY_LOADER},
    {.base = 128 * MIB, .length = 3 * GIB - 144 * MIB, .type = BOOT_MEMORY_USABLE},
    {.base = 3 * GIB - 16 * MIB, .length = 8 * MIB, .type = BOOT_MEMORY_RUNTIME_DATA},
    {.base = 3 * GIB - 8 * MIB, .length = 8 * MIB, .type = BOOT_MEMORY_ACPI_RECLAIM},
    {.base = 4 * GIB, .length = 2 * GIB, .type = BOOT_MEMORY_USABLE},
};
const uint32_t fake_map_count = ARRAY_SIZE(fake_map);

void fake_ram_init(void)
{
    void *p;

    if (fake_ram != NULL)
        munmap(fake_ram, FAKE_RAM_SIZE);
    p = mmap(NULL, FAKE_RAM_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    fake_ram = p;
}

void *hpa_ptr(hpa_t a)
{
    if (fake_ram == NULL || a.v >= FAKE_RAM_SIZE)
        abort();
    return fake_ram + a.v;
}

hpa_t ptr_hpa(const void *p)
{
    return hpa((uint64_t)((const unsigned char *)p - fake_ram));
}

void fake_machine_init(struct pool *root_pool)
{
    fake_ram_init();
    if (pfn_table_size(fake_map, fake_map_count) > KEPT_SIZE - 8 * MIB)
        abort();
    pfn_init(fake_map, fake_map_count, hpa(KEPT_BASE), KEPT_SIZE, hpa_ptr(hpa(KEPT_BASE)));
    pool_init(root_pool, 0);
    pool_take_kept(root_pool, hpa(KEPT_BASE + KEPT_SIZE - 8 * MIB), 8 * MIB);
}

void fake_pool_fill(struct pool *p, uint64_t at, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        hpa_t page = hpa(at + i * PAGE_SIZE);

        if (pfn_deposit(page, p->slot) != 0)
            abort();
        pool_deposit_page(p, page);
    }
}

/* xorshift64*, Vigna 2016 */
uint64_t fake_random(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 0x2545f4914f6cdd1dull >> 32) % below;
}

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    panic("spinlock %p never comes to ticket %u", (void *)l, ticket);
}

void hv_log(const char *fmt, ...)
{
    (void)fmt;
}

jmp_buf *fake_panic_arm(void)
{
    panic_armed = true;
    return &panic_jump;
}

bool fake_panic_disarm(void)
{
    panic_armed = false;
    return false;
}

void panic(const char *fmt, ...)
{
    va_list ap;

    if (panic_armed) {
        panic_armed = false;
        longjmp(panic_jump, 1);
    }
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}
