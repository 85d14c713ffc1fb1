/* SPDX-License-Identifier: MIT */
/* rings.c - cases: indices that cannot be, and answers that nobody reads. Arguments: count=N
 * requests without end (2000). */
#include "hostile.h"

#define DEAF_DEFAULT 2000u
#define FULL_TIME    (HOSTILE_SECOND / 2)

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
