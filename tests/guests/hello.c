/* SPDX-License-Identifier: MIT */
/* hello.c - every VP finds the hypervisor, makes a hypercall and says who it is. Argument:
 * nonce=TEXT, which each line repeats. */
#include <hvabi/msr.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <x86/insn.h>

#include "guest.h"

#define UNUSED_CALL_CODE 0xffffu

static uint32_t reported; /* [a] VPs that have printed their line */

/* Prints what is wrong and ends the child unless @ok. */
static void check(bool ok, const char *what)
{
    if (ok)
        return;
    guest_printf("hello: VP %u: %s\n", guest_cpu_this()->index, what);
    guest_exit(GUEST_EXIT_FAILED);
}

static void vp_main(void)
{
    uint64_t index = insn_rdmsr(HV_X64_MSR_VP_INDEX);
    char nonce[64] = "";

    check(hypercall_present(), "no Microsoft Hv with interface Hv#1");
    check(insn_rdmsr(HV_X64_MSR_HYPERCALL) & HV_X64_MSR_HYPERCALL_ENABLE,
          "the hypercall page is not enabled here");
    check(index == guest_cpu_this()->index, "VP_INDEX is not the number that we were started as");
    check(hv_client_call_fast1(guest_client(), UNUSED_CALL_CODE, 0) ==
              HV_STATUS_INVALID_HYPERCALL_CODE,
          "an unused call code is not refused as such");
    guest_arg_text(guest_command_line(), "nonce", nonce, sizeof nonce);
    guest_printf("hello: VP %llu APIC %u nonce %s\n", (unsigned long long)index, guest_apic_id(),
                 nonce);
    __atomic_fetch_add(&reported, 1, __ATOMIC_RELEASE); /* pairs with guest_main() */
}

uint8_t guest_main(const struct guest_boot *boot)
{
    if (!guest_console_present() || !guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    guest_others_start(boot, vp_main);
    vp_main();
    while (__atomic_load_n(&reported, __ATOMIC_ACQUIRE) < boot->vp_count)
        insn_pause();
    guest_printf("hello: %u VPs done\n", boot->vp_count);
    return GUEST_EXIT_OK;
}
