/* SPDX-License-Identifier: MIT */
/* root/child/worker_calls.c - what a worker asks for about its child, besides intercepts; see
 * root/child/worker.h. The hypervisor checks what it is told in any case: here are the things that
 * it cannot know. */
#include <hvabi/status.h>
#include <rootabi/errno.h>
#include <rt/mem.h>
#include "child/child.h"
#include "child/hv.h"
#include "lib/line.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/time.h"
#include "sched/wall_clock.h"

enum { COMPLAINTS_MAX = 8, PORTS = 0x10000 };

#define TRANSLATE_ACCESS                                                                           \
    (HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE |                            \
     HV_TRANSLATE_GVA_VALIDATE_EXECUTE | HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT |                       \
     HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS)

/* What a refused call is to ring 3. A worker that is refused without end does not fill the log. */
static int64_t result_of(struct child *c, const char *what, hv_status st)
{
    switch (st) {
    case HV_STATUS_SUCCESS:
        return 0;
    case HV_STATUS_INVALID_PARAMETER:
    case HV_STATUS_INVALID_REGISTER_VALUE:
    case HV_STATUS_INVALID_VP_INDEX:
        return -EINVAL;
    default:
        break;
    }
    if (__atomic_fetch_add(&c->worker.complaints, 1, __ATOMIC_RELAXED) < COMPLAINTS_MAX)
        log_print("child %s: %s: status %x", c->name, what, st);
    return -EIO;
}

/* ---- without waiting: under the worker's lock, while it has a child ---- */

static bool lock(struct child *c, uint64_t *flags)
{
    *flags = spin_lock(&c->worker.queue.lock);
    if (c->worker.on)
        return true;
    spin_unlock(&c->worker.queue.lock, *flags);
    return false;
}

static void unlock(struct child *c, uint64_t flags)
{
    spin_unlock(&c->worker.queue.lock, flags);
}

/* Registers by which root itself holds and lets go VPs. */
static bool is_roots(uint32_t name)
{
    return name == HvRegisterExplicitSuspend || name == HvRegisterInterceptSuspend ||
           name == HvRegisterDispatchSuspend;
}

static int64_t check_registers(const struct child *c, const struct partition_registers *a)
{
    if (a->vp >= c->vp_count || a->count == 0 || a->count > PARTITION_REGISTERS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < a->count; i++)
        if (is_roots(a->registers[i].name))
            return -EACCES;
    return 0;
}

int64_t worker_registers_get(struct child *c, struct partition_registers *a)
{
    uint32_t names[PARTITION_REGISTERS_MAX];
    struct hv_register_value values[PARTITION_REGISTERS_MAX];
    int64_t result = check_registers(c, a);
    uint64_t flags;
    hv_status st;

    if (result != 0)
        return result;
    for (uint32_t i = 0; i < a->count; i++)
        names[i] = a->registers[i].name;
    if (!lock(c, &flags))
        return -ENODEV;
    st = hv_call_get_vp_registers(hv_client_here(), c->id, a->vp, names, values, a->count);
    unlock(c, flags);
    for (uint32_t i = 0; st == HV_STATUS_SUCCESS && i < a->count; i++)
        a->registers[i].value = values[i];
    return result_of(c, "reading registers", st);
}

int64_t worker_registers_set(struct child *c, const struct partition_registers *a)
{
    int64_t result = check_registers(c, a);
    uint64_t flags;
    hv_status st;

    if (result != 0)
        return result;
    if (!lock(c, &flags))
        return -ENODEV;
    st = hv_call_set_vp_registers(hv_client_here(), c->id, a->vp, a->registers, a->count);
    unlock(c, flags);
    return result_of(c, "setting registers", st);
}

int64_t worker_translate(struct child *c, struct partition_translate *a)
{
    struct hv_output_translate_virtual_address out = {0};
    uint64_t flags;
    hv_status st;

    if (a->vp >= c->vp_count || (a->access & ~TRANSLATE_ACCESS) != 0 || a->reserved != 0)
        return -EINVAL;
    if (!lock(c, &flags))
        return -ENODEV;
    st = hv_call_translate_virtual_address(hv_client_here(), c->id, a->vp, a->access,
                                           a->gva / PAGE_SIZE, &out);
    unlock(c, flags);
    a->result = out.result_code;
    a->gpa = out.gpa_page * PAGE_SIZE + a->gva % PAGE_SIZE;
    return result_of(c, "translating an address", st);
}

int64_t worker_interrupt(struct child *c, const struct partition_interrupt *a)
{
    uint64_t control = a->type;
    uint64_t flags;
    hv_status st;

    if (a->logical > 1 || a->level > 1 || a->reserved != 0 || a->vector >= WORKER_VECTORS)
        return -EINVAL;
    control |= a->level != 0 ? HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED : 0;
    control |= a->logical != 0 ? HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE : 0;
    if (!lock(c, &flags))
        return -ENODEV;
    st = hv_call_assert_virtual_interrupt(hv_client_here(), c->id, control, a->destination,
                                          a->vector);
    unlock(c, flags);
    return result_of(c, "an interrupt", st);
}

/* ---- with root's other calls: under hv_begin, where the partition stays ---- */

static hv_status intercept_ports(const struct hv_client *h, struct child *c, uint32_t first,
                                 uint32_t last)
{
    const uint32_t access = HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE;
    uint64_t range = (uint64_t)last << HV_INTERCEPT_PARAMETER_PORT_RANGE_END_SHIFT | first;

    return WITH_DEPOSITS(
        h, &c->pool,
        hv_call_install_intercept(h, c->id, HvInterceptTypeX64IoPortRange, access, range));
}

int64_t worker_ports(struct child *c, const struct partition_ports *a)
{
    const struct hv_client *h;
    int64_t result = -ENODEV;

    if (a->count == 0 || a->first >= PORTS || a->count > PORTS - a->first)
        return -EINVAL;
    h = hv_begin();
    if (child_runs(c))
        result = result_of(c, "ports", intercept_ports(h, c, a->first, a->first + a->count - 1));
    hv_end();
    return result;
}

/* Stop all VPs where they are, or let them go on. Under hv_begin. */
static hv_status suspend(const struct hv_client *h, struct child *c, bool stop)
{
    const struct hv_register_assoc r = {.name = HvRegisterExplicitSuspend, .value.reg64 = stop};
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < c->vp_count && st == HV_STATUS_SUCCESS; i++)
        st = hv_call_set_vp_registers(h, c->id, i, &r, 1);
    return st;
}

int64_t worker_run(struct child *c)
{
    const struct hv_client *h = hv_begin();
    int64_t result = 0;

    if (!child_runs(c)) {
        result = -ENODEV;
    } else if (c->started) {
        result = -EBUSY;
    } else {
        c->started = true;
        if (!c->paused)
            result = result_of(c, "running", suspend(h, c, false));
    }
    hv_end();
    return result;
}

int64_t worker_pause(struct child *c, bool pause)
{
    const struct hv_client *h = hv_begin();
    int64_t result = 0;

    if (!child_runs(c)) {
        result = -ENODEV;
    } else if (c->paused != pause) {
        c->paused = pause;
        if (c->started)
            result = result_of(c, pause ? "pausing" : "resuming", suspend(h, c, pause));
    }
    hv_end();
    return result;
}

/* ---- without the hypervisor ---- */

int64_t worker_info(struct child *c, struct partition_info *a)
{
    *a = (struct partition_info){
        .vp_count = c->vp_count,
        .flags = c->flags,
        .memory_bytes = c->memory_size,
        .low_bytes = c->memory_size < PARTITION_LOW_MAX ? c->memory_size : PARTITION_LOW_MAX,
        .tsc_hz = time_tsc_frequency(),
        .boot_wall_ns = (int64_t)(wall_clock_now() - time_now()),
    };
    _Static_assert((int)PARTITION_NAME_SIZE == (int)VM_NAME_SIZE, "a child's name");
    rt_strlcpy(a->name, c->name, sizeof(a->name));
    return 0;
}

int64_t worker_end_child(struct child *c, struct partition_end *a)
{
    switch (a->end) {
    case VM_END_EXIT:
    case VM_END_FAULT:
    case VM_END_UNHANDLED:
    case VM_END_FAILURE:
    case VM_END_RESET:
    case VM_END_POWER_OFF:
    case VM_END_CRASH:
        break;
    default:
        return -EINVAL;
    }
    line_make(a->reason, sizeof(a->reason)); /* one line of the log, whatever it is */
    child_end(c, a->end, a->end == VM_END_EXIT ? a->status : 0, "%s", a->reason);
    return 0;
}
