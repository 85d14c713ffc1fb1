/* SPDX-License-Identifier: MIT */
/* vmwp/device/device.h - what a worker's devices need from around them. It is injected, so that
 * host tests drive them; the worker's main loop does it with the partition file, and with the
 * service.
 *
 * Rules of all devices: one thread; no allocation, no waiting; the child gives them any access of
 * any size at any time, and they stay within their state. A device does not call another: it says
 * what its interrupt line is (x_line), when it next wants to be called (x_deadline), and the
 * machine does the rest. All state that outlives a call is in one versioned structure, x_state. */
#ifndef USER_VMWP_DEVICE_H
#define USER_VMWP_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_NO_DEADLINE UINT64_MAX

enum machine_end {
    MACHINE_END_POWER_OFF,
    MACHINE_END_RESET,
    MACHINE_END_EXIT, /* with a status */
};

struct device_host {
    void *context;
    /* An interrupt message to the local APICs. @delivery_mode: HvX64InterruptType*; @level: its EOI
     * comes back by machine_eoi(). */
    void (*interrupt)(void *context, uint32_t vector, uint32_t destination, bool logical,
                      uint32_t delivery_mode, bool level);
    uint64_t (*now_ns)(void *context);      /* never goes back */
    int64_t (*wall_seconds)(void *context); /* since 1970, UTC */
    void (*console_out)(void *context, const uint8_t *bytes, size_t count);
    /* The child is over. It is called at most once; accesses that follow are harmless. */
    void (*end)(void *context, enum machine_end how, uint32_t status);
};

#endif
