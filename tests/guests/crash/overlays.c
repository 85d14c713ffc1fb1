/* SPDX-License-Identifier: MIT */
/* overlays.c - all the pages that a guest may lay over its memory, at one place, over each other;
 * and the hypercall page taken away under a VP that calls through it. What was underneath must come
 * back as it was. */
#include <hvabi/msr.h>
#include <kern/guest_cpu.h>
#include <rt/mem.h>
#include <x86/exception.h>
#include <x86/insn.h>

#include "crash.h"

#define PATTERN      0xa5
#define PATTERN_WORD 0xa5a5a5a5a5a5a5a5ull
#define OPCODE_RET   0xc3

static const uint32_t overlays[] = {
    HV_X64_MSR_HYPERCALL,     HV_X64_MSR_SIMP,           HV_X64_MSR_SIEFP,
    HV_X64_MSR_REFERENCE_TSC, HV_X64_MSR_VP_ASSIST_PAGE, HV_X64_MSR_STATS_VP_RETAIL_PAGE,
};
#define OVERLAYS (sizeof overlays / sizeof overlays[0])

static _Alignas(HV_PAGE_SIZE) uint8_t place[HV_PAGE_SIZE];

static void store(uint64_t value)
{
    *(volatile uint64_t *)(uintptr_t)place = value;
}

/* Lay all of them down, the @first first, and pick them up again in steps of @step. */
static bool stack_try(size_t first, size_t step)
{
    const uint64_t enabled = (uintptr_t)place | HV_X64_MSR_PAGE_ENABLE;
    const struct hv_client *client = guest_client();
    bool ok = true;

    memset(place, PATTERN, sizeof place);
    for (size_t i = 0; i < OVERLAYS; i++) {
        uint32_t msr = overlays[(first + i) % OVERLAYS];

        insn_wrmsr(msr, enabled);
        ok &= crash_expect("overlay", msr, insn_rdmsr(msr), enabled);
        (void)guest_try(store, PATTERN_WORD); /* #GP where it may only be read */
        /* A message from there, and its input misplaced: whatever the status, it is one. */
        (void)insn_vmmcall3(HvCallPostMessage, (uintptr_t)place, client->output_gpa);
        (void)insn_vmmcall3(HvCallSignalEvent, (uintptr_t)place, (uintptr_t)place);
    }
    for (size_t i = 0; i < OVERLAYS; i++)
        insn_wrmsr(overlays[(first + i * step) % OVERLAYS], 0);
    for (size_t i = 0; i < sizeof place && ok; i++)
        ok &= crash_expect("memory under overlays, byte", i, place[i], PATTERN);
    return ok;
}

uint8_t attack_overlays(const struct guest_boot *boot)
{
    bool ok = true;

    (void)boot;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    for (size_t first = 0; first < OVERLAYS; first++)
        ok &= stack_try(first, 1) && stack_try(first, OVERLAYS - 1);
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}

static void page_call(uint64_t unused)
{
    (void)unused;
    (void)hypercall_invoke(place, HvCallNotifyLongSpinWait | HV_HYPERCALL_FAST, 0, 0);
}

static struct {
    uint32_t callers, wrong; /* [a] */
    bool over;               /* [a] */
} race;

/* Under the page are returns. #UD: the identity went before the page did. */
static void caller_main(void)
{
    while (!__atomic_load_n(&race.over, __ATOMIC_ACQUIRE)) {
        unsigned vector = guest_try(page_call, 0);

        if (vector != GUEST_TRY_DONE && vector != EXCEPTION_UD)
            __atomic_fetch_add(&race.wrong, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&race.callers, 1, __ATOMIC_RELEASE); /* pairs with attack_pagerace() */
}

uint8_t attack_pagerace(const struct guest_boot *boot)
{
    uint64_t count = guest_arg_number(guest_command_line(), "count", 0);

    memset(place, OPCODE_RET, sizeof place);
    race.callers = boot->vp_count - 1;
    guest_others_start(boot, caller_main);
    for (uint64_t i = 0; !count || i < count; i++) {
        insn_wrmsr(HV_X64_MSR_GUEST_OS_ID, HYPERCALL_GUEST_OS_ID);
        insn_wrmsr(HV_X64_MSR_HYPERCALL, (uintptr_t)place | HV_X64_MSR_HYPERCALL_ENABLE);
        page_call(0);
        insn_wrmsr(HV_X64_MSR_GUEST_OS_ID, 0);
    }
    __atomic_store_n(&race.over, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(&race.callers, __ATOMIC_ACQUIRE))
        insn_pause();
    return crash_expect("faults of callers", 0, race.wrong, 0) ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
