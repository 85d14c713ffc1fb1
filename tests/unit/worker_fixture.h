/* SPDX-License-Identifier: MIT */
/* tests/unit/worker_fixture.h - a child with a worker, and a hypervisor that takes all that root says
 * about it. */
#ifndef WORKER_FIXTURE_H
#define WORKER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/hypercall.h>
#include <hvabi/message.h>
#include <hvabi/status.h>
#include "child/child.h"

enum { FIXTURE_VPS = 4, FIXTURE_ID = 0x801, FIXTURE_CALLS = 64 };

/* A hypercall as it was made. */
struct fixture_call {
    uint16_t code;
    _Alignas(8) uint8_t input[1024];
};

struct fixture {
    struct child child;
    struct fixture_call calls[FIXTURE_CALLS];
    uint32_t call_count;
    hv_status status;     /* of the next calls */
    uint64_t output[512]; /* of the next calls */
    void (*sleep)(void);  /* the worker sleeps; NULL: it waits until its time is over */
    uint32_t sleeps;
    uint32_t poll;        /* POLL* of every file */
    bool killed;
    uint32_t end, end_status; /* what child_end was told */
    char reason[128];
    bool interrupts_on;   /* the mutex of root's calls is held, instead of a spinlock */
};
extern struct fixture fixture;

int fixture_begin(void **state);
int fixture_end(void **state);

/* VP @vp makes an intercept of type @type at @rip. */
void fixture_intercept(uint32_t vp, uint32_t type, uint64_t rip);

/* The worker waits, without answering. */
struct partition_next fixture_next(void);

/* The last hypercall, which was @code. */
const void *fixture_last(uint16_t code);

#endif
