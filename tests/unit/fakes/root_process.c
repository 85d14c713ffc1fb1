/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_process.c - see root_process.h. No test library: fuzzers use it too. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "cpu/tlb.h"
#include "fakes/root_process.h"
#include "io/console.h"
#include "mm/boot_memory.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "power.h"
#include "proc/devices.h"
#include "proc/syscall.h"
#include "sched/wall_clock.h"
#include "sched/watch.h"

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
    m->next = m->serving = 0;
}

void mutex_lock(struct mutex *m)
{
    if (m->next++ != m->serving)
        abort();
}

void mutex_unlock(struct mutex *m)
{
    if (m->serving++ == m->next)
        abort();
}

/* The byte of ring 3's memory at @address; NULL: a fault. */
static uint8_t *user_byte(uint64_t address, bool writing)
{
    unsigned level;
    uint64_t *entry = pt_leaf(fake_process.process.space->root, address, &level);

    if (entry == NULL || (*entry & PTE_P) == 0 || (*entry & PTE_US) == 0 ||
        (writing && (*entry & PTE_RW) == 0))
        return NULL;
    return (uint8_t *)phys_to_virt(*entry & PTE_ADDR_MASK) + address % pt_level_size(level);
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

/* ---- the console ---- */

size_t console_read(char *buffer, size_t size)
{
    size_t n = strlen(fake_process.input);

    n = n < size ? n : size;
    memcpy(buffer, fake_process.input, n);
    fake_process.input += n;
    return n;
}

bool console_has_input(void)
{
    return fake_process.input[0] != '\0';
}

void console_watch(struct watch *w)
{
    watch_add(w, &fake_process.console_queue);
}

void fake_console_write(const char *text, size_t length)
{
    size_t room = sizeof(fake_process.console);
    size_t n = length < room ? length : room;

    memcpy(fake_process.console, text, n);
    fake_process.console_length = n;
    fake_process.console_total += length;
}

/* ---- waiting: the others act when the process sleeps ---- */

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){0};
    list_init(&q->waiters);
}

/* Let somebody else do something; false: nobody will. */
static bool others_act(void)
{
    void (*act)(void) = fake_process.others;

    fake_process.sleeps++;
    if (act == NULL)
        return false;
    fake_process.others = NULL;
    act();
    return true;
}

/* A wait that nobody ends is ended by a kill: fuzzers must not hang. */
static bool sleep_for(uint64_t deadline)
{
    if (fake_process.killed)
        return false;
    if (others_act())
        return true;
    if (deadline == WAIT_FOREVER)
        fake_process.killed = true;
    else
        fake_process.now = deadline;
    return false;
}

bool wait_until_killed(struct wait_queue *q, bool (*condition)(void *context), void *context,
                       uint64_t ns)
{
    uint64_t deadline = ns == WAIT_FOREVER ? WAIT_FOREVER : fake_process.now + ns;

    for (;;) {
        uint64_t flags = spin_lock(&q->lock);
        bool met = condition(context);

        spin_unlock(&q->lock, flags);
        if (met || !sleep_for(deadline))
            return met;
    }
}

void wake_all_locked(struct wait_queue *q)
{
    struct list *l;

    while ((l = list_pop_front(&q->waiters)) != NULL)
        container_of(l, struct waiter, link)->watch->woken = true;
}

void wake_all(struct wait_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    wake_all_locked(q);
    spin_unlock(&q->lock, flags);
}

void watch_init(struct watch *w, struct waiter *waiters, uint32_t max)
{
    *w = (struct watch){.waiters = waiters, .max = max};
}

void watch_begin(struct watch *w)
{
    watch_end(w);
    w->woken = false;
}

void watch_add(struct watch *w, struct wait_queue *q)
{
    if (w == NULL)
        return;
    if (w->count == w->max)
        abort();
    w->waiters[w->count] = (struct waiter){.queue = q, .watch = w};
    list_init(&w->waiters[w->count].link);
    list_push_back(&q->waiters, &w->waiters[w->count++].link);
}

bool watch_sleep(struct watch *w, uint64_t deadline)
{
    while (!w->woken)
        if (!sleep_for(deadline))
            return false;
    return true;
}

void watch_end(struct watch *w)
{
    while (w->count != 0)
        list_remove(&w->waiters[--w->count].link);
}

struct process *process_current(void)
{
    return &fake_process.process;
}

bool thread_killed(void)
{
    return fake_process.killed;
}

bool thread_sleep_killed(uint64_t ns)
{
    fake_process.now += ns;
    return !fake_process.killed;
}

void thread_yield(void)
{
    fake_process.now++;
}

uint64_t time_now(void)
{
    return fake_process.now;
}

uint64_t wall_clock_now(void)
{
    return FAKE_WALL_CLOCK + fake_process.clock_moved + fake_process.now;
}

void wall_clock_set(uint64_t ns)
{
    fake_process.clock_moved += ns - wall_clock_now();
}

uint64_t thread_fs_base(void)
{
    return fake_process.fs_base;
}

void thread_set_fs_base(uint64_t base)
{
    fake_process.fs_base = base;
}

int64_t process_kill_id(uint64_t id)
{
    if (id != fake_process.process.id)
        return -ESRCH;
    fake_process.killed = true;
    return 0;
}

void process_exit(int32_t status, const char *reason)
{
    (void)reason;
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
    fake_process.process.id = FAKE_ID;
    fake_process.process.space = space_create(PAGES_MAX);
    fake_process.process.space->brk_base = FAKE_BRK;
    fake_process.process.space->brk = FAKE_BRK;
    wait_queue_init(&fake_process.console_queue);
    for (unsigned fd = 0; fd <= 2; fd++)
        if (file_install(&fake_process.process.files,
                         file_create(&dev_console, NULL, OPEN_READ_WRITE)) != fd)
            abort();
}

void fake_process_end(void)
{
    fake_process.allocations_left = -1;
    file_close_all(&fake_process.process.files);
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
