/* SPDX-License-Identifier: MIT */
/* core/config.h - constant choices of the build; every one is compiled, 0 drops it. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#ifndef HV_DEBUG
#define HV_DEBUG 0
#endif

/* Check each VMCB against the manual's list before VMRUN. */
#define HV_CHECK_VMCB HV_DEBUG

/* Serial port of the hypervisor's own messages: COM1. */
#define HV_LOG_PORT 0x3f8

#endif
