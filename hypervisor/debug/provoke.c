/* SPDX-License-Identifier: MIT */
/* debug/provoke.c - see debug/provoke.h. */
#include "debug/provoke.h"

#include <rt/mem.h>
#include "boot/options.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"

enum kind { KIND_PANIC, KIND_ASSERT, KIND_FAULT, KIND_LOCK, KIND_COUNT };

static const char *const kind_names[KIND_COUNT] = {"panic", "assert", "fault", "lock"};

static struct {
    enum kind kind;
    uint32_t lp;
    bool child;
} request;

bool provoke_armed;

/* The rest of @s if it begins with @word, else NULL. */
static const char *after(const char *s, const char *word)
{
    size_t n = strlen(word);

    return strncmp(s, word, n) == 0 ? s + n : NULL;
}

static const char *parse_word(const char *s)
{
    const char *rest;

    for (unsigned k = 0; k < KIND_COUNT; k++)
        if ((rest = after(s, kind_names[k])) != NULL) {
            request.kind = (enum kind)k;
            provoke_armed = true;
            return rest;
        }
    if ((rest = after(s, "lp=")) != NULL) {
        for (request.lp = 0; *rest >= '0' && *rest <= '9'; rest++)
            request.lp = request.lp * 10 + (uint32_t)(*rest - '0');
        return rest;
    }
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
                   "assert, fault, lock: ignored");
            provoke_armed = false;
            return;
        }
        s = *rest == ',' ? rest + 1 : rest;
    }
}

static void take_a_lock_twice(void)
{
    static struct spinlock lock;

    spin_wait(&lock, lock.next + 1);
}

void provoke(const struct pcpu *cpu, const struct vp *vp)
{
    if (cpu->lp_index != request.lp || vp->partition->is_root == request.child)
        return;
    switch (request.kind) {
    case KIND_PANIC:
        panic("provoked by hvdebug");
    case KIND_ASSERT:
        BUG_ON(provoke_armed);
        break;
    case KIND_FAULT:
        *(volatile uint64_t *)(uintptr_t)0x7ffffffff000 = 0; /* nothing is mapped there */
        break;
    case KIND_LOCK:
        take_a_lock_twice();
        break;
    case KIND_COUNT:
    default:
        break;
    }
}
