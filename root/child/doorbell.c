/* SPDX-License-Identifier: MIT */
/* root/child/doorbell.c - see root/child/doorbell.h. */
#include "child/doorbell.h"

#include <hvabi/synic.h>
#include "child/hv.h"
#include "child/ports.h"
#include "cpu/cpu.h"
#include "mm/memory.h"
#include "sched/thread.h"

struct bell {
    struct spinlock lock;          /* held while @rang runs */
    void (*rang)(void *context);   /* [lock] NULL: free */
    void *context;                 /* [lock] */
};

struct bells {
    struct bell bell[HV_EVENT_FLAGS_COUNT]; /* the first is never used: flag 0 means none */
    uint32_t next;                          /* [a] where to look for a free one first */
};

static struct bells *of_cpu; /* [I] */

bool doorbell_init(void)
{
    of_cpu = kalloc(cpu_count() * sizeof(*of_cpu));
    return of_cpu != NULL;
}

static bool take(struct bell *b, void (*rang)(void *context), void *context)
{
    uint64_t flags = spin_lock(&b->lock);
    bool is_free = b->rang == NULL;

    if (is_free) {
        b->rang = rang;
        b->context = context;
    }
    spin_unlock(&b->lock, flags);
    return is_free;
}

bool doorbell_take(struct doorbell *d, uint32_t cpu, void (*rang)(void *context), void *context)
{
    struct bells *bells = &of_cpu[cpu];

    for (uint32_t i = 1; i < HV_EVENT_FLAGS_COUNT; i++) {
        uint32_t flag =
            __atomic_fetch_add(&bells->next, 1, __ATOMIC_RELAXED) % (HV_EVENT_FLAGS_COUNT - 1) + 1;
        if (!take(&bells->bell[flag], rang, context))
            continue;
        *d = (struct doorbell){cpu, flag};
        return true;
    }
    *d = (struct doorbell){0};
    return false;
}

void doorbell_release(struct doorbell *d)
{
    struct bell *b;
    uint64_t flags;

    if (d->flag == 0)
        return;
    b = &of_cpu[d->cpu].bell[d->flag];
    flags = spin_lock(&b->lock);
    b->rang = NULL;
    spin_unlock(&b->lock, flags);
    d->flag = 0;
}

struct hv_port_info doorbell_port_info(const struct doorbell *d)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeEvent,
        .event = {.target_sint = HV_SINT_CHILDREN,
                  .target_vp = d->cpu,
                  .base_flag_number = (uint16_t)d->flag,
                  .flag_count = 1},
    };
}

uint32_t doorbell_port(const struct doorbell *d)
{
    return PORT_DOORBELL + d->cpu * HV_EVENT_FLAGS_COUNT + d->flag;
}

void doorbell_rang(uint32_t flag)
{
    struct bell *b = &of_cpu[this_cpu()->index].bell[flag];
    uint64_t flags = spin_lock(&b->lock);

    if (b->rang != NULL)
        b->rang(b->context);
    spin_unlock(&b->lock, flags);
}
