/* SPDX-License-Identifier: MIT */
/* core/vp.c - the life of a virtual processor, and what others ask of it; see core/vp.h. */
#include "core/vp.h"

#include <rt/mem.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "core/fpu.h"
#include "core/lapic_physical.h"
#include "core/level.h"
#include "core/payer.h"
#include "core/pcpu.h"
#include "core/speculation.h"
#include "debug/log.h"
#include "emul/eoi_assist.h"
#include "mm/phys.h"
#include "synic/monitor.h"
#include "virt/virt.h"

/* SINT of the parent to which intercept messages go (TLFS 2.0A, 9.4). */
#define INTERCEPT_SINT 0

static struct vp *vp_of_lapic(struct lapic *l)
{
    return container_of(l, struct vp, lapic);
}

static struct vp *vp_of_synic(struct synic *s)
{
    return container_of(s, struct vp, synic);
}

/* ---- suspend, resume, request ---- */

void vp_suspend(struct vp *vp, uint32_t reasons)
{
    __atomic_fetch_or(&vp->suspend, reasons, __ATOMIC_SEQ_CST);
    struct pcpu *cpu = lp_table[__atomic_load_n(&vp->sched.lp, __ATOMIC_ACQUIRE)];
    if (__atomic_load_n(&cpu->current, __ATOMIC_ACQUIRE) == vp)
        pcpu_kick(cpu, WORK_RESCHEDULE);
}

void vp_resume(struct vp *vp, uint32_t reasons)
{
    if (__atomic_and_fetch(&vp->suspend, ~reasons, __ATOMIC_SEQ_CST) == 0)
        sched_wake(vp);
}

/* A VP that runs on this LP sees its requests before it enters; any other is woken, or, where it
 * runs, interrupted. */
void vp_request(struct vp *vp, uint32_t requests)
{
    uint32_t before = __atomic_fetch_or(&vp->requests, requests, __ATOMIC_SEQ_CST);

    if ((before & requests) == requests)
        return;
    if (this_cpu()->current == vp)
        __atomic_store_n(&vp->sched.wake_pending, true, __ATOMIC_RELAXED);
    else
        sched_wake(vp);
}

bool vp_hold(struct vp *vp)
{
    __atomic_fetch_or(&vp->suspend, VP_SUSPEND_HOLD, __ATOMIC_SEQ_CST);
    return sched_detach(vp);
}

void vp_release(struct vp *vp)
{
    vp_resume(vp, VP_SUSPEND_HOLD);
}

/* The VP's LP says who runs there, and then that it is in guest mode, before it reads the count
 * (virt_vp_run): either it sees that the count has grown, or it is seen here. */
void vp_tlb_forget(struct vp *vp, uint64_t lps[LP_MAX / 64])
{
    struct pcpu *cpu;

    __atomic_fetch_add(&vp->tlb_generation, 1, __ATOMIC_SEQ_CST);
    cpu = lp_table[__atomic_load_n(&vp->sched.lp, __ATOMIC_SEQ_CST)];
    if (__atomic_load_n(&cpu->current, __ATOMIC_SEQ_CST) == vp)
        lps[cpu->lp_index / 64] |= cpu->lp_bit;
}

/* ---- loading ---- */

void vp_tpr_show(struct vp *vp)
{
    virt_cr8_set(vp, lapic_cr8(&vp->lapic));
}

void vp_load(struct vp *vp)
{
    struct pcpu *cpu = this_cpu();
    struct partition *p = vp->partition;

    __atomic_fetch_or(&p->running_lps[cpu->lp_index / 64], cpu->lp_bit, __ATOMIC_SEQ_CST);
    /* After that, as synic/monitor.c has it. */
    if (__builtin_expect(__atomic_load_n(&p->ports.asleep, __ATOMIC_SEQ_CST) != 0, 0))
        monitor_wake(&p->ports);
    vp_tpr_show(vp);
    fpu_load(vp);
    insn_write_dr0(vp->dr[0]);
    insn_write_dr1(vp->dr[1]);
    insn_write_dr2(vp->dr[2]);
    insn_write_dr3(vp->dr[3]);
    if (cpu->has_tsc_aux)
        insn_wrmsr(MSR_TSC_AUX, vp->tsc_aux);
    speculation_load(cpu, vp);
    virt_vp_load(vp);
}

void vp_unload(struct vp *vp)
{
    struct pcpu *cpu = this_cpu();

    virt_vp_unload(vp);
    vp->dr[0] = insn_read_dr0();
    vp->dr[1] = insn_read_dr1();
    vp->dr[2] = insn_read_dr2();
    vp->dr[3] = insn_read_dr3();
    fpu_save(vp);
    __atomic_fetch_and(&vp->partition->running_lps[cpu->lp_index / 64], ~cpu->lp_bit,
                       __ATOMIC_SEQ_CST);
}

/* ---- hooks of the local APIC (emul/lapic.h) ---- */

void lapic_host_kick(struct lapic *l)
{
    vp_request(vp_of_lapic(l), VP_REQUEST_INTERRUPT);
}

void lapic_host_nmi(struct lapic *l)
{
    vp_request(vp_of_lapic(l), VP_REQUEST_NMI);
}

void lapic_host_init(struct lapic *l)
{
    vp_request(vp_of_lapic(l), VP_REQUEST_INIT);
}

void lapic_host_sipi(struct lapic *l, uint8_t vector)
{
    struct vp *vp = vp_of_lapic(l);

    __atomic_store_n(&vp->sipi_vector, vector, __ATOMIC_RELAXED);
    vp_request(vp, VP_REQUEST_SIPI);
}

/* A device's level interrupt ends physically when root's handler ends it; one that a child took was
 * asserted by its worker, which is told. */
void lapic_host_eoi_level(struct lapic *l, uint8_t vector)
{
    struct vp *vp = vp_of_lapic(l);

    if (vp->partition->is_root) {
        level_interrupt_end(this_cpu(), vector);
        return;
    }
    __atomic_fetch_or(&vp->eoi_vectors[vector / 64], 1ull << vector % 64, __ATOMIC_SEQ_CST);
    vp_report_eoi(vp);
}

void lapic_host_enabled(struct lapic *l)
{
    if (vp_of_lapic(l)->partition->is_root)
        level_interrupts_resume(this_cpu());
}

void lapic_host_settle(struct lapic *l)
{
    eoi_assist_settle(vp_of_lapic(l));
}

uint64_t lapic_host_tsc(struct lapic *l)
{
    return insn_rdtsc() + vp_of_lapic(l)->tsc_offset;
}

void lapic_host_timer_arm(struct lapic *l, uint64_t deadline)
{
    struct vp *vp = vp_of_lapic(l);

    timer_arm(&vp->lapic_timer, deadline - vp->tsc_offset);
}

void lapic_host_timer_cancel(struct lapic *l)
{
    timer_cancel(&vp_of_lapic(l)->lapic_timer);
}

static void lapic_timer_fired(struct timer *t)
{
    vp_request(container_of(t, struct vp, lapic_timer), VP_REQUEST_TIMER);
}

/* ---- hooks of the SynIC (synic/synic.h, synic/port.h) ---- */

void synic_host_interrupt(struct synic *s, uint8_t vector)
{
    struct vp *vp = vp_of_synic(s), *cause = this_cpu()->cause;

    if (cause != NULL)
        sched_cause(vp, cause);
    if (lapic_post(&vp->lapic, vector, false))
        lapic_host_kick(&vp->lapic);
}

hv_status synic_host_overlay(struct synic *s, unsigned which, bool enable, uint64_t gpfn)
{
    struct vp *vp = vp_of_synic(s);
    bool messages = which == SYNIC_PAGE_MESSAGES;

    return partition_overlay(vp->partition, messages ? &vp->sim_overlay : &vp->sief_overlay, enable,
                             gpfn, messages ? vp->sim_page : vp->sief_page,
                             SLAT_READ | SLAT_WRITE);
}

/* VPs stay in memory while their partition is referenced and not being finalized, and a port's
 * partition is both: see partition_finalize. */
struct synic *port_host_synic(struct partition *p, uint32_t vp_index)
{
    struct vp *vp = partition_vp(p, vp_index);

    if (vp == NULL)
        return NULL;
    __atomic_fetch_add(&vp->users, 1, __ATOMIC_ACQUIRE);
    return &vp->synic;
}

void port_host_synic_put(struct synic *s)
{
    __atomic_fetch_sub(&vp_of_synic(s)->users, 1, __ATOMIC_RELEASE);
}

/* ---- intercepts ---- */

void vp_intercept_header(struct vp *vp, struct hv_x64_intercept_message_header *h,
                         unsigned insn_len, uint8_t access)
{
    struct hv_register_value cs;
    uint64_t cr0 = virt_cr0(vp);

    if (virt_reg_get(vp, HvX64RegisterCs, &cs) != HV_STATUS_SUCCESS)
        memset(&cs, 0, sizeof(cs));
    *h = (struct hv_x64_intercept_message_header){
        .vp_index = vp->index,
        .length_and_cr8 = (uint8_t)(insn_len | (unsigned)lapic_cr8(&vp->lapic)
                                                   << HV_X64_INTERCEPT_CR8_SHIFT),
        .access_type = access,
        .execution_state =
            (uint16_t)(virt_cpl(vp) | (cr0 & CR0_PE ? HV_X64_EXECUTION_CR0_PE : 0u) |
                       (cr0 & CR0_AM ? HV_X64_EXECUTION_CR0_AM : 0u) |
                       (virt_efer(vp) & EFER_LMA ? HV_X64_EXECUTION_EFER_LMA : 0u) |
                       (virt_injecting(vp) ? HV_X64_EXECUTION_INTERRUPTION_PENDING : 0u) |
                       (virt_in_shadow(vp) ? HV_X64_EXECUTION_INTERRUPT_SHADOW : 0u)),
        .cs_segment = cs.segment,
        .rip = vp->rip,
        .rflags = vp->rflags,
    };
}

/* The parent's VP that gets @vp's messages: children's VPs spread over root's. */
static struct synic *parent_synic(struct vp *vp)
{
    struct partition *parent = vp->partition->parent;
    struct vp *target = partition_vp(parent, vp->index % parent->vp_count);

    return &target->synic;
}

void *vp_intercept_begin(struct vp *vp, uint32_t size)
{
    struct synic_message *m = &vp->intercept_message;

    synic_cancel(parent_synic(vp), m);
    memset(m->message.payload, 0, size);
    return m->message.payload;
}

void vp_intercept(struct vp *vp, uint32_t type, uint32_t size)
{
    struct synic *s = parent_synic(vp);
    struct synic_message *m = &vp->intercept_message;

    __atomic_fetch_or(&vp->suspend, VP_SUSPEND_INTERCEPT, __ATOMIC_SEQ_CST);
    sched_root_works_for(vp, vp_of_synic(s)->sched.lp);
    m->message.header = (struct hv_message_header){
        .message_type = type,
        .payload_size = (uint8_t)size,
        .origination_id = vp->partition->id,
    };
    /* A parent that takes no messages finds the VP suspended. */
    if (synic_post(s, INTERCEPT_SINT, m) != HV_STATUS_SUCCESS)
        hv_log("partition %lx VP %u: intercept %x, and the parent takes no messages",
               vp->partition->id, vp->index, type);
}

/* Any LP. The store and the loads after it are sequentially consistent: they pair with the VP's own
 * LP, which sets a bit (lapic_host_eoi_level) and then looks for the message (vp_report_eoi). One of
 * the two sees what the other wrote. */
static void eoi_message_left(struct synic_message *m)
{
    struct vp *vp = container_of(m, struct vp, eoi_message);
    uint64_t left = 0;

    __atomic_store_n(&vp->eoi_message_queued, false, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < ARRAY_SIZE(vp->eoi_vectors); i++)
        left |= __atomic_load_n(&vp->eoi_vectors[i], __ATOMIC_SEQ_CST);
    if (left != 0)
        vp_request(vp, VP_REQUEST_EOI);
}

static const struct synic_message_ops eoi_message_ops = {.release = eoi_message_left};

void vp_report_eoi(struct vp *vp)
{
    struct hv_x64_apic_eoi_message payload = {.vp_index = vp->index};

    if (__atomic_load_n(&vp->eoi_message_queued, __ATOMIC_SEQ_CST))
        return; /* eoi_message_left asks again */
    for (uint32_t i = 0; i < ARRAY_SIZE(vp->eoi_vectors); i++) {
        if (vp->eoi_vectors[i] == 0)
            continue;
        uint32_t bit = (uint32_t)__builtin_ctzll(vp->eoi_vectors[i]);
        __atomic_fetch_and(&vp->eoi_vectors[i], ~(1ull << bit), __ATOMIC_RELAXED);
        payload.interrupt_vector = i * 64 + bit;
        break;
    }
    if (payload.interrupt_vector == 0)
        return;
    struct synic_message *m = &vp->eoi_message;
    m->message.header = (struct hv_message_header){
        .message_type = HvMessageTypeX64ApicEoi,
        .payload_size = sizeof(payload),
        .origination_id = vp->partition->id,
    };
    memcpy(m->message.payload, &payload, sizeof(payload));
    __atomic_store_n(&vp->eoi_message_queued, true, __ATOMIC_RELAXED);
    if (synic_post(parent_synic(vp), INTERCEPT_SINT, m) != HV_STATUS_SUCCESS)
        __atomic_store_n(&vp->eoi_message_queued, false, __ATOMIC_RELAXED);
}

/* ---- life ---- */

static const struct {
    size_t offset;
} vp_pages[] = {
    {offsetof(struct vp, sim_page)},
    {offsetof(struct vp, sief_page)},
    {offsetof(struct vp, assist_page)},
    {offsetof(struct vp, xsave_page)},
    {offsetof(struct vp, stats_page)},
};

static hpa_t *vp_page(struct vp *vp, size_t i)
{
    return (hpa_t *)(void *)((char *)vp + vp_pages[i].offset);
}

static uint64_t live; /* [a] */

uint64_t vp_live(void)
{
    return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

/* All that was allocated for @vp, which may be half built, back to the pool; @vp itself too. */
static void vp_free(struct vp *vp)
{
    struct pool *pool = &vp->partition->pool;

    virt_vp_destroy(vp);
    pool_free(pool, vp->stimers);
    for (size_t i = 0; i < ARRAY_SIZE(vp_pages); i++)
        if (vp_page(vp, i)->v != 0)
            pool_page_free(pool, *vp_page(vp, i));
    pool_page_free(pool, ptr_hpa(vp));
}

static hv_status vp_allocate(struct partition *p, uint32_t index, struct vp **out)
{
    struct vp *vp;
    hpa_t page;
    hv_status st = pool_page_alloc(&p->pool, &page);

    if (st != HV_STATUS_SUCCESS)
        return st;
    vp = hpa_ptr(page);
    vp->partition = p;
    vp->index = index;
    for (size_t i = 0; i < ARRAY_SIZE(vp_pages) && st == HV_STATUS_SUCCESS; i++)
        st = pool_page_alloc(&p->pool, vp_page(vp, i));
    vp->stimers = pool_alloc(&p->pool, sizeof(*vp->stimers));
    if (vp->stimers == NULL)
        st = HV_STATUS_INSUFFICIENT_MEMORY;
    if (st == HV_STATUS_SUCCESS)
        st = virt_vp_create(vp);
    if (st != HV_STATUS_SUCCESS) {
        vp_free(vp);
        return st;
    }
    vp->xsave = hpa_ptr(vp->xsave_page);
    vp->stats = hpa_ptr(vp->stats_page);
    *out = vp;
    return HV_STATUS_SUCCESS;
}

static void vp_init(struct vp *vp, uint32_t lp, bool pinned)
{
    struct partition *p = vp->partition;

    sched_entity_init(vp, pinned, lp);
    vp->sched.weight = p->cpu_weight;
    vp->guards = p->is_root ? speculation.guards_root : speculation.guards_child;
    timer_init(&vp->lapic_timer, lapic_timer_fired);
    overlay_init(&vp->sim_overlay);
    overlay_init(&vp->sief_overlay);
    overlay_init(&vp->assist_overlay);
    overlay_init(&vp->stats_overlay);
    overlay_init(&vp->parent_stats_overlay);
    synic_message_init(&vp->intercept_message, NULL);
    synic_message_init(&vp->eoi_message, &eoi_message_ops);
    synic_init(&vp->synic, &p->ports.set, vp->index, hpa_ptr(vp->sim_page), hpa_ptr(vp->sief_page));
    stimers_init(vp->stimers, &vp->synic, &p->reftime, true);
    fpu_reset(vp);
    vp->offered = -1;
    virt_set_tsc_offset(vp, p->tsc_offset);
    vp->activity = vp->index == 0 ? VP_ACTIVITY_RUN : VP_ACTIVITY_WAIT_SIPI;
    vp->suspend = VP_SUSPEND_EXPLICIT | (p->suspended ? VP_SUSPEND_PARTITION : 0u);
}

hv_status vp_create(struct partition *p, uint32_t index, uint32_t lp, bool pinned)
{
    /* Root's APIC ids are those of its LPs, a child's are its VP indices. */
    uint32_t apic_id = p->is_root ? lp_table[lp]->apic_id : index;
    struct vp *vp;
    hv_status st;

    if (index >= (p->is_root ? lp_count : PARTITION_VPS_MAX))
        return HV_STATUS_INVALID_VP_INDEX;
    if (partition_vp(p, index) != NULL)
        return HV_STATUS_INVALID_PARAMETER;
    st = slat_reserve(&p->slat, SLAT_RESERVE_FLOOR);
    if (st == HV_STATUS_SUCCESS)
        st = vp_allocate(p, index, &vp);
    if (st != HV_STATUS_SUCCESS)
        return st;
    vp->apic_id = apic_id;
    vp_init(vp, lp, pinned);
    if (!limits_join(vp)) {
        vp_free(vp);
        return HV_STATUS_OPERATION_DENIED;
    }
    if (!lapic_init(&vp->lapic, p->apics, apic_id, index == 0)) {
        limits_leave(vp);
        vp_free(vp);
        return HV_STATUS_INVALID_PARAMETER;
    }
    __atomic_store_n(&p->vps[index], vp, __ATOMIC_RELEASE);
    p->vp_count++;
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    if (index >= p->vp_highest)
        p->vp_highest = index + 1;
    return HV_STATUS_SUCCESS;
}

/* Nobody finds @vp any more; it is freed when nobody can still be using it. */
static void vp_unpublish(struct partition *p, struct vp *vp)
{
    hv_status st;

    synic_cancel(parent_synic(vp), &vp->intercept_message);
    synic_cancel(parent_synic(vp), &vp->eoi_message);
    stimers_destroy(vp->stimers);
    synic_destroy(&vp->synic);
    lapic_destroy(&vp->lapic);
    timer_cancel(&vp->lapic_timer);
    limits_leave(vp);
    st = partition_overlay(p, &vp->assist_overlay, false, 0, vp->assist_page, 0);
    BUG_ON(st != HV_STATUS_SUCCESS);
    st = partition_overlay(p, &vp->stats_overlay, false, 0, vp->stats_page, 0);
    BUG_ON(st != HV_STATUS_SUCCESS);
    st = partition_overlay(p->parent, &vp->parent_stats_overlay, false, 0, vp->stats_page, 0);
    BUG_ON(st != HV_STATUS_SUCCESS);
    __atomic_store_n(&p->vps[vp->index], NULL, __ATOMIC_RELEASE);
    if (--p->vp_count == 0)
        payer_forget(p);
    p->dying = vp;
    vp->grace = grace_begin();
}

/* True: the VP that is going is gone, nobody could be using it any more. */
static bool dying_free(struct partition *p)
{
    struct vp *vp = p->dying;

    if (!grace_over(vp->grace) || __atomic_load_n(&vp->users, __ATOMIC_ACQUIRE) != 0)
        return false;
    p->dying = NULL;
    vp_free(vp);
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    return true;
}

hv_status vp_delete(struct partition *p, uint32_t index, bool *again)
{
    struct vp *vp;

    *again = true;
    if (p->dying != NULL) {
        bool wanted = p->dying->index == index; /* otherwise that one first */

        *again = !dying_free(p) || !wanted;
        return HV_STATUS_SUCCESS;
    }
    vp = partition_vp(p, index);
    if (vp == NULL) {
        *again = false;
        return HV_STATUS_INVALID_VP_INDEX;
    }
    __atomic_fetch_or(&vp->suspend, VP_SUSPEND_DEAD, __ATOMIC_SEQ_CST);
    if (sched_detach(vp))
        vp_unpublish(p, vp);
    return HV_STATUS_SUCCESS;
}

/* SDM vol. 3A, 9.1: the BSP starts at the reset vector, the others wait for a start-up IPI. */
void vp_init_signal(struct vp *vp)
{
    eoi_assist_withdraw(vp);
    lapic_reset(&vp->lapic);
    virt_vp_reset(vp);
    speculation_set_spec_ctrl(vp, 0);
    vp->offered = -1;
    vp->nmi_pending = false;
    vp->nmi_masked = false;
    vp->activity = vp->lapic.bsp ? VP_ACTIVITY_RUN : VP_ACTIVITY_WAIT_SIPI;
}
