/* SPDX-License-Identifier: MIT */
/* packets.c - cases: packets that cannot be, and packets and rings that change while root reads
 * them. Arguments: count=N races in a row of the table (100), or more, until all was seen that may
 * come of them; rows=MASK: the rows of these bits. */
#include <rt/mem.h>
#include <x86/insn.h>

#include "hostile.h"

#define ROUNDS_DEFAULT 100u
#define ROUNDS_CAP     20u /* times as many, at most, until all was seen that may come of a row */
#define RACE_TIME      (HOSTILE_SECOND / 200)
#define BYTES          HV_PAGE_SIZE
#define SECTORS        (BYTES / 512u)

static void word_store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

struct raw_packet {
    struct vmbus_packet_descriptor descriptor;
    struct vmbus_packet_ranges head;
    struct vmbus_range range;
    uint64_t page;
    struct storage_packet payload;
};

#define RAW_LENGTH8 (sizeof(struct raw_packet) / 8)
#define RAW_OFFSET8 (offsetof(struct raw_packet, payload) / 8)
#define RAW_SIZE    ((uint32_t)sizeof(struct raw_packet) + VMBUS_PACKET_TRAILER_SIZE)

/* A read of a page from the disk's beginning. */
static struct raw_packet raw_read(void)
{
    return (struct raw_packet){
        .descriptor = {.type = VMBUS_PACKET_GPA_DIRECT,
                       .offset8 = RAW_OFFSET8,
                       .length8 = RAW_LENGTH8,
                       .flags = VMBUS_PACKET_FLAG_COMPLETION,
                       .transaction = 1},
        .head.count = 1,
        .range.length = BYTES,
        .page = target.data_pages[0],
        .payload = target_read(0, SECTORS, BYTES),
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

/* Tell root of the packet that was put; @index: by the write index, too. */
static void raw_publish(bool index)
{
    target.channel.out.own = ring_index(RAW_SIZE);
    target.channel.out.published = target.channel.out.own;
    if (index)
        word_store(&target.channel.out.header->write_index, target.channel.out.own);
    target_signal();
}

void case_ring_packets(void)
{
    static const struct {
        const char *what;
        uint16_t type, offset8, length8;
        uint32_t count, length, offset;
    } rows[] = {
        {"length 0", 9, 2, 0, 1, BYTES, 0},
        {"payload behind the end", 9, RAW_LENGTH8 + 1, RAW_LENGTH8, 1, BYTES, 0},
        {"payload at 0", 9, 0, RAW_LENGTH8, 1, BYTES, 0},
        {"payload within the descriptor", 9, 1, RAW_LENGTH8, 1, BYTES, 0},
        {"payload at 2^16-1", 9, UINT16_MAX, RAW_LENGTH8, 1, BYTES, 0},
        {"longer than written", 9, RAW_OFFSET8, UINT16_MAX, 1, BYTES, 0},
        {"longer by its trailer", 9, RAW_OFFSET8, RAW_LENGTH8 + 1, 1, BYTES, 0},
        {"type 0", 0, RAW_OFFSET8, RAW_LENGTH8, 1, BYTES, 0},
        {"type 2^16-1", UINT16_MAX, RAW_OFFSET8, RAW_LENGTH8, 1, BYTES, 0},
        {"transfer pages, 2^32-1 ranges", 7, RAW_OFFSET8, RAW_LENGTH8, UINT32_MAX, BYTES, 0},
        {"2^32-1 ranges", 9, RAW_OFFSET8, RAW_LENGTH8, UINT32_MAX, BYTES, 0},
        {"2 ranges where 1 is", 9, RAW_OFFSET8, RAW_LENGTH8, 2, BYTES, 0},
        {"no room for ranges", 9, 2, RAW_LENGTH8, 1, BYTES, 0},
        {"more bytes than pages", 9, RAW_OFFSET8, RAW_LENGTH8, 1, BYTES + 1, 0},
        {"2^32-1 bytes in a page", 9, RAW_OFFSET8, RAW_LENGTH8, 1, UINT32_MAX, 4095},
        {"no bytes", 9, RAW_OFFSET8, RAW_LENGTH8, 1, 0, 0},
        {"offset 4096", 9, RAW_OFFSET8, RAW_LENGTH8, 1, 1, HV_PAGE_SIZE},
        {"offset 2^32-1", 9, RAW_OFFSET8, RAW_LENGTH8, 1, 1, UINT32_MAX},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw_packet p;

        if (!target_ready())
            return;
        p = raw_read();
        p.descriptor.type = rows[i].type;
        p.descriptor.offset8 = rows[i].offset8;
        p.descriptor.length8 = rows[i].length8;
        p.head.count = rows[i].count;
        p.range.length = rows[i].length;
        p.range.offset = rows[i].offset;
        raw_put(&p, sizeof(p));
        raw_publish(true);
        hostile_result(target_was_closed(), "%s: the channel is closed, and can be opened again",
                       rows[i].what);
    }
}

/* ---- races ---- */

/* What changes. */
enum race_word {
    WORD_OF_PACKET,    /* at an offset */
    WORD_WRITTEN,      /* our index: where the packet ends, or no place for an index */
    WORD_WRITTEN_BACK, /* where it ends, or where it begins */
    WORD_ROOTS_READ,   /* root's index of the same ring */
    WORD_ANSWERS_READ, /* our index of the ring with answers: what we read, or more than was sent */
    WORD_ANSWERS_MASK, /* we want signals, or none */
    WORD_ROOM_WANTED,  /* we wait for room, or not */
};

/* How a round may end. */
#define DONE    1u
#define REFUSED 2u
#define CLOSED  4u

/* A word of which VP 1 makes now this, now that, while root works. All that may come of it has to
 * be seen. */
static const struct race {
    const char *what;
    uint32_t offset, flips; /* of a packet's word */
    enum race_word word;
    uint32_t ends;
    bool other_page, other_sector; /* both forms are good: data goes, or comes from elsewhere */
} races[] = {
    {"a packet's type", 0, 0x0000fff0, WORD_OF_PACKET, DONE | CLOSED, false, false},
    {"a packet's kind", 0, VMBUS_PACKET_GPA_DIRECT ^ VMBUS_PACKET_IN_BAND, WORD_OF_PACKET,
     DONE | REFUSED, false, false},
    {"a packet's payload", 0, 0xffff0000, WORD_OF_PACKET, DONE | CLOSED, false, false},
    {"a packet's length", 4, 0x0000ffff, WORD_OF_PACKET, DONE | CLOSED, false, false},
    {"a count of ranges", offsetof(struct raw_packet, head.count), UINT32_MAX, WORD_OF_PACKET,
     DONE | CLOSED, false, false},
    {"a range's pages", offsetof(struct raw_packet, range.length), 0xfff00000, WORD_OF_PACKET,
     DONE | CLOSED, false, false},
    {"a range's length", offsetof(struct raw_packet, range.length), BYTES ^ BYTES / 2,
     WORD_OF_PACKET, DONE | REFUSED, false, false},
    {"a range's offset", offsetof(struct raw_packet, range.offset), UINT32_MAX, WORD_OF_PACKET,
     DONE | CLOSED, false, false},
    {"a page number", offsetof(struct raw_packet, page) + 4, 0x000fffff, WORD_OF_PACKET,
     DONE | REFUSED, false, false},
    {"one of two pages", offsetof(struct raw_packet, page), 0, WORD_OF_PACKET, DONE, true, false},
    {"a request's length", offsetof(struct raw_packet, payload.srb.data_transfer_length),
     0xffff0000, WORD_OF_PACKET, DONE | REFUSED, false, false},
    {"a request's sector", offsetof(struct raw_packet, payload.srb.data[4]), UINT32_MAX,
     WORD_OF_PACKET, DONE | REFUSED, false, false},
    {"one of two sectors", offsetof(struct raw_packet, payload.srb.data[8]), SECTORS << 8,
     WORD_OF_PACKET, DONE, false, true},
    {"an operation", offsetof(struct raw_packet, payload), 0x000000ff, WORD_OF_PACKET,
     DONE | REFUSED, false, false},
    {"the write index", 0, 4, WORD_WRITTEN, DONE | CLOSED, false, false},
    {"what was written", 0, 0, WORD_WRITTEN_BACK, DONE | CLOSED, false, false},
    {"root's read index", 0, 8, WORD_ROOTS_READ, DONE | CLOSED, false, false},
    {"the answers' read index", 0, 0, WORD_ANSWERS_READ, DONE | CLOSED, false, false},
    {"the answers' mask", 0, 1, WORD_ANSWERS_MASK, DONE, false, false},
    {"the room that is wanted", 0, 0, WORD_ROOM_WANTED, DONE, false, false},
};

#define RACE_ROWS (sizeof(races) / sizeof(races[0]))

static struct {
    uint32_t *word; /* [a] */
    uint32_t good, bad;
    uint32_t stores;                     /* [a] that VP 1 has made */
    uint8_t first[BYTES], second[BYTES]; /* the disk's */
} race;

/* VP 1: the word is now this, now that, in step with nobody. */
static void race_step(void)
{
    static uint32_t random = 1;

    for (uint32_t i = 0; i < 32; i++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        word_store(__atomic_load_n(&race.word, __ATOMIC_SEQ_CST),
                   random & 1 ? race.bad : race.good);
        __atomic_fetch_add(&race.stores, 1, __ATOMIC_SEQ_CST);
        for (uint32_t pauses = 0; pauses < (random >> 1 & 7); pauses++)
            insn_pause();
    }
    word_store(race.word, race.good);
}

static void race_aim(uint32_t *word, uint32_t good, uint32_t bad)
{
    race.good = good;
    race.bad = bad;
    __atomic_store_n(&race.word, word, __ATOMIC_SEQ_CST);
}

/* VP 1 is at it: it has stored what it was aimed at, and more than once. */
static void race_await(void)
{
    uint32_t before = __atomic_load_n(&race.stores, __ATOMIC_SEQ_CST);

    while (__atomic_load_n(&race.stores, __ATOMIC_SEQ_CST) - before < 3)
        insn_pause();
}

/* At the packet that was put. Of packets VP 1 may change words all the time: those of the last one
 * nobody reads any more, and the forms are the same in each round. */
static void race_begin(const struct race *r)
{
    const struct vmbus_ring *in = &target.channel.in, *out = &target.channel.out;
    uint32_t *word = (uint32_t *)(void *)(out->data + ring_index(r->offset));
    uint32_t end = ring_index(RAW_SIZE);

    switch (r->word) {
    case WORD_OF_PACKET:
        race_aim(word, *word, *word ^ r->flips);
        if (r->other_page)
            race.bad = (uint32_t)target.data_pages[1];
        break;
    case WORD_WRITTEN:
        race_aim(&out->header->write_index, end, end ^ r->flips);
        break;
    case WORD_WRITTEN_BACK:
        race_aim(&out->header->write_index, end, out->own);
        break;
    case WORD_ROOTS_READ:
        race_aim(&out->header->read_index, out->own, out->own ^ r->flips);
        break;
    case WORD_ANSWERS_READ:
        race_aim(&in->header->read_index, in->own, (in->own + in->size / 2) % in->size);
        break;
    case WORD_ANSWERS_MASK:
        race_aim(&in->header->interrupt_mask, 0, r->flips);
        break;
    case WORD_ROOM_WANTED:
    default:
        race_aim(&out->header->pending_send_size, 0, out->size - RAW_SIZE);
        break;
    }
    hostile_other(race_step);
    race_await();
}

/* One request that changes while it is looked at. */
static enum target_end race_run(const struct race *r, struct storage_packet *answer)
{
    const uint32_t *answers = &target.channel.in.header->write_index;
    struct raw_packet p = raw_read();
    uint32_t before = __atomic_load_n(answers, __ATOMIC_ACQUIRE);
    uint64_t begin = guest_time(), transaction;

    memset(target.channel.out.data, 0, target.channel.out.size); /* no packets of earlier laps */
    raw_put(&p, sizeof(p));
    race_begin(r);
    raw_publish(r->word != WORD_WRITTEN && r->word != WORD_WRITTEN_BACK); /* else VP 1 does */
    while (__atomic_load_n(answers, __ATOMIC_ACQUIRE) == before && guest_time() - begin < RACE_TIME)
        insn_pause();
    if (r->word != WORD_OF_PACKET)
        hostile_other(NULL);
    target_signal(); /* it may have seen no more than nothing yet */
    return target_settle(&transaction, answer);
}

/* What is on the disk; it is not what is in memory without a read. */
static bool race_prepare(void)
{
    struct storage_packet p = target_read(0, SECTORS, BYTES),
                          q = target_read(SECTORS, SECTORS, BYTES);
    bool ok;

    target_guard_set();
    ok = target_ask(&p, BYTES) && p.srb.srb_status == STORAGE_SRB_SUCCESS;
    memcpy(race.first, target.data, BYTES);
    ok = ok && target_ask(&q, BYTES) && q.srb.srb_status == STORAGE_SRB_SUCCESS;
    memcpy(race.second, target.data, BYTES);
    target_guard_set();
    return ok && memcmp(race.first, race.second, BYTES) != 0;
}

/* Whether page @page of our data is what the row's reads give; *@other: the second sector. */
static bool page_was_read(const struct race *r, uint32_t page, bool *other)
{
    const uint8_t *data = target.data + page * BYTES;

    *other = r->other_sector && memcmp(data, race.second, BYTES) == 0;
    return *other || memcmp(data, race.first, BYTES) == 0;
}

/* Nothing but one page has changed, and that wholly; @*other: in the second of two ways. */
static bool data_is_right(const struct race *r, bool done, bool *other)
{
    bool untouched = target_untouched(0, 1), read = page_was_read(r, 0, other);
    bool elsewhere = false;

    if (r->other_page && untouched && page_was_read(r, 1, &elsewhere)) {
        *other = true;
        return target_untouched(2, TARGET_DATA_PAGES + 1);
    }
    return target_untouched(1, TARGET_DATA_PAGES + 1) && (read || (untouched && !done));
}

struct race_count {
    uint64_t done, other, refused, closed;
};

/* False: what this round has done must not be. */
static bool race_round(const struct race *r, struct race_count *count)
{
    struct storage_packet answer = {0};
    enum target_end end;
    bool done, other, right;

    target_guard_set();
    end = race_run(r, &answer);
    done = end == TARGET_ANSWERED && answer.status == STORAGE_STATUS_OK &&
           answer.srb.srb_status == STORAGE_SRB_SUCCESS;
    right = data_is_right(r, done, &other);
    count->done += done;
    count->other += done && other;
    count->refused += end == TARGET_ANSWERED && !done;
    count->closed += end == TARGET_CLOSED;
    if (end == TARGET_SILENT)
        hostile_result(false, "%s changes: root neither answers nor closes", r->what);
    else if (!right)
        hostile_result(false, "%s changes: the data is not what was read", r->what);
    else if (done && answer.srb.data_transfer_length != BYTES)
        hostile_result(false, "%s changes: done with %u bytes", r->what,
                       answer.srb.data_transfer_length);
    else if (end == TARGET_ANSWERED && !done && !target_untouched(0, 1))
        hostile_result(false, "%s changes: refused, but read", r->what);
    else
        return true;
    return false;
}

static bool ends_are_due(const struct race *r, const struct race_count *count)
{
    uint32_t seen =
        (count->done ? DONE : 0) | (count->refused ? REFUSED : 0) | (count->closed ? CLOSED : 0);
    bool both = !r->other_page && !r->other_sector;

    if (r->word == WORD_WRITTEN_BACK) /* only if root looks again at the wrong moment */
        seen |= CLOSED;
    return seen == r->ends && (both || (count->other > 0 && count->other < count->done));
}

/* @rounds at least; more where something is still to be seen, for who is faster is chance. */
static bool race_goes_on(const struct race *r, const struct race_count *count, uint64_t done,
                         uint64_t rounds)
{
    return done < rounds || (!ends_are_due(r, count) && done < rounds * ROUNDS_CAP);
}

static void race_row(const struct race *r, uint64_t rounds)
{
    struct race_count count = {0};
    bool right = true;

    if (!target_ready() || !race_prepare()) {
        hostile_result(false, "%s changes: the disk cannot be read before", r->what);
        return;
    }
    for (uint64_t i = 0; right && race_goes_on(r, &count, i, rounds); i++)
        right = race_round(r, &count);
    hostile_other(NULL);
    if (!right)
        return;
    hostile_result(ends_are_due(r, &count),
                   "%s changes: %llu done, %llu of them otherwise, %llu refused, %llu closed",
                   r->what, (unsigned long long)count.done, (unsigned long long)count.other,
                   (unsigned long long)count.refused, (unsigned long long)count.closed);
}

void case_ring_race(void)
{
    uint64_t rounds = hostile_argument("count", ROUNDS_DEFAULT);
    uint64_t rows = hostile_argument("rows", UINT64_MAX);

    for (uint32_t row = 0; row < RACE_ROWS; row++)
        if (rows >> row & 1)
            race_row(&races[row], rounds);
}
