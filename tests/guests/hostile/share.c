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
#define HALF_BUILT_TRIED   64u
#define HALF_BUILT_MAX     16u /* that root takes at a time */
#define PAGE_SECTORS       (HV_PAGE_SIZE / 512u)
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

static uint32_t half_make(uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX], uint32_t *id)
{
    struct vmbus_gpadl_header h =
        wire_header(target.offer.relid, wire_gpadl(), VMBUS_GPADL_HEADER_PAGES + 1);

    *id = h.gpadl;
    return wire_header_make(bytes, &h, target.data_pages, VMBUS_GPADL_HEADER_PAGES);
}

static bool is_refusal(const union wire_message *m)
{
    return m->header.type == VMBUS_GPADL_CREATED && m->created.status != VMBUS_STATUS_SUCCESS;
}

/* As fast as they can be posted. */
static void half_flood(uint64_t count)
{
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m;
    uint64_t refused = 0;
    uint32_t id;

    for (uint64_t i = 0; i < count; i++) {
        wire_post(bytes, half_make(bytes, &id));
        if (i % RESTS == 0)
            wire_rest();
        while (wire_next(&m, 0))
            refused += is_refusal(&m);
    }
    while (wire_next(&m, HOSTILE_SECOND / 10))
        refused += is_refusal(&m);
    hostile_result(refused > 0 && refused < count, "%llu half-built GPADLs: %llu are refused",
                   (unsigned long long)count, (unsigned long long)refused);
}

/* One after the other: the first ones are taken, all others refused. */
static void half_await(void)
{
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m;
    uint32_t taken = 0, refused = 0, id;

    for (uint32_t i = 0; i < HALF_BUILT_TRIED; i++) {
        uint32_t type = wire_ask(bytes, half_make(bytes, &id), &m);

        taken += type == 0 && refused == 0;
        refused += type != 0 && is_refusal(&m) && m.created.gpadl == id;
    }
    hostile_result(taken > 0 && taken <= HALF_BUILT_MAX && taken + refused == HALF_BUILT_TRIED,
                   "%u half-built GPADLs, each awaited: %u are taken, then %u refused",
                   HALF_BUILT_TRIED, taken, refused);
}

/* Headers whose bodies never come: root takes some, then it refuses, and it goes on working. */
void case_gpadl_half(void)
{
    if (!target_begin())
        return;
    half_flood(hostile_argument("count", HALF_BUILT_DEFAULT));
    if (target_begin())
        half_await();
}

/* Share the one page @page. */
static bool page_share(const char *what, uint64_t page)
{
    uint32_t id = wire_gpadl();
    bool shared = wire_share(target.offer.relid, id, &page, 1);

    if (shared && !wire_teardown(target.offer.relid, id))
        hostile_result(false, "%s: is not given back", what);
    return shared;
}

static void page_refused(const char *what, uint64_t page)
{
    bool shared = page_share(what, page);

    hostile_result(!shared, "%s: %s", what, shared ? "is shared" : "is refused");
}

/* Rings whose pages are all the same one: whatever they are written, they are nothing but a broken
 * ring. */
static void ring_aliased(void)
{
    uint64_t pages[TARGET_RING_PAGES];
    uint32_t id = wire_gpadl();
    bool shared, opened;

    for (uint32_t i = 0; i < TARGET_RING_PAGES; i++)
        pages[i] = target.data_pages[0];
    memset(target.data, 0, HV_PAGE_SIZE);
    shared = wire_share(target.offer.relid, id, pages, TARGET_RING_PAGES);
    opened = shared && wire_open(target.offer.relid, id, 0, TARGET_OUT_PAGES);
    hostile_result(!shared || opened, "rings of one page only: %s, %s",
                   shared ? "shared" : "refused", opened ? "opened" : "not opened");
    if (!opened)
        return;
    memset(target.data, UINT8_MAX, HV_PAGE_SIZE); /* indices, packets and whatever root writes */
    target_signal();
    hostile_result(wire_teardown(target.offer.relid, id),
                   "rings of one page only: closed for us, and given back");
}

/* ---- what is under an overlay ---- */

static uint8_t *page_bytes(uint64_t page)
{
    return target.data + (int64_t)(page - target.data_pages[0]) * (int64_t)HV_PAGE_SIZE;
}

/* Have the disk write to @page: whether that was done. */
static bool page_read_to(uint64_t page)
{
    struct {
        struct vmbus_range range;
        uint64_t page;
    } ranges = {{.length = HV_PAGE_SIZE}, page};
    struct storage_packet p = target_read(0, PAGE_SECTORS, HV_PAGE_SIZE);
    struct vmbus_packet v = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 1,
                             .payload = &p,
                             .length = sizeof(p),
                             .ranges = &ranges,
                             .range_count = 1,
                             .ranges_length = sizeof(ranges)};
    uint64_t transaction;

    return target_send_packet(&v) && target_completion(&transaction, &p, HOSTILE_PATIENCE) &&
           p.srb.srb_status == STORAGE_SRB_SUCCESS;
}

/* The disk's first bytes, beside which nothing is looked at. */
static const uint8_t *disk_begins(void)
{
    static uint8_t bytes[HV_PAGE_SIZE];

    memset(target.data, 0, HV_PAGE_SIZE);
    if (!page_read_to(target.data_pages[0]))
        hostile_result(false, "the disk cannot be read");
    memcpy(bytes, target.data, HV_PAGE_SIZE);
    return bytes;
}

/* Take the overlay of @msr away for a look at the page under it. */
static bool lies_under(uint32_t msr, const uint8_t *bytes)
{
    uint64_t value = insn_rdmsr(msr);
    bool same;

    if (value & HV_X64_MSR_PAGE_ENABLE)
        insn_wrmsr(msr, value & ~HV_X64_MSR_PAGE_ENABLE);
    same = memcmp(page_bytes(value / HV_PAGE_SIZE), bytes, HV_PAGE_SIZE) == 0;
    if (value & HV_X64_MSR_PAGE_ENABLE)
        insn_wrmsr(msr, value);
    return same;
}

/* The page of @msr: root shares and writes our memory under it, never the hypervisor's page. */
static void overlay_kept(const char *what, uint32_t msr)
{
    static uint8_t overlay[HV_PAGE_SIZE];
    uint64_t value = insn_rdmsr(msr), page = value / HV_PAGE_SIZE;
    const uint8_t *disk = disk_begins();
    bool shared = page_share(what, page), done, kept;

    memcpy(overlay, page_bytes(page), HV_PAGE_SIZE);
    done = page_read_to(page);
    kept =
        !(value & HV_X64_MSR_PAGE_ENABLE) || memcmp(overlay, page_bytes(page), HV_PAGE_SIZE) == 0;
    hostile_result(shared && done && kept && lies_under(msr, disk), "%s: %s, %s, the overlay %s",
                   what, shared ? "shared" : "refused", done ? "written" : "not written",
                   kept ? "is as it was" : "is written");
}

/* Memory like any other. */
static void page_0_written(void)
{
    const uint8_t *disk = disk_begins();
    bool shared = page_share("page 0", 0), done = page_read_to(0);

    hostile_result(done == shared && (!done || memcmp(page_bytes(0), disk, HV_PAGE_SIZE) == 0),
                   "page 0: %s, %s", shared ? "shared" : "refused",
                   done ? "written" : "not written");
}

void case_gpadl_pages(void)
{
    if (!target_begin())
        return;
    page_refused("the page behind our memory", hostile_memory_pages());
    page_refused("the page at 64 GiB", (64ull << 30) / HV_PAGE_SIZE);
    page_refused("page 2^52-1", (1ull << 52) - 1);
    page_refused("page 2^64-1", UINT64_MAX);
    page_refused("the page of the local APIC", APIC_DEFAULT_BASE / HV_PAGE_SIZE);
    ring_aliased();
    if (!target_ready())
        return;
    overlay_kept("what is under the hypercall page", HV_X64_MSR_HYPERCALL);
    overlay_kept("what is under the message page", HV_X64_MSR_SIMP);
    page_0_written();
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
