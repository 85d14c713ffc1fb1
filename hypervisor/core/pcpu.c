/* SPDX-License-Identifier: MIT */
/* core/pcpu.c - see core/pcpu.h. */
#include "core/pcpu.h"

#include <x86/apic.h>
#include "core/lapic_physical.h"
#include "core/vp.h"

struct pcpu *lp_table[LP_MAX];
uint32_t lp_count;

void pcpu_kick(struct pcpu *cpu, uint32_t work)
{
    uint32_t before = __atomic_fetch_or(&cpu->remote.work, work, __ATOMIC_SEQ_CST);

    /* Whoever set the bit first has sent, or is this LP and needs, no interrupt. */
    if (cpu != this_cpu() && !(before & work))
        lapic_physical_ipi(cpu->apic_id, APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT |
                                             HV_VECTOR_KICK);
}

/* Interrupt those of the LPs @first to @first + 63 named by @bits that are in guest mode, and then
 * wait until each has left it: all of them leave at the same time. */
static void wait_guest_exit(uint32_t first, uint64_t bits)
{
    uint64_t inside = 0;
    uint32_t epochs[64];

    for (; bits != 0; bits &= bits - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(bits);
        struct pcpu *cpu = lp_table[first + i];

        if (cpu == this_cpu())
            continue;
        epochs[i] = __atomic_load_n(&cpu->remote.guest_epoch, __ATOMIC_SEQ_CST);
        if (!(epochs[i] & 1))
            continue;
        inside |= 1ull << i;
        lapic_physical_ipi(cpu->apic_id,
                           APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT | HV_VECTOR_KICK);
    }
    for (; inside != 0; inside &= inside - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(inside);

        /* The other LP leaves guest mode whatever this one does: no mailbox of ours is needed. */
        while (__atomic_load_n(&lp_table[first + i]->remote.guest_epoch, __ATOMIC_ACQUIRE) ==
               epochs[i])
            insn_pause();
    }
}

void pcpu_wait_guest_exit(const uint64_t lps[LP_MAX / 64])
{
    for (uint32_t i = 0; i < LP_MAX / 64; i++)
        if (lps[i] != 0)
            wait_guest_exit(i * 64, lps[i]);
}

uint64_t pcpu_idle_time(const struct pcpu *cpu, uint64_t now)
{
    uint64_t since, idle;

    do {
        since = __atomic_load_n(&cpu->idle_since, __ATOMIC_ACQUIRE);
        idle = __atomic_load_n(&cpu->idle_tsc, __ATOMIC_ACQUIRE);
    } while (since != __atomic_load_n(&cpu->idle_since, __ATOMIC_ACQUIRE));
    return since != 0 && now > since ? idle + (now - since) : idle;
}

uint64_t pcpu_run_time(struct pcpu *cpu, uint64_t now)
{
    spin_lock(&cpu->run_queue.lock);
    uint64_t time = cpu->run_tsc[0] + cpu->run_tsc[1];
    if (cpu->current != NULL && now > cpu->current->sched.started)
        time += now - cpu->current->sched.started;
    spin_unlock(&cpu->run_queue.lock);
    return time;
}

static uint64_t grace_now; /* [a] */

uint64_t grace_begin(void)
{
    return __atomic_add_fetch(&grace_now, 1, __ATOMIC_SEQ_CST);
}

void grace_pass(struct pcpu *cpu)
{
    uint64_t now = __atomic_load_n(&grace_now, __ATOMIC_RELAXED);

    if (cpu->remote.grace_seen != now)
        __atomic_store_n(&cpu->remote.grace_seen, now, __ATOMIC_RELEASE);
}

bool grace_over(uint64_t period)
{
    for (uint32_t i = 0; i < lp_count; i++) {
        struct pcpu *cpu = lp_table[i];
        if (cpu == this_cpu() || __atomic_load_n(&cpu->remote.guest_epoch, __ATOMIC_SEQ_CST) & 1 ||
            __atomic_load_n(&cpu->remote.idle, __ATOMIC_SEQ_CST))
            continue;
        if (__atomic_load_n(&cpu->remote.grace_seen, __ATOMIC_ACQUIRE) < period)
            return false;
    }
    return true;
}
