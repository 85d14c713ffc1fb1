/* SPDX-License-Identifier: MIT */
/* efi/elf64.h - the ELF64 file format (System V ABI, chapters 4 and 5; x86-64 psABI). */
#ifndef EFI_ELF64_H
#define EFI_ELF64_H

#include <hvabi/layout.h>

#define ELF64_MAGIC       "\177ELF"
#define ELF64_CLASS_64    2
#define ELF64_DATA_LITTLE 1
#define ELF64_TYPE_EXEC   2
#define ELF64_MACHINE_X86 62
#define ELF64_PT_LOAD     1u
#define ELF64_PF_EXECUTE  1u
#define ELF64_PF_WRITE    2u
#define ELF64_PF_READ     4u
#define ELF64_SHT_NOTE    7u
#define ELF64_NT_BUILD_ID 3u /* of the name "GNU" */

struct elf64_header {
    uint8_t magic[4];
    uint8_t file_class;
    uint8_t data;
    uint8_t ident_version;
    uint8_t os_abi;
    uint8_t padding[8];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};
ABI_SIZE(struct elf64_header, 64);

struct elf64_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};
ABI_SIZE(struct elf64_segment, 56);

struct elf64_section {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t address;
    uint64_t offset;
    uint64_t size;
    uint32_t link;
    uint32_t info;
    uint64_t align;
    uint64_t entry_size;
};
ABI_SIZE(struct elf64_section, 64);

/* Followed by the name and the descriptor, each padded to 4 bytes. */
struct elf64_note {
    uint32_t name_size;
    uint32_t descriptor_size;
    uint32_t type;
};
ABI_SIZE(struct elf64_note, 12);

#endif
