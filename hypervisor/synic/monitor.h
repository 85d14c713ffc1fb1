/* SPDX-License-Identifier: MIT */
/* synic/monitor.h - monitored notifications: triggers in a page that two partitions share, at which
 * the hypervisor looks on behalf of the one that sends. TLFS 2.0A, 14.5 and 14.8.9 f.
 *
 * A monitor belongs to a port of type HvPortTypeMonitor. Its page comes from the pool of the port's
 * partition and is an overlay there, and, while the port is connected, also in the partition of the
 * connection, the sender. So it is the hypervisor's: what a guest maps, unmaps or gives away
 * underneath changes nothing, and both guests may write anything into it at any time.
 *
 * While it is connected, a timer looks at the page, on the LP that connected it or that woke the
 * sender: at the pace of the lowest latency that the page asks for while triggers are pending, more
 * slowly while none is, and not at all while none is and no VP of the sender runs. A look is
 * bounded in triggers and in signals; the sender is charged for it. What a trigger signals goes
 * through the sender's connections as its own HvSignalEvent does, and with its privileges.
 *
 * Locks: connecting and disconnecting is under the links lock of port.c; monitor, then a space. The
 * timer, the list of sleepers and a look each own the count that keeps the port in memory. */
#ifndef SYNIC_MONITOR_H
#define SYNIC_MONITOR_H

#include <core/types.h>
#include <hvabi/status.h>

struct monitor;
struct overlay;
struct partition;
struct port;
struct port_space;

/* In units of 100 ns: the shortest time between two looks, the pace of a page that names no
 * latency, and the pace of one that can wait. */
#define MONITOR_PAUSE_MIN     1000u
#define MONITOR_PAUSE_DEFAULT 10000u
#define MONITOR_PAUSE_REST    100000u

/* A page on which nothing is pending is looked at so many times more slowly, in the end. */
#define MONITOR_IDLE_FACTOR 4u

/* Signals that one look sends at most: those of one group. */
#define MONITOR_SIGNALS_MAX 32u

/* Monitors of one sender that may sleep at once: they are woken where its VP is about to run, and
 * that must be bounded. A sender with more has the others looked at at the pace of rest. */
#define MONITOR_SLEEPERS_MAX 8u

/* ---- hooks: defined by core, and by the tests ------------------------------------------------ */

/* Lay @page over guest page @gpfn of @p, to read and write, or (@enable false) take @o away;
 * flushed on return. Status as of overlay_set(). May be called with the links lock held. */
hv_status monitor_host_overlay(struct partition *p, struct overlay *o, bool enable, uint64_t gpfn,
                               hpa_t page) MUST_CHECK;

/* Whether a VP of @p is loaded on any LP; one that is loaded later calls monitor_wake(). */
bool monitor_host_runs(const struct partition *p);

/* What is signalled from here to monitor_host_end() is for @p. False: it may not signal events.
 * @ticks: host TSC ticks that the look has taken. */
bool monitor_host_begin(struct partition *p) MUST_CHECK;
void monitor_host_end(struct partition *p, uint64_t ticks);

/* ---- for port.c ------------------------------------------------------------------------------ */

/* Make the monitor of @port, which is new, with its page at @address of the port's partition.
 * HV_STATUS_INSUFFICIENT_MEMORY: of that partition's pool. HV_STATUS_INVALID_PARAMETER: beyond its
 * address space. */
hv_status monitor_create(struct port *port, uint64_t address, struct monitor **out) MUST_CHECK;

/* The port is deleted, and not connected: its partition sees the page no more. */
void monitor_hide(struct monitor *m);

/* Nobody uses @m any more, which may be half made or NULL: its memory goes back to the pool. */
void monitor_destroy(struct monitor *m);

/* Let @sender see the page at @address, and look at it from now on. Status as monitor_create(), of
 * the sender's pool and space; nothing has changed then. */
hv_status monitor_connect(struct monitor *m, struct port_space *sender,
                          uint64_t address) MUST_CHECK;

/* The sender sees the page no more, and no signal of it is on its way on return. What is pending
 * stays in the page. */
void monitor_disconnect(struct monitor *m);

/* What the page holds, for save and restore; nobody uses it meanwhile. */
void monitor_page_save(const struct monitor *m, void *out);
void monitor_page_restore(struct monitor *m, const void *in);

/* ---- for core -------------------------------------------------------------------------------- */

/* A VP of @sp's partition is loaded here, and sp->asleep is not 0. No lock held. */
__attribute__((noinline)) void monitor_wake(struct port_space *sp);

/* For statistics: how many are connected. */
uint64_t monitor_count(void);

#endif
