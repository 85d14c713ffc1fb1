/* SPDX-License-Identifier: MIT */
/* main.c - the hostile guest: case=NAME selects what it tries, case=all tries everything. It prints
 * "hostile: NAME: what was tried: what came back" for each attempt, "WRONG" where something else is
 * due, and in the end "hostile: NAME ok" or "hostile: NAME failed". least=MS: try again and again
 * for so long. */
#include <kern/guest_cpu.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "hostile.h"

static const struct hostile_case {
    const char *name;
    void (*run)(void);
    uint32_t vps; /* at least */
} cases[] = {
    {"gpadl-header", case_gpadl_header, 1},
    {"gpadl-body", case_gpadl_body, 1},
    {"gpadl-half", case_gpadl_half, 1},
    {"gpadl-pages", case_gpadl_pages, 1},
    {"gpadl-life", case_gpadl_life, 1},
    {"channel-open", case_channel_open, 1},
    {"channel-states", case_channel_states, 1},
    {"channel-unload", case_channel_unload, 1},
    {"channel-contact", case_channel_contact, 1},
    {"channel-contacts", case_channel_contacts, 1},
    {"channel-truncated", case_channel_truncated, 1},
    {"channel-rescinded", case_channel_rescinded, 1},
    {"channel-monitor", case_channel_monitor, 2},
    {"ring-indices", case_ring_indices, 1},
    {"ring-packets", case_ring_packets, 1},
    {"ring-race", case_ring_race, 2},
    {"ring-deaf", case_ring_deaf, 1},
    {"srb-early", case_srb_early, 1},
    {"srb-wrong", case_srb_wrong, 1},
    {"srb-pages", case_srb_pages, 1},
    {"srb-kinds", case_srb_kinds, 1},
    {"srb-same", case_srb_same, 1},
    {"sub-channels", case_sub_channels, 1},
};

#define MILLISECOND (HOSTILE_SECOND / 1000)
#define CASE_COUNT  (sizeof(cases) / sizeof(cases[0]))

static struct {
    const struct guest_boot *boot;
    const char *name; /* of the case */
    bool failed;
} run;

static struct {
    void (*step)(void); /* [a] NULL: rest */
    bool resting;       /* [a] */
} other = {.resting = true};

void hostile_result(bool due, const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    rt_vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    guest_printf("hostile: %s: %s%s\n", run.name, due ? "" : "WRONG: ", text);
    run.failed |= !due;
}

uint64_t hostile_argument(const char *key, uint64_t fallback)
{
    return guest_arg_number(guest_command_line(), key, fallback);
}

uint32_t hostile_vps(void)
{
    return run.boot->vp_count;
}

uint64_t hostile_memory_pages(void)
{
    return run.boot->memory_size / HV_PAGE_SIZE;
}

static void other_main(void)
{
    while (guest_cpu_this()->index == 1) {
        void (*step)(void) = __atomic_load_n(&other.step, __ATOMIC_SEQ_CST);

        __atomic_store_n(&other.resting, step == NULL, __ATOMIC_SEQ_CST);
        if (step && step == __atomic_load_n(&other.step, __ATOMIC_SEQ_CST))
            step();
        else
            insn_pause();
    }
}

void hostile_other(void (*step)(void))
{
    __atomic_store_n(&other.step, step, __ATOMIC_SEQ_CST);
    while (hostile_vps() > 1 && __atomic_load_n(&other.resting, __ATOMIC_SEQ_CST) != !step)
        insn_pause();
}

static bool case_run(const struct hostile_case *c)
{
    uint64_t least = hostile_argument("least", 0) * MILLISECOND, begin = guest_time();

    run.name = c->name;
    run.failed = false;
    if (hostile_vps() < c->vps) {
        hostile_result(false, "needs vps=%u", c->vps);
        return false;
    }
    guest_printf("hostile: %s starts\n", c->name);
    do
        c->run();
    while (!run.failed && guest_time() - begin < least);
    hostile_result(target_works(), "afterwards: the controller reads its disk as before");
    guest_printf("hostile: %s %s\n", c->name, run.failed ? "failed" : "ok");
    return !run.failed;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    char name[24] = "";
    bool known = false, ok = true;

    run.boot = boot;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    guest_synic_enable(VMBUS_SINT);
    if (boot->vp_count > 1)
        guest_others_start(boot, other_main);
    (void)guest_arg_text(guest_command_line(), "case", name, sizeof(name));
    for (size_t i = 0; i < CASE_COUNT; i++) {
        if (strcmp(name, cases[i].name) != 0 && strcmp(name, "all") != 0)
            continue;
        known = true;
        ok = case_run(&cases[i]) && ok;
    }
    if (!known) {
        guest_printf("hostile: no such case\n");
        return GUEST_EXIT_USAGE;
    }
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
