/* SPDX-License-Identifier: MIT */
/* races.c - a hypercall's input that another VP changes while the hypervisor looks at it: whatever
 * it sees, it must see once. The size of a message's payload alternates between the greatest that
 * there is and one that would copy far beyond every buffer. All VPs but the first change it.
 * Argument: count=N calls (0: without end). */
#include <hvabi/message.h>
#include <kern/guest_cpu.h>
#include <x86/insn.h>

#include "crash.h"

#define SIZE_HUGE 0x7fffffffu

static struct {
    uint32_t writers; /* [a] */
    bool over;        /* [a] */
    volatile uint32_t *size;
} race;

static void writer_main(void)
{
    while (!__atomic_load_n(&race.over, __ATOMIC_ACQUIRE)) {
        *race.size = HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT;
        *race.size = SIZE_HUGE;
    }
    __atomic_fetch_sub(&race.writers, 1, __ATOMIC_RELEASE); /* pairs with attack_doublefetch() */
}

uint8_t attack_doublefetch(const struct guest_boot *boot)
{
    uint64_t count = guest_arg_number(guest_command_line(), "count", 0), good = 0, bad = 0;
    struct hv_input_post_message *in;
    bool ok = true;

    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    in = guest_client()->input;
    *in = (struct hv_input_post_message){.connection_id = boot->message_connection,
                                         .message_type = 1};
    race.size = &in->payload_size;
    race.writers = boot->vp_count - 1;
    guest_others_start(boot, writer_main);
    for (uint64_t i = 0; ok && (!count || i < count); i++) {
        hv_status st = hv_client_call(guest_client(), HvCallPostMessage);

        good += st == HV_STATUS_SUCCESS || st == HV_STATUS_INSUFFICIENT_BUFFERS;
        bad += st == HV_STATUS_INVALID_PARAMETER;
        ok = crash_expect("neither size's status", st, good + bad, i + 1);
    }
    __atomic_store_n(&race.over, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(&race.writers, __ATOMIC_ACQUIRE))
        insn_pause();
    guest_printf("crash: doublefetch good=%llu bad=%llu\n", (unsigned long long)good,
                 (unsigned long long)bad);
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
