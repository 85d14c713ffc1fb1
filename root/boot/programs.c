/* SPDX-License-Identifier: MIT */
/* root/boot/programs.c - see programs.h. */
#include "boot/programs.h"
#include "boot/handoff.h"
#include "boot/shell_image.h"
#include "log.h"
#include "mm/memory.h"
#include "proc/process.h"
#include "sched/thread.h"

#define SHELL_MODULE "shell.elf"
#define VMMS_MODULE  "vmms.elf"
#define PAUSE_NS     1000000000ull

static _Noreturn void keep(const struct process_start *program)
{
    for (;;) {
        struct process *p = process_start(program);

        if (p != NULL) {
            log_print("root: the %s ended with status %d", program->name, process_wait(p));
            process_put(p);
        }
        thread_sleep(PAUSE_NS);
    }
}

static struct process_start of_module(const char *name, const struct boot_module *m)
{
    return (struct process_start){.name = name, .file = phys_to_virt(m->base), .size = m->size};
}

static void vmms_keep(void *unused)
{
    const struct process_start program = of_module("vmms", handoff_find_module(VMMS_MODULE));

    (void)unused;
    keep(&program);
}

void programs_keep(void)
{
    const struct boot_module *shell = handoff_find_module(SHELL_MODULE);
    const struct process_start linked_in = {
        .name = "shell",
        .file = shell_image,
        .size = (uint64_t)(shell_image_end - shell_image),
    };
    const struct process_start program = shell != NULL ? of_module("shell", shell) : linked_in;

    if (handoff_find_module(VMMS_MODULE) != NULL &&
        thread_start("vmms", vmms_keep, NULL, -1) == NULL)
        log_print("root: no memory to start vmms");
    keep(&program);
}
