/* SPDX-License-Identifier: MIT */
/* lapic_fixture.h - a partition of fake VPs around software local APICs: what emul/lapic.h asks of
 * core, recorded, and a clock that the test moves. */
#ifndef LAPIC_FIXTURE_H
#define LAPIC_FIXTURE_H

#include "emul/lapic.h"

#define FIXTURE_APICS   512u
#define FIXTURE_TSC_HZ  2000000000ull
#define FIXTURE_HZ      1000000000ull /* so one count is two ticks of the TSC */

struct fake_vp {
    struct lapic lapic; /* first: a hook finds the VP by it */
    uint32_t kicks, nmis, inits, sipis, level_eois, enables, timer_arms, interrupts;
    uint8_t unsaid; /* vector in service of which the APIC has not been told; 0: none */
    uint8_t sipi_vector, eoi_vector;
    bool timer_armed;
    uint64_t timer_deadline;
};

extern struct lapic_space fixture_space;
extern struct fake_vp fixture_vps[FIXTURE_APICS];
extern uint64_t fixture_tsc;

/* A space with everything on and room for FIXTURE_APICS, and no APIC. TSC 1,000,000. */
void fixture_space_init(void);
void fixture_space_init_config(struct lapic_space_config config);
/* VP @id with APIC ID @id, power-up state; then enabled by software. */
struct lapic *fixture_add(uint32_t id);
struct lapic *fixture_add_enabled(uint32_t id);
void fixture_x2apic_on(struct lapic *l);

struct fake_vp *fixture_vp(const struct lapic *l);

/* Move the clock to @tsc, calling lapic_timer_expired as a host that is never late. */
void fixture_clock_to(uint64_t tsc);

/* What the run loop does: deliver the highest pending vector; -1: none. */
int fixture_deliver(struct lapic *l);

/* Register accesses that must not fault, x2APIC by MSR. */
uint64_t fixture_msr(struct lapic *l, uint32_t msr);
void fixture_msr_set(struct lapic *l, uint32_t msr, uint64_t value);

/* Assert that the interrupt state is consistent: summaries, priority, illegal vectors. */
void fixture_check(const struct lapic *l);

#endif
