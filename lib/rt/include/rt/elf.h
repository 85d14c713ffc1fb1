/* SPDX-License-Identifier: MIT */
/* rt/elf.h - ELF64 executables for x86-64: the format (System V gABI, chapters 4 and 5), and reading
 * the headers of a file that may come from anybody.
 *
 * Rules: headers are copied, then checked; no byte beyond the file's size is touched. What is wrong
 * comes as words that follow the name of the file. */
#ifndef RT_ELF_H
#define RT_ELF_H

#include <stdbool.h>
#include <stdint.h>

#define ELF_MAGIC      "\177ELF"
#define ELF_MAGIC_SIZE 4

enum {
    ELF_CLASS_64 = 2,      /* ident[ELF_IDENT_CLASS] */
    ELF_LITTLE_ENDIAN = 1, /* ident[ELF_IDENT_DATA] */
    ELF_IDENT_CLASS = 4,
    ELF_IDENT_DATA = 5,
    ELF_TYPE_EXECUTABLE = 2,
    ELF_MACHINE_X86_64 = 62,
    ELF_PROGRAM_LOAD = 1,
    ELF_PROGRAM_EXECUTE = 1, /* elf_program.flags */
    ELF_PROGRAM_WRITE = 2,
    ELF_PROGRAM_READ = 4,
    ELF_SECTION_SYMBOLS = 2,
    ELF_SECTION_NOTE = 7,
    ELF_SYMBOL_FUNCTION = 2,
    ELF_SYMBOL_TYPE_MASK = 0xf,
    ELF_NOTE_BUILD_ID = 3, /* of the name "GNU" */
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

/* Followed by the name and the descriptor, each padded to 4 bytes. */
struct elf_note {
    uint32_t name_size, descriptor_size, type;
};
_Static_assert(sizeof(struct elf_note) == 12, "gABI, note section");

/* Are the @length bytes from @offset inside a file of @size bytes? */
static inline bool elf_inside(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

/* Copy the header of the @size bytes at @file to @h. NULL: it is a fixed-address executable for
 * x86-64 whose program headers are in the file. */
const char *elf_check(const void *file, uint64_t size, struct elf_header *h);

/* The first segment that is to be loaded from program header *@next on, in @p; *@next moves behind it.
 * @h is of the same file, and checked. False: there is none, with *@wrong NULL, or it is not in the
 * file. */
bool elf_next_segment(const void *file, uint64_t size, const struct elf_header *h, uint32_t *next,
                      struct elf_program *p, const char **wrong);

/* The symbol table of a file, in place. All zero: none. */
struct elf_symbols {
    const struct elf_symbol *symbols;
    uint64_t count;
    const char *strings; /* ends with a NUL */
    uint64_t strings_size;
};

/* Find it; @file is aligned, stays as it is, and may be of any kind: without a table of symbols that
 * is in the file, @t is left alone. */
void elf_symbols_find(const void *file, uint64_t size, struct elf_symbols *t);

/* The function that @address lies in and the distance from its start; NULL: unknown. */
const char *elf_symbol_name(const struct elf_symbols *t, uint64_t address, uint64_t *offset);

#endif
