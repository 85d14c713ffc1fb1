/* SPDX-License-Identifier: MIT */
/* efi/machine.c - see efi/machine.h. */
#include <stdbool.h>
#include "cpu.h"
#include "machine.h"

#define CPUID_1_EBX_APIC_ID_SHIFT 24 /* SDM vol. 2A, CPUID leaf 1 */
#define PIXEL_BYTES               4u
#define MASK_BYTE_0               0x000000ffu
#define MASK_BYTE_1               0x0000ff00u
#define MASK_BYTE_2               0x00ff0000u

static uint32_t this_apic_id(void)
{
    uint32_t regs[CPU_REGISTERS];

    CPU_REAL.cpuid(CPU_REAL.context, CPUID_BASIC, 0, regs);
    return regs[CPU_EBX] >> CPUID_1_EBX_APIC_ID_SHIFT;
}

static bool processor_is_usable(const struct uefi_processor *p)
{
    const uint32_t needed = UEFI_PROCESSOR_ENABLED | UEFI_PROCESSOR_HEALTHY;

    return (p->status & needed) == needed && (p->status & UEFI_PROCESSOR_IS_BSP) == 0;
}

static uint32_t add_other_lps(struct uefi_mp_services *mp, UINTN count, uint32_t *ids)
{
    uint32_t n = 1;

    for (UINTN i = 0; i < count && n < MACHINE_LPS_MAX; i++) {
        struct uefi_processor p;

        if (mp->get_processor_info(mp, i, &p) == EFI_SUCCESS && processor_is_usable(&p))
            ids[n++] = (uint32_t)p.processor_id;
    }
    return n;
}

/* The bootstrap processor's ID as MP services know it: CPUID leaf 1 holds only 8 bits of it. */
static void set_boot_lp(struct uefi_mp_services *mp, UINTN count, uint32_t *ids)
{
    for (UINTN i = 0; i < count; i++) {
        struct uefi_processor p;

        if (mp->get_processor_info(mp, i, &p) == EFI_SUCCESS &&
            (p.status & UEFI_PROCESSOR_IS_BSP) != 0)
            ids[0] = (uint32_t)p.processor_id;
    }
}

uint32_t machine_find_lps(EFI_BOOT_SERVICES *bs, uint32_t *ids)
{
    static EFI_GUID guid = UEFI_MP_SERVICES_GUID;
    void *found;
    struct uefi_mp_services *mp;
    UINTN count, enabled;

    ids[0] = this_apic_id();
    if (bs->LocateProtocol(&guid, NULL, &found) != EFI_SUCCESS)
        return 1;
    mp = found;
    if (mp->get_number_of_processors(mp, &count, &enabled) != EFI_SUCCESS)
        return 1;
    set_boot_lp(mp, count, ids);
    return add_other_lps(mp, count, ids);
}

static uint32_t format_of_masks(const EFI_PIXEL_BITMASK *m)
{
    if (m->GreenMask != MASK_BYTE_1)
        return BOOT_FRAMEBUFFER_NONE;
    if (m->RedMask == MASK_BYTE_0 && m->BlueMask == MASK_BYTE_2)
        return BOOT_FRAMEBUFFER_RGBX;
    if (m->RedMask == MASK_BYTE_2 && m->BlueMask == MASK_BYTE_0)
        return BOOT_FRAMEBUFFER_BGRX;
    return BOOT_FRAMEBUFFER_NONE;
}

static uint32_t format_of(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info)
{
    switch (info->PixelFormat) {
    case PixelRedGreenBlueReserved8BitPerColor:
        return BOOT_FRAMEBUFFER_RGBX;
    case PixelBlueGreenRedReserved8BitPerColor:
        return BOOT_FRAMEBUFFER_BGRX;
    case PixelBitMask:
        return format_of_masks(&info->PixelInformation);
    case PixelBltOnly:
    case PixelFormatMax:
    default:
        return BOOT_FRAMEBUFFER_NONE;
    }
}

void machine_find_framebuffer(EFI_BOOT_SERVICES *bs, struct boot_framebuffer *fb)
{
    static EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;
    const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode;
    void *found;

    *fb = (struct boot_framebuffer){.format = BOOT_FRAMEBUFFER_NONE};
    if (bs->LocateProtocol(&guid, NULL, &found) != EFI_SUCCESS)
        return;
    mode = ((EFI_GRAPHICS_OUTPUT_PROTOCOL *)found)->Mode;
    info = mode->Info;
    if (format_of(info) == BOOT_FRAMEBUFFER_NONE)
        return;
    *fb = (struct boot_framebuffer){
        .base = mode->FrameBufferBase,
        .size = (uint64_t)info->PixelsPerScanLine * info->VerticalResolution * PIXEL_BYTES,
        .width = info->HorizontalResolution,
        .height = info->VerticalResolution,
        .stride = info->PixelsPerScanLine,
        .format = format_of(info),
    };
}
