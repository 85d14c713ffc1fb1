/* SPDX-License-Identifier: MIT */
/* fuzz_synic.c - a hostile guest against hypervisor/synic: registers, posts, signals, timers, ports
 * that come and go, and pages that change at any time. After each step the structures are walked
 * and every relation that must hold between them is checked; at the end everything must be given
 * back.
 *
 * The input is a list of steps: an opcode byte, then its operands; it ends where they run out. */
#include "fakes/synic_world.h"

#include <debug/log.h>
#include <hvabi/msr.h>
#include <stdlib.h>
#include <string.h>
#include <synic/port_internal.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OBJECTS 120u /* some 6 message ports: running out is part of the play */
#define IDS     8u   /* ports and connections in play */

struct input {
    const uint8_t *at, *end;
};

static struct partition *root, *child;
static struct synic_message intercept; /* sent to root's VPs without a port */
static struct synic *intercept_target;
static unsigned intercepts_out;

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint64_t word(struct input *in)
{
    uint64_t v = 0;

    for (unsigned n = byte(in) % 9, i = 0; i < n; i++)
        v = v << 8 | byte(in);
    return v;
}

static struct world_vp *any_vp(struct input *in)
{
    uint8_t b = byte(in);

    return b & 0x80 ? &child->vp[b % WORLD_VPS] : &root->vp[b % WORLD_VPS];
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static void step_msr_write(struct input *in)
{
    struct world_vp *vp = any_vp(in);
    uint32_t msr = HV_X64_MSR_SCONTROL + byte(in) % 0x40;
    uint64_t v = word(in);

    if (!synic_msr_write(&vp->synic, msr, v))
        (void)!stimer_msr_write(&vp->stimers, msr, v);
}

static void step_msr_read(struct input *in)
{
    struct world_vp *vp = any_vp(in);
    uint32_t msr = HV_X64_MSR_SCONTROL + byte(in) % 0x40;
    uint64_t v;

    if (!synic_msr_read(&vp->synic, msr, &v))
        (void)!stimer_msr_read(&vp->stimers, msr, &v);
}

static void step_enable(struct input *in)
{
    struct world_vp *vp = any_vp(in);
    uint8_t b = byte(in);

    world_enable(vp, b % HV_SYNIC_SINT_COUNT, (uint8_t)(0x20 | b));
}

static void step_eoi(struct input *in)
{
    struct world_vp *vp = any_vp(in);

    synic_eoi(&vp->synic, byte(in));
}

static void step_take(struct input *in)
{
    struct world_vp *vp = any_vp(in);
    struct hv_message got;

    (void)guest_take(vp, byte(in) % HV_SYNIC_SINT_COUNT, &got);
}

/* The guest writes what it likes into its pages. */
static void step_scribble(struct input *in)
{
    struct world_vp *vp = any_vp(in);
    uint8_t which = byte(in), *page = which & 1 ? (uint8_t *)vp->sim : (uint8_t *)vp->sief;

    page[(which >> 4) * 256 + byte(in)] = byte(in);
}

/* Mostly one of its own for each id. */
static uint64_t monitor_address(struct input *in, uint32_t id)
{
    uint8_t b = byte(in);

    return ((uint64_t)id << HV_PAGE_SHIFT) + (b < 0xf0 ? 0 : b);
}

static void step_create(struct input *in)
{
    hv_port_id id = byte(in) % IDS;
    struct hv_port_info info = {.port_type = byte(in) % 5};

    info.message.target_sint = byte(in) % 18;
    info.message.target_vp = byte(in) % 6;
    if (info.message.target_vp == 5)
        info.message.target_vp = HV_ANY_VP;
    if (info.port_type == HvPortTypeEvent) {
        info.event.base_flag_number = (uint16_t)word(in);
        info.event.flag_count = (uint16_t)word(in);
    }
    if (info.port_type == HvPortTypeMonitor)
        info.monitor = (struct hv_monitor_port_info){monitor_address(in, id), 0};
    (void)!port_create(&root->ports, id << 20, 2, &info);
}

static void step_connect(struct input *in)
{
    hv_connection_id id = byte(in) % IDS;
    hv_port_id port = byte(in) % IDS;
    struct hv_connection_info info = {.port_type = byte(in) % 5};

    if (info.port_type == HvPortTypeMonitor)
        info.monitor_address = monitor_address(in, id);
    (void)!port_connect(&child->ports, id << 10, &root->ports, port << 20, &info);
}

static void step_delete(struct input *in)
{
    (void)!port_delete(&root->ports, (byte(in) % IDS) << 20);
}

static void step_disconnect(struct input *in)
{
    (void)!port_disconnect(&child->ports, (byte(in) % IDS) << 10);
}

static void step_post(struct input *in)
{
    struct hv_input_post_message m = {.connection_id = (byte(in) % IDS) << 10};

    m.message_type = (uint32_t)word(in);
    m.payload_size = byte(in);
    m.payload[29] = word(in);
    (void)!port_post_message(&child->ports, &m);
}

static void step_signal(struct input *in)
{
    struct hv_input_signal_event e = {.connection_id = (byte(in) % IDS) << 10};

    e.flag_number = (uint16_t)word(in);
    (void)!port_signal_event(&child->ports, &e);
}

static void step_intercept(struct input *in)
{
    struct synic *s = &root->vp[byte(in) % WORLD_VPS].synic;

    if (intercept_target)
        (void)synic_cancel(intercept_target, &intercept);
    intercept.message.header.message_type = HvMessageTypeX64Halt;
    intercept.message.header.payload_size = byte(in) % 241;
    intercept_target = NULL;
    intercepts_out++;
    if (synic_post(s, 0, &intercept) == HV_STATUS_SUCCESS)
        intercept_target = s;
    else
        intercepts_out--;
}

static void step_advance(struct input *in)
{
    world_advance(word(in) % (REFTIME_HZ / 10));
}

static void step_reset(struct input *in)
{
    struct world_vp *vp = any_vp(in);

    stimers_reset(&vp->stimers);
    synic_reset(&vp->synic);
}

/* What is saved can be restored, and is then saved alike. */
static void step_save(struct input *in)
{
    static struct synic_state synic_saved, synic_again;
    struct world_vp *vp = any_vp(in);
    struct stimer_state saved, again;

    stimers_pause(&vp->stimers);
    stimers_save(&vp->stimers, &saved);
    synic_save(&vp->synic, &synic_saved);
    stimers_reset(&vp->stimers);
    synic_reset(&vp->synic);
    BUG_ON(synic_restore(&vp->synic, &synic_saved) != HV_STATUS_SUCCESS);
    BUG_ON(stimers_restore(&vp->stimers, &saved) != HV_STATUS_SUCCESS);
    synic_save(&vp->synic, &synic_again);
    stimers_save(&vp->stimers, &again);
    BUG_ON(memcmp(&synic_saved, &synic_again, sizeof(synic_saved)) != 0);
    BUG_ON(memcmp(&saved, &again, sizeof(saved)) != 0);
    stimers_resume(&vp->stimers);
}

/* Any bytes as a state: refused, or as good as one that was saved. */
static void step_restore(struct input *in)
{
    static struct synic_state state;
    struct world_vp *vp = any_vp(in);
    uint64_t *sint = &state.sint[byte(in) % HV_SYNIC_SINT_COUNT];

    synic_reset(&vp->synic);
    synic_save(&vp->synic, &state);
    state.scontrol = word(in);
    state.simp = word(in);
    *sint = word(in);
    (void)!synic_restore(&vp->synic, &state);
}

static void step_freeze(struct input *in)
{
    uint64_t then = reftime_now(&root->reftime);

    (void)in;
    reftime_freeze(&root->reftime);
    world_advance(REFTIME_HZ / 100);
    BUG_ON(reftime_now(&root->reftime) != (root->reftime.frozen_at));
    reftime_thaw(&root->reftime, fake_tsc * 3);
    BUG_ON(reftime_now(&root->reftime) < then);
    for (unsigned i = 0; i < WORLD_VPS; i++)
        stimers_resume(&root->vp[i].stimers);
}

/* Either guest writes what it likes into a monitor page: a byte anywhere, or a trigger that works.
 */
static void step_monitor(struct input *in)
{
    uint8_t which = byte(in), where = byte(in), what = byte(in);
    struct hv_monitor_page *page = world_monitor_page(which & 1 ? root : child, which >> 1 & 15);
    unsigned group = where % HV_MONITOR_GROUP_COUNT, i = what % HV_MONITOR_TRIGGERS_PER_GROUP;

    if (!page)
        return;
    if (which & 0x80) {
        memset((uint8_t *)page + ((which & 0x60) << 4 | where), what, 1);
        return;
    }
    page->trigger_state = where >> 4;
    page->latency[group][i] = (uint16_t)(what * 40);
    page->parameter[group][i].connection_id = (byte(in) % IDS) << 10;
    page->parameter[group][i].flag_number = byte(in);
    __atomic_fetch_or(&page->trigger_group[group].as_uint64, 1ull << i, __ATOMIC_RELAXED);
}

static void step_run(struct input *in)
{
    child->runs = byte(in) & 1;
    if (child->runs)
        world_run(child);
}

static void (*const steps[])(struct input *) = {
    step_msr_write, step_msr_read, step_enable,    step_eoi,     step_take,
    step_scribble,  step_create,   step_connect,   step_delete,  step_disconnect,
    step_post,      step_signal,   step_intercept, step_advance, step_reset,
    step_save,      step_restore,  step_freeze,    step_monitor, step_run,
};

/* ---- what must always hold --------------------------------------------------------------------
 */

static void check_queues(struct world_vp *vp)
{
    struct synic *s = &vp->synic;

    for (unsigned sint = 0; sint < HV_SYNIC_SINT_COUNT; sint++) {
        uint64_t order = 0;

        BUG_ON((s->queued >> sint & 1) == list_empty(&s->queue[sint]));
        LIST_FOR_EACH(node, &s->queue[sint])
        {
            struct synic_message *m = container_of(node, struct synic_message, node);

            BUG_ON(m->synic != s || m->sint != sint);
            BUG_ON(m->order < order || m->order >= s->order);
            order = m->order + 1;
        }
    }
}

/* After a rescan nothing waits for an empty slot, and whoever waits has said so in the slot. */
static void check_delivery(struct world_vp *vp)
{
    struct synic *s = &vp->synic;

    BUG_ON(!synic_msr_write(s, HV_X64_MSR_EOM, 0));
    if (!(s->scontrol & HV_SYNIC_CONTROL_ENABLE) || !(s->simp & HV_X64_MSR_PAGE_ENABLE))
        return;
    for (unsigned sint = 0; sint < HV_SYNIC_SINT_COUNT; sint++) {
        const struct hv_message_header *slot = &vp->sim->slots[sint].header;

        if (!list_empty(&s->queue[sint]))
            BUG_ON(!slot->message_type || !(slot->message_flags & HV_MESSAGE_FLAG_PENDING));
    }
}

static void check_maps(struct partition *p, struct world_vp *vp)
{
    struct synic *s = &vp->synic;
    bool on = s->scontrol & HV_SYNIC_CONTROL_ENABLE;
    uint64_t auto_eoi[4] = {0};

    BUG_ON((p->ports.set.messages[0] >> s->vp_index & 1) !=
           (on && s->simp & HV_X64_MSR_PAGE_ENABLE));
    BUG_ON((p->ports.set.events[0] >> s->vp_index & 1) !=
           (on && s->siefp & HV_X64_MSR_PAGE_ENABLE));
    BUG_ON(vp->overlay[SYNIC_PAGE_MESSAGES].on != (s->simp & HV_X64_MSR_PAGE_ENABLE));
    BUG_ON(vp->overlay[SYNIC_PAGE_EVENTS].on != (s->siefp & HV_X64_MSR_PAGE_ENABLE));
    for (unsigned i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
        uint8_t vector = s->sint[i] & 0xff;
        bool masked = s->sint[i] & HV_SYNIC_SINT_MASKED;

        BUG_ON(!masked && vector < HV_SYNIC_FIRST_VALID_VECTOR);
        if (s->sint[i] & HV_SYNIC_SINT_AUTO_EOI && (!masked || s->sint[i] & HV_SYNIC_SINT_POLLING))
            auto_eoi[vector / 64] |= 1ull << vector % 64;
    }
    BUG_ON(memcmp(s->auto_eoi, auto_eoi, sizeof(auto_eoi)) != 0);
}

static void check_timers(struct world_vp *vp)
{
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++) {
        struct stimer *t = &vp->stimers.timer[i];

        BUG_ON(t->running && !(t->config & HV_STIMER_ENABLE && t->count));
        BUG_ON(t->running != t->timer.node.queued);
        BUG_ON(t->waiting != (t->message.synic == &vp->synic));
        BUG_ON(t->backoff > STIMER_MAX_BACKOFF);
    }
}

static void check_port(const struct port *port)
{
    bool monitored = port->monitor && port->connection;

    BUG_ON(port->users != 1u + monitored);
    if (port->connection)
        BUG_ON(port->connection->port != port);
    for (unsigned i = 0; i < HV_PORT_MESSAGE_BUFFER_COUNT && port->buffer[i]; i++)
        BUG_ON((port->free >> i & 1) == (port->buffer[i]->message.synic != NULL));
}

/* Each connected monitor either sleeps or has a timer; what sleeps is counted. */
static void check_monitors(void)
{
    unsigned stimers = 0, sleeping = 0;

    LIST_FOR_EACH(node, &child->ports.sleeping)
    sleeping++;
    for (unsigned i = 0; i < WORLD_VPS; i++)
        for (unsigned t = 0; t < HV_STIMER_COUNT; t++)
            stimers += child->vp[i].stimers.timer[t].timer.node.queued +
                       root->vp[i].stimers.timer[t].timer.node.queued;
    BUG_ON(sleeping != child->ports.asleep || sleeping > MONITOR_SLEEPERS_MAX);
    BUG_ON(sleeping && child->runs);
    BUG_ON(world_timers_queued() != stimers + child->ports.monitors - sleeping);
    BUG_ON(monitor_count() != child->ports.monitors);
}

static void check_all(void)
{
    struct partition *both[] = {root, child};

    check_monitors();

    for (unsigned p = 0; p < ARRAY_SIZE(both); p++) {
        for (unsigned i = 0; i < WORLD_VPS; i++) {
            struct world_vp *vp = &both[p]->vp[i];

            BUG_ON(vp->holds);
            check_queues(vp);
            check_delivery(vp);
            check_maps(both[p], vp);
            check_timers(vp);
        }
    }
    for (uint32_t id = 0; id < IDS; id++) {
        const struct port *port = id_table_get(&root->ports.ports, id << 20);

        if (port)
            check_port(port);
    }
}

static void intercept_left(struct synic_message *m)
{
    (void)m;
    intercepts_out--;
}

static const struct synic_message_ops intercept_ops = {.release = intercept_left};

static void check_end(void)
{
    struct partition *both[] = {root, child};

    for (unsigned p = 0; p < ARRAY_SIZE(both); p++) {
        while (!port_space_drain(&both[p]->ports, 3))
            ;
        BUG_ON(both[p]->pool.in_use || both[p]->ports.live);
        for (unsigned i = 0; i < WORLD_VPS; i++) {
            stimers_destroy(&both[p]->vp[i].stimers);
            synic_destroy(&both[p]->vp[i].synic);
            BUG_ON(both[p]->vp[i].synic.queued);
        }
    }
    BUG_ON(intercepts_out || world_timers_queued());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};

    root = world_partition(1, OBJECTS);
    child = world_partition(2, OBJECTS);
    intercept_target = NULL;
    synic_message_init(&intercept, &intercept_ops);
    while (in.at < in.end) {
        steps[byte(&in) % ARRAY_SIZE(steps)](&in);
        check_all();
    }
    check_end();
    world_free(root);
    world_free(child);
    return 0;
}
