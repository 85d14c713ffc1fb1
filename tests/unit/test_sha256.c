/* SPDX-License-Identifier: MIT */
/* tests/unit/test_sha256.c - SHA-256 against the examples of FIPS 180-4 (NIST's test vectors). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <rt/sha256.h>
#include "lib/crc32.h"

static void assert_digest(struct sha256 *s, const char *expected)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    char text[SHA256_HEX_SIZE];

    sha256_final(s, digest);
    sha256_hex(digest, text);
    assert_string_equal(text, expected);
}

static void assert_message(const char *message, const char *expected)
{
    struct sha256 s;

    sha256_init(&s);
    sha256_update(&s, message, strlen(message));
    assert_digest(&s, expected);
}

static void empty_message_has_nists_digest(void **state)
{
    (void)state;
    assert_message("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void one_block_message_has_nists_digest(void **state)
{
    (void)state;
    assert_message("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void message_whose_padding_needs_a_second_block_has_nists_digest(void **state)
{
    (void)state;
    assert_message("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void two_block_message_has_nists_digest(void **state)
{
    (void)state;
    assert_message("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                   "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                   "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

static void million_times_a_has_nists_digest_however_it_is_cut(void **state)
{
    static const size_t cuts[] = {1, 63, 64, 65, 1000, 4096};
    char a[4096];

    (void)state;
    memset(a, 'a', sizeof(a));
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct sha256 s;
        size_t left = 1000000;

        sha256_init(&s);
        while (left > 0) {
            size_t n = left < cuts[i] ? left : cuts[i];

            sha256_update(&s, a, n);
            left -= n;
        }
        assert_digest(&s, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

static void crc32_has_the_check_value_of_its_catalogue_entry(void **state)
{
    (void)state;
    assert_int_equal(crc32_update(0, "123456789", 9), 0xcbf43926u);
    assert_int_equal(crc32_update(crc32_update(0, "1234", 4), "56789", 5), 0xcbf43926u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_message_has_nists_digest),
        cmocka_unit_test(one_block_message_has_nists_digest),
        cmocka_unit_test(message_whose_padding_needs_a_second_block_has_nists_digest),
        cmocka_unit_test(two_block_message_has_nists_digest),
        cmocka_unit_test(million_times_a_has_nists_digest_however_it_is_cut),
        cmocka_unit_test(crc32_has_the_check_value_of_its_catalogue_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
