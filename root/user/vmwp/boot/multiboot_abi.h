/* SPDX-License-Identifier: MIT */
/* vmwp/boot/multiboot_abi.h - structures of the Multiboot specification 0.6.96 (sections 3.1, 3.3)
 * and of ELF32 (System V gABI, chapters 4 and 5). */
#ifndef USER_VMWP_BOOT_MULTIBOOT_ABI_H
#define USER_VMWP_BOOT_MULTIBOOT_ABI_H

#include <hvabi/layout.h>

#define MULTIBOOT_SEARCH 8192u /* the header lies in so many bytes from the file's beginning, ...  \
                                */
#define MULTIBOOT_HEADER_ALIGN 4u /* ... aligned */
#define MULTIBOOT_HEADER_MAGIC 0x1badb002u
#define MULTIBOOT_LOADER_MAGIC 0x2badb002u /* in EAX */

/* 3.1.2: bits of multiboot_header.flags; what is not known of the lower 16 must be refused. */
#define MULTIBOOT_PAGE_ALIGN  (1u << 0) /* modules on page boundaries: they always are */
#define MULTIBOOT_MEMORY_INFO (1u << 1) /* memory information: it is always given */
#define MULTIBOOT_VIDEO_MODE  (1u << 2)
#define MULTIBOOT_REQUIRED    0xffffu
#define MULTIBOOT_ADDRESSES   (1u << 16) /* the header has the addresses */

/* The first three are always there, the others with MULTIBOOT_ADDRESSES. */
struct multiboot_header {
    uint32_t magic, flags, checksum;
    uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};
ABI_SIZE(struct multiboot_header, 32);
#define MULTIBOOT_HEADER_MIN 12u

/* 3.3: bits of multiboot_info.flags say which parts of it are there. */
#define MULTIBOOT_INFO_MEMORY       (1u << 0)
#define MULTIBOOT_INFO_COMMAND_LINE (1u << 2)
#define MULTIBOOT_INFO_MODULES      (1u << 3)
#define MULTIBOOT_INFO_MAP          (1u << 6)
#define MULTIBOOT_INFO_LOADER       (1u << 9)

struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper; /* KiB, from 0 and from 1 MiB to the first hole */
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr;
    uint32_t config_table;
    uint32_t boot_loader_name;
    uint32_t apm_table;
    uint32_t vbe[4];
    uint32_t framebuffer[7];
};
ABI_OFFSET(struct multiboot_info, cmdline, 16);
ABI_OFFSET(struct multiboot_info, mods_count, 20);
ABI_OFFSET(struct multiboot_info, mmap_length, 44);
ABI_OFFSET(struct multiboot_info, boot_loader_name, 64);
ABI_SIZE(struct multiboot_info, 116);

struct multiboot_mod {
    uint32_t mod_start, mod_end;
    uint32_t string;
    uint32_t reserved;
};
ABI_SIZE(struct multiboot_mod, 16);

struct multiboot_mmap {
    uint32_t size; /* of what follows */
    uint64_t base_addr, length;
    uint32_t type; /* as in an E820 map */
} __attribute__((packed));
ABI_SIZE(struct multiboot_mmap, 24);

struct elf32_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint32_t entry, programs, sections;
    uint32_t flags;
    uint16_t header_size, program_size, program_count, section_size, section_count, name_section;
};
ABI_SIZE(struct elf32_header, 52);

enum {
    ELF32_IDENT_CLASS = 4,
    ELF32_CLASS_32 = 1,
    ELF32_IDENT_DATA = 5,
    ELF32_LITTLE_ENDIAN = 1,
    ELF32_TYPE_EXECUTABLE = 2,
    ELF32_MACHINE_386 = 3,
    ELF32_PROGRAM_LOAD = 1,
};

struct elf32_program {
    uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags, align;
};
ABI_SIZE(struct elf32_program, 32);

#endif
