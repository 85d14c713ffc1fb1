/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_syscall.c - any sequence of system calls leaves the kernel's memory alone, leaks
 * nothing, and never gets ring 3 an address outside its half.
 *
 * Input: calls of 8 bytes: number, then six arguments of one byte and a spare. An argument names a
 * value of interest (a table below, or an address that mmap gave), so that the fuzzer gets deep. */
#include <stdlib.h>
#include <string.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "fakes/root_process.h"
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/user_copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALL_SIZE = 8, REMEMBERED = 8, CALLS_MAX = 256 };

static const uint64_t values[] = {
    0, 1, 2, 3, 5, 8, 31, 32, 64, 4095, 4096, 4097, 8192, 65536, 0x400000, 0x401000, 0x402000,
    MMAP_PRIVATE | MMAP_ANONYMOUS, MMAP_PRIVATE | MMAP_ANONYMOUS | MMAP_FIXED,
    USER_END - 4096, USER_END - 1, USER_END, 1ull << 47, 0xffff800000000000ull, INT64_MAX,
    1ull << 63, UINT64_MAX - 4095, UINT64_MAX, VM_IOCTL_START, VM_IOCTL_STOP, VM_IOCTL_WAIT,
    VM_IOCTL_PARTITION, VM_IOCTL_VP, VM_IOCTL_STATISTIC, REBOOT_MAGIC_1, REBOOT_MAGIC_2,
    REBOOT_RESTART, REBOOT_POWER_OFF, (uint64_t)OPENAT_CWD, CLOCK_MONOTONIC_ID,
};
enum { VALUES = sizeof(values) / sizeof(values[0]) };

static struct {
    uint64_t addresses[REMEMBERED];
    unsigned next;
} memory;

static uint64_t argument(uint8_t byte)
{
    if (byte < VALUES)
        return values[byte];
    return memory.addresses[byte % REMEMBERED] + (uint64_t)(byte >> 4) * 511;
}

static void check_space(void)
{
    uint64_t pages = 0, last = USER_BASE;

    LIST_FOR_EACH (l, &fake_process.process.space->areas) {
        const struct area *a = container_of(l, struct area, link);

        if (a->start < last || a->end <= a->start || a->end > USER_END)
            abort();
        last = a->end;
        pages += (a->end - a->start) / PAGE_SIZE;
    }
    if (pages != fake_process.process.space->pages ||
        pages > fake_process.process.space->pages_max)
        abort();
}

static const char paths[2][16] = {"/dev/console", "/dev/vm"};

static void one_call(const uint8_t *d)
{
    uint64_t number = d[0] < VALUES ? d[0] : (uint64_t)d[0] + (uint64_t)(d[7] & 1) * 128;
    int64_t result;

    fake_process.allocations_left = (d[7] & 0x80) != 0 ? d[7] & 0xf : -1;
    fake_process.input = "some input";
    result = fake_syscall(number, argument(d[1]), argument(d[2]), argument(d[3]), argument(d[4]),
                          argument(d[5]), argument(d[6]));
    fake_process.allocations_left = -1;
    if (number == SYSCALL_MMAP && result > 0) {
        if (!user_range_is_valid((uint64_t)result, 1))
            abort();
        memory.addresses[memory.next++ % REMEMBERED] = (uint64_t)result;
        copy_to_user((uint64_t)result, paths[d[7] >> 1 & 1], sizeof(paths[0]));
    }
    if (result < -4095 && result != FAKE_ENDED)
        abort();
    check_space();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&memory, 0, sizeof(memory));
    fake_process_begin();
    for (size_t i = 0; (i + 1) * CALL_SIZE <= size && i < CALLS_MAX; i++)
        one_call(data + i * CALL_SIZE);
    fake_process_end();
    return 0;
}
