/* SPDX-License-Identifier: MIT */
/* test_hypercall_client.c - control words, register parameters, rep continuation and list splitting
 * of the caller's side, against a hypercall_invoke() that plays a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <hypercall/client.h>

#define MAX_CALLS 16

struct recorded_call {
    uint64_t control, input, output;
    uint8_t page[HV_PAGE_SIZE]; /* the input page at the time of the call */
};

static struct {
    _Alignas(8) uint8_t input[HV_PAGE_SIZE];
    _Alignas(8) uint8_t output[HV_PAGE_SIZE];
    struct recorded_call calls[MAX_CALLS];
    uint64_t results[MAX_CALLS];
    unsigned count;
} fake;

static struct hv_client client;

uint64_t hypercall_invoke(const void *page, uint64_t control, uint64_t input, uint64_t output)
{
    struct recorded_call *call = &fake.calls[fake.count];

    assert_true(fake.count < MAX_CALLS);
    assert_ptr_equal(page, client.page);
    *call = (struct recorded_call){.control = control, .input = input, .output = output};
    memcpy(call->page, fake.input, sizeof call->page);
    return fake.results[fake.count++];
}

static uint64_t result(hv_status status, uint64_t reps)
{
    return status | reps << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT;
}

static int setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    client = (struct hv_client){.page = "page",
                                .input = fake.input,
                                .output = fake.output,
                                .input_gpa = 0x5000,
                                .output_gpa = 0x6000};
    return 0;
}

static void simple_call_passes_code_and_page_addresses(void **state)
{
    hv_partition_id id = 0;
    uint64_t made = 0x1234;

    (void)state;
    memcpy(fake.output, &made, sizeof made);
    assert_int_equal(hv_call_create_partition(&client, 2, &id), HV_STATUS_SUCCESS);
    assert_int_equal(fake.calls[0].control, 0x40);
    assert_int_equal(fake.calls[0].input, 0x5000);
    assert_int_equal(fake.calls[0].output, 0x6000);
    assert_int_equal(fake.calls[0].page[0], 2);
    assert_int_equal(id, 0x1234);
}

static void output_is_untouched_on_failure(void **state)
{
    hv_partition_id id = 77;

    (void)state;
    fake.results[0] = result(HV_STATUS_INSUFFICIENT_MEMORY, 0);
    assert_int_equal(hv_call_create_partition(&client, 0, &id), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(id, 77);
}

static void fast_call_sets_bit_16_and_passes_parameters(void **state)
{
    (void)state;
    assert_int_equal(hv_client_call_fast2(&client, 0x0b, 0x1111, 0x2222), HV_STATUS_SUCCESS);
    assert_int_equal(fake.calls[0].control, 0x1000b);
    assert_int_equal(fake.calls[0].input, 0x1111);
    assert_int_equal(fake.calls[0].output, 0x2222);
}

static void signal_event_packs_connection_and_flag(void **state)
{
    (void)state;
    (void)hv_call_signal_event(&client, 0x00abcdef, 0x123);
    assert_int_equal(fake.calls[0].control, 0x1005d);
    assert_int_equal(fake.calls[0].input, 0x0000012300abcdefull);
}

static void status_is_the_low_16_bits(void **state)
{
    (void)state;
    fake.results[0] = 0x00000fff00000006ull;
    assert_int_equal(hv_client_call(&client, HvCallFinalizePartition), HV_STATUS_ACCESS_DENIED);
}

static void rep_call_continues_from_reps_completed(void **state)
{
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 3);
    fake.results[1] = result(HV_STATUS_SUCCESS, 4);
    fake.results[2] = result(HV_STATUS_SUCCESS, 10);
    assert_int_equal(hv_client_call_rep(&client, 0x48, 10, &done), HV_STATUS_SUCCESS);
    assert_int_equal(fake.count, 3);
    assert_int_equal(fake.calls[0].control, 0x0000000a00000048ull);
    assert_int_equal(fake.calls[1].control, 0x0003000a00000048ull);
    assert_int_equal(fake.calls[2].control, 0x0004000a00000048ull);
    assert_int_equal(done, 10);
}

static void rep_call_reports_progress_on_failure(void **state)
{
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 3);
    fake.results[1] = result(HV_STATUS_INSUFFICIENT_MEMORY, 7);
    assert_int_equal(hv_client_call_rep(&client, 0x48, 10, &done), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(fake.count, 2);
    assert_int_equal(done, 7);
}

static void rep_call_without_progress_fails(void **state)
{
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 3);
    fake.results[1] = result(HV_STATUS_SUCCESS, 3);
    assert_int_equal(hv_client_call_rep(&client, 0x48, 10, &done), HV_STATUS_OPERATION_FAILED);
    assert_int_equal(fake.count, 2);
}

static void rep_call_never_claims_more_than_was_asked(void **state)
{
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 4095);
    assert_int_equal(hv_client_call_rep(&client, 0x49, 10, &done), HV_STATUS_SUCCESS);
    assert_int_equal(done, 10);
}

static void deposit_splits_a_list_that_exceeds_the_page(void **state)
{
    static uint64_t pages[600];
    uint32_t done = 0;

    (void)state;
    for (unsigned i = 0; i < 600; i++)
        pages[i] = 1000 + i;
    fake.results[0] = result(HV_STATUS_SUCCESS, 511);
    fake.results[1] = result(HV_STATUS_SUCCESS, 89);
    assert_int_equal(hv_call_deposit_memory(&client, 5, pages, 600, &done), HV_STATUS_SUCCESS);
    assert_int_equal(done, 600);
    assert_int_equal(fake.count, 2);
    assert_int_equal(fake.calls[0].control, 0x000001ff00000048ull);
    assert_int_equal(fake.calls[1].control, 0x0000005900000048ull);
    assert_memory_equal(fake.calls[1].page + 8, pages + 511, 89 * sizeof pages[0]);
}

static void deposit_stops_at_the_first_failing_chunk(void **state)
{
    static uint64_t pages[600];
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_OBJECT_IN_USE, 100);
    assert_int_equal(hv_call_deposit_memory(&client, 5, pages, 600, &done),
                     HV_STATUS_OBJECT_IN_USE);
    assert_int_equal(done, 100);
    assert_int_equal(fake.count, 1);
}

static void withdraw_copies_only_what_was_withdrawn(void **state)
{
    uint64_t pages[4] = {9, 9, 9, 9}, got[2] = {41, 42};
    uint32_t done = 0;

    (void)state;
    memcpy(fake.output, got, sizeof got);
    fake.results[0] = result(HV_STATUS_NO_RESOURCES, 2);
    assert_int_equal(hv_call_withdraw_memory(&client, 5, pages, 4, &done), HV_STATUS_NO_RESOURCES);
    assert_int_equal(done, 2);
    assert_int_equal(pages[1], 42);
    assert_int_equal(pages[2], 9);
}

static void mapping_a_range_of_large_pages_strides_512(void **state)
{
    struct hv_input_map_gpa_pages *in = (void *)fake.calls[0].page;
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 3);
    assert_int_equal(hv_call_map_gpa_range(&client, 5, 0x200,
                                           HV_MAP_GPA_READABLE | HV_MAP_GPA_LARGE_PAGE, 0x10000, 3,
                                           &done),
                     HV_STATUS_SUCCESS);
    assert_int_equal(in->target_gpa_base, 0x200);
    assert_int_equal(in->source_gpa_page_list[0], 0x10000);
    assert_int_equal(in->source_gpa_page_list[2], 0x10400);
    assert_int_equal(done, 3);
}

static void second_chunk_of_a_mapping_continues_the_target(void **state)
{
    struct hv_input_map_gpa_pages *in = (void *)fake.calls[1].page;
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 509);
    fake.results[1] = result(HV_STATUS_SUCCESS, 91);
    assert_int_equal(
        hv_call_map_gpa_range(&client, 5, 0x100, HV_MAP_GPA_READABLE, 0x5000, 600, &done),
        HV_STATUS_SUCCESS);
    assert_int_equal(in->target_gpa_base, 0x100 + 509);
    assert_int_equal(in->source_gpa_page_list[0], 0x5000 + 509);
    assert_int_equal(done, 600);
}

static void unmap_splits_at_the_largest_rep_count(void **state)
{
    struct hv_input_unmap_gpa_pages *in = (void *)fake.calls[1].page;
    uint32_t done = 0;

    (void)state;
    fake.results[0] = result(HV_STATUS_SUCCESS, 4095);
    fake.results[1] = result(HV_STATUS_SUCCESS, 5);
    assert_int_equal(hv_call_unmap_gpa_pages(&client, 5, 0, 4100, &done), HV_STATUS_SUCCESS);
    assert_int_equal(in->target_gpa_base, 4095);
    assert_int_equal(done, 4100);
}

static void registers_are_read_in_the_order_of_their_names(void **state)
{
    const uint32_t names[2] = {HvX64RegisterRip, HvX64RegisterRax};
    struct hv_register_value values[2], sent[2] = {{.reg64 = 1}, {.reg64 = 2}};
    struct hv_input_get_vp_registers *in = (void *)fake.calls[0].page;

    (void)state;
    memcpy(fake.output, sent, sizeof sent);
    fake.results[0] = result(HV_STATUS_SUCCESS, 2);
    assert_int_equal(hv_call_get_vp_registers(&client, 5, 1, names, values, 2), HV_STATUS_SUCCESS);
    assert_int_equal(in->vp_index, 1);
    assert_int_equal(in->names[1], HvX64RegisterRax);
    assert_int_equal(values[1].reg64, 2);
}

static void too_large_message_makes_no_call(void **state)
{
    static uint8_t payload[241];

    (void)state;
    assert_int_equal(hv_call_post_message(&client, 1, 1, payload, 241),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(fake.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(simple_call_passes_code_and_page_addresses, setup),
        cmocka_unit_test_setup(output_is_untouched_on_failure, setup),
        cmocka_unit_test_setup(fast_call_sets_bit_16_and_passes_parameters, setup),
        cmocka_unit_test_setup(signal_event_packs_connection_and_flag, setup),
        cmocka_unit_test_setup(status_is_the_low_16_bits, setup),
        cmocka_unit_test_setup(rep_call_continues_from_reps_completed, setup),
        cmocka_unit_test_setup(rep_call_reports_progress_on_failure, setup),
        cmocka_unit_test_setup(rep_call_without_progress_fails, setup),
        cmocka_unit_test_setup(rep_call_never_claims_more_than_was_asked, setup),
        cmocka_unit_test_setup(deposit_splits_a_list_that_exceeds_the_page, setup),
        cmocka_unit_test_setup(deposit_stops_at_the_first_failing_chunk, setup),
        cmocka_unit_test_setup(withdraw_copies_only_what_was_withdrawn, setup),
        cmocka_unit_test_setup(mapping_a_range_of_large_pages_strides_512, setup),
        cmocka_unit_test_setup(second_chunk_of_a_mapping_continues_the_target, setup),
        cmocka_unit_test_setup(unmap_splits_at_the_largest_rep_count, setup),
        cmocka_unit_test_setup(registers_are_read_in_the_order_of_their_names, setup),
        cmocka_unit_test_setup(too_large_message_makes_no_call, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
