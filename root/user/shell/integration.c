/* SPDX-License-Identifier: MIT */
/* root/user/shell/integration.c - what `vm` asks of the system in a child, by its integration
 * services (docs/integration.md). Root only begins to ask, so the shell looks again and again, with
 * a look at the keys in between. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/keys.h"
#include "shell/shell.h"

#define NS_PER_S   1000000000ul
#define NS_PER_MS  1000000ul
#define LOOK_NS    (20 * NS_PER_MS)
#define REFRESH_NS (5 * NS_PER_S) /* for what `vm info` shows; others end by root's patience */
#define OFF_NS     (600 * NS_PER_S)
#define ALIVE_NS   (10 * NS_PER_S) /* five heartbeats */

enum { POOL_GUEST = 1 };

/* What each request needs in the child. */
static const char *const drivers[VM_ASKS] = {
    [VM_ASK_POWER_OFF] = "Linux' driver hv_utils",
    [VM_ASK_FREEZE] = "Linux' driver hv_utils and hv_vss_daemon",
    [VM_ASK_THAW] = "Linux' driver hv_utils and hv_vss_daemon",
    [VM_ASK_SET] = "Linux' driver hv_utils and hv_kvp_daemon",
    [VM_ASK_REFRESH] = "Linux' driver hv_utils and hv_kvp_daemon",
};

static int64_t look(const char *name, struct vm_integration *i)
{
    *i = (struct vm_integration){0};
    rt_strlcpy(i->name, name, sizeof(i->name));
    return device_call(DEVICE_VM, VM_IOCTL_INTEGRATION, i);
}

static int64_t begin(const char *name, uint32_t what, const char *key, const char *value)
{
    struct vm_ask a = {.what = what};

    if (rt_strlcpy(a.name, name, sizeof(a.name)) >= sizeof(a.name))
        return -ENOENT;
    if (key != NULL && rt_strlcpy(a.key, key, sizeof(a.key)) >= sizeof(a.key))
        return -EINVAL;
    if (value != NULL && rt_strlcpy(a.value, value, sizeof(a.value)) >= sizeof(a.value))
        return -EINVAL;
    if (what == VM_ASK_SET && value == NULL)
        a.flags = VM_ASK_DELETE;
    return device_call(DEVICE_VM, VM_IOCTL_ASK, &a);
}

static int refused(const char *name, uint32_t what, int64_t result)
{
    switch (result) {
    case -ENOENT:
        print("vm: no child that runs is called %s\n", name);
        break;
    case -ENOTCONN:
        print("%s: its system has no service for that: it needs %s\n", name, drivers[what]);
        break;
    case -EBUSY:
        print(what == VM_ASK_POWER_OFF || what == VM_ASK_FREEZE
                  ? "%s: it is frozen (vm thaw), or asked already\n"
                  : "%s: it has not answered yet what it was asked before\n",
              name);
        break;
    case -EINVAL:
        print("%s: keys have up to %d characters, values up to %d, all printable ASCII\n", name,
              VM_KEY_SIZE - 1, VM_VALUE_SIZE - 1);
        break;
    default:
        return report(name, result);
    }
    return 1;
}

/* Until it is no longer pending, at most @ns. The outcome; VM_ASK_PENDING: a key ended it, or the time
 * is over; a negative error number. */
static int64_t await(const char *name, uint32_t what, uint64_t ns, struct vm_integration *i)
{
    uint64_t end = monotonic_ns() + ns;
    int64_t result;

    while ((result = look(name, i)) == 0 && i->asks[what].outcome == VM_ASK_PENDING) {
        if (monotonic_ns() >= end || interrupt_typed())
            return VM_ASK_PENDING;
        sleep_ns(LOOK_NS);
    }
    return result != 0 ? result : i->asks[what].outcome;
}

static int print_outcome(const char *name, int64_t outcome, const struct vm_asked *asked,
                         const char *done)
{
    switch (outcome) {
    case VM_ASK_DONE:
        print("%s: %s\n", name, done);
        return 0;
    case VM_ASK_FAILED:
        print("%s: its system refused (status %x)\n", name, asked->status);
        return 1;
    case VM_ASK_TIMED_OUT:
        print("%s: its system does not answer\n", name);
        return 1;
    case VM_ASK_PENDING:
        print("%s: its system has not answered yet\n", name);
        return 1;
    default:
        print("%s: its system went away\n", name);
        return 1;
    }
}

/* Ask and wait for the answer. */
static int ask(const char *name, uint32_t what, const char *key, const char *value,
               const char *done)
{
    struct vm_integration i;
    int64_t result = begin(name, what, key, value);

    if (result != 0)
        return refused(name, what, result);
    result = await(name, what, UINT64_MAX / 2, &i);
    return print_outcome(name, result, &i.asks[what], done);
}

int integration_freeze(const char *name)
{
    return ask(name, VM_ASK_FREEZE, NULL, NULL, "frozen: what it writes waits until vm thaw");
}

int integration_thaw(const char *name)
{
    return ask(name, VM_ASK_THAW, NULL, NULL, "thawed");
}

int integration_set(const char *name, const char *key, const char *value)
{
    return ask(name, VM_ASK_SET, key, value, value != NULL ? "told" : "forgotten");
}

/* ---- vm shutdown ---- */

/* It has said that it will: until it has. */
static int await_end(const char *name)
{
    struct vm_wait w = {.timeout_ns = LOOK_NS};
    uint64_t end = monotonic_ns() + OFF_NS;
    int64_t result;

    rt_strlcpy(w.name, name, sizeof(w.name));
    while ((result = device_call(DEVICE_VM, VM_IOCTL_WAIT, &w)) == -ETIMEDOUT) {
        if (monotonic_ns() < end && !interrupt_typed())
            continue;
        print("%s: it has said that it will switch itself off, but has not yet\n", name);
        return 1;
    }
    if (result != 0)
        return report(name, result);
    print("%s: %s\n", name, w.reason);
    return w.end != VM_END_POWER_OFF;
}

int integration_shutdown(const char *name, bool *declined)
{
    struct vm_integration i;
    int64_t result = begin(name, VM_ASK_POWER_OFF, NULL, NULL);

    *declined = result != 0;
    if (result != 0)
        return refused(name, VM_ASK_POWER_OFF, result);
    result = await(name, VM_ASK_POWER_OFF, UINT64_MAX / 2, &i);
    if (result == VM_ASK_DONE || result == -ENOENT) /* the latter: so fast */
        return await_end(name);
    *declined = result == VM_ASK_FAILED;
    return print_outcome(name, result, &i.asks[VM_ASK_POWER_OFF], "");
}

/* ---- vm keys ---- */

#define KEYS_PATIENCE_NS (5 * NS_PER_S)

static int64_t press(struct vm_keys *k)
{
    uint64_t end = monotonic_ns() + KEYS_PATIENCE_NS;
    int64_t result;

    while ((result = device_call(DEVICE_VM, VM_IOCTL_KEYS, k)) == -EAGAIN && monotonic_ns() < end)
        sleep_ns(LOOK_NS);
    k->count = 0;
    return result;
}

/* False: no key types that. */
static bool character(struct vm_keys *k, char c, int64_t *result)
{
    unsigned n;

    if (k->count + KEYS_PER_CHARACTER > VM_KEYS_MAX)
        *result = press(k);
    n = keys_of_character(c, k->keys + k->count);
    k->count += n;
    return n != 0;
}

static bool word(struct vm_keys *k, const char *text, int64_t *result)
{
    static const struct {
        const char *word;
        char c;
    } named[] = {{"--enter", '\n'}, {"--tab", '\t'}, {"--backspace", '\b'}, {"--escape", 0x1b}};

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (strcmp(text, named[i].word) == 0)
            return character(k, named[i].c, result);
    if (strcmp(text, "--ctrl-alt-delete") == 0) {
        if (k->count + KEYS_PER_CHARACTER > VM_KEYS_MAX)
            *result = press(k);
        k->count += keys_ctrl_alt_delete(k->keys + k->count);
        return true;
    }
    while (*text != '\0' && *result == 0)
        if (!character(k, *text++, result))
            return false;
    return true;
}

int integration_keys(const char *name, int count, char **words)
{
    struct vm_keys k = {0};
    int64_t result = 0;

    rt_strlcpy(k.name, name, sizeof(k.name));
    for (int i = 0; i < count && result == 0; i++) {
        if (word(&k, words[i], &result))
            continue;
        print("vm: no key types what is in %s\n", words[i]);
        return 1;
    }
    if (result == 0)
        result = press(&k);
    if (result == -ENOTCONN)
        print("%s: its system has no driver for its keyboard (Linux' is hyperv_keyboard)\n", name);
    else if (result == -EAGAIN)
        print("%s: its system takes no keys\n", name);
    else if (result == -ENOENT)
        print("vm: no child that runs is called %s\n", name);
    else
        return report(name, result);
    return 1;
}

/* ---- vm info ---- */

static void print_counters(const char *what, const struct vm_service *s)
{
    if (s->unasked + s->malformed + s->late != 0)
        print("# %s: %lu answers to nothing, %lu wrong packets, %lu not answered in time\n", what,
              s->unasked, s->malformed, s->late);
}

static void print_service(const char *what, const struct vm_service *s)
{
    static const char *const states[] = {"no driver", "no answer yet", "", "no version in common"};

    if (s->state == VM_SERVICE_READY)
        print("# %s: version %u.%u\n", what, s->major, s->minor);
    else
        print("# %s: %s\n", what, s->state <= VM_SERVICE_REFUSED ? states[s->state] : "?");
    print_counters(what, s);
}

static void print_heartbeat(const struct vm_integration *i)
{
    const struct vm_service *s = &i->services[VM_SERVICE_HEARTBEAT];

    if (s->state != VM_SERVICE_READY) {
        print_service("heartbeat", s);
        return;
    }
    if (i->heartbeat_ns == UINT64_MAX)
        print("# heartbeat: none yet\n");
    else
        print("# heartbeat: %s, %lu s ago\n", i->heartbeat_ns < ALIVE_NS ? "OK" : "lost",
              i->heartbeat_ns / NS_PER_S);
    print_counters("heartbeat", s);
}

static void print_items(const char *name)
{
    struct vm_item item = {0};

    rt_strlcpy(item.name, name, sizeof(item.name));
    for (; device_call(DEVICE_VM, VM_IOCTL_ITEM, &item) == 0; item.index++)
        print("# %s%s = %s\n", item.pool == POOL_GUEST ? "guest: " : "", item.key, item.value);
}

void integration_info(const char *name)
{
    struct vm_integration i;
    int64_t outcome = VM_ASK_NONE;

    if (look(name, &i) != 0)
        return;
    if (begin(name, VM_ASK_REFRESH, NULL, NULL) == 0)
        outcome = await(name, VM_ASK_REFRESH, REFRESH_NS, &i);
    if (outcome < 0)
        return;
    print_heartbeat(&i);
    print_service("shutdown", &i.services[VM_SERVICE_SHUTDOWN]);
    print_service("time", &i.services[VM_SERVICE_TIME]);
    print_service("kvp", &i.services[VM_SERVICE_KVP]);
    print_service("vss", &i.services[VM_SERVICE_VSS]);
    if (i.frozen != 0)
        print("# frozen: what it writes waits until vm thaw\n");
    if (i.reference_ns != 0)
        print("# at its reference time %lu ns it was %lu ns after 1970\n", i.reference_ns,
              i.wall_ns);
    print_items(name);
}
