/* SPDX-License-Identifier: MIT */
/* efi/uefi.h - the firmware's interface: gnu-efi's headers, and what they lack.
 *
 * Only files that call the firmware include this; the others are host-tested without it. */
#ifndef EFI_UEFI_H
#define EFI_UEFI_H

#include <efi.h>
#include <hvabi/layout.h>

/* PI Specification 1.7, vol. 2, 13.4: EFI_MP_SERVICES_PROTOCOL. */
#define UEFI_MP_SERVICES_GUID                                                                      \
    {                                                                                              \
        0x3fdda605, 0xa76e, 0x4f46,                                                                \
        {                                                                                          \
            0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08                                         \
        }                                                                                          \
    }

#define UEFI_PROCESSOR_IS_BSP  0x1u
#define UEFI_PROCESSOR_ENABLED 0x2u
#define UEFI_PROCESSOR_HEALTHY 0x4u

struct uefi_processor {
    uint64_t processor_id; /* the local APIC ID */
    uint32_t status;       /* UEFI_PROCESSOR_... */
    uint32_t package;
    uint32_t core;
    uint32_t thread;
    uint32_t extended[6]; /* location of a second form, not used */
};
ABI_SIZE(struct uefi_processor, 48);

struct uefi_mp_services {
    EFI_STATUS(EFIAPI *get_number_of_processors)
    (struct uefi_mp_services *self, UINTN *count, UINTN *enabled);
    EFI_STATUS(EFIAPI *get_processor_info)
    (struct uefi_mp_services *self, UINTN index, struct uefi_processor *info);
};

/* UEFI Specification 2.10, 10.3.4.15: the UART node of a device path. */
#define UEFI_PATH_MESSAGING 3
#define UEFI_PATH_UART      14

#endif
