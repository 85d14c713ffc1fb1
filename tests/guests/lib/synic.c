/* SPDX-License-Identifier: MIT */
/* synic.c - messages and event flags of one SINT of each VP. See guest.h. TLFS 11.9 to 11.12. */
#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/insn.h>

#include "guest.h"

#define FLAGS_PER_WORD 64u

static struct {
    struct hv_message *slot;
    uint64_t *flags;
} synics[GUEST_CPU_MAX];

/* The interrupt has ended a halt: that is all it is for. */
static void interrupt_handler(struct guest_frame *frame)
{
    (void)frame;
    guest_apic_eoi();
}

void guest_synic_enable(uint32_t sint)
{
    uint32_t vp = guest_cpu_this()->index;
    struct hv_message_page *messages = guest_memory(sizeof(*messages));
    struct hv_synic_event_flags_page *events = guest_memory(sizeof(*events));

    synics[vp].slot = &messages->slots[sint];
    synics[vp].flags = (uint64_t *)(void *)events->slots[sint].flags;
    guest_handler_set(GUEST_VECTOR_SYNIC, interrupt_handler);
    guest_handler_set(GUEST_VECTOR_KICK, interrupt_handler);
    insn_wrmsr(HV_X64_MSR_SIMP, (uintptr_t)messages | HV_X64_MSR_PAGE_ENABLE);
    insn_wrmsr(HV_X64_MSR_SIEFP, (uintptr_t)events | HV_X64_MSR_PAGE_ENABLE);
    insn_wrmsr(HV_X64_MSR_SINT0 + sint, GUEST_VECTOR_SYNIC);
    insn_wrmsr(HV_X64_MSR_SCONTROL, HV_SYNIC_CONTROL_ENABLE);
}

bool guest_synic_message(struct hv_message *m)
{
    struct hv_message *slot = synics[guest_cpu_this()->index].slot;

    /* Pairs with the hypervisor's release: the type is written last. */
    if (__atomic_load_n(&slot->header.message_type, __ATOMIC_ACQUIRE) == HvMessageTypeNone)
        return false;
    memcpy(m, slot, sizeof(*m));
    /* First empty the slot, then look whether somebody found it in use: a message that came in
     * between either sees that it is empty, or has set the flag. */
    __atomic_store_n(&slot->header.message_type, HvMessageTypeNone, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&slot->header.message_flags, __ATOMIC_SEQ_CST) & HV_MESSAGE_FLAG_PENDING)
        insn_wrmsr(HV_X64_MSR_EOM, 0);
    return true;
}

bool guest_synic_events(void (*handler)(uint32_t flag))
{
    uint64_t *flags = synics[guest_cpu_this()->index].flags;
    bool any = false;

    for (uint32_t i = 0; i < HV_EVENT_FLAGS_COUNT / FLAGS_PER_WORD; i++) {
        uint64_t set;

        if (__atomic_load_n(&flags[i], __ATOMIC_RELAXED) == 0)
            continue;
        /* Clear before looking at what they stand for, so that whatever comes later sets them. */
        set = __atomic_exchange_n(&flags[i], 0, __ATOMIC_SEQ_CST);
        any = true;
        for (; set != 0; set &= set - 1)
            handler(i * FLAGS_PER_WORD + (uint32_t)__builtin_ctzll(set));
    }
    return any;
}

void guest_halt(void)
{
    insn_sti_hlt_cli();
}

void guest_kick(uint32_t vp)
{
    guest_apic_ipi(vp, APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT | GUEST_VECTOR_KICK);
}

uint64_t guest_time(void)
{
    return insn_rdmsr(HV_X64_MSR_TIME_REF_COUNT);
}
