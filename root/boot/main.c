/* SPDX-License-Identifier: MIT */
/* root/boot/main.c - the kernel comes up, in the order of root_main; a thread does what sleeps and
 * then looks after the shell and the VM service. */
#include <rt/mem.h>
#include "boot/handoff.h"
#include "boot/programs.h"
#include "boot/selftest.h"
#include "child/child.h"
#include "child/pool.h"
#include "child/selftest.h"
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "drivers/drivers.h"
#include "io/acpi.h"
#include "io/console.h"
#include "io/irq_entry.h"
#include "io/pci.h"
#include "lib/size.h"
#include "log.h"
#include "mm/boot_memory.h"
#include "mm/init.h"
#include "mm/alias.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "net/net.h"
#include "panic.h"
#include "power.h"
#include "sched/sched.h"
#include "sched/time.h"
#include "sched/wall_clock.h"

#define MIB            (1ul << 20)
#define OPTION_MAX     64


_Noreturn void root_main(const struct boot_info *info);
extern uint8_t boot_stack_top[]; /* entry.asm */

static bool option_is(const char *key, const char *wanted)
{
    char value[OPTION_MAX];

    return handoff_option(key, value, sizeof(value)) && strcmp(value, wanted) == 0;
}

static void announce(void)
{
    struct memory_totals m;

    memory_totals(&m);
    log_print("root: %s, %u CPUs, %lu MiB memory", build_id(), cpu_count(), m.total / MIB);
    log_print("root: launched by %s", handoff_launch_text());
}

/* The option memdisk=SIZE; 0: the default. */
static uint64_t memdisk_size(void)
{
    char text[OPTION_MAX];
    uint64_t size = 0;

    if (handoff_option("memdisk", text, sizeof(text)) && !size_parse(text, &size))
        log_print("root: memdisk=%s is no size: using the default", text);
    return size;
}

/* The network, with the options memnic=on and rootaddress=ADDRESS/PREFIX. */
static void network_up(void)
{
    char address[OPTION_MAX];

    if (option_is("memnic", "on") && !memnic_create())
        log_print("memnic: no memory");
    net_init(handoff_option("rootaddress", address, sizeof(address)) ? address : NULL);
}

/* Everything that may sleep, on the bootstrap processor. */
static void init_thread(void *unused)
{
    uint32_t count;
    const uint32_t *apic_ids = handoff_apic_ids(&count);

    (void)unused;
    /* Sizing a BAR takes its function off the bus: no other CPU may be using it. QEMU 7.2 may also
     * misdirect what another CPU does to its APIC while the map of the bus changes. */
    pci_init();
    cpu_start_others(apic_ids, count);
    page_reclaim_loader();
    handoff_trim_modules();
    announce();
    console_start();
    selftest_run();
    provoke_run();
    drivers_init(memdisk_size());
    network_up();
    if (option_is("deposit", "page"))
        pool_use_pages();
    alias_init();
    child_init();
    if (selftest_wanted())
        child_selftest();
    programs_keep();
}

static void memory_up(const struct boot_info *info)
{
    const struct boot_info *copy = handoff_info();

    boot_memory_init(info);
    paging_init(copy);
    page_init(copy);
    heap_init();
    if (!handoff_copy())
        panic("root: no memory for the hand-off data");
    symbols_init(phys_to_virt(copy->root.file_base), copy->root.file_size);
}

void root_main(const struct boot_info *info)
{
    const char *wrong = handoff_take(info);

    console_init_early();
    cpu_init_boot();
    if (wrong != NULL)
        panic("root: %s", wrong);
    memory_up(info);
    if (!option_is("console", "serial"))
        console_init_framebuffer(&handoff_info()->framebuffer);
    acpi_init(handoff_info()->acpi_rsdp);
    power_init(handoff_info());
    time_init();
    wall_clock_init();
    apic_init_boot();
    apic_init_cpu();
    this_cpu()->apic_id = apic_id();
    apic_timer_calibrate();
    irq_init();
    sched_set_idle_poll(option_is("idle", "poll"));
    if (!sched_init_cpu(this_cpu(), (uint64_t)(uintptr_t)boot_stack_top) ||
        thread_start("init", init_thread, NULL, 0) == NULL)
        panic("root: no memory for the first thread");
    sched_idle();
}
