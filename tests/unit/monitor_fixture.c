/* SPDX-License-Identifier: MIT */
/* monitor_fixture.c - see the header. */
#include "monitor_fixture.h"

const struct hv_connection_info monitor_conn = {
    .port_type = HvPortTypeMonitor,
    .monitor_address = (uint64_t)CHILD_GPFN << HV_PAGE_SHIFT,
};
struct hv_monitor_page *page;

int start_monitor(void **state)
{
    world_overlay_status = HV_STATUS_SUCCESS;
    world_timer_popped = NULL;
    start(state);
    child->runs = true;
    return 0;
}

struct hv_port_info monitor_port(uint64_t gpfn)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeMonitor,
        .monitor = {.monitor_address = gpfn << HV_PAGE_SHIFT},
    };
}

void link_monitor(void)
{
    link_event(0, 0, FLAGS);
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    page = world_monitor_page(child, CHILD_GPFN);
    assert_non_null(page);
}

void watch(unsigned group, unsigned i, uint16_t flag)
{
    page->parameter[group][i] = (struct hv_monitor_parameter){CONN, flag, 0};
    page->latency[group][i] = LATENCY;
    page->trigger_state |= 1u << group;
}

void trigger(unsigned group, unsigned i)
{
    __atomic_fetch_or(&page->trigger_group[group].as_uint64, 1ull << i, __ATOMIC_SEQ_CST);
}

bool pending(unsigned group, unsigned i)
{
    return page->trigger_group[group].pending >> i & 1;
}

bool armed(unsigned group, unsigned i)
{
    return page->trigger_group[group].armed >> i & 1;
}

bool take(unsigned flag)
{
    uint8_t *byte = &root->vp[0].sief->slots[SINT].flags[flag / 8];
    uint8_t bit = (uint8_t)(1u << flag % 8);

    return __atomic_fetch_and(byte, (uint8_t)~bit, __ATOMIC_SEQ_CST) & bit;
}

unsigned take_all(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < FLAGS; i++)
        n += take(i);
    return n;
}

uint64_t next_look(uint64_t units)
{
    uint64_t passed = 0;

    for (uint32_t before = child->looks; child->looks == before; passed++) {
        assert_true(passed < units);
        world_advance(1);
    }
    return passed;
}
