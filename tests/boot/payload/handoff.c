/* SPDX-License-Identifier: MIT */
/* tests/boot/payload/handoff.c - stands in for the hypervisor and for root: checks that it was
 * entered as hvabi/boot.h promises, says so on COM1, and powers off through UEFI runtime services,
 * which proves that these still work.
 *
 * One line "PASS fact" or "FAIL fact" a check, "handoff: ..." for what the runner compares. */
#include <stdbool.h>
#include <hvabi/boot.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <x86/insn.h>

#define COM1             0x3f8
#define COM_STATUS       5 /* line status register */
#define COM_STATUS_EMPTY 0x20
#define EXIT_PORT        0xf4 /* QEMU's isa-debug-exit */
#define EXIT_FAILED      1

#define FLAG_INTERRUPT (1ull << 9)
#define RPL_MASK       3u
#define MSR_EFER       0xc0000080u
#define EFER_WANTED    (1ull << 8 | 1ull << 10 | 1ull << 11)             /* LME, LMA, NXE */
#define CR0_WANTED     (1ull << 0 | 1ull << 5 | 1ull << 16 | 1ull << 31) /* PE, NE, WP, PG */
#define CR4_WANTED     (1ull << 5 | 1ull << 9)                           /* PAE, OSFXSR */
#define PAGE_SIZE      4096ull
#define LARGE_PAGE     (2ull << 20)

/* APM vol. 2, 5.3 and 5.4: four levels of 512 entries. */
#define LEVEL_TOP     39u
#define LEVEL_LAST    12u
#define LEVEL_BITS    9u
#define LEVEL_INDEX   511u
#define ENTRY_PRESENT (1ull << 0)
#define ENTRY_WRITE   (1ull << 1)
#define ENTRY_LARGE   (1ull << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ull

#define EFI_RESET_SHUTDOWN 2

/* UEFI Specification 2.10, 4.3 and 4.5: only what is used here. */
struct efi_runtime {
    uint8_t header[24];
    void *services_before_reset[10];
    void (*reset_system)(uint32_t type, uint64_t status, uint64_t size, void *data)
        __attribute__((ms_abi));
};
ABI_OFFSET(struct efi_runtime, reset_system, 104);

struct efi_system {
    uint8_t header[24];
    uint8_t consoles[64];
    const struct efi_runtime *runtime;
};
ABI_OFFSET(struct efi_system, runtime, 88);

extern uint64_t entry_flags;
extern uint16_t entry_selectors[3];

/* Proves that initialised data and zeroed data are where they were linked. */
static volatile uint64_t initialised = BOOT_INFO_MAGIC;
static volatile uint64_t zeroed[1024];
static bool failed;

static void byte_put(uint8_t byte)
{
    while ((insn_in8(COM1 + COM_STATUS) & COM_STATUS_EMPTY) == 0)
        insn_pause();
    insn_out8(COM1, byte);
}

static void serial_put(void *context, char c)
{
    (void)context;
    if (c == '\n')
        byte_put('\r');
    byte_put((uint8_t)c);
}

static void print(const char *fmt, ...) FORMAT_PRINTF(1, 2);

static void print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    rt_vformat(serial_put, NULL, fmt, ap);
    va_end(ap);
}

static void check(bool ok, const char *fact)
{
    print("%s %s\n", ok ? "PASS" : "FAIL", fact);
    failed |= !ok;
}

static const void *pointer(uint64_t physical)
{
    return (const void *)(uintptr_t)physical;
}

static const struct boot_memory_range *ranges(const struct boot_info *b)
{
    return pointer(b->memory_map);
}

static uint64_t range_end(const struct boot_memory_range *r)
{
    return r->base + r->length;
}

static void check_processor(const struct boot_image *image)
{
    check((entry_flags & FLAG_INTERRUPT) == 0, "interrupts are off");
    check(((entry_selectors[0] | entry_selectors[1]) & RPL_MASK) == 0, "CPL is 0");
    check((insn_rdmsr(MSR_EFER) & EFER_WANTED) == EFER_WANTED, "EFER has LME, LMA, NXE");
    check((insn_read_cr0() & CR0_WANTED) == CR0_WANTED, "CR0 has PE, NE, WP, PG");
    check((insn_read_cr4() & CR4_WANTED) == CR4_WANTED, "CR4 has PAE, OSFXSR");
    check(insn_read_cr3() == image->cr3, "CR3 is the image's");
}

static void check_image(const struct boot_image *image)
{
    bool all_zero = true;
    uint64_t here = (uintptr_t)&initialised - image->virtual_base + image->physical_base;

    for (unsigned i = 0; i < sizeof(zeroed) / sizeof(zeroed[0]); i++)
        all_zero = all_zero && zeroed[i] == 0;
    check(initialised == BOOT_INFO_MAGIC, "initialised data is loaded");
    check(all_zero, "zeroed data is zero");
    check(*(const volatile uint64_t *)pointer(here) == BOOT_INFO_MAGIC,
          "the image is at its physical base");
    check(memcmp(pointer(image->file_base), "\177ELF", 4) == 0, "the ELF file is kept");
}

static void check_map_order(const struct boot_info *b)
{
    const struct boot_memory_range *r = ranges(b);
    bool ordered = b->memory_map_count != 0, whole = true;

    for (uint32_t i = 0; i < b->memory_map_count; i++) {
        ordered = ordered && (i == 0 || range_end(&r[i - 1]) <= r[i].base);
        whole = whole && (r[i].base | r[i].length) % PAGE_SIZE == 0 && r[i].length != 0;
    }
    check(ordered, "the memory map is sorted and does not overlap");
    check(whole, "the memory map has whole pages");
}

static bool is_ram(const struct boot_memory_range *r)
{
    return r->type != BOOT_MEMORY_RESERVED && r->type != BOOT_MEMORY_MMIO;
}

/* Walk the page tables, rather than touch the memory, which would make the host back all of it. */
static bool is_identity_mapped(uint64_t address)
{
    uint64_t table = insn_read_cr3() & ENTRY_ADDRESS;

    for (unsigned shift = LEVEL_TOP;; shift -= LEVEL_BITS) {
        uint64_t entry = ((const uint64_t *)pointer(table))[address >> shift & LEVEL_INDEX];
        uint64_t size = 1ull << shift;

        if ((entry & ENTRY_PRESENT) == 0 || (entry & ENTRY_WRITE) == 0)
            return false;
        if (shift != LEVEL_TOP && ((entry & ENTRY_LARGE) != 0 || shift == LEVEL_LAST))
            return (entry & ENTRY_ADDRESS & ~(size - 1)) == (address & ~(size - 1));
        table = entry & ENTRY_ADDRESS;
    }
}

static void check_identity(const struct boot_info *b)
{
    const struct boot_memory_range *r = ranges(b);
    bool inside = true, mapped = true;

    for (uint32_t i = 0; i < b->memory_map_count; i++)
        inside = inside && range_end(&r[i]) <= b->identity_size;
    for (uint64_t at = 0; at < b->identity_size; at += LARGE_PAGE)
        mapped = mapped && is_identity_mapped(at);
    check(inside, "the identity map covers the memory map");
    check(mapped, "memory is mapped one to one");
}

static bool map_says(const struct boot_info *b, uint64_t base, uint64_t length, uint32_t type)
{
    const struct boot_memory_range *r = ranges(b);

    for (uint32_t i = 0; i < b->memory_map_count; i++)
        if (r[i].type == type && r[i].base <= base && base + length <= range_end(&r[i]))
            return true;
    return false;
}

static void check_map_types(const struct boot_info *b)
{
    const struct boot_module *m = pointer(b->modules);

    check(map_says(b, (uintptr_t)b, sizeof(*b), BOOT_MEMORY_LOADER),
          "the map knows the hand-off structure");
    check(map_says(b, b->memory_map, b->memory_map_count * sizeof(*ranges(b)), BOOT_MEMORY_LOADER),
          "the map knows itself");
    check(map_says(b, b->root.physical_base, b->root.size, BOOT_MEMORY_ROOT_IMAGE),
          "the map knows root's image");
    check(map_says(b, b->root.file_base, b->root.file_size, BOOT_MEMORY_ROOT_IMAGE),
          "the map knows root's file");
    for (uint32_t i = 0; i < b->module_count; i++)
        check(map_says(b, m[i].base, m[i].size, BOOT_MEMORY_MODULE), "the map knows a module");
}

static void check_kept(const struct boot_info *b)
{
    const struct boot_image *h = &b->hypervisor;
    uint64_t used_end = b->kept_base + b->kept_used;

    check(b->kept_base % LARGE_PAGE == 0 && b->kept_size % LARGE_PAGE == 0,
          "the kept memory is aligned to 2 MiB");
    check(map_says(b, b->kept_base, b->kept_size, BOOT_MEMORY_HYPERVISOR),
          "the map knows the kept memory");
    check(h->physical_base == b->kept_base && h->file_base >= b->kept_base + h->size &&
              h->cr3 >= h->file_base + h->file_size && h->cr3 < used_end &&
              b->kept_used <= b->kept_size && b->kept_used % PAGE_SIZE == 0,
          "image, file and page tables are in the used part of the kept memory");
    print("handoff: kept %lu KiB, used %lu KiB\n", b->kept_size >> 10, b->kept_used >> 10);
}

static uint64_t module_sum(const struct boot_module *m)
{
    const uint8_t *at = pointer(m->base);
    uint64_t sum = 0;

    for (uint64_t i = 0; i < m->size; i++)
        sum += at[i];
    return sum;
}

static uint64_t ram_pages(const struct boot_info *b)
{
    const struct boot_memory_range *r = ranges(b);
    uint64_t pages = 0;

    for (uint32_t i = 0; i < b->memory_map_count; i++)
        if (is_ram(&r[i]))
            pages += r[i].length / PAGE_SIZE;
    return pages;
}

static void report(const struct boot_info *b)
{
    const struct boot_module *m = pointer(b->modules);
    const uint32_t *ids = pointer(b->lp_apic_ids);

    print("handoff: launch %u, version %u, size %u\n", b->launch, b->version, b->size);
    print("handoff: RAM %lu pages\n", ram_pages(b));
    print("handoff: LPs %u, APIC IDs", b->lp_count);
    for (uint32_t i = 0; i < b->lp_count; i++)
        print(" %u", ids[i]);
    print("\nhandoff: RSDP %.8s\n", (const char *)pointer(b->acpi_rsdp));
    print("handoff: frame buffer %ux%u format %u\n", b->framebuffer.width, b->framebuffer.height,
          b->framebuffer.format);
    for (uint32_t i = 0; i < b->module_count; i++)
        print("handoff: module %s, %lu bytes, sum %lu\n", m[i].name, m[i].size, module_sum(&m[i]));
    print("handoff: options\n%shandoff: end of options\n", (const char *)pointer(b->options));
}

static void shut_down(const struct boot_info *b)
{
    const struct efi_system *system = pointer(b->efi_system_table);

    print("handoff: done\n");
    if (failed)
        insn_out8(EXIT_PORT, EXIT_FAILED);
    system->runtime->reset_system(EFI_RESET_SHUTDOWN, 0, 0, NULL);
}

void payload_main(const struct boot_info *b);

void payload_main(const struct boot_info *b)
{
    bool launched = b->launch == BOOT_LAUNCH_HYPERVISOR;
    bool is_root = insn_read_cr3() == b->root.cr3;
    const struct boot_image *self = is_root ? &b->root : &b->hypervisor;

    print("handoff: entered as %s\n", is_root ? "root" : "hypervisor");

    check(b->magic == BOOT_INFO_MAGIC, "the magic number is right");
    check(b->version == BOOT_INFO_VERSION && b->size == sizeof(*b), "version and size are right");
    check_processor(self);
    check_image(self);
    check_map_order(b);
    check_map_types(b);
    if (launched)
        check_kept(b);
    else
        check(b->kept_size == 0 && b->hypervisor.size == 0, "nothing is kept");
    check_identity(b);
    report(b);
    shut_down(b);
}
