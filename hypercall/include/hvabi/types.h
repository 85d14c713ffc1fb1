/* SPDX-License-Identifier: MIT */
/* hvabi/types.h - the scalar types of the interface and the special values of identifiers.
 *
 * "TLFS" in these headers is Microsoft's Hypervisor Top Level Functional Specification; where a
 * section is given without a version, it is that of version 6.0b, and "2.0a" names the older one.
 */
#ifndef HVABI_TYPES_H
#define HVABI_TYPES_H

#include <hvabi/layout.h>

typedef uint16_t hv_status;       /* HV_STATUS_*, hvabi/status.h; TLFS 1.7 */
typedef uint64_t hv_partition_id; /* TLFS 4.2 */
typedef uint32_t hv_vp_index;     /* dense, from 0; TLFS 7.8 */
typedef uint32_t hv_port_id;      /* 24 bits, the rest is 0; TLFS 11.10.6 */
typedef uint32_t hv_connection_id;

/* TLFS 4.2: partition identifiers */
#define HV_PARTITION_ID_INVALID 0x0000000000000000ull
#define HV_PARTITION_ID_SELF    0xffffffffffffffffull

/* TLFS 7.8: virtual processor indices */
#define HV_ANY_VP        0xffffffffu
#define HV_VP_INDEX_SELF 0xfffffffeu

/* TLFS 11.10.6, 11.10.7: port and connection identifiers have 24 bits */
#define HV_PORT_ID_MASK       0x00ffffffu
#define HV_CONNECTION_ID_MASK 0x00ffffffu

/* TLFS 1.8: pages */
#define HV_PAGE_SHIFT       12
#define HV_PAGE_SIZE        4096
#define HV_PAGE_NUMBER_MAX  0x000fffffffffffffull
#define HV_LARGE_PAGE_SHIFT 21
#define HV_LARGE_PAGE_SIZE  0x200000

/* TLFS 2.0a, 7.2.1: which node memory is to come from. 0 means any. The identifier is in the low
 * half, the flags are in the high half. */
#define HV_PROXIMITY_DOMAIN_ID_MASK       0x00000000ffffffffull
#define HV_PROXIMITY_DOMAIN_PREFERRED     (1ull << 32)
#define HV_PROXIMITY_DOMAIN_INFO_VALID    (1ull << 63)
#define HV_PROXIMITY_DOMAIN_INFO_RESERVED 0x7ffffffe00000000ull

/* TLFS 15: virtual trust level as hypercall inputs carry it: a byte, 0 is the caller's own */
#define HV_INPUT_VTL_TARGET_MASK 0x0fu
#define HV_INPUT_VTL_USE_TARGET  0x10u

/* TLFS 9.3: memory types as the interface encodes them (those of the PAT) */
enum {
    HvCacheTypeX64Uncached = 0,
    HvCacheTypeX64WriteCombining = 1,
    HvCacheTypeX64WriteThrough = 4,
    HvCacheTypeX64WriteProtected = 5,
    HvCacheTypeX64WriteBack = 6,
};

#endif
