/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_elf.c - any file as a program of ring 3 and as a guest's image: root reads inside
 * the file only, and writes inside the process or the child only. Nor do symbols lie outside of it. */
#include <stdlib.h>
#include <string.h>
#include <hvabi/guest_boot.h>
#include <rt/elf.h>
#include "child/image.h"
#include "fakes/root_process.h"
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/elf_load.h"

enum { IMAGE_ROOM = 1 << 16 }; /* of a child, above what is not for images */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void program(const uint8_t *data, size_t size)
{
    struct address_space *space;
    struct elf_loaded elf = {0};
    uint64_t last = USER_BASE;
    const char *wrong;

    fake_process_begin();
    space = fake_process.process.space;
    wrong = elf_load(space, data, size, &elf);
    if (wrong == NULL && (elf.entry < USER_BASE || elf.entry >= USER_END))
        abort();
    LIST_FOR_EACH(l, &space->areas)
    {
        const struct area *a = container_of(l, struct area, link);

        if (a->start < last || a->end <= a->start || a->end > USER_END)
            abort();
        last = a->end;
    }
    if (space->pages > space->pages_max)
        abort();
    fake_process_end();
}

static void child_write(void *context, uint64_t gpa, const void *data, size_t size)
{
    uint8_t *memory = context;

    if (gpa < GUEST_BOOT_IMAGE_GPA || gpa - GUEST_BOOT_IMAGE_GPA > IMAGE_ROOM ||
        size > IMAGE_ROOM - (gpa - GUEST_BOOT_IMAGE_GPA))
        abort();
    if (data != NULL)
        memcpy(memory + gpa - GUEST_BOOT_IMAGE_GPA, data, size);
    else
        memset(memory + gpa - GUEST_BOOT_IMAGE_GPA, 0, size);
}

static void guest(const uint8_t *data, size_t size)
{
    static uint8_t memory[IMAGE_ROOM] = {0};
    const struct image_target target = {
        .memory_size = GUEST_BOOT_IMAGE_GPA + IMAGE_ROOM, .write = child_write, .context = memory};
    uint64_t entry = 0;

    if (image_load(&target, data, size, &entry) == NULL && entry >= target.memory_size)
        abort();
}

/* And as an image of our own, whose symbols a dump wants. */
static void symbols(const uint8_t *data, size_t size)
{
    struct elf_symbols t = {0};
    uint64_t offset;
    uint8_t *file = malloc(size != 0 ? size : 1); /* aligned, which @data need not be */

    if (file == NULL)
        abort();
    memcpy(file, data, size);
    elf_symbols_find(file, size, &t);
    for (uint64_t address = 0; address < 64; address++) {
        const char *name = elf_symbol_name(&t, address << 12, &offset);

        if (name != NULL && strlen(name) > size)
            abort();
    }
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    program(data, size);
    guest(data, size);
    symbols(data, size);
    return 0;
}
