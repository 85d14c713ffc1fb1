/* SPDX-License-Identifier: MIT */
/* start.c - from the entry to guest_main(), the other VPs, the end. See guest.h. */
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_smp.h>
#include <x86/insn.h>

#include "guest.h"

void guest_start(const struct guest_boot *boot) __attribute__((noreturn));

static const char *command_line;

const char *guest_command_line(void)
{
    return command_line;
}

_Noreturn void guest_exit(uint8_t code)
{
    insn_cli();
    for (;;) {
        insn_out8(GUEST_PORT_EXIT, code);
        insn_pause();
    }
}

_Noreturn void guest_unexpected(const struct guest_frame *frame)
{
    guest_printf("guest: VP %u: vector %llu error %#llx rip %#llx rsp %#llx cr2 %#llx\n",
                 guest_cpu_this()->index, (unsigned long long)frame->vector,
                 (unsigned long long)frame->error, (unsigned long long)frame->rip,
                 (unsigned long long)frame->rsp, (unsigned long long)insn_read_cr2());
    guest_exit(GUEST_EXIT_UNEXPECTED);
}

static void spurious_handler(struct guest_frame *frame)
{
    (void)frame; /* a spurious interrupt gets no EOI */
}

/* apic=x, apic=x2; otherwise x2APIC mode if it is offered. */
static bool x2apic_wanted(void)
{
    char mode[4];

    if (guest_arg_text(command_line, "apic", mode, sizeof mode))
        return mode[1] == '2';
    return guest_apic_x2_offered();
}

void guest_start(const struct guest_boot *boot)
{
    if (boot->magic != GUEST_BOOT_MAGIC)
        guest_exit(GUEST_EXIT_NO_BOOT);
    command_line = (const char *)(uintptr_t)boot->cmdline_gpa;
    guest_cpu_setup(0);
    guest_handler_set(GUEST_VECTOR_SPURIOUS, spurious_handler);
    guest_apic_mode_set(x2apic_wanted());
    guest_apic_enable();
    guest_exit(guest_main(boot));
}

void guest_others_start(const struct guest_boot *boot, void (*main)(void))
{
    uint32_t running = guest_smp_start(boot->vp_count, GUEST_BOOT_TRAMPOLINE_GPA, main);

    if (running == boot->vp_count)
        return;
    guest_printf("guest: only %u of %u VPs started\n", running, boot->vp_count);
    guest_exit(GUEST_EXIT_FAILED);
}
