/* SPDX-License-Identifier: MIT */
/* core/partition_state.h - the state of a partition outside of it: for save, restore and migration.
 *
 * Its memory is its parent's to save; its VPs (core/vp_state.h), ports and connections
 * (synic/port_state.h) have structures of their own. To restore: create and initialise a partition
 * with the flags and privileges of the saved one and give it its memory, then its state here, then
 * create the VPs. */
#ifndef CORE_PARTITION_STATE_H
#define CORE_PARTITION_STATE_H

#include <hvabi/layout.h>
#include "core/types.h"
#include "emul/cpuid_state.h"
#include "synic/reftime.h"

struct partition;

#define PARTITION_STATE_VERSION  2u
#define PARTITION_STATE_IO_BYTES 16384u /* two bits a port */

/* Fields are only appended, together with an increment of the version. */
struct saved_partition {
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    uint64_t creation_flags;
    uint64_t privileges;
    uint64_t tsc_hz; /* of its VPs' TSCs */
    uint64_t tsc;    /* of its VPs, but for what they wrote to it themselves */
    struct reftime_state reftime;
    uint32_t cpu_weight;
    uint32_t cpu_cap;
    uint32_t cpu_reserve;
    uint32_t suspended; /* 0 or 1: HvPartitionPropertySuspend */
    uint64_t guest_os_id;
    uint64_t hypercall_msr;
    uint64_t reference_tsc_msr;
    uint64_t crash[6];
    uint32_t intercept_msr; /* access masks, as HvCallInstallIntercept has them */
    uint32_t intercept_cpuid;
    uint32_t intercept_exceptions; /* bit by vector */
    uint32_t intercept_msr_index;  /* INTERCEPT_MSR_* */
    struct cpuid_state cpuid;      /* what its VPs see */
    uint8_t intercept_io[PARTITION_STATE_IO_BYTES];
    uint64_t tsc_invariant; /* HV_X64_MSR_TSC_INVARIANT_CONTROL */
};
ABI_OFFSET(struct saved_partition, reftime, 40);
ABI_OFFSET(struct saved_partition, guest_os_id, 80);
ABI_OFFSET(struct saved_partition, intercept_msr, 152);
ABI_OFFSET(struct saved_partition, cpuid, 168);
ABI_OFFSET(struct saved_partition, intercept_io, 1568);
ABI_OFFSET(struct saved_partition, tsc_invariant, 17952);
ABI_SIZE(struct saved_partition, 17960);

/* @p is initialised, and none of its VPs runs meanwhile. Caller holds its lock. */
void partition_save(struct partition *p, struct saved_partition *out);

/* Make @p what @in says. Its reference time goes on from the saved time. Caller holds its lock.
 * HV_STATUS_INVALID_PARTITION_STATE: not initialised, or it has VPs or intercepts already.
 * HV_STATUS_INVALID_SAVE_RESTORE_STATE: not a state, or of a partition with other flags,
 *   privileges or TSC frequency.
 * HV_STATUS_CPUID_FEATURE_VALIDATION_ERROR: this machine does not show its VPs what they have seen.
 * HV_STATUS_INSUFFICIENT_MEMORY. Nothing has changed then. */
hv_status partition_restore(struct partition *p, const struct saved_partition *in) MUST_CHECK;

#endif
