/* SPDX-License-Identifier: MIT */
/* hvabi/stats.h - what a virtual processor's statistics page counts. TLFS 2.0a, chapter 21, leaves
 * the list of counters to the hypervisor; this is ours. Mapped by HvCallMapStatsPage in the parent
 * and by HV_X64_MSR_STATS_VP_RETAIL_PAGE in the VP itself.
 *
 * The page is an array of 64-bit counters that only grow. They are read without a lock: two of them
 * may belong to different moments. */
#ifndef HVABI_STATS_H
#define HVABI_STATS_H

#include <hvabi/types.h>

enum {
    HvStatsVpTotalExits = 0,
    HvStatsVpHypervisorTicks = 1, /* reserved, 0 */
    HvStatsVpExitFirst = 16,      /* one counter for each entry of HV_STATS_VP_EXITS, in order */
};

/* Why a VP leaves guest mode: X(CONSTANT, name). Entries are only appended. */
#define HV_STATS_VP_EXITS(X)                                                                       \
    X(INTERRUPT, interrupt)               /* a physical interrupt or NMI is pending on the LP */   \
    X(INTERRUPT_WINDOW, interrupt_window) /* the guest can take an interrupt now */                \
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
    X(RDTSCP, rdtscp)                                                                              \
    X(CACHE_FLUSH, cache_flush)           /* WBINVD, INVD */                                       \
    X(UNDEFINED, undefined)               /* an instruction that the VP does not have: #UD */      \
    X(EXCEPTION, exception)                                                                        \
    X(PAUSE, pause)                                                                                \
    X(SHUTDOWN, shutdown)                 /* triple fault */                                       \
    X(INVALID_STATE, invalid_state)       /* the hardware refused the VP's register values */

#endif
