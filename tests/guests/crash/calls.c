/* SPDX-License-Identifier: MIT */
/* calls.c - unknown, malformed and privilege-lacking hypercalls: each must come back with exactly
 * the status that the TLFS names (3.11, appendix B). Where a privilege decides what is checked
 * first, the privileges that CPUID states decide what is expected. */
#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <hvabi/synic.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include <kern/guest_cpu.h>

#include "crash.h"

#define REPS(n)      ((uint64_t)(n) << HV_HYPERCALL_REP_COUNT_SHIFT)
#define START(n)     ((uint64_t)(n) << HV_HYPERCALL_REP_START_SHIFT)
#define VARHEADER(n) ((uint64_t)(n) << HV_HYPERCALL_VARIABLE_HEADER_SHIFT)
#define NOTIFY       (HvCallNotifyLongSpinWait | HV_HYPERCALL_FAST) /* simple, needs no privilege */

#define UNKNOWN_CONNECTION 0x00fffffeu

/* A status, as far as @privilege is held; otherwise the call is denied before it is looked at. */
static hv_status status_if(uint64_t privilege, hv_status status)
{
    return guest_privileges() & privilege ? status : HV_STATUS_ACCESS_DENIED;
}

static bool call_expect(const char *what, uint64_t control, uint64_t input, hv_status wanted)
{
    uint64_t result = guest_hypercall(control, input, guest_client()->output_gpa);

    return crash_expect(what, control, result & HV_HYPERCALL_RESULT_STATUS_MASK, wanted);
}

static bool unknown_codes(void)
{
    static const uint16_t codes[] = {0x0000, 0x0016, 0x003f, 0x00ff, 0x4000,
                                     0x7fff, 0x8001, 0xbeef, 0xffff};
    bool ok = true;

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        ok &= call_expect("unknown code", codes[i], guest_client()->input_gpa,
                          HV_STATUS_INVALID_HYPERCALL_CODE);
    return ok;
}

static bool reserved_bits(void)
{
    uint64_t reserved = HV_HYPERCALL_RESERVED_MASK | HV_HYPERCALL_NESTED;
    bool ok = true;

    for (unsigned bit = 0; bit < 64; bit++)
        if (reserved >> bit & 1)
            ok &= call_expect("reserved bit", NOTIFY | 1ull << bit, 0,
                              HV_STATUS_INVALID_HYPERCALL_INPUT);
    return ok;
}

static bool simple_calls_with_rep_fields(void)
{
    static const uint64_t extra[] = {REPS(1),      REPS(4095),     START(1),          START(4095),
                                     VARHEADER(1), VARHEADER(511), REPS(1) | START(1)};
    bool ok = true;

    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++)
        ok &= call_expect("rep fields of a simple call", NOTIFY | extra[i], 0,
                          HV_STATUS_INVALID_HYPERCALL_INPUT);
    return ok;
}

/* Which of the two is expected of them, once. */
static void rep_counts_announce(bool privileged)
{
    static bool announced;

    if (!announced)
        guest_printf("crash: rep counts: %s\n", privileged ? "checked" : "denied");
    announced = true;
}

static bool rep_counts(void)
{
    static const struct {
        uint64_t fields;
        hv_status status;
    } cases[] = {
        {REPS(0), HV_STATUS_INVALID_HYPERCALL_INPUT},
        {REPS(1) | START(1), HV_STATUS_INVALID_HYPERCALL_INPUT},
        {REPS(1) | START(2), HV_STATUS_INVALID_HYPERCALL_INPUT},
        {REPS(4095) | START(4095), HV_STATUS_INVALID_HYPERCALL_INPUT},
        {REPS(1) | VARHEADER(1), HV_STATUS_INVALID_HYPERCALL_INPUT},
        {REPS(4095), HV_STATUS_INVALID_ALIGNMENT}, /* the input list leaves the page */
        {REPS(300), HV_STATUS_INVALID_ALIGNMENT},  /* the output list does */
    };
    bool ok = true;

    rep_counts_announce(guest_privileges() & HV_PRIVILEGE_ACCESS_VP_REGISTERS);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ok &= call_expect("rep count", HvCallGetVpRegisters | cases[i].fields,
                          guest_client()->input_gpa,
                          status_if(HV_PRIVILEGE_ACCESS_VP_REGISTERS, cases[i].status));
    return ok;
}

static bool bad_addresses(const struct guest_boot *boot)
{
    const uint64_t page = guest_client()->input_gpa;
    const uint64_t addresses[] = {
        page + 1,
        page + 2,
        page + 3,
        page + 4,
        page + 5,
        page + 6,
        page + 7,
        page + HV_PAGE_SIZE - 8,
        page + HV_PAGE_SIZE - 248, /* 256 bytes cross the page's end */
        (1ull << 52) - 8,
        1ull << 52,
        UINT64_MAX - 7,
        UINT64_MAX,
    };
    const uint64_t nowhere[] = {boot->memory_size, APIC_DEFAULT_BASE};
    hv_status wanted = status_if(HV_PRIVILEGE_POST_MESSAGES, HV_STATUS_INVALID_ALIGNMENT);
    bool ok = true;

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        ok &= call_expect("input address", HvCallPostMessage, addresses[i], wanted);
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        ok &= call_expect("input where no memory is", HvCallPostMessage, nowhere[i],
                          status_if(HV_PRIVILEGE_POST_MESSAGES, HV_STATUS_INVALID_HYPERCALL_INPUT));
    ok &= call_expect("input from the hypercall page", HvCallPostMessage, guest_hypercall_page(),
                      status_if(HV_PRIVILEGE_POST_MESSAGES, HV_STATUS_INVALID_PARAMETER));
    ok &= call_expect("fast form of a call with 256 bytes of input",
                      HvCallPostMessage | HV_HYPERCALL_FAST, 0,
                      status_if(HV_PRIVILEGE_POST_MESSAGES, HV_STATUS_INVALID_HYPERCALL_INPUT));
    return ok;
}

/* A parent's calls, from a child, whoever they name. All inputs begin with a partition. */
static bool denied_calls(void)
{
    static const uint64_t controls[] = {
        HvCallCreatePartition,
        HvCallInitializePartition,
        HvCallFinalizePartition,
        HvCallDeletePartition,
        HvCallGetPartitionProperty,
        HvCallSetPartitionProperty,
        HvCallGetPartitionId,
        HvCallGetNextChildPartition,
        HvCallDepositMemory | REPS(1),
        HvCallWithdrawMemory | REPS(1),
        HvCallGetMemoryBalance,
        HvCallMapGpaPages | REPS(1),
        HvCallUnmapGpaPages | REPS(1),
        HvCallInstallIntercept,
        HvCallCreateVp,
        HvCallDeleteVp,
        HvCallAssertVirtualInterrupt,
        HvCallCreatePort,
        HvCallDeletePort,
        HvCallConnectPort,
        HvCallDisconnectPort,
    };
    static const hv_partition_id partitions[] = {HV_PARTITION_ID_INVALID, 1, 2, 3,
                                                 HV_PARTITION_ID_SELF};
    const struct hv_client *client = guest_client();
    bool ok = true;

    for (size_t p = 0; p < sizeof partitions / sizeof partitions[0]; p++) {
        memset(client->input, 0, HV_PAGE_SIZE);
        memcpy(client->input, &partitions[p], sizeof partitions[p]);
        for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
            ok &= call_expect("a parent's call", controls[i], client->input_gpa,
                              HV_STATUS_ACCESS_DENIED);
    }
    return ok;
}

static bool post_expect(const char *what, uint32_t connection, uint32_t type, uint32_t size,
                        hv_status wanted)
{
    struct hv_input_post_message *in = guest_client()->input;

    *in = (struct hv_input_post_message){
        .connection_id = connection, .message_type = type, .payload_size = size};
    return call_expect(what, HvCallPostMessage, guest_client()->input_gpa,
                       status_if(HV_PRIVILEGE_POST_MESSAGES, wanted));
}

static bool bad_messages(const struct guest_boot *boot)
{
    bool ok = post_expect("unknown connection", UNKNOWN_CONNECTION, 1, 0,
                          HV_STATUS_INVALID_CONNECTION_ID);

    if (!boot->message_connection)
        return ok;
    ok &=
        post_expect("message type 0", boot->message_connection, 0, 0, HV_STATUS_INVALID_PARAMETER);
    ok &= post_expect("hypervisor's message type", boot->message_connection,
                      HV_MESSAGE_TYPE_HYPERVISOR_MASK, 0, HV_STATUS_INVALID_PARAMETER);
    ok &= post_expect("241 bytes", boot->message_connection, 1,
                      HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT + 1, HV_STATUS_INVALID_PARAMETER);
    ok &= post_expect("4 GiB of payload", boot->message_connection, 1, UINT32_MAX,
                      HV_STATUS_INVALID_PARAMETER);
    return ok;
}

static bool bad_events(const struct guest_boot *boot)
{
    const uint64_t control = HvCallSignalEvent | HV_HYPERCALL_FAST;
    bool ok = call_expect("unknown connection", control, UNKNOWN_CONNECTION,
                          status_if(HV_PRIVILEGE_SIGNAL_EVENTS, HV_STATUS_INVALID_CONNECTION_ID));

    if (boot->event_connection)
        ok &= call_expect("event flag 0xffff", control, boot->event_connection | 0xffffull << 32,
                          status_if(HV_PRIVILEGE_SIGNAL_EVENTS, HV_STATUS_INVALID_PARAMETER));
    return ok;
}

static void raw_call(uint64_t control)
{
    (void)insn_vmmcall3(control, 0, 0);
}

static void page_store(uint64_t address)
{
    *(volatile uint8_t *)(uintptr_t)address = 0;
}

static struct {
    uint32_t msr;
    uint64_t value;
} store;

static void msr_store(uint64_t unused)
{
    (void)unused;
    insn_wrmsr(store.msr, store.value);
}

static bool store_expect(const char *what, uint32_t msr, uint64_t value, unsigned wanted)
{
    store.msr = msr;
    store.value = value;
    return crash_expect(what, msr, guest_try(msr_store, 0), wanted);
}

/* Before the page is enabled: no interface yet, and none without a guest OS identity. */
static bool disabled_interface(void)
{
    bool ok =
        crash_expect("VMMCALL without an interface", 0, guest_try(raw_call, NOTIFY), EXCEPTION_UD);

    insn_wrmsr(HV_X64_MSR_HYPERCALL, guest_hypercall_page() | HV_X64_MSR_HYPERCALL_ENABLE);
    ok &= crash_expect("HYPERCALL enabled without GUEST_OS_ID", 0,
                       insn_rdmsr(HV_X64_MSR_HYPERCALL) & HV_X64_MSR_HYPERCALL_ENABLE, 0);
    return ok;
}

static bool faults(void)
{
    const uint64_t beyond = HV_X64_MSR_PAGE_GPA_MASK | HV_X64_MSR_PAGE_ENABLE;
    bool ok = crash_expect("store to the hypercall page", 0,
                           guest_try(page_store, guest_hypercall_page()), EXCEPTION_GP);

    ok &= store_expect("hypercall page beyond the space", HV_X64_MSR_HYPERCALL, beyond,
                       EXCEPTION_GP);
    ok &= store_expect("assist page beyond the space", HV_X64_MSR_VP_ASSIST_PAGE, beyond,
                       EXCEPTION_GP);
    ok &= store_expect("reference TSC page beyond the space", HV_X64_MSR_REFERENCE_TSC, beyond,
                       GUEST_TRY_DONE);
    insn_wrmsr(HV_X64_MSR_REFERENCE_TSC, 0);
    ok &= store_expect("write of a read-only register", HV_X64_MSR_VP_INDEX, 0, EXCEPTION_GP);
    ok &= store_expect("write of a read-only register", HV_X64_MSR_VP_RUNTIME, 0, EXCEPTION_GP);
    ok &= store_expect("write of a read-only register", HV_X64_MSR_TIME_REF_COUNT, 0, EXCEPTION_GP);
    ok &= store_expect("write of a read-only register", HV_X64_MSR_TSC_FREQUENCY, 0, EXCEPTION_GP);
    for (uint64_t vector = 0; vector < HV_SYNIC_FIRST_VALID_VECTOR; vector++)
        ok &= store_expect("SINT with an exception's vector", HV_X64_MSR_SINT0 + 2, vector,
                           EXCEPTION_GP);
    return ok;
}

/* A locked page does not move, and goes only with the identity. */
static bool locked_page(void)
{
    uint64_t locked = insn_rdmsr(HV_X64_MSR_HYPERCALL) | HV_X64_MSR_HYPERCALL_LOCKED;
    bool ok;

    insn_wrmsr(HV_X64_MSR_HYPERCALL, locked);
    insn_wrmsr(HV_X64_MSR_HYPERCALL, (locked + HV_PAGE_SIZE) & ~HV_X64_MSR_HYPERCALL_LOCKED);
    ok = crash_expect("locked page", 0, insn_rdmsr(HV_X64_MSR_HYPERCALL), locked);
    insn_wrmsr(HV_X64_MSR_GUEST_OS_ID, 0);
    ok &= crash_expect("page without GUEST_OS_ID", 0,
                       insn_rdmsr(HV_X64_MSR_HYPERCALL) & HV_X64_MSR_HYPERCALL_ENABLE, 0);
    return ok;
}

uint8_t attack_badcalls(const struct guest_boot *boot)
{
    bool ok = disabled_interface();

    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    ok &= unknown_codes();
    ok &= reserved_bits();
    ok &= simple_calls_with_rep_fields();
    ok &= rep_counts();
    ok &= bad_addresses(boot);
    ok &= denied_calls();
    ok &= bad_messages(boot);
    ok &= bad_events(boot);
    ok &= faults();
    ok &= locked_page(); /* and then all of this can be done again */
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
