/* SPDX-License-Identifier: MIT */
/* root/child/build.c - make a partition with memory and processors, and take it apart again. Each call
 * that runs out of memory in the hypervisor is repeated after a deposit. */
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "child/child.h"
#include "child/hv.h"
#include "child/ports.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "bus/bus.h"

static char failure[96]; /* under hv_begin */

const char *child_failed(const char *what, hv_status st)
{
    rt_snprintf(failure, sizeof(failure), "%s: status %x", what, st);
    return failure;
}

/* ---- memory ---- */

static hv_status ram_map(const struct hv_client *h, struct child *c)
{
    const uint32_t flags = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE |
                           HV_MAP_GPA_LARGE_PAGE;
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < c->ram->count && st == HV_STATUS_SUCCESS; i++) {
        uint64_t source = c->ram->blocks[i] >> PAGE_SHIFT;
        uint64_t target = ram_gpa(c->ram, i) >> PAGE_SHIFT;
        uint32_t done;
        st = WITH_DEPOSITS(h, &c->pool,
                           hv_call_map_gpa_pages(h, c->id, target, flags, &source, 1, &done));
    }
    return st;
}

/* ---- processors ---- */

const char child_no_room[] = "no processor has room for its reserve";

static hv_status make_vps(const struct hv_client *h, struct child *c)
{
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < c->vp_count && st == HV_STATUS_SUCCESS; i++)
        st = WITH_DEPOSITS(h, &c->pool, hv_call_create_vp(h, c->id, i));
    return st;
}

static hv_status map_stats_page(const struct hv_client *h, const struct hv_input_map_stats_page *in)
{
    memcpy(h->input, in, sizeof(*in));
    return hv_client_call(h, HvCallMapStatsPage);
}

hv_status child_map_stats_page(const struct hv_client *h, const struct hv_input_map_stats_page *in)
{
    return WITH_DEPOSITS(h, pool_of_root(), map_stats_page(h, in));
}

/* A page of root's space over which each VP's counters are laid. Without it they are not shown. */
static void map_stats(const struct hv_client *h, struct child *c)
{
    for (uint32_t i = 0; i < c->vp_count; i++) {
        uint64_t page = page_alloc(0);
        const struct hv_input_map_stats_page in = {
            .stats_type = HvStatsObjectVp,
            .identity = {.partition_or_lp = c->id, .vp_index = i},
            .gpa_page = page >> PAGE_SHIFT,
        };
        hv_status st = page != 0 ? child_map_stats_page(h, &in) : HV_STATUS_NO_RESOURCES;

        if (st != HV_STATUS_SUCCESS) {
            log_print("child %s: VP %u has no statistics: status %x", c->name, i, st);
            if (page != 0)
                page_free(page, 0);
            return;
        }
        c->stats_pages[i] = phys_to_virt(page);
    }
}

/* ---- intercepts ---- */

/* What the system of a child with a worker says of itself. */
static hv_status intercept_msrs(const struct hv_client *h, struct child *c)
{
    static const uint32_t msrs[] = {HV_X64_MSR_CRASH_CTL, HV_X64_MSR_RESET};
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]) && st == HV_STATUS_SUCCESS; i++)
        st = WITH_DEPOSITS(h, &c->pool,
                           hv_call_install_intercept(h, c->id, HvInterceptTypeX64MsrIndex,
                                                     HV_INTERCEPT_ACCESS_MASK_WRITE, msrs[i]));
    return st;
}

/* ---- the whole ---- */

/* What a system that somebody else wrote must not find: with the first two Linux takes itself for the
 * root, or asks for an identifier that it has no room for; the third nobody there uses. */
#define NOT_FOR_WORKERS                                                                            \
    (HV_PRIVILEGE_CPU_MANAGEMENT | HV_PRIVILEGE_ACCESS_PARTITION_ID | HV_PRIVILEGE_ACCESS_STATS_REG)

static hv_status set_privileges(const struct hv_client *h, struct child *c)
{
    uint64_t privileges;
    hv_status st = hv_call_get_partition_property(h, c->id, HvPartitionPropertyPrivilegeFlags,
                                                  &privileges);

    if (st != HV_STATUS_SUCCESS)
        return st;
    privileges = c->has_worker ? privileges & ~NOT_FOR_WORKERS : privileges | c->privileges;
    return hv_call_set_partition_property(h, c->id, HvPartitionPropertyPrivilegeFlags, privileges);
}

/* The cap first: a reserve is no more than that. */
static const char *set_scheduling(const struct hv_client *h, const struct child *c)
{
    const struct {
        uint32_t code, value;
        const char *what;
    } properties[] = {
        {HvPartitionPropertyCpuWeight, c->weight, "the CPU weight"},
        {HvPartitionPropertyCpuCap, c->cap, "the CPU cap"},
        {HvPartitionPropertyCpuReserve, c->reserve, "the CPU reserve"},
    };

    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        hv_status st = HV_STATUS_SUCCESS;

        if (properties[i].value != 0)
            st = hv_call_set_partition_property(h, c->id, properties[i].code, properties[i].value);
        if (st != HV_STATUS_SUCCESS)
            return child_failed(properties[i].what, st);
    }
    return NULL;
}

static const char *make_partition(const struct hv_client *h, struct child *c)
{
    hv_status st = WITH_DEPOSITS(h, pool_of_root(), hv_call_create_partition(h, 0, &c->id));
    const char *wrong;

    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallCreatePartition", st);
    c->created = true;
    c->pool.id = c->id;
    wrong = set_scheduling(h, c);
    if (wrong != NULL)
        return wrong;
    if (c->privileges != 0 || c->has_worker) {
        st = set_privileges(h, c);
        if (st != HV_STATUS_SUCCESS)
            return child_failed("the privileges", st);
    }
    st = WITH_DEPOSITS(h, &c->pool, hv_call_initialize_partition(h, c->id));
    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallInitializePartition", st);
    c->initialized = true;
    return NULL;
}

void child_drain_root(void)
{
    static struct child peer = {.name = "peer of ports"}; /* never runs, and is never taken back */
    const struct hv_client *h = hv_begin();
    const char *wrong = make_partition(h, &peer);
    hv_status st = wrong == NULL ? HV_STATUS_SUCCESS : HV_STATUS_NO_RESOURCES;
    struct hv_input_create_port port = {
        .port_id = PORT_DRAIN,
        .port_partition_id = hv_root_id(),
        .connection_partition_id = peer.id,
        .port_info = {.port_type = HvPortTypeEvent,
                      .event = {.target_sint = HV_SINT_CHILDREN, .flag_count = 1}},
    };

    for (; st == HV_STATUS_SUCCESS; port.port_id++)
        st = hv_call_create_port(h, &port);
    hv_end();
    if (st == HV_STATUS_INSUFFICIENT_MEMORY)
        log_print("pool: root's own is empty, with %u ports", port.port_id - 1 - PORT_DRAIN);
    else
        log_print("pool: root's own cannot be emptied: %s, status %x", wrong ? wrong : "ports", st);
}

const char *child_build(const struct hv_client *h, struct child *c)
{
    const char *wrong = make_partition(h, c);
    hv_status st;

    if (wrong != NULL)
        return wrong;
    child_id_enter(c);
    st = ram_map(h, c);
    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallMapGpaPages", st);
    st = c->bus != NULL ? bus_connect(c->bus, h) : HV_STATUS_SUCCESS;
    if (st != HV_STATUS_SUCCESS)
        return child_failed("ports", st);
    st = c->has_worker ? intercept_msrs(h, c) : HV_STATUS_SUCCESS;
    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallInstallIntercept", st);
    st = make_vps(h, c);
    if (st == HV_STATUS_OPERATION_DENIED && c->reserve != 0)
        return child_no_room;
    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallCreateVp", st);
    map_stats(h, c);
    return NULL;
}

/* False: it is still there, and with it what was mapped into it. */
static bool delete_partition(const struct hv_client *h, struct child *c)
{
    hv_status st = hv_call_finalize_partition(h, c->id);

    if (st == HV_STATUS_SUCCESS)
        st = pool_withdraw(h, &c->pool);
    if (st == HV_STATUS_SUCCESS)
        do
            st = hv_call_delete_partition(h, c->id);
        while (st == HV_STATUS_OBJECT_IN_USE);
    if (st != HV_STATUS_SUCCESS)
        log_print("child %s: partition %lx cannot be taken back: status %x", c->name, c->id, st);
    return st == HV_STATUS_SUCCESS;
}

bool child_destroy(const struct hv_client *h, struct child *c)
{
    bool deleted = true;

    if (c->created && !c->has_worker)
        toy_ports_delete(h, c);
    if (c->created)
        deleted = delete_partition(h, c);
    c->created = c->initialized = false;
    for (uint32_t i = 0; i < c->vp_count && c->stats_pages != NULL; i++) {
        if (c->stats_pages[i] != NULL)
            page_free(virt_to_phys(c->stats_pages[i]), 0);
        c->stats_pages[i] = NULL;
    }
    return deleted;
}
