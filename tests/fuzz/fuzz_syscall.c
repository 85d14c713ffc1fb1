/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_syscall.c - any sequence of system calls leaves the kernel's memory alone, leaks
 * nothing, and never gets ring 3 an address outside its half.
 *
 * Input: calls of 8 bytes: number, then six arguments of one byte and a spare. An argument names a
 * value of interest (a table below, or an address that mmap gave), so that the fuzzer gets deep. An
 * odd number of bytes is a machine without a hypervisor. */
#include <stdlib.h>
#include <string.h>
#include <rootabi/disk.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "fakes/root_process.h"
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "vm/operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALL_SIZE = 8, REMEMBERED = 8, CALLS_MAX = 256 };

static const uint64_t values[] = {
    0, 1, 2, 3, 5, 8, 31, 32, 64, 4095, 4096, 4097, 8192, 65536, 0x400000, 0x401000, 0x402000,
    MMAP_PRIVATE | MMAP_ANONYMOUS, MMAP_PRIVATE | MMAP_ANONYMOUS | MMAP_FIXED,
    USER_END - 4096, USER_END - 1, USER_END, 1ull << 47, 0xffff800000000000ull, INT64_MAX,
    1ull << 63, UINT64_MAX - 4095, UINT64_MAX, VM_IOCTL_START, VM_IOCTL_STOP, VM_IOCTL_WAIT,
    VM_IOCTL_PARTITION, VM_IOCTL_VP, VM_IOCTL_STATISTIC, REBOOT_MAGIC_1, REBOOT_MAGIC_2,
    REBOOT_RESTART, REBOOT_POWER_OFF, (uint64_t)OPENAT_CWD, CLOCK_MONOTONIC_ID,
    VM_IOCTL_HASH, VM_IOCTL_LP, ROOT_IOCTL_INFO, ROOT_IOCTL_CPU, ROOT_IOCTL_LOG, ROOT_IOCTL_OPTION,
    ROOT_IOCTL_MODULE, DISK_IOCTL_INFO, DISK_IOCTL_HASH, DISK_IOCTL_FILL, DISK_IOCTL_DISCARD,
    VM_IOCTL_CHANNEL, VM_IOCTL_CREATE, VM_IOCTL_WORKER,
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
    return memory.addresses[byte % REMEMBERED] + (uint64_t)(byte >> 6) * 511;
}

static void check_space(void)
{
    uint64_t pages = 0, last = USER_BASE;

    LIST_FOR_EACH(l, &fake_process.process.space->areas)
    {
        const struct area *a = container_of(l, struct area, link);

        if (a->start < last || a->end <= a->start || a->end > USER_END)
            abort();
        last = a->end;
        pages += (a->end - a->start) / PAGE_SIZE;
    }
    if (pages != fake_process.process.space->pages || pages > fake_process.process.space->pages_max)
        abort();
}

/* What mmap's memory begins with: paths to open, and names and keys for ioctls. */
static const char texts[8][16] = {"/dev/console", "/dev/vm",  "/dev/root", "/dev/disk",
                                  "mem0",         "selftest", "",          "sixteen letters!"};

/* ---- whoever answers /dev/vm: texts have ends, and there are two of everything ---- */

#define CHECK_TEXT(text)                                                                           \
    do {                                                                                           \
        if (memchr(text, '\0', sizeof(text)) == NULL)                                              \
            abort();                                                                               \
    } while (0)

static int64_t second_is_last(uint32_t index)
{
    return index < 2 ? 0 : -ENOENT;
}

static int64_t start(struct vm_start *a)
{
    CHECK_TEXT(a->name);
    CHECK_TEXT(a->module);
    CHECK_TEXT(a->options);
    return a->vp_count == 1 ? 0 : -EINVAL;
}

static int64_t stop(struct vm_stop *a)
{
    CHECK_TEXT(a->name);
    return a->name[0] == 'm' ? 0 : -ENOENT;
}

static int64_t wait(struct vm_wait *a)
{
    CHECK_TEXT(a->name);
    return a->name[0] == 'm' ? 0 : -ENOENT;
}

static int64_t partition(struct vm_partition *a)
{
    return second_is_last(a->index);
}

static int64_t vp(struct vm_vp *a)
{
    return second_is_last(a->index);
}

static int64_t statistic(struct vm_statistic *a)
{
    return second_is_last(a->index);
}

static int64_t hash(struct vm_hash *a)
{
    CHECK_TEXT(a->name);
    return a->name[0] == 'm' ? 0 : -ENOENT;
}

static int64_t lp(struct vm_lp *a)
{
    return second_is_last(a->index);
}

static int64_t channel(struct vm_channel *a)
{
    return second_is_last(a->index);
}

static const struct file_operations partition_operations = {.name = "partition"};

static int64_t create(struct vm_create *a, struct file **out)
{
    CHECK_TEXT(a->name);
    for (unsigned i = 0; i < VM_DISKS_MAX; i++)
        CHECK_TEXT(a->disks[i].name);
    *out = file_create(&partition_operations, NULL, OPEN_READ_WRITE);
    return *out != NULL ? 0 : -ENOMEM;
}

static int64_t worker(struct file *partition_file, struct file *control, struct vm_worker *a)
{
    CHECK_TEXT(a->module);
    CHECK_TEXT(a->argument);
    return partition_file->ops != &partition_operations || control == partition_file ? -EBADF : 0;
}

static const struct vm_operations operations = {
    .start = start,
    .stop = stop,
    .wait = wait,
    .partition = partition,
    .vp = vp,
    .statistic = statistic,
    .hash = hash,
    .lp = lp,
    .channel = channel,
    .create = create,
    .worker = worker,
};

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
        copy_to_user((uint64_t)result, texts[d[7] >> 1 & 7], sizeof(texts[0]));
    }
    if (result < -4095 && result != FAKE_ENDED)
        abort();
    check_space();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&memory, 0, sizeof(memory));
    fake_process_begin();
    vm_register(size % 2 == 0 ? &operations : NULL); /* without a hypervisor there is nobody */
    for (size_t i = 0; (i + 1) * CALL_SIZE <= size && i < CALLS_MAX; i++)
        one_call(data + i * CALL_SIZE);
    fake_process_end();
    return 0;
}
