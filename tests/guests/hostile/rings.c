/* SPDX-License-Identifier: MIT */
/* rings.c - cases: a ring that is not one, that changes while it is read, and that nobody reads.
 * Arguments: count=N races (60), or requests without end (2000). */
#include <rt/mem.h>
#include <x86/insn.h>

#include "hostile.h"

#define RACES_DEFAULT 60u
#define DEAF_DEFAULT  2000u
#define RACE_TIME     (HOSTILE_SECOND / 20)
#define RACE_BYTES    4096u
#define FULL_TIME     (HOSTILE_SECOND / 2)

/* ---- indices ---- */

static struct vmbus_ring_header *out_header(void)
{
    return target.channel.out.header;
}

static struct vmbus_ring_header *in_header(void)
{
    return target.channel.in.header;
}

static void index_set(uint32_t *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_SEQ_CST);
}

/* Have root read and write the rings: a request. */
static void request_send(void)
{
    struct storage_packet p = target_test_unit();

    (void)target_send(&p, 1, 0);
    target_signal();
}

static void write_to_end(void)
{
    index_set(&out_header()->write_index, target.channel.out.size);
    target_signal();
}

static void write_to_4(void)
{
    index_set(&out_header()->write_index, target.channel.out.own + 4);
    target_signal();
}

static void write_to_max(void)
{
    index_set(&out_header()->write_index, UINT32_MAX);
    target_signal();
}

static void write_back(void)
{
    index_set(&out_header()->write_index, target.channel.out.own - 8);
    target_signal();
}

static void write_less_than_packet(void)
{
    index_set(&out_header()->write_index, target.channel.out.own + 8);
    target_signal();
}

static void read_moved(void)
{
    index_set(&out_header()->read_index, target.channel.out.own + 8);
    request_send();
}

static void answers_written(void)
{
    index_set(&in_header()->write_index, 8);
    request_send();
}

/* Further than any answer goes. */
static void answers_read_beyond(void)
{
    index_set(&in_header()->read_index, target.channel.in.size - 8);
    request_send();
}

static void answers_read_outside(void)
{
    index_set(&in_header()->read_index, target.channel.in.size);
    request_send();
}

void case_ring_indices(void)
{
    static const struct {
        const char *what;
        void (*spoil)(void);
    } rows[] = {
        {"written to the ring's size", write_to_end},
        {"written to 4 beyond a packet", write_to_4},
        {"written to 2^32-1", write_to_max},
        {"written back", write_back},
        {"8 bytes written", write_less_than_packet},
        {"root's read index moved", read_moved},
        {"root's write index moved", answers_written},
        {"answers read that were not written", answers_read_beyond},
        {"answers read to the ring's size", answers_read_outside},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!target_ready())
            return;
        rows[i].spoil();
        hostile_result(target_was_closed(), "%s: the channel is closed, and can be opened again",
                       rows[i].what);
    }
}

/* ---- packets ---- */

struct raw_packet {
    struct vmbus_packet_descriptor descriptor;
    struct vmbus_packet_ranges head;
    struct vmbus_range range;
    uint64_t page;
    struct storage_packet payload;
};

#define RAW_LENGTH8 (sizeof(struct raw_packet) / 8)
#define RAW_OFFSET8 (offsetof(struct raw_packet, payload) / 8)

static struct raw_packet raw_read(uint32_t bytes)
{
    return (struct raw_packet){
        .descriptor = {.type = VMBUS_PACKET_GPA_DIRECT,
                       .offset8 = RAW_OFFSET8,
                       .length8 = RAW_LENGTH8,
                       .flags = VMBUS_PACKET_FLAG_COMPLETION,
                       .transaction = 1},
        .head.count = 1,
        .range.length = bytes,
        .page = target.data_pages[0],
        .payload = target_read(0, 1, bytes),
    };
}

/* Where the next packet begins. */
static uint32_t ring_index(uint32_t offset)
{
    return (target.channel.out.own + offset) % target.channel.out.size;
}

static void raw_put(const void *from, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        target.channel.out.data[ring_index(i)] = ((const uint8_t *)from)[i];
}

/* Tell root of @bytes, and of a trailer if there is one. */
static void raw_publish(uint32_t bytes)
{
    target.channel.out.own = ring_index(bytes);
    target.channel.out.published = target.channel.out.own;
    index_set(&out_header()->write_index, target.channel.out.own);
    target_signal();
}

void case_ring_packets(void)
{
    static const struct {
        const char *what;
        uint16_t type, offset8, length8;
        uint32_t count, length, offset;
    } rows[] = {
        {"length 0", 9, 2, 0, 1, RACE_BYTES, 0},
        {"payload behind the end", 9, RAW_LENGTH8 + 1, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"payload at 0", 9, 0, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"payload within the descriptor", 9, 1, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"payload at 2^16-1", 9, UINT16_MAX, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"longer than written", 9, RAW_OFFSET8, UINT16_MAX, 1, RACE_BYTES, 0},
        {"longer by its trailer", 9, RAW_OFFSET8, RAW_LENGTH8 + 1, 1, RACE_BYTES, 0},
        {"type 0", 0, RAW_OFFSET8, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"type 2^16-1", UINT16_MAX, RAW_OFFSET8, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"transfer pages, 2^32-1 ranges", 7, RAW_OFFSET8, RAW_LENGTH8, UINT32_MAX, RACE_BYTES, 0},
        {"2^32-1 ranges", 9, RAW_OFFSET8, RAW_LENGTH8, UINT32_MAX, RACE_BYTES, 0},
        {"2 ranges where 1 is", 9, RAW_OFFSET8, RAW_LENGTH8, 2, RACE_BYTES, 0},
        {"no room for ranges", 9, 2, RAW_LENGTH8, 1, RACE_BYTES, 0},
        {"more bytes than pages", 9, RAW_OFFSET8, RAW_LENGTH8, 1, RACE_BYTES + 1, 0},
        {"2^32-1 bytes in a page", 9, RAW_OFFSET8, RAW_LENGTH8, 1, UINT32_MAX, 4095},
        {"no bytes", 9, RAW_OFFSET8, RAW_LENGTH8, 1, 0, 0},
        {"offset 4096", 9, RAW_OFFSET8, RAW_LENGTH8, 1, 1, HV_PAGE_SIZE},
        {"offset 2^32-1", 9, RAW_OFFSET8, RAW_LENGTH8, 1, 1, UINT32_MAX},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw_packet p;

        if (!target_ready())
            return;
        p = raw_read(RACE_BYTES);
        p.descriptor.type = rows[i].type;
        p.descriptor.offset8 = rows[i].offset8;
        p.descriptor.length8 = rows[i].length8;
        p.head.count = rows[i].count;
        p.range.length = rows[i].length;
        p.range.offset = rows[i].offset;
        raw_put(&p, sizeof(p));
        raw_publish((uint32_t)sizeof(p) + VMBUS_PACKET_TRAILER_SIZE);
        hostile_result(target_was_closed(), "%s: the channel is closed, and can be opened again",
                       rows[i].what);
    }
}

/* ---- races ---- */

static struct {
    uint64_t *word;
    uint64_t good, bad;
} race;

/* VP 1: @word is now this, now that. */
static void race_step(void)
{
    for (uint32_t i = 0; i < 16; i++) {
        __atomic_store_n(race.word, race.bad, __ATOMIC_RELAXED);
        insn_pause();
        __atomic_store_n(race.word, race.good, __ATOMIC_RELAXED);
        insn_pause();
    }
}

/* What of a packet changes: the word at @offset, a multiple of 8, by @flips. */
static const struct {
    const char *what;
    uint32_t offset;
    uint64_t flips;
} races[] = {
    {"a packet's length", 0, 0x0000ffff00000000ull},
    {"a packet's payload", 0, 0x00000000ffff0000ull},
    {"a packet's type", 0, 0x000000000000fff0ull},
    {"a count of ranges", offsetof(struct raw_packet, head), 0xffffffff00000000ull},
    {"a range's length", offsetof(struct raw_packet, range), 0x00000000fff00000ull},
    {"a range's offset", offsetof(struct raw_packet, range), 0xffffffff00000000ull},
    {"a page number", offsetof(struct raw_packet, page), 0x000fffff00000000ull},
    {"a request's length", offsetof(struct raw_packet, payload.srb.data_transfer_length),
     0x00000000ffff0000ull},
    {"a request's sector", offsetof(struct raw_packet, payload.srb.data[4]), 0x0000ffffffffffffull},
    {"an operation", offsetof(struct raw_packet, payload), 0x00000000000000ffull},
};

#define RACE_ROWS (sizeof(races) / sizeof(races[0]))

/* One request that changes while it is looked at. Whether it was answered. */
static bool race_run(uint32_t row, uint8_t *srb_status)
{
    struct raw_packet p = raw_read(RACE_BYTES);
    struct storage_packet answer;
    uint64_t transaction;
    bool answered;

    raw_put(&p, sizeof(p));
    race.word = (uint64_t *)(void *)(target.channel.out.data + ring_index(races[row].offset));
    race.good = *race.word;
    race.bad = race.good ^ races[row].flips;
    hostile_other(race_step);
    raw_publish((uint32_t)sizeof(p) + VMBUS_PACKET_TRAILER_SIZE);
    answered = target_completion(&transaction, &answer, RACE_TIME);
    hostile_other(NULL);
    *srb_status = answered ? answer.srb.srb_status : 0;
    return answered;
}

static void race_row(uint32_t row, uint64_t count)
{
    uint64_t done = 0, failed = 0, closed = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint8_t status;

        if (!race_run(row, &status)) {
            closed++;
            if (!target_close() || !target_open() || !target_init()) {
                hostile_result(false, "%s changes: the channel cannot be had again",
                               races[row].what);
                return;
            }
        } else if (status == STORAGE_SRB_SUCCESS) {
            done++;
        } else {
            failed++;
        }
    }
    hostile_result(target_guard_intact(), "%s changes: %llu done, %llu refused, %llu not answered",
                   races[row].what, (unsigned long long)done, (unsigned long long)failed,
                   (unsigned long long)closed);
}

void case_ring_race(void)
{
    uint64_t count = hostile_argument("count", RACES_DEFAULT);

    for (uint32_t row = 0; row < RACE_ROWS; row++) {
        if (!target_ready())
            return;
        target_guard_set();
        race_row(row, count / RACE_ROWS);
    }
}

/* ---- answers that nobody takes ---- */

void case_ring_deaf(void)
{
    uint64_t count = hostile_argument("count", DEAF_DEFAULT), sent = 0, begin;
    struct storage_packet p = target_test_unit();

    if (!target_ready())
        return;
    begin = guest_time();
    while (sent < count && guest_time() - begin < FULL_TIME) {
        if (!target_send(&p, sent + 1, 0))
            continue;
        sent++;
        begin = guest_time();
    }
    hostile_result(sent < count, "%llu requests whose answers nobody takes: root takes no more",
                   (unsigned long long)sent);
    hostile_result(target_close(), "close it: the rings are given back");
}
