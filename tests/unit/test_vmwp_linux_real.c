/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmwp_linux_real.c - Debian's kernels, as far as this machine has any: those that
 * `./verdigris setup --long` unpacks, and those in /boot. Without any, it says that it was skipped.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vmwp/boot/bzimage.h"
#include "vmwp/boot/linux.h"
#include "vmwp_fixture.h"

#define MIB        (1ull << 20)
#define KERNEL_MAX (64 * MIB)

/* Where kernels may be. */
static const char *const FOLDERS[] = {VERDIGRIS_TREE "/build/first-guest/boot", "/boot"};
enum { FOLDER_COUNT = sizeof(FOLDERS) / sizeof(FOLDERS[0]) };

/* All bytes of a file; the caller frees them. */
static uint8_t *file_read(const char *path, uint64_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(KERNEL_MAX);

    assert_non_null(f);
    assert_non_null(bytes);
    *size = fread(bytes, 1, KERNEL_MAX, f);
    assert_true(feof(f) && !ferror(f));
    fclose(f);
    return bytes;
}

static void check_kernel(const char *path, uint64_t memory)
{
    struct guest_ram ram = ram_make(memory);
    struct linux_boot boot = {.command_line = "console=ttyS0"};
    uint8_t *bytes = file_read(path, &boot.kernel.size);
    struct boot_registers registers;
    struct boot_error error = {""};
    struct setup_header setup;
    uint64_t rip;

    boot.kernel.bytes = bytes;
    if (!linux_load(&ram, &boot, &registers, &error))
        fail_msg("%s %s", path, error.text);
    memcpy(&setup, ram_at(&ram, BOOT_INFO_GPA + SETUP_HEADER_OFFSET, sizeof(setup)), sizeof(setup));
    printf("%s: %s\n", path, (const char *)bytes + setup.kernel_version + 0x200);
    rip = reg64_of(&registers, HvX64RegisterRip);
    assert_int_equal(rip, setup.pref_address + 0x200);
    /* Its entry point for 64 bits begins with CLD and CLI. */
    assert_int_equal(ram_u16(&ram, rip), 0xfafc);
    /* All of what it unpacks has arrived. */
    assert_memory_equal(
        ram_at(&ram, setup.pref_address + setup.payload_offset, setup.payload_length),
        bytes + (setup.setup_sects + 1u) * 512u + setup.payload_offset, setup.payload_length);
    free(bytes);
    ram_free(&ram);
}

static int is_kernel(const struct dirent *entry)
{
    return strncmp(entry->d_name, "vmlinuz-", strlen("vmlinuz-")) == 0;
}

/* Check the kernels of a folder; how many there are. */
static int check_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_kernel, alphasort);

    for (int i = 0; i < count; i++) {
        char path[1024];

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        check_kernel(path, 384 * MIB);
        check_kernel(path, 5120 * MIB);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count > 0 ? count : 0;
}

static void debians_kernels_start(void **state)
{
    int count = 0;

    (void)state;
    for (size_t i = 0; i < FOLDER_COUNT; i++)
        count += check_folder(FOLDERS[i]);
    if (count == 0) {
        printf("skipped: no vmlinuz-* in %s and %s: ./verdigris setup --long gets one\n",
               FOLDERS[0], FOLDERS[1]);
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(debians_kernels_start)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
