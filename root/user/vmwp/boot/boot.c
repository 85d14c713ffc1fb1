/* SPDX-License-Identifier: MIT */
/* vmwp/boot/boot.c - see boot.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <x86/desc.h>
#include "vmwp/boot/acpi.h"
#include "vmwp/boot/boot.h"

#define DPL_0_CODE                                                                                 \
    (HV_X64_SEGMENT_PRESENT | HV_X64_SEGMENT_NON_SYSTEM | 0xbu) /* readable, accessed */
#define DPL_0_DATA                                                                                 \
    (HV_X64_SEGMENT_PRESENT | HV_X64_SEGMENT_NON_SYSTEM | 0x3u) /* writable, accessed */

void boot_error_set(struct boot_error *error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error->text, sizeof(error->text), fmt, ap);
    va_end(ap);
}

bool boot_inside(const struct boot_file *file, uint64_t offset, uint64_t length)
{
    return offset <= file->size && length <= file->size - offset;
}

bool boot_is_elf(const struct boot_file *file)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};

    return file->size >= sizeof(magic) && memcmp(file->bytes, magic, sizeof(magic)) == 0;
}

void boot_register(struct boot_registers *r, uint32_t name, uint64_t value)
{
    r->list[r->count++] = (struct hv_register_assoc){.name = name, .value.reg64 = value};
}

static void segment_register(struct boot_registers *r, uint32_t name, uint16_t selector,
                             uint32_t attributes)
{
    r->list[r->count++] = (struct hv_register_assoc){
        .name = name,
        .value.segment = {.limit = UINT32_MAX,
                          .selector = selector,
                          .attributes = (uint16_t)attributes},
    };
}

bool boot_flat_segments(const struct guest_ram *ram, struct boot_registers *r, bool long_mode)
{
    const uint64_t gdt[] = {
        [BOOT_SELECTOR_CODE / 8] = long_mode ? DESC_CODE64 | DESC_G | DESC_LIMIT_FLAT : DESC_CODE32,
        [BOOT_SELECTOR_DATA / 8] = DESC_DATA,
    };
    const uint32_t code_size = long_mode ? HV_X64_SEGMENT_LONG : HV_X64_SEGMENT_DEFAULT;
    const uint32_t data = DPL_0_DATA | HV_X64_SEGMENT_DEFAULT | HV_X64_SEGMENT_GRANULARITY;
    void *to = ram_at(ram, BOOT_GDT_GPA, sizeof(gdt));

    if (to == NULL)
        return false;
    memcpy(to, gdt, sizeof(gdt));
    r->list[r->count++] = (struct hv_register_assoc){
        .name = HvX64RegisterGdtr,
        .value.table = {.limit = sizeof(gdt) - 1, .base = BOOT_GDT_GPA},
    };
    segment_register(r, HvX64RegisterCs, BOOT_SELECTOR_CODE,
                     DPL_0_CODE | HV_X64_SEGMENT_GRANULARITY | code_size);
    for (uint32_t name = HvX64RegisterEs; name <= HvX64RegisterGs; name++)
        if (name != HvX64RegisterCs)
            segment_register(r, name, BOOT_SELECTOR_DATA, data);
    return true;
}

bool boot_reset_vector(const struct guest_ram *ram)
{
    static const uint8_t code[] = {
        0xba, ACPI_RESET_PORT & 0xff, ACPI_RESET_PORT >> 8, /* mov dx, ACPI_RESET_PORT */
        0xb0, ACPI_RESET_VALUE,                             /* mov al, ACPI_RESET_VALUE */
        0xee,                                               /* out dx, al */
        0xf4,                                               /* hlt */
        0xeb, 0xfd,                                         /* jmp to the hlt */
    };
    void *to = ram_at(ram, BOOT_RESET_GPA, sizeof(code));

    if (to == NULL)
        return false;
    memcpy(to, code, sizeof(code));
    return true;
}
