/* SPDX-License-Identifier: MIT */
/* synic/state.c - saving and restoring a SynIC. */
#include <rt/mem.h>
#include <synic/synic_internal.h>

void synic_save(const struct synic *s, struct synic_state *out)
{
    *out = (struct synic_state){
        .version = SYNIC_STATE_VERSION,
        .scontrol = s->scontrol,
        .siefp = s->siefp,
        .simp = s->simp,
    };
    memcpy(out->sint, s->sint, sizeof(out->sint));
    memcpy(out->messages, s->messages, sizeof(out->messages));
    memcpy(out->events, s->events, sizeof(out->events));
}

static bool state_valid(const struct synic_state *in)
{
    bool valid = in->version == SYNIC_STATE_VERSION && !in->reserved;

    for (unsigned i = 0; valid && i < HV_SYNIC_SINT_COUNT; i++)
        valid = sint_valid(in->sint[i]);
    return valid;
}

static void register_restore(struct synic *s, uint32_t msr, uint64_t v)
{
    /* Cannot fault: state_valid() has seen it. */
    (void)!synic_msr_write(s, msr, v);
}

hv_status synic_restore(struct synic *s, const struct synic_state *in)
{
    if (!state_valid(in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    memcpy(s->messages, in->messages, sizeof(in->messages));
    memcpy(s->events, in->events, sizeof(in->events));
    for (unsigned i = 0; i < HV_SYNIC_SINT_COUNT; i++)
        register_restore(s, HV_X64_MSR_SINT0 + i, in->sint[i]);
    register_restore(s, HV_X64_MSR_SIEFP, in->siefp);
    register_restore(s, HV_X64_MSR_SIMP, in->simp);
    register_restore(s, HV_X64_MSR_SCONTROL, in->scontrol);
    return HV_STATUS_SUCCESS;
}
