/* SPDX-License-Identifier: MIT */
/* floods.c - messages, events, EOMs and IPIs as fast as they go; all VPs take part. Arguments:
 * count=N of each VP (0: without end), conn=N instead of the connection that root has set up. */
#include <hvabi/msr.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <x86/apic.h>
#include <x86/insn.h>

#include "crash.h"

#define VECTOR_FLOOD 0x40

static struct {
    uint64_t count; /* of each VP; 0: no end */
    uint32_t connection;
    uint32_t finished;                 /* [a] VPs */
    uint64_t accepted, refused, wrong; /* [a] by status: success, a full queue, what must not be */
    void (*step)(void);
} flood;

static void flood_run(void)
{
    for (uint64_t i = 0; !flood.count || i < flood.count; i++)
        flood.step();
    __atomic_fetch_add(&flood.finished, 1, __ATOMIC_RELEASE); /* pairs with flood_start() */
}

static uint8_t flood_start(const struct guest_boot *boot, uint32_t connection, void (*step)(void))
{
    flood.count = guest_arg_number(guest_command_line(), "count", 0);
    flood.connection = (uint32_t)guest_arg_number(guest_command_line(), "conn", connection);
    flood.step = step;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    guest_others_start(boot, flood_run);
    flood_run();
    while (__atomic_load_n(&flood.finished, __ATOMIC_ACQUIRE) < boot->vp_count)
        insn_pause();
    guest_printf("crash: flood accepted=%llu refused=%llu wrong=%llu\n",
                 (unsigned long long)flood.accepted, (unsigned long long)flood.refused,
                 (unsigned long long)flood.wrong);
    return flood.wrong ? GUEST_EXIT_FAILED : GUEST_EXIT_OK;
}

/* Count @status; @full is the one by which the port says that it has no room. */
static void status_count(hv_status status, hv_status full)
{
    hv_status unknown = flood.connection ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;

    if (status == HV_STATUS_SUCCESS)
        __atomic_fetch_add(&flood.accepted, 1, __ATOMIC_RELAXED);
    else if (status == full || status == unknown)
        __atomic_fetch_add(&flood.refused, 1, __ATOMIC_RELAXED);
    else
        __atomic_fetch_add(&flood.wrong, 1, __ATOMIC_RELAXED);
}

static void message_step(void)
{
    static const uint8_t payload[HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT] = {0x5a};

    status_count(hv_call_post_message(guest_client(), flood.connection, 1, payload, sizeof payload),
                 HV_STATUS_INSUFFICIENT_BUFFERS);
}

static void event_step(void)
{
    status_count(hv_call_signal_event(guest_client(), flood.connection, 0), HV_STATUS_SUCCESS);
}

static void eom_step(void)
{
    insn_wrmsr(HV_X64_MSR_EOM, 0);
}

static void flood_handler(struct guest_frame *frame)
{
    (void)frame;
    guest_apic_eoi();
}

/* To everybody, us included; then take what has come. */
static void ipi_step(void)
{
    guest_apic_ipi(0, APIC_ICR_SHORTHAND_ALL | APIC_ICR_LEVEL_ASSERT | VECTOR_FLOOD);
    insn_sti_nop_cli();
}

uint8_t attack_msgflood(const struct guest_boot *boot)
{
    return flood_start(boot, boot->message_connection, message_step);
}

uint8_t attack_eventflood(const struct guest_boot *boot)
{
    return flood_start(boot, boot->event_connection, event_step);
}

uint8_t attack_eomflood(const struct guest_boot *boot)
{
    return flood_start(boot, 0, eom_step);
}

uint8_t attack_ipiflood(const struct guest_boot *boot)
{
    guest_handler_set(VECTOR_FLOOD, flood_handler);
    return flood_start(boot, 0, ipi_step);
}
