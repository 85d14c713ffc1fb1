/* SPDX-License-Identifier: MIT */
/* test_short_deposits.c - pools that have nothing: every call that allocates says so, goes on after
 * each single page that is deposited, and everything is back in the end. TLFS 2.0A, chapter 7. */
#include "fakes/test.h"

#include <hvabi/hypercall.h>
#include <hvabi/stats.h>
#include "core/statistics.h"
#include "fakes/hv_machine.h"
#include "mm/pfn.h"

enum { VPS = 4, EVENT_PORT = 1, MESSAGE_PORT = 2, SINT = 2, FLAG_COUNT = 4 };
#define IO_PORT   0x402u
#define GIB_PAGES (1ull << 18)

static hv_status call(uint64_t control, const void *in, size_t size, void *out, size_t out_size)
{
    return (hv_status)(machine_call(control, in, size, out, out_size) &
                       HV_HYPERCALL_RESULT_STATUS_MASK);
}

static uint64_t balance_in_use(uint64_t id)
{
    struct hv_input_get_memory_balance in = {.partition_id = id};
    struct hv_output_get_memory_balance out;

    assert_int_equal(call(HvCallGetMemoryBalance, &in, sizeof(in), &out, sizeof(out)),
                     HV_STATUS_SUCCESS);
    return out.pages_in_use;
}

static uint64_t deposited; /* pages, to children's pools */

/* One page; taking it out of root's space may need tables from root's own pool. */
static void deposit_page(uint64_t id)
{
    uint64_t in[2] = {id, machine_page().v >> PAGE_SHIFT};
    hv_status st = call(MACHINE_REP(HvCallDepositMemory, 1), in, sizeof(in), NULL, 0);

    if (st == HV_STATUS_INSUFFICIENT_MEMORY && id != root_partition->id) {
        deposit_page(root_partition->id);
        deposit_page(id);
        return;
    }
    assert_int_equal(st, HV_STATUS_SUCCESS);
    deposited += id != root_partition->id;
}

/* Repeat the call until it has all pages of @pool that it wants; how often it ran short. */
static unsigned call_short(uint64_t pool, uint64_t control, const void *in, size_t size, void *out,
                           size_t out_size)
{
    unsigned n = 0;
    hv_status st;

    while ((st = call(control, in, size, out, out_size)) == HV_STATUS_INSUFFICIENT_MEMORY) {
        deposit_page(pool);
        n++;
    }
    assert_int_equal(st, HV_STATUS_SUCCESS);
    return n;
}

/* Take all pages of root's pool, so that nothing is there but deposits. */
static void empty_root_pool(void)
{
    hpa_t page;

    while (pool_page_alloc(&root_partition->pool, &page) == HV_STATUS_SUCCESS)
        ;
}

static int setup(void **state)
{
    (void)state;
    machine_init(1);
    empty_root_pool();
    deposited = 0;
    return 0;
}

static uint64_t create_short(unsigned *shortages)
{
    struct hv_input_create_partition in = {0};
    struct hv_output_create_partition out;

    *shortages = call_short(root_partition->id, HvCallCreatePartition, &in, sizeof(in), &out,
                            sizeof(out));
    return out.partition_id;
}

static unsigned map_short(uint64_t id, uint64_t target)
{
    uint64_t in[sizeof(struct hv_input_map_gpa_pages) / sizeof(uint64_t) + 1];
    struct hv_input_map_gpa_pages *header = (void *)in;

    *header = (struct hv_input_map_gpa_pages){
        .target_partition_id = id,
        .target_gpa_base = target,
        .map_flags = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE,
    };
    header->source_gpa_page_list[0] = machine_page().v >> PAGE_SHIFT;
    return call_short(id, MACHINE_REP(HvCallMapGpaPages, 1), in, sizeof(in), NULL, 0);
}

static unsigned intercept_short(uint64_t id, uint16_t port)
{
    struct hv_input_install_intercept in = {
        .partition_id = id,
        .access_type = HV_INTERCEPT_ACCESS_MASK_WRITE,
        .intercept_type = HvInterceptTypeX64IoPort,
        .intercept_parameter = port,
    };

    return call_short(id, HvCallInstallIntercept, &in, sizeof(in), NULL, 0);
}

static unsigned create_vp_short(uint64_t id, uint32_t index)
{
    struct hv_input_create_vp in = {.partition_id = id, .vp_index = index};

    return call_short(id, HvCallCreateVp, &in, sizeof(in), NULL, 0);
}

static unsigned port_short(uint64_t child, uint32_t port, const struct hv_port_info *info)
{
    struct hv_input_create_port in = {
        .port_partition_id = root_partition->id,
        .port_id = port,
        .connection_partition_id = child,
        .port_info = *info,
    };

    return call_short(root_partition->id, HvCallCreatePort, &in, sizeof(in), NULL, 0);
}

static unsigned connect_short(uint64_t child, uint32_t port, uint32_t type)
{
    struct hv_input_connect_port in = {
        .connection_partition_id = child,
        .connection_id = port,
        .port_partition_id = root_partition->id,
        .port_id = port,
        .connection_info = {.port_type = type},
    };

    return call_short(child, HvCallConnectPort, &in, sizeof(in), NULL, 0);
}

static unsigned stats_short(uint64_t child, uint32_t vp)
{
    struct hv_input_map_stats_page in = {
        .stats_type = HvStatsObjectVp,
        .identity = {.partition_or_lp = child, .vp_index = vp},
        .gpa_page = machine_page().v >> PAGE_SHIFT,
    };

    return call_short(root_partition->id, HvCallMapStatsPage, &in, sizeof(in), NULL, 0);
}

static void delete_port(uint32_t port)
{
    uint64_t in[2] = {root_partition->id, port};

    assert_int_equal(call(HvCallDeletePort, in, sizeof(in), NULL, 0), HV_STATUS_SUCCESS);
}

/* Finalize, withdraw, delete; the pages that came back. */
static uint64_t end_child(uint64_t id)
{
    struct hv_input_withdraw_memory in = {.partition_id = id};
    uint64_t result, back = 0;

    assert_int_equal(call(HvCallFinalizePartition, &id, sizeof(id), NULL, 0), HV_STATUS_SUCCESS);
    assert_int_equal(balance_in_use(id), 0);
    do {
        result = machine_call(MACHINE_REP(HvCallWithdrawMemory, 1), &in, sizeof(in), NULL, 0);
        if ((result & HV_HYPERCALL_RESULT_STATUS_MASK) == HV_STATUS_INSUFFICIENT_MEMORY) {
            deposit_page(root_partition->id);
            continue;
        }
        back += (result & HV_HYPERCALL_RESULT_STATUS_MASK) == HV_STATUS_SUCCESS;
    } while ((result & HV_HYPERCALL_RESULT_STATUS_MASK) != HV_STATUS_NO_RESOURCES);
    assert_int_equal(call(HvCallDeletePartition, &id, sizeof(id), NULL, 0), HV_STATUS_SUCCESS);
    return back;
}

static void each_call_runs_short_and_goes_on(void **state)
{
    const struct hv_port_info event = {
        .port_type = HvPortTypeEvent,
        .event = {.target_sint = SINT, .flag_count = FLAG_COUNT},
    };
    const struct hv_port_info message = {.port_type = HvPortTypeMessage,
                                         .message = {.target_sint = SINT}};
    uint64_t ports, connections, vps = vp_live(), partitions = partition_live();
    unsigned shortages;
    uint64_t id = create_short(&shortages);

    (void)state;
    assert_int_not_equal(shortages, 0);
    assert_int_not_equal(call_short(id, HvCallInitializePartition, &id, sizeof(id), NULL, 0), 0);
    assert_int_not_equal(map_short(id, 0) + map_short(id, GIB_PAGES) + map_short(id, 512 * GIB_PAGES),
                         0);
    assert_int_not_equal(intercept_short(id, IO_PORT), 0);
    for (uint32_t i = 0; i < VPS; i++)
        assert_int_not_equal(create_vp_short(id, i), 0);
    assert_int_not_equal(port_short(id, EVENT_PORT, &event) +
                             port_short(id, MESSAGE_PORT, &message), 0);
    assert_int_not_equal(connect_short(id, EVENT_PORT, HvPortTypeEvent) +
                             connect_short(id, MESSAGE_PORT, HvPortTypeMessage), 0);
    for (uint32_t i = 0; i < VPS; i++)
        (void)stats_short(id, i);
    assert_int_equal(vp_live(), vps + VPS);
    port_counts(&ports, &connections);
    assert_int_equal(ports, 2);
    assert_int_equal(connections, 2);

    delete_port(EVENT_PORT);
    delete_port(MESSAGE_PORT);
    assert_int_equal(end_child(id), deposited);
    port_counts(&ports, &connections);
    assert_int_equal(ports, 0);
    assert_int_equal(connections, 0);
    assert_int_equal(vp_live(), vps);
    assert_int_equal(partition_live(), partitions);
    assert_int_equal(pfn_mapped(), 0);
    assert_int_equal(pfn_mappings(), 0);
}

/* What the first child needed of root's pool, the next one finds there. */
static void the_next_child_takes_no_more_of_root(void **state)
{
    unsigned shortages;
    uint64_t id = create_short(&shortages), in_use;

    (void)state;
    (void)call_short(id, HvCallInitializePartition, &id, sizeof(id), NULL, 0);
    (void)create_vp_short(id, 0);
    end_child(id);
    in_use = balance_in_use(root_partition->id);
    for (unsigned i = 0; i < 3; i++) {
        id = create_short(&shortages);
        assert_int_equal(shortages, 0);
        (void)call_short(id, HvCallInitializePartition, &id, sizeof(id), NULL, 0);
        (void)create_vp_short(id, 0);
        end_child(id);
        assert_int_equal(balance_in_use(root_partition->id), in_use);
    }
}

/* A child is taken back after each shortage, however little of it there is. */
static void a_child_ends_from_every_shortage(void **state)
{
    unsigned shortages, n = 0;
    hv_status st;

    (void)state;
    do {
        uint64_t id = create_short(&shortages);
        uint64_t before = deposited;
        struct hv_input_create_vp in = {.partition_id = id};

        for (unsigned i = 0; i < n; i++)
            deposit_page(id);
        st = call(HvCallInitializePartition, &id, sizeof(id), NULL, 0);
        if (st == HV_STATUS_SUCCESS)
            st = call(HvCallCreateVp, &in, sizeof(in), NULL, 0);
        assert_true(st == HV_STATUS_SUCCESS || st == HV_STATUS_INSUFFICIENT_MEMORY);
        assert_int_equal(end_child(id), deposited - before);
        n++;
    } while (st != HV_STATUS_SUCCESS);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_call_runs_short_and_goes_on, setup),
        cmocka_unit_test_setup(the_next_child_takes_no_more_of_root, setup),
        cmocka_unit_test_setup(a_child_ends_from_every_shortage, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
