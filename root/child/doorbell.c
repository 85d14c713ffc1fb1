/* SPDX-License-Identifier: MIT */
/* root/child/doorbell.c - see root/child/doorbell.h. */
#include "child/doorbell.h"

#include <hvabi/synic.h>
#include <x86/insn.h>
#include "child/hv.h"
#include "child/ports.h"
#include "cpu/cpu.h"
#include "mm/memory.h"

/* Ringing takes no lock: whoever gives a bell back waits until it does not ring. */
struct bell {
    void (*rang)(void *context); /* [a] NULL: nobody is to be called */
    void *context;               /* of whoever took it; read by who has found @rang */
    bool taken;                  /* [a] */
};

struct bells {
    struct bell bell[HV_EVENT_FLAGS_COUNT]; /* the first is never used: flag 0 means none */
    uint32_t next;                          /* [a] where to look for a free one first */
    uint32_t ringing;                       /* [a] the flag that is being handled; 0: none */
};

static struct bells *of_cpu; /* [I] */

bool doorbell_init(void)
{
    of_cpu = kalloc(cpu_count() * sizeof(*of_cpu));
    return of_cpu != NULL;
}

static bool take(struct bell *b, void (*rang)(void *context), void *context)
{
    if (__atomic_exchange_n(&b->taken, true, __ATOMIC_ACQUIRE)) /* pairs with doorbell_release */
        return false;
    b->context = context;
    __atomic_store_n(&b->rang, rang, __ATOMIC_RELEASE); /* pairs with doorbell_rang */
    return true;
}

bool doorbell_take(struct doorbell *d, uint32_t cpu, uint32_t owner, void (*rang)(void *context),
                   void *context)
{
    struct bells *bells = &of_cpu[cpu];

    for (uint32_t i = 1; i < HV_EVENT_FLAGS_COUNT; i++) {
        uint32_t flag =
            __atomic_fetch_add(&bells->next, 1, __ATOMIC_RELAXED) % (HV_EVENT_FLAGS_COUNT - 1) + 1;
        if (!take(&bells->bell[flag], rang, context))
            continue;
        hv_event_owner_set(cpu, flag, owner);
        *d = (struct doorbell){cpu, flag};
        return true;
    }
    *d = (struct doorbell){0};
    return false;
}

/* Either doorbell_rang sees that nobody is to be called, or this sees that it rings. On the bell's
 * own CPU it never does, for handlers run to their end there. */
void doorbell_release(struct doorbell *d)
{
    struct bells *bells = &of_cpu[d->cpu];
    struct bell *b = &bells->bell[d->flag];

    if (d->flag == 0)
        return;
    __atomic_store_n(&b->rang, NULL, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&bells->ringing, __ATOMIC_SEQ_CST) == d->flag)
        insn_pause();
    __atomic_store_n(&b->taken, false, __ATOMIC_RELEASE); /* pairs with take */
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
    struct bells *bells = &of_cpu[this_cpu()->index];
    struct bell *b = &bells->bell[flag];
    void (*rang)(void *context);

    /* Before the load: doorbell_release. */
    __atomic_store_n(&bells->ringing, flag, __ATOMIC_SEQ_CST);
    rang = __atomic_load_n(&b->rang, __ATOMIC_SEQ_CST);
    if (rang != NULL)
        rang(b->context);
    __atomic_store_n(&bells->ringing, 0, __ATOMIC_RELEASE);
}
