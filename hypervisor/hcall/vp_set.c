/* SPDX-License-Identifier: MIT */
/* hcall/vp_set.c - what a partition asks for some of its own VPs at once: forget translations, take
 * an interrupt. TLFS 6.0b, 7.8.7.3, 9.4 and 10.5.
 *
 * A set costs what it names: a sparse one is walked bit by bit, up to the highest VP there is. A VP
 * that does not exist has nothing to flush and takes no interrupt: it is passed over. */
#include "core/partition.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "hcall/hcall.h"

#define BANK_VPS (1u << HV_VP_SET_BANK_SHIFT)

struct vp_set {
    bool all;
    uint64_t banks;           /* bit b: VPs 64 b to 64 b + 63, by the next word of */
    const uint64_t *contents; /* the caller's, copied */
};

/* VPs 0 to 63 by bits of @mask. */
static struct vp_set set_of_mask(const uint64_t *mask)
{
    return (struct vp_set){.banks = 1, .contents = mask};
}

/* The set whose format and mask are given, with its banks at @contents: one word for each bit of
 * the mask, as many as the call's header has been given. */
static hv_status set_decode(const struct hcall *h, uint64_t format, uint64_t banks,
                            const uint64_t *contents, struct vp_set *out)
{
    uint32_t words = 0;

    for (uint64_t rest = banks; rest != 0; rest &= rest - 1)
        words++;
    if (words != h->variable)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if (format > HvGenericSetAll)
        return HV_STATUS_INVALID_PARAMETER;
    *out = (struct vp_set){.all = format == HvGenericSetAll, .banks = banks, .contents = contents};
    return HV_STATUS_SUCCESS;
}

typedef void (*vp_act)(struct vp *vp, void *context);

static void act_on(struct partition *p, uint32_t index, vp_act act, void *context)
{
    struct vp *vp = partition_vp(p, index);

    if (vp != NULL)
        act(vp, context);
}

static void set_each(struct partition *p, const struct vp_set *s, vp_act act, void *context)
{
    uint32_t end = __atomic_load_n(&p->vp_highest, __ATOMIC_RELAXED);
    const uint64_t *word = s->contents;

    for (uint32_t i = 0; s->all && i < end; i++)
        act_on(p, i, act, context);
    if (s->all)
        return;
    for (uint64_t banks = s->banks; banks != 0; banks &= banks - 1) {
        uint32_t first = (uint32_t)__builtin_ctzll(banks) * BANK_VPS;

        if (first >= end)
            return;
        for (uint64_t bits = *word++; bits != 0; bits &= bits - 1)
            act_on(p, first + (uint32_t)__builtin_ctzll(bits), act, context);
    }
}

/* ---- flushes ---- */

/* Which flags each form takes. Only global pages may be left by the second, which never does so. */
#define LIST_FLAGS  (HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES)
#define SPACE_FLAGS (LIST_FLAGS | HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY)

static void forget(struct vp *vp, void *lps)
{
    vp_tlb_forget(vp, lps);
}

/* All translations of each VP go, whatever their space and address: by the VP's next entry, and
 * those that are in guest mode leave it before this returns. */
static void flush(struct partition *p, const struct vp_set *s)
{
    uint64_t lps[LP_MAX / 64] = {0};

    set_each(p, s, forget, lps);
    pcpu_wait_guest_exit(lps);
}

/* CR3 of a space: bits beyond the physical addresses are reserved. */
static bool space_valid(const struct partition *p, uint64_t space, uint64_t flags, uint64_t known)
{
    return !(flags & ~known) &&
           ((flags & HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES) || space < p->slat.limit);
}

static hv_status flush_mask(struct hcall *h, uint64_t known)
{
    const struct hv_input_flush_virtual_address_space *in = h->in;
    struct vp_set set = set_of_mask(&in->processor_mask);

    set.all = in->flags & HV_FLUSH_ALL_PROCESSORS;
    if (!space_valid(h->caller, in->address_space, in->flags, known) ||
        (!set.all && in->processor_mask == 0))
        return HV_STATUS_INVALID_PARAMETER;
    flush(h->caller, &set);
    h->done = h->rep_end;
    return HV_STATUS_SUCCESS;
}

static hv_status flush_set(struct hcall *h, uint64_t known)
{
    const struct hv_input_flush_virtual_address_space_ex *in = h->in;
    struct vp_set set;
    hv_status st = set_decode(h, in->vp_set_format, in->vp_set_valid_bank_mask,
                              in->vp_set_bank_contents, &set);

    if (st != HV_STATUS_SUCCESS)
        return st;
    if (!space_valid(h->caller, in->address_space, in->flags, known))
        return HV_STATUS_INVALID_PARAMETER;
    set.all |= (in->flags & HV_FLUSH_ALL_PROCESSORS) != 0;
    flush(h->caller, &set);
    h->done = h->rep_end;
    return HV_STATUS_SUCCESS;
}

hv_status hcall_flush_space(struct hcall *h)
{
    return flush_mask(h, SPACE_FLAGS);
}

hv_status hcall_flush_list(struct hcall *h)
{
    return flush_mask(h, LIST_FLAGS);
}

hv_status hcall_flush_space_ex(struct hcall *h)
{
    return flush_set(h, SPACE_FLAGS);
}

hv_status hcall_flush_list_ex(struct hcall *h)
{
    return flush_set(h, LIST_FLAGS);
}

/* ---- interrupts ---- */

struct ipi {
    const struct vp *sender; /* looks before it enters again, whatever it is sent */
    uint8_t vector;
};

static void interrupt(struct vp *vp, void *context)
{
    const struct ipi *ipi = context;

    if (lapic_post(&vp->lapic, ipi->vector, false) && vp != ipi->sender)
        lapic_host_kick(&vp->lapic);
}

static hv_status send(struct hcall *h, const struct vp_set *s, uint32_t vector)
{
    struct ipi ipi = {.sender = h->vp, .vector = (uint8_t)vector};

    set_each(h->caller, s, interrupt, &ipi);
    return HV_STATUS_SUCCESS;
}

/* There is one VTL. */
static bool ipi_valid(uint32_t vector, uint8_t vtl, const uint8_t reserved[3])
{
    return vector >= HV_SYNTHETIC_IPI_FIRST_VECTOR && vector <= UINT8_MAX &&
           (vtl | reserved[0] | reserved[1] | reserved[2]) == 0;
}

hv_status hcall_send_cluster_ipi(struct hcall *h)
{
    const struct hv_input_send_synthetic_cluster_ipi *in = h->in;
    struct vp_set set = set_of_mask(&in->processor_mask);

    if (!ipi_valid(in->vector, in->target_vtl, in->reserved))
        return HV_STATUS_INVALID_PARAMETER;
    return send(h, &set, in->vector);
}

hv_status hcall_send_cluster_ipi_ex(struct hcall *h)
{
    const struct hv_input_send_synthetic_cluster_ipi_ex *in = h->in;
    struct vp_set set;
    hv_status st = set_decode(h, in->vp_set_format, in->vp_set_valid_bank_mask,
                              in->vp_set_bank_contents, &set);

    if (st == HV_STATUS_SUCCESS && !ipi_valid(in->vector, in->target_vtl, in->reserved))
        st = HV_STATUS_INVALID_PARAMETER;
    return st == HV_STATUS_SUCCESS ? send(h, &set, in->vector) : st;
}
