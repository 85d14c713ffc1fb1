/* SPDX-License-Identifier: MIT */
/* rep_calls.c - the calls on lists, split into what fits a page. See hypercall/client.h. */
#include <rt/mem.h>

#include "hypercall/client.h"

/* How many elements fit a page behind a header. */
#define REPS_PER_PAGE(header, element)                                                             \
    ((uint32_t)((HV_PAGE_SIZE - sizeof(header)) / sizeof(element)))

#define PAGES_PER_LARGE_PAGE ((uint64_t)HV_LARGE_PAGE_SIZE / HV_PAGE_SIZE)

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

hv_status hv_call_deposit_memory(const struct hv_client *c, hv_partition_id id,
                                 const uint64_t *pages, uint32_t count, uint32_t *done)
{
    struct hv_input_deposit_memory *in = c->input;
    hv_status status = HV_STATUS_SUCCESS;

    for (*done = 0; *done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - *done, REPS_PER_PAGE(*in, pages[0])), reps;

        in->partition_id = id;
        memcpy(in->gpa_page_list, pages + *done, n * sizeof pages[0]);
        status = hv_client_call_rep(c, HvCallDepositMemory, n, &reps);
        *done += reps;
    }
    return status;
}

hv_status hv_call_withdraw_memory(const struct hv_client *c, hv_partition_id id, uint64_t *pages,
                                  uint32_t count, uint32_t *done)
{
    struct hv_input_withdraw_memory *in = c->input;
    hv_status status = HV_STATUS_SUCCESS;

    for (*done = 0; *done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - *done, HV_PAGE_SIZE / sizeof pages[0]), reps;

        *in = (struct hv_input_withdraw_memory){.partition_id = id};
        status = hv_client_call_rep(c, HvCallWithdrawMemory, n, &reps);
        memcpy(pages + *done, c->output, reps * sizeof pages[0]);
        *done += reps;
    }
    return status;
}

/* Target pages that one element of a map call covers. */
static uint64_t element_pages(_Bool large)
{
    return large ? PAGES_PER_LARGE_PAGE : 1;
}

/* Map @n elements whose sources are already in the input page. */
static hv_status map_chunk(const struct hv_client *c, hv_partition_id id, uint64_t target,
                           uint32_t flags, uint32_t n, uint32_t *reps)
{
    struct hv_input_map_gpa_pages *in = c->input;

    in->target_partition_id = id;
    in->target_gpa_base = target;
    in->map_flags = flags;
    in->reserved = 0;
    return hv_client_call_rep(c, HvCallMapGpaPages, n, reps);
}

hv_status hv_call_map_gpa_pages(const struct hv_client *c, hv_partition_id id, uint64_t target,
                                uint32_t flags, const uint64_t *sources, uint32_t count,
                                uint32_t *done)
{
    struct hv_input_map_gpa_pages *in = c->input;
    uint64_t stride = element_pages(flags & HV_MAP_GPA_LARGE_PAGE);
    hv_status status = HV_STATUS_SUCCESS;

    for (*done = 0; *done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - *done, REPS_PER_PAGE(*in, sources[0])), reps;

        memcpy(in->source_gpa_page_list, sources + *done, n * sizeof sources[0]);
        status = map_chunk(c, id, target + *done * stride, flags, n, &reps);
        *done += reps;
    }
    return status;
}

hv_status hv_call_map_gpa_range(const struct hv_client *c, hv_partition_id id, uint64_t target,
                                uint32_t flags, uint64_t source, uint32_t count, uint32_t *done)
{
    struct hv_input_map_gpa_pages *in = c->input;
    uint64_t stride = element_pages(flags & HV_MAP_GPA_LARGE_PAGE);
    hv_status status = HV_STATUS_SUCCESS;

    for (*done = 0; *done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - *done, REPS_PER_PAGE(*in, source)), reps;

        for (uint32_t i = 0; i < n; i++)
            in->source_gpa_page_list[i] = source + (*done + i) * stride;
        status = map_chunk(c, id, target + *done * stride, flags, n, &reps);
        *done += reps;
    }
    return status;
}

hv_status hv_call_unmap_gpa_pages(const struct hv_client *c, hv_partition_id id, uint64_t target,
                                  uint32_t count, uint32_t *done)
{
    struct hv_input_unmap_gpa_pages *in = c->input;
    hv_status status = HV_STATUS_SUCCESS;

    for (*done = 0; *done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - *done, HV_HYPERCALL_REP_MAX), reps;

        *in = (struct hv_input_unmap_gpa_pages){.target_partition_id = id,
                                                .target_gpa_base = target + *done};
        status = hv_client_call_rep(c, HvCallUnmapGpaPages, n, &reps);
        *done += reps;
    }
    return status;
}

hv_status hv_call_get_vp_registers(const struct hv_client *c, hv_partition_id id, hv_vp_index vp,
                                   const uint32_t *names, struct hv_register_value *values,
                                   uint32_t count)
{
    struct hv_input_get_vp_registers *in = c->input;
    hv_status status = HV_STATUS_SUCCESS;

    for (uint32_t done = 0; done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - done, HV_PAGE_SIZE / sizeof values[0]), reps;

        *in = (struct hv_input_get_vp_registers){.partition_id = id, .vp_index = vp};
        memcpy(in->names, names + done, n * sizeof names[0]);
        status = hv_client_call_rep(c, HvCallGetVpRegisters, n, &reps);
        if (status == HV_STATUS_SUCCESS)
            memcpy(values + done, c->output, n * sizeof values[0]);
        done += n;
    }
    return status;
}

hv_status hv_call_set_vp_registers(const struct hv_client *c, hv_partition_id id, hv_vp_index vp,
                                   const struct hv_register_assoc *registers, uint32_t count)
{
    struct hv_input_set_vp_registers *in = c->input;
    hv_status status = HV_STATUS_SUCCESS;

    for (uint32_t done = 0; done < count && status == HV_STATUS_SUCCESS;) {
        uint32_t n = smaller(count - done, REPS_PER_PAGE(*in, registers[0])), reps;

        *in = (struct hv_input_set_vp_registers){.partition_id = id, .vp_index = vp};
        memcpy(in->elements, registers + done, n * sizeof registers[0]);
        status = hv_client_call_rep(c, HvCallSetVpRegisters, n, &reps);
        done += n;
    }
    return status;
}
