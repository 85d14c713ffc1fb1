/* SPDX-License-Identifier: MIT */
/* debug/provoke.c - see debug/provoke.h. */
#include "debug/provoke.h"

#include <rt/mem.h>
#include "boot/options.h"
#include "core/pcpu.h"
#include "core/spinlock.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/stop.h"

#define NOWHERE           ((uintptr_t)0x7ffffffff000) /* nothing is mapped there */
#define SHORT_PATIENCE_MS 2000u

static struct {
    void (*provoke)(struct vp *vp); /* NULL: none, but to stop */
    uint64_t lp;
    bool child;
    uint64_t seed, max; /* of debug/stop.h */
} request;

bool provoke_armed;
bool provoke_ticks;

static void provoke_panic(struct vp *vp)
{
    (void)vp;
    panic("provoked by hvdebug");
}

static void provoke_assert(struct vp *vp)
{
    (void)vp;
    BUG_ON(provoke_armed);
}

static void provoke_fault(struct vp *vp)
{
    (void)vp;
    *(volatile uint64_t *)NOWHERE = 0;
}

static void provoke_lock(struct vp *vp) NO_LOCK_CHECK
{
    static struct spinlock lock;

    (void)vp;
    spin_patience_ms = SHORT_PATIENCE_MS;
    spin_lock(&lock);
    spin_lock(&lock);
}

/* An exception while the log's lock is held. */
static void provoke_log(struct vp *vp)
{
    (void)vp;
    hv_log("%s", (const char *)NOWHERE);
}

/* Every level leaves something to do after the call, so that no loop is made of it. */
/* NOLINTNEXTLINE(misc-no-recursion): to run out of stack */
static uint64_t deeper(const volatile uint64_t *outer)
{
    volatile uint64_t here = *outer + 1;

    return here != UINT64_MAX ? deeper(&here) + here : 0;
}

static void provoke_overflow(struct vp *vp)
{
    volatile uint64_t zero = 0;

    (void)vp;
    hv_log("%lu levels", deeper(&zero));
}

/* An exception within the dump. */
static void provoke_dump(struct vp *vp)
{
    vp->backend = NULL;
    panic("provoked by hvdebug, with a broken VP");
}

static const struct kind {
    const char *name;
    void (*provoke)(struct vp *vp);
} kinds[] = {{"panic", provoke_panic}, {"assert", provoke_assert},     {"fault", provoke_fault},
             {"lock", provoke_lock},   {"overflow", provoke_overflow}, {"log", provoke_log},
             {"dump", provoke_dump},   {"stop", NULL}};

/* The rest of @s if it begins with @word, else NULL. */
static const char *after(const char *s, const char *word)
{
    size_t n = strlen(word);

    return strncmp(s, word, n) == 0 ? s + n : NULL;
}

/* What follows the digits at @s. */
static const char *parse_number(const char *s, uint64_t *number)
{
    for (*number = 0; *s >= '0' && *s <= '9'; s++)
        *number = *number * 10 + (uint64_t)(*s - '0');
    return s;
}

static const char *parse_word(const char *s)
{
    const char *rest;

    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
        if ((rest = after(s, kinds[k].name)) != NULL) {
            request.provoke = kinds[k].provoke;
            provoke_armed = true;
            return rest;
        }
    if ((rest = after(s, "ticks")) != NULL) {
        provoke_ticks = true;
        return rest;
    }
    if ((rest = after(s, "lp=")) != NULL)
        return parse_number(rest, &request.lp);
    if ((rest = after(s, "seed=")) != NULL)
        return parse_number(rest, &request.seed);
    if ((rest = after(s, "max=")) != NULL)
        return parse_number(rest, &request.max);
    if ((rest = after(s, "context=")) != NULL) {
        request.child = *rest == 'c';
        return after(rest, request.child ? "child" : "root");
    }
    return NULL;
}

void provoke_init(const char *options)
{
    const char *s = option_find(options, "hvdebug");

    while (s != NULL && *s != '\0' && *s != '\n') {
        const char *rest = parse_word(s);
        if (rest == NULL || (*rest != ',' && *rest != '\0' && *rest != '\n')) {
            hv_log("boot.cfg: hvdebug is KIND[,lp=N][,context=root|child] with KIND one of panic, "
                   "assert, fault, lock, overflow, log, dump, or stop[,seed=N][,max=N], or ticks: "
                   "ignored");
            provoke_armed = false;
            provoke_ticks = false;
            return;
        }
        s = *rest == ',' ? rest + 1 : rest;
    }
    if (provoke_armed && request.provoke == NULL)
        stop_init(request.seed, (uint32_t)request.max);
}

void provoke_after(const struct vp *vp, const struct vp_exit *exit)
{
    stop_after(vp, exit);
}

void provoke_before(const struct pcpu *cpu, struct vp *vp)
{
    if (request.provoke != NULL && cpu->lp_index == request.lp &&
        vp->partition->is_root != request.child)
        request.provoke(vp);
    stop_before(vp);
}
