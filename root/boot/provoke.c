/* SPDX-License-Identifier: MIT */
/* root/boot/provoke.c - bugs on demand, to prove that the dump tells the truth; see selftest.h. */
#include <rt/mem.h>
#include <x86/insn.h>
#include "boot/handoff.h"
#include "boot/selftest.h"
#include "child/child.h"
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "sched/thread.h"

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

/* No exception can be delivered through an empty IDT: the processor shuts down. */
static void provoke_triple(void *unused)
{
    static const struct insn_table_register empty;

    (void)unused;
    insn_lidt(&empty);
    insn_int3();
}

/* The caller of our caller left its frame pointer where nothing is. */
static void provoke_frame(void *unused)
{
    (void)unused;
    *(volatile uint64_t *)__builtin_frame_address(0) = KERNEL_MMIO_BASE - PAGE_SIZE;
    panic("provoked");
}

/* The dump itself faults: it cannot say which thread runs. */
static void provoke_dump(void *unused)
{
    (void)unused;
    insn_cli();
    this_cpu()->current = (struct thread *)(uintptr_t)BAD_ADDRESS;
    panic("provoked");
}

/* Reads what the hypervisor keeps: #GP. */
static void provoke_intrude(void *unused)
{
    const volatile uint64_t *kept = mmio_map(handoff_info()->kept_base, PAGE_SIZE);

    (void)unused;
    log_print("root: read %lx: FAIL, nobody denied it", *kept);
}

static const struct kind {
    const char *name;
    thread_entry entry;
} kinds[] = {{"panic", provoke_panic},
             {"assert", provoke_assert},
             {"fault", provoke_fault},
             {"overflow", provoke_overflow},
             {"frame", provoke_frame},
             {"dump", provoke_dump},
             {"triple", provoke_triple},
             {"intrude", provoke_intrude}};

#define LATE_CPU "late"

/* rootdebug = KIND[,lp=N][,child=NAME] */
static struct {
    char text[64];
    const struct kind *kind;
    uint32_t lp;
    const char *child; /* in text; NULL: at once */
} request;

/* The rest of @s if it begins with @word, else NULL. */
static const char *after(const char *s, const char *word)
{
    size_t n = strlen(word);

    return strncmp(s, word, n) == 0 ? s + n : NULL;
}

static const char *parse_lp(const char *s)
{
    for (request.lp = 0; *s >= '0' && *s <= '9'; s++)
        request.lp = request.lp * 10 + (uint32_t)(*s - '0');
    return s;
}

static bool parse_request(void)
{
    const char *s = NULL, *rest;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && s == NULL; i++) {
        request.kind = &kinds[i];
        s = after(request.text, kinds[i].name);
    }
    if (s != NULL && (rest = after(s, ",lp=")) != NULL)
        s = parse_lp(rest);
    if (s != NULL && (rest = after(s, ",child=")) != NULL) {
        request.child = rest;
        s += strlen(s);
    }
    return s != NULL && *s == '\0' && request.lp < cpu_count();
}

static void provoke(void *unused)
{
    const struct child *c;

    while (request.child != NULL &&
           ((c = child_find(request.child)) == NULL ||
            __atomic_load_n(&c->state, __ATOMIC_RELAXED) != CHILD_RUNNING))
        thread_sleep(NS_PER_S / 100);
    /* What root says of the child is out first: the hypervisor writes to the same serial line. */
    if (request.child != NULL)
        thread_sleep(NS_PER_S / 2);
    request.kind->entry(unused);
}

static bool take_request(void)
{
    return handoff_option("rootdebug", request.text, sizeof(request.text));
}

bool provoke_late_cpu(void)
{
    static bool done;
    bool now = !done && take_request() && strcmp(request.text, LATE_CPU) == 0;

    done |= now;
    return now;
}

void provoke_run(void)
{
    if (!take_request() || strcmp(request.text, LATE_CPU) == 0)
        return;
    if (!parse_request()) {
        log_print("root: rootdebug = %s: not understood", request.text);
        return;
    }
    thread_start("provoke", provoke, NULL, (int)request.lp);
    if (request.child == NULL)
        thread_sleep(NS_PER_S);
}
