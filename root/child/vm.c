/* SPDX-License-Identifier: MIT */
/* root/child/vm.c - the calls of /dev/vm (rootabi/vm.h), in terms of child.h. */
#include "child/vm.h"

#include <hvabi/stats.h>
#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "child/child.h"
#include "child/hv.h"
#include "cpu/cpu.h"
#include "vm/operations.h"

#define NS_PER_100NS 100u

static int64_t stop(struct vm_stop *a)
{
    struct child *c = child_find(a->name);

    if (c == NULL || __atomic_load_n(&c->state, __ATOMIC_ACQUIRE) == CHILD_ENDED)
        return -ENOENT;
    child_end(c, VM_END_STOPPED, 0, "it was stopped");
    return 0;
}

static bool has_ended(void *context)
{
    const struct child *c = context;

    return __atomic_load_n(&c->state, __ATOMIC_ACQUIRE) == CHILD_ENDED;
}

static int64_t wait(struct vm_wait *a)
{
    struct child *c = child_find(a->name);

    if (c == NULL)
        return -ENOENT;
    if (a->timeout_ns == 0)
        wait_until(&c->ended, has_ended, c);
    else if (!wait_until_timeout(&c->ended, has_ended, c, a->timeout_ns))
        return -ETIMEDOUT;
    a->end = c->end;
    a->status = c->status;
    rt_strlcpy(a->reason, c->reason, sizeof(a->reason));
    return 0;
}

/* Partition 0 in the list is root itself. */
static int64_t partition(struct vm_partition *a)
{
    static const char *const states[] = {"starting", "running", "ending", "ended"};
    struct child *c;

    if (a->index == 0) {
        a->id = hv_root_id();
        a->vp_count = cpu_count();
        rt_strlcpy(a->name, "root", sizeof(a->name));
        rt_strlcpy(a->state, "running", sizeof(a->state));
        a->memory_bytes = 0;
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
    rt_strlcpy(a->state, states[c->state], sizeof(a->state));
    a->memory_bytes = c->memory_size;
    a->deposited_pages = c->pool.pages;
    a->end = c->end;
    return 0;
}

/* The @index-th VP of all children. */
static struct child *vp_at(uint32_t index, uint32_t *vp)
{
    for (uint32_t i = 0;; i++) {
        struct child *c = child_at(i);
        if (c == NULL || index < c->vp_count) {
            *vp = index;
            return c;
        }
        index -= c->vp_count;
    }
}

static int64_t vp(struct vm_vp *a)
{
    static const uint32_t names[] = {HvX64RegisterVpRuntime, HvRegisterInterceptSuspend};
    struct hv_register_value values[2];
    uint32_t index;
    struct child *c = vp_at(a->index, &index);
    const struct hv_client *h;
    hv_status st;

    if (c == NULL)
        return -ENOENT;
    h = hv_begin();
    st = c->initialized ? hv_call_get_vp_registers(h, c->id, index, names, values, 2)
                        : HV_STATUS_INVALID_PARTITION_STATE;
    a->exits = st == HV_STATUS_SUCCESS ? child_counter(c, index, HvStatsVpTotalExits) : 0;
    hv_end();
    a->vp_index = index;
    a->partition_id = c->id;
    rt_strlcpy(a->partition, c->name, sizeof(a->partition));
    a->lp = UINT32_MAX; /* the hypervisor does not tell */
    a->run_ns = st == HV_STATUS_SUCCESS ? values[0].reg64 * NS_PER_100NS : 0;
    rt_strlcpy(a->state, st != HV_STATUS_SUCCESS ? "ended" : values[1].reg64 ? "intercept" : "runs",
               sizeof(a->state));
    return 0;
}

/* ---- counters ---- */

/* First the totals, then each VP's exits by reason. */
static int64_t statistic(struct vm_statistic *a)
{
    uint32_t index, reason, i = a->index;
    struct child *c;

    if (i == 0) {
        rt_strlcpy(a->name, "root.deposited_pages", sizeof(a->name));
        a->value = pool_total();
        return 0;
    }
    i--;
    c = vp_at(i / CHILD_EXIT_REASONS, &index);
    if (c == NULL)
        return -ENOENT;
    reason = i % CHILD_EXIT_REASONS;
    rt_snprintf(a->name, sizeof(a->name), "%s.%u.exits.%s", c->name, index,
                child_exit_names[reason]);
    hv_begin(); /* the page stays while we look */
    a->value = c->initialized ? child_counter(c, index, HvStatsVpExitFirst + reason) : 0;
    hv_end();
    return 0;
}

void vm_operations_register(void)
{
    static const struct vm_operations operations = {child_start, stop, wait,
                                                    partition,   vp,   statistic};

    vm_register(&operations);
}
