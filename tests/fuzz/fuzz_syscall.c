/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_syscall.c - any sequence of system calls leaves the kernel's memory alone, leaks
 * nothing, and never gets ring 3 an address outside its half, or a right that it must not have.
 *
 * Input: calls of 8 bytes: number, then six arguments of one byte and a spare. An argument names a
 * value of interest (a table below, or an address that mmap gave), so that the fuzzer gets deep. An
 * odd number of bytes is a machine without a hypervisor; bit 1 of it makes the process a worker. */
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
#include "mm/page_table.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "proc/boot_files.h"
#include "proc/devices.h"
#include "proc/path.h"
#include "proc/socket.h"
#include "vm/operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALL_SIZE = 8, REMEMBERED = 8, CALLS_MAX = 256, GIVEN_LAST = 5 };

static const uint64_t values[] = {
    0, 1, 2, 3, 5, 8, 31, 32, 64, 4095, 4096, 4097, 8192, 65536, 0x400000, 0x401000, 0x402000,
    MMAP_PRIVATE | MMAP_ANONYMOUS, MMAP_PRIVATE | MMAP_ANONYMOUS | MMAP_FIXED,
    USER_END - 4096, USER_END - 1, USER_END, 1ull << 47, 0xffff800000000000ull, INT64_MAX,
    1ull << 63, UINT64_MAX - 4095, UINT64_MAX, VM_IOCTL_START, VM_IOCTL_STOP, VM_IOCTL_WAIT,
    VM_IOCTL_PARTITION, VM_IOCTL_VP, VM_IOCTL_STATISTIC, REBOOT_MAGIC_1, REBOOT_MAGIC_2,
    REBOOT_RESTART, REBOOT_POWER_OFF, (uint64_t)OPENAT_CWD, CLOCK_MONOTONIC_ID,
    VM_IOCTL_HASH, VM_IOCTL_LP, ROOT_IOCTL_INFO, ROOT_IOCTL_CPU, ROOT_IOCTL_LOG, ROOT_IOCTL_OPTION,
    ROOT_IOCTL_MODULE, DISK_IOCTL_INFO, DISK_IOCTL_HASH, DISK_IOCTL_FILL, DISK_IOCTL_DISCARD,
    MMAP_SHARED, MMAP_PRIVATE, MMAP_PRIVATE | MMAP_FIXED, MMAP_SHARED | MMAP_FIXED_NOREPLACE,
    FAKE_BRK, FAKE_BRK + 1, FAKE_BRK + 3 * PAGE_SIZE, PAGE_SIZE_2M, FAKE_MODULE_SIZE,
    SOCKET_SEQPACKET, SOCKET_SEQPACKET | SOCKET_NONBLOCK, MESSAGE_DONTWAIT, OPEN_DIRECTORY,
    OPENAT_EMPTY_PATH, ARCH_SET_FS_CODE, ARCH_GET_FS_CODE, SIGNAL_KILL, FAKE_ID, 111, 14, 4, 6, 9, 10, 11,
    VM_IOCTL_CHANNEL, VM_IOCTL_CREATE, VM_IOCTL_WORKER, DISK_IOCTL_READ,
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
    return memory.addresses[byte % REMEMBERED] + (uint64_t)(byte >> 3 & 7) * 32;
}

/* Memory of a module is never written or executed, whoever mapped it where. */
static void check_lent(const struct area *a)
{
    for (uint64_t at = a->start; at < a->end;) {
        unsigned level;
        const uint64_t *entry = pt_leaf(fake_process.process.space->root, at, &level);

        if (entry == NULL || (*entry & (PTE_P | PTE_RW | PTE_NX)) != (PTE_P | PTE_NX))
            abort();
        at += pt_level_size(level);
    }
}

static void check_space(void)
{
    const struct address_space *space = fake_process.process.space;
    uint64_t pages = 0, last = USER_BASE;

    LIST_FOR_EACH(l, &space->areas)
    {
        const struct area *a = container_of(l, struct area, link);

        if (a->start < last || a->end <= a->start || a->end > USER_END)
            abort();
        last = a->end;
        pages += a->lender != NULL ? 1 : (a->end - a->start) / PAGE_SIZE;
        if (a->lender != NULL)
            check_lent(a);
    }
    if (pages != space->pages || pages + space->tables > space->pages_max)
        abort();
    if (space->brk < FAKE_BRK)
        abort();
}

/* A worker has the console, the sockets it was given, and what /boot has. */
static void check_worker(void)
{
    const struct file_table *t = &fake_process.process.files;

    for (uint32_t fd = 0; fd < t->room; fd++)
        if (t->files[fd] != NULL && t->files[fd]->ops != &dev_console &&
            strcmp(t->files[fd]->ops->name, "/boot") != 0 &&
            strcmp(t->files[fd]->ops->name, "boot module") != 0 &&
            (t->files[fd]->ops != &socket_operations || fd > GIVEN_LAST))
            abort();
    if (fake_process.resets != 0 || fake_process.power_offs != 0)
        abort();
}

/* What mmap's memory begins with: paths to open, and names and keys for ioctls. */
static const char texts[16][16] = {
    "/dev/console", "/dev/vm", "/dev/root", "/dev/disk", "mem0", "selftest", "", "sixteen letters!",
    "/boot", "/boot/shell.elf", "/boot/hello.elf",
    /* names of sockets, and what poll looks at */
    "\1\0\0name", "\1\0\0other", "\1\0/path", "\3\0\0\0\5\0\0\0\4\0\0\0\5", "\0\0\0\0\1\0\0",
};

/* What mmap's memory goes on with, at TABLE: pieces, a message's header, room for more. */
enum { TABLE = 64 };

static void fill_table(uint64_t at)
{
    const uint64_t pieces[4] = {at, 16, at + 16, 5};
    const struct root_msghdr h = {.vector = at + TABLE, .vector_count = 2};

    copy_to_user(at + TABLE, pieces, sizeof(pieces));
    copy_to_user(at + TABLE + sizeof(pieces), &h, sizeof(h));
}

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

static int64_t channel(struct vm_channel *a)
{
    return second_is_last(a->index);
}

static int64_t lp(struct vm_lp *a)
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
    for (unsigned i = 0; i < VM_WORKER_FILES_MAX; i++)
        CHECK_TEXT(a->files[i]);
    return partition_file->ops != &partition_operations || control == partition_file ? -EBADF : 0;
}

/* ---- what the process has from the beginning ---- */

static void give(struct file *f)
{
    if (f == NULL || file_install(&fake_process.process.files, f) < 0)
        abort();
}

static void give_path(const char *path)
{
    struct file *f;

    if (path_open(&fake_process.process, path, path[1] == 'b' ? OPEN_READ : OPEN_READ_WRITE, &f) < 0)
        abort();
    give(f);
}

/* A module, two ends of a connection; the rest only for a system process. */
static void give_files(void)
{
    static const struct socket_name name = {4, "name"};
    struct file *pair[2], *listener, *fresh;

    fake_process.process.boot_files[0] = boot_module_of("/boot/shell.elf");
    fake_process.process.boot_file_count = 1;
    give_path("/boot/shell.elf");
    if (socket_create_pair(0, pair) < 0)
        abort();
    give(pair[0]);
    give(pair[1]);
    if (fake_process.process.kind != PROCESS_SYSTEM)
        return;
    if (socket_create(0, &listener) < 0 || socket_bind(listener, &name) < 0 ||
        socket_listen(listener, 2) < 0 || socket_create(OPEN_NONBLOCK, &fresh) < 0)
        abort();
    give(listener);
    give(fresh);
    give_path("/dev/disk");
    give_path("/dev/root");
    give_path("/dev/vm");
    give_path("/boot");
    give_path("/dev/net");
}

/* Memory with texts, pieces and a message's header in it. */
static void give_memory(void)
{
    for (unsigned i = 0; i < REMEMBERED; i++) {
        int64_t at = space_map(fake_process.process.space, 0, PAGE_SIZE, SPACE_READ | SPACE_WRITE);

        if (at <= 0)
            abort();
        memory.addresses[memory.next++ % REMEMBERED] = (uint64_t)at;
        copy_to_user((uint64_t)at, texts[2 * i], sizeof(texts[0]));
        copy_to_user((uint64_t)at + TABLE / 2, texts[2 * i + 1], sizeof(texts[0]));
        fill_table((uint64_t)at);
    }
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
    uint64_t number = (uint64_t)d[0] + (uint64_t)(d[7] & 1) * 128;
    int64_t result;

    fake_process.allocations_left = (d[7] & 0x80) != 0 ? d[7] & 0xf : -1;
    fake_process.input = "some input";
    fake_process.killed = false;
    result = fake_syscall(number, argument(d[1]), argument(d[2]), argument(d[3]), argument(d[4]),
                          argument(d[5]), argument(d[6]));
    fake_process.allocations_left = -1;
    if (number == SYSCALL_MMAP && result > 0) {
        if (!user_range_is_valid((uint64_t)result, 1))
            abort();
        memory.addresses[memory.next++ % REMEMBERED] = (uint64_t)result;
        copy_to_user((uint64_t)result, texts[d[7] >> 1 & 15], sizeof(texts[0]));
        fill_table((uint64_t)result);
    }
    if (result < -4095 && result != FAKE_ENDED)
        abort();
    check_space();
    if (fake_process.process.kind == PROCESS_WORKER)
        check_worker();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&memory, 0, sizeof(memory));
    fake_process_begin();
    vm_register(size % 2 == 0 ? &operations : NULL); /* without a hypervisor there is nobody */
    fake_process.process.kind = size % 4 < 2 ? PROCESS_SYSTEM : PROCESS_WORKER;
    give_files();
    give_memory();
    for (size_t i = 0; (i + 1) * CALL_SIZE <= size && i < CALLS_MAX; i++)
        one_call(data + i * CALL_SIZE);
    fake_process_end();
    return 0;
}
