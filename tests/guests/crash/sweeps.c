/* SPDX-License-Identifier: MIT */
/* sweeps.c - every MSR of the architectural, synthetic and AMD ranges is read, written back as read
 * and written with ones; every I/O port but ours is read and written. Faults are counted: what may
 * fault is the hypervisor's decision, that we live is the test. */
#include <hvabi/msr.h>
#include <kern/guest_cpu.h>
#include <x86/insn.h>
#include <x86/msr.h>

#include "crash.h"

#define PORT_COUNT 0x10000u

static struct {
    uint32_t msr;
    uint64_t value;
} access;

static void msr_read(uint64_t unused)
{
    (void)unused;
    access.value = insn_rdmsr(access.msr);
}

static void msr_write(uint64_t value)
{
    insn_wrmsr(access.msr, value);
}

/* Registers whose writing, reading or change ends or stops this guest by design. */
static bool msr_avoided(uint32_t msr)
{
    switch (msr) {
    case HV_X64_MSR_RESET:      /* resets the partition */
    case HV_X64_MSR_GUEST_IDLE: /* reading it halts */
    case HV_X64_MSR_CRASH_CTL:  /* ends the child */
    case MSR_GS_BASE:           /* guest_cpu_this() */
        return true;
    default:
        return false;
    }
}

/* How many of the three accesses faulted. */
static unsigned msr_try(uint32_t msr)
{
    unsigned faults = 0;

    access.msr = msr;
    access.value = 0;
    faults += guest_try(msr_read, 0) != GUEST_TRY_DONE;
    faults += guest_try(msr_write, access.value) != GUEST_TRY_DONE;
    faults += guest_try(msr_write, UINT64_MAX) != GUEST_TRY_DONE;
    return faults;
}

static void msr_range_sweep(uint32_t first, uint32_t last)
{
    uint32_t accesses = 0, faults = 0;

    for (uint32_t msr = first; msr <= last; msr++) {
        if (msr_avoided(msr))
            continue;
        faults += msr_try(msr);
        accesses += 3;
    }
    guest_printf("crash: MSRs %#x to %#x: %u of %u accesses faulted\n", first, last, faults,
                 accesses);
}

uint8_t attack_msrsweep(const struct guest_boot *boot)
{
    /* The three ranges of SVM's MSR permission map (APM vol. 2, 15.11), and the synthetic registers
     */
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00000000u, 0x00001fffu},
        {HV_X64_MSR_SYNTHETIC_FIRST, HV_X64_MSR_SYNTHETIC_FIRST + 0x1ffu},
        {0xc0000000u, 0xc0001fffu},
        {0xc0010000u, 0xc0011fffu},
    };

    (void)boot;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        msr_range_sweep(ranges[i].first, ranges[i].last);
    return GUEST_EXIT_OK;
}

static bool port_is_ours(uint32_t port)
{
    return port == GUEST_PORT_EXIT || port == GUEST_PORT_CONSOLE;
}

/* Whether 4 bytes from @port on leave our ports alone, and stay within the ports there are. */
static bool port_wide(uint32_t port)
{
    for (uint32_t p = port; p < port + 4; p++)
        if (port_is_ours(p))
            return false;
    return port + 4 <= PORT_COUNT && port % 4 == 0;
}

uint8_t attack_portsweep(const struct guest_boot *boot)
{
    uint32_t step = (uint32_t)guest_arg_number(guest_command_line(), "step", 1);

    (void)boot;
    for (uint32_t port = 0; step && port < PORT_COUNT; port += step) {
        if (port_is_ours(port))
            continue;
        insn_out8((uint16_t)port, insn_in8((uint16_t)port));
        if (port_wide(port))
            insn_out32((uint16_t)port, insn_in32((uint16_t)port));
    }
    return GUEST_EXIT_OK;
}
