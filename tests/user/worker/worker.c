/* SPDX-License-Identifier: MIT */
/* tests/user/worker/worker.c - a worker for small guests; its argument says what it does:
 *   serve    all that there is, until the guest ends with GUEST_STATUS
 *   read     answers a guest that reads a port for ever
 *   obey     the same, but ends the child with the status that it is sent
 *   linger   the same as read, and does not end when its child has
 *   bench    answers reads of a port; the child's end has the status of what one took, in ns
 *   fault    its guest makes a triple fault
 *   leave    ends before its child does
 *   crash    makes a fault of its own
 *   hostile  calls whatever there is with bad arguments (hostile.c) */
#include <stdbool.h>
#include <hvabi/message.h>
#include <hvabi/regs.h>
#include <rootabi/errno.h>
#include <rootabi/partition.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include <rt/mem.h>
#include "hostile.h"
#include "lib/print.h"
#include "lib/system.h"
#include "worker.h"

int main(int argc, char **argv);

extern const uint8_t guest_serve[], guest_serve_end[], guest_bench[], guest_bench_end[],
    guest_read[], guest_read_end[], guest_fault[], guest_fault_end[];
extern const char guest_serve_handler[]; /* its address is an offset */

struct run {
    struct partition_info info;
    uint8_t *ram;
    const struct hv_message *message; /* of VP 0 */
    uint64_t reads, checked, ends;
    uint64_t first; /* when the figure begins */
    bool measures;
    int wake; /* what wakes it; -1: nothing */
};

static bool lingers; /* it does not end with its child */

_Noreturn static void fail(const char *what, int64_t result)
{
    print("FAIL worker: %s: %d\n", what, (int)result);
    exit(1); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

/* A child may end at any moment. */
static void call(uint32_t command, void *argument, const char *what)
{
    int64_t result = ioctl(PARTITION_FD, command, argument);

    while (result == -ENODEV && lingers)
        sleep_ns(1000000);
    if (result == -ENODEV)
        exit(0); /* NOLINT(concurrency-mt-unsafe): there is one thread */
    if (result != 0)
        fail(what, result);
}

static void *map(uint64_t size, uint32_t protection, uint64_t offset, const char *what)
{
    int64_t at = system_call6(SYSCALL_MMAP, 0, size, protection, MMAP_SHARED, PARTITION_FD, offset);

    if (at < 0)
        fail(what, at);
    return (void *)(uintptr_t)at;
}

/* ---- the beginning ---- */

static void set_up(struct run *r)
{
    call(PARTITION_IOCTL_INFO, &r->info, "INFO");
    r->ram = map(r->info.low_bytes, MMAP_PROT_READ | MMAP_PROT_WRITE, PARTITION_MAP_RAM, "RAM");
    r->message = map(PARTITION_PAGE, MMAP_PROT_READ, PARTITION_MAP_INTERCEPT, "intercept page");
}

static struct hv_register_assoc segment(uint32_t name, uint64_t base, uint16_t attributes)
{
    struct hv_register_assoc r = {.name = name};

    r.value.segment.base = base;
    r.value.segment.limit = 0xffff;
    r.value.segment.attributes = attributes;
    return r;
}

static void run_guest(struct run *r, const uint8_t *code, const uint8_t *end)
{
    enum { CODE = 0x9b, DATA = 0x93 };
    struct partition_ports ports = {PORT_COUNT, PORT_EXIT + 1 - PORT_COUNT};
    struct partition_registers a = {.count = 6};

    memcpy(r->ram + GUEST_CODE, code, (size_t)(end - code));
    a.registers[0] = segment(HvX64RegisterCs, 0, CODE);
    a.registers[1] = segment(HvX64RegisterDs, GUEST_MEMORY, DATA);
    a.registers[2] = segment(HvX64RegisterEs, GUEST_APIC, DATA);
    a.registers[3] = segment(HvX64RegisterSs, 0, DATA);
    a.registers[4] =
        (struct hv_register_assoc){.name = HvX64RegisterRip, .value.reg64 = GUEST_CODE};
    a.registers[5] =
        (struct hv_register_assoc){.name = HvX64RegisterRsp, .value.reg64 = GUEST_STACK};
    call(PARTITION_IOCTL_REGISTERS_SET, &a, "REGISTERS_SET");
    call(PARTITION_IOCTL_PORTS, &ports, "PORTS");
    call(PARTITION_IOCTL_RUN, NULL, "RUN");
}

/* ---- intercepts ---- */

static uint64_t now(void)
{
    struct root_timespec t;

    system_call(SYSCALL_CLOCK_GETTIME, CLOCK_MONOTONIC_ID, (uint64_t)(uintptr_t)&t, 0, 0, 0);
    return (uint64_t)t.seconds * 1000000000u + (uint64_t)t.nanoseconds;
}

static void interrupt_it(void)
{
    struct partition_interrupt a = {.type = 0, .vector = GUEST_VECTOR, .level = 1};

    call(PARTITION_IOCTL_INTERRUPT, &a, "INTERRUPT");
}

static void end_it(uint32_t status)
{
    struct partition_end a = {.end = VM_END_EXIT, .status = status};

    rt_strlcpy(a.reason, "it wrote to its exit port", sizeof(a.reason));
    call(PARTITION_IOCTL_END, &a, "END");
}

static void finish(const struct run *r, uint8_t status)
{
    print("%s worker: %lu of %lu reads came back\n",
          r->checked == GUEST_READS && r->reads == GUEST_READS ? "PASS" : "FAIL", r->checked,
          r->reads);
    print("%s worker: %lu ends of interrupts\n", r->ends == 1 ? "PASS" : "FAIL", r->ends);
    end_it(status);
}

static void port_written(struct run *r, uint16_t port, uint8_t value)
{
    switch (port) {
    case PORT_CHECK:
        r->checked += value == (uint8_t)r->reads;
        break;
    case PORT_MEMORY:
        print("%s worker: the guest reads %x where no RAM is\n",
              value == GUEST_BYTE ? "PASS" : "FAIL", value);
        break;
    case PORT_READY:
        if (value == 1)
            interrupt_it();
        break;
    case PORT_EXIT:
        if (r->measures)
            end_it((uint32_t)((now() - r->first) / (BENCH_READS / 2)));
        else
            finish(r, value);
        break;
    default:
        fail("a port that nobody knows", port);
    }
}
static void answer_port(struct run *r, struct partition_next *a)
{
    const struct hv_x64_io_port_intercept_message *m = (const void *)r->message->payload;

    if (m->header.access_type == HvInterceptAccessRead) {
        r->reads++;
        if (r->measures && r->reads == BENCH_READS / 2)
            r->first = now();
        a->rax = (m->rax & ~0xffull) | (uint8_t)r->reads;
        a->flags |= PARTITION_ANSWER_RAX;
    } else {
        port_written(r, m->port_number, (uint8_t)m->rax);
    }
}

/* MOV AL, [0] has three bytes. */
static void answer_memory(struct run *r, struct partition_next *a)
{
    enum { LENGTH = 3 };
    const struct hv_x64_memory_intercept_message *m = (const void *)r->message->payload;
    struct partition_registers set = {.count = 1};

    if (m->guest_physical_address != GUEST_MEMORY)
        fail("an address that nobody knows", (int64_t)m->guest_physical_address);
    set.registers[0].name = HvX64RegisterRax;
    set.registers[0].value.reg64 = GUEST_BYTE;
    call(PARTITION_IOCTL_REGISTERS_SET, &set, "RAX");
    a->rip = m->header.rip + LENGTH;
}

static void answer(struct run *r, struct partition_next *a)
{
    const struct hv_x64_intercept_message_header *h = (const void *)r->message->payload;

    a->answered_vp = a->vp;
    a->flags = PARTITION_ANSWER_RIP;
    a->rip = h->rip + (h->length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK);
    switch (r->message->header.message_type) {
    case HvMessageTypeX64IoPortIntercept:
        answer_port(r, a);
        break;
    case HvMessageTypeUnmappedGpa:
        answer_memory(r, a);
        break;
    default:
        fail("a message that nobody knows", r->message->header.message_type);
    }
}

static void obey(void)
{
    uint8_t status;

    if (read(PARTITION_CONTROL_FD, &status, 1) != 1)
        fail("the control file", 0);
    end_it(status);
}

/* Until the child has ended. */
static void serve(struct run *r)
{
    struct partition_next a = {
        .answered_vp = PARTITION_NO_VP, .timeout_ns = PARTITION_TIMEOUT_NONE, .wake_fd = r->wake};

    for (;;) {
        call(PARTITION_IOCTL_NEXT, &a, "NEXT");
        if (a.event == PARTITION_EVENT_ENDED)
            return;
        if (a.event == PARTITION_EVENT_INTERCEPT) {
            answer(r, &a);
            continue;
        }
        a.answered_vp = PARTITION_NO_VP;
        if (a.event == PARTITION_EVENT_WAKE) {
            obey();
            continue;
        }
        if (a.event != PARTITION_EVENT_EOI)
            fail("an event that nobody knows", a.event);
        r->ends += a.eoi[GUEST_VECTOR / 64] == 1ull << GUEST_VECTOR % 64;
    }
}

/* ---- what it is told to do ---- */

static void serve_all(struct run *r)
{
    uint16_t vector[2] = {(uint16_t)(GUEST_CODE + (uintptr_t)guest_serve_handler), 0};

    memcpy(r->ram + GUEST_VECTOR * sizeof(vector), vector, sizeof(vector));
    run_guest(r, guest_serve, guest_serve_end);
    serve(r);
}

static void measure(struct run *r)
{
    r->measures = true;
    run_guest(r, guest_bench, guest_bench_end);
    serve(r);
}

static void serve_reads(struct run *r)
{
    run_guest(r, guest_read, guest_read_end);
    print("worker: reads\n");
    serve(r);
    while (lingers)
        sleep_ns(1000000);
}

static void make_fault(void)
{
    volatile uint8_t *nowhere = (volatile uint8_t *)(uintptr_t)PARTITION_PAGE;

    *nowhere = 0;
}

int main(int argc, char **argv)
{
    static struct run r;
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "hostile") == 0)
        return hostile();
    lingers = strcmp(what, "linger") == 0;
    set_up(&r);
    r.wake = strcmp(what, "obey") == 0 ? PARTITION_CONTROL_FD : -1;
    if (strcmp(what, "serve") == 0)
        serve_all(&r);
    else if (strcmp(what, "bench") == 0)
        measure(&r);
    else if (strcmp(what, "read") == 0 || lingers || r.wake >= 0)
        serve_reads(&r);
    else if (strcmp(what, "fault") == 0)
        run_guest(&r, guest_fault, guest_fault_end), serve(&r);
    else if (strcmp(what, "crash") == 0)
        make_fault();
    else if (strcmp(what, "leave") != 0)
        fail("argument", argc);
    return 3;
}
