/* SPDX-License-Identifier: MIT */
/* client.c - control words, results, rep continuation. See hypercall/client.h. */
#include "hypercall/client.h"

static hv_status result_status(uint64_t result)
{
    return (hv_status)(result & HV_HYPERCALL_RESULT_STATUS_MASK);
}

/* Never more than was asked for, whatever the result says: callers copy that many. */
static uint32_t result_reps(uint64_t result, uint32_t count)
{
    uint32_t reps = (uint32_t)((result & HV_HYPERCALL_RESULT_REPS_COMPLETED_MASK) >>
                               HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);

    return reps < count ? reps : count;
}

hv_status hv_client_call(const struct hv_client *c, uint16_t code)
{
    return result_status(hypercall_invoke(c->page, code, c->input_gpa, c->output_gpa));
}

hv_status hv_client_call_fast1(const struct hv_client *c, uint16_t code, uint64_t input)
{
    return hv_client_call_fast2(c, code, input, 0);
}

hv_status hv_client_call_fast2(const struct hv_client *c, uint16_t code, uint64_t low,
                               uint64_t high)
{
    return result_status(hypercall_invoke(c->page, code | HV_HYPERCALL_FAST, low, high));
}

hv_status hv_client_call_rep(const struct hv_client *c, uint16_t code, uint32_t count,
                             uint32_t *done)
{
    uint64_t control = code | (uint64_t)count << HV_HYPERCALL_REP_COUNT_SHIFT;
    uint32_t start = 0;

    *done = 0;
    for (;;) {
        uint64_t result =
            hypercall_invoke(c->page, control | (uint64_t)start << HV_HYPERCALL_REP_START_SHIFT,
                             c->input_gpa, c->output_gpa);

        *done = result_reps(result, count);
        if (result_status(result) != HV_STATUS_SUCCESS || *done >= count)
            return result_status(result);
        if (*done <= start)
            return HV_STATUS_OPERATION_FAILED;
        start = *done;
    }
}
