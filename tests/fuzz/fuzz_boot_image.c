/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_boot_image.c - any ELF file: an accepted plan keeps inside the file and memory.
 */
#include <stdlib.h>
#include "image.h"

#define PLACE_MAX (1u << 20) /* bytes of memory that the fuzzer really fills */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_plan plan;
    void *memory;

    if (image_check(data, size, &plan) != NULL)
        return 0;
    if (plan.size == 0 || plan.size > IMAGE_SPAN_MAX || plan.virtual_base + plan.size == 0 ||
        plan.entry < plan.virtual_base || plan.entry - plan.virtual_base >= plan.size)
        abort();
    if (plan.size > PLACE_MAX)
        return 0;
    memory = malloc(plan.size);
    image_place(&plan, data, memory);
    free(memory);
    return 0;
}
