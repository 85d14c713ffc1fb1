/* SPDX-License-Identifier: MIT */
/* hvabi/boot.h - the hand-off structure between the loader, the hypervisor and the root kernel.
 *
 * The loader fills one struct boot_info and enters, with RDI = its physical address, either the
 * hypervisor (boot_info.launch == BOOT_LAUNCH_HYPERVISOR) or the root kernel on the bare machine
 * (any other value: it says why). The hypervisor passes the same structure on to the root kernel,
 * whose entry state is the same in both cases:
 *
 *   64-bit mode, CPL 0, IF = 0, RDI = physical address of struct boot_info,
 *   CR3 = boot_info.root.cr3 (all memory below boot_info.identity_size mapped one to one, and the
 *   image's segments at their linked addresses), flat segments, RSP undefined (the entry code sets
 *   its own), EFER.LME|LMA|NXE and CR0.PE|PG|WP|NE, CR4.PAE|OSFXSR set. Only the bootstrap
 *   processor runs; the others wait for INIT-SIPI-SIPI.
 *
 * Every pointer is a physical address that is also mapped one to one at entry. All arrays live in
 * memory of type BOOT_MEMORY_LOADER, which root may reuse once it has copied what it needs.
 *
 * Rules: fields are only appended, together with an increment of BOOT_INFO_VERSION; a reader
 * refuses another magic, a version below its own, or a size below its own. See docs/boot.md. */
#ifndef HVABI_BOOT_H
#define HVABI_BOOT_H

#include <hvabi/layout.h>

#define BOOT_INFO_MAGIC   0x4f49425344524556ull /* "VERDSBIO" */
#define BOOT_INFO_VERSION 1u

/* boot_info.launch: what the loader decided, and why. */
enum {
    BOOT_LAUNCH_HYPERVISOR = 0,        /* the hypervisor is, or is about to be, underneath root */
    BOOT_LAUNCH_OFF = 1,               /* boot.cfg: hypervisorlaunchtype = off */
    BOOT_LAUNCH_NO_VIRTUALIZATION = 2, /* CPUID offers neither SVM nor VMX */
    BOOT_LAUNCH_NO_NESTED_PAGING = 3,  /* SVM without nested paging, or VMX without EPT */
    BOOT_LAUNCH_FIRMWARE_DISABLED = 4, /* VM_CR.SVMDIS or IA32_FEATURE_CONTROL locked off */
    BOOT_LAUNCH_NO_IMAGE = 5,          /* the hypervisor image is missing or malformed */
    BOOT_LAUNCH_NO_MEMORY = 6,         /* no room for what the hypervisor keeps */
};

/* boot_memory_range.type */
enum {
    BOOT_MEMORY_RESERVED = 0,     /* not to be touched */
    BOOT_MEMORY_USABLE = 1,       /* free RAM (UEFI conventional and boot services memory) */
    BOOT_MEMORY_LOADER = 2,       /* hand-off data, page tables: free once copied */
    BOOT_MEMORY_ROOT_IMAGE = 3,   /* the root kernel's segments and its ELF file */
    BOOT_MEMORY_MODULE = 4,       /* boot modules */
    BOOT_MEMORY_HYPERVISOR = 5,   /* kept by the hypervisor, gone from root's address space */
    BOOT_MEMORY_ACPI_RECLAIM = 6, /* ACPI tables */
    BOOT_MEMORY_ACPI_NVS = 7,
    BOOT_MEMORY_RUNTIME_CODE = 8, /* UEFI runtime services, mapped one to one */
    BOOT_MEMORY_RUNTIME_DATA = 9,
    BOOT_MEMORY_MMIO = 10,
};

struct boot_memory_range {
    uint64_t base;   /* bytes, a multiple of 4096 */
    uint64_t length; /* bytes, a multiple of 4096 */
    uint32_t type;
    uint32_t reserved;
    uint64_t attributes; /* EFI_MEMORY_* as the firmware gave them */
};
ABI_SIZE(struct boot_memory_range, 32);

struct boot_module {
    char name[64]; /* NUL-terminated, the file's name without its folder */
    uint64_t base; /* page-aligned */
    uint64_t size; /* bytes */
};
ABI_SIZE(struct boot_module, 80);

/* boot_framebuffer.format */
enum {
    BOOT_FRAMEBUFFER_NONE = 0,
    BOOT_FRAMEBUFFER_RGBX = 1, /* byte 0 red */
    BOOT_FRAMEBUFFER_BGRX = 2, /* byte 0 blue */
};

struct boot_framebuffer {
    uint64_t base;
    uint64_t size;
    uint32_t width;  /* pixels */
    uint32_t height; /* pixels */
    uint32_t stride; /* pixels per scan line */
    uint32_t format;
};
ABI_SIZE(struct boot_framebuffer, 32);

/* One loaded ELF image. The file is kept beside the segments: panics read its symbol table. */
struct boot_image {
    uint64_t physical_base; /* of the lowest segment */
    uint64_t virtual_base;  /* the address it is linked at */
    uint64_t size;          /* bytes of memory, all segments */
    uint64_t entry;         /* virtual address */
    uint64_t cr3;           /* page tables that map memory one to one and the image */
    uint64_t file_base;     /* the ELF file as read from disk */
    uint64_t file_size;
};
ABI_SIZE(struct boot_image, 56);

struct boot_info {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    uint32_t launch;
    uint32_t flags;             /* none defined yet: 0 */
    uint64_t identity_size;     /* bytes mapped one to one at entry, from 0 */
    uint64_t memory_map;        /* struct boot_memory_range[], sorted, without overlap */
    uint32_t memory_map_count;
    uint32_t module_count;
    uint64_t modules;           /* struct boot_module[] */
    uint64_t lp_apic_ids;       /* uint32_t[], the bootstrap processor's first */
    uint32_t lp_count;
    uint32_t reserved0;
    uint64_t acpi_rsdp;         /* 0: the firmware has none */
    uint64_t efi_system_table;  /* for runtime services; 0: none */
    uint64_t options;           /* char[]: NUL-terminated "key=value" lines of boot.cfg that the
                                   loader does not itself use, each ended by '\n' */
    uint64_t kept_base;         /* what the hypervisor keeps, 2 MiB aligned; 0 if not launched */
    uint64_t kept_size;
    struct boot_framebuffer framebuffer;
    struct boot_image hypervisor; /* all 0 if not launched */
    struct boot_image root;
    uint64_t kept_used; /* bytes from kept_base that the hypervisor's image, its ELF file and its
                           page tables occupy, a multiple of 4096; the rest is free */
};
ABI_OFFSET(struct boot_info, launch, 16);
ABI_OFFSET(struct boot_info, identity_size, 24);
ABI_OFFSET(struct boot_info, memory_map, 32);
ABI_OFFSET(struct boot_info, modules, 48);
ABI_OFFSET(struct boot_info, lp_apic_ids, 56);
ABI_OFFSET(struct boot_info, acpi_rsdp, 72);
ABI_OFFSET(struct boot_info, options, 88);
ABI_OFFSET(struct boot_info, kept_base, 96);
ABI_OFFSET(struct boot_info, framebuffer, 112);
ABI_OFFSET(struct boot_info, hypervisor, 144);
ABI_OFFSET(struct boot_info, root, 200);
ABI_OFFSET(struct boot_info, kept_used, 256);
ABI_SIZE(struct boot_info, 264);

/* What the hypervisor keeps (boot_info.kept_size), before rounding up to 2 MiB: its image, page
 * tables, ownership table, stacks and root's own objects. Everything later comes from deposits. */
#define BOOT_KEPT_FIXED        (8ull << 20)
#define BOOT_KEPT_PER_LP       (128ull << 10)
#define BOOT_KEPT_PER_RAM_PAGE 8ull

#endif
