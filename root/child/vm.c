/* SPDX-License-Identifier: MIT */
/* root/child/vm.c - the calls of /dev/vm (rootabi/vm.h), in terms of child.h. */
#include "child/vm.h"

#include <hvabi/msr.h>
#include <hvabi/stats.h>
#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <rt/sha256.h>
#include "child/child.h"
#include "child/hv.h"
#include "child/partition.h"
#include "child/statistics.h"
#include "cpu/cpu.h"
#include "mm/memory.h"
#include "sched/thread.h"
#include "vm/operations.h"
#include "bus/bus.h"

#define NS_PER_100NS 100u

static int64_t stop(struct vm_stop *a)
{
    struct child *c = child_find(a->name);
    int64_t result = -ENOENT;

    if (c == NULL)
        return result;
    if (!child_has_ended(c)) {
        child_end(c, VM_END_STOPPED, 0, "it was stopped");
        result = 0;
    }
    child_put(c);
    return result;
}

static bool has_ended(void *context)
{
    return child_has_ended(context);
}

static int64_t wait(struct vm_wait *a)
{
    struct child *c = child_find(a->name);
    int64_t result = 0;

    if (c == NULL)
        return -ENOENT;
    if (!wait_until_killed(&c->ended, has_ended, c,
                           a->timeout_ns != 0 ? a->timeout_ns : WAIT_FOREVER))
        result = thread_killed() ? -EINTR : -ETIMEDOUT;
    a->end = c->end;
    a->status = c->status;
    rt_strlcpy(a->reason, c->reason, sizeof(a->reason));
    child_put(c);
    return result;
}

static const char *state_of(const struct child *c)
{
    static const char *const states[] = {"ended", "starting", "running", "ending"};

    if (c->state != CHILD_RUNNING || !c->has_worker)
        return states[c->state];
    return c->paused ? "paused" : c->started ? "running" : "made";
}

/* Partition 0 in the list is root itself. */
static int64_t partition(struct vm_partition *a)
{
    struct memory_totals m;
    struct child *c;

    if (a->index == 0) {
        a->id = hv_root_id();
        a->vp_count = cpu_count();
        rt_strlcpy(a->name, "root", sizeof(a->name));
        rt_strlcpy(a->state, "running", sizeof(a->state));
        memory_totals(&m);
        a->memory_bytes = m.total;
        a->deposited_pages = 0;
        a->end = VM_END_NONE;
        return 0;
    }
    c = child_at(a->index - 1);
    if (c == NULL)
        return -ENOENT;
    a->id = c->id;
    a->vp_count = c->vp_count;
    rt_strlcpy(a->name, c->name, sizeof(a->name));
    rt_strlcpy(a->state, state_of(c), sizeof(a->state));
    a->memory_bytes = c->memory_size;
    a->deposited_pages = c->pool.pages;
    a->end = c->end;
    child_put(c);
    return 0;
}

static int64_t vp(struct vm_vp *a)
{
    static const uint32_t names[] = {HvX64RegisterVpRuntime, HvRegisterInterceptSuspend,
                                     HvRegisterExplicitSuspend};
    struct hv_register_value values[3];
    uint32_t index;
    struct child *c = child_vp_at(a->index, &index);
    const struct hv_client *h;
    bool known;

    if (c == NULL)
        return -ENOENT;
    h = hv_begin();
    known = c->initialized &&
            hv_call_get_vp_registers(h, c->id, index, names, values, 3) == HV_STATUS_SUCCESS;
    a->exits = known ? child_counter(c, index, HvStatsVpTotalExits) : 0;
    hv_end();
    a->vp_index = index;
    a->partition_id = c->id;
    rt_strlcpy(a->partition, c->name, sizeof(a->partition));
    a->lp = UINT32_MAX; /* the hypervisor does not tell */
    a->run_ns = known ? values[0].reg64 * NS_PER_100NS : 0;
    a->suspended = known && values[2].reg64 != 0;
    rt_strlcpy(a->state,
               !known ? "ended" : a->suspended ? "suspended" : values[1].reg64 ? "intercept" : "runs",
               sizeof(a->state));
    child_put(c);
    return 0;
}

static int64_t hash(struct vm_hash *a)
{
    struct child *c = child_find(a->name);
    struct child_ram *r;
    struct sha256 sum;

    if (c == NULL)
        return -ENOENT;
    r = child_ram_get(c);
    child_put(c);
    if (r == NULL)
        return -ENOENT;
    sha256_init(&sum);
    for (uint32_t i = 0; i < r->count; i++)
        sha256_update(&sum, phys_to_virt(r->blocks[i]), RAM_BLOCK);
    a->bytes = r->size;
    ram_put(r);
    sha256_final(&sum, a->sha256);
    return 0;
}

struct root_time {
    uint64_t ns; /* that root's VP of this CPU has run */
    bool done;   /* [a] */
};

/* On the CPU that is asked about: each VP reads its own run time only. */
static void read_root_time(void *argument)
{
    struct root_time *t = argument;

    t->ns = insn_rdmsr(HV_X64_MSR_VP_RUNTIME) * NS_PER_100NS;
    __atomic_store_n(&t->done, true, __ATOMIC_RELEASE); /* and @t is gone */
}

static bool root_time(uint32_t cpu, uint64_t *ns)
{
    struct root_time t = {0};

    if (thread_start("lp", read_root_time, &t, (int)cpu) == NULL)
        return false;
    while (!__atomic_load_n(&t.done, __ATOMIC_ACQUIRE))
        thread_yield();
    *ns = t.ns;
    return true;
}

static int64_t lp(struct vm_lp *a)
{
    const struct hv_client *h = hv_begin();
    const struct hv_output_get_logical_processor_run_time *out = h->output;
    struct hv_input_get_logical_processor_run_time *in = h->input;
    uint64_t guests;
    hv_status st;

    *in = (struct hv_input_get_logical_processor_run_time){.lp_index = a->index};
    st = hv_client_call(h, HvCallGetLogicalProcessorRunTime);
    guests = (out->local_run_time - out->hypervisor_time) * NS_PER_100NS;
    hv_end();
    if (st != HV_STATUS_SUCCESS)
        return -ENOENT;
    if (!root_time(a->index, &a->root_ns))
        return -ENOMEM;
    a->children_ns = guests > a->root_ns ? guests - a->root_ns : 0;
    return 0;
}

/* Of @c; the number of those that it has, in *@index, is taken off. */
static bool channel_of(struct child *c, uint32_t *index, struct vm_channel *a)
{
    struct bus *b = child_bus_get(c);
    bool found = false;

    if (b == NULL)
        return false;
    found = bus_channel(b, *index, a);
    for (uint32_t count = 0; !found && *index != 0; count++)
        if (!bus_channel(b, count, a)) {
            *index -= count;
            break;
        }
    child_bus_put(c);
    return found;
}

static int64_t channel(struct vm_channel *a)
{
    uint32_t index = a->index;
    struct child *c;
    bool found = false;

    for (uint32_t i = 0; !found && (c = child_at(i)) != NULL; i++) {
        *a = (struct vm_channel){.index = a->index};
        found = channel_of(c, &index, a);
        rt_strlcpy(a->partition, c->name, sizeof(a->partition));
        child_put(c);
    }
    return found ? 0 : -ENOENT;
}

/* ---- what is on its bus ---- */

/* The bus of the child named so, or of one that ended lately: NULL with its error. */
static struct bus *bus_named(const char *name, struct child **c, int64_t *error)
{
    struct bus *b;

    *c = child_find(name);
    *error = -ENOENT;
    if (*c == NULL)
        return NULL;
    b = child_bus_get(*c);
    if (b != NULL)
        return b;
    if (!child_has_ended(*c))
        *error = -ENOTCONN;
    child_put(*c);
    return NULL;
}

static void bus_done(struct child *c)
{
    child_bus_put(c);
    child_put(c);
}

static int64_t ask(const struct vm_ask *a)
{
    struct child *c;
    int64_t result;
    struct bus *b = bus_named(a->name, &c, &result);

    if (b == NULL)
        return result;
    result = bus_ask(b, a);
    bus_done(c);
    return result;
}

static int64_t integration(struct vm_integration *a)
{
    struct child *c;
    int64_t result;
    struct bus *b = bus_named(a->name, &c, &result);

    if (b == NULL)
        return result;
    result = bus_integration(b, a);
    bus_done(c);
    return result;
}

static int64_t item(struct vm_item *a)
{
    struct child *c;
    int64_t result;
    struct bus *b = bus_named(a->name, &c, &result);

    if (b == NULL)
        return result;
    result = bus_item(b, a);
    bus_done(c);
    return result;
}

static int64_t keys(const struct vm_keys *a)
{
    struct child *c;
    int64_t result;
    struct bus *b = bus_named(a->name, &c, &result);

    if (b == NULL)
        return result;
    result = bus_keys(b, a);
    bus_done(c);
    return result;
}

static bool is_running(const struct child *c)
{
    return __atomic_load_n(&c->state, __ATOMIC_ACQUIRE) == CHILD_RUNNING;
}

/* Its state is looked at before and after its bus, which comes while it starts and goes while it
 * ends. */
static int64_t link_of(struct child *c, bool up)
{
    bool began = is_running(c);
    struct bus *b = child_bus_get(c);

    if (b != NULL) {
        int64_t result = bus_link(b, up);

        child_bus_put(c);
        return result;
    }
    if (child_has_ended(c))
        return -ENOENT;
    return began && is_running(c) ? -ENOTCONN : -EBUSY;
}

static int64_t link(const struct vm_link *a)
{
    struct child *c;
    int64_t result;

    if (a->up > 1)
        return -EINVAL;
    c = child_find(a->name);
    if (c == NULL)
        return -ENOENT;
    result = link_of(c, a->up != 0);
    child_put(c);
    return result;
}

void vm_operations_register(void)
{
    static const struct vm_operations operations = {child_start, stop, wait, partition, vp,
                                                    child_statistic, hash, lp, channel,
                                                    partition_create, ask, integration, item,
                                                    keys, link, partition_worker};

    child_statistics_init();
    vm_register(&operations);
}
