/* SPDX-License-Identifier: MIT */
/* core/property.c - partition properties. TLFS 2.0A, 5.2.2. */
#include "core/partition.h"

#include <hvabi/partition.h>
#include "core/timer.h"
#include "core/vp.h"

hv_status partition_property_get(struct partition *p, uint32_t code, uint64_t *value)
{
    switch (code) {
    case HvPartitionPropertyPrivilegeFlags:
        *value = p->privileges;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertySuspend:
        *value = p->suspended;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyCpuReserve:
        *value = p->cpu_reserve;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyCpuCap:
        *value = p->cpu_cap;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyCpuWeight:
        *value = p->cpu_weight;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyReferenceTime:
        *value = p->state == PARTITION_INITIALIZED ? reftime_now(&p->reftime) : 0;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyProcessorVendor:
        *value = HvProcessorVendorAmd;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyProcessorClockFrequency:
        *value = tsc_hz;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyGuestOsId:
        *value = p->guest_os_id;
        return HV_STATUS_SUCCESS;
    default:
        return HV_STATUS_UNKNOWN_PROPERTY;
    }
}

static void set_weight(struct partition *p, uint32_t weight)
{
    p->cpu_weight = weight;
    for (uint32_t i = 0; i < p->vp_highest; i++) {
        struct vp *vp = partition_vp(p, i);
        if (vp != NULL)
            __atomic_store_n(&vp->sched.weight, weight, __ATOMIC_RELAXED);
    }
}

/* TLFS 2.0A, 18.2: a reserve is no larger than the cap, and all reserves no larger than the LPs.
 * Root lives by its budget (docs/scheduling.md). */
static hv_status set_limits(struct partition *p, uint64_t cap, uint64_t reserve)
{
    if (p->is_root)
        return HV_STATUS_OPERATION_DENIED;
    if (cap > HV_PARTITION_CPU_CAP_MAX || reserve > cap ||
        !limits_set(p, (uint32_t)cap, (uint32_t)reserve))
        return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
    p->cpu_cap = (uint32_t)cap;
    p->cpu_reserve = (uint32_t)reserve;
    return HV_STATUS_SUCCESS;
}

/* Time stands still while all VPs are explicitly suspended, or the partition is. Root's goes on. */
static bool clock_runs(struct partition *p)
{
    for (uint32_t i = 0; i < p->vp_highest && !p->suspended; i++) {
        const struct vp *vp = partition_vp(p, i);
        if (vp != NULL && !(__atomic_load_n(&vp->suspend, __ATOMIC_RELAXED) & VP_SUSPEND_EXPLICIT))
            return true;
    }
    return p->is_root;
}

static void timers_each(struct partition *p, void (*act)(struct stimers *))
{
    for (uint32_t i = 0; i < p->vp_highest; i++) {
        const struct vp *vp = partition_vp(p, i);
        if (vp != NULL)
            act(vp->stimers);
    }
}

void partition_clock_update(struct partition *p)
{
    bool runs = clock_runs(p);

    if (runs != p->reftime.frozen)
        return;
    if (!runs)
        timers_each(p, stimers_pause);
    spin_lock(&p->msr_lock);
    if (runs)
        reftime_thaw(&p->reftime, p->tsc_offset);
    else
        reftime_freeze(&p->reftime);
    spin_unlock(&p->msr_lock);
    if (runs)
        timers_each(p, stimers_resume);
}

static void set_suspended(struct partition *p, bool suspended)
{
    p->suspended = suspended;
    partition_clock_update(p);
    for (uint32_t i = 0; i < p->vp_highest; i++) {
        struct vp *vp = partition_vp(p, i);
        if (vp != NULL && suspended)
            vp_suspend(vp, VP_SUSPEND_PARTITION);
        else if (vp != NULL)
            vp_resume(vp, VP_SUSPEND_PARTITION);
    }
}

hv_status partition_property_set(struct partition *p, uint32_t code, uint64_t value)
{
    switch (code) {
    case HvPartitionPropertyPrivilegeFlags:
        if (p->is_root || p->state != PARTITION_CREATED)
            return HV_STATUS_INVALID_PARTITION_STATE;
        if (value & ~p->parent->privileges)
            return HV_STATUS_ACCESS_DENIED; /* nobody gives what he does not have */
        p->privileges = value;
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyCpuWeight:
        if (value < HV_PARTITION_CPU_WEIGHT_MIN || value > HV_PARTITION_CPU_WEIGHT_MAX)
            return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
        set_weight(p, (uint32_t)value);
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertySuspend:
        if (value > 1)
            return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
        if (p->is_root)
            return HV_STATUS_OPERATION_DENIED;
        set_suspended(p, value);
        return HV_STATUS_SUCCESS;
    case HvPartitionPropertyCpuReserve:
        return set_limits(p, p->cpu_cap, value);
    case HvPartitionPropertyCpuCap:
        return set_limits(p, value, p->cpu_reserve);
    default:
        return HV_STATUS_UNKNOWN_PROPERTY;
    }
}
