/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_multiboot.c - any file as a Multiboot image: nothing outside of it and of the
 * child's memory is touched (the sanitizers see it), and what is taken is told the truth.
 *
 * Input: MiB of memory, number of modules, a byte each, then the file, which is also the modules.
 */
#include <stdlib.h>
#include <string.h>
#include "vmwp/boot/multiboot.h"
#include "vmwp/boot/multiboot_abi.h"

#define MIB     (1ull << 20)
#define MIB_MAX 8u
#define PREFIX  2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok)
        abort();
}

static uint64_t value_of(const struct boot_registers *r, uint32_t name)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->list[i].name == name)
            return r->list[i].value.reg64;
    abort();
}

static void check_modules(const struct guest_ram *ram, const struct multiboot_boot *boot,
                          const struct multiboot_info *info)
{
    uint32_t end = MIB;

    require(info->mods_count == boot->module_count);
    for (uint32_t i = 0; i < info->mods_count; i++) {
        struct multiboot_mod mod;

        memcpy(&mod, ram_at(ram, info->mods_addr + i * sizeof(mod), sizeof(mod)), sizeof(mod));
        require(mod.mod_start % 4096 == 0 && mod.mod_start >= end &&
                mod.mod_end - mod.mod_start == boot->modules[i].file.size);
        require(memcmp(ram_at(ram, mod.mod_start, boot->modules[i].file.size),
                       boot->modules[i].file.bytes, boot->modules[i].file.size) == 0);
        require(strcmp(ram_at(ram, mod.string, 2), "m") == 0);
        end = mod.mod_end;
    }
}

static void check_started(const struct guest_ram *ram, const struct multiboot_boot *boot,
                          const struct boot_registers *r)
{
    uint64_t entry = value_of(r, HvX64RegisterRip);
    struct multiboot_info info;

    memcpy(&info, ram_at(ram, value_of(r, HvX64RegisterRbx), sizeof(info)), sizeof(info));
    require(entry >= MIB && entry < ram->low_bytes);
    require(value_of(r, HvX64RegisterRax) == 0x2badb002);
    require(info.mem_upper == ram->low_bytes / 1024 - 1024);
    require(strcmp(ram_at(ram, info.cmdline, 8), "name a b") == 0);
    check_modules(ram, boot, &info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct multiboot_boot boot = {.name = "name", .command_line = "a b"};
    struct guest_ram ram = {.low_bytes = 0};
    struct boot_registers registers;
    struct boot_error error = {""};

    if (size < PREFIX)
        return 0;
    ram.low_bytes = (data[0] % MIB_MAX + 1) * MIB;
    ram.low = malloc(ram.low_bytes);
    boot.image = (struct boot_file){data + PREFIX, size - PREFIX};
    boot.module_count = data[1] % (MULTIBOOT_MODULES_MAX + 2);
    for (uint32_t i = 0; i < boot.module_count && i < MULTIBOOT_MODULES_MAX; i++)
        boot.modules[i] = (struct multiboot_module){boot.image, "m"};
    if (multiboot_load(&ram, &boot, &registers, &error))
        check_started(&ram, &boot, &registers);
    else
        require(error.text[0] != '\0');
    free(ram.low);
    return 0;
}
