/* SPDX-License-Identifier: MIT */
/* test_bus.c - root's end of a child's bus: its thread, its messages, its end. */
#include "fakes/test.h"
#include "bus_fixture.h"

#define CHILD 3u

static int with_disk(void **state)
{
    (void)state;
    world_make(CHILD, true, false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end();
    return 0;
}

/* Whoever stops it may be held up, and the bus be gone when he goes on. */
static void bus_is_not_used_once_it_has_stopped(void **state)
{
    (void)state;
    world_run();
    world.destroy_early = true;
    fake.slow_wakes = true;
}

#define DISK(name) cmocka_unit_test_setup_teardown(name, with_disk, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DISK(bus_is_not_used_once_it_has_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
