/* SPDX-License-Identifier: MIT */
/* vmwp/start.c - see start.h. */
#include "vmwp/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "vmwp/boot/acpi.h"
#include "vmwp/boot/linux.h"
#include "vmwp/boot/multiboot.h"

#define FILES "/boot/" /* where root has the boot modules */

enum { PATH_SIZE = sizeof(FILES) + DEFINITION_NAME_MAX };

static void say(void *context, unsigned line, const char *text)
{
    fprintf(stderr, "%s:%u: %s\n", (const char *)context, line, text);
}

bool start_definition(struct definition *d, const char *text)
{
    char place[] = "definition";

    return definition_parse(d, text, strlen(text), NULL, say, place);
}

/* A file is mapped until the worker ends. */
static bool file_map(struct boot_file *f, const char *name, struct boot_error *error)
{
    char path[PATH_SIZE];
    struct stat status;
    void *bytes = MAP_FAILED;
    bool known;
    int file;

    snprintf(path, sizeof(path), FILES "%s", name);
    file = open(path, O_RDONLY);
    known = file >= 0 && fstat(file, &status) == 0;
    if (known && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        boot_error_set(error, "cannot be started: %s: %s", path,
                       known && status.st_size == 0 ? "it is empty" : strerror(errno));
    if (file >= 0)
        close(file);
    if (bytes == MAP_FAILED)
        return false;
    f->bytes = bytes;
    f->size = (uint64_t)status.st_size;
    return true;
}

/* What a child finds that has no firmware: where its RSDP is; 0: there is too little memory. */
static uint64_t tables_build(const struct guest_ram *ram, const struct definition *d,
                             struct boot_error *error)
{
    const struct acpi_config acpi = {.vp_count = d->vps, .com1 = d->com1, .vmbus = true};
    uint64_t rsdp = acpi_build(ram, &acpi);

    if (rsdp == 0 || !boot_reset_vector(ram)) {
        boot_error_set(error, "has too little memory for its ACPI tables");
        return 0;
    }
    return rsdp;
}

static bool load_linux(const struct guest_ram *ram, const struct definition *d,
                       struct boot_registers *registers, struct boot_error *error)
{
    struct linux_boot boot = {.command_line = d->command_line};

    if (!file_map(&boot.kernel, d->image, error))
        return false;
    if (d->initrd[0] != '\0' && !file_map(&boot.initrd, d->initrd, error))
        return false;
    boot.rsdp_gpa = tables_build(ram, d, error);
    return boot.rsdp_gpa != 0 && linux_load(ram, &boot, registers, error);
}

static bool load_multiboot(const struct guest_ram *ram, const struct definition *d,
                           struct boot_registers *registers, struct boot_error *error)
{
    char texts[DEFINITION_MODULES_MAX][DEFINITION_NAME_MAX + DEFINITION_MODULE_TEXT_MAX];
    struct multiboot_boot boot = {.name = d->image, .command_line = d->command_line,
                                  .module_count = d->module_count};

    if (!file_map(&boot.image, d->image, error))
        return false;
    for (uint32_t i = 0; i < d->module_count; i++) {
        const struct definition_module *m = &d->modules[i];

        if (!file_map(&boot.modules[i].file, m->file, error))
            return false;
        snprintf(texts[i], sizeof(texts[i]), "%s%s%s", m->file,
                 m->arguments[0] != '\0' ? " " : "", m->arguments);
        boot.modules[i].text = texts[i];
    }
    return tables_build(ram, d, error) != 0 && multiboot_load(ram, &boot, registers, error);
}

bool start_load(const struct partition *p, const struct definition *d)
{
    struct boot_registers registers = {0};
    struct boot_error error = {""};
    bool (*load)(const struct guest_ram *, const struct definition *, struct boot_registers *,
                 struct boot_error *) = d->boot == DEFINITION_BOOT_LINUX ? load_linux
                                                                         : load_multiboot;

    if (!load(&p->ram, d, &registers, &error)) {
        partition_end(p, VM_END_FAILURE, 0, "%s %s", d->image, error.text);
        return false;
    }
    if (!partition_registers_set(p, 0, registers.list, registers.count)) {
        partition_end(p, VM_END_FAILURE, 0, "its first registers are refused");
        return false;
    }
    return true;
}
