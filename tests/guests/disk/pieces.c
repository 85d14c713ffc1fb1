/* SPDX-License-Identifier: MIT */
/* pieces.c - a stretch of the disk in pieces. See disk.h.
 *
 * Piece n has buffer n % depth, and each buffer one VP, whose channel its requests take. VP 0 hands
 * a buffer to its VP for a piece; that one has it read or written, fills or compares it, and hands
 * it back; VP 0 takes them back in order. Handing over is a store to the buffer's state and a kick.
 */
#include <rt/mem.h>
#include <rt/sha256.h>
#include <x86/insn.h>

#include "disk.h"

#define PIECE_BYTES_MAX    (1u << 20)
#define MEMORY_KEPT        (16u * HV_PAGE_SIZE)  /* for single requests and the like */
#define SEQUENCE_INCREMENT 0x9e3779b97f4a7c15ull /* SplitMix64 */

enum {
    BUFFER_IDLE, /* VP 0's */
    BUFFER_DUE,  /* its VP's: a request is to be made */
    BUFFER_BUSY, /* the driver's */
    BUFFER_DONE, /* VP 0's: to be taken back */
};

struct buffer {
    struct storvsc_request request;
    uint8_t *data;
    uint64_t *pages;
    uint64_t offset; /* of the piece, on the disk */
    uint32_t bytes;  /* of the piece */
    uint32_t vp;
    uint32_t state; /* [a] */
    bool differs;
};

static struct {
    struct buffer *buffers;
    uint32_t count; /* [a] 0: there are none yet */
    uint32_t piece_bytes;
    enum pieces_job job;
    uint64_t offset, bytes; /* of the stretch */
    bool over;              /* [a] there will be no other run */
    uint32_t resting;       /* [a] VPs that have seen it */
} run;

/* ---- the pattern: words of a SplitMix64 sequence that begins with the disk ---- */

static uint64_t pattern_word(uint64_t offset)
{
    uint64_t z = disk.options.write_seed + (offset / sizeof(uint64_t) + 1) * SEQUENCE_INCREMENT;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void pattern_fill(struct buffer *b)
{
    for (uint32_t at = 0; at < b->bytes; at += 8) {
        uint64_t word = pattern_word(b->offset + at);

        memcpy(b->data + at, &word, sizeof(word));
    }
}

static bool pattern_is_there(const struct buffer *b)
{
    for (uint32_t at = 0; at < b->bytes; at += 8) {
        uint64_t word = pattern_word(b->offset + at);

        if (memcmp(b->data + at, &word, sizeof(word)) != 0)
            return false;
    }
    return true;
}

/* ---- a VP's part ---- */

static bool succeeded(const struct buffer *b)
{
    return storvsc_succeeded(&b->request) && b->request.transferred == b->bytes;
}

/* Once for each request: the driver counts an answer to none as stray. */
static void buffer_done(struct storvsc_request *r)
{
    struct buffer *b = r->context;

    b->differs = run.job == PIECES_VERIFY && succeeded(b) && !pattern_is_there(b);
    __atomic_store_n(&b->state, BUFFER_DONE, __ATOMIC_RELEASE); /* pairs with buffer_is_back() */
    if (b->vp != 0)
        guest_kick(0);
}

static void request_make(struct buffer *b)
{
    uint64_t sector = b->offset / disk.sector_size;
    uint32_t count = b->bytes / disk.sector_size;

    storvsc_data(&b->request, b->pages, 0, b->bytes);
    if (run.job == PIECES_WRITE) {
        pattern_fill(b);
        storvsc_prepare_write(&b->request, sector, count, disk.options.forced);
    } else {
        memset(b->data, 0, b->bytes); /* what comes has to come from the disk */
        storvsc_prepare_read(&b->request, sector, count);
    }
    b->request.lun = disk.options.lun;
    b->request.done = buffer_done;
    b->request.context = b;
}

/* Make the requests that are due; what does not fit the ring now is due when there is room. */
static void requests_submit(uint32_t vp)
{
    uint32_t count = __atomic_load_n(&run.count, __ATOMIC_ACQUIRE); /* pairs with prepare */
    struct storvsc_channel *channel;

    if (count == 0 || vp >= disk.channels)
        return;
    channel = disk.storvsc.channels[vp];
    for (uint32_t i = vp; i < count; i += disk.channels) {
        struct buffer *b = &run.buffers[i];

        if (__atomic_load_n(&b->state, __ATOMIC_ACQUIRE) != BUFFER_DUE) /* pairs with assign */
            continue;
        request_make(b);
        if (!storvsc_submit(channel, &b->request))
            break;
        __atomic_store_n(&b->state, BUFFER_BUSY, __ATOMIC_RELAXED);
    }
    storvsc_flush(channel);
}

void pieces_serve(uint32_t vp)
{
    while (!__atomic_load_n(&run.over, __ATOMIC_ACQUIRE)) {
        requests_submit(vp);
        guest_bus_wait();
    }
    __atomic_fetch_add(&run.resting, 1, __ATOMIC_RELEASE); /* pairs with pieces_end() */
}

void pieces_end(void)
{
    __atomic_store_n(&run.over, true, __ATOMIC_RELEASE);
    for (uint32_t vp = 1; vp < disk.vps; vp++)
        guest_kick(vp);
    while (__atomic_load_n(&run.resting, __ATOMIC_ACQUIRE) < disk.vps - 1)
        insn_pause();
}

/* ---- VP 0's part ---- */

/* The largest piece with which all buffers fit into memory. */
static uint32_t piece_bytes_choose(void)
{
    uint64_t bytes = disk.options.piece ? disk.options.piece : PIECE_BYTES_MAX;
    uint64_t left = guest_memory_left(), room = 0;

    if (left > MEMORY_KEPT + disk.depth * HV_PAGE_SIZE)
        room = (left - MEMORY_KEPT) / disk.depth - HV_PAGE_SIZE; /* each has a list of its pages */
    if (bytes > PIECE_BYTES_MAX)
        bytes = PIECE_BYTES_MAX;
    if (bytes > disk.transfer_max)
        bytes = disk.transfer_max;
    if (bytes > room)
        bytes = room;
    return (uint32_t)(bytes & ~(uint64_t)(HV_PAGE_SIZE - 1));
}

void pieces_prepare(void)
{
    run.piece_bytes = piece_bytes_choose();
    if (run.piece_bytes < disk.sector_size) {
        guest_printf("disk: no memory for %u requests at a time\n", disk.depth);
        guest_exit(GUEST_EXIT_FAILED);
    }
    run.buffers = guest_memory(disk.depth * sizeof(*run.buffers));
    for (uint32_t i = 0; i < disk.depth; i++) {
        struct buffer *b = &run.buffers[i];

        b->data = guest_memory(run.piece_bytes);
        b->pages = guest_page_numbers(b->data, run.piece_bytes / HV_PAGE_SIZE);
        b->vp = i % disk.channels;
    }
    __atomic_store_n(&run.count, disk.depth, __ATOMIC_RELEASE); /* pairs with requests_submit() */
    guest_printf("disk: size=%llu sector=%u vps=%u channels=%u depth=%u piece=%u version=%x/%x\n",
                 (unsigned long long)disk_bytes(), disk.sector_size, disk.vps, disk.channels,
                 disk.depth, run.piece_bytes, guest_bus_version(), disk.storvsc.version);
}

/* Hand @b to its VP for the piece at @at of the stretch, if there is one. */
static void buffer_assign(struct buffer *b, uint64_t at)
{
    if (at >= run.bytes)
        return;
    b->offset = run.offset + at;
    b->bytes = run.bytes - at < run.piece_bytes ? (uint32_t)(run.bytes - at) : run.piece_bytes;
    __atomic_store_n(&b->state, BUFFER_DUE, __ATOMIC_RELEASE); /* pairs with requests_submit() */
    if (b->vp != 0)
        guest_kick(b->vp);
}

static bool buffer_is_back(const struct buffer *b)
{
    return __atomic_load_n(&b->state, __ATOMIC_ACQUIRE) == BUFFER_DONE; /* pairs with the store */
}

static bool buffer_take(struct buffer *b, struct sha256 *sha256, uint64_t *done)
{
    __atomic_store_n(&b->state, BUFFER_IDLE, __ATOMIC_RELAXED);
    if (!succeeded(b)) {
        controller_failed(&b->request, b->offset);
        return true;
    }
    if (run.job == PIECES_HASH)
        sha256_update(sha256, b->data, b->bytes);
    *done += b->bytes;
    if (b->differs)
        guest_printf("disk: the piece at %llu is not what was written\n",
                     (unsigned long long)b->offset);
    return !b->differs;
}

bool pieces_run(enum pieces_job job, uint64_t offset, uint64_t bytes, struct sha256 *sha256,
                uint64_t *done)
{
    uint64_t in_flight = (uint64_t)run.piece_bytes * disk.depth;
    uint32_t next = 0;
    bool ok = true;

    run.job = job;
    run.offset = offset;
    run.bytes = bytes;
    *done = 0;
    for (uint32_t i = 0; i < disk.depth; i++)
        buffer_assign(&run.buffers[i], (uint64_t)i * run.piece_bytes);
    for (uint64_t at = 0; at < bytes; at += run.piece_bytes) {
        struct buffer *b = &run.buffers[next];

        while (!buffer_is_back(b)) {
            requests_submit(0);
            if (!buffer_is_back(b))
                guest_bus_wait();
        }
        ok = buffer_take(b, sha256, done) && ok;
        buffer_assign(b, at + in_flight);
        next = next + 1 < disk.depth ? next + 1 : 0;
    }
    return ok;
}
