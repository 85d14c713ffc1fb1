/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_process.c - see root_process.h. No test library: fuzzers use it too. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <rootabi/syscall.h>
#include "cpu/tlb.h"
#include "fakes/root_process.h"
#include "mm/boot_memory.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "power.h"
#include "proc/devices.h"
#include "proc/syscall.h"

enum { PAGES_MAX = 256 };

struct fake_process fake_process;
static jmp_buf ended;

static bool allocation_allowed(void)
{
    if (fake_process.allocations_left == 0)
        return false;
    if (fake_process.allocations_left > 0)
        fake_process.allocations_left--;
    fake_process.live++;
    return true;
}

void *kalloc(size_t size)
{
    return allocation_allowed() ? calloc(1, size) : NULL;
}

void kfree(void *p)
{
    fake_process.live -= p != NULL;
    free(p);
}

uint64_t page_alloc(unsigned order)
{
    void *p = NULL;

    if (!allocation_allowed() || posix_memalign(&p, PAGE_SIZE, PAGE_SIZE << order) != 0)
        return 0;
    memset(p, 0xa5, PAGE_SIZE << order);
    return (uint64_t)(uintptr_t)p;
}

void page_free(uint64_t physical, unsigned order)
{
    (void)order;
    fake_process.live--;
    free((void *)(uintptr_t)physical);
}

void page_zero(uint64_t physical, unsigned order)
{
    memset((void *)(uintptr_t)physical, 0, PAGE_SIZE << order);
}

void *phys_to_virt(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

void *boot_memory_access(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

uint64_t pt_table_alloc(void)
{
    uint64_t page = page_alloc(0);

    if (page != 0)
        page_zero(page, 0);
    return page;
}

uint64_t paging_new_root(void)
{
    return pt_table_alloc();
}

void tlb_flush_space(const struct address_space *space)
{
    if (space != fake_process.process.space)
        abort();
    fake_process.flushes++;
}

void mutex_init(struct mutex *m)
{
    m->held = false;
}

void mutex_lock(struct mutex *m)
{
    if (m->held)
        abort();
    m->held = true;
}

void mutex_unlock(struct mutex *m)
{
    if (!m->held)
        abort();
    m->held = false;
}

/* The byte of ring 3's memory at @address; NULL: a fault. */
static uint8_t *user_byte(uint64_t address, bool writing)
{
    uint64_t *entry = pt_entry(fake_process.process.space->root, address, PT_LEVEL_4K, false);

    if (entry == NULL || (*entry & PTE_P) == 0 || (*entry & PTE_US) == 0 ||
        (writing && (*entry & PTE_RW) == 0))
        return NULL;
    return (uint8_t *)phys_to_virt(*entry & PTE_ADDR_MASK) + address % PAGE_SIZE;
}

bool copy_from_user(void *to, uint64_t from, size_t size)
{
    if (!user_range_is_valid(from, size))
        return false;
    for (size_t i = 0; i < size; i++) {
        const uint8_t *b = user_byte(from + i, false);

        if (b == NULL)
            return false;
        ((uint8_t *)to)[i] = *b;
    }
    return true;
}

bool copy_to_user(uint64_t to, const void *from, size_t size)
{
    if (!user_range_is_valid(to, size))
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t *b = user_byte(to + i, true);

        if (b == NULL)
            return false;
        *b = ((const uint8_t *)from)[i];
    }
    return true;
}

bool copy_string_from_user(char *to, uint64_t from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!copy_from_user(&to[i], from + i, 1))
            return false;
        if (to[i] == '\0')
            return true;
    }
    return false;
}

static int64_t console_read(char *buffer, size_t size)
{
    size_t n = strlen(fake_process.input);

    n = n < size ? n : size;
    memcpy(buffer, fake_process.input, n);
    fake_process.input += n;
    return (int64_t)n;
}

static int64_t console_write(const char *buffer, size_t size)
{
    size_t n = size < sizeof(fake_process.console) ? size : sizeof(fake_process.console);

    memcpy(fake_process.console, buffer, n);
    fake_process.console_length = n;
    return (int64_t)size;
}

static bool console_would_sleep(void)
{
    return fake_process.input[0] == '\0';
}

static const struct device console = {.path = "/dev/console",
                                      .read = console_read,
                                      .would_sleep = console_would_sleep,
                                      .write = console_write};

const struct device *const file_devices[] = {&console, &dev_root, &dev_vm, &dev_disk};
const uint32_t file_device_count = sizeof(file_devices) / sizeof(file_devices[0]);

void thread_yield(void)
{
    fake_process.now++;
}

void thread_sleep(uint64_t ns)
{
    fake_process.now += ns;
}

uint64_t time_now(void)
{
    return fake_process.now;
}

void process_exit(int32_t status)
{
    fake_process.exit_status = (uint64_t)(uint32_t)status;
    longjmp(ended, 1);
}

void power_reset(void)
{
    fake_process.resets++;
    longjmp(ended, 1);
}

void power_off(void)
{
    fake_process.power_offs++;
    longjmp(ended, 1);
}

void fake_process_begin(void)
{
    fake_process = (struct fake_process){.allocations_left = -1, .input = ""};
    fake_devices_init();
    fake_process.live = 0;
    fake_process.process.space = space_create(PAGES_MAX);
    for (unsigned fd = 0; fd <= 2; fd++)
        if (file_open(&fake_process.process.files, "/dev/console", OPEN_READ_WRITE) != fd)
            abort();
}

void fake_process_end(void)
{
    space_destroy(fake_process.process.space);
    if (fake_process.live != 0)
        abort();
}

int64_t fake_syscall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                     uint64_t a4, uint64_t a5)
{
    const uint64_t arguments[SYSCALL_ARGUMENTS] = {a0, a1, a2, a3, a4, a5};

    if (setjmp(ended) != 0)
        return FAKE_ENDED;
    return syscall_dispatch(&fake_process.process, number, arguments);
}
