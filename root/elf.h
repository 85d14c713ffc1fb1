/* SPDX-License-Identifier: MIT */
/* root/elf.h - the parts of ELF-64 that root reads (System V gABI, chapters 4 and 5). */
#ifndef ROOT_ELF_H
#define ROOT_ELF_H

#include <stdint.h>

#define ELF_MAGIC      "\177ELF"
#define ELF_MAGIC_SIZE 4

enum {
    ELF_CLASS_64 = 2,       /* ident[4] */
    ELF_LITTLE_ENDIAN = 1,  /* ident[5] */
    ELF_TYPE_EXECUTABLE = 2,
    ELF_MACHINE_X86_64 = 62,
    ELF_PROGRAM_LOAD = 1,
    ELF_PROGRAM_EXECUTE = 1, /* elf_program.flags */
    ELF_PROGRAM_WRITE = 2,
    ELF_SECTION_SYMBOLS = 2,
    ELF_SYMBOL_FUNCTION = 2,
    ELF_SYMBOL_TYPE_MASK = 0xf,
};

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, programs, sections;
    uint32_t flags;
    uint16_t header_size, program_size, program_count, section_size, section_count, name_section;
};
_Static_assert(sizeof(struct elf_header) == 64, "gABI, Elf64_Ehdr");

struct elf_program {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size, align;
};
_Static_assert(sizeof(struct elf_program) == 56, "gABI, Elf64_Phdr");

struct elf_section {
    uint32_t name, type;
    uint64_t flags, address, offset, size;
    uint32_t link, info;
    uint64_t align, entry_size;
};
_Static_assert(sizeof(struct elf_section) == 64, "gABI, Elf64_Shdr");

struct elf_symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};
_Static_assert(sizeof(struct elf_symbol) == 24, "gABI, Elf64_Sym");

#endif
