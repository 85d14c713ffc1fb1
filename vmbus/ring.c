/* SPDX-License-Identifier: MIT */
/* ring.c - see vmbus/ring.h.
 *
 * Who sees what when. W is the writer, R the reader, of whom the peer is one and may be any other
 * implementation of this protocol:
 *   W: data, then write_index            R: write_index, then data          (release, acquire)
 *   R: data, then read_index             W: read_index, then data           (release, acquire)
 *   W: write_index, fence, interrupt_mask, read_index
 *   R: read_index, interrupt_mask = 0, fence, write_index       one of them sees the other's:
 * either W signals or R looks again W: pending_send_size, fence, read_index R: read_index, fence,
 * pending_send_size, write_index        likewise: either W finds the room or R signals that it has
 * made it */
#include <rt/mem.h>
#include <vmbus/ring.h>

#define DESCRIPTOR_SIZE ((uint32_t)sizeof(struct vmbus_packet_descriptor))
#define RANGES_SIZE     ((uint32_t)sizeof(struct vmbus_packet_ranges))
#define INDEX_ALIGNMENT 8u
#define LENGTH8_MAX     UINT16_MAX

/* ---- shared memory --------------------------------------------------------------------------- */

static uint32_t shared_load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void shared_store(uint32_t *p, uint32_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static void fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* How far it is from index @from forward to @to. */
static uint32_t distance(const struct vmbus_ring *r, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : r->size - from + to;
}

static uint32_t advance(const struct vmbus_ring *r, uint32_t index, uint32_t bytes)
{
    return bytes < r->size - index ? index + bytes : bytes - (r->size - index);
}

static uint32_t first_part(const struct vmbus_ring *r, uint32_t index, uint32_t bytes)
{
    return bytes < r->size - index ? bytes : r->size - index;
}

/* Copy @bytes from @index on; what is done with the copy does not go back to the ring. */
static void copy_out(const struct vmbus_ring *r, uint32_t index, void *to, uint32_t bytes)
{
    uint32_t part = first_part(r, index, bytes);

    memcpy(to, r->data + index, part);
    if (part != bytes)
        memcpy((uint8_t *)to + part, r->data, bytes - part);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Copy to @index on; the index behind it. */
static uint32_t copy_in(const struct vmbus_ring *r, uint32_t index, const void *from,
                        uint32_t bytes)
{
    uint32_t part = first_part(r, index, bytes);

    if (bytes == 0)
        return index;
    memcpy(r->data + index, from, part);
    if (part != bytes)
        memcpy(r->data, (const uint8_t *)from + part, bytes - part);
    return advance(r, index, bytes);
}

/* ---- life ------------------------------------------------------------------------------------ */

void vmbus_ring_break(struct vmbus_ring *r, const char *reason)
{
    if (!r->broken)
        r->broken = reason;
}

static bool index_valid(const struct vmbus_ring *r, uint32_t index)
{
    return index < r->size && index % INDEX_ALIGNMENT == 0;
}

static bool attach(struct vmbus_ring *r, void *pages, uint32_t bytes)
{
    *r = (struct vmbus_ring){.header = pages};
    if (bytes < 2 * HV_PAGE_SIZE || bytes % HV_PAGE_SIZE != 0) {
        vmbus_ring_break(r, "a ring's size is not a header page and pages of data");
        return false;
    }
    r->data = (uint8_t *)pages + HV_PAGE_SIZE;
    r->size = bytes - HV_PAGE_SIZE;
    return true;
}

static bool indices_take(struct vmbus_ring *r, const uint32_t *own, const uint32_t *peer)
{
    r->own = shared_load(own);
    r->published = r->own;
    r->peer = shared_load(peer);
    if (!index_valid(r, r->own) || !index_valid(r, r->peer))
        vmbus_ring_break(r, "an index of a new ring is outside of it");
    return !r->broken;
}

bool vmbus_ring_attach_reader(struct vmbus_ring *r, void *pages, uint32_t bytes)
{
    return attach(r, pages, bytes) &&
           indices_take(r, &r->header->read_index, &r->header->write_index);
}

bool vmbus_ring_attach_writer(struct vmbus_ring *r, void *pages, uint32_t bytes)
{
    if (!attach(r, pages, bytes) ||
        !indices_take(r, &r->header->write_index, &r->header->read_index))
        return false;
    r->waiting = shared_load(&r->header->pending_send_size) != 0;
    return true;
}

void vmbus_ring_format(void *pages)
{
    struct vmbus_ring_header *header = pages;

    memset(header, 0, sizeof(*header));
    header->features = VMBUS_RING_FEATURE_PENDING_SEND_SIZE;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Load the writer's index. It cannot have moved back, seen from where it may write up to. */
static bool write_index_take(struct vmbus_ring *r)
{
    uint32_t index = shared_load(&r->header->write_index);

    if (!index_valid(r, index))
        vmbus_ring_break(r, "the write index is outside of the ring");
    else if (distance(r, r->published, index) < distance(r, r->published, r->peer))
        vmbus_ring_break(r, "the write index moved back");
    else
        r->peer = index;
    return !r->broken;
}

void vmbus_ring_read_begin(struct vmbus_ring *r)
{
    if (r->broken)
        return;
    shared_store(&r->header->interrupt_mask, 1);
    write_index_take(r);
}

/* Whether all of @p's ranges are there; then nothing else counts as theirs. Linux before 6.1.30 has
 * 32 page numbers in each GPA_DIRECT packet, however few of them its range needs. */
static bool ranges_take(struct vmbus_packet *p)
{
    const uint8_t *ranges = p->ranges;
    uint32_t at = 0, left = p->range_count;

    for (; left != 0 && p->ranges_length - at >= sizeof(struct vmbus_range); left--) {
        struct vmbus_range range;
        uint64_t pages;

        memcpy(&range, ranges + at, sizeof(range));
        at += (uint32_t)sizeof(range);
        if (range.length == 0)
            return false;
        if (p->type != VMBUS_PACKET_GPA_DIRECT)
            continue;
        pages = ((uint64_t)range.offset + range.length + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE;
        if (range.offset >= HV_PAGE_SIZE || pages > (p->ranges_length - at) / sizeof(uint64_t))
            return false;
        at += (uint32_t)(pages * sizeof(uint64_t));
    }
    if (left != 0 || (p->type != VMBUS_PACKET_GPA_DIRECT && at != p->ranges_length))
        return false;
    p->ranges_length = at;
    return true;
}

/* Find the ranges in a packet whose payload begins at @payload of @bytes. */
static const char *ranges_parse(struct vmbus_packet *p, const uint8_t *bytes, uint32_t payload)
{
    struct vmbus_packet_ranges head;

    if (payload < DESCRIPTOR_SIZE + RANGES_SIZE)
        return "a packet's ranges are cut off";
    memcpy(&head, bytes + DESCRIPTOR_SIZE, sizeof(head));
    p->page_set = head.page_set;
    p->ranges = bytes + DESCRIPTOR_SIZE + RANGES_SIZE;
    p->range_count = head.count;
    p->ranges_length = payload - DESCRIPTOR_SIZE - RANGES_SIZE;
    return ranges_take(p) ? NULL : "a packet's ranges and their pages do not match";
}

/* What is wrong with a descriptor, of which @available bytes may be read and @size be kept. */
static const char *descriptor_check(const struct vmbus_packet_descriptor *d, uint32_t available,
                                    uint32_t size)
{
    uint32_t bytes = d->length8 * 8u;

    if (d->offset8 * 8u < DESCRIPTOR_SIZE || d->offset8 > d->length8)
        return "a packet's payload begins outside of it";
    if (bytes + VMBUS_PACKET_TRAILER_SIZE > available)
        return "a packet is longer than what was written";
    if (bytes > size)
        return "a packet is longer than this channel's may be";
    return NULL;
}

/* Make @p of the packet at @bytes. NULL, or what is wrong. */
static const char *packet_parse(struct vmbus_packet *p, const uint8_t *bytes,
                                const struct vmbus_packet_descriptor *d)
{
    uint32_t payload = d->offset8 * 8u;

    *p = (struct vmbus_packet){.type = d->type,
                               .flags = d->flags,
                               .transaction = d->transaction,
                               .payload = bytes + payload,
                               .length = d->length8 * 8u - payload};
    switch (d->type) {
    case VMBUS_PACKET_IN_BAND:
    case VMBUS_PACKET_COMPLETION:
        return NULL;
    case VMBUS_PACKET_GPA_DIRECT:
    case VMBUS_PACKET_TRANSFER_PAGES:
        return ranges_parse(p, bytes, payload);
    default:
        return "a packet's type is unknown";
    }
}

/* Copy and check the packet at our index, of which @available bytes are there. */
static const char *packet_take(struct vmbus_ring *r, struct vmbus_packet *p, uint8_t *buffer,
                               uint32_t size, uint32_t available)
{
    struct vmbus_packet_descriptor d;
    const char *wrong;
    uint32_t rest;

    if (available < DESCRIPTOR_SIZE + VMBUS_PACKET_TRAILER_SIZE)
        return "less than a packet was written";
    copy_out(r, r->own, &d, DESCRIPTOR_SIZE);
    wrong = descriptor_check(&d, available, size);
    if (wrong)
        return wrong;
    rest = d.length8 * 8u - DESCRIPTOR_SIZE;
    memcpy(buffer, &d, DESCRIPTOR_SIZE);
    copy_out(r, advance(r, r->own, DESCRIPTOR_SIZE), buffer + DESCRIPTOR_SIZE, rest);
    wrong = packet_parse(p, buffer, &d);
    if (!wrong)
        r->own = advance(r, r->own, DESCRIPTOR_SIZE + rest + VMBUS_PACKET_TRAILER_SIZE);
    return wrong;
}

enum vmbus_ring_status vmbus_ring_read(struct vmbus_ring *r, struct vmbus_packet *p, void *buffer,
                                       uint32_t size)
{
    const char *wrong;

    if (r->broken)
        return VMBUS_RING_BROKEN;
    if (r->own == r->peer && !write_index_take(r))
        return VMBUS_RING_BROKEN;
    if (r->own == r->peer)
        return VMBUS_RING_EMPTY;
    wrong = packet_take(r, p, buffer, size, distance(r, r->own, r->peer));
    if (!wrong)
        return VMBUS_RING_OK;
    vmbus_ring_break(r, wrong);
    return VMBUS_RING_BROKEN;
}

/* Publish what was read. False: the peer wrote our index. */
static bool read_index_publish(struct vmbus_ring *r)
{
    if (shared_load(&r->header->read_index) != r->published) {
        vmbus_ring_break(r, "the writer changed the read index");
        return false;
    }
    shared_store(&r->header->read_index, r->own);
    r->published = r->own;
    return true;
}

/* Whether the writer waits for room, and reading from @from to our index has made enough. What
 * was enough before was signalled before. */
static bool room_was_made(const struct vmbus_ring *r, uint32_t from, uint32_t wanted)
{
    uint32_t room = r->size - distance(r, r->own, r->peer);

    return wanted != 0 && room > wanted && room - distance(r, from, r->own) <= wanted;
}

/* What a waiting writer needs; 0: it does not wait, or does not expect a signal. */
static uint32_t wanted_load(const struct vmbus_ring *r)
{
    if (!(shared_load(&r->header->features) & VMBUS_RING_FEATURE_PENDING_SEND_SIZE))
        return 0;
    return shared_load(&r->header->pending_send_size);
}

bool vmbus_ring_read_end(struct vmbus_ring *r, bool *signal)
{
    uint32_t from = r->published, wanted;

    *signal = false;
    if (r->broken || !read_index_publish(r))
        return false;
    shared_store(&r->header->interrupt_mask, 0);
    fence(); /* pairs with the writer's two: see the top */
    wanted = wanted_load(r);
    if (!write_index_take(r))
        return false;
    *signal = room_was_made(r, from, wanted);
    return r->own != r->peer;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Load the reader's index: it moves forward, up to what we have published. */
static bool read_index_take(struct vmbus_ring *r)
{
    uint32_t index = shared_load(&r->header->read_index);

    if (!index_valid(r, index))
        vmbus_ring_break(r, "the read index is outside of the ring");
    else if (distance(r, r->peer, index) > distance(r, r->peer, r->published))
        vmbus_ring_break(r, "the read index moved back, or beyond what was written");
    else
        r->peer = index;
    return !r->broken;
}

/* Publish what was written, and find out whether that needs a signal: the reader allows signals,
 * and had read everything before. */
static void write_index_publish(struct vmbus_ring *r)
{
    uint32_t before = r->published;

    if (r->own == before)
        return;
    if (shared_load(&r->header->write_index) != before) {
        vmbus_ring_break(r, "the reader changed the write index");
        return;
    }
    shared_store(&r->header->write_index, r->own);
    r->published = r->own;
    fence(); /* pairs with the reader's, see the top */
    if (shared_load(&r->header->interrupt_mask) == 0 && read_index_take(r) && r->peer == before)
        r->signal = true;
}

/* One byte of the ring stays free, so that full is not empty. */
static bool room_for(const struct vmbus_ring *r, uint32_t bytes)
{
    return bytes < r->size - distance(r, r->peer, r->own);
}

/* Ask the reader for a signal when @bytes are free, and look again: it may have read on meanwhile.
 * What the reader reckons with has to be what is written, hence publish first. */
static bool room_await(struct vmbus_ring *r, uint32_t bytes)
{
    write_index_publish(r);
    if (r->broken)
        return false;
    shared_store(&r->header->pending_send_size, bytes);
    r->waiting = true;
    fence(); /* pairs with the reader's, see the top */
    return read_index_take(r) && room_for(r, bytes);
}

static bool room_find(struct vmbus_ring *r, uint32_t bytes)
{
    return room_for(r, bytes) || (read_index_take(r) && room_for(r, bytes)) ||
           (!r->broken && room_await(r, bytes));
}

static bool has_ranges(const struct vmbus_packet *p)
{
    return p->type == VMBUS_PACKET_GPA_DIRECT || p->type == VMBUS_PACKET_TRANSFER_PAGES;
}

static uint64_t payload_offset(const struct vmbus_packet *p)
{
    return has_ranges(p) ? (uint64_t)DESCRIPTOR_SIZE + RANGES_SIZE + p->ranges_length
                         : DESCRIPTOR_SIZE;
}

/* Of descriptor, ranges and padded payload. */
static uint64_t packet_length(const struct vmbus_packet *p)
{
    return payload_offset(p) + ((uint64_t)p->length + 7) / 8 * 8;
}

uint32_t vmbus_packet_size(const struct vmbus_packet *p)
{
    return (uint32_t)packet_length(p) + VMBUS_PACKET_TRAILER_SIZE;
}

static bool packet_writable(const struct vmbus_ring *r, const struct vmbus_packet *p)
{
    uint64_t length = packet_length(p);

    return length / 8 <= LENGTH8_MAX && length + VMBUS_PACKET_TRAILER_SIZE < r->size &&
           (!has_ranges(p) || p->ranges_length % 8 == 0);
}

/* Write what comes before the payload; the index behind it. */
static uint32_t head_write(const struct vmbus_ring *r, const struct vmbus_packet *p)
{
    struct vmbus_packet_descriptor d = {.type = p->type,
                                        .offset8 = (uint16_t)(payload_offset(p) / 8),
                                        .length8 = (uint16_t)(packet_length(p) / 8),
                                        .flags = p->flags,
                                        .transaction = p->transaction};
    struct vmbus_packet_ranges head = {.page_set = p->page_set, .count = p->range_count};
    uint32_t at = copy_in(r, r->own, &d, DESCRIPTOR_SIZE);

    if (!has_ranges(p))
        return at;
    at = copy_in(r, at, &head, RANGES_SIZE);
    return copy_in(r, at, p->ranges, p->ranges_length);
}

enum vmbus_ring_status vmbus_ring_write(struct vmbus_ring *r, const struct vmbus_packet *p)
{
    static const uint8_t zeros[8];
    uint64_t trailer = (uint64_t)r->own << 32;
    uint32_t at;

    if (!r->broken && !packet_writable(r, p))
        vmbus_ring_break(r, "we have a packet that no ring of this size can take");
    if (r->broken)
        return VMBUS_RING_BROKEN;
    if (!room_find(r, vmbus_packet_size(p)))
        return r->broken ? VMBUS_RING_BROKEN : VMBUS_RING_FULL;
    if (r->waiting) {
        shared_store(&r->header->pending_send_size, 0);
        r->waiting = false;
    }
    at = head_write(r, p);
    at = copy_in(r, at, p->payload, p->length);
    at = copy_in(r, at, zeros, -p->length % 8);
    r->own = copy_in(r, at, &trailer, VMBUS_PACKET_TRAILER_SIZE);
    return VMBUS_RING_OK;
}

bool vmbus_ring_write_end(struct vmbus_ring *r)
{
    bool signal;

    if (r->broken)
        return false;
    write_index_publish(r);
    signal = r->signal && !r->broken;
    r->signal = false;
    return signal;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

bool vmbus_packet_next_range(const struct vmbus_packet *p, uint32_t *cursor,
                             struct vmbus_packet_range *range)
{
    const uint8_t *at = (const uint8_t *)p->ranges + *cursor;
    struct vmbus_range wire;

    if (*cursor >= p->ranges_length)
        return false;
    memcpy(&wire, at, sizeof(wire));
    *range = (struct vmbus_packet_range){
        .length = wire.length,
        .offset = wire.offset,
        .pages = (const uint64_t *)(const void *)(at + sizeof(wire)),
    };
    if (p->type == VMBUS_PACKET_GPA_DIRECT)
        range->page_count =
            (uint32_t)(((uint64_t)wire.offset + wire.length + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE);
    *cursor += (uint32_t)sizeof(wire) + range->page_count * (uint32_t)sizeof(uint64_t);
    return true;
}
