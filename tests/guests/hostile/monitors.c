/* SPDX-License-Identifier: MIT */
/* monitors.c - case: an echo device whose doorbell is a trigger in a page of ours. The page is
 * where none can be, goes elsewhere while the channel is open, lies under another overlay, or is
 * filled with whatever by VP 1. Root needs to be told of an echo device (start --echo). */
#include <hvabi/msr.h>
#include <hvabi/synic.h>
#include <rt/mem.h>
#include <vspabi/echo.h>
#include <x86/apic.h>
#include <x86/insn.h>

#include "hostile.h"

#define ROUNDS_DEFAULT 20u
#define ECHO_PACKET    64u

static struct {
    struct vmbus_offer_channel offer;
    struct hv_monitor_page *page;
} monitor;

static void trigger_set(struct vmbus_channel *c)
{
    uint32_t id = monitor.offer.monitor_id;

    (void)c;
    __atomic_fetch_or(&monitor.page->trigger_group[id / HV_MONITOR_TRIGGERS_PER_GROUP].pending,
                      1u << id % HV_MONITOR_TRIGGERS_PER_GROUP, __ATOMIC_SEQ_CST);
}

/* ---- the bus, with pages ---- */

static struct hv_monitor_page *page_at(uint64_t number)
{
    return (void *)(uintptr_t)(number * HV_PAGE_SIZE);
}

static bool contact(uint64_t page)
{
    struct vmbus_initiate_contact c = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_3,
                                       .message_sint = VMBUS_SINT,
                                       .server_to_client_monitor =
                                           target.data_pages[0] * HV_PAGE_SIZE,
                                       .client_to_server_monitor = page * HV_PAGE_SIZE};
    union wire_message m;

    monitor.page = page_at(page);
    wire_post(&c, sizeof(c));
    return wire_await(VMBUS_VERSION_RESPONSE, &m, HOSTILE_PATIENCE) && m.version.supported;
}

/* The echo device is offered, with a trigger. */
static bool offer_take(void)
{
    static const struct vmbus_guid echo = ECHO_INTERFACE;
    struct vmbus_message request = {.type = VMBUS_REQUEST_OFFERS};
    union wire_message m = {.header.type = 0};
    bool found = false;

    wire_post(&request, sizeof(request));
    while (m.header.type != VMBUS_ALL_OFFERS_DELIVERED && wire_next(&m, HOSTILE_PATIENCE)) {
        if (m.header.type != VMBUS_OFFER_CHANNEL ||
            memcmp(&m.offer.interface, &echo, sizeof(echo)) != 0)
            continue;
        monitor.offer = m.offer;
        found = m.offer.monitor_allocated & 1;
    }
    return found;
}

static bool rings_open(void)
{
    uint8_t *memory = target.rings[target.turn ^= 1];
    uint32_t relid = monitor.offer.relid;

    target.gpadl = wire_gpadl();
    target.channel = (struct vmbus_channel){.signal = trigger_set};
    vmbus_ring_format(memory);
    vmbus_ring_format(memory + TARGET_OUT_PAGES * HV_PAGE_SIZE);
    return wire_share(relid, target.gpadl, target.ring_pages[target.turn], TARGET_RING_PAGES) &&
           wire_open(relid, target.gpadl, 0, TARGET_OUT_PAGES) &&
           vmbus_ring_attach_writer(&target.channel.out, memory, TARGET_OUT_PAGES * HV_PAGE_SIZE) &&
           vmbus_ring_attach_reader(&target.channel.in, memory + TARGET_OUT_PAGES * HV_PAGE_SIZE,
                                    TARGET_IN_PAGES * HV_PAGE_SIZE);
}

/* Contact anew, whatever is open. */
static bool monitor_open(uint64_t page)
{
    wire_drain();
    return contact(page) && offer_take() && rings_open();
}

/* A packet whose doorbell is the trigger comes back. */
static bool echo_comes(void)
{
    uint8_t bytes[ECHO_PACKET];
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 1,
                             .payload = bytes,
                             .length = sizeof(bytes)};
    union {
        struct storage_packet packet;
        uint8_t bytes[ECHO_PACKET];
    } back;
    uint64_t transaction;

    _Static_assert(sizeof(back) == ECHO_PACKET, "target_completion() takes no shorter ones");
    memset(bytes, ECHO_PACKET, sizeof(bytes));
    return target_send_packet(&p) &&
           target_completion(&transaction, &back.packet, HOSTILE_PATIENCE) && transaction == 1 &&
           memcmp(back.bytes, bytes, sizeof(bytes)) == 0;
}

static void works_with(const char *what, uint64_t page)
{
    bool opened = monitor_open(page), came = opened && echo_comes();

    hostile_result(came, "%s: the device is %s, and packets %s", what,
                   opened ? "opened" : "not opened", came ? "come back" : "do not");
}

/* Whether that may be is not ours to say; nothing comes of it, as what follows shows. */
static void tried_with(const char *what, uint64_t page)
{
    bool opened = monitor_open(page);

    hostile_result(true, "%s: the device is %s", what, opened ? "opened" : "not opened");
}

static void refused_with(const char *what, uint64_t page)
{
    bool opened = monitor_open(page);

    hostile_result(!opened, "%s: the device is %s", what, opened ? "opened" : "not opened");
}

/* ---- another overlay ---- */

/* The page of @msr is laid over the trigger page, and is back where it was. */
static void overlaid(const char *what, uint32_t msr)
{
    uint64_t value = insn_rdmsr(msr);

    insn_wrmsr(msr, (uintptr_t)monitor.page | HV_X64_MSR_PAGE_ENABLE);
    insn_wrmsr(msr, value);
    hostile_result(echo_comes(), "%s over the page, and away: packets come back", what);
}

/* What lies under the page is memory like any other, once the page is elsewhere. */
static void uncovered(uint64_t first, uint64_t second)
{
    uint64_t *words = (uint64_t *)(void *)page_at(first);
    bool kept;

    works_with("a page of ours", first);
    works_with("another page, while the channel is open", second);
    for (size_t i = 0; i < HV_PAGE_SIZE / sizeof(*words); i++)
        words[i] = UINT64_MAX;
    kept = echo_comes();
    for (size_t i = 0; i < HV_PAGE_SIZE / sizeof(*words); i++)
        kept = kept && words[i] == UINT64_MAX;
    hostile_result(kept, "nobody looks at the page before any more");
}

/* ---- whatever in the page ---- */

static void page_fill(void)
{
    static uint64_t random = 1;
    uint64_t *words = (uint64_t *)(void *)monitor.page;

    for (size_t i = 0; i < HV_PAGE_SIZE / sizeof(*words); i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        __atomic_store_n(&words[i], random, __ATOMIC_RELAXED);
    }
}

/* Each trigger is pending, due at once, and for the bus's own connections and the channel's. */
static void triggers_flood(void)
{
    const uint32_t connections[] = {VMBUS_CONNECTION_ID, VMBUS_CONNECTION_ID_5,
                                    monitor.offer.connection_id, UINT32_MAX};
    struct hv_monitor_page *p = monitor.page;

    for (uint32_t g = 0; g < HV_MONITOR_GROUP_COUNT; g++) {
        for (uint32_t i = 0; i < HV_MONITOR_TRIGGERS_PER_GROUP; i++) {
            p->latency[g][i] = 0;
            p->parameter[g][i] = (struct hv_monitor_parameter){.connection_id = connections[i % 4]};
        }
        __atomic_store_n(&p->trigger_group[g].as_uint64, UINT32_MAX, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&p->trigger_state, HV_MONITOR_STATE_GROUP_ENABLE_MASK, __ATOMIC_RELEASE);
}

/* VP 1 does @step all the time, and root answers as ever. */
static void answered_beside(const char *what, void (*step)(void), uint64_t rounds)
{
    struct vmbus_relid_message r = {.header.type = VMBUS_RELID_RELEASED};
    union wire_message m;
    uint64_t silent = 0;

    hostile_other(step);
    for (uint64_t i = 0; i < rounds; i++) {
        silent += wire_ask(&r, sizeof(r), &m) == 0;
        wire_rest();
    }
    hostile_other(NULL);
    hostile_result(silent == rounds, "%s: %llu times, nothing comes back but what is due", what,
                   (unsigned long long)rounds);
}

void case_channel_monitor(void)
{
    uint64_t rounds = hostile_argument("count", ROUNDS_DEFAULT), first, second;

    if (!target_begin())
        return;
    first = target.data_pages[2];
    second = target.data_pages[3];
    uncovered(first, second);
    overlaid("the message page", HV_X64_MSR_SIMP);
    overlaid("the event page", HV_X64_MSR_SIEFP);
    overlaid("the hypercall page", HV_X64_MSR_HYPERCALL);
    refused_with("page 2^52-1", (1ull << 52) - 1);
    tried_with("the page behind our memory", hostile_memory_pages());
    tried_with("the page at 64 GiB", (64ull << 30) / HV_PAGE_SIZE);
    tried_with("the page of the local APIC", APIC_DEFAULT_BASE / HV_PAGE_SIZE);
    tried_with("a page of the rings", target.ring_pages[target.turn ^ 1][0]);
    works_with("a page of ours again", first);
    answered_beside("whatever in the page", page_fill, rounds);
    works_with("afterwards, the same page", first);
    answered_beside("all triggers, at once", triggers_flood, rounds);
    works_with("afterwards, another page", second);
}
