/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_bzimage.c - any file as a Linux kernel: nothing outside of it and of the child's
 * memory is touched (the sanitizers see it), and what is taken starts as its header says.
 *
 * Input: MiB of memory, characters of the command line, pages of the initrd, a byte each, then the
 * file. */
#include <stdlib.h>
#include <string.h>
#include "vmwp/boot/bzimage.h"
#include "vmwp/boot/linux.h"

#define MIB        (1ull << 20)
#define MIB_MAX    40u
#define PREFIX     3u
#define PAGE       4096u
#define INITRD_MAX (255u * PAGE)

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

static void check_started(const struct guest_ram *ram, const struct linux_boot *boot,
                          const struct boot_registers *r)
{
    struct setup_header setup;
    uint64_t code = value_of(r, HvX64RegisterRip) - 0x200;
    uint64_t offset, end;

    memcpy(&setup, ram_at(ram, BOOT_INFO_GPA + SETUP_HEADER_OFFSET, sizeof(setup)), sizeof(setup));
    offset = (setup.setup_sects == 0 ? 5u : setup.setup_sects + 1u) * 512u;
    require(offset < boot->kernel.size && code == setup.pref_address && code >= MIB);
    end = code + boot->kernel.size - offset;
    if (end < code + setup.init_size)
        end = code + setup.init_size;
    require(end <= ram->low_bytes);
    require(memcmp(ram_at(ram, code, 1), boot->kernel.bytes + offset, boot->kernel.size - offset) ==
            0);
    require(strcmp(ram_at(ram, setup.cmd_line_ptr, 1), boot->command_line) == 0);
    require(setup.ramdisk_size == boot->initrd.size);
    if (setup.ramdisk_size == 0)
        return;
    require(setup.ramdisk_image >= end && setup.ramdisk_image % PAGE == 0 &&
            (uint64_t)setup.ramdisk_image + setup.ramdisk_size <= ram->low_bytes &&
            setup.ramdisk_image + setup.ramdisk_size - 1 <= setup.initrd_addr_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t initrd[INITRD_MAX];
    char command_line[256] = "";
    struct linux_boot boot = {.command_line = command_line, .rsdp_gpa = 0xe0000};
    struct guest_ram ram = {.low_bytes = 0};
    struct boot_registers registers;
    struct boot_error error = {""};

    if (size < PREFIX)
        return 0;
    ram.low_bytes = (data[0] % MIB_MAX + 1) * MIB;
    ram.low = malloc(ram.low_bytes);
    memset(command_line, 'c', data[1]);
    boot.initrd = (struct boot_file){initrd, data[2] * PAGE};
    boot.kernel = (struct boot_file){data + PREFIX, size - PREFIX};
    if (linux_load(&ram, &boot, &registers, &error))
        check_started(&ram, &boot, &registers);
    else
        require(error.text[0] != '\0');
    free(ram.low);
    return 0;
}
