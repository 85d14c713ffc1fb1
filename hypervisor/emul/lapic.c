/* SPDX-License-Identifier: MIT */
/* emul/lapic.c - the registers of the software local APIC: MMIO, MSRs, modes, life.
 *
 * Both interfaces go through one register file, indexed by offset / 16 as the x2APIC MSRs are. Three
 * tables say which registers exist where; what is not in them faults (x2APIC) or is an illegal
 * register address (xAPIC). SDM 10.4.1, table 10-1; 10.12.1.2, table 10-6. */
#include <hvabi/msr.h>
#include <rt/mem.h>
#include <x86/msr.h>
#include "debug/log.h"
#include "emul/lapic_internal.h"

#define REGISTER_COUNT    64u
#define INDEX(offset)     ((offset) >> 4) /* dense, so that a switch becomes a table */
#define REGISTER(offset)  (1ull << INDEX(offset))
#define REGISTERS(offset) (((1ull << APIC_VECTOR_REGISTERS) - 1) << INDEX(offset))

#define LVT_REGISTERS                                                                              \
    (REGISTER(APIC_LVT_TIMER) | REGISTER(APIC_LVT_THERMAL) | REGISTER(APIC_LVT_PERFMON) |          \
     REGISTER(APIC_LVT_LINT0) | REGISTER(APIC_LVT_LINT1) | REGISTER(APIC_LVT_ERROR))
#define COMMON_WRITABLE                                                                            \
    (REGISTER(APIC_TPR) | REGISTER(APIC_EOI) | REGISTER(APIC_SVR) | REGISTER(APIC_ESR) |           \
     LVT_REGISTERS | REGISTER(APIC_TIMER_INITIAL) | REGISTER(APIC_TIMER_DIVIDE))
#define COMMON_READABLE                                                                            \
    ((COMMON_WRITABLE & ~REGISTER(APIC_EOI)) | REGISTER(APIC_ID) | REGISTER(APIC_VERSION) |        \
     REGISTER(APIC_PPR) | REGISTER(APIC_LDR) | REGISTERS(APIC_ISR) | REGISTERS(APIC_TMR) |         \
     REGISTERS(APIC_IRR) | REGISTER(APIC_ICR_LOW) | REGISTER(APIC_TIMER_CURRENT))

/* EOI, SELF IPI and the ICR, which is 64 bits wide, are handled beside these. */
static const uint64_t x2apic_writable = COMMON_WRITABLE & ~REGISTER(APIC_EOI);
static const uint64_t x2apic_readable = COMMON_READABLE;
static const uint64_t xapic_known = COMMON_READABLE | COMMON_WRITABLE | REGISTER(APIC_APR) |
                                    REGISTER(APIC_RRD) | REGISTER(APIC_DFR) |
                                    REGISTER(APIC_ICR_HIGH);

/* What x2APIC mode lets pass in a write; more is #GP. Read-only bits are not among the reserved. */
static const uint32_t x2apic_bits[REGISTER_COUNT] = {
    [INDEX(APIC_TPR)] = LAPIC_TPR_BITS,
    [INDEX(APIC_SVR)] = LAPIC_SVR_BITS,
    [INDEX(APIC_LVT_TIMER)] = LAPIC_LVT_TIMER_BITS | APIC_DELIVERY_STATUS,
    [INDEX(APIC_LVT_THERMAL)] = LAPIC_LVT_SENSOR_BITS | APIC_DELIVERY_STATUS,
    [INDEX(APIC_LVT_PERFMON)] = LAPIC_LVT_SENSOR_BITS | APIC_DELIVERY_STATUS,
    [INDEX(APIC_LVT_LINT0)] = LAPIC_LVT_LINT_BITS | LAPIC_LVT_READ_ONLY,
    [INDEX(APIC_LVT_LINT1)] = LAPIC_LVT_LINT_BITS | LAPIC_LVT_READ_ONLY,
    [INDEX(APIC_LVT_ERROR)] = LAPIC_LVT_ERROR_BITS | APIC_DELIVERY_STATUS,
    [INDEX(APIC_TIMER_INITIAL)] = UINT32_MAX,
    [INDEX(APIC_TIMER_DIVIDE)] = APIC_DIVIDE_MASK,
};

static unsigned lvt_index(uint32_t offset)
{
    return (offset - APIC_LVT_TIMER) / APIC_REGISTER_STRIDE;
}

uint32_t lapic_lvt_bits(const struct lapic *l, unsigned index)
{
    uint32_t bits = x2apic_bits[INDEX(APIC_LVT_TIMER) + index] & ~LAPIC_LVT_READ_ONLY;

    if (index == LVT_TIMER && !l->space->tsc_deadline)
        bits &= ~APIC_LVT_TIMER_DEADLINE;
    return bits;
}

/* ---- Reads ---- */

static uint32_t id_read(const struct lapic *l)
{
    if (lapic_mode(l) & LAPIC_MODE_X2APIC)
        return l->apic_id;
    return l->apic_id << APIC_ID_SHIFT;
}

/* x2APIC: derived from the ID. SDM 10.12.10.2. */
static uint32_t ldr_read(const struct lapic *l)
{
    if (lapic_mode(l) & LAPIC_MODE_X2APIC)
        return l->apic_id >> 4 << 16 | 1u << (l->apic_id & 15);
    return l->ldr;
}

static uint32_t register_read(struct lapic *l, uint32_t offset)
{
    switch (INDEX(offset)) {
    case INDEX(APIC_ID):
        return id_read(l);
    case INDEX(APIC_VERSION):
        return LAPIC_VERSION;
    case INDEX(APIC_TPR):
        return l->tpr;
    case INDEX(APIC_PPR):
        lapic_host_settle(l);
        return lapic_ppr(l);
    case INDEX(APIC_LDR):
        return ldr_read(l);
    case INDEX(APIC_DFR):
        return l->dfr;
    case INDEX(APIC_SVR):
        return l->svr;
    case INDEX(APIC_ESR):
        return l->esr;
    case INDEX(APIC_ICR_LOW):
        return l->icr_low;
    case INDEX(APIC_ICR_HIGH):
        return l->icr_high;
    case INDEX(APIC_TIMER_INITIAL):
        return l->timer.initial;
    case INDEX(APIC_TIMER_CURRENT):
        return lapic_timer_current(l);
    case INDEX(APIC_TIMER_DIVIDE):
        return l->timer.divide;
    default: /* EOI, APR, RRD and what does not exist */
        return 0;
    }
}

/* The registers of which there are several. */
uint32_t lapic_register(struct lapic *l, uint32_t offset)
{
    if (offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR)
        return lapic_lvt(l, lvt_index(offset));
    if (offset >= APIC_IRR && offset < APIC_ESR)
        return lapic_vector_register(l->irr, (offset - APIC_IRR) >> 4);
    if (offset >= APIC_TMR && offset < APIC_IRR)
        return lapic_vector_register(l->tmr, (offset - APIC_TMR) >> 4);
    if (offset >= APIC_ISR && offset < APIC_TMR) {
        lapic_host_settle(l);
        return lapic_vector_register(l->isr, (offset - APIC_ISR) >> 4);
    }
    return register_read(l, offset);
}

uint32_t lapic_mmio_read(struct lapic *l, uint32_t offset)
{
    if (offset % APIC_REGISTER_STRIDE != 0)
        return 0;
    if (offset >= REGISTER_COUNT * APIC_REGISTER_STRIDE || !(xapic_known & REGISTER(offset))) {
        lapic_error(l, APIC_ESR_REGISTER);
        return 0;
    }
    return lapic_register(l, offset);
}

static bool x2apic_read(struct lapic *l, uint32_t offset, uint64_t *value)
{
    if (!(lapic_mode(l) & LAPIC_MODE_X2APIC) ||
        offset >= REGISTER_COUNT * APIC_REGISTER_STRIDE || !(x2apic_readable & REGISTER(offset)))
        return false;
    *value = lapic_register(l, offset);
    if (offset == APIC_ICR_LOW)
        *value |= (uint64_t)l->icr_high << 32;
    return true;
}

/* ---- Writes ---- */

static void lvt_write(struct lapic *l, unsigned index, uint32_t value)
{
    value &= lapic_lvt_bits(l, index);
    if ((value & APIC_LVT_TIMER_MASK) == APIC_LVT_TIMER_MASK)
        value &= ~APIC_LVT_TIMER_MASK; /* no such timer mode; other entries lack these bits */
    if (!(l->svr & APIC_SVR_ENABLE))
        value |= APIC_LVT_MASKED;
    if (index == LVT_TIMER)
        lapic_timer_lvt_write(l, value);
    else
        lapic_lvt_set(l, index, value);
}

/* SDM 10.4.7.2: while disabled by software every entry is masked. */
static void svr_write(struct lapic *l, uint32_t value)
{
    uint32_t before = lapic_mode(l), mode = before & ~LAPIC_MODE_SOFTWARE;

    l->svr = value & LAPIC_SVR_BITS;
    if (value & APIC_SVR_ENABLE)
        mode |= LAPIC_MODE_SOFTWARE;
    lapic_mode_set(l, mode);
    if (mode & ~before)
        lapic_host_enabled(l);
    if (!(value & APIC_SVR_ENABLE))
        for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
            lvt_write(l, i, lapic_lvt(l, i));
}

static void logical_write(struct lapic *l, uint32_t *reg, uint32_t value)
{
    lapic_logical_leave(l);
    *reg = value;
    lapic_logical_join(l);
}

static void register_write(struct lapic *l, uint32_t offset, uint32_t value)
{
    switch (INDEX(offset)) {
    case INDEX(APIC_TPR):
        lapic_tpr_set(l, (uint8_t)value);
        break;
    case INDEX(APIC_EOI):
        lapic_eoi(l);
        break;
    case INDEX(APIC_TIMER_INITIAL):
        lapic_timer_initial_write(l, value);
        break;
    case INDEX(APIC_TIMER_DIVIDE):
        lapic_timer_divide_write(l, value & APIC_DIVIDE_MASK);
        break;
    case INDEX(APIC_SVR):
        svr_write(l, value);
        break;
    case INDEX(APIC_ESR):
        l->esr = __atomic_exchange_n(&l->esr_pending, 0, __ATOMIC_RELAXED);
        break;
    default: /* the only registers left that anybody may write */
        if (offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR)
            lvt_write(l, lvt_index(offset), value);
        break;
    }
}

static uint32_t xapic_destination(const struct lapic *l)
{
    return lapic_destination8((uint8_t)(l->icr_high >> APIC_ID_SHIFT));
}

static void xapic_icr_write(struct lapic *l, uint32_t value)
{
    l->icr_low = value & LAPIC_ICR_LOW_BITS;
    lapic_icr_send(l, l->icr_low, xapic_destination(l));
}

void lapic_mmio_write(struct lapic *l, uint32_t offset, uint32_t value)
{
    if (offset % APIC_REGISTER_STRIDE != 0)
        return;
    switch (offset) {
    case APIC_ICR_LOW:
        xapic_icr_write(l, value);
        return;
    case APIC_ICR_HIGH:
        l->icr_high = value & LAPIC_ICR_HIGH_BITS;
        return;
    case APIC_LDR:
        logical_write(l, &l->ldr, value & LAPIC_LOGICAL_ID_BITS);
        return;
    case APIC_DFR:
        logical_write(l, &l->dfr, value | APIC_DFR_ONES);
        return;
    default:
        break;
    }
    if (offset >= REGISTER_COUNT * APIC_REGISTER_STRIDE || !(xapic_known & REGISTER(offset)))
        lapic_error(l, APIC_ESR_REGISTER);
    else
        register_write(l, offset, value);
}

static bool x2apic_icr_write(struct lapic *l, uint64_t value)
{
    if ((uint32_t)value & ~(LAPIC_ICR_LOW_BITS | APIC_DELIVERY_STATUS))
        return false;
    l->icr_low = (uint32_t)value & LAPIC_ICR_LOW_BITS;
    l->icr_high = (uint32_t)(value >> 32);
    lapic_icr_send(l, l->icr_low, l->icr_high);
    return true;
}

static bool lvt_timer_mode_valid(const struct lapic *l, uint64_t value)
{
    uint64_t mode = value & APIC_LVT_TIMER_MASK;

    return mode != APIC_LVT_TIMER_MASK &&
           (l->space->tsc_deadline || mode != APIC_LVT_TIMER_DEADLINE);
}

/* The others go by the tables. */
static bool x2apic_write_table(struct lapic *l, uint32_t offset, uint64_t value)
{
    if (offset >= REGISTER_COUNT * APIC_REGISTER_STRIDE ||
        !(x2apic_writable & REGISTER(offset)) || (value & ~(uint64_t)x2apic_bits[INDEX(offset)]))
        return false;
    if (offset == APIC_LVT_TIMER && !lvt_timer_mode_valid(l, value))
        return false;
    register_write(l, offset, (uint32_t)value);
    return true;
}

/* What guests write for each interrupt comes first: it decides what an interrupt costs. */
static bool x2apic_write(struct lapic *l, uint32_t offset, uint64_t value)
{
    if (!(lapic_mode(l) & LAPIC_MODE_X2APIC))
        return false;
    switch (offset) {
    case APIC_EOI:
        if (value != 0)
            return false;
        lapic_eoi(l);
        return true;
    case APIC_SELF_IPI:
        if (value > APIC_VECTOR_MASK)
            return false;
        lapic_self_ipi(l, (uint8_t)value);
        return true;
    case APIC_ICR_LOW:
        return x2apic_icr_write(l, value);
    default:
        return x2apic_write_table(l, offset, value);
    }
}

/* ---- IA32_APIC_BASE ---- */

static uint64_t base_read(const struct lapic *l)
{
    uint32_t mode = lapic_mode(l);

    return APIC_DEFAULT_BASE | (l->bsp ? APIC_BASE_BSP : 0) |
           (mode & LAPIC_MODE_GLOBAL ? APIC_BASE_EN : 0) |
           (mode & LAPIC_MODE_X2APIC ? APIC_BASE_EXTD : 0);
}

/* Legal as a state: reserved bits, the fixed base, and EXTD without EN. SDM 10.12.1. */
bool lapic_base_valid(const struct lapic *l, uint64_t base)
{
    if ((base & ~(APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN)) != APIC_DEFAULT_BASE)
        return false;
    return !(base & APIC_BASE_EXTD) || (l->space->x2apic && (base & APIC_BASE_EN));
}

/* SDM 10.12.5, figure 10-27. */
static bool base_transition_valid(uint64_t from, uint64_t to)
{
    bool from_on = from & APIC_BASE_EN, to_on = to & APIC_BASE_EN;
    bool from_x2 = from & APIC_BASE_EXTD, to_x2 = to & APIC_BASE_EXTD;

    if (from_x2 && to_on)
        return to_x2;
    return from_on || !to_x2;
}

/* Everything but ID and mode, as after power-up. SDM 10.4.7.1. */
static void registers_reset(struct lapic *l)
{
    lapic_vectors_clear(l);
    lapic_timer_reset(l);
    l->tpr = 0;
    l->svr = APIC_SVR_RESET;
    l->ldr = 0;
    l->dfr = APIC_DFR_FLAT;
    l->esr = 0;
    __atomic_store_n(&l->esr_pending, 0, __ATOMIC_RELAXED);
    l->icr_low = 0;
    l->icr_high = 0;
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        lapic_lvt_set(l, i, APIC_LVT_RESET);
}

/* Senders see the new mode before the registers change. */
static void mode_change(struct lapic *l, uint32_t mode, bool reset)
{
    lapic_logical_leave(l);
    lapic_mode_set(l, mode);
    if (reset)
        registers_reset(l);
    lapic_logical_join(l);
    lapic_priority_update(l);
}

static bool base_write(struct lapic *l, uint64_t value)
{
    uint64_t from = base_read(l);
    bool on = value & APIC_BASE_EN;

    if (!lapic_base_valid(l, value) || !base_transition_valid(from, value))
        return false;
    if (((from ^ value) & (APIC_BASE_EN | APIC_BASE_EXTD)) == 0)
        return true;
    if (value & APIC_BASE_EXTD) {
        l->icr_high = 0; /* another format */
        mode_change(l, lapic_mode(l) | LAPIC_MODE_X2APIC, false);
    } else {
        mode_change(l, on ? LAPIC_MODE_GLOBAL : 0, true);
    }
    return true;
}

/* ---- Synthetic MSRs: TLFS 10.2 ---- */

/* The ICR as the current mode has it. */
static bool synthetic_icr_write(struct lapic *l, uint64_t value)
{
    if (!lapic_mmio_on(l))
        return (lapic_mode(l) & LAPIC_MODE_GLOBAL) && x2apic_icr_write(l, value);
    l->icr_high = (uint32_t)(value >> HV_X64_MSR_ICR_HIGH_SHIFT) & LAPIC_ICR_HIGH_BITS;
    xapic_icr_write(l, (uint32_t)value);
    return true;
}

static bool synthetic_tpr_write(struct lapic *l, uint64_t value)
{
    if (value & ~HV_X64_MSR_TPR_MASK)
        return false;
    lapic_tpr_set(l, (uint8_t)value);
    return true;
}

static bool synthetic_eoi_write(struct lapic *l, uint64_t value)
{
    if (value >> 32 != 0)
        return false;
    lapic_eoi(l);
    return true;
}

static bool is_x2apic_msr(uint32_t msr)
{
    return msr >= MSR_IA32_X2APIC_FIRST && msr <= MSR_IA32_X2APIC_LAST;
}

bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value)
{
    if (is_x2apic_msr(msr))
        return x2apic_read(l, X2APIC_OFFSET(msr), value);
    switch (msr) {
    case MSR_IA32_APIC_BASE:
        *value = base_read(l);
        return true;
    case MSR_IA32_TSC_DEADLINE:
        *value = lapic_timer_deadline(l);
        return l->space->tsc_deadline;
    case HV_X64_MSR_ICR:
        *value = (uint64_t)l->icr_high << HV_X64_MSR_ICR_HIGH_SHIFT | l->icr_low;
        return lapic_mode(l) & LAPIC_MODE_GLOBAL;
    case HV_X64_MSR_TPR:
        *value = l->tpr;
        return lapic_mode(l) & LAPIC_MODE_GLOBAL;
    default: /* HV_X64_MSR_EOI is write-only */
        return false;
    }
}

bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value)
{
    if (is_x2apic_msr(msr))
        return x2apic_write(l, X2APIC_OFFSET(msr), value);
    switch (msr) {
    case MSR_IA32_APIC_BASE:
        return base_write(l, value);
    case MSR_IA32_TSC_DEADLINE:
        lapic_timer_deadline_write(l, value);
        return l->space->tsc_deadline;
    case HV_X64_MSR_EOI:
        return (lapic_mode(l) & LAPIC_MODE_GLOBAL) && synthetic_eoi_write(l, value);
    case HV_X64_MSR_ICR:
        return synthetic_icr_write(l, value);
    case HV_X64_MSR_TPR:
        return (lapic_mode(l) & LAPIC_MODE_GLOBAL) && synthetic_tpr_write(l, value);
    default:
        return false;
    }
}

/* ---- Life ---- */

/* @a / @b in 32.32 fixed point, for frequencies: @a < 2^40, the quotient < 2^32. */
static uint64_t ratio(uint64_t a, uint64_t b)
{
    uint64_t quotient = a / b, rest = a % b;

    for (unsigned i = 0; i < 32; i++) {
        rest <<= 1;
        quotient = quotient << 1 | (rest >= b);
        if (rest >= b)
            rest -= b;
    }
    return quotient;
}

static bool frequency_valid(uint64_t hz)
{
    return hz >= LAPIC_HZ_MIN && hz <= LAPIC_HZ_MAX;
}

void lapic_space_init(struct lapic_space *s, const struct lapic_space_config *config)
{
    BUG_ON(!frequency_valid(config->tsc_hz) || !frequency_valid(config->timer_hz));
    memset(s, 0, sizeof(*s));
    s->table = config->table;
    s->capacity = config->capacity;
    s->x2apic = config->x2apic;
    s->tsc_deadline = config->tsc_deadline;
    s->timer_hz = config->timer_hz;
    s->tsc_per_tick = ratio(config->tsc_hz, config->timer_hz);
    s->ticks_per_tsc = ratio(config->timer_hz, config->tsc_hz);
}

bool lapic_init(struct lapic *l, struct lapic_space *s, uint32_t apic_id, bool bsp)
{
    if (apic_id >= s->capacity || s->table[apic_id])
        return false;
    memset(l, 0, sizeof(*l));
    l->space = s;
    l->apic_id = apic_id;
    l->bsp = bsp;
    registers_reset(l);
    lapic_mode_set(l, LAPIC_MODE_GLOBAL);
    lapic_priority_update(l);
    /* Pairs with lapic_by_id: who finds it finds it ready. */
    __atomic_store_n(&s->table[apic_id], l, __ATOMIC_RELEASE);
    if (apic_id >= s->limit)
        __atomic_store_n(&s->limit, apic_id + 1, __ATOMIC_RELAXED);
    return true;
}

void lapic_destroy(struct lapic *l)
{
    struct lapic_space *s = l->space;
    uint32_t limit = s->limit;

    lapic_timer_reset(l);
    lapic_logical_leave(l);
    __atomic_store_n(&s->table[l->apic_id], 0, __ATOMIC_RELAXED);
    while (limit != 0 && !s->table[limit - 1])
        limit--;
    __atomic_store_n(&s->limit, limit, __ATOMIC_RELAXED);
}

void lapic_reset(struct lapic *l)
{
    mode_change(l, lapic_mode(l) & ~LAPIC_MODE_SOFTWARE, true);
}
