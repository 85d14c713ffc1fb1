/* SPDX-License-Identifier: MIT */
/* tests/user/worker/service.c - in the shell's place: makes partitions whose workers do all kinds
 * of things, and looks at how each ends and at what is left of it. boot.cfg's exec: how often. Then
 * the machine is switched off. */
#include <rootabi/errno.h>
#include <rootabi/partition.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include <rt/mem.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"
#include "worker.h"

int main(void);

#define NS_PER_MS 1000000ull
#define LONG_NS   (60000 * NS_PER_MS)
#define GRACE_NS  (1000 * NS_PER_MS)

enum { WARM_UP = 2, COUNTS = 16, RUN_MS = 20 };

static struct {
    int root, vm;
    unsigned failed;
} run;

static void check(const char *what, bool passed)
{
    run.failed += !passed;
    if (!passed)
        print("FAIL %s\n", what);
}

static void expect(const char *what, int64_t result, int64_t wanted)
{
    if (result != wanted)
        print("%s: %d, not %d\n", what, (int)result, (int)wanted);
    check(what, result == wanted);
}

/* ---- one child ---- */

static int64_t create(const char *name, struct vm_create *a)
{
    int64_t result;

    rt_strlcpy(a->name, name, sizeof(a->name));
    result = ioctl(run.vm, VM_IOCTL_CREATE, a);
    return result;
}

static int create_plain(const char *name)
{
    struct vm_create a = {.memory_mib = WORKER_MIB};

    expect("CREATE", create(name, &a), 0);
    return a.fd;
}

/* The process's identifier. */
static uint32_t start_controlled(int partition, int control, const char *does)
{
    static struct vm_worker a;

    a = (struct vm_worker){.partition_fd = partition, .control_fd = control};
    rt_strlcpy(a.module, "worker", sizeof(a.module));
    rt_strlcpy(a.argument, does, sizeof(a.argument));
    expect("WORKER", ioctl(run.vm, VM_IOCTL_WORKER, &a), 0);
    return a.process_id;
}

static uint32_t start_worker(int partition, const char *does)
{
    return start_controlled(partition, -1, does);
}

static bool contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++)
        if (strncmp(text, part, strlen(part)) == 0)
            return true;
    return false;
}

/* It ends so, for a reason that says @why, and its file knows it. */
static void ends(const char *name, int partition, uint32_t end, uint32_t status, const char *why)
{
    struct vm_wait a = {.timeout_ns = LONG_NS};
    struct root_pollfd p = {.fd = partition, .events = POLL_IN};

    rt_strlcpy(a.name, name, sizeof(a.name));
    expect("WAIT", ioctl(run.vm, VM_IOCTL_WAIT, &a), 0);
    if (a.end != end || a.status != status || !contains(a.reason, why)) {
        print("%s: end %u, status %u: %s\n", name, a.end, a.status, a.reason);
        check(name, false);
    }
    if (partition < 0)
        return;
    expect("poll", system_call(SYSCALL_POLL, (uint64_t)(uintptr_t)&p, 1, 0, 0, 0), 1);
    check("POLLHUP", (p.revents & POLL_HANGUP) != 0);
    expect("close", close(partition), 0);
}

static void stop(const char *name)
{
    struct vm_stop a = {0};

    rt_strlcpy(a.name, name, sizeof(a.name));
    expect("STOP", ioctl(run.vm, VM_IOCTL_STOP, &a), 0);
}

static uint64_t now(void)
{
    struct root_timespec t;

    system_call(SYSCALL_CLOCK_GETTIME, CLOCK_MONOTONIC_ID, (uint64_t)(uintptr_t)&t, 0, 0, 0);
    return (uint64_t)t.seconds * 1000 * NS_PER_MS + (uint64_t)t.nanoseconds;
}

static uint64_t exits_of(const char *name)
{
    struct vm_vp a = {0};

    for (; ioctl(run.vm, VM_IOCTL_VP, &a) == 0; a.index++)
        if (strcmp(a.partition, name) == 0)
            return a.exits;
    return 0;
}

/* Its worker has set it up. */
static void wait_served(const char *name)
{
    while (exits_of(name) == 0)
        sleep_ns(NS_PER_MS);
}

/* ---- the ways to end ---- */

static void served(void)
{
    int fd = create_plain("served");

    start_worker(fd, "serve");
    ends("served", fd, VM_END_EXIT, GUEST_STATUS, "its exit port");
}

/* Its guest keeps it busy, and it is told to end nevertheless; then its control file closes. */
static void told(void)
{
    int fd = create_plain("told");
    int32_t control[2];
    uint8_t status = GUEST_STATUS + 1;

    expect("socketpair",
           system_call(SYSCALL_SOCKETPAIR, SOCKET_UNIX, SOCKET_SEQPACKET, 0,
                       (uint64_t)(uintptr_t)control, 0),
           0);
    start_controlled(fd, control[1], "obey");
    expect("close", close(control[1]), 0);
    sleep_ns(RUN_MS * NS_PER_MS);
    expect("write", write(control[0], &status, 1), 1);
    ends("told", fd, VM_END_EXIT, status, "its exit port");
    expect("a closed control file", read(control[0], &status, 1), 0);
    expect("close", close(control[0]), 0);
}

static void harmed(void)
{
    int fd = create_plain("hostile");

    start_worker(fd, "hostile");
    ends("hostile", fd, VM_END_EXIT, HOSTILE_STATUS, "harm?was ?[31mdone");
}

static void killed(void)
{
    int fd = create_plain("killed");
    uint32_t id = start_worker(fd, "read");

    wait_served("killed");
    expect("kill", system_call(SYSCALL_KILL, id, SIGNAL_KILL, 0, 0, 0), 0);
    ends("killed", fd, VM_END_FAILURE, 0, "killed");
}

static void stopped(void)
{
    int fd = create_plain("stopped");

    start_worker(fd, "read");
    wait_served("stopped");
    stop("stopped");
    ends("stopped", fd, VM_END_STOPPED, 0, "stopped");
}

static void lingered(void)
{
    int fd = create_plain("lingers");
    uint64_t before;

    start_worker(fd, "linger");
    wait_served("lingers");
    before = now();
    stop("lingers");
    ends("lingers", fd, VM_END_STOPPED, 0, "stopped");
    check("a worker has a second of grace", now() - before >= GRACE_NS);
}

static void faulted(void)
{
    int fd = create_plain("fault");

    start_worker(fd, "fault");
    ends("fault", fd, VM_END_FAULT, 0, "triple fault");
}

static void crashed(void)
{
    int fd = create_plain("crash");

    start_worker(fd, "crash");
    ends("crash", fd, VM_END_FAILURE, 0, "its worker has ended");
}

static void left(void)
{
    int fd = create_plain("left");

    start_worker(fd, "leave");
    ends("left", fd, VM_END_FAILURE, 0, "its worker has ended with status 3");
}

static void forgotten(void)
{
    int fd = create_plain("forgotten");

    expect("close", close(fd), 0);
    ends("forgotten", -1, VM_END_FAILURE, 0, "nobody has its partition file");
}

static void paused(void)
{
    int fd = create_plain("paused");
    uint64_t exits;

    start_worker(fd, "read");
    wait_served("paused");
    expect("PAUSE", ioctl(fd, PARTITION_IOCTL_PAUSE, NULL), 0);
    exits = exits_of("paused");
    sleep_ns(RUN_MS * NS_PER_MS);
    check("a paused child makes no exits", exits_of("paused") == exits);
    expect("RESUME", ioctl(fd, PARTITION_IOCTL_RESUME, NULL), 0);
    while (exits_of("paused") == exits)
        sleep_ns(NS_PER_MS);
    stop("paused");
    ends("paused", fd, VM_END_STOPPED, 0, "stopped");
}

/* Memory that a child has had stays with who maps it, and only that long. */
static void mapped(void)
{
    int fd = create_plain("mapped");
    int64_t at = system_call6(SYSCALL_MMAP, 0, PARTITION_PAGE, MMAP_PROT_READ | MMAP_PROT_WRITE,
                              MMAP_SHARED, (uint64_t)fd, PARTITION_MAP_RAM);
    volatile uint8_t *byte = (volatile uint8_t *)(uintptr_t)at;

    check("mmap", at > 0);
    *byte = 1;
    stop("mapped");
    ends("mapped", fd, VM_END_STOPPED, 0, "stopped");
    check("it is still there", *byte == 1);
    expect("munmap", system_call(SYSCALL_MUNMAP, (uint64_t)at, PARTITION_PAGE, 0, 0, 0), 0);
}

/* ---- what is refused ---- */

static void refused_children(void)
{
    static const struct {
        struct vm_create a;
        int64_t result;
    } cases[] = {
        {{.vp_count = 241}, -EINVAL},
        {{.memory_mib = 1}, -EINVAL},
        {{.weight = 10001}, -EINVAL},
        {{.disk_count = VM_DISKS_MAX + 1}, -EINVAL},
        {{.flags = 0x80000000}, -EINVAL},
        {{.cap = 0x10001}, -EINVAL},
        {{.reserve = 0x10001}, -EINVAL},
        {{.cap = 0x8000, .reserve = 0x8001}, -EINVAL},
        {{.vp_count = 240, .reserve = 0x10000}, -ENOSPC},
        {{.memory_mib = 1 << 20}, -ENOMEM},
        {{.disk_count = 1, .disks[0].name = "none"}, -ENOENT},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vm_create a = cases[i].a;

        expect("a child that cannot be", create("refused", &a), cases[i].result);
    }
}

static int64_t worker(int partition, int control, const char *module)
{
    static struct vm_worker a;

    a = (struct vm_worker){.partition_fd = partition, .control_fd = control};
    rt_strlcpy(a.module, module, sizeof(a.module));
    rt_strlcpy(a.argument, "read", sizeof(a.argument));
    return ioctl(run.vm, VM_IOCTL_WORKER, &a);
}

static void refused_workers(void)
{
    struct vm_create again = {.memory_mib = WORKER_MIB};
    int fd = create_plain("one");

    expect("a name twice", create("one", &again), -EEXIST);
    expect("a file that is no partition", worker(run.vm, -1, "worker"), -EBADF);
    expect("a file that is not open", worker(1000, -1, "worker"), -EBADF);
    expect("no control file", worker(fd, 1000, "worker"), -EBADF);
    expect("a second partition", worker(fd, fd, "worker"), -EINVAL);
    expect("no module", worker(fd, -1, "nobody"), -ENOENT);
    expect("a module that is no program", worker(fd, -1, "root.elf"), -ENOEXEC);
    expect("a worker", worker(fd, -1, "worker"), 0);
    expect("a second worker", worker(fd, -1, "worker"), -EBUSY);
    stop("one");
    ends("one", fd, VM_END_STOPPED, 0, "stopped");
}

/* ---- counting ---- */

struct count {
    char name[56];
    uint64_t value;
};

static unsigned take_counts(struct count *counts)
{
    struct vm_statistic s = {0};
    struct root_info info = {0};
    unsigned n = 0;

    for (; ioctl(run.vm, VM_IOCTL_STATISTIC, &s) == 0 && n < COUNTS - 1; s.index++) {
        if (strncmp(s.name, "hypervisor.", strlen("hypervisor.")) != 0 &&
            strcmp(s.name, "root.deposited_pages") != 0)
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

    check("as many counts", take_counts(after) == n);
    for (unsigned i = 0; i < n; i++) {
        run.failed += after[i].value != before[i].value;
        print("%s %s: %lu before, %lu after\n", after[i].value == before[i].value ? "PASS" : "FAIL",
              after[i].name, before[i].value, after[i].value);
    }
}

static void all_once(void)
{
    static void (*const ways[])(void) = {
        served,  told, harmed,    killed, stopped, lingered,         faulted,
        crashed, left, forgotten, paused, mapped,  refused_children, refused_workers};

    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        ways[i]();
}

/* As a figure of tools/bench. */
static void measure(void)
{
    int fd = create_plain("bench");
    struct vm_wait a = {.name = "bench", .timeout_ns = LONG_NS};

    start_worker(fd, "bench");
    expect("WAIT", ioctl(run.vm, VM_IOCTL_WAIT, &a), 0);
    expect("close", close(fd), 0);
    print("[bench] bench: port_read_worker instructions=%u exits=1 io=1\n", a.status);
}

static uint64_t rounds(void)
{
    struct root_option o = {.key = "exec"};
    uint64_t n = 0;

    ioctl(run.root, ROOT_IOCTL_OPTION, &o);
    if (strcmp(o.value, "bench") == 0)
        return 0;
    for (const char *at = o.value; *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

int main(void)
{
    struct count before[COUNTS];
    unsigned n;
    uint64_t count;

    run.root = (int)open("/dev/root", OPEN_READ);
    run.vm = (int)open("/dev/vm", OPEN_READ);
    count = rounds();
    if (count == 0) {
        measure();
        reboot(REBOOT_POWER_OFF);
    }
    for (unsigned i = 0; i < WARM_UP; i++)
        all_once();
    n = take_counts(before);
    for (uint64_t i = 0; i < count; i++)
        all_once();
    compare_counts(before, n);
    print("%s workers: %lu rounds, %u failures\n", run.failed == 0 ? "PASS" : "FAIL", count,
          run.failed);
    reboot(REBOOT_POWER_OFF);
    return 1;
}
