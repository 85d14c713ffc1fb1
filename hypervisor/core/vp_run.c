/* SPDX-License-Identifier: MIT */
/* core/vp_run.c - the run loop: the only place from which guests are entered.
 *
 * Rules: interrupts are off, but for the windows in which physical interrupts are taken: after an
 * exit for one, and while the LP idles. A VP's [o] state is touched only between vp_load and
 * vp_unload, or by a holder. */
#include "core/vp.h"

#include <x86/cr.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "core/fpu.h"
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "debug/log.h"
#include "debug/provoke.h"
#include "emul/eoi_assist.h"
#include "virt/virt.h"

enum verdict { ENTER, YIELD, BLOCK };

static void idle(struct pcpu *cpu)
{
    uint64_t start = insn_rdtsc();

    __atomic_store_n(&cpu->idle_since, start, __ATOMIC_RELEASE);
    __atomic_store_n(&cpu->remote.idle, true, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&cpu->remote.work, __ATOMIC_ACQUIRE) == 0)
        insn_sti_hlt_cli();
    __atomic_store_n(&cpu->remote.idle, false, __ATOMIC_SEQ_CST);
    /* In this order: pcpu_idle_time. */
    __atomic_store_n(&cpu->idle_tsc, cpu->idle_tsc + (insn_rdtsc() - start), __ATOMIC_RELEASE);
    __atomic_store_n(&cpu->idle_since, 0, __ATOMIC_RELEASE);
}

/* Serve what others, and the timer, left for this LP, and what serving it left: nobody sends an
 * interrupt for a bit that is set already. True: choose again what to run. */
static bool serve_work(struct pcpu *cpu)
{
    uint32_t all = 0;

    do {
        uint32_t work = __atomic_exchange_n(&cpu->remote.work, 0, __ATOMIC_SEQ_CST);

        all |= work;
        if (work & WORK_TIMER)
            timers_run(cpu);
    } while (__atomic_load_n(&cpu->remote.work, __ATOMIC_ACQUIRE) != 0);
    if (all & WORK_STRAY_NMI)
        hv_log("LP %u: NMI that nobody asked for, ignored", cpu->lp_index);
    return all & WORK_RESCHEDULE;
}

/* Whoever asks sets the request before wake_pending: what comes after the exchange, a full barrier,
 * is seen by sched_stop. */
static void serve_requests(struct vp *vp)
{
    __atomic_store_n(&vp->sched.wake_pending, false, __ATOMIC_RELAXED);
    uint32_t r = __atomic_exchange_n(&vp->requests, 0, __ATOMIC_SEQ_CST);

    if (r & VP_REQUEST_INIT)
        vp_init_signal(vp);
    if ((r & VP_REQUEST_SIPI) && vp->activity == VP_ACTIVITY_WAIT_SIPI) {
        virt_vp_sipi(vp, __atomic_load_n(&vp->sipi_vector, __ATOMIC_RELAXED));
        vp->activity = VP_ACTIVITY_RUN;
    }
    if (r & VP_REQUEST_NMI)
        vp->nmi_pending = true;
    if (r & VP_REQUEST_EOI)
        vp_report_eoi(vp);
    if (r & VP_REQUEST_TIMER)
        lapic_timer_expired(&vp->lapic);
}

/* May a VP that has halted, or idles by MSR, go on? Who idles waits for an interrupt to arrive, and
 * not to be taken: it may have them masked, by IF or by a handler that it is in (TLFS 6.0b, 7.5).
 */
static bool leaves_halt(struct vp *vp)
{
    if (vp->nmi_pending && !vp->nmi_masked)
        return true;
    if (lapic_requests(&vp->lapic) == 0)
        return false;
    eoi_assist_settle(vp);
    if (vp->activity == VP_ACTIVITY_IDLE)
        return lapic_pending_any(&vp->lapic);
    return lapic_pending(&vp->lapic) >= 0 && virt_interruptible(vp);
}

/* After an entry with an offer: the guest has taken the interrupt, or it is pending again. */
static void settle_offer(struct vp *vp)
{
    uint8_t vector = (uint8_t)vp->offered;

    vp->offered = -1;
    if (!virt_interrupt_taken(vp)) {
        virt_interrupt_offer(vp, -1);
        eoi_assist_withdraw(vp);
        lapic_give_back(&vp->lapic, vector);
    } else if (synic_vector_auto_eoi(&vp->synic, vector)) {
        lapic_serve_auto_eoi(&vp->lapic);
        synic_eoi(&vp->synic, vector);
    } else if (vp->eoi_promised) {
        lapic_serve_auto_eoi(&vp->lapic); /* the APIC hears of it when the promise is settled */
    } else {
        lapic_serve(&vp->lapic, vector);
    }
}

/* How soon to try again where an event cannot be injected at this entry: it passes with the next
 * instruction, and no exit tells. An emulator on a busy host may not come to that instruction
 * before the timer ends the entry: each time in a row it has twice as long, but not beyond its
 * slice. */
#define RETRY_100NS 200u /* 20 us */
#define RETRIES_MAX 10u  /* that it doubles: to 20 ms */

static __attribute__((noinline, cold)) void retry_soon(struct pcpu *cpu, struct vp *vp)
{
    uint64_t now = insn_rdtsc(), least = tsc_from_100ns(RETRY_100NS);
    uint64_t when = now + (least << vp->retries);
    uint64_t end = vp->sched.given + sched_slice_tsc;

    if (when > end && __atomic_load_n(&cpu->run_queue.count, __ATOMIC_RELAXED) != 0)
        when = end > now + least ? end : now + least;
    timer_arm(&cpu->slice_timer, when);
    if (vp->retries < RETRIES_MAX)
        vp->retries++;
}

static void deliver_nmi(struct pcpu *cpu, struct vp *vp)
{
    if (vp->nmi_masked)
        return; /* its window tells */
    if (virt_injecting(vp) || virt_in_shadow(vp)) {
        retry_soon(cpu, vp);
        return;
    }
    vp->retries = 0;
    virt_inject_nmi(vp);
    virt_nmi_window(vp, true);
    vp->nmi_pending = false;
    vp->nmi_masked = true;
}

static inline void offer(struct vp *vp, int vector)
{
    vp->retries = 0;
    virt_interrupt_offer(vp, vector);
    vp->offered = (int16_t)vector;
}

/* As deliver, for a guest that may be spared the EOI. */
static __attribute__((noinline)) void deliver_assisted(struct pcpu *cpu, struct vp *vp)
{
    eoi_assist_settle(vp);
    int vector = lapic_pending(&vp->lapic);

    if (vector >= 0 && virt_in_shadow(vp)) {
        retry_soon(cpu, vp);
    } else if (vector >= 0) {
        lapic_take(&vp->lapic, (uint8_t)vector);
        eoi_assist_promise(vp, (uint8_t)vector);
        offer(vp, vector);
    }
}

/* Offer the guest the interrupt that goes first now. It is the processor's until the next exit. Not
 * behind STI or MOV SS: VMRUN of QEMU 7.2 forgets the interrupt shadow, and a guest whose handler
 * runs between STI and HLT sleeps on what it was to be woken for. */
static void deliver(struct pcpu *cpu, struct vp *vp)
{
    if (vp->assist != NULL) {
        deliver_assisted(cpu, vp);
        return;
    }
    int vector = lapic_pending(&vp->lapic);
    if (__builtin_expect(vector >= 0 && virt_in_shadow(vp), 0)) {
        retry_soon(cpu, vp);
    } else if (vector >= 0) {
        lapic_take(&vp->lapic, (uint8_t)vector);
        offer(vp, vector);
    }
}

/* What others, or the VP itself, ask for comes first. */
static enum verdict attend(struct pcpu *cpu, struct vp *vp)
{
    if (__atomic_load_n(&cpu->remote.work, __ATOMIC_ACQUIRE) != 0 && serve_work(cpu) &&
        sched_should_preempt(cpu, vp, insn_rdtsc()))
        return YIELD;
    if (__atomic_load_n(&vp->suspend, __ATOMIC_ACQUIRE) != 0)
        return BLOCK;
    if (__atomic_load_n(&vp->requests, __ATOMIC_ACQUIRE) != 0)
        serve_requests(vp);
    if (vp->activity != VP_ACTIVITY_RUN) {
        if (vp->activity == VP_ACTIVITY_WAIT_SIPI || !leaves_halt(vp))
            return BLOCK;
        vp->activity = VP_ACTIVITY_RUN;
    }
    if (vp->nmi_pending)
        deliver_nmi(cpu, vp);
    return ENTER;
}

static enum verdict ready(struct pcpu *cpu, struct vp *vp)
{
    _Static_assert(VP_ACTIVITY_RUN == 0, "a VP that runs needs no attention");
    enum verdict v = ENTER;

    if ((__atomic_load_n(&vp->attention, __ATOMIC_ACQUIRE) |
         __atomic_load_n(&cpu->remote.work, __ATOMIC_ACQUIRE) | vp->unusual) != 0)
        v = attend(cpu, vp);
    if (v == ENTER && lapic_requests(&vp->lapic) != 0)
        deliver(cpu, vp);
    return v;
}

static void slice_end(struct timer *t)
{
    (void)t;
    __atomic_fetch_or(&this_cpu()->remote.work, WORK_RESCHEDULE, __ATOMIC_RELAXED);
}

/* While others wait for this LP, the timer ends the slice. It is not set anew at each switch: one
 * that was set for an earlier VP fires too early, and is set again for what is left. */
static void arm_slice(struct pcpu *cpu, const struct vp *vp)
{
    if (__atomic_load_n(&cpu->run_queue.count, __ATOMIC_RELAXED) == 0 ||
        cpu->slice_timer.node.queued)
        return;
    uint64_t now = insn_rdtsc(), end = vp->sched.given + sched_slice_tsc;
    timer_arm(&cpu->slice_timer, end > now ? end : now + sched_slice_tsc);
}

static void count_exit(uint64_t *stats, enum vp_exit_reason reason)
{
    stats[HvStatsVpTotalExits]++;
    stats[HvStatsVpExitFirst + reason]++;
}

/* Run @vp until it blocks or loses the LP. True: it blocks. */
static bool run(struct pcpu *cpu, struct vp *vp)
{
    struct vp_exit exit;
    enum verdict v;

    vp_load(vp);
    while ((v = ready(cpu, vp)) == ENTER) {
        arm_slice(cpu, vp);
        virt_vp_run(vp, &exit);
        lapic_physical_recheck();
        if (vp->offered >= 0)
            settle_offer(vp);
        count_exit(vp->stats, exit.reason);
        trace(&cpu->trace, insn_rdtsc(), TRACE_EXIT, exit.reason, vp->rip);
        if (__builtin_expect(provoke_armed, 0))
            provoke_before(cpu, vp);
        vp_exit_handle(vp, &exit);
        if (__builtin_expect(provoke_armed, 0))
            provoke_after(vp, &exit);
        grace_pass(cpu);
        if (vp->yield) {
            vp->yield = false;
            v = YIELD;
            break;
        }
    }
    vp_unload(vp);
    return v == BLOCK;
}

void vp_run_loop(void)
{
    struct pcpu *cpu = this_cpu();

    timer_init(&cpu->slice_timer, slice_end);
    __atomic_store_n(&cpu->started, insn_rdtsc(), __ATOMIC_RELAXED);
    for (;;) {
        grace_pass(cpu);
        if (cpu->remote.work != 0)
            serve_work(cpu);
        struct vp *vp = sched_pick(cpu);
        if (vp == NULL) {
            idle(cpu);
            continue;
        }
        /* A suspended VP may be held by somebody: its state is not ours. */
        if (__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) != 0) {
            sched_stop(cpu, vp, true);
            continue;
        }
        trace(&cpu->trace, insn_rdtsc(), TRACE_SWITCH, vp->index, vp->partition->id);
        sched_stop(cpu, vp, run(cpu, vp));
    }
}
