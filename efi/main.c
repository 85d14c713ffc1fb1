/* SPDX-License-Identifier: MIT */
/* efi/main.c - hvloader: the order in which a machine is started.
 *
 * boot.cfg, the root kernel, the decision about the hypervisor and its image, the modules, the
 * hand-off structure, the end of boot services, the jump. What keeps the hypervisor from being
 * launched is said, and root is started on the bare machine; what keeps root from being started
 * ends it (docs/boot.md). */
#include <rt/mem.h>
#include <x86/insn.h>
#include "acpi.h"
#include "config.h"
#include "console.h"
#include "cpu.h"
#include "file.h"
#include "handoff.h"
#include "image.h"
#include "machine.h"
#include "memory.h"
#include "paging.h"
#include "version.h"

#define CONFIG_FILE  "\\EFI\\verdigris\\boot.cfg"
#define GIB          (1ull << 30)
#define IDENTITY_MIN (4 * GIB)
#define HEX_DIGITS   2            /* of a byte */
#define CR4_LA57     (1ull << 12) /* five-level paging: SDM vol. 3A, 2.5 */

/* One ELF image on its way into memory. */
struct load {
    struct file file;
    struct image_plan plan;
};

/* Everything that lives in one block of BOOT_MEMORY_LOADER memory. */
struct handoff_block {
    struct boot_info info;
    struct boot_module modules[CONFIG_MODULES_MAX];
    uint32_t lp_apic_ids[MACHINE_LPS_MAX];
    char options[CONFIG_OPTIONS_MAX];
};

static struct {
    EFI_SYSTEM_TABLE *table;
    struct config config;
    struct memory_survey survey;
    struct handoff_block *block;
    struct load root;
    struct load hypervisor;
    bool gib_pages;
} loader;

static const char *base_name(const char *path)
{
    const char *name = path;

    for (const char *at = path; *at != '\0'; at++)
        if (*at == '\\')
            name = at + 1;
    return name;
}

static void report_config_line(void *context, unsigned line, const char *text)
{
    (void)context;
    console_print("%s:%u: %s\n", CONFIG_FILE, line, text);
}

static void config_load(void)
{
    struct file f;
    const char *wrong = file_read(CONFIG_FILE, BOOT_MEMORY_LOADER, &f);

    config_defaults(&loader.config);
    if (wrong != NULL)
        console_print("boot.cfg: %s: using the defaults\n", wrong);
    else
        config_parse(&loader.config, (const char *)f.data, f.size, report_config_line, NULL);
    console_print("boot.cfg: hypervisorlaunchtype = %s, root = %s, %u modules\n",
                  loader.config.launch == CONFIG_LAUNCH_OFF ? "off" : "auto", loader.config.root,
                  loader.config.module_count);
}

static void build_id_text(const struct image_plan *plan, char *text, size_t size)
{
    size_t at = 0;

    rt_strlcpy(text, "none", size);
    for (uint32_t i = 0; i < plan->build_id_size && at + HEX_DIGITS < size; i++)
        at += rt_snprintf(text + at, size - at, "%02x", plan->build_id[i]);
}

static const char *load_read(const char *path, uint32_t type, struct load *load)
{
    const char *wrong = file_read(path, type, &load->file);

    return wrong != NULL ? wrong : image_check(load->file.data, load->file.size, &load->plan);
}

/* Place the checked image at @memory and fill @out, except for the page tables. */
static void load_place(struct load *load, uint8_t *memory, struct boot_image *out)
{
    image_place(&load->plan, load->file.data, memory);
    *out = (struct boot_image){
        .physical_base = (uintptr_t)memory,
        .virtual_base = load->plan.virtual_base,
        .size = load->plan.size,
        .entry = load->plan.entry,
        .file_base = (uintptr_t)load->file.data,
        .file_size = load->file.size,
    };
}

static uint64_t load_paging_bytes(const struct load *load)
{
    return paging_bytes(loader.block->info.identity_size, loader.gib_pages, &load->plan);
}

static void load_map(const struct load *load, uint64_t tables, struct boot_image *image)
{
    struct paging p;

    paging_init(&p, tables);
    paging_map_identity(&p, loader.block->info.identity_size, loader.gib_pages);
    paging_map_image(&p, &load->plan, image->physical_base);
    image->cr3 = p.cr3;
}

static void print_image(const char *what, const char *path, const struct load *load,
                        const struct boot_image *image)
{
    char id[2 * IMAGE_BUILD_ID_MAX + 1];

    build_id_text(&load->plan, id, sizeof(id));
    console_print("%s: %s, build id %s, %lu KiB at 0x%lx\n", what, path, id, image->size >> 10,
                  image->physical_base);
}

static const char *root_load(void)
{
    struct boot_image *image = &loader.block->info.root;
    const char *wrong = load_read(loader.config.root, BOOT_MEMORY_ROOT_IMAGE, &loader.root);
    uint8_t *memory, *tables;

    if (wrong != NULL)
        return wrong;
    memory = memory_take(loader.root.plan.size, BOOT_MEMORY_ROOT_IMAGE);
    tables = memory_take(load_paging_bytes(&loader.root), BOOT_MEMORY_LOADER);
    if (memory == NULL || tables == NULL)
        return "there is not enough memory for it";
    load_place(&loader.root, memory, image);
    load_map(&loader.root, (uintptr_t)tables, image);
    print_image("root", loader.config.root, &loader.root, image);
    return NULL;
}

static void modules_load(void)
{
    struct boot_info *info = &loader.block->info;

    for (uint32_t i = 0; i < loader.config.module_count; i++) {
        const char *path = loader.config.modules[i];
        struct boot_module *m = &loader.block->modules[info->module_count];
        struct file f;
        const char *wrong = file_read(path, BOOT_MEMORY_MODULE, &f);

        if (wrong != NULL) {
            console_print("module: %s: %s: left out\n", path, wrong);
            continue;
        }
        rt_strlcpy(m->name, base_name(path), sizeof(m->name));
        m->base = (uintptr_t)f.data;
        m->size = f.size;
        info->module_count++;
        console_print("module: %s, %lu bytes\n", m->name, m->size);
    }
}

static uint64_t kept_size(uint64_t used)
{
    const uint64_t align = 2ull << 20;
    uint64_t size = BOOT_KEPT_FIXED + BOOT_KEPT_PER_LP * loader.block->info.lp_count +
                    BOOT_KEPT_PER_RAM_PAGE * loader.survey.ram_pages;

    if (size < used)
        size = used;
    return (size + align - 1) & ~(align - 1);
}

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + MEMORY_PAGE_SIZE - 1) & ~(MEMORY_PAGE_SIZE - 1);
}

/* Take what the hypervisor keeps, and lay out at its beginning: the image, its ELF file, its page
 * tables. false: there is no room. */
static bool hypervisor_place(void)
{
    struct boot_info *info = &loader.block->info;
    struct load *load = &loader.hypervisor;
    uint64_t file_at = load->plan.size;
    uint64_t tables_at = file_at + page_up(load->file.size);
    uint64_t used = tables_at + load_paging_bytes(load);
    uint64_t size = kept_size(used);
    uint8_t *kept = memory_take_high(size, BOOT_MEMORY_HYPERVISOR);

    if (kept == NULL)
        return false;
    info->kept_base = (uintptr_t)kept;
    info->kept_size = size;
    info->kept_used = used;
    load_place(load, kept, &info->hypervisor);
    memcpy(kept + file_at, load->file.data, load->file.size);
    info->hypervisor.file_base = info->kept_base + file_at;
    load_map(load, info->kept_base + tables_at, &info->hypervisor);
    return true;
}

static void hypervisor_refuse(uint32_t launch, const char *reason)
{
    loader.block->info.launch = launch;
    console_print("hypervisor: not launched: %s\n", reason);
}

static void hypervisor_load(const char *path)
{
    const struct boot_info *info = &loader.block->info;
    const char *wrong = load_read(path, BOOT_MEMORY_LOADER, &loader.hypervisor);

    if (wrong != NULL) {
        console_print("%s: %s\n", path, wrong);
        hypervisor_refuse(BOOT_LAUNCH_NO_IMAGE, "its image cannot be used");
        return;
    }
    if (!hypervisor_place()) {
        hypervisor_refuse(BOOT_LAUNCH_NO_MEMORY, "there is not enough contiguous memory for it");
        return;
    }
    loader.block->info.launch = BOOT_LAUNCH_HYPERVISOR;
    print_image("hypervisor", path, &loader.hypervisor, &info->hypervisor);
    console_print("hypervisor: keeps %lu KiB at 0x%lx, %lu KiB of them in use\n",
                  info->kept_size >> 10, info->kept_base, info->kept_used >> 10);
}

static void hypervisor_decide(void)
{
    struct cpu_verdict verdict = cpu_judge(&CPU_REAL);

    if (loader.config.launch == CONFIG_LAUNCH_OFF) {
        hypervisor_refuse(BOOT_LAUNCH_OFF, "boot.cfg says hypervisorlaunchtype = off");
        return;
    }
    if (verdict.launch != BOOT_LAUNCH_HYPERVISOR) {
        hypervisor_refuse(verdict.launch, verdict.reason);
        return;
    }
    console_print("hypervisor: %s\n", verdict.reason);
    hypervisor_load(loader.config.hypervisor[0] != '\0' ? loader.config.hypervisor : verdict.image);
}

static uint64_t identity_size(const struct boot_framebuffer *fb)
{
    uint64_t size = IDENTITY_MIN;

    if (size < loader.survey.end)
        size = loader.survey.end;
    if (size < fb->base + fb->size)
        size = fb->base + fb->size;
    return (size + GIB - 1) & ~(GIB - 1);
}

/* The hand-off structure, as far as it does not depend on images. */
static bool block_make(void)
{
    struct handoff_block *b = memory_take(sizeof(*b), BOOT_MEMORY_LOADER);

    if (b == NULL || !memory_survey(&loader.survey))
        return false;
    memset(b, 0, sizeof(*b));
    loader.block = b;
    b->info = (struct boot_info){
        .magic = BOOT_INFO_MAGIC,
        .version = BOOT_INFO_VERSION,
        .size = sizeof(b->info),
        .modules = (uintptr_t)b->modules,
        .lp_apic_ids = (uintptr_t)b->lp_apic_ids,
        .lp_count = machine_find_lps(loader.table->BootServices, b->lp_apic_ids),
        .acpi_rsdp = acpi_find_rsdp(loader.table),
        .efi_system_table = (uintptr_t)loader.table,
        .options = (uintptr_t)b->options,
    };
    machine_find_framebuffer(loader.table->BootServices, &b->info.framebuffer);
    b->info.identity_size = identity_size(&b->info.framebuffer);
    rt_strlcpy(b->options, loader.config.options, sizeof(b->options));
    return true;
}

static void print_machine(const struct boot_info *info)
{
    uint64_t kib = loader.survey.ram_pages * (MEMORY_PAGE_SIZE >> 10);

    console_print("machine: %u processors, %lu KiB of memory, %s\n", info->lp_count, kib,
                  info->acpi_rsdp != 0 ? "ACPI" : "no ACPI tables");
    if (info->framebuffer.format != BOOT_FRAMEBUFFER_NONE)
        console_print("machine: frame buffer %ux%u at 0x%lx\n", info->framebuffer.width,
                      info->framebuffer.height, info->framebuffer.base);
}

/* Nothing can be printed once the firmware has begun to end boot services. */
static _Noreturn void leave_failed(void)
{
    loader.table->RuntimeServices->ResetSystem(EfiResetCold, EFI_ABORTED, 0, NULL);
    for (;;)
        insn_pause();
}

static _Noreturn void start(EFI_HANDLE image)
{
    struct boot_info *info = &loader.block->info;
    const struct boot_image *first =
        info->launch == BOOT_LAUNCH_HYPERVISOR ? &info->hypervisor : &info->root;

    if (!memory_leave(image, info))
        leave_failed();
    handoff_jump(first->entry, info, first->cr3);
}

static EFI_STATUS give_up(const char *what, const char *why)
{
    console_print("%s: %s: cannot boot\n", what, why);
    return EFI_LOAD_ERROR;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
    const char *wrong;

    loader.table = table;
    loader.gib_pages = cpu_has_gib_pages(&CPU_REAL);
    console_init(table);
    memory_init(table->BootServices);
    console_print("\nVerdigris hvloader %s\n", VERSION_TEXT);
    if ((insn_read_cr4() & CR4_LA57) != 0)
        return give_up("firmware", "it uses five-level paging, which is not supported");
    if (!file_init(table->BootServices, image))
        return give_up("boot volume", "it cannot be read");
    config_load();
    if (!block_make())
        return give_up("memory", "the firmware has none to give");
    print_machine(&loader.block->info);
    wrong = root_load();
    if (wrong != NULL)
        return give_up(loader.config.root, wrong);
    hypervisor_decide();
    modules_load();
    if (!memory_prepare_leave())
        return give_up("memory", "there is no room for the memory map");
    console_print("%s\n", loader.block->info.launch == BOOT_LAUNCH_HYPERVISOR
                              ? "starting the hypervisor"
                              : "starting root on the bare machine");
    start(image);
}
