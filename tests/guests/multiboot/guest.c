/* SPDX-License-Identifier: MIT */
/* guest.c - a toy guest as a Multiboot image: what lib/start.c and lib/console.c are to those that
 * root's child loader starts. Its console is COM1, and its end port 0xF4: a worker serves it.
 *
 * Arguments, besides those of the guest: vps=N. */
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_smp.h>
#include <kern/guest_sync.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "guest.h"
#include "multiboot.h"

void multiboot_start(const struct entry_state *entry) __attribute__((noreturn));

#define PORT_EXIT 0xf4u
#define MIB       (1ull << 20)

static struct guest_ticket_lock console_lock;
static char line[GUEST_BOOT_CMDLINE_SIZE];

const char *guest_command_line(void)
{
    return line;
}

bool guest_console_present(void)
{
    return true;
}

void guest_printf(const char *format, ...)
{
    char text[GUEST_LINE_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    rt_vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    guest_ticket_acquire(&console_lock);
    console_text(text);
    guest_ticket_release(&console_lock);
}

_Noreturn void guest_exit(uint8_t code)
{
    insn_cli();
    insn_out8(PORT_EXIT, code);
    for (;;)
        insn_hlt();
}

_Noreturn void guest_unexpected(const struct guest_frame *frame)
{
    guest_printf("guest: VP %u: vector %lu error %#lx rip %#lx\n", guest_cpu_this()->index,
                 frame->vector, frame->error, frame->rip);
    guest_exit(GUEST_EXIT_UNEXPECTED);
}

void guest_others_start(const struct guest_boot *boot, void (*main)(void))
{
    uint32_t running = guest_smp_start(boot->vp_count, GUEST_BOOT_TRAMPOLINE_GPA, main);

    if (running == boot->vp_count)
        return;
    guest_printf("guest: only %u of %u VPs started\n", running, boot->vp_count);
    guest_exit(GUEST_EXIT_FAILED);
}

static void spurious_handler(struct guest_frame *frame)
{
    (void)frame; /* a spurious interrupt gets no EOI */
}

/* Where the guest's library looks for it; nothing that the loader has told is needed any more. */
static const struct guest_boot *boot_make(const struct entry_state *entry)
{
    const struct info *info = at(entry->ebx);
    struct guest_boot *boot = at(GUEST_BOOT_GPA);
    uint64_t memory = MIB + info->mem_upper * 1024ull;

    rt_strlcpy(line, at(info->command_line), sizeof(line));
    *boot = (struct guest_boot){
        .magic = GUEST_BOOT_MAGIC,
        .memory_size = memory,
        .vp_count = (uint32_t)guest_arg_number(line, "vps", 1),
        .cmdline_gpa = (uintptr_t)line,
    };
    return boot;
}

void multiboot_start(const struct entry_state *entry)
{
    const struct guest_boot *boot = boot_make(entry);

    guest_cpu_setup(0);
    console_begin();
    guest_handler_set(GUEST_VECTOR_SPURIOUS, spurious_handler);
    guest_apic_mode_set(guest_apic_x2_offered());
    guest_apic_enable();
    guest_exit(guest_main(boot));
}
