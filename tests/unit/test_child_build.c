/* SPDX-License-Identifier: MIT */
/* tests/unit/test_child_build.c - root makes a child while the hypervisor runs short of memory at each
 * call, once: after the deposit, whose list lies in the same page, the call is made as it was. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hvabi/partition.h>
#include "bus/bus.h"
#include "child/child.h"
#include "child/hv.h"
#include "child/image.h"
#include "child/ports.h"
#include "mm/memory.h"
#include "root_kernel.h"

enum { VPS = 2, INPUT_COMPARED = 64, ROOT_ID = 0x400, CHILD_ID = 0x801 };

static struct {
    _Alignas(8) uint8_t input[HV_PAGE_SIZE], output[HV_PAGE_SIZE];
    uint8_t refused[INPUT_COMPARED];
    uint64_t refused_control; /* 0: the next that may run short does */
    unsigned deposits, repeated, maps, msr_intercepts;
    uint64_t privileges, privileges_set;
    uint64_t weight, cap, reserve; /* set; a reserve above the cap is refused */
    bool no_room;                  /* for a VP */
} hv;

static struct hv_client client;

static bool runs_short(uint16_t code)
{
    switch (code) {
    case HvCallCreatePartition:
    case HvCallInitializePartition:
    case HvCallMapGpaPages:
    case HvCallInstallIntercept:
    case HvCallCreatePort:
    case HvCallConnectPort:
    case HvCallCreateVp:
    case HvCallMapStatsPage:
        return true;
    default:
        return false;
    }
}

static void note_scheduling(uint32_t code, uint64_t value)
{
    if (code == HvPartitionPropertyCpuWeight)
        hv.weight = value;
    else if (code == HvPartitionPropertyCpuCap)
        hv.cap = hv.reserve <= value ? value : 0;
    else if (code == HvPartitionPropertyCpuReserve)
        hv.reserve = value <= hv.cap ? value : 0;
}

static void note_done(uint16_t code)
{
    const struct hv_input_set_partition_property *property = (const void *)hv.input;
    const struct hv_input_install_intercept *intercept = (const void *)hv.input;

    if (code == HvCallGetPartitionProperty)
        memcpy(hv.output, &hv.privileges, sizeof(hv.privileges));
    if (code == HvCallSetPartitionProperty &&
        property->property_code == HvPartitionPropertyPrivilegeFlags)
        hv.privileges_set = property->property_value;
    if (code == HvCallSetPartitionProperty)
        note_scheduling(property->property_code, property->property_value);
    hv.msr_intercepts += code == HvCallInstallIntercept &&
                         intercept->intercept_type == HvInterceptTypeX64MsrIndex;
}

uint64_t hypercall_invoke(const void *page, uint64_t control, uint64_t input, uint64_t output)
{
    uint16_t code = (uint16_t)control;
    uint64_t reps = control >> HV_HYPERCALL_REP_COUNT_SHIFT & 0xfff;

    (void)page;
    (void)input;
    (void)output;
    hv.deposits += code == HvCallDepositMemory;
    hv.maps += code == HvCallMapStatsPage;
    if (runs_short(code) && hv.refused_control == 0) {
        hv.refused_control = control;
        memcpy(hv.refused, hv.input, INPUT_COMPARED);
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    if (runs_short(code)) {
        assert_true(control == hv.refused_control);
        if ((control & HV_HYPERCALL_FAST) == 0)
            assert_memory_equal(hv.input, hv.refused, INPUT_COMPARED);
        hv.refused_control = 0;
        hv.repeated++;
    }
    if (code == HvCallCreateVp && hv.no_room)
        return HV_STATUS_OPERATION_DENIED;
    note_done(code);
    if (code == HvCallCreatePartition)
        memcpy(hv.output, &(uint64_t){CHILD_ID}, sizeof(uint64_t));
    if (code == HvCallWithdrawMemory)
        return HV_STATUS_NO_RESOURCES;
    return HV_STATUS_SUCCESS | reps << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT;
}

const struct hv_client *hv_begin(void)
{
    return &client;
}

void hv_end(void)
{
}

hv_partition_id hv_root_id(void)
{
    return ROOT_ID;
}

uint32_t child_number(const struct child *c)
{
    (void)c;
    return 0;
}

uint32_t doorbell_port(const struct doorbell *d)
{
    return PORT_DOORBELL + d->flag;
}

struct hv_port_info doorbell_port_info(const struct doorbell *d)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeEvent,
        .event = {.base_flag_number = (uint16_t)d->flag, .flag_count = 1}};
}

/* The child has no bus. */
hv_status bus_connect(struct bus *b, const struct hv_client *h)
{
    (void)b;
    (void)h;
    return HV_STATUS_OPERATION_DENIED;
}

bool bus_run(struct bus *b)
{
    (void)b;
    return false;
}

void child_id_enter(struct child *c)
{
    assert_int_equal(c->id, CHILD_ID);
}

void memory_totals(struct memory_totals *t)
{
    *t = (struct memory_totals){.total = 1 << 30, .free = 1 << 30};
}

void page_zero(uint64_t physical, unsigned order)
{
    memset((void *)(uintptr_t)physical, 0, PAGE_SIZE << order);
}

const char *image_load(const struct image_target *t, const void *file, size_t size, uint64_t *entry)
{
    (void)t;
    (void)file;
    (void)size;
    *entry = 1 << 20;
    return NULL;
}

bool image_boot_data(const struct image_target *t, const char *command_line, uint32_t vp_count,
                     uint32_t event_connection, uint32_t message_connection)
{
    (void)t;
    (void)command_line;
    (void)vp_count;
    (void)event_connection;
    (void)message_connection;
    return true;
}

static int begin(void **state)
{
    (void)state;
    fake_kernel_reset();
    memset(&hv, 0, sizeof(hv));
    client = (struct hv_client){.page = "page", .input = hv.input, .output = hv.output};
    pool_use_pages();
    return 0;
}

static void pool_forget(struct child_pool *pool)
{
    while (pool->blocks != NULL) {
        struct pool_block *b = pool->blocks;

        pool->blocks = b->next;
        page_free(b->base, 0);
        kfree(b);
    }
}

static int end(void **state)
{
    (void)state;
    pool_forget(pool_of_root());
    assert_int_equal(fake.live, 0);
    return 0;
}

static void each_call_is_repeated_as_it_was(void **state)
{
    static const void *stats[VPS];
    struct child c = {.name = "child",
                      .vp_count = VPS,
                      .memory_size = RAM_BLOCK,
                      .ram = ram_create(RAM_BLOCK, 0),
                      .event = {.flag = 1},
                      .stats_pages = stats};
    uint64_t entry;

    (void)state;
    assert_null(toy_load(&c, "", 0, "", &entry));
    assert_null(child_build(&client, &c));
    assert_null(toy_boot(&client, &c, entry));
    assert_int_equal(hv.maps, 2 * VPS);
    assert_int_equal(hv.repeated, hv.deposits);
    for (unsigned i = 0; i < VPS; i++) {
        assert_non_null(stats[i]);
        page_free(virt_to_phys(stats[i]), 0);
    }
    ram_put(c.ram);
    pool_forget(&c.pool);
}

/* With privileges that Linux takes for a root's, and those of every child. */
static void a_child_with_a_worker_is_no_root(void **state)
{
    const uint64_t of_all = HV_PRIVILEGE_POST_MESSAGES | HV_PRIVILEGE_SIGNAL_EVENTS;
    static const void *stats[VPS];
    struct child c = {.name = "child",
                      .vp_count = VPS,
                      .memory_size = RAM_BLOCK,
                      .has_worker = true,
                      .ram = ram_create(RAM_BLOCK, VPS),
                      .stats_pages = stats};

    (void)state;
    hv.privileges = of_all | HV_PRIVILEGE_ACCESS_PARTITION_ID | HV_PRIVILEGE_CPU_MANAGEMENT;
    assert_null(child_build(&client, &c));
    assert_true(hv.privileges_set == of_all);
    assert_int_equal(hv.msr_intercepts, 2);
    for (unsigned i = 0; i < VPS; i++)
        page_free(virt_to_phys(stats[i]), 0);
    ram_put(c.ram);
    pool_forget(&c.pool);
}

static void child_is_scheduled_as_it_shall_be(void **state)
{
    struct child c = {.name = "child",
                      .vp_count = VPS,
                      .weight = 7,
                      .cap = 0x4000,
                      .reserve = 0x3000,
                      .memory_size = RAM_BLOCK,
                      .ram = ram_create(RAM_BLOCK, 0)};

    (void)state;
    hv.no_room = true;
    assert_ptr_equal(child_build(&client, &c), child_no_room);
    assert_int_equal(hv.weight, 7);
    assert_int_equal(hv.cap, 0x4000);
    assert_int_equal(hv.reserve, 0x3000);
    ram_put(c.ram);
    pool_forget(&c.pool);
}

static void the_hypervisors_statistics_are_mapped_as_they_were(void **state)
{
    const struct hv_input_map_stats_page in = {.stats_type = HvStatsObjectHypervisor,
                                               .gpa_page = 0x1234};

    (void)state;
    assert_int_equal(child_map_stats_page(&client, &in), HV_STATUS_SUCCESS);
    assert_int_equal(hv.maps, 2);
    assert_memory_equal(hv.input, &in, sizeof(in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_call_is_repeated_as_it_was, begin, end),
        cmocka_unit_test_setup_teardown(a_child_with_a_worker_is_no_root, begin, end),
        cmocka_unit_test_setup_teardown(child_is_scheduled_as_it_shall_be, begin, end),
        cmocka_unit_test_setup_teardown(the_hypervisors_statistics_are_mapped_as_they_were, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
