/* SPDX-License-Identifier: MIT */
/* tests/unit/test_shell_keys.c - text as keys of a keyboard. */
#include "fakes/test.h"
#include <rootabi/vm.h>
#include "shell/keys.h"

/* @c is the key @code, with shift if @shift. */
static void key_is(char c, uint16_t code, bool shift)
{
    struct vm_key keys[KEYS_PER_CHARACTER];
    unsigned n = keys_of_character(c, keys);

    assert_int_equal(n, shift ? 4 : 2);
    if (shift) {
        assert_int_equal(keys[0].code, 0x2a);
        assert_int_equal(keys[0].flags, 0);
        assert_int_equal(keys[3].code, 0x2a);
        assert_int_equal(keys[3].flags, VM_KEY_BREAK);
    }
    assert_int_equal(keys[shift].code, code);
    assert_int_equal(keys[shift].flags, 0);
    assert_int_equal(keys[shift + 1].code, code);
    assert_int_equal(keys[shift + 1].flags, VM_KEY_BREAK);
}

static void characters_are_the_keys_that_type_them(void **state)
{
    (void)state;
    key_is('1', 0x02, false);
    key_is('!', 0x02, true);
    key_is('0', 0x0b, false);
    key_is('=', 0x0d, false);
    key_is('+', 0x0d, true);
    key_is('q', 0x10, false);
    key_is('P', 0x19, true);
    key_is('}', 0x1b, true);
    key_is('a', 0x1e, false);
    key_is('L', 0x26, true);
    key_is('\'', 0x28, false);
    key_is('"', 0x28, true);
    key_is('~', 0x29, true);
    key_is('\\', 0x2b, false);
    key_is('|', 0x2b, true);
    key_is('z', 0x2c, false);
    key_is('?', 0x35, true);
    key_is('*', 0x09, true);
    key_is(' ', 0x39, false);
    key_is('\n', 0x1c, false);
    key_is('\t', 0x0f, false);
    key_is('\b', 0x0e, false);
    key_is(0x1b, 0x01, false);
}

static void all_of_ascii_can_be_typed_and_nothing_else(void **state)
{
    struct vm_key keys[KEYS_PER_CHARACTER];

    (void)state;
    for (int c = ' '; c <= '~'; c++)
        assert_int_not_equal(keys_of_character((char)c, keys), 0);
    assert_int_equal(keys_of_character('\0', keys), 0);
    assert_int_equal(keys_of_character('\a', keys), 0);
    assert_int_equal(keys_of_character(0x7f, keys), 0);
    assert_int_equal(keys_of_character((char)0x80, keys), 0);
}

static void three_keys_are_let_go_in_the_end(void **state)
{
    struct vm_key keys[KEYS_PER_CHARACTER];
    int down = 0;

    (void)state;
    assert_int_equal(keys_ctrl_alt_delete(keys), KEYS_PER_CHARACTER);
    for (unsigned i = 0; i < KEYS_PER_CHARACTER; i++) {
        down += (keys[i].flags & VM_KEY_BREAK) != 0 ? -1 : 1;
        assert_int_equal((keys[i].flags & VM_KEY_E0) != 0, keys[i].code == 0x53);
    }
    assert_int_equal(down, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_the_keys_that_type_them),
        cmocka_unit_test(all_of_ascii_can_be_typed_and_nothing_else),
        cmocka_unit_test(three_keys_are_let_go_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
