/* SPDX-License-Identifier: MIT */
/* root/proc/start_frame.c - see start_frame.h. */
#include <rt/elf.h>
#include <rt/mem.h>
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/elf_load.h"
#include "proc/process.h"
#include "proc/random.h"
#include "proc/start_frame.h"

/* System V ABI for x86-64, figure 3.11; Linux has AT_RANDOM beside it. */
enum {
    AUX_END = 0,
    AUX_HEADERS = 3,
    AUX_HEADER_SIZE = 4,
    AUX_HEADER_COUNT = 5,
    AUX_PAGE_SIZE = 6,
    AUX_ENTRY = 9,
    AUX_RANDOM = 25,
};

enum { AUX_WORDS = 14, RANDOM_SIZE = 16, STACK_ALIGN = 16 };

/* argc, argv and its end, the end of envp, the auxiliary vector. */
enum { WORDS_MAX = 1 + PROCESS_ARGUMENTS_MAX + 2 + AUX_WORDS };

struct frame {
    struct address_space *space;
    uint64_t at; /* the lowest byte written so far */
};

/* Put @size bytes below what is there; their address, 0: not mapped. */
static uint64_t push(struct frame *f, const void *data, uint64_t size)
{
    f->at -= size;
    return space_write(f->space, f->at, data, size) ? f->at : 0;
}

static bool push_arguments(struct frame *f, const char *const *argv, uint32_t argc, uint64_t *words)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < argc; i++) {
        uint64_t size = strlen(argv[i]) + 1;

        total += size;
        if (total > START_TEXT_MAX)
            return false;
        words[i] = push(f, argv[i], size);
        if (words[i] == 0)
            return false;
    }
    return true;
}

static void fill_auxiliary(uint64_t *words, const struct elf_loaded *elf, uint64_t random)
{
    const uint64_t vector[AUX_WORDS] = {
        AUX_HEADERS,     elf->headers,
        AUX_HEADER_SIZE, sizeof(struct elf_program),
        AUX_HEADER_COUNT, elf->headers != 0 ? elf->header_count : 0,
        AUX_PAGE_SIZE,   PAGE_SIZE,
        AUX_ENTRY,       elf->entry,
        AUX_RANDOM,      random,
        AUX_END,         0,
    };

    memcpy(words, vector, sizeof(vector));
}

uint64_t start_frame_write(struct address_space *space, uint64_t top, const char *const *argv,
                           uint32_t argc, const struct elf_loaded *elf)
{
    struct frame f = {space, top};
    uint64_t words[WORDS_MAX] = {argc}, count = 1 + argc + 2 + AUX_WORDS, random;
    uint8_t bytes[RANDOM_SIZE];

    if (argc > PROCESS_ARGUMENTS_MAX || !push_arguments(&f, argv, argc, &words[1]))
        return 0;
    random_bytes(bytes, sizeof(bytes));
    random = push(&f, bytes, sizeof(bytes));
    if (random == 0)
        return 0;
    fill_auxiliary(&words[1 + argc + 2], elf, random);
    f.at = (f.at - count * sizeof(words[0])) / STACK_ALIGN * STACK_ALIGN +
           count * sizeof(words[0]); /* so that argc is aligned */
    return push(&f, words, count * sizeof(words[0]));
}
