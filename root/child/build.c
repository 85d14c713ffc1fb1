/* SPDX-License-Identifier: MIT */
/* root/child/build.c - make a partition with memory, processors and ports, and take it apart again.
 * Each call that runs out of memory in the hypervisor is repeated after a deposit. */
#include <hvabi/guest_boot.h>
#include <hvabi/partition.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <x86/cr.h>
#include "child/child.h"
#include "child/hv.h"
#include "child/image.h"
#include "child/ports.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "bus/bus.h"

static char failure[96]; /* under hv_begin */

static const char *failed(const char *what, hv_status st)
{
    rt_snprintf(failure, sizeof(failure), "%s: status %x", what, st);
    return failure;
}

/* ---- memory ---- */

static void ram_write(void *context, uint64_t gpa, const void *data, size_t size)
{
    struct child *c = context;

    while (size != 0) {
        uint64_t in_block = CHILD_RAM_BLOCK - gpa % CHILD_RAM_BLOCK;
        size_t n = size < in_block ? size : in_block;
        uint8_t *to = phys_to_virt(c->ram[gpa / CHILD_RAM_BLOCK] + gpa % CHILD_RAM_BLOCK);
        if (data != NULL) {
            memcpy(to, data, n);
            data = (const uint8_t *)data + n;
        } else {
            memset(to, 0, n);
        }
        gpa += n;
        size -= n;
    }
}

static bool ram_allocate(struct child *c)
{
    for (; c->ram_blocks < c->memory_size / CHILD_RAM_BLOCK; c->ram_blocks++) {
        uint64_t block = page_alloc(CHILD_RAM_BLOCK_ORDER);
        if (block == 0)
            return false;
        page_zero(block, CHILD_RAM_BLOCK_ORDER);
        c->ram[c->ram_blocks] = block;
    }
    return true;
}

static hv_status ram_map(const struct hv_client *h, struct child *c)
{
    const uint32_t flags = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE |
                           HV_MAP_GPA_LARGE_PAGE;
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < c->ram_blocks && st == HV_STATUS_SUCCESS; i++) {
        uint64_t source = c->ram[i] >> PAGE_SHIFT;
        uint64_t target = i * (CHILD_RAM_BLOCK >> PAGE_SHIFT);
        uint32_t done;
        st = WITH_DEPOSITS(h, &c->pool,
                           hv_call_map_gpa_pages(h, c->id, target, flags, &source, 1, &done));
    }
    return st;
}

/* ---- processors ---- */

static hv_status set_registers(const struct hv_client *h, struct child *c, uint64_t entry)
{
    enum { CODE64 = 0xa09b, DATA = 0xc093, CODE_SELECTOR = 8, DATA_SELECTOR = 16 };
    const struct hv_x64_segment_register code = {
        .limit = UINT32_MAX, .selector = CODE_SELECTOR, .attributes = CODE64};
    const struct hv_x64_segment_register data = {
        .limit = UINT32_MAX, .selector = DATA_SELECTOR, .attributes = DATA};
    const struct hv_register_assoc registers[] = {
        {.name = HvX64RegisterCr3, .value.reg64 = GUEST_BOOT_PML4_GPA},
        {.name = HvX64RegisterCr4, .value.reg64 = CR4_PAE | CR4_OSFXSR},
        {.name = HvX64RegisterEfer, .value.reg64 = EFER_LME | EFER_LMA},
        {.name = HvX64RegisterCr0, .value.reg64 = CR0_PE | CR0_PG | CR0_NE | CR0_WP | CR0_ET},
        {.name = HvX64RegisterCs, .value.segment = code},
        {.name = HvX64RegisterDs, .value.segment = data},
        {.name = HvX64RegisterEs, .value.segment = data},
        {.name = HvX64RegisterSs, .value.segment = data},
        {.name = HvX64RegisterRflags, .value.reg64 = RFLAGS_RESERVED1},
        {.name = HvX64RegisterRdi, .value.reg64 = GUEST_BOOT_GPA},
        {.name = HvX64RegisterRip, .value.reg64 = entry},
    };

    return hv_call_set_vp_registers(h, c->id, 0, registers,
                                    (uint32_t)(sizeof(registers) / sizeof(registers[0])));
}

static const char *make_vps(const struct hv_client *h, struct child *c, uint64_t entry)
{
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < c->vp_count && st == HV_STATUS_SUCCESS; i++)
        st = WITH_DEPOSITS(h, &c->pool, hv_call_create_vp(h, c->id, i));
    if (st != HV_STATUS_SUCCESS)
        return failed("HvCallCreateVp", st);
    st = set_registers(h, c, entry);
    return st == HV_STATUS_SUCCESS ? NULL : failed("HvCallSetVpRegisters", st);
}

static const char *run_vps(const struct hv_client *h, struct child *c)
{
    const struct hv_register_assoc go = {.name = HvRegisterExplicitSuspend, .value.reg64 = 0};

    for (uint32_t i = 0; i < c->vp_count; i++) {
        hv_status st = hv_call_set_vp_registers(h, c->id, i, &go, 1);
        if (st != HV_STATUS_SUCCESS)
            return failed("HvRegisterExplicitSuspend", st);
    }
    return NULL;
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

/* ---- intercepts and ports ---- */

static hv_status install_intercepts(const struct hv_client *h, struct child *c)
{
    static const uint16_t ports[] = {GUEST_PORT_CONSOLE, GUEST_PORT_ROOT_TICKS,
                                     GUEST_PORT_ROOT_EXITS, GUEST_PORT_EXIT};
    const uint32_t access = HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE;
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < sizeof(ports) / sizeof(ports[0]) && st == HV_STATUS_SUCCESS; i++)
        st = WITH_DEPOSITS(h, &c->pool,
                           hv_call_install_intercept(h, c->id, HvInterceptTypeX64IoPort, access,
                                                     ports[i]));
    return st;
}

/* What toy guests may signal and post; a child gets the event if a doorbell was free. */
static hv_status make_ports(const struct hv_client *h, struct child *c)
{
    const struct hv_port_info event = doorbell_port_info(&c->event);
    const struct hv_port_info message = {
        .port_type = HvPortTypeMessage,
        .message = {.target_sint = HV_SINT_CHILDREN},
    };
    hv_status st = HV_STATUS_SUCCESS;

    if (c->event.flag != 0)
        st = port_to_root(h, c, doorbell_port(&c->event), &event, CONNECTION_EVENT);
    if (st == HV_STATUS_SUCCESS)
        st = port_to_root(h, c, PORT_MESSAGE(child_number(c)), &message, CONNECTION_MESSAGE);
    if (st == HV_STATUS_SUCCESS && c->bus != NULL)
        st = bus_connect(c->bus, h);
    return st;
}

/* ---- the whole ---- */

static hv_status add_privileges(const struct hv_client *h, struct child *c)
{
    uint64_t privileges;
    hv_status st = hv_call_get_partition_property(h, c->id, HvPartitionPropertyPrivilegeFlags,
                                                  &privileges);

    return st != HV_STATUS_SUCCESS
               ? st
               : hv_call_set_partition_property(h, c->id, HvPartitionPropertyPrivilegeFlags,
                                                privileges | c->privileges);
}

static const char *make_partition(const struct hv_client *h, struct child *c)
{
    hv_status st = WITH_DEPOSITS(h, pool_of_root(), hv_call_create_partition(h, 0, &c->id));

    if (st != HV_STATUS_SUCCESS)
        return failed("HvCallCreatePartition", st);
    c->created = true;
    c->pool.id = c->id;
    if (c->weight != 0) {
        st = hv_call_set_partition_property(h, c->id, HvPartitionPropertyCpuWeight, c->weight);
        if (st != HV_STATUS_SUCCESS)
            return failed("the CPU weight", st);
    }
    if (c->privileges != 0) {
        st = add_privileges(h, c);
        if (st != HV_STATUS_SUCCESS)
            return failed("the privileges", st);
    }
    st = WITH_DEPOSITS(h, &c->pool, hv_call_initialize_partition(h, c->id));
    if (st != HV_STATUS_SUCCESS)
        return failed("HvCallInitializePartition", st);
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

static const char *fill_ram(struct child *c, const void *image, size_t size, const char *options,
                            uint64_t *entry)
{
    const struct image_target t = {c->memory_size, ram_write, c};
    const char *wrong;

    if (!ram_allocate(c))
        return "root has no memory in blocks of 2 MiB left";
    wrong = image_load(&t, image, size, entry);
    if (wrong != NULL)
        return wrong;
    return image_boot_data(&t, options, c->vp_count, c->event.flag != 0 ? CONNECTION_EVENT : 0,
                           CONNECTION_MESSAGE)
               ? NULL
               : "the command line is too long";
}

const char *child_build(const struct hv_client *h, struct child *c, const void *image, size_t size,
                        const char *options)
{
    uint64_t entry;
    const char *wrong = fill_ram(c, image, size, options, &entry);
    hv_status st;

    if (wrong == NULL)
        wrong = make_partition(h, c);
    if (wrong != NULL)
        return wrong;
    child_id_enter(c);
    st = ram_map(h, c);
    if (st != HV_STATUS_SUCCESS)
        return failed("HvCallMapGpaPages", st);
    st = install_intercepts(h, c);
    if (st != HV_STATUS_SUCCESS)
        return failed("HvCallInstallIntercept", st);
    st = make_ports(h, c);
    if (st != HV_STATUS_SUCCESS)
        return failed("ports", st);
    wrong = make_vps(h, c, entry);
    if (wrong != NULL)
        return wrong;
    map_stats(h, c);
    wrong = run_vps(h, c);
    if (wrong != NULL)
        return wrong;
    /* Last, for nobody stops its thread where something fails. */
    return c->bus == NULL || bus_run(c->bus) ? NULL
                                             : "root has no memory for the thread of its VMBus";
}

static void delete_ports(const struct hv_client *h, struct child *c)
{
    if (!c->created)
        return;
    if (c->event.flag != 0)
        port_to_root_delete(h, c, doorbell_port(&c->event), CONNECTION_EVENT);
    port_to_root_delete(h, c, PORT_MESSAGE(child_number(c)), CONNECTION_MESSAGE);
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

void child_destroy(const struct hv_client *h, struct child *c)
{
    delete_ports(h, c);
    if (c->created && !delete_partition(h, c))
        c->ram_blocks = 0; /* never used again */
    c->created = c->initialized = false;
    for (uint32_t i = 0; i < c->vp_count && c->stats_pages != NULL; i++) {
        if (c->stats_pages[i] != NULL)
            page_free(virt_to_phys(c->stats_pages[i]), 0);
        c->stats_pages[i] = NULL;
    }
    while (c->ram_blocks != 0)
        page_free(c->ram[--c->ram_blocks], CHILD_RAM_BLOCK_ORDER);
}
