/* SPDX-License-Identifier: MIT */
/* vmwp/boot/linux.c - see linux.h. */
#include <string.h>
#include <x86/cr.h>
#include <x86/pte.h>
#include "vmwp/boot/bzimage.h"
#include "vmwp/boot/e820.h"
#include "vmwp/boot/linux.h"

#define MIB (1ull << 20)

/* Identity-mapped by page tables: all that the protocol asks for, and what is below 4 GiB. */
enum { MAPPED_GIB = 4 };

/* The kernel, as far as its header has been found good. */
struct kernel {
    struct setup_header setup;
    const uint8_t *code; /* what runs in protected mode */
    uint64_t code_size;
    uint64_t load; /* where it goes */
    uint64_t end;  /* up to where it needs memory there */
};

static uint64_t mib_up(uint64_t bytes)
{
    return bytes / MIB + (bytes % MIB != 0);
}

/* What the file is, if it is no bzImage at all. */
static const char *other_kind(const struct boot_file *file)
{
    if (boot_is_elf(file))
        return "is an ELF file, not a bzImage: give arch/x86/boot/bzImage, not vmlinux";
    if (file->size >= 2 && file->bytes[0] == 0x1f && file->bytes[1] == 0x8b)
        return "is a gzip file, not a bzImage: is it the initrd?";
    return "is not a bzImage: it has no Linux setup header";
}

static bool header_copy(const struct boot_file *file, struct setup_header *setup,
                        struct boot_error *error)
{
    if (!boot_inside(file, SETUP_HEADER_OFFSET, sizeof(*setup)))
        return boot_refuse(error, "%s", other_kind(file));
    memcpy(setup, file->bytes + SETUP_HEADER_OFFSET, sizeof(*setup));
    if (setup->boot_flag != SETUP_BOOT_FLAG || setup->header != SETUP_MAGIC)
        return boot_refuse(error, "%s", other_kind(file));
    return true;
}

static bool header_check(const struct setup_header *setup, struct boot_error *error)
{
    if (setup->version < SETUP_VERSION_MIN)
        return boot_refuse(error,
                           "is too old: it has boot protocol %u.%02u, and 2.12 is needed "
                           "(Linux 3.8 or later)",
                           setup->version >> 8, setup->version & 0xffu);
    if (!(setup->loadflags & SETUP_LOADED_HIGH))
        return boot_refuse(error, "is a zImage, not a bzImage");
    if (!(setup->xloadflags & SETUP_KERNEL_64))
        return boot_refuse(error, "has no 64-bit entry point: is it a 32-bit kernel?");
    return true;
}

/* Find the kernel's code in the file: the rest of it, of which the header says how much there is.
 */
static bool code_find(const struct boot_file *file, struct kernel *k, struct boot_error *error)
{
    uint64_t sectors = k->setup.setup_sects != 0 ? k->setup.setup_sects : SETUP_SECTS_DEFAULT;
    uint64_t offset = (sectors + 1) * SETUP_SECTOR;
    uint64_t size = (uint64_t)k->setup.syssize * SETUP_SYSSIZE_UNIT;

    if (!boot_inside(file, offset, size))
        return boot_refuse(error, "is cut short: %llu bytes are there, of %llu",
                           (unsigned long long)file->size, (unsigned long long)(offset + size));
    k->code = file->bytes + offset;
    k->code_size = file->size - offset;
    if (k->code_size <= SETUP_ENTRY_64)
        return boot_refuse(error, "has no code behind its setup header");
    return true;
}

/* The decompressor wants to work where the kernel will run, whatever the place it is started at. */
static bool place_check(const struct guest_ram *ram, struct kernel *k, struct boot_error *error)
{
    uint64_t need = k->setup.init_size > k->code_size ? k->setup.init_size : k->code_size;

    k->load = k->setup.pref_address;
    if (k->load < BOOT_IMAGE_GPA || k->load % PAGE_SIZE != 0 || k->load >= GUEST_RAM_LOW_MAX)
        return boot_refuse(error, "wants to be loaded at 0x%llx, which cannot be",
                           (unsigned long long)k->load);
    if (ram_at(ram, k->load, need) == NULL)
        return boot_refuse(error,
                           "needs %llu MiB of memory to unpack itself, and the child has %llu "
                           "MiB%s: give it more",
                           (unsigned long long)mib_up(k->load + need),
                           (unsigned long long)(ram->low_bytes / MIB),
                           ram->high_bytes != 0 ? " below 3 GiB" : "");
    k->end = k->load + need;
    return true;
}

/* As high as it goes, and the kernel takes it; 0: it does not fit. */
static uint64_t initrd_place(const struct guest_ram *ram, const struct kernel *k, uint64_t size)
{
    uint64_t limit = (uint64_t)k->setup.initrd_addr_max + 1;
    uint64_t end = limit < ram->low_bytes ? limit : ram->low_bytes;
    uint64_t at;

    if (size > end)
        return 0;
    at = (end - size) & ~PAGE_MASK;
    return at >= k->end ? at : 0;
}

static bool initrd_load(const struct guest_ram *ram, const struct boot_file *initrd,
                        struct kernel *k, struct boot_error *error)
{
    uint64_t at = initrd_place(ram, k, initrd->size);
    void *to = at != 0 ? ram_at(ram, at, initrd->size) : NULL;

    k->setup.ramdisk_image = 0;
    k->setup.ramdisk_size = 0;
    if (initrd->size == 0)
        return true;
    if (to == NULL)
        return boot_refuse(error,
                           "leaves no room for the initrd of %llu MiB in the child's %llu MiB%s: "
                           "give it more memory",
                           (unsigned long long)mib_up(initrd->size),
                           (unsigned long long)(ram->low_bytes / MIB),
                           ram->high_bytes != 0 ? " below 3 GiB" : "");
    memcpy(to, initrd->bytes, initrd->size);
    k->setup.ramdisk_image = (uint32_t)at;
    k->setup.ramdisk_size = (uint32_t)initrd->size;
    return true;
}

static bool command_line_load(const struct guest_ram *ram, const char *text, struct kernel *k,
                              struct boot_error *error)
{
    size_t length = strlen(text);
    uint64_t most = k->setup.cmdline_size;
    void *to;

    if (most > BOOT_COMMAND_LINE_MAX - 1)
        most = BOOT_COMMAND_LINE_MAX - 1;
    if (length > most)
        return boot_refuse(error, "takes a command line of %llu characters, and this one has %zu",
                           (unsigned long long)most, length);
    to = ram_at(ram, BOOT_COMMAND_LINE_GPA, length + 1);
    if (to == NULL)
        return boot_refuse(error, "does not fit in so little memory");
    memcpy(to, text, length + 1);
    k->setup.cmd_line_ptr = BOOT_COMMAND_LINE_GPA;
    return true;
}

/* How much of the file is its setup header, as it says itself; later versions have more than we
 * know. */
static size_t header_size(const struct boot_file *file, const struct setup_header *setup)
{
    size_t size = SETUP_JUMP_BASE - SETUP_HEADER_OFFSET + setup->jump_offset;

    if (size > BOOT_PARAMS_HEADER_ROOM)
        size = BOOT_PARAMS_HEADER_ROOM;
    if (size < sizeof(*setup))
        size = sizeof(*setup);
    return boot_inside(file, SETUP_HEADER_OFFSET, size) ? size : sizeof(*setup);
}

static bool zero_page_write(const struct guest_ram *ram, const struct linux_boot *boot,
                            struct kernel *k)
{
    struct boot_params *params = ram_at(ram, BOOT_INFO_GPA, sizeof(*params));
    struct e820_map map;

    if (params == NULL)
        return false;
    memset(params, 0, sizeof(*params));
    memcpy(params->header, boot->kernel.bytes + SETUP_HEADER_OFFSET,
           header_size(&boot->kernel, &k->setup));
    k->setup.type_of_loader = SETUP_LOADER_UNKNOWN;
    k->setup.loadflags &= (uint8_t)~SETUP_CAN_USE_HEAP;
    k->setup.setup_data = 0;
    memcpy(params->header, &k->setup, sizeof(k->setup));
    e820_build(&map, ram);
    params->e820_entries = (uint8_t)map.count;
    memcpy(params->e820_table, map.entries, map.count * sizeof(map.entries[0]));
    params->acpi_rsdp_addr = boot->rsdp_gpa;
    return true;
}

/* Level 4, level 3, and a table of 2 MiB pages for each GiB, one behind the other. */
static bool page_tables_write(const struct guest_ram *ram)
{
    uint64_t *tables = ram_at(ram, BOOT_PAGE_TABLES_GPA, (2 + MAPPED_GIB) * PAGE_SIZE);
    uint64_t *pages;

    if (tables == NULL)
        return false;
    memset(tables, 0, 2 * PAGE_SIZE);
    tables[0] = (BOOT_PAGE_TABLES_GPA + PAGE_SIZE) | PTE_P | PTE_RW;
    for (uint64_t i = 0; i < MAPPED_GIB; i++)
        tables[PTE_PER_TABLE + i] = (BOOT_PAGE_TABLES_GPA + (2 + i) * PAGE_SIZE) | PTE_P | PTE_RW;
    pages = tables + 2ull * PTE_PER_TABLE;
    for (uint64_t i = 0; i < (uint64_t)MAPPED_GIB * PTE_PER_TABLE; i++)
        pages[i] = i * PAGE_SIZE_2M | PTE_P | PTE_RW | PTE_PS;
    return true;
}

static bool registers_fill(const struct guest_ram *ram, const struct kernel *k,
                           struct boot_registers *r)
{
    r->count = 0;
    boot_register(r, HvX64RegisterCr3, BOOT_PAGE_TABLES_GPA);
    boot_register(r, HvX64RegisterCr4, CR4_PAE);
    boot_register(r, HvX64RegisterEfer, EFER_LME | EFER_LMA);
    boot_register(r, HvX64RegisterCr0, CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
    boot_register(r, HvX64RegisterRflags, RFLAGS_RESERVED1);
    boot_register(r, HvX64RegisterRsi, BOOT_INFO_GPA);
    boot_register(r, HvX64RegisterRip, k->load + SETUP_ENTRY_64);
    return boot_flat_segments(ram, r, true);
}

bool linux_load(const struct guest_ram *ram, const struct linux_boot *boot,
                struct boot_registers *registers, struct boot_error *error)
{
    struct kernel k = {.code = NULL};

    if (!header_copy(&boot->kernel, &k.setup, error) || !header_check(&k.setup, error) ||
        !code_find(&boot->kernel, &k, error) || !place_check(ram, &k, error) ||
        !initrd_load(ram, &boot->initrd, &k, error) ||
        !command_line_load(ram, boot->command_line, &k, error))
        return false;
    memcpy(ram_at(ram, k.load, k.code_size), k.code, k.code_size);
    if (!zero_page_write(ram, boot, &k) || !page_tables_write(ram) ||
        !registers_fill(ram, &k, registers))
        return boot_refuse(error, "does not fit in so little memory");
    return true;
}
