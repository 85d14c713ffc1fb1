/* SPDX-License-Identifier: MIT */
/* monitor_fixture.h - a monitor page between the child, which sends, and root. */
#ifndef TESTS_MONITOR_FIXTURE_H
#define TESTS_MONITOR_FIXTURE_H

#include "port_fixture.h"

#define MONITOR_PORT 0x77u
#define MONITOR_CONN 0x88u
#define ROOT_GPFN    0x500u /* where root sees the page */
#define CHILD_GPFN   0x600u
#define LATENCY      3000u /* of the triggers that watch() prepares */
#define FLAGS        128u  /* of the event port that the triggers signal */

extern const struct hv_connection_info monitor_conn; /* at CHILD_GPFN */
extern struct hv_monitor_page *page;                 /* what the guests see */

/* Setup: as start(), with a child that runs. The teardown is stop(). */
int start_monitor(void **state);

struct hv_port_info monitor_port(uint64_t gpfn);

/* PORT and CONN for events, MONITOR_PORT and MONITOR_CONN for the page, all connected. */
void link_monitor(void);

/* Trigger @i of @group signals flag @flag of CONN after LATENCY; its group is enabled. */
void watch(unsigned group, unsigned i, uint16_t flag);

/* What an unmodified Linux does: set the pending bit, nothing else. */
void trigger(unsigned group, unsigned i);
bool pending(unsigned group, unsigned i);
bool armed(unsigned group, unsigned i);

/* Root takes event flag @flag: whether it was set. */
bool take(unsigned flag);
/* Root takes all of them: how many were set. */
unsigned take_all(void);

/* Let the next look happen, which must be within @units: after how many. */
uint64_t next_look(uint64_t units);

#endif
