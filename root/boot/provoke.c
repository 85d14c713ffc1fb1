/* SPDX-License-Identifier: MIT */
/* root/boot/provoke.c - bugs on demand, to prove that the dump tells the truth; see selftest.h. */
#include <rt/mem.h>
#include "boot/handoff.h"
#include "boot/selftest.h"
#include "cpu/cpu.h"
#include "log.h"
#include "sched/thread.h"

#define LP_WORD      ",lp="
#define BAD_ADDRESS  0xffffdead00000000ull /* nothing is ever mapped there */
#define NS_PER_S     1000000000ull

static void provoke_panic(void *unused)
{
    (void)unused;
    panic("provoked");
}

static void provoke_assert(void *unused)
{
    (void)unused;
    BUG_ON(cpu_count() != 0);
}

static void provoke_fault(void *unused)
{
    (void)unused;
    *(volatile uint32_t *)(uintptr_t)BAD_ADDRESS = 1;
}

/* Every level leaves something to do after the call, so that no loop is made of it. */
/* NOLINTNEXTLINE(misc-no-recursion): to run out of stack */
static uint64_t deeper(const volatile uint64_t *outer)
{
    volatile uint64_t here = *outer + 1;

    return here != UINT64_MAX ? deeper(&here) + here : 0;
}

static void provoke_overflow(void *unused)
{
    volatile uint64_t zero = 0;

    (void)unused;
    log_print("root: %lu levels", deeper(&zero));
}

static uint32_t requested_lp(const char *option, size_t kind_length)
{
    const char *s = option + kind_length;
    uint32_t lp = 0;

    if (strncmp(s, LP_WORD, sizeof(LP_WORD) - 1) != 0)
        return 0;
    for (s += sizeof(LP_WORD) - 1; *s >= '0' && *s <= '9'; s++)
        lp = lp * 10 + (uint32_t)(*s - '0');
    return lp;
}

void provoke_run(void)
{
    static const struct {
        const char *name;
        thread_entry entry;
    } kinds[] = {{"panic", provoke_panic},
                 {"assert", provoke_assert},
                 {"fault", provoke_fault},
                 {"overflow", provoke_overflow}};
    char option[64];

    if (!handoff_option("rootdebug", option, sizeof(option)))
        return;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = strlen(kinds[i].name);
        uint32_t lp = requested_lp(option, length);

        if (strncmp(option, kinds[i].name, length) != 0 || lp >= cpu_count())
            continue;
        thread_start("provoke", kinds[i].entry, NULL, (int)lp);
        thread_sleep(NS_PER_S);
    }
    log_print("root: rootdebug = %s: not understood", option);
}
