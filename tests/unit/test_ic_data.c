/* SPDX-License-Identifier: MIT */
/* test_ic_data.c - key-value pairs: what a child is told, and what it tells of itself. */
#include "ic_fixture.h"

/* ---- the child's end ---- */

static uint32_t widen(uint8_t *to, const char *text)
{
    uint32_t n = 0;

    do
        to[2 * n] = (uint8_t)text[n], to[2 * n + 1] = 0;
    while (text[n++] != '\0');
    return 2 * n;
}

static void assert_wide(const uint8_t *from, uint32_t bytes, const char *text)
{
    uint8_t expected[512];

    assert_int_equal(bytes, widen(expected, text));
    assert_memory_equal(from, expected, bytes);
}

static const struct ic_data_enumerate *asked(void)
{
    return (const void *)world.payload;
}

/* It is asked for item @index of @pool, and says that it has @key with @value. */
static void item_is(uint8_t pool, uint32_t index, const char *key, const char *value)
{
    struct ic_data_enumerate *m = (void *)world.payload;

    assert_true(world_take(IC_DATA));
    assert_int_equal(world.header.type, IC_TYPE_DATA);
    assert_int_equal(world.length, sizeof(*m));
    assert_int_equal(asked()->header.operation, IC_DATA_ENUMERATE);
    assert_int_equal(asked()->header.pool, pool);
    assert_int_equal(asked()->index, index);
    m->value.type = IC_VALUE_TEXT;
    m->value.key_size = widen(m->value.key, key);
    m->value.value_size = widen(m->value.value, value);
    world_answer(IC_DATA, IC_STATUS_OK);
}

static void end_is(uint8_t pool, uint32_t index, uint32_t status)
{
    assert_true(world_take(IC_DATA));
    assert_int_equal(asked()->header.operation, IC_DATA_ENUMERATE);
    assert_int_equal(asked()->header.pool, pool);
    assert_int_equal(asked()->index, index);
    world_answer(IC_DATA, status);
}

static void all_ends_are(uint32_t status)
{
    end_is(IC_POOL_AUTO, 0, status);
    end_is(IC_POOL_GUEST, 0, status);
    world_none(IC_DATA);
}

static void refresh(void)
{
    assert_int_equal(ic_ask(&world.ic, IC_REFRESH, NULL, NULL), IC_ASK_OK);
    world_run();
}

/* ---- what it tells ---- */

static void a_child_is_asked_for_all_it_has_once_it_can_answer(void **state)
{
    (void)state;
    world_ready(IC_DATA);
    item_is(IC_POOL_AUTO, 0, "OSName", "Debian");
    item_is(IC_POOL_AUTO, 1, "OSVersion", "6.1.0-99");
    end_is(IC_POOL_AUTO, 2, IC_STATUS_NO_MORE);
    item_is(IC_POOL_GUEST, 0, "colour", "green");
    end_is(IC_POOL_GUEST, 1, IC_STATUS_NO_MORE);
    world_none(IC_DATA);
    assert_int_equal(world.ic.item_count, 3);
    assert_string_equal(world.ic.items[1].key, "OSVersion");
    assert_string_equal(world.ic.items[1].value, "6.1.0-99");
    assert_int_equal(world.ic.items[2].pool, IC_POOL_GUEST);
    refresh();
    assert_int_equal(world.ic.requests[IC_REFRESH].outcome, IC_PENDING);
    assert_int_equal(world.ic.item_count, 3); /* until it is over */
    all_ends_are(IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.requests[IC_REFRESH].outcome, IC_DONE);
    assert_int_equal(world.ic.item_count, 0);
}

static void a_child_without_its_daemon_fails(void **state)
{
    (void)state;
    world_ready(IC_DATA);
    all_ends_are(IC_STATUS_FAIL);
    refresh();
    all_ends_are(IC_STATUS_FAIL);
    assert_int_equal(world.ic.requests[IC_REFRESH].outcome, IC_FAILED);
    refresh();
    world_pass(35 * WORLD_SECOND);
    assert_int_equal(world.ic.requests[IC_REFRESH].outcome, IC_TIMED_OUT);
    assert_true(world_take(IC_DATA));
    world_none(IC_DATA);
}

static void texts_are_shown_as_ascii_and_numbers_as_numbers(void **state)
{
    struct ic_data_enumerate *m = (void *)world.payload;
    const uint64_t number = UINT64_MAX;

    (void)state;
    world_ready(IC_DATA);
    assert_true(world_take(IC_DATA));
    m->value.type = IC_VALUE_TEXT;
    m->value.key_size = widen(m->value.key, "a\x1b[31m");
    m->value.key[1] = 0x26; /* no ASCII character */
    m->value.value_size = 6;
    memcpy(m->value.value, "x\0y\0z\0", 6); /* without an end */
    world_answer(IC_DATA, IC_STATUS_OK);
    assert_true(world_take(IC_DATA));
    m->value.type = IC_VALUE_NUMBER;
    m->value.key_size = widen(m->value.key, "n");
    m->value.value_size = 4;
    memcpy(m->value.value, &number, 4);
    world_answer(IC_DATA, IC_STATUS_OK);
    assert_true(world_take(IC_DATA));
    m->value.type = IC_VALUE_NUMBER64;
    m->value.value_size = 8;
    memcpy(m->value.value, &number, 8);
    world_answer(IC_DATA, IC_STATUS_OK);
    end_is(IC_POOL_AUTO, 3, IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.item_count, 0); /* until all is there */
    end_is(IC_POOL_GUEST, 0, IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.item_count, 3);
    assert_string_equal(world.ic.items[0].key, "??[31m");
    assert_string_equal(world.ic.items[0].value, "xyz");
    assert_string_equal(world.ic.items[1].value, "4294967295");
    assert_string_equal(world.ic.items[2].value, "18446744073709551615");
}

static void what_is_long_is_cut_and_what_is_too_much_is_left_out(void **state)
{
    char key[256], value[1001];

    (void)state;
    memset(key, 'k', sizeof(key));
    key[255] = '\0';
    memset(value, 'v', sizeof(value));
    value[1000] = '\0';
    world_ready(IC_DATA);
    for (uint32_t i = 0; i <= 256; i++) { /* it never ends by itself */
        struct ic_data_enumerate *m = (void *)world.payload;

        assert_true(world_take(IC_DATA));
        assert_int_equal(m->header.pool, IC_POOL_AUTO);
        m->value.type = IC_VALUE_TEXT;
        m->value.key_size = widen(m->value.key, key);
        m->value.value_size = widen(m->value.value, value);
        world_answer(IC_DATA, IC_STATUS_OK);
    }
    end_is(IC_POOL_GUEST, 0, IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.item_count, IC_ITEMS_MAX);
    assert_int_equal(strlen(world.ic.items[0].key), IC_KEY_MAX - 1);
    assert_int_equal(strlen(world.ic.items[31].value), IC_VALUE_MAX - 1);
}

static void an_item_that_is_none_ends_its_pool(void **state)
{
    static const struct {
        uint32_t key_size, value_size;
    } rows[] = {{513, 2}, {2, 2049}, {UINT32_MAX, 2}, {2, UINT32_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ic_data_enumerate *m = (void *)world.payload;

        world_ready(IC_DATA);
        assert_true(world_take(IC_DATA));
        m->value.key_size = rows[i].key_size;
        m->value.value_size = rows[i].value_size;
        world_answer(IC_DATA, IC_STATUS_OK);
        end_is(IC_POOL_GUEST, 0, IC_STATUS_NO_MORE);
        assert_int_equal(world.ic.services[IC_DATA].counters.malformed, i + 1);
        assert_int_equal(world.ic.item_count, 0);
        world_close(IC_DATA);
    }
    world_ready(IC_DATA);
    assert_true(world_take(IC_DATA));
    world.length = world.header.size = sizeof(struct ic_data_enumerate) - 8; /* it ends too early */
    world.header.pipe_size -= 8;
    world_answer(IC_DATA, IC_STATUS_OK);
    end_is(IC_POOL_GUEST, 0, IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.item_count, 0);
}

static void nothing_is_left_of_a_system_that_is_gone(void **state)
{
    (void)state;
    world_ready(IC_DATA);
    item_is(IC_POOL_AUTO, 0, "OSName", "Debian");
    end_is(IC_POOL_AUTO, 1, IC_STATUS_NO_MORE);
    end_is(IC_POOL_GUEST, 0, IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.item_count, 1);
    world_close(IC_DATA);
    assert_int_equal(world.ic.item_count, 0);
}

/* ---- what it is told ---- */

static void told(uint8_t pool, const char *key, const char *value)
{
    const struct ic_data_set *m = (const void *)world.payload;

    assert_true(world_take(IC_DATA));
    assert_int_equal(world.length, sizeof(*m));
    assert_int_equal(m->header.operation, IC_DATA_SET);
    assert_int_equal(m->header.pool, pool);
    assert_int_equal(m->value.type, IC_VALUE_TEXT);
    assert_wide(m->value.key, m->value.key_size, key);
    assert_wide(m->value.value, m->value.value_size, value);
}

static void what_root_has_to_say_comes_first(void **state)
{
    (void)state;
    ic_own_add(&world.ic, "HostName", "root");
    ic_own_add(&world.ic, "VirtualMachineName", "linux");
    world_ready(IC_DATA);
    told(IC_POOL_AUTO_EXTERNAL, "HostName", "root");
    world_answer(IC_DATA, IC_STATUS_FAIL); /* whatever */
    told(IC_POOL_AUTO_EXTERNAL, "VirtualMachineName", "linux");
    world_answer(IC_DATA, IC_STATUS_OK);
    all_ends_are(IC_STATUS_NO_MORE);
    assert_int_equal(world.ic.requests[IC_SET].outcome, IC_NONE);
}

static void people_set_and_delete_keys(void **state)
{
    const struct ic_data_delete *m = (const void *)world.payload;

    (void)state;
    assert_int_equal(ic_ask(&world.ic, IC_SET, "k", "v"), IC_ASK_NO_SERVICE);
    world_ready(IC_DATA);
    all_ends_are(IC_STATUS_NO_MORE);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "role", "web 1"), IC_ASK_OK);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "role", "web 2"), IC_ASK_BUSY);
    world_run();
    told(IC_POOL_EXTERNAL, "role", "web 1");
    world_answer(IC_DATA, IC_STATUS_OK);
    assert_int_equal(world.ic.requests[IC_SET].outcome, IC_DONE);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "role", NULL), IC_ASK_OK);
    world_run();
    assert_true(world_take(IC_DATA));
    assert_int_equal(world.length, sizeof(*m));
    assert_int_equal(m->header.operation, IC_DATA_DELETE);
    assert_int_equal(m->header.pool, IC_POOL_EXTERNAL);
    assert_wide(m->key, m->key_size, "role");
    world_answer(IC_DATA, IC_STATUS_FAIL);
    assert_int_equal(world.ic.requests[IC_SET].outcome, IC_FAILED);
}

static void what_is_no_key_or_value_is_refused(void **state)
{
    char key[IC_KEY_MAX + 1], value[IC_VALUE_MAX + 1];

    (void)state;
    memset(key, 'k', sizeof(key));
    memset(value, 'v', sizeof(value));
    key[IC_KEY_MAX] = value[IC_VALUE_MAX] = '\0';
    world_ready(IC_DATA);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "", "v"), IC_ASK_INVALID);
    assert_int_equal(ic_ask(&world.ic, IC_SET, NULL, "v"), IC_ASK_INVALID);
    assert_int_equal(ic_ask(&world.ic, IC_SET, key, "v"), IC_ASK_INVALID);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "k", value), IC_ASK_INVALID);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "k\n", "v"), IC_ASK_INVALID);
    assert_int_equal(ic_ask(&world.ic, IC_SET, "k", "\x80"), IC_ASK_INVALID);
    assert_int_equal(ic_ask(&world.ic, IC_SET, key + 1, value + 1), IC_ASK_OK);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FACT(a_child_is_asked_for_all_it_has_once_it_can_answer),
        FACT(a_child_without_its_daemon_fails),
        FACT(texts_are_shown_as_ascii_and_numbers_as_numbers),
        FACT(what_is_long_is_cut_and_what_is_too_much_is_left_out),
        FACT(an_item_that_is_none_ends_its_pool),
        FACT(nothing_is_left_of_a_system_that_is_gone),
        FACT(what_root_has_to_say_comes_first),
        FACT(people_set_and_delete_keys),
        FACT(what_is_no_key_or_value_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
