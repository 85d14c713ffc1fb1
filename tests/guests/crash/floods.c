/* SPDX-License-Identifier: MIT */
/* floods.c - messages, events, EOMs, IPIs, timers, reports, console output and ports as fast as they
 * go; all VPs take part. Arguments: count=N of each VP (0: without end), conn=N instead of the
 * connection that root has set up. */
#include <hvabi/msr.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <hvabi/synic.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/exception.h>
#include <x86/insn.h>

#include "crash.h"

#define PORT_CLOCK_INDEX 0x70
#define PORT_CLOCK_DATA  0x71
#define PORT_LINE_STATUS 0x3fd /* of COM1 */

#define VECTOR_FLOOD 0x40
#define VECTOR_TIMER 0x41 /* and the next HV_STIMER_COUNT */

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

/* Everybody's translations, ours included. */
static void flush_step(void)
{
    struct hv_input_flush_virtual_address_space *in = guest_client()->input;

    *in = (struct hv_input_flush_virtual_address_space){
        .flags = HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES};
    status_count(hv_client_call(guest_client(), HvCallFlushVirtualAddressSpace), HV_STATUS_SUCCESS);
}

/* An interrupt for each VP there can be, by hypercall; then take what has come. */
static void cluster_step(void)
{
    struct hv_input_send_synthetic_cluster_ipi_ex *in = guest_client()->input;

    *in = (struct hv_input_send_synthetic_cluster_ipi_ex){.vector = VECTOR_FLOOD,
                                                          .vp_set_format = HvGenericSetAll};
    status_count(hv_client_call(guest_client(), HvCallSendSyntheticClusterIpiEx),
                 HV_STATUS_SUCCESS);
    insn_sti_nop_cli();
}

/* Everybody else; NMIs are taken whatever IF is. */
static void nmi_step(void)
{
    guest_apic_ipi(0, APIC_ICR_SHORTHAND_OTHERS | APIC_DELIVERY_NMI | APIC_ICR_LEVEL_ASSERT);
}

static void nmi_handler(struct guest_frame *frame)
{
    (void)frame;
}

/* Every timer of this VP, as often as it can, each with its own interrupt. */
static void timers_start(void)
{
    for (uint32_t i = 0; i < HV_STIMER_COUNT; i++) {
        insn_wrmsr(HV_X64_MSR_STIMER0_COUNT + 2 * i, 1);
        insn_wrmsr(HV_X64_MSR_STIMER0_CONFIG + 2 * i,
                   HV_STIMER_ENABLE | HV_STIMER_PERIODIC | HV_STIMER_DIRECT_MODE |
                       (uint64_t)(VECTOR_TIMER + 1 + i) << HV_STIMER_APIC_VECTOR_SHIFT);
    }
    guest_apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    guest_apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | VECTOR_TIMER);
    guest_apic_write(APIC_TIMER_INITIAL, 1);
}

static void timer_step(void)
{
    static uint8_t started[GUEST_CPU_MAX];
    uint8_t *mine = &started[guest_cpu_this()->index];

    if (!*mine)
        timers_start();
    *mine = 1;
    insn_sti_nop_cli();
}

/* "The operating system has crashed", with a message at the end of all addresses. */
static void report_step(void)
{
    for (uint32_t msr = HV_X64_MSR_CRASH_P0; msr <= HV_X64_MSR_CRASH_CTL; msr++)
        insn_wrmsr(msr, UINT64_MAX);
}

static void print_step(void)
{
    guest_printf("crash: flood\n");
}

static void console_step(void)
{
    (void)insn_in8(GUEST_PORT_CONSOLE);
}

/* Devices that a child's worker answers for: the clock's seconds, and whether COM1 has room. */
static void port_step(void)
{
    insn_out8(PORT_CLOCK_INDEX, 0);
    insn_in8(PORT_CLOCK_DATA);
    insn_in8(PORT_LINE_STATUS);
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

uint8_t attack_flushflood(const struct guest_boot *boot)
{
    return flood_start(boot, 0, flush_step);
}

uint8_t attack_clusterflood(const struct guest_boot *boot)
{
    guest_handler_set(VECTOR_FLOOD, flood_handler);
    return flood_start(boot, 0, cluster_step);
}

uint8_t attack_nmiflood(const struct guest_boot *boot)
{
    guest_handler_set(EXCEPTION_NMI, nmi_handler);
    return flood_start(boot, 0, nmi_step);
}

/* VP 0 starts the others over and over again, in real mode. */
uint8_t attack_initflood(const struct guest_boot *boot)
{
    static const uint8_t halt_loop[] = {0xf4, 0xeb, 0xfd}; /* HLT; JMP to it */
    const uint32_t page = (uint32_t)(GUEST_BOOT_TRAMPOLINE_GPA / HV_PAGE_SIZE);

    (void)boot;
    memcpy((void *)(uintptr_t)GUEST_BOOT_TRAMPOLINE_GPA, halt_loop, sizeof halt_loop);
    for (;;) {
        guest_apic_ipi(0, APIC_ICR_SHORTHAND_OTHERS | APIC_DELIVERY_INIT | APIC_ICR_LEVEL_ASSERT);
        guest_apic_ipi(0, APIC_ICR_SHORTHAND_OTHERS | APIC_DELIVERY_STARTUP |
                              APIC_ICR_LEVEL_ASSERT | page);
    }
}

uint8_t attack_timerflood(const struct guest_boot *boot)
{
    for (uint32_t i = 0; i <= HV_STIMER_COUNT; i++)
        guest_handler_set(VECTOR_TIMER + i, flood_handler);
    return flood_start(boot, 0, timer_step);
}

uint8_t attack_reportflood(const struct guest_boot *boot)
{
    return flood_start(boot, 0, report_step);
}

uint8_t attack_printflood(const struct guest_boot *boot)
{
    return flood_start(boot, 0, print_step);
}

uint8_t attack_consoleflood(const struct guest_boot *boot)
{
    return flood_start(boot, 0, console_step);
}

uint8_t attack_portflood(const struct guest_boot *boot)
{
    return flood_start(boot, 0, port_step);
}
