/* SPDX-License-Identifier: MIT */
/* vmwp/main.c - the worker process of one child. It is started by vmms with the child's definition as
 * its argument, the partition as file PARTITION_FD and a socket to vmms as PARTITION_CONTROL_FD.
 *
 * It loads the child, runs it, and answers its intercepts one after the other until the child is
 * over: one thread, one loop, one system call for each intercept. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <hvabi/message.h>
#include "lib/device.h"
#include "vmwp/emulate.h"
#include "vmwp/start.h"
#include "vmwp/worker.h"

#define NS_PER_S       1000000000ull
#define CRASH_GRACE_NS (2 * NS_PER_S) /* for what a crashed system prints, and for its own restart */

/* ---- the devices' surroundings ---- */

static void host_interrupt(void *context, uint32_t vector, uint32_t destination, bool logical,
                           uint32_t delivery_mode, bool level)
{
    const struct worker *w = context;
    const struct partition_interrupt i = {.type = delivery_mode, .vector = vector,
                                          .destination = destination, .logical = logical,
                                          .level = level};

    partition_interrupt(&w->partition, &i);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t host_now(void *context)
{
    (void)context;
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t host_wall(void *context)
{
    (void)context;
    return (int64_t)(clock_ns(CLOCK_REALTIME) / NS_PER_S);
}

static void host_end(void *context, enum machine_end how, uint32_t status)
{
    struct worker *w = context;

    w->ended = true;
    machine_console_flush(&w->machine);
    if (how == MACHINE_END_POWER_OFF)
        partition_end(&w->partition, VM_END_POWER_OFF, 0, "it switched itself off");
    else if (how == MACHINE_END_RESET)
        partition_end(&w->partition, VM_END_RESET, 0, "it reset itself");
    else
        partition_end(&w->partition, VM_END_EXIT, status, "it ended itself with %u", status);
}

/* ---- the VPs' surroundings ---- */

struct stopped_vp {
    struct worker *worker;
    uint32_t vp;
};

static bool vp_registers_get(void *context, struct hv_register_assoc *list, uint32_t count)
{
    const struct stopped_vp *v = context;

    return partition_registers_get(&v->worker->partition, v->vp, list, count);
}

static bool vp_registers_set(void *context, const struct hv_register_assoc *list, uint32_t count)
{
    const struct stopped_vp *v = context;

    return partition_registers_set(&v->worker->partition, v->vp, list, count);
}

static uint32_t vp_translate(void *context, uint64_t gva, bool write, uint64_t *gpa)
{
    const struct stopped_vp *v = context;

    return partition_translate(&v->worker->partition, v->vp, gva, write, gpa);
}

static uint64_t vp_mmio_read(void *context, uint64_t gpa, unsigned size)
{
    const struct stopped_vp *v = context;

    return machine_mmio_read(&v->worker->machine, gpa, size);
}

static void vp_mmio_write(void *context, uint64_t gpa, unsigned size, uint64_t value)
{
    const struct stopped_vp *v = context;

    machine_mmio_write(&v->worker->machine, gpa, size, value);
}

static uint32_t vp_port_read(void *context, uint16_t port, unsigned size)
{
    const struct stopped_vp *v = context;

    return machine_port_read(&v->worker->machine, port, size);
}

static void vp_port_write(void *context, uint16_t port, unsigned size, uint32_t value)
{
    const struct stopped_vp *v = context;

    machine_port_write(&v->worker->machine, port, size, value);
}

/* ---- intercepts ---- */

static void end_unhandled(struct worker *w, uint32_t vp, const char *reason)
{
    w->ended = true;
    partition_end(&w->partition, VM_END_UNHANDLED, 0, "VP %u: %s", vp, reason);
}

/* False: it ends the child. */
static bool fault(struct worker *w, const struct hv_message *m)
{
    const struct hv_x64_intercept_message_header *h = (const void *)m->payload;

    w->ended = true;
    switch (m->header.message_type) {
    case HvMessageTypeUnrecoverableException:
        partition_end(&w->partition, VM_END_FAULT, 0, "VP %u: triple fault at %lx", h->vp_index,
                      h->rip);
        break;
    case HvMessageTypeInvalidVpRegisterValue:
        partition_end(&w->partition, VM_END_FAULT, 0,
                      "VP %u: its registers make no sense to the processor", h->vp_index);
        break;
    default:
        partition_end(&w->partition, VM_END_UNHANDLED, 0,
                      "VP %u: message %x, for which there is no answer", h->vp_index,
                      m->header.message_type);
        break;
    }
    return false;
}

static bool emulate(struct worker *w, const struct hv_message *m, uint32_t vp,
                    struct emulate_answer *answer)
{
    struct stopped_vp stopped = {w, vp};
    const struct emulate_vp surroundings = {
        .context = &stopped,
        .ram = &w->partition.ram,
        .registers_get = vp_registers_get,
        .registers_set = vp_registers_set,
        .translate = vp_translate,
        .mmio_read = vp_mmio_read,
        .mmio_write = vp_mmio_write,
        .port_read = vp_port_read,
        .port_write = vp_port_write,
    };
    bool done;

    switch (m->header.message_type) {
    case HvMessageTypeX64IoPortIntercept:
        done = emulate_port(&surroundings, (const void *)m->payload, answer);
        break;
    case HvMessageTypeUnmappedGpa:
    case HvMessageTypeGpaIntercept:
        done = emulate_mmio(&surroundings, (const void *)m->payload, answer);
        break;
    default:
        return fault(w, m);
    }
    if (!done)
        end_unhandled(w, vp, answer->reason);
    return done;
}

/* Answer what @vp stands in by the next call of PARTITION_IOCTL_NEXT. */
static void intercepted(struct worker *w, uint32_t vp, struct partition_next *next)
{
    struct emulate_answer answer = {0};

    if (!emulate(w, partition_message(&w->partition, vp), vp, &answer))
        return;
    next->answered_vp = vp;
    next->flags = PARTITION_ANSWER_RIP | (answer.set_rax ? PARTITION_ANSWER_RAX : 0);
    next->rip = answer.rip;
    next->rax = answer.rax;
    if (w->input_count != 0)
        control_type(w);
}

/* ---- the loop ---- */

static void ends_of_interrupts(struct worker *w, const uint64_t *eoi)
{
    for (unsigned i = 0; i < 4; i++)
        for (uint64_t left = eoi[i]; left != 0; left &= left - 1)
            machine_eoi(&w->machine, (uint8_t)(i * 64 + (unsigned)__builtin_ctzll(left)));
}

/* The first report counts: one that repeats itself puts off nothing. */
static void crash_reported(struct worker *w)
{
    if (w->crashed == 0)
        w->crashed = clock_ns(CLOCK_MONOTONIC);
}

static void crash_over(struct worker *w)
{
    w->ended = true;
    machine_console_flush(&w->machine);
    partition_end(&w->partition, VM_END_CRASH, 0, "its system crashed");
}

/* How long there is nothing to do but to wait. */
static uint64_t patience(const struct worker *w)
{
    uint64_t deadline = machine_deadline_ns(&w->machine), now;

    if (w->crashed != 0 && w->crashed + CRASH_GRACE_NS < deadline)
        deadline = w->crashed + CRASH_GRACE_NS;
    if (deadline == DEVICE_NO_DEADLINE)
        return PARTITION_TIMEOUT_NONE;
    now = clock_ns(CLOCK_MONOTONIC);
    return deadline > now ? deadline - now : 0;
}

static void timed_out(struct worker *w)
{
    machine_tick(&w->machine);
    if (w->crashed != 0 && clock_ns(CLOCK_MONOTONIC) >= w->crashed + CRASH_GRACE_NS)
        crash_over(w);
}

static void act(struct worker *w, struct partition_next *next)
{
    switch (next->event) {
    case PARTITION_EVENT_INTERCEPT:
        intercepted(w, next->vp, next);
        break;
    case PARTITION_EVENT_EOI:
        ends_of_interrupts(w, next->eoi);
        break;
    case PARTITION_EVENT_WAKE:
        control_serve(w);
        break;
    case PARTITION_EVENT_TIMEOUT:
        timed_out(w);
        break;
    case PARTITION_EVENT_CRASH:
        crash_reported(w);
        break;
    default: /* from outside */
        w->ended = true;
        machine_console_flush(&w->machine);
        break;
    }
}

static int serve(struct worker *w)
{
    struct partition_next next = {.answered_vp = PARTITION_NO_VP};

    while (!w->ended) {
        next.timeout_ns = patience(w);
        if (next.timeout_ns == 0)
            timed_out(w);
        next.wake_fd = control_wake(w);
        if (device_ioctl(w->partition.file, PARTITION_IOCTL_NEXT, &next) != 0) {
            perror("next intercept");
            return 1;
        }
        next.answered_vp = PARTITION_NO_VP;
        next.flags = 0;
        act(w, &next);
    }
    return 0;
}

static bool intercept_ports(const struct worker *w)
{
    uint32_t count;
    const struct machine_port_range *ranges = machine_ports(&w->machine, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct partition_ports ports = {ranges[i].first, ranges[i].count};

        if (device_ioctl(w->partition.file, PARTITION_IOCTL_PORTS, &ports) != 0)
            return false;
    }
    return true;
}

static bool prepare(struct worker *w)
{
    const struct machine_config config = {.com1 = w->definition.com1,
                                          .exit_port = w->definition.exit_port};

    w->host = (struct device_host){w, host_interrupt, host_now, host_wall, control_console_out,
                                   host_end};
    machine_init(&w->machine, &w->host, &config);
    if (!start_load(&w->partition, &w->definition))
        return false;
    if (intercept_ports(w) && device_ioctl(w->partition.file, PARTITION_IOCTL_RUN, NULL) == 0)
        return true;
    partition_end(&w->partition, VM_END_FAILURE, 0, "root does not let it run");
    return false;
}

int main(int argc, char **argv)
{
    static struct worker worker;
    struct worker *w = &worker;
    const char *wrong;

    if (argc != 2) {
        fputs("vmms starts this, with the definition of a child\n", stderr);
        return 2;
    }
    w->control = PARTITION_CONTROL_FD;
    wrong = partition_open(&w->partition, PARTITION_FD);
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        return 1;
    }
    if (!start_definition(&w->definition, argv[1])) {
        partition_end(&w->partition, VM_END_FAILURE, 0, "its definition is not understood");
        return 1;
    }
    return prepare(w) ? serve(w) : 1;
}
