/* SPDX-License-Identifier: MIT */
/* share.c - cases: memory that is shared wrongly (GPADLs). Arguments: count=N half-built ones
 * (2000).
 */
#include <hvabi/msr.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/insn.h>

#include "hostile.h"

#define HALF_BUILT_DEFAULT 2000u
#define IO_DEPTH           8u
#define IO_BYTES           (8u * HV_PAGE_SIZE)
#define RESTS              16u /* headers between two */
#define QUIET_TIME         (HOSTILE_SECOND / 5)

/* Share @count of @pages as @h says: it has to be refused. */
static void header_refused(const char *what, const struct vmbus_gpadl_header *h,
                           const uint64_t *pages, uint32_t count)
{
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m = {.header.type = 0};
    uint32_t type = wire_ask(bytes, wire_header_make(bytes, h, pages, count), &m);

    if (type == VMBUS_GPADL_CREATED)
        hostile_result(m.created.gpadl == h->gpadl && m.created.status != VMBUS_STATUS_SUCCESS,
                       "%s: GPADL_CREATED, status %#x", what, m.created.status);
    else
        hostile_result(false, "%s: message %u comes back", what, type);
}

void case_gpadl_header(void)
{
    static const struct {
        const char *what;
        uint16_t range_count, range_length;
        uint32_t byte_count, byte_offset, pages;
    } rows[] = {
        {"no range", 0, 16, HV_PAGE_SIZE, 0, 1},
        {"2 ranges", 2, 16, HV_PAGE_SIZE, 0, 1},
        {"65535 ranges", UINT16_MAX, 16, HV_PAGE_SIZE, 0, 1},
        {"range length 0", 1, 0, HV_PAGE_SIZE, 0, 1},
        {"range length 8", 1, 8, HV_PAGE_SIZE, 0, 1},
        {"range length 15", 1, 15, HV_PAGE_SIZE, 0, 1},
        {"range length 65535", 1, UINT16_MAX, HV_PAGE_SIZE, 0, 1},
        {"no bytes", 1, 16, 0, 0, 1},
        {"2^32-1 bytes", 1, 16, UINT32_MAX, 0, 1},
        {"offset 4096", 1, 16, HV_PAGE_SIZE, HV_PAGE_SIZE, 1},
        {"offset 2^32-1", 1, 16, HV_PAGE_SIZE, UINT32_MAX, 1},
        {"bytes and offset wrap", 1, 16, UINT32_MAX, HV_PAGE_SIZE - 1, 1},
        {"2 pages where 1 was said", 1, 16, HV_PAGE_SIZE, 0, 2},
        {"26 pages where 1 was said", 1, 16, HV_PAGE_SIZE, 0, VMBUS_GPADL_HEADER_PAGES},
    };

    if (!target_begin())
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmbus_gpadl_header h = wire_header(target.offer.relid, wire_gpadl(), 1);

        h.range_count = rows[i].range_count;
        h.range_length = rows[i].range_length;
        h.byte_count = rows[i].byte_count;
        h.byte_offset = rows[i].byte_offset;
        header_refused(rows[i].what, &h, target.data_pages, rows[i].pages);
    }
}

/* Nothing may come back to @bytes. */
static void unanswered(const char *what, const uint8_t *bytes, uint32_t length)
{
    union wire_message m;
    uint32_t type = wire_ask(bytes, length, &m);

    if (type == 0)
        hostile_result(true, "%s: nothing comes back", what);
    else
        hostile_result(false, "%s: message %u comes back", what, type);
}

void case_gpadl_body(void)
{
    const uint32_t first = VMBUS_GPADL_HEADER_PAGES, all = first + 2;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    struct vmbus_gpadl_header h;
    union wire_message m = {.header.type = 0};
    uint32_t id = wire_gpadl(), length, type;

    if (!target_begin())
        return;
    length = wire_body_make(bytes, 0, id, target.data_pages, 1);
    unanswered("a body before its header", bytes, length);
    h = wire_header(target.offer.relid, id, all);
    unanswered("a header without its bodies", bytes,
               wire_header_make(bytes, &h, target.data_pages, all));
    length = wire_body_make(bytes, UINT32_MAX, id, target.data_pages + first, 1);
    unanswered("a body with a wrong number", bytes, length);
    length = wire_body_make(bytes, 7, id, target.data_pages + first + 1, 1);
    hostile_result(wire_ask(bytes, length, &m) == VMBUS_GPADL_CREATED &&
                       m.created.status == VMBUS_STATUS_SUCCESS,
                   "the last body, with another: the memory is shared");
    unanswered("a body after the last", bytes, length);
    hostile_result(wire_teardown(target.offer.relid, id), "the memory is given back");
    h = wire_header(target.offer.relid, wire_gpadl(), all);
    unanswered("another header", bytes, wire_header_make(bytes, &h, target.data_pages, all));
    length = wire_body_make(bytes, 0, h.gpadl, target.data_pages, all + 1);
    type = wire_ask(bytes, length, &m);
    hostile_result(type == VMBUS_GPADL_CREATED && m.created.status != VMBUS_STATUS_SUCCESS,
                   "a body with more pages than are left: message %u, status %#x", type,
                   m.created.status);
}

/* Headers whose bodies never come: root takes some, then it refuses, and it goes on working. */
void case_gpadl_half(void)
{
    uint64_t count = hostile_argument("count", HALF_BUILT_DEFAULT), refused = 0;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m;

    if (!target_begin())
        return;
    for (uint64_t i = 0; i < count; i++) {
        struct vmbus_gpadl_header h =
            wire_header(target.offer.relid, wire_gpadl(), VMBUS_GPADL_HEADER_PAGES + 1);

        wire_post(bytes, wire_header_make(bytes, &h, target.data_pages, VMBUS_GPADL_HEADER_PAGES));
        if (i % RESTS == 0)
            wire_rest();
        while (wire_next(&m, 0))
            refused +=
                m.header.type == VMBUS_GPADL_CREATED && m.created.status != VMBUS_STATUS_SUCCESS;
    }
    while (wire_next(&m, HOSTILE_SECOND / 10))
        refused += m.header.type == VMBUS_GPADL_CREATED && m.created.status != VMBUS_STATUS_SUCCESS;
    hostile_result(refused > 0, "%llu half-built GPADLs: %llu are refused",
                   (unsigned long long)count, (unsigned long long)refused);
}

/* Share the one page @page: @refused, or either. */
static void page_shared(const char *what, uint64_t page, bool refused)
{
    uint32_t id = wire_gpadl();
    bool shared = wire_share(target.offer.relid, id, &page, 1);

    hostile_result(!refused || !shared, "%s: %s", what, shared ? "is shared" : "is refused");
    if (shared)
        hostile_result(wire_teardown(target.offer.relid, id), "%s: is given back", what);
}

/* A ring whose pages are all the same one. */
static void ring_aliased(void)
{
    struct storage_packet packet = target_test_unit();
    uint64_t pages[TARGET_RING_PAGES];
    uint32_t id = wire_gpadl();
    bool shared, opened;

    for (uint32_t i = 0; i < TARGET_RING_PAGES; i++)
        pages[i] = target.data_pages[0];
    memset(target.data, 0, HV_PAGE_SIZE);
    shared = wire_share(target.offer.relid, id, pages, TARGET_RING_PAGES);
    opened = shared && wire_open(target.offer.relid, id, 0, TARGET_OUT_PAGES);
    hostile_result(true, "rings of one page only: %s, %s", shared ? "shared" : "refused",
                   opened ? "opened" : "not opened");
    if (!shared)
        return;
    memcpy(target.data, &packet, sizeof(packet)); /* indices, packets and whatever root writes */
    target_signal();
    wire_relid_post(VMBUS_CLOSE_CHANNEL, target.offer.relid);
    hostile_result(wire_teardown(target.offer.relid, id), "rings of one page only: given back");
}

void case_gpadl_pages(void)
{
    uint64_t hypercall_page = guest_hypercall_page() / HV_PAGE_SIZE;
    uint64_t message_page = insn_rdmsr(HV_X64_MSR_SIMP) / HV_PAGE_SIZE;

    if (!target_begin())
        return;
    page_shared("the page behind our memory", hostile_memory_pages(), true);
    page_shared("the page at 64 GiB", (64ull << 30) / HV_PAGE_SIZE, true);
    page_shared("page 2^52-1", (1ull << 52) - 1, true);
    page_shared("page 2^64-1", UINT64_MAX, true);
    page_shared("the page of the local APIC", APIC_DEFAULT_BASE / HV_PAGE_SIZE, true);
    page_shared("what is under the hypercall page", hypercall_page, false);
    page_shared("what is under the message page", message_page, false);
    page_shared("page 0", 0, false);
    ring_aliased();
}

/* ---- life ---- */

static void reads_submit(void)
{
    struct storage_packet p = target_read(0, IO_BYTES / HV_PAGE_SIZE, IO_BYTES);

    for (uint32_t i = 0; i < IO_DEPTH; i++)
        (void)target_send(&p, i + 1, IO_BYTES);
}

/* Nothing may be written any more to what requests had. */
static bool memory_is_quiet(void)
{
    uint64_t begin = guest_time();

    target_guard_set();
    while (guest_time() - begin < QUIET_TIME)
        insn_pause();
    for (uint32_t i = 0; i < IO_BYTES; i++)
        if (target.data[i] != target.data[IO_BYTES])
            return false;
    return true;
}

void case_gpadl_life(void)
{
    struct vmbus_gpadl_teardown t = {.header.type = VMBUS_GPADL_TEARDOWN};
    struct vmbus_gpadl_header h;
    union wire_message m;

    if (!target_ready())
        return;
    h = wire_header(target.offer.relid, target.gpadl, 1);
    header_refused("a number that is in use", &h, target.data_pages, 1);
    h = wire_header(0, wire_gpadl(), 1);
    header_refused("memory for channel 0", &h, target.data_pages, 1);
    h = wire_header(VMBUS_RELID_MAX, wire_gpadl(), 1);
    header_refused("memory for a channel that is not there", &h, target.data_pages, 1);
    t.relid = target.offer.relid;
    t.gpadl = wire_gpadl();
    unanswered("a teardown of nothing", (const uint8_t *)&t, sizeof(t));
    t.gpadl = target.gpadl;
    unanswered("a teardown of the rings in use", (const uint8_t *)&t, sizeof(t));
    unanswered("once more", (const uint8_t *)&t, sizeof(t));
    reads_submit();
    wire_relid_post(VMBUS_CLOSE_CHANNEL, target.offer.relid);
    hostile_result(wire_await(VMBUS_GPADL_TORNDOWN, &m, HOSTILE_PATIENCE) &&
                       m.torndown.gpadl == target.gpadl,
                   "close with %u reads under way: then the rings are given back", IO_DEPTH);
    hostile_result(memory_is_quiet(), "close with reads under way: nothing is written afterwards");
}

void case_channel_unload(void)
{
    struct vmbus_message unload = {.type = VMBUS_UNLOAD};
    union wire_message m;

    if (!target_ready())
        return;
    reads_submit();
    wire_post(&unload, sizeof(unload));
    hostile_result(wire_await(VMBUS_UNLOAD_RESPONSE, &m, HOSTILE_PATIENCE),
                   "unload with %u reads under way: is answered", IO_DEPTH);
    hostile_result(memory_is_quiet(), "unload with reads under way: nothing is written afterwards");
    if (!target_ready())
        return;
    reads_submit();
    hostile_result(wire_contact(VMBUS_VERSION_4_0, &m), "contact with %u reads under way: is made",
                   IO_DEPTH);
    hostile_result(memory_is_quiet(),
                   "contact with reads under way: nothing is written afterwards");
}
