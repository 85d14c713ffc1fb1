/* SPDX-License-Identifier: MIT */
/* target.c - a SCSI controller's channel, by hand. See hostile.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "hostile.h"

#define GUARD_WORD   0xa5a5a5a5a5a5a5a5ull
#define PAGE_WORDS   (HV_PAGE_SIZE / sizeof(uint64_t))
#define INIT_ID      0x1000u
#define ANSWER_TIME  (HOSTILE_SECOND / 200)
#define SECTOR_BYTES 4096u /* that any disk's sectors divide */

struct target target;

/* ---- signals ---- */

void target_signal(void)
{
    (void)hv_call_signal_event(guest_client(), target.offer.connection_id, 0);
}

static void channel_signal(struct vmbus_channel *c)
{
    (void)c;
    target_signal();
}

/* ---- the bus ---- */

static void memory_prepare(void)
{
    if (target.data)
        return;
    for (uint32_t i = 0; i < 2; i++) {
        target.rings[i] = guest_memory(TARGET_RING_PAGES * HV_PAGE_SIZE);
        target.ring_pages[i] = guest_page_numbers(target.rings[i], TARGET_RING_PAGES);
    }
    target.data = guest_memory((TARGET_DATA_PAGES + 1) * HV_PAGE_SIZE);
    target.data_pages = guest_page_numbers(target.data, TARGET_DATA_PAGES + 1);
}

static bool offer_is_ours(const union wire_message *m)
{
    static const struct vmbus_guid ours = STORAGE_SCSI_INTERFACE;

    return m->header.type == VMBUS_OFFER_CHANNEL && m->offer.sub_channel_index == 0 &&
           memcmp(&m->offer.interface, &ours, sizeof(ours)) == 0;
}

/* Take all offers; whether a controller was among them. */
static bool offers_take(void)
{
    struct vmbus_message request = {.type = VMBUS_REQUEST_OFFERS};
    union wire_message m = {.header.type = 0};
    bool found = false;

    wire_post(&request, sizeof(request));
    while (m.header.type != VMBUS_ALL_OFFERS_DELIVERED && wire_next(&m, HOSTILE_PATIENCE)) {
        if (found || !offer_is_ours(&m))
            continue;
        target.offer = m.offer;
        found = true;
    }
    return found;
}

bool target_begin(void)
{
    memory_prepare();
    if (wire_begin() && offers_take())
        return true;
    hostile_result(false, "no SCSI controller is offered");
    return false;
}

/* ---- the channel ---- */

static bool rings_attach(void)
{
    uint8_t *memory = target.rings[target.turn];

    return vmbus_ring_attach_writer(&target.channel.out, memory, TARGET_OUT_PAGES * HV_PAGE_SIZE) &&
           vmbus_ring_attach_reader(&target.channel.in, memory + TARGET_OUT_PAGES * HV_PAGE_SIZE,
                                    TARGET_IN_PAGES * HV_PAGE_SIZE);
}

/* Other rings, which nobody knows yet. */
static bool rings_share(void)
{
    target.turn ^= 1;
    target.gpadl = wire_gpadl();
    target.channel = (struct vmbus_channel){.signal = channel_signal};
    vmbus_ring_format(target.rings[target.turn]);
    vmbus_ring_format(target.rings[target.turn] + TARGET_OUT_PAGES * HV_PAGE_SIZE);
    return wire_share(target.offer.relid, target.gpadl, target.ring_pages[target.turn],
                      TARGET_RING_PAGES);
}

bool target_open(void)
{
    return rings_share() && wire_open(target.offer.relid, target.gpadl, 0, TARGET_OUT_PAGES) &&
           rings_attach();
}

bool target_close(void)
{
    wire_relid_post(VMBUS_CLOSE_CHANNEL, target.offer.relid);
    return wire_teardown(target.offer.relid, target.gpadl);
}

/* Rings in use are given back when their channel is closed, and we do not close it. */
bool target_was_closed(void)
{
    return wire_teardown(target.offer.relid, target.gpadl) && target_open();
}

/* ---- packets ---- */

bool target_send_packet(const struct vmbus_packet *p)
{
    bool sent = vmbus_channel_send(&target.channel, p) == VMBUS_RING_OK;

    vmbus_channel_flush(&target.channel);
    return sent;
}

bool target_send(const struct storage_packet *packet, uint64_t transaction, uint32_t bytes)
{
    uint8_t ranges[sizeof(struct vmbus_range) + TARGET_DATA_PAGES * sizeof(uint64_t)]
        __attribute__((aligned(8)));
    struct vmbus_range range = {.length = bytes};
    uint32_t pages = (bytes + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE;
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = transaction,
                             .payload = packet,
                             .length = sizeof(*packet)};

    if (bytes > 0) {
        memcpy(ranges, &range, sizeof(range));
        memcpy(ranges + sizeof(range), target.data_pages, pages * sizeof(uint64_t));
        p.type = VMBUS_PACKET_GPA_DIRECT;
        p.ranges = ranges;
        p.range_count = 1;
        p.ranges_length = (uint32_t)(sizeof(range) + pages * sizeof(uint64_t));
    }
    return target_send_packet(&p);
}

static enum vmbus_ring_status completion_read(struct vmbus_packet *p)
{
    enum vmbus_ring_status status;

    do {
        vmbus_channel_read_begin(&target.channel);
        status = vmbus_channel_read_next(&target.channel, p, target.buffer, sizeof(target.buffer));
    } while (vmbus_channel_read_end(&target.channel) && status == VMBUS_RING_EMPTY);
    return status;
}

bool target_completion(uint64_t *transaction, struct storage_packet *packet, uint64_t patience)
{
    uint64_t begin = guest_time();
    struct vmbus_packet p;

    do {
        enum vmbus_ring_status status = completion_read(&p);

        if (status == VMBUS_RING_BROKEN)
            return false;
        if (status == VMBUS_RING_OK && p.type == VMBUS_PACKET_COMPLETION &&
            p.length >= sizeof(*packet)) {
            *transaction = p.transaction;
            memcpy(packet, p.payload, sizeof(*packet));
            return true;
        }
        insn_pause();
    } while (guest_time() - begin < patience);
    return false;
}

static bool rings_are_back(void)
{
    union wire_message m;

    return wire_next(&m, 0) && m.header.type == VMBUS_GPADL_TORNDOWN &&
           m.torndown.gpadl == target.gpadl;
}

static enum target_end reopened(enum target_end end)
{
    return target_open() && target_init() ? end : TARGET_SILENT;
}

/* As target_was_closed(), while an answer may come late. */
enum target_end target_settle(uint64_t *transaction, struct storage_packet *packet)
{
    struct vmbus_gpadl_teardown t = {
        .header.type = VMBUS_GPADL_TEARDOWN, .relid = target.offer.relid, .gpadl = target.gpadl};
    uint64_t begin = guest_time();
    union wire_message m;

    if (target_completion(transaction, packet, ANSWER_TIME))
        return TARGET_ANSWERED;
    wire_post(&t, sizeof(t));
    while (guest_time() - begin < HOSTILE_PATIENCE) {
        if (rings_are_back())
            return reopened(TARGET_CLOSED);
        if (!target_completion(transaction, packet, 0))
            continue;
        wire_relid_post(VMBUS_CLOSE_CHANNEL, target.offer.relid);
        if (wire_await(VMBUS_GPADL_TORNDOWN, &m, HOSTILE_PATIENCE))
            return reopened(TARGET_ANSWERED);
    }
    return TARGET_SILENT;
}

bool target_ask(struct storage_packet *packet, uint32_t bytes)
{
    static uint64_t last = INIT_ID;
    uint64_t transaction = ++last, answered;

    if (!target_send(packet, transaction, bytes))
        return false;
    while (target_completion(&answered, packet, HOSTILE_PATIENCE))
        if (answered == transaction)
            return true;
    return false;
}

/* ---- the protocol ---- */

static bool step(struct storage_packet packet, struct storage_packet *answer)
{
    packet.flags = STORAGE_FLAG_COMPLETION;
    *answer = packet;
    return target_ask(answer, 0) && answer->status == STORAGE_STATUS_OK;
}

bool target_init(void)
{
    static const struct storage_packet begin = {.operation = STORAGE_BEGIN_INITIALIZATION};
    static const struct storage_packet version = {.operation = STORAGE_QUERY_PROTOCOL_VERSION,
                                                  .version.major_minor = STORAGE_VERSION_6_2};
    static const struct storage_packet properties = {.operation = STORAGE_QUERY_PROPERTIES};
    static const struct storage_packet end = {.operation = STORAGE_END_INITIALIZATION};
    struct storage_packet answer;

    if (!step(begin, &answer) || !step(version, &answer) || !step(properties, &answer))
        return false;
    target.sub_channels = answer.properties.max_channel_count;
    return step(end, &answer);
}

bool target_ready(void)
{
    if (!target_begin())
        return false;
    if (target_open() && target_init())
        return true;
    hostile_result(false, "the controller cannot be opened as it should be");
    return false;
}

static struct storage_packet srb(uint8_t cdb_length, uint8_t direction, uint32_t bytes)
{
    return (struct storage_packet){
        .operation = STORAGE_EXECUTE_SRB,
        .flags = STORAGE_FLAG_COMPLETION,
        .srb = {.length = STORAGE_SRB_BYTES,
                .cdb_length = cdb_length,
                .sense_info_length = STORAGE_SENSE_BYTES,
                .data_in = direction,
                .data_transfer_length = bytes},
    };
}

struct storage_packet target_read(uint64_t sector, uint32_t count, uint32_t bytes)
{
    struct storage_packet p = srb(SCSI_CDB_MAX, STORAGE_DATA_IN, bytes);

    p.srb.data[0] = SCSI_READ_16;
    be64_put(p.srb.data + 2, sector);
    be32_put(p.srb.data + 10, count);
    return p;
}

struct storage_packet target_test_unit(void)
{
    return srb(6, STORAGE_DATA_NONE, 0);
}

/* ---- what must not change ---- */

void target_guard_set(void)
{
    uint64_t *words = (uint64_t *)(void *)target.data;

    for (size_t i = 0; i < (TARGET_DATA_PAGES + 1) * PAGE_WORDS; i++)
        words[i] = GUARD_WORD;
}

bool target_untouched(uint32_t first, uint32_t end)
{
    const uint64_t *words = (const uint64_t *)(const void *)target.data;

    for (size_t i = first * PAGE_WORDS; i < end * PAGE_WORDS; i++)
        if (words[i] != GUARD_WORD)
            return false;
    return true;
}

/* The first sectors, as they were when they were read first: nobody writes to this disk. */
bool target_works(void)
{
    static uint8_t first[SECTOR_BYTES];
    static bool known;
    struct storage_packet p = target_read(0, 1, SECTOR_BYTES);

    if (!target_ready())
        return false;
    target_guard_set();
    memset(target.data, 0, SECTOR_BYTES);
    if (!target_ask(&p, SECTOR_BYTES) || p.srb.srb_status != STORAGE_SRB_SUCCESS ||
        !target_untouched(SECTOR_BYTES / HV_PAGE_SIZE, TARGET_DATA_PAGES + 1))
        return false;
    if (!known)
        memcpy(first, target.data, sizeof(first));
    known = true;
    return memcmp(first, target.data, sizeof(first)) == 0 && wire_unload();
}
