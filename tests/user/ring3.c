/* SPDX-License-Identifier: MIT */
/* tests/user/ring3.c - a hostile ring-3 program in the shell's place. Each attack must end the
 * program and nothing else: root then starts it anew, and it goes on with the next one. How many
 * are done, it reads in root's log. */
#include <stdbool.h>
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include "lib/print.h"
#include "lib/system.h"

int main(void);

/* attack.asm */
void attack_read_kernel(void);
void attack_write_kernel(void);
void attack_jump_kernel(void);
void attack_jump_non_canonical(void);
void attack_write_text(void);
void attack_execute_stack(void);
void attack_cli(void);
void attack_hlt(void);
void attack_rdmsr(void);
void attack_port(void);
void attack_timer_vector(void);
void attack_swapgs(void);
void attack_ud2(void);
void attack_divide(void);
void attack_stack_overflow(void);
void attack_single_step(void);
int64_t odd_stack_pointer(void);
int64_t odd_flags(void);
void odd_single_step_syscall(void);

#define ENDED ": ended"

static const struct {
    const char *name;
    void (*run)(void);
} attacks[] = {
    {"reading the kernel's image", attack_read_kernel},
    {"writing through the direct map", attack_write_kernel},
    {"jumping into the kernel", attack_jump_kernel},
    {"jumping to a non-canonical address", attack_jump_non_canonical},
    {"writing its own code", attack_write_text},
    {"running code on its stack", attack_execute_stack},
    {"CLI", attack_cli},
    {"HLT", attack_hlt},
    {"RDMSR", attack_rdmsr},
    {"a port", attack_port},
    {"the timer's vector", attack_timer_vector},
    {"SWAPGS", attack_swapgs},
    {"UD2", attack_ud2},
    {"a division by zero", attack_divide},
    {"a stack overflow", attack_stack_overflow},
    {"a single step", attack_single_step},
    {"a single step over SYSCALL", odd_single_step_syscall},
};
enum { ATTACKS = sizeof(attacks) / sizeof(attacks[0]) };

/* Lines of root's log that say that a process was ended. */
static unsigned count_ended(void)
{
    static struct root_log l;
    int fd = (int)open("/dev/root", OPEN_READ_WRITE);
    unsigned n = 0, matched = 0;

    l.position = 0;
    while (ioctl(fd, ROOT_IOCTL_LOG, &l) == 0 && l.length != 0) {
        for (uint32_t i = 0; i < l.length; i++) {
            matched = l.text[i] == ENDED[matched] ? matched + 1 : l.text[i] == ENDED[0];
            n += ENDED[matched] == '\0';
            matched %= sizeof(ENDED) - 1;
        }
    }
    close(fd);
    return n;
}

static void expect(const char *fact, bool holds)
{
    print("%s %s\n", holds ? "PASS" : "FAIL", fact);
}

static void harmless(void)
{
    int64_t pid = system_call(SYSCALL_GETPID, 0, 0, 0, 0, 0);
    void *kernel = (void *)0xffff800000100000ull;

    expect("a system call ignores the stack pointer", odd_stack_pointer() == pid);
    expect("a system call ignores odd flags", odd_flags() == pid);
    expect("a kernel address is no buffer", write(STDOUT_FILE, kernel, 1) == -EFAULT &&
                                                read(STDIN_FILE, kernel, 1) == -EFAULT);
    expect("an unmapped address is no buffer", write(STDOUT_FILE, (void *)0x10000, 1) == -EFAULT);
}

int main(void)
{
    unsigned done = count_ended();

    if (done == 0)
        harmless();
    if (done < ATTACKS) {
        print("ring3: %s\n", attacks[done].name);
        attacks[done].run();
        print("FAIL %s was possible\n", attacks[done].name);
        return 1;
    }
    print("PASS %u attacks ended only the program\n", done);
    reboot(REBOOT_POWER_OFF);
    return 1;
}
