/* SPDX-License-Identifier: MIT */
/* root/child/crash.c - what a child's system says of its own crash (TLFS 6.0b, crash
 * enlightenment): five numbers, or a text in its memory. All of it is the child's to invent, so
 * there are few lines of it, and no character in them that the log does not know. */
#include <hvabi/msr.h>
#include "child/child.h"
#include "child/hv.h"
#include "log.h"
#include "mm/memory.h"

enum {
    REPORTS_MAX = 4, /* of a child; what comes later is counted as an exit, and no more */
    TEXT_MAX = 4096,
    LINE_MAX = 160,
    PARAMETERS = 5,
};

struct report {
    uint64_t parameters[PARAMETERS];
    uint64_t control;
};

static bool read_report(struct child *c, uint32_t vp, struct report *r)
{
    static const uint32_t names[PARAMETERS + 1] = {HvRegisterGuestCrashP0, HvRegisterGuestCrashP1,
                                                   HvRegisterGuestCrashP2, HvRegisterGuestCrashP3,
                                                   HvRegisterGuestCrashP4, HvRegisterGuestCrashCtl};
    struct hv_register_value values[PARAMETERS + 1];
    uint64_t flags = spin_lock(&c->worker.queue.lock);
    bool read = c->worker.on && hv_call_get_vp_registers(hv_client_here(), c->id, vp, names, values,
                                                         PARAMETERS + 1) == HV_STATUS_SUCCESS;

    spin_unlock(&c->worker.queue.lock, flags);
    for (uint32_t i = 0; read && i < PARAMETERS; i++)
        r->parameters[i] = values[i].reg64;
    r->control = read ? values[PARAMETERS].reg64 : 0;
    return read;
}

/* The character at @gpa, which the child may change meanwhile. 0: there is none. */
static char text_at(const struct child_ram *r, uint64_t gpa)
{
    uint64_t at = ram_at(r, gpa);

    if (at == 0)
        return '\0';
    return __atomic_load_n((const char *)phys_to_virt(at), __ATOMIC_RELAXED);
}

static char printable(char character)
{
    if (character < ' ' || character > '~')
        return '?';
    return character;
}

/* One line of the text to the log; how many characters it was, with its end. */
static uint64_t log_line(const struct child *c, const struct child_ram *r, uint64_t gpa,
                         uint64_t left)
{
    char line[LINE_MAX + 1];
    uint64_t n = 0, used = 0;

    while (used < left && n < LINE_MAX) {
        char character = text_at(r, gpa + used++);

        if (character == '\n')
            break;
        line[n++] = printable(character);
    }
    line[n] = '\0';
    if (n != 0)
        log_print("[%s] %s", c->name, line);
    return used;
}

static void log_text(struct child *c, uint64_t gpa, uint64_t size)
{
    struct child_ram *r = child_ram_get(c);
    uint64_t left = size < TEXT_MAX ? size : TEXT_MAX;

    if (r == NULL)
        return;
    log_print("child %s: its system reports its crash:", c->name);
    while (left != 0) {
        uint64_t used = log_line(c, r, gpa, left);

        gpa += used;
        left -= used;
    }
    ram_put(r);
}

void worker_crash_log(struct child *c, uint32_t vp)
{
    struct report r;

    if (__atomic_fetch_add(&c->crashes, 1, __ATOMIC_RELAXED) >= REPORTS_MAX ||
        !read_report(c, vp, &r))
        return;
    if ((r.control & HV_CRASH_MESSAGE) != 0)
        log_text(c, r.parameters[3], r.parameters[4]);
    else
        log_print("child %s: its system reports its crash: %lx %lx %lx %lx %lx", c->name,
                  r.parameters[0], r.parameters[1], r.parameters[2], r.parameters[3],
                  r.parameters[4]);
}
