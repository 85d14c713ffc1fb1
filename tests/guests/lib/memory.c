/* SPDX-License-Identifier: MIT */
/* memory.c - what is left of the child's memory, handed out from the image's end on. See guest.h.
 */
#include <hvabi/types.h>
#include <kern/guest_sync.h>

#include "guest.h"

extern uint8_t guest_image_end[];

static struct guest_ticket_lock memory_lock;
static uint64_t next; /* [memory_lock] the first byte that is not handed out; 0: nothing is yet */

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + HV_PAGE_SIZE - 1) & ~(uint64_t)(HV_PAGE_SIZE - 1);
}

static uint64_t memory_size(void)
{
    return ((const struct guest_boot *)(uintptr_t)GUEST_BOOT_GPA)->memory_size;
}

static uint64_t left_locked(void)
{
    if (next == 0)
        next = page_up((uintptr_t)guest_image_end);
    return memory_size() - next;
}

uint64_t guest_memory_left(void)
{
    uint64_t left;

    guest_ticket_acquire(&memory_lock);
    left = left_locked();
    guest_ticket_release(&memory_lock);
    return left;
}

void *guest_memory(uint64_t bytes)
{
    uint64_t left, memory;

    guest_ticket_acquire(&memory_lock);
    left = left_locked() & ~(uint64_t)(HV_PAGE_SIZE - 1);
    memory = next;
    if (bytes <= left)
        next += page_up(bytes);
    guest_ticket_release(&memory_lock);
    if (bytes <= left)
        return (void *)(uintptr_t)memory;
    guest_printf("guest: %llu bytes of memory are needed, %llu are left\n",
                 (unsigned long long)bytes, (unsigned long long)left);
    guest_exit(GUEST_EXIT_FAILED);
}

uint64_t guest_page_number(const void *page)
{
    return (uintptr_t)page / HV_PAGE_SIZE;
}

uint64_t *guest_page_numbers(const void *memory, uint32_t count)
{
    uint64_t *numbers = guest_memory(count * sizeof(*numbers));

    for (uint32_t i = 0; i < count; i++)
        numbers[i] = guest_page_number(memory) + i;
    return numbers;
}
