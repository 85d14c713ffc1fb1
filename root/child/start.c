/* SPDX-License-Identifier: MIT */
/* root/child/start.c - how children begin: toy guests by child_start, and partitions for a worker
 * by child_create. */
#include <hvabi/partition.h>
#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "boot/handoff.h"
#include "bus/bus.h"
#include "child/child.h"
#include "child/hv.h"
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"

enum { MODULE_SUFFIX_MAX = 8 };

/* "hello" also names the module "hello.elf". */
const struct boot_module *child_program(const char *name)
{
    char with_suffix[VM_NAME_SIZE + MODULE_SUFFIX_MAX];
    const struct boot_module *m = handoff_find_module(name);

    if (m != NULL)
        return m;
    rt_snprintf(with_suffix, sizeof(with_suffix), "%s.elf", name);
    return handoff_find_module(with_suffix);
}

/* Before there is a child: nothing is wrong with what is asked for. */
static bool check(const struct child_plan *p)
{
    return p->name[0] != '\0' && p->vp_count <= CHILD_VPS_MAX && p->memory_mib != 1 &&
           p->memory_mib <= VM_MEMORY_MAX_MIB && p->disk_count <= VM_DISKS_MAX &&
           p->network_count <= VM_NETWORKS_MAX && p->cap <= HV_PARTITION_CPU_CAP_MAX &&
           p->reserve <= (p->cap != 0 ? p->cap : HV_PARTITION_CPU_CAP_MAX);
}

/* A toy guest has a bus if it has something on it; others expect one. */
static int64_t make_bus(struct child *c, const struct child_plan *p)
{
    struct bus *b = NULL;
    const struct bus_devices devices = {.disks = p->disks,
                                        .disk_count = p->disk_count,
                                        .networks = p->networks,
                                        .network_count = p->network_count,
                                        .link_down = (p->flags & VM_CREATE_LINK_DOWN) != 0,
                                        .echo = (p->flags & VM_START_ECHO) != 0,
                                        .integration = p->has_worker};
    bool wanted = p->has_worker || p->disk_count != 0 || p->network_count != 0 || devices.echo;
    int64_t result = wanted ? bus_create(c, &devices, &b) : 0;
    uint64_t flags = spin_lock(&c->lock);

    c->bus = b;
    spin_unlock(&c->lock, flags);
    return result;
}

static bool make_ram(struct child *c)
{
    struct child_ram *r = ram_create(c->memory_size, c->has_worker ? c->vp_count : 0);
    uint64_t flags = spin_lock(&c->lock);

    c->ram = r;
    spin_unlock(&c->lock, flags);
    return r != NULL;
}

/* Everything but the partition. */
static const char *prepare(struct child *c, const struct child_plan *p, int64_t *result)
{
    *result = make_bus(c, p);
    if (*result != 0)
        return "its VMBus cannot be made";
    c->stats_pages = kalloc(c->vp_count * sizeof(*c->stats_pages));
    *result = -ENOMEM;
    if (c->stats_pages == NULL || !make_ram(c))
        return "root has not so much memory in blocks of 2 MiB left";
    if (c->has_worker) {
        if (!worker_allocate(c))
            return "root has no memory";
    } else {
        c->lines = kalloc(c->vp_count * sizeof(*c->lines));
        if (c->lines == NULL)
            return "root has no memory";
        (void)doorbell_take(&c->event, child_number(c) % cpu_count(), child_number(c), child_event,
                            c);
    }
    *result = 0;
    return NULL;
}

/* Last, for nobody stops its thread where something fails. */
static const char *run_bus(const struct child *c)
{
    return c->bus == NULL || bus_run(c->bus) ? NULL
                                             : "root has no memory for the thread of its VMBus";
}

/* The end of either beginning. Under hv_begin. */
static int64_t finish(struct child *c, const struct hv_client *h, const char *wrong, int64_t result)
{
    if (wrong != NULL) {
        child_give_up(c, h, wrong);
        if (wrong == child_no_room)
            return -ENOSPC;
        return result != 0 ? result : -EIO;
    }
    log_print("child %s: partition %lx, %u VPs, %lu MiB", c->name, c->id, c->vp_count,
              c->memory_size >> 20);
    child_let_run(c);
    return 0;
}

/* ---- toy guests ---- */

/* Of a toy guest that is prepared. Under hv_begin. */
static const char *boot_toy(const struct hv_client *h, struct child *c, uint64_t entry)
{
    const char *wrong = child_build(h, c);

    if (wrong == NULL)
        wrong = toy_boot(h, c, entry);
    return wrong != NULL ? wrong : run_bus(c);
}

static int64_t start(struct child *c, const struct child_plan *plan, const struct boot_module *m,
                     struct vm_start *a)
{
    uint64_t entry;
    int64_t result;
    const char *wrong = prepare(c, plan, &result);
    const struct hv_client *h;

    if (wrong == NULL)
        wrong = toy_load(c, phys_to_virt(m->base), m->size, a->options, &entry);
    h = hv_begin();
    if (wrong == NULL)
        wrong = boot_toy(h, c, entry);
    a->partition_id = c->id;
    result = finish(c, h, wrong, result);
    hv_end();
    return result;
}

int64_t child_start(struct vm_start *a)
{
    const struct boot_module *m = child_program(a->module[0] != '\0' ? a->module : a->name);
    const struct child_plan plan = {
        .name = a->name,
        .vp_count = a->vp_count,
        .memory_mib = a->memory_mib,
        .weight = a->weight,
        .cap = a->cap,
        .reserve = a->reserve,
        .privileges = a->privileges,
        .disks = a->disks,
        .disk_count = a->disk_count,
        .networks = a->networks,
        .network_count = a->network_count,
        .flags = a->flags,
    };
    struct child *c;
    int64_t result;

    if (m == NULL)
        return -ENOENT;
    if (!check(&plan))
        return -EINVAL;
    result = child_enter(&plan, &c);
    return result != 0 ? result : start(c, &plan, m, a);
}

/* ---- partitions for a worker ---- */

/* Under hv_begin. */
static const char *build_partition(const struct hv_client *h, struct child *c)
{
    const char *wrong = child_build(h, c);

    if (wrong != NULL)
        return wrong;
    worker_begin(c);
    return run_bus(c);
}

static int64_t create(struct child *c, const struct child_plan *plan)
{
    int64_t result;
    const char *wrong = prepare(c, plan, &result);
    const struct hv_client *h = hv_begin();

    if (wrong == NULL)
        wrong = build_partition(h, c);
    result = finish(c, h, wrong, result);
    hv_end();
    return result;
}

int64_t child_create(struct vm_create *a, struct child **out)
{
    const struct child_plan plan = {
        .name = a->name,
        .vp_count = a->vp_count,
        .memory_mib = a->memory_mib,
        .weight = a->weight,
        .cap = a->cap,
        .reserve = a->reserve,
        .disks = a->disks,
        .disk_count = a->disk_count,
        .networks = a->networks,
        .network_count = a->network_count,
        .flags = a->flags,
        .has_worker = true,
    };
    int64_t result;

    _Static_assert(VM_CREATE_ECHO == VM_START_ECHO, "one set of flags");
    if (!check(&plan) || (a->flags & ~(VM_CREATE_ECHO | VM_CREATE_LINK_DOWN)) != 0 ||
        a->weight > HV_PARTITION_CPU_WEIGHT_MAX)
        return -EINVAL;
    result = child_enter(&plan, out);
    if (result != 0)
        return result;
    child_get(*out);
    result = create(*out, &plan);
    a->partition_id = (*out)->id;
    if (result != 0)
        child_put(*out);
    return result;
}
