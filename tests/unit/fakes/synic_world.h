/* SPDX-License-Identifier: MIT */
/* fakes/synic_world.h - what surrounds hypervisor/synic in its tests: partitions with a few VPs, a
 * pool that counts, a clock and timers that tests move, overlays and interrupts that are recorded.
 */
#ifndef FAKES_SYNIC_WORLD_H
#define FAKES_SYNIC_WORLD_H

#include <mm/overlay.h>
#include <mm/pool.h>
#include <synic/monitor.h>
#include <synic/port.h>
#include <synic/reftime.h>
#include <synic/stimer.h>
#include <synic/synic.h>
#include <x86/insn.h> /* fake_tsc */

#define WORLD_VPS      4
#define WORLD_HZ       2500000000ull /* 250 ticks a 100 ns unit */
#define WORLD_MONITORS 32

struct world_vp {
    struct synic synic;
    struct stimers stimers;
    struct hv_message_page *sim;
    struct hv_synic_event_flags_page *sief;
    bool present;
    uint32_t interrupts[256]; /* [a] */
    uint32_t holds;           /* [a] */
    struct {
        bool on;
        uint64_t gpfn;
        unsigned calls;
    } overlay[SYNIC_PAGES];
};

struct partition {
    struct port_space ports;
    struct reftime reftime;
    struct pool pool; /* only available and in_use mean something: objects, not pages */
    struct world_vp vp[WORLD_VPS];
    struct overlay *monitors[WORLD_MONITORS]; /* overlays of monitor pages in it, or NULL */
    bool runs;                                /* one of its VPs does */
    bool mute;                                /* it has not the privilege to signal events */
    uint64_t charged;                         /* host TSC ticks of looks at its monitor pages */
    uint32_t looks;
};

/* A partition whose VPs are present, with pages, SynIC at reset, and @objects in its pool. */
struct partition *world_partition(hv_partition_id id, unsigned objects);
void world_free(struct partition *p);

/* Enable SynIC, SIMP and SIEFP of @vp and unmask @sint with @vector. */
void world_enable(struct world_vp *vp, unsigned sint, uint8_t vector);

/* What a well-behaved guest does with slot @sint: copy, empty, EOM if asked for. False: empty. */
bool guest_take(struct world_vp *vp, unsigned sint, struct hv_message *out);

/* Let reference time pass: timers that come due run at their time. */
void world_advance(uint64_t units);

/* Host TSC ticks that a look at a monitor page takes. */
extern uint64_t world_look_ticks;

/* Called once after a timer that is due has left the queue, and before its function: what another
 * LP does just then. */
extern void (*world_timer_popped)(void);

/* Timers now queued, and functions called since the start. */
unsigned world_timers_queued(void);
unsigned world_timers_run(void);

/* A VP of @p is loaded, and goes on. */
void world_run(struct partition *p);

/* What @p finds at guest page @gpfn if it is a monitor page; else NULL. */
struct hv_monitor_page *world_monitor_page(const struct partition *p, uint64_t gpfn);

/* How overlays answer from now on when they are laid down. */
extern hv_status world_overlay_status;

#endif
