/* SPDX-License-Identifier: MIT */
/* tests/user/cycles.c - in the shell's place: makes and ends children many times, and counts what
 * is left of them. boot.cfg's exec says how: "MODE COUNT SEED", with MODE one of cycles  let them
 * run to their end, or stop them at any moment stops   stop each where hvdebug=stop has suspended
 * it io      stop each at any moment, until COUNT were stopped amidst I/O to their disk, which is
 * on another bus each time; meanwhile another child reads disk nvme0 again and again, and must get
 * on before and after each stop Then the machine is switched off. A sibling child runs all the
 * time; its memory must not change. */
#include <stdbool.h>
#include <hvabi/partition.h>
#include <rt/mem.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"

enum {
    WARM_UP = 20, /* children before the first count: root's own memory finds its size */
    VPS_MAX = 4,
    CHILD_MIB = 2,
    DISK_MIB = 8,
    SIBLING_MIB = 4,
    RUN_MICROSECONDS = 3000,
    IO_MICROSECONDS = 30000,
    EARLY_STOPS = 8,    /* one of so many may come before the child's first I/O */
    TRIES_PER_STOP = 4, /* at most, until it falls amidst I/O */
    READER_LOOPS = 8,   /* over its disk */
    BUSES = 3,          /* that a writer's disk may be on */
    POLL_NS = 100000,
    POLLS_MAX = 30000, /* far beyond any child's way to its exit */
    WORDS = 3,
};

#define NS_PER_US     1000u
#define SIBLING_READY "still: ready"

int main(void);

static struct {
    int root, vm;
    uint64_t random;
    unsigned failed;
} run;

static const char writers_disks[BUSES][8] = {"nvme1", "ahci1", "virtio0"};

/* What the mode "io" has seen. */
static struct {
    unsigned stops, beside; /* in all; while the reader was at work */
    unsigned amidst[BUSES]; /* I/O, as root counts them */
    unsigned readers;       /* one after the other; those of the warm-up, too */
} seen;

static uint64_t next_random(void)
{
    uint64_t z = run.random += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void fail(const char *what, const char *name, int64_t result)
{
    run.failed++;
    print("FAIL %s %s: %s\n", what, name, result < 0 ? error_text(result) : "not as it should be");
}

/* ---- counting ---- */

struct count {
    char name[56];
    uint64_t value;
};

enum { COUNTS = 16 };

static bool is_counted(const char *name)
{
    return strncmp(name, "hypervisor.", strlen("hypervisor.")) == 0 ||
           strcmp(name, "root.deposited_pages") == 0 || strcmp(name, "root.gpadls") == 0 ||
           strcmp(name, "root.channels") == 0;
}

/* The hypervisor's counts, and root's; how many. */
static unsigned take_counts(struct count *counts)
{
    struct vm_statistic s = {0};
    struct root_info info = {0};
    unsigned n = 0;

    for (; ioctl(run.vm, VM_IOCTL_STATISTIC, &s) == 0 && n < COUNTS - 1; s.index++) {
        if (!is_counted(s.name))
            continue;
        rt_strlcpy(counts[n].name, s.name, sizeof(counts[n].name));
        counts[n++].value = s.value;
    }
    ioctl(run.root, ROOT_IOCTL_INFO, &info);
    rt_strlcpy(counts[n].name, "root.memory_free", sizeof(counts[n].name));
    counts[n++].value = info.memory_free;
    return n;
}

static void compare_counts(const struct count *before, unsigned n)
{
    struct count after[COUNTS];

    if (take_counts(after) != n)
        fail("counting", "twice", 0);
    for (unsigned i = 0; i < n; i++) {
        if (after[i].value != before[i].value)
            run.failed++;
        print("%s %s: %lu before, %lu after\n", after[i].value == before[i].value ? "PASS" : "FAIL",
              after[i].name, before[i].value, after[i].value);
    }
}

/* ---- the sibling ---- */

static bool log_says(const char *text)
{
    static struct root_log l;
    size_t matched = 0;

    l.position = 0;
    while (ioctl(run.root, ROOT_IOCTL_LOG, &l) == 0 && l.length != 0)
        for (uint32_t i = 0; i < l.length; i++) {
            matched = l.text[i] == text[matched] ? matched + 1 : l.text[i] == text[0];
            if (text[matched] == '\0')
                return true;
        }
    return false;
}

static bool start_sibling(const char *options)
{
    struct vm_start s = {
        .name = "still", .module = "still.elf", .vp_count = 1, .memory_mib = SIBLING_MIB};
    int64_t result;

    rt_strlcpy(s.options, options, sizeof(s.options));
    result = ioctl(run.vm, VM_IOCTL_START, &s);
    if (result < 0) {
        fail("start", s.name, result);
        return false;
    }
    while (!log_says(SIBLING_READY))
        sleep_ns(POLL_NS);
    return true;
}

static struct vm_hash sibling_hash(void)
{
    struct vm_hash h = {.name = "still"};
    int64_t result = ioctl(run.vm, VM_IOCTL_HASH, &h);

    if (result < 0)
        fail("hash", h.name, result);
    return h;
}

/* ---- children ---- */

static bool start_child(const char *name)
{
    struct vm_start s = {
        .vp_count = 1 + (uint32_t)(next_random() % VPS_MAX),
        .memory_mib = CHILD_MIB,
        .privileges = HV_PRIVILEGE_ACCESS_VP_REGISTERS,
    };
    int64_t result;

    rt_strlcpy(s.name, name, sizeof(s.name));
    rt_snprintf(s.module, sizeof(s.module), "%s.elf", name);
    rt_snprintf(s.options, sizeof(s.options), "seed=%lu apic=%s", next_random(),
                next_random() % 2 ? "x" : "x2");
    result = ioctl(run.vm, VM_IOCTL_START, &s);
    if (result < 0)
        fail("start", name, result);
    return result == 0;
}

/* Its end must be @end. */
static void wait_child(const char *name, uint32_t end)
{
    struct vm_wait w = {0};
    int64_t result;

    rt_strlcpy(w.name, name, sizeof(w.name));
    result = ioctl(run.vm, VM_IOCTL_WAIT, &w);
    if (result < 0 || w.end != end || w.status != 0) {
        fail("end of", name, result);
        print("%s: %s\n", name, w.reason);
    }
}

static void stop_child(const char *name)
{
    struct vm_stop s = {0};
    int64_t result;

    rt_strlcpy(s.name, name, sizeof(s.name));
    result = ioctl(run.vm, VM_IOCTL_STOP, &s);
    if (result < 0)
        fail("stop", name, result);
    wait_child(name, VM_END_STOPPED);
}

static bool is_suspended(const char *name)
{
    struct vm_vp v = {0};

    for (; ioctl(run.vm, VM_IOCTL_VP, &v) == 0; v.index++)
        if (strcmp(v.partition, name) == 0 && v.suspended)
            return true;
    return false;
}

/* What its VPs do instead of stopping. */
static void print_vps(const char *name)
{
    struct vm_vp v = {0};

    for (; ioctl(run.vm, VM_IOCTL_VP, &v) == 0; v.index++)
        if (strcmp(v.partition, name) == 0)
            print("%s: VP %u %s after %lu exits\n", name, v.vp_index, v.state, v.exits);
}

static void one_stop(void)
{
    unsigned polls = 0;

    if (!start_child("churn"))
        return;
    while (!is_suspended("churn") && ++polls < POLLS_MAX)
        sleep_ns(POLL_NS);
    if (polls == POLLS_MAX) {
        fail("stop of", "churn", 0);
        print_vps("churn");
    }
    stop_child("churn");
}

static void one_cycle(unsigned i)
{
    if (i % 2 == 0) {
        if (start_child("hello"))
            wait_child("hello", VM_END_EXIT);
        return;
    }
    if (!start_child("churn"))
        return;
    sleep_ns(next_random() % RUN_MICROSECONDS * NS_PER_US);
    stop_child("churn");
}

/* ---- children with disks ---- */

static bool start_disk(const char *name, const char *disk, uint32_t flags, const char *options)
{
    struct vm_start s = {
        .module = "disk.elf",
        .vp_count = 1 + (uint32_t)(next_random() % VPS_MAX),
        .memory_mib = DISK_MIB,
        .disk_count = 1,
        .disks = {{.flags = flags}},
    };
    int64_t result;

    rt_strlcpy(s.name, name, sizeof(s.name));
    rt_strlcpy(s.disks[0].name, disk, sizeof(s.disks[0].name));
    rt_strlcpy(s.options, options, sizeof(s.options));
    result = ioctl(run.vm, VM_IOCTL_START, &s);
    if (result < 0)
        fail("start", name, result);
    return result == 0;
}

static bool has_ended(const char *name)
{
    struct vm_wait w = {.timeout_ns = 1};

    rt_strlcpy(w.name, name, sizeof(w.name));
    return ioctl(run.vm, VM_IOCTL_WAIT, &w) == 0;
}

struct io {
    uint64_t read_bytes, written_bytes;
    uint32_t under_way; /* requests */
};

/* Over the channels of @name; zeros where it has none. */
static struct io io_of(const char *name)
{
    struct vm_channel c = {0};
    struct io sum = {0};

    for (; ioctl(run.vm, VM_IOCTL_CHANNEL, &c) == 0; c.index++) {
        if (strcmp(c.partition, name) != 0)
            continue;
        sum.read_bytes += c.read_bytes;
        sum.written_bytes += c.written_bytes;
        sum.under_way += c.under_way;
    }
    return sum;
}

static void start_reader(void)
{
    char options[48];

    rt_snprintf(options, sizeof(options), "piece=65536 ledger=1 loops=%u", READER_LOOPS);
    if (start_disk("reader", "nvme0", VM_DISK_READ_ONLY, options))
        seen.readers++;
}

/* The reader runs; has it ended by itself, another does. */
static void keep_reading(void)
{
    if (!has_ended("reader"))
        return;
    wait_child("reader", VM_END_EXIT);
    start_reader();
}

/* What @name does instead of I/O. */
static void fail_io(const char *what, const char *name)
{
    struct vm_channel c = {0};

    fail(what, name, 0);
    for (; ioctl(run.vm, VM_IOCTL_CHANNEL, &c) == 0; c.index++)
        if (strcmp(c.partition, name) == 0)
            print("%s: channel %u.%u %s, VP %u: in %lu packets, %lu batches, out %lu, %lu signals, "
                  "%u of %lu requests under way\n",
                  name, c.relid, c.sub_channel, c.state, c.target_vp, c.packets_in, c.batches_in,
                  c.packets_out, c.signals_out, c.under_way, c.requests);
    print_vps(name);
}

/* It reads on, and has not ended. */
static bool reader_goes_on(void)
{
    uint64_t before = io_of("reader").read_bytes;

    for (unsigned polls = 0; polls < POLLS_MAX && !has_ended("reader"); polls++) {
        if (io_of("reader").read_bytes > before)
            return true;
        sleep_ns(POLL_NS);
    }
    if (!has_ended("reader"))
        fail_io("reads of", "reader");
    return false;
}

/* Until it has requests under way, after its first write. */
static void await_io(const char *name)
{
    unsigned polls = 0;

    do {
        struct io now = io_of(name);

        if (now.written_bytes != 0 && now.under_way != 0)
            return;
        sleep_ns(POLL_NS);
    } while (++polls < POLLS_MAX);
    fail_io("I/O of", name);
}

static uint64_t ends_amidst_io(void)
{
    struct vm_statistic s = {0};

    for (; ioctl(run.vm, VM_IOCTL_STATISTIC, &s) == 0; s.index++)
        if (strcmp(s.name, "root.ends_amidst_io") == 0)
            return s.value;
    fail("counting", "ends amidst I/O", 0);
    return 0;
}

static bool start_writer(unsigned bus)
{
    char options[80];

    rt_snprintf(options, sizeof(options), "write=0,65536,%lu piece=16384 depth=4 forever=1",
                next_random() >> 1);
    return start_disk("writer", writers_disks[bus], 0, options);
}

/* Whether the stop fell amidst I/O. */
static bool one_io(unsigned bus)
{
    bool beside, early = next_random() % EARLY_STOPS == 0;
    uint64_t before;

    keep_reading();
    if (!start_writer(bus))
        return false;
    if (!early)
        await_io("writer");
    beside = reader_goes_on();
    sleep_ns(next_random() % IO_MICROSECONDS * NS_PER_US);
    if (!early)
        await_io("writer"); /* it computes now and then */
    before = ends_amidst_io();
    seen.stops++;
    stop_child("writer");
    seen.beside += beside && reader_goes_on();
    return ends_amidst_io() != before;
}

/* Until @count stops fell amidst I/O, or it is clear that they do not. */
static void repeat_io(unsigned count)
{
    unsigned amidst = 0, tries = 0;

    seen.stops = 0;
    seen.beside = 0;
    memset(seen.amidst, 0, sizeof(seen.amidst));
    start_reader();
    for (; amidst < count && tries < count * TRIES_PER_STOP && run.failed == 0; tries++) {
        unsigned bus = (unsigned)(next_random() % BUSES);

        if (one_io(bus)) {
            seen.amidst[bus]++;
            amidst++;
        }
    }
    wait_child("reader", VM_END_EXIT); /* what is counted is counted without it */
    print("io: %u stops, %u beside a reader at work\n", seen.stops, seen.beside);
    for (unsigned i = 0; i < BUSES; i++)
        print("io: %s: %u amidst I/O\n", writers_disks[i], seen.amidst[i]);
    print("io: %u readers, %u loops each\n", seen.readers, READER_LOOPS);
    if (amidst < count)
        fail("stops amidst I/O of", "writer", 0);
}

/* ---- the whole ---- */

static void repeat_cycles(unsigned count)
{
    for (unsigned i = 0; i < count && run.failed == 0; i++)
        one_cycle(i);
}

static void repeat_stops(unsigned count)
{
    for (unsigned i = 0; i < count && run.failed == 0; i++)
        one_stop();
}

static const struct mode {
    const char *name;
    void (*repeat)(unsigned count);
    const char *sibling; /* how it is to wait: children with disks need the processors */
} modes[] = {
    {"cycles", repeat_cycles, ""},
    {"stops", repeat_stops, ""},
    {"io", repeat_io, "rest=1"},
};

/* NULL: the command is not one. */
static const struct mode *read_command(unsigned *count)
{
    static struct root_option o = {.key = "exec"};
    char *words[ARGUMENTS_MAX];
    uint64_t n;

    if (ioctl(run.root, ROOT_IOCTL_OPTION, &o) < 0 || split_words(o.value, words) != WORDS ||
        !parse_number(words[1], &n) || !parse_number(words[2], &run.random))
        return NULL;
    *count = (unsigned)n;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(words[0], modes[i].name) != 0)
            continue;
        print("%s: %u children, seed %lu\n", words[0], *count, run.random);
        return &modes[i];
    }
    return NULL;
}

static void test(const struct mode *m, unsigned count)
{
    static struct count before[COUNTS];
    struct vm_hash first, last;
    unsigned n;

    if (!start_sibling(m->sibling))
        return;
    m->repeat(WARM_UP);
    first = sibling_hash();
    n = take_counts(before);
    m->repeat(count);
    compare_counts(before, n);
    last = sibling_hash();
    print("%s the sibling's %lu bytes are as they were\n",
          memcmp(first.sha256, last.sha256, sizeof(first.sha256)) == 0 ? "PASS" : "FAIL",
          last.bytes);
    if (run.failed == 0)
        print("PASS %u children made and ended\n", count);
}

int main(void)
{
    const struct mode *m;
    unsigned count;

    run.root = (int)open("/dev/root", OPEN_READ_WRITE);
    run.vm = (int)open("/dev/vm", OPEN_READ_WRITE);
    m = read_command(&count);
    if (m != NULL)
        test(m, count);
    else
        print("FAIL exec is MODE COUNT SEED\n");
    reboot(REBOOT_POWER_OFF);
    return 1;
}
