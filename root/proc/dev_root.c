/* SPDX-License-Identifier: MIT */
/* root/proc/dev_root.c - /dev/root: the kernel about itself; see rootabi/root.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include "boot/handoff.h"
#include "cpu/cpu.h"
#include "log_ring.h"
#include "mm/memory.h"
#include "panic.h"
#include "proc/devices.h"
#include "sched/sched.h"
#include "sched/time.h"

static int64_t root_info(struct file *f, void *argument)
{
    struct root_info *info = argument;
    struct memory_totals m;

    (void)f;
    memory_totals(&m);
    *info = (struct root_info){
        .memory_total = m.total,
        .memory_free = m.free,
        .memory_loader = m.loader_kept,
        .memory_hypervisor = m.hypervisor_kept,
        .uptime_ns = time_now(),
        .tsc_hz = time_tsc_frequency(),
        .cpu_count = cpu_count(),
        .launch = handoff_info()->launch,
    };
    rt_strlcpy(info->build_id, build_id(), sizeof(info->build_id));
    return 0;
}

static int64_t root_cpu(struct file *f, void *argument)
{
    struct root_cpu *c = argument;
    struct cpu *cpu;
    struct run_queue *q;
    uint64_t flags;

    (void)f;
    if (c->index >= cpu_count())
        return -ENOENT;
    cpu = cpu_get(c->index);
    q = &cpu->run_queue;
    flags = spin_lock(&q->lock);
    c->apic_id = cpu->apic_id;
    c->idle_ns = q->idle_ns + (q->running == q->idle ? time_now() - q->idle->run_since : 0);
    c->switches = q->switches;
    c->interrupts = cpu->interrupts;
    rt_strlcpy(c->thread, q->running->name, sizeof(c->thread));
    spin_unlock(&q->lock, flags);
    return 0;
}

static int64_t root_log(struct file *f, void *argument)
{
    struct root_log *l = argument;

    (void)f;
    l->length = (uint32_t)log_read(&l->position, l->text, sizeof(l->text));
    return 0;
}

static int64_t root_option(struct file *f, void *argument)
{
    struct root_option *o = argument;
    const char *value;
    size_t length, n;

    (void)f;
    o->key[sizeof(o->key) - 1] = '\0';
    value = handoff_option_find(o->key, &length);
    if (value == NULL)
        return -ENOENT;
    if (o->offset > length)
        return -EINVAL;
    n = length - o->offset;
    n = n < sizeof(o->value) ? n : sizeof(o->value) - 1;
    memcpy(o->value, value + o->offset, n);
    o->value[n] = '\0';
    o->length = (uint32_t)length;
    return 0;
}

static int64_t root_module(struct file *f, void *argument)
{
    struct root_module *m = argument;
    const struct boot_module *module = handoff_module(m->index);

    (void)f;
    if (module == NULL)
        return -ENOENT;
    m->size = module->size;
    rt_strlcpy(m->name, module->name, sizeof(m->name));
    return 0;
}

static const struct file_ioctl ioctls[] = {
    {ROOT_IOCTL_INFO, root_info},     {ROOT_IOCTL_CPU, root_cpu},
    {ROOT_IOCTL_LOG, root_log},       {ROOT_IOCTL_OPTION, root_option},
    {ROOT_IOCTL_MODULE, root_module},
};

const struct file_operations dev_root = {
    .name = "/dev/root",
    .ioctls = ioctls,
    .ioctl_count = sizeof(ioctls) / sizeof(ioctls[0]),
};
