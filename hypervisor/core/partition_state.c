/* SPDX-License-Identifier: MIT */
/* core/partition_state.c - see core/partition_state.h.
 * Rule: restore checks everything, then changes anything: what it is given may be hostile. */
#include "core/partition_state.h"

#include <hvabi/msr.h>
#include <rt/mem.h>
#include <x86/insn.h>
#include "core/partition.h"
#include "debug/log.h"
#include "mm/phys.h"

#define IO_PAGES (PARTITION_STATE_IO_BYTES / PAGE_SIZE)
_Static_assert(IO_PAGES == ARRAY_SIZE(((struct intercept_table *)0)->io),
               "a page for each quarter");

/* ---- save ---- */

void partition_save(struct partition *p, struct saved_partition *out)
{
    memset(out, 0, sizeof(*out)); /* too large for a literal on this stack */
    out->version = PARTITION_STATE_VERSION;
    out->size = sizeof(*out);
    out->creation_flags = p->creation_flags;
    out->privileges = p->privileges;
    out->tsc_hz = tsc_hz;
    out->tsc = insn_rdtsc() + p->tsc_offset;
    out->cpu_weight = p->cpu_weight;
    out->cpu_cap = p->cpu_cap;
    out->cpu_reserve = p->cpu_reserve;
    out->suspended = p->suspended;
    out->guest_os_id = p->guest_os_id;
    out->hypercall_msr = p->hypercall_msr;
    out->reference_tsc_msr = p->reference_tsc_msr;
    out->intercept_msr = p->intercepts.msr;
    out->intercept_cpuid = p->intercepts.cpuid;
    out->intercept_exceptions = p->intercepts.exceptions;
    out->intercept_msr_index = p->intercepts.msr_index;
    out->tsc_invariant = p->tsc_invariant;
    memcpy(out->crash, p->crash, sizeof(out->crash));
    reftime_save(&p->reftime, &out->reftime);
    cpuid_save(p->cpuid, &out->cpuid);
    for (size_t i = 0; i < IO_PAGES; i++)
        if (p->intercepts.io[i] != NULL)
            memcpy(out->intercept_io + i * PAGE_SIZE, p->intercepts.io[i], PAGE_SIZE);
}

/* ---- check ---- */

static bool is_fresh(const struct partition *p)
{
    bool fresh = p->state == PARTITION_INITIALIZED && p->vp_count == 0 &&
                 !p->hypercall_overlay.placed && !p->reference_tsc_overlay.placed;

    for (size_t i = 0; i < IO_PAGES; i++)
        fresh = fresh && p->intercepts.io[i] == NULL;
    return fresh;
}

/* What is fixed when a partition is initialised cannot come from a state. */
static bool identity_valid(const struct partition *p, const struct saved_partition *in)
{
    return in->version == PARTITION_STATE_VERSION && in->size == sizeof(*in) &&
           in->creation_flags == p->creation_flags && in->privileges == p->privileges &&
           in->tsc_hz == tsc_hz;
}

/* Whether there is room for the reserve turns out when the VPs are created. */
static bool scheduling_valid(const struct saved_partition *in)
{
    return in->cpu_weight >= HV_PARTITION_CPU_WEIGHT_MIN &&
           in->cpu_weight <= HV_PARTITION_CPU_WEIGHT_MAX &&
           in->cpu_cap <= HV_PARTITION_CPU_CAP_MAX && in->cpu_reserve <= in->cpu_cap &&
           in->suspended <= 1;
}

static bool intercepts_valid(const struct saved_partition *in)
{
    const uint32_t rw = HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE;

    return !(in->intercept_msr & ~rw) &&
           !(in->intercept_cpuid & ~HV_INTERCEPT_ACCESS_MASK_EXECUTE) &&
           !(in->intercept_msr_index & ~(uint32_t)(INTERCEPT_MSR_CRASH | INTERCEPT_MSR_RESET));
}

/* Only who has the privilege can have said so. */
static bool tsc_valid(const struct partition *p, const struct saved_partition *in)
{
    return in->tsc_invariant == 0 || (in->tsc_invariant == HV_TSC_INVARIANT_EXPOSE &&
                                      (p->privileges & HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS));
}

/* TLFS 6.0b, 3.13: the hypercall page lies in the space, and without an OS id nowhere. */
static bool hypercall_valid(const struct partition *p, const struct saved_partition *in)
{
    return !(in->hypercall_msr & HV_X64_MSR_HYPERCALL_ENABLE) ||
           (in->guest_os_id != 0 && (in->hypercall_msr & HV_X64_MSR_PAGE_GPA_MASK) < p->slat.limit);
}

/* ---- restore ---- */

static void forget_io(struct partition *p)
{
    for (size_t i = 0; i < IO_PAGES; i++) {
        if (p->intercepts.io[i] != NULL)
            pool_page_free(&p->pool, ptr_hpa(p->intercepts.io[i]));
        p->intercepts.io[i] = NULL;
    }
}

static bool is_empty(const uint8_t *page)
{
    uint8_t any = 0;

    for (size_t i = 0; i < PAGE_SIZE; i++)
        any |= page[i];
    return any == 0;
}

static hv_status io_restore(struct partition *p, const struct saved_partition *in)
{
    for (size_t i = 0; i < IO_PAGES; i++) {
        const uint8_t *from = in->intercept_io + i * PAGE_SIZE;
        hpa_t page;

        if (is_empty(from))
            continue;
        hv_status st = pool_page_alloc(&p->pool, &page);
        if (st != HV_STATUS_SUCCESS) {
            forget_io(p);
            return st;
        }
        memcpy(hpa_ptr(page), from, PAGE_SIZE);
        p->intercepts.io[i] = hpa_ptr(page);
    }
    return HV_STATUS_SUCCESS;
}

static hv_status overlay_restore(struct partition *p, struct overlay *o, uint64_t msr, void *page,
                                 unsigned access)
{
    return partition_overlay(p, o, msr & HV_X64_MSR_PAGE_ENABLE, msr >> HV_X64_MSR_PAGE_SHIFT,
                             ptr_hpa(page), access);
}

static hv_status overlays_restore(struct partition *p, const struct saved_partition *in)
{
    hv_status st = overlay_restore(p, &p->hypercall_overlay, in->hypercall_msr, p->hypercall_page,
                                   SLAT_READ | SLAT_EXECUTE);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = overlay_restore(p, &p->reference_tsc_overlay, in->reference_tsc_msr, p->reference_tsc_page,
                         SLAT_READ);
    if (st != HV_STATUS_INSUFFICIENT_MEMORY)
        return HV_STATUS_SUCCESS; /* beyond the space it is just not accessible */
    hv_status undone = overlay_restore(p, &p->hypercall_overlay, 0, p->hypercall_page, 0);
    BUG_ON(undone != HV_STATUS_SUCCESS);
    return st;
}

/* All that can run out of memory. */
static hv_status memory_restore(struct partition *p, const struct saved_partition *in)
{
    hv_status st = io_restore(p, in);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = overlays_restore(p, in);
    if (st != HV_STATUS_SUCCESS)
        forget_io(p);
    return st;
}

/* @fresh has taken @in before: it cannot refuse it now. */
static void time_restore(struct partition *p, const struct reftime *restored,
                         const struct saved_partition *in)
{
    struct hv_reference_tsc_page *page = p->reference_tsc_page;

    p->tsc_offset = in->tsc - insn_rdtsc();
    p->reftime = *restored;
    reftime_attach_page(&p->reftime, page); /* frozen until a VP starts */
}

hv_status partition_restore(struct partition *p, const struct saved_partition *in)
{
    struct reftime restored;
    hv_status st;

    if (!is_fresh(p))
        return HV_STATUS_INVALID_PARTITION_STATE;
    if (!identity_valid(p, in) || !scheduling_valid(in) || !intercepts_valid(in) ||
        !hypercall_valid(p, in) || !tsc_valid(p, in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    if (!cpuid_state_matches(p->cpuid, &in->cpuid))
        return HV_STATUS_CPUID_FEATURE_VALIDATION_ERROR;
    reftime_init(&restored, p->tsc_offset, tsc_hz, tsc_synchronised);
    st = reftime_restore(&restored, &in->reftime);
    if (st == HV_STATUS_SUCCESS)
        st = memory_restore(p, in);
    if (st != HV_STATUS_SUCCESS)
        return st;
    time_restore(p, &restored, in);
    p->cpu_weight = in->cpu_weight;
    p->cpu_cap = in->cpu_cap;
    p->cpu_reserve = in->cpu_reserve;
    p->suspended = in->suspended;
    p->guest_os_id = in->guest_os_id;
    p->hypercall_msr = in->hypercall_msr;
    p->reference_tsc_msr = in->reference_tsc_msr;
    memcpy(p->crash, in->crash, sizeof(p->crash));
    p->intercepts.msr = in->intercept_msr;
    p->intercepts.cpuid = in->intercept_cpuid;
    p->intercepts.exceptions = in->intercept_exceptions;
    p->intercepts.msr_index = in->intercept_msr_index;
    p->tsc_invariant = in->tsc_invariant;
    cpuid_show_invariant_tsc(p->cpuid, in->tsc_invariant != 0);
    return HV_STATUS_SUCCESS;
}
