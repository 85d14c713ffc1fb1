/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmwp_linux_real.c - Debian's kernels, as far as this machine has any: those that
 * `./verdigris setup --long` unpacks, and those in /boot. Without any, it says that it was skipped.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vmwp/boot/bzimage.h"
#include "vmwp/boot/linux.h"
#include "vmwp_fixture.h"

#define MIB (1ull << 20)

static glob_t kernels;

static struct boot_file file_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(64 * MIB);
    struct boot_file file = {bytes, 0};

    assert_non_null(f);
    assert_non_null(bytes);
    file.size = fread(bytes, 1, 64 * MIB, f);
    assert_true(feof(f) && !ferror(f));
    fclose(f);
    return file;
}

static void check_kernel(const char *path, uint64_t memory)
{
    struct guest_ram ram = ram_make(memory);
    struct linux_boot boot = {.kernel = file_read(path), .command_line = "console=ttyS0"};
    struct boot_registers registers;
    struct boot_error error = {""};
    struct setup_header setup;
    uint64_t rip;

    if (!linux_load(&ram, &boot, &registers, &error))
        fail_msg("%s %s", path, error.text);
    memcpy(&setup, ram_at(&ram, BOOT_INFO_GPA + SETUP_HEADER_OFFSET, sizeof(setup)), sizeof(setup));
    printf("%s: %s\n", path, (const char *)boot.kernel.bytes + setup.kernel_version + 0x200);
    rip = reg64_of(&registers, HvX64RegisterRip);
    assert_int_equal(rip, setup.pref_address + 0x200);
    /* Its entry point for 64 bits begins with CLD and CLI. */
    assert_int_equal(ram_u16(&ram, rip), 0xfafc);
    /* All of what it unpacks has arrived. */
    assert_memory_equal(
        ram_at(&ram, setup.pref_address + setup.payload_offset, setup.payload_length),
        boot.kernel.bytes + (setup.setup_sects + 1u) * 512u + setup.payload_offset,
        setup.payload_length);
    free((void *)(uintptr_t)boot.kernel.bytes);
    ram_free(&ram);
}

static void debians_kernels_start(void **state)
{
    (void)state;
    if (kernels.gl_pathc == 0) {
        printf("skipped: no vmlinuz in " VERDIGRIS_TREE "/build/first-guest/boot and /boot: "
               "./verdigris setup --long gets one\n");
        skip();
    }
    for (size_t i = 0; i < kernels.gl_pathc; i++) {
        check_kernel(kernels.gl_pathv[i], 384 * MIB);
        check_kernel(kernels.gl_pathv[i], 5120 * MIB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(debians_kernels_start)};

    glob(VERDIGRIS_TREE "/build/first-guest/boot/vmlinuz-*", 0, NULL, &kernels);
    glob("/boot/vmlinuz-*", kernels.gl_pathc != 0 ? GLOB_APPEND : 0, NULL, &kernels);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
