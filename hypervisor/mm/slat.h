/* SPDX-License-Identifier: MIT */
/* mm/slat.h - second-level address translation: a partition's guest physical address space.
 *
 * One tree of tables for each partition (and later for each VTL), in the format of the backend's
 * slat_format.h, made of pages of the partition's pool. Mappings are made and removed in blocks of
 * 4 KiB, 2 MiB or 1 GiB. Rules:
 *   - a change happens whole or not at all: the tables it may need are taken first;
 *   - a table without entries is given up; one that is full of equal contiguous entries becomes a
 *     larger mapping;
 *   - a counted mapping holds references in the ownership table and is at most 2 MiB;
 *   - nothing that a translation cache may still reach is reused before the caller has flushed it:
 *     changes collect such tables and references in a struct slat_gather:
 *
 *         struct slat_gather g;
 *         slat_gather_init(&g, slat);
 *         while (work && !slat_gather_full(&g))
 *             st = slat_unmap(slat, gpa, level, &g);      or any other change
 *         if (g.needs_flush)
 *             flush the translations of slat's partition on every LP, and wait;
 *         slat_gather_end(&g);
 *
 *     The flush happens without the SLAT's lock held.
 *   - all functions take the lock themselves, except those named _locked. Lock order: a SLAT, then
 *     a pool; never two SLATs. */
#ifndef MM_SLAT_H
#define MM_SLAT_H

#include <core/spinlock.h>
#include <core/types.h>
#include <hvabi/types.h>
#include <mm/pool.h>
#include <rt/list.h>

enum slat_level {
    SLAT_4K = 1,
    SLAT_2M = 2,
    SLAT_1G = 3,
    SLAT_TOP = 4, /* of the tree; no mapping is that large */
};

static inline uint64_t slat_level_size(enum slat_level level)
{
    return PAGE_SIZE << (9 * ((unsigned)level - 1));
}

/* Access rights: the values of HV_MAP_GPA_READABLE, _WRITABLE, _KERNEL_EXECUTABLE. Valid: none, R,
 * RW, RX, RWX (TLFS 2.0a, 8.1.2). */
enum {
    SLAT_READ = 1,
    SLAT_WRITE = 2,
    SLAT_EXECUTE = 4,
    SLAT_RWX = 7,
};

enum slat_memory_type {
    SLAT_WRITE_BACK = 0,
    SLAT_UNCACHED = 1,
};

#define SLAT_OVERLAY_BUCKETS 32
#define SLAT_RESERVE_FLOOR   4 /* the least goal; a splitting needs 2 tables at most */
#define SLAT_RESERVE_MAX     32

struct slat {
    struct spinlock lock;
    struct pool *pool;    /* [I] */
    uint64_t limit;       /* [I] bytes of guest physical address space */
    hpa_t root;           /* [I] the top table: the backend's control block points here */
    uint64_t generation;  /* [a] counts the changes that need a flush, from a start of its own */
    hpa_t reserve;        /* [lock] chain of zeroed table pages */
    uint32_t reserved;    /* [lock] pages on it */
    uint32_t reserve_goal; /* [lock] freed tables go there before they go to the pool */
    uint32_t floor;       /* [lock] those that only a deposit into the SLAT's own pool may use */
    uint64_t tables;      /* [lock] table pages in the tree, the top included */
    uint64_t destroy_at;  /* [lock] how far slat_destroy() has come */
    struct list overlays[SLAT_OVERLAY_BUCKETS]; /* [lock] the topmost overlays, by address */
};

/* What a change left behind until the flush. About 1 KiB, on the caller's stack. */
#define SLAT_GATHER_MAX      56
#define SLAT_GATHER_PER_CALL 6 /* the most that one change adds */
#define SLAT_GATHER_WORK     4096 /* pages to reference, put or zero: some 30 us */

struct slat_removed {
    uint64_t value; /* a mapping or table entry, or the address of a page on its way to a pool */
    uint32_t kind;
    uint32_t level;
};

struct slat_gather {
    struct slat *slat;
    struct pool *deposit; /* where pages go that mm_deposit() took */
    bool needs_flush;
    uint32_t work; /* pages that slat_gather_end() has to put or zero, or that were referenced */
    uint32_t count;
    struct slat_removed removed[SLAT_GATHER_MAX];
};

void slat_gather_init(struct slat_gather *g, struct slat *s);

/* Whether there is too little room, or time, for one more change. A change that finds no room is
 * our own bug. */
static inline bool slat_gather_full(const struct slat_gather *g)
{
    return g->count + SLAT_GATHER_PER_CALL > SLAT_GATHER_MAX || g->work >= SLAT_GATHER_WORK;
}

/* After the flush: put references, free tables, complete deposits. @g is empty again. */
void slat_gather_end(struct slat_gather *g);

/* An empty space of 2^@gpa_bits bytes (at most 48), with SLAT_RESERVE_FLOOR tables in reserve.
 * HV_STATUS_INSUFFICIENT_MEMORY: nothing is left behind. */
hv_status slat_init(struct slat *s, struct pool *pool, unsigned gpa_bits) MUST_CHECK;

/* Take the space apart, at most @budget entries of it; true when all is gone: all references put
 * back, all tables in the pool. For a space that no VP runs in, after a flush, with no overlay on
 * it; also for one that slat_init() failed to make. */
bool slat_destroy(struct slat *s, uint32_t budget) MUST_CHECK;

/* From now on hold @tables (at most SLAT_RESERVE_MAX) tables in reserve, so that later changes find
 * them. HV_STATUS_INSUFFICIENT_MEMORY: fewer are held; tables that are freed fill it up. */
hv_status slat_reserve(struct slat *s, uint32_t tables) MUST_CHECK;

struct slat_mapping {
    hpa_t hpa;                  /* aligned to the level's size */
    unsigned access;            /* SLAT_READ... */
    enum slat_memory_type type;
    bool counted;               /* references in the ownership table go with it */
};

/* Map @level's block at @at, superseding what is there; references of what is superseded go to @g.
 * An overlay stays on top, and the new mapping is what it hides. With @m->counted the caller has
 * taken the references, and keeps them on failure.
 * HV_STATUS_INVALID_PARAMETER: misaligned, beyond the limit, invalid rights.
 * HV_STATUS_OPERATION_DENIED: 1 GiB over smaller mappings, or counted and 1 GiB.
 * HV_STATUS_INSUFFICIENT_MEMORY: no tables; nothing has changed. */
hv_status slat_map(struct slat *s, gpa_t at, enum slat_level level, const struct slat_mapping *m,
                   struct slat_gather *g) MUST_CHECK;

/* Unmap @level's block at @at, splitting a larger mapping around it; what is not mapped is ignored.
 * Overlays stay. Status as slat_map(); 1 GiB is denied over tables. */
hv_status slat_unmap(struct slat *s, gpa_t at, enum slat_level level, struct slat_gather *g)
    MUST_CHECK;

/* Change the rights of the mappings in @level's block (4 KiB or 2 MiB); what is not mapped stays
 * so. Status as slat_map(). */
hv_status slat_protect(struct slat *s, gpa_t at, enum slat_level level, unsigned access,
                       struct slat_gather *g) MUST_CHECK;

/* What the processor finds at an address. */
struct slat_view {
    hpa_t hpa;                  /* of the byte asked for */
    unsigned access;            /* 0: mapped, and inaccessible */
    enum slat_memory_type type;
    enum slat_level level;
    bool overlay;
};

/* HV_STATUS_INVALID_PARAMETER: beyond the limit. HV_STATUS_OPERATION_DENIED: not mapped. */
hv_status slat_query(struct slat *s, gpa_t at, struct slat_view *out) MUST_CHECK;

/* As slat_query(), with the lock held: @out stays true as long as it is. */
hv_status slat_query_locked(struct slat *s, gpa_t at, struct slat_view *out) REQUIRES(s->lock)
    MUST_CHECK;

/* A part of root's space that is not root's, although it is no RAM: the local APICs. */
struct slat_hole {
    uint64_t base;
    uint64_t size;
};

/* Root has touched an address that is not mapped. If it is not RAM, map the largest one-to-one
 * block around it (with @type, RWX) that contains no RAM and no hole. Also successful if it has
 * been mapped meanwhile. HV_STATUS_OPERATION_DENIED: it is in a hole or not root's, or mapped with
 * other rights than @access: the access itself is at fault.
 * HV_STATUS_INSUFFICIENT_MEMORY, HV_STATUS_INVALID_PARAMETER: as slat_map(). No flush is needed. */
hv_status slat_identity_fault(struct slat *s, gpa_t at, unsigned access, enum slat_memory_type type,
                              const struct slat_hole *holes, size_t hole_count) MUST_CHECK;

/* Map [@base, @base + @size) one to one with the largest blocks there are. For boot: unbounded,
 * on addresses that are not mapped yet. Status as slat_map(). */
hv_status slat_map_identity(struct slat *s, uint64_t base, uint64_t size, unsigned access,
                            enum slat_memory_type type) MUST_CHECK;

#endif
