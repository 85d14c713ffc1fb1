/* SPDX-License-Identifier: MIT */
/* vmwp/boot/bzimage.h - the setup header of a bzImage, and the zero page it is copied into; names
 * and offsets of Linux, Documentation/x86/boot.rst and zero-page.rst. */
#ifndef USER_VMWP_BOOT_BZIMAGE_H
#define USER_VMWP_BOOT_BZIMAGE_H

#include <hvabi/layout.h>
#include "vmwp/boot/e820.h"

#define SETUP_HEADER_OFFSET 0x1f1u /* in the file, and in the zero page */

struct setup_header {
    uint8_t setup_sects;
    uint16_t root_flags;
    uint32_t syssize;
    uint16_t ram_size;
    uint16_t vid_mode;
    uint16_t root_dev;
    uint16_t boot_flag;
    uint8_t jump_opcode;
    uint8_t jump_offset; /* the header ends so many bytes behind it */
    uint32_t header;
    uint16_t version;
    uint32_t realmode_swtch;
    uint16_t start_sys_seg;
    uint16_t kernel_version; /* offset of its text, less 0x200 */
    uint8_t type_of_loader;
    uint8_t loadflags;
    uint16_t setup_move_size;
    uint32_t code32_start;
    uint32_t ramdisk_image;
    uint32_t ramdisk_size;
    uint32_t bootsect_kludge;
    uint16_t heap_end_ptr;
    uint8_t ext_loader_ver;
    uint8_t ext_loader_type;
    uint32_t cmd_line_ptr;
    uint32_t initrd_addr_max;
    uint32_t kernel_alignment;
    uint8_t relocatable_kernel;
    uint8_t min_alignment;
    uint16_t xloadflags;
    uint32_t cmdline_size; /* without its NUL */
    uint32_t hardware_subarch;
    uint64_t hardware_subarch_data;
    uint32_t payload_offset;
    uint32_t payload_length;
    uint64_t setup_data;
    uint64_t pref_address;
    uint32_t init_size;
} __attribute__((packed));
#define SETUP_OFFSET(member, bytes)                                                                \
    ABI_OFFSET(struct setup_header, member, (bytes)-SETUP_HEADER_OFFSET)
SETUP_OFFSET(syssize, 0x1f4);
SETUP_OFFSET(boot_flag, 0x1fe);
SETUP_OFFSET(header, 0x202);
SETUP_OFFSET(version, 0x206);
SETUP_OFFSET(type_of_loader, 0x210);
SETUP_OFFSET(ramdisk_image, 0x218);
SETUP_OFFSET(cmd_line_ptr, 0x228);
SETUP_OFFSET(initrd_addr_max, 0x22c);
SETUP_OFFSET(kernel_alignment, 0x230);
SETUP_OFFSET(relocatable_kernel, 0x234);
SETUP_OFFSET(xloadflags, 0x236);
SETUP_OFFSET(cmdline_size, 0x238);
SETUP_OFFSET(setup_data, 0x250);
SETUP_OFFSET(pref_address, 0x258);
SETUP_OFFSET(init_size, 0x260);

#define SETUP_SECTOR         512u
#define SETUP_SECTS_DEFAULT  4u /* what 0 means */
#define SETUP_SYSSIZE_UNIT   16u
#define SETUP_BOOT_FLAG      0xaa55u
#define SETUP_MAGIC          0x53726448u /* "HdrS" */
#define SETUP_VERSION_MIN    0x020cu     /* the first with xloadflags: Linux 3.8 */
#define SETUP_LOADED_HIGH    (1u << 0)   /* loadflags */
#define SETUP_CAN_USE_HEAP   (1u << 7)
#define SETUP_KERNEL_64      (1u << 0) /* xloadflags: there is an entry point for 64 bits, ... */
#define SETUP_ENTRY_64       0x200u    /* ... so far behind the start of the kernel */
#define SETUP_LOADER_UNKNOWN 0xffu
#define SETUP_JUMP_BASE      0x202u /* what jump_offset is counted from */

#define BOOT_PARAMS_E820_MAX    128
#define BOOT_PARAMS_HEADER_ROOM (0x290u - SETUP_HEADER_OFFSET) /* of the header in the zero page   \
                                                                */

struct boot_params {
    uint8_t before_rsdp[0x70]; /* screen_info, apm_bios_info ...: none */
    uint64_t acpi_rsdp_addr;
    uint8_t before_entries[0x1e8 - 0x78];
    uint8_t e820_entries;
    uint8_t before_header[8];
    uint8_t
        header[BOOT_PARAMS_HEADER_ROOM]; /* struct setup_header, and what later versions append */
    uint8_t before_table[0x40];
    struct e820_entry e820_table[BOOT_PARAMS_E820_MAX];
    uint8_t rest[0x330];
} __attribute__((packed));
ABI_OFFSET(struct boot_params, acpi_rsdp_addr, 0x70);
ABI_OFFSET(struct boot_params, e820_entries, 0x1e8);
ABI_OFFSET(struct boot_params, header, SETUP_HEADER_OFFSET);
ABI_OFFSET(struct boot_params, e820_table, 0x2d0);
ABI_SIZE(struct boot_params, 4096);

#endif
