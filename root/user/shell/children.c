/* SPDX-License-Identifier: MIT */
/* root/user/shell/children.c - the commands about partitions, over /dev/vm. */
#include <rt/mem.h>
#include <rootabi/disk.h>
#include <rootabi/errno.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"

#define NS_PER_S      1000000000ul
#define NS_PER_MS     1000000ul
#define KIB           1024ul
enum { VLAN_MAX = 4094 };

#define WAIT_PIECE_NS (100 * NS_PER_MS)

/* The end of a list is no failure. */
static int list_end(const char *what, int64_t result)
{
    return result == -ENOENT ? 0 : report(what, result);
}

int command_partitions(int argc, char **argv)
{
    struct vm_partition p = {0};
    int64_t result;

    (void)argc;
    (void)argv;
    for (; (result = device_call(DEVICE_VM, VM_IOCTL_PARTITION, &p)) == 0; p.index++)
        print("%4lu  %-20s %-10s %3u VPs %8lu KiB memory, %lu pages deposited\n", p.id, p.name,
              p.state, p.vp_count, p.memory_bytes / KIB, p.deposited_pages);
    return list_end("partitions", result);
}

int command_vps(int argc, char **argv)
{
    struct vm_vp v = {0};
    int64_t result;

    (void)argc;
    (void)argv;
    for (; (result = device_call(DEVICE_VM, VM_IOCTL_VP, &v)) == 0; v.index++) {
        char lp[12] = "-";

        if (v.lp != UINT32_MAX)
            rt_snprintf(lp, sizeof(lp), "%u", v.lp);
        print("%4lu  %-20s VP %3u  LP %3s  %-10s %10lu ms %12lu exits\n", v.partition_id,
              v.partition, v.vp_index, lp, v.state, v.run_ns / NS_PER_MS, v.exits);
    }
    return list_end("vps", result);
}

void channel_print(const struct vm_channel *c)
{
    print("%-16s %4u.%-3u %-8s %-9s VP %u\n", c->partition, c->relid, c->sub_channel, c->provider,
          c->state, c->target_vp);
    print("    ring    in %lu packets, %lu KiB, %lu batches; out %lu packets, %lu KiB, %lu "
          "signals, %lu times full\n",
          c->packets_in, c->bytes_in / KIB, c->batches_in, c->packets_out, c->bytes_out / KIB,
          c->signals_out, c->full);
    if (strncmp(c->provider, "netvsp", sizeof("netvsp")) == 0) {
        if (c->sub_channel == 0)
            print("    frames  %lu to the child of %lu KiB, %lu from it of %lu KiB, %lu lost%s\n",
                  c->reads, c->read_bytes / KIB, c->writes, c->written_bytes / KIB, c->errors,
                  (c->flags & VM_CHANNEL_LINK_DOWN) != 0 ? ", link down" : "");
        return;
    }
    if (strncmp(c->provider, "storvsp", sizeof("storvsp")) != 0)
        return;
    print("    I/O     %lu requests, %u under way; %lu reads of %lu KiB, %lu writes of %lu KiB, "
          "%lu errors\n",
          c->requests, c->under_way, c->reads, c->read_bytes / KIB, c->writes,
          c->written_bytes / KIB, c->errors);
}

int command_channels(int argc, char **argv)
{
    struct vm_channel c = {0};
    int64_t result;

    (void)argc;
    (void)argv;
    for (; (result = device_call(DEVICE_VM, VM_IOCTL_CHANNEL, &c)) == 0; c.index++)
        channel_print(&c);
    return list_end("channels", result);
}

int command_stats(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    struct vm_statistic s = {0};
    int64_t result;

    for (; (result = device_call(DEVICE_VM, VM_IOCTL_STATISTIC, &s)) == 0; s.index++)
        if (strncmp(s.name, prefix, strlen(prefix)) == 0)
            print("%-52s %16lu\n", s.name, s.value);
    return list_end("stats", result);
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool contains(const char *text, char c)
{
    while (*text != '\0' && *text != c)
        text++;
    return *text == c;
}

static bool number_option(const char *word, const char *key, uint32_t *value)
{
    uint64_t v;

    if (!parse_number(word + strlen(key), &v) || v == 0 || v > UINT32_MAX) {
        print("start: %s is not a number above 0\n", word);
        return false;
    }
    *value = (uint32_t)v;
    return true;
}

/* A part of a processor, for @key. */
static bool percent_option(const char *word, const char *key, uint32_t *value)
{
    char number[8];
    size_t length;
    uint64_t v;

    rt_strlcpy(number, word + strlen(key), sizeof(number));
    length = strlen(number);
    if (length != 0 && number[length - 1] == '%')
        number[length - 1] = '\0';
    if (!parse_number(number, &v) || v == 0 || v > 100) {
        print("start: %s is not a part from 1%% to 100%%\n", word);
        return false;
    }
    *value = (uint32_t)(VM_PROCESSOR * v / 100);
    return true;
}

static bool privileges_option(const char *word, uint64_t *value)
{
    if (parse_number(word + strlen("privileges="), value))
        return true;
    print("start: %s is not a mask of privileges\n", word);
    return false;
}

/* Append @word to the child's options. */
static bool pass_option(struct vm_start *s, const char *word)
{
    size_t used = strlen(s->options);
    size_t n = rt_snprintf(s->options + used, sizeof(s->options) - used, "%s%s",
                           used != 0 ? " " : "", word);

    if (n < sizeof(s->options) - used)
        return true;
    print("start: too many options\n");
    return false;
}

/* disk=NAME or disk=NAME,ro */
static bool disk_option(struct vm_start *s, const char *word)
{
    struct vm_disk *d = &s->disks[s->disk_count];
    char *comma;

    if (s->disk_count == VM_DISKS_MAX) {
        print("start: more than %d disks\n", VM_DISKS_MAX);
        return false;
    }
    if (rt_strlcpy(d->name, word + strlen("disk="), sizeof(d->name)) >= sizeof(d->name)) {
        print("start: %s: no disk has such a long name\n", word);
        return false;
    }
    for (comma = d->name; *comma != '\0' && *comma != ','; comma++)
        ;
    if (*comma == ',' && strcmp(comma, ",ro") != 0) {
        print("start: %s: disk=NAME or disk=NAME,ro\n", word);
        return false;
    }
    if (*comma == ',')
        d->flags = VM_DISK_READ_ONLY;
    *comma = '\0';
    s->disk_count++;
    return true;
}

/* net=SWITCH or net=SWITCH,VLAN */
static bool net_option(struct vm_start *s, const char *word)
{
    struct vm_network *n = &s->networks[s->network_count];
    uint64_t vlan = 0;
    char *comma;

    if (s->network_count == VM_NETWORKS_MAX) {
        print("start: more than %d network cards\n", VM_NETWORKS_MAX);
        return false;
    }
    if (rt_strlcpy(n->name, word + strlen("net="), sizeof(n->name)) >= sizeof(n->name)) {
        print("start: %s: no switch has such a long name\n", word);
        return false;
    }
    for (comma = n->name; *comma != '\0' && *comma != ','; comma++)
        ;
    if (*comma == ',' && (!parse_number(comma + 1, &vlan) || vlan == 0 || vlan > VLAN_MAX)) {
        print("start: %s: net=SWITCH or net=SWITCH,VLAN, which is 1 to %d\n", word, VLAN_MAX);
        return false;
    }
    *comma = '\0';
    n->vlan = (uint16_t)vlan;
    s->network_count++;
    return true;
}

/* The first whole disk that is neither root's memory nor what the firmware starts from. */
static bool first_data_disk(struct vm_start *s, bool write)
{
    const uint32_t others = DISK_PARTITION | DISK_FIRMWARE | DISK_MEMORY;
    struct disk_info d = {0};

    for (; device_call(DEVICE_DISK, DISK_IOCTL_INFO, &d) == 0; d.index++) {
        if ((d.flags & others) != 0)
            continue;
        rt_strlcpy(s->disks[0].name, d.name, sizeof(s->disks[0].name));
        s->disks[0].flags = write ? 0 : VM_DISK_READ_ONLY;
        s->disk_count = 1;
        return true;
    }
    print("start: there is no data disk; give one by disk=NAME\n");
    return false;
}

static bool start_word(struct vm_start *s, const char *word, int index)
{
    if (has_prefix(word, "disk="))
        return disk_option(s, word);
    if (has_prefix(word, "net="))
        return net_option(s, word);
    if (index == 0 && !contains(word, '=')) {
        rt_strlcpy(s->module, word, sizeof(s->module));
        return true;
    }
    if (has_prefix(word, "vps="))
        return number_option(word, "vps=", &s->vp_count);
    if (has_prefix(word, "memory="))
        return number_option(word, "memory=", &s->memory_mib);
    if (has_prefix(word, "weight="))
        return number_option(word, "weight=", &s->weight);
    if (has_prefix(word, "cap="))
        return percent_option(word, "cap=", &s->cap);
    if (has_prefix(word, "reserve="))
        return percent_option(word, "reserve=", &s->reserve);
    if (has_prefix(word, "privileges="))
        return privileges_option(word, &s->privileges);
    return pass_option(s, word);
}

int command_start(int argc, char **argv)
{
    struct vm_start s = {0};
    bool write = false;
    int64_t result;

    if (argc < 2) {
        print("start: which child?\n");
        return 1;
    }
    rt_strlcpy(s.name, argv[1], sizeof(s.name));
    rt_strlcpy(s.module, argv[1], sizeof(s.module));
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--write") == 0)
            write = true;
        else if (strcmp(argv[i], "--echo") == 0)
            s.flags |= VM_START_ECHO;
        else if (!start_word(&s, argv[i], i - 2))
            return 1;
    }
    if (s.disk_count == 0 && (write || strcmp(s.module, "disk") == 0) &&
        !first_data_disk(&s, write))
        return 1;
    module_find(s.module, s.module); /* or the kernel says that there is none */
    result = device_call(DEVICE_VM, VM_IOCTL_START, &s);
    if (result < 0)
        return report(s.name, result);
    print("%s: started, partition %lu\n", s.name, s.partition_id);
    return 0;
}

int command_stop(int argc, char **argv)
{
    struct vm_stop s = {0};
    int64_t result;

    if (argc != 2) {
        print("stop: which child?\n");
        return 1;
    }
    rt_strlcpy(s.name, argv[1], sizeof(s.name));
    result = device_call(DEVICE_VM, VM_IOCTL_STOP, &s);
    if (result < 0)
        return report(s.name, result);
    print("%s: stopped\n", s.name);
    return 0;
}

static int print_end(const struct vm_wait *w)
{
    if (w->end == VM_END_EXIT) {
        print("%s: ended with status %u\n", w->name, w->status);
        return w->status != 0;
    }
    print("%s: %s\n", w->name, w->reason);
    return w->end != VM_END_STOPPED;
}

/* Piece by piece, with a look at the keys in between. @ns 0: without end. */
static int64_t wait_or_interrupt(struct vm_wait *w, uint64_t ns)
{
    uint64_t left = ns != 0 ? ns : UINT64_MAX;

    for (;;) {
        int64_t result;

        w->timeout_ns = left < WAIT_PIECE_NS ? left : WAIT_PIECE_NS;
        result = device_call(DEVICE_VM, VM_IOCTL_WAIT, w);
        if (ns != 0)
            left -= w->timeout_ns;
        if (result != -ETIMEDOUT || left == 0)
            return result;
        if (interrupt_typed())
            return -EINTR;
    }
}

int command_wait(int argc, char **argv)
{
    struct vm_wait w = {0};
    uint64_t seconds = 0;
    int64_t result;

    if (argc < 2 || argc > 3 ||
        (argc == 3 && (!parse_number(argv[2], &seconds) || seconds > UINT64_MAX / NS_PER_S))) {
        print("wait: which child, and how many seconds?\n");
        return 1;
    }
    rt_strlcpy(w.name, argv[1], sizeof(w.name));
    result = wait_or_interrupt(&w, seconds * NS_PER_S);
    if (result == -EINTR) {
        print("^C\n%s: goes on\n", w.name);
        return 1;
    }
    return result < 0 ? report(w.name, result) : print_end(&w);
}
