/* SPDX-License-Identifier: MIT */
/* tests/unit/test_size.c - sizes in boot options. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/size.h"

static void sizes_are_read_with_and_without_suffix(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"2", 2u << 20},
                {"64K", 65536},
                {"3m", 3u << 20},
                {"2G", 2ull << 30},
                {"17592186044415", 17592186044415ull << 20},
                {"18014398509481983K", 18014398509481983ull << 10},
                {"17179869183G", 17179869183ull << 30}};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t bytes = 1;

        assert_true(size_parse(good[i].text, &bytes));
        assert_true(bytes == good[i].bytes);
    }
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "M",
                                      "x",
                                      "-1",
                                      "1 M",
                                      "1MB",
                                      "1T",
                                      "0x10",
                                      "1.5G",
                                      " 1M",
                                      "18446744073709551616",
                                      "17592186044416",
                                      "18014398509481984K",
                                      "17179869184G"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t bytes = 77;

        assert_false(size_parse(bad[i], &bytes));
        assert_true(bytes == 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_with_and_without_suffix),
        cmocka_unit_test(what_is_no_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
