/* SPDX-License-Identifier: MIT */
/* hvabi/stats.h - what statistics pages count. TLFS 2.0a, chapter 21, leaves the list of counters to
 * the hypervisor; these are ours. Mapped by HvCallMapStatsPage in root (the hypervisor's) or in the
 * parent (a virtual processor's), and by HV_X64_MSR_STATS_VP_RETAIL_PAGE in the VP itself.
 *
 * A page is an array of 64-bit counters. They are read without a lock: two of them may belong to
 * different moments. */
#ifndef HVABI_STATS_H
#define HVABI_STATS_H

#include <hvabi/types.h>

/* The hypervisor's page: what there is at the moment. The first five are those of TLFS 2.0a, J.1.1,
 * with its indices. */
enum {
    HvStatsHvLogicalProcessors = 1,
    HvStatsHvPartitions = 2,
    HvStatsHvTotalPages = 3, /* kept at boot, and deposited */
    HvStatsHvVirtualProcessors = 4,
    HvStatsHvMonitoredNotifications = 5, /* pages that are monitored, of 128 each */
    HvStatsHvMappedPages = 16,           /* of root, mapped into children; each mapping counts */
    HvStatsHvPorts = 17,
    HvStatsHvConnections = 18,
    HvStatsHvRootPagesInUse = 19,        /* of root's pool */
};

/* A virtual processor's page: counters that only grow. */
enum {
    HvStatsVpTotalExits = 0,
    HvStatsVpGuestTicks = 1, /* see below; 0 unless the hypervisor counts them */
    HvStatsVpCapWaits = 2,   /* times that it had had its CPU cap, and had to wait */
    HvStatsVpExitFirst = 16,      /* one counter for each entry of HV_STATS_VP_EXITS, in order */
};

/* HvStatsVpGuestTicks: TSC ticks in guest mode. While the VP runs the TSC at its entry has been
 * subtracted, so that the VP itself reads, exactly: counter + TSC. From just before the guest's
 * registers are loaded until just after they are stored. boot.cfg: hvdebug = ticks. */

/* Why a VP leaves guest mode: X(CONSTANT, name). Entries are only appended. */
#define HV_STATS_VP_EXITS(X)                                                                       \
    X(INTERRUPT, interrupt)               /* a physical interrupt or NMI is pending on the LP */   \
    X(NMI_WINDOW, nmi_window)                                                                      \
    X(CPUID, cpuid)                                                                                \
    X(HALT, halt)                                                                                  \
    X(HYPERCALL, hypercall)                                                                        \
    X(MSR_READ, msr_read)                                                                          \
    X(MSR_WRITE, msr_write)                                                                        \
    X(IO, io)                                                                                      \
    X(GPA_FAULT, gpa_fault)                                                                        \
    X(CR8_WRITE, cr8_write)                                                                        \
    X(XSETBV, xsetbv)                                                                              \
    X(CACHE_FLUSH, cache_flush)           /* WBINVD, INVD */                                       \
    X(UNDEFINED, undefined)               /* an instruction that the VP does not have: #UD */      \
    X(EXCEPTION, exception)                                                                        \
    X(PAUSE, pause)                                                                                \
    X(SHUTDOWN, shutdown)                 /* triple fault */                                       \
    X(INVALID_STATE, invalid_state)       /* the hardware refused the VP's register values */      \
    X(RDPMC, rdpmc)                       /* of a counter that the VP does not have: #GP */

#endif
