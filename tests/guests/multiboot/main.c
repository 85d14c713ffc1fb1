/* SPDX-License-Identifier: MIT */
/* main.c - a Multiboot 1 image that looks at how it was started and at the machine it is in, prints
 * PASS or FAIL lines on COM1, and ends by port 0xF4, as unit tests of hypervisors do.
 *
 * Command line: vps=N; what told.c wants; wait=1, to count until a key is typed before it looks at
 * the machine; and status=N, which is then the status of the end whatever the checks say. Without
 * it: 0, all passed; 1, some failed; 2, an exception. */
#include <kern/guest_cpu.h>
#include <x86/insn.h>

#include "guest.h"
#include "multiboot.h"

void multiboot_start(const struct entry_state *entry) __attribute__((noreturn));

#define PORT_EXIT   0xf4u
#define ROUND_TICKS 500000000ull /* of the TSC */

enum { STATUS_PASSED, STATUS_FAILED, STATUS_EXCEPTION };

static _Noreturn void finish(uint32_t status)
{
    insn_cli();
    insn_out32(PORT_EXIT, status);
    for (;;)
        insn_hlt();
}

_Noreturn void guest_unexpected(const struct guest_frame *frame)
{
    say("FAIL vector %lu, error %#lx, at %#lx\n", frame->vector, frame->error, frame->rip);
    finish(STATUS_EXCEPTION);
}

/* A line again and again, until a key is typed. */
static void wait_for_key(void)
{
    for (unsigned round = 1; !console_key(); round++) {
        uint64_t begin = insn_rdtsc();

        say("multiboot: round %u\n", round);
        while (insn_rdtsc() - begin < ROUND_TICKS)
            insn_pause();
    }
}

void multiboot_start(const struct entry_state *entry)
{
    guest_cpu_setup(0);
    console_begin();
    check_told(entry);
    if (guest_arg_number(command_line(), "wait", 0) != 0)
        wait_for_key();
    check_machine((uint32_t)guest_arg_number(command_line(), "vps", 1));
    say("multiboot: %u checks, %u failed\n", checks_done(), checks_failed());
    finish((uint32_t)guest_arg_number(command_line(), "status",
                                      checks_failed() == 0 ? STATUS_PASSED : STATUS_FAILED));
}
