/* SPDX-License-Identifier: MIT */
/* Tests of x86/xsave.h: which x87 state may be initialised instead of loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <x86/xsave.h>

enum { AREA_SIZE = 832 };

static _Alignas(64) uint8_t area[AREA_SIZE];

static void make_initial(void)
{
    memset(area, 0, sizeof(area));
    memcpy(area + FXSAVE_FCW, &(uint16_t){FCW_INIT}, sizeof(uint16_t));
    memcpy(area + FXSAVE_MXCSR, &(uint32_t){MXCSR_INIT}, sizeof(uint32_t));
    area[XSAVE_XSTATE_BV] = XCR0_X87 | XCR0_SSE | XCR0_AVX;
}

static void initial_x87_state_is_trimmed(void **state)
{
    (void)state;
    make_initial();
    xsave_trim_x87(area);
    assert_int_equal(area[XSAVE_XSTATE_BV], XCR0_SSE | XCR0_AVX);
}

static void sse_state_does_not_count(void **state)
{
    (void)state;
    make_initial();
    memset(area + FXSAVE_MXCSR, 0x5a, 8);
    memset(area + FXSAVE_XMM0, 0x5a, FXSAVE_SIZE - FXSAVE_XMM0);
    memset(area + XSAVE_XSTATE_BV + XSAVE_HEADER_SIZE, 0x5a, 256);
    xsave_trim_x87(area);
    assert_int_equal(area[XSAVE_XSTATE_BV], XCR0_SSE | XCR0_AVX);
}

static void any_other_bit_of_x87_state_keeps_it(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < FXSAVE_XMM0 * 8; bit++) {
        if (bit / 8 >= FXSAVE_MXCSR && bit / 8 < FXSAVE_ST0)
            continue;
        make_initial();
        area[bit / 8] ^= (uint8_t)(1u << bit % 8);
        xsave_trim_x87(area);
        assert_int_equal(area[XSAVE_XSTATE_BV], XCR0_X87 | XCR0_SSE | XCR0_AVX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_x87_state_is_trimmed),
        cmocka_unit_test(sse_state_does_not_count),
        cmocka_unit_test(any_other_bit_of_x87_state_keeps_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
