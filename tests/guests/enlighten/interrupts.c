/* SPDX-License-Identifier: MIT */
/* interrupts.c - ends of interrupt through the VP assist page, timers in direct mode, and idling by
 * MSR. TLFS 6.0b, 7.5, 10.3.5 and 12.3. */
#include <hvabi/msr.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <x86/insn.h>

#include "enlighten.h"

/* Of each VP, and only touched by it. */
static struct {
    struct hv_vp_assist_page *page;
    uint64_t taken[GUEST_VECTOR_COUNT];
    uint64_t needless, needed; /* EOIs */
    uint8_t order[4];          /* the vectors taken last, latest first */
} vps[GUEST_CPU_MAX];

uint64_t enlighten_taken(unsigned vector)
{
    return *(volatile uint64_t *)&vps[enlighten_vp()].taken[vector];
}

/* Take the promise out of the page; without one the hypervisor has to be told. */
static void end_of_interrupt(uint32_t vp)
{
    uint32_t assist = __atomic_exchange_n(&vps[vp].page->apic_assist, 0, __ATOMIC_SEQ_CST);

    if (assist & HV_APIC_ASSIST_NO_EOI_REQUIRED) {
        vps[vp].needless++;
        return;
    }
    vps[vp].needed++;
    insn_wrmsr(HV_X64_MSR_EOI, 0);
}

static void handler(struct guest_frame *frame)
{
    uint32_t vp = enlighten_vp();

    vps[vp].taken[frame->vector]++;
    for (unsigned i = 3; i > 0; i--)
        vps[vp].order[i] = vps[vp].order[i - 1];
    vps[vp].order[0] = (uint8_t)frame->vector;
    end_of_interrupt(vp);
}

/* ---- the assist page ---- */

#define ROUNDS 200u

static void page_enable(void)
{
    vps[enlighten_vp()].page = guest_memory(HV_PAGE_SIZE);
    insn_wrmsr(HV_X64_MSR_VP_ASSIST_PAGE,
               (uintptr_t)vps[enlighten_vp()].page | HV_X64_MSR_PAGE_ENABLE);
}

/* One interrupt that is alone is ended by the page, unless the VP was stopped in its handler. */
static void alone(uint32_t vp)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        guest_apic_self_ipi(VECTOR_LOW);
        while (enlighten_taken(VECTOR_LOW) <= i)
            insn_pause();
    }
    enlighten_check(vps[vp].needless >= ROUNDS / 2, "the page saves no ends of interrupt",
                    vps[vp].needless);
}

/* Of two the higher one comes first and needs its end, for the lower one to come. */
static void together(uint32_t vp)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t needed = vps[vp].needed;

        insn_cli();
        guest_apic_self_ipi(VECTOR_LOW);
        guest_apic_self_ipi(VECTOR_HIGH);
        insn_sti();
        while (enlighten_taken(VECTOR_LOW) <= ROUNDS + i || enlighten_taken(VECTOR_HIGH) <= i)
            insn_pause();
        enlighten_check(vps[vp].order[0] == VECTOR_LOW && vps[vp].order[1] == VECTOR_HIGH,
                        "interrupts came out of order", vps[vp].order[0]);
        enlighten_check(vps[vp].needed > needed, "an interrupt needed no end before another one",
                        needed);
    }
}

void enlighten_assist(void)
{
    guest_handler_set(VECTOR_LOW, handler);
    guest_handler_set(VECTOR_HIGH, handler);
    guest_handler_set(VECTOR_TIMER, handler);
    page_enable();
    enlighten_meet();
    insn_sti();
    alone(enlighten_vp());
    together(enlighten_vp());
    insn_cli();
}

/* ---- timers ---- */

#define SOON     1000u  /* 100 us, in 100 ns */
#define PERIOD   10000u /* 1 ms */
#define EXPIRIES 5u

/* As Linux arms its clock event: one-shot, enabled by the count, an interrupt with this vector. */
static void timer_arm(uint64_t mode, uint64_t count)
{
    insn_wrmsr(HV_X64_MSR_STIMER0_CONFIG,
               mode | HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT_MODE |
                   (uint64_t)VECTOR_TIMER << HV_STIMER_APIC_VECTOR_SHIFT);
    insn_wrmsr(HV_X64_MSR_STIMER0_COUNT, count);
}

static void timer_off(void)
{
    insn_wrmsr(HV_X64_MSR_STIMER0_COUNT, 0);
    insn_wrmsr(HV_X64_MSR_STIMER0_CONFIG, 0);
}

static void wait_taken(uint64_t before, uint64_t more)
{
    while (enlighten_taken(VECTOR_TIMER) < before + more)
        guest_halt();
    insn_cli();
}

void enlighten_timers(void)
{
    uint64_t before = enlighten_taken(VECTOR_TIMER), start = guest_time();

    timer_arm(0, start + SOON);
    wait_taken(before, 1);
    enlighten_check(guest_time() >= start + SOON, "a timer came too early", guest_time() - start);
    timer_arm(0, 1); /* long ago: at once */
    wait_taken(before, 2);
    start = guest_time();
    timer_arm(HV_STIMER_PERIODIC, PERIOD);
    wait_taken(before, 2 + EXPIRIES);
    timer_off();
    enlighten_check(guest_time() >= start + EXPIRIES * PERIOD / 2, "periods are too short",
                    guest_time() - start);
}

/* ---- idling ---- */

/* With interrupts off: the VP stands until one arrives, and does not take it. */
void enlighten_idle(void)
{
    for (unsigned i = 0; i < EXPIRIES; i++) {
        uint64_t before = enlighten_taken(VECTOR_TIMER), due = guest_time() + SOON;

        timer_arm(0, due);
        enlighten_check(insn_rdmsr(HV_X64_MSR_GUEST_IDLE) == 0, "the idle register has a value", 0);
        enlighten_check(guest_time() >= due, "idling ended before there was an interrupt",
                        due - guest_time());
        enlighten_check(enlighten_taken(VECTOR_TIMER) == before, "an interrupt was taken meanwhile",
                        before);
        insn_sti_nop_cli();
        enlighten_check(enlighten_taken(VECTOR_TIMER) == before + 1,
                        "no interrupt ended the idling", before);
    }
    timer_off();
}
