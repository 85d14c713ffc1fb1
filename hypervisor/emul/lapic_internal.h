/* SPDX-License-Identifier: MIT */
/* emul/lapic_internal.h - what the files of the software local APIC share. Nobody else includes it.
 * Register access is in lapic.c, interrupt state in lapic_vector.c, messages and destinations in
 * lapic_ipi.c, the timer in lapic_timer.c, save and restore in lapic_state.c. */
#ifndef EMUL_LAPIC_INTERNAL_H
#define EMUL_LAPIC_INTERNAL_H

#include "emul/lapic.h"

/* Indices into lapic.lvt. */
enum {
    LVT_TIMER = 0,
    LVT_THERMAL = 1,
    LVT_PERFMON = 2,
    LVT_LINT0 = 3,
    LVT_LINT1 = 4,
    LVT_ERROR = 5,
};

/* What the version register says: integrated APIC, LAPIC_LVT_COUNT entries. SDM 10.4.8. */
#define LAPIC_VERSION_INTEGRATED 0x14u
#define LAPIC_VERSION                                                                              \
    (LAPIC_VERSION_INTEGRATED | (LAPIC_LVT_COUNT - 1) << APIC_VERSION_MAX_LVT_SHIFT)

/* Bits of the writable registers; the rest is reserved. SDM 10.4.7, 10.5, 10.6.1, 10.8, 10.9. */
#define LAPIC_TPR_BITS         0xffu
#define LAPIC_SVR_BITS         (APIC_SVR_VECTOR_MASK | APIC_SVR_ENABLE | APIC_SVR_FOCUS_OFF)
#define LAPIC_ESR_BITS         0xffu
#define LAPIC_LOGICAL_ID_BITS  0xff000000u
#define LAPIC_ICR_LOW_BITS                                                                         \
    (APIC_VECTOR_MASK | APIC_DELIVERY_MASK | APIC_ICR_DEST_LOGICAL | APIC_ICR_LEVEL_ASSERT |       \
     APIC_TRIGGER_LEVEL | APIC_ICR_SHORTHAND_MASK)
#define LAPIC_ICR_HIGH_BITS    0xff000000u /* xAPIC; x2APIC: all */
#define LAPIC_LVT_READ_ONLY    (APIC_DELIVERY_STATUS | APIC_LVT_REMOTE_IRR)
#define LAPIC_LVT_TIMER_BITS   (APIC_VECTOR_MASK | APIC_LVT_MASKED | APIC_LVT_TIMER_MASK)
#define LAPIC_LVT_SENSOR_BITS  (APIC_VECTOR_MASK | APIC_DELIVERY_MASK | APIC_LVT_MASKED)
#define LAPIC_LVT_LINT_BITS                                                                        \
    (LAPIC_LVT_SENSOR_BITS | APIC_LVT_POLARITY_LOW | APIC_TRIGGER_LEVEL)
#define LAPIC_LVT_ERROR_BITS   (APIC_VECTOR_MASK | APIC_LVT_MASKED)

#define LAPIC_MODE_ACCEPTS (LAPIC_MODE_GLOBAL | LAPIC_MODE_SOFTWARE)

/* Members marked [a]. Relaxed: what needs an order says so where it is. */
static inline uint32_t lapic_mode(const struct lapic *l)
{
    return __atomic_load_n(&l->mode, __ATOMIC_RELAXED);
}

static inline void lapic_mode_set(struct lapic *l, uint32_t mode)
{
    __atomic_store_n(&l->mode, mode, __ATOMIC_RELAXED);
}

static inline uint32_t lapic_lvt(const struct lapic *l, unsigned index)
{
    return __atomic_load_n(&l->lvt[index], __ATOMIC_RELAXED);
}

static inline void lapic_lvt_set(struct lapic *l, unsigned index, uint32_t value)
{
    __atomic_store_n(&l->lvt[index], value, __ATOMIC_RELAXED);
}

static inline unsigned lapic_class(uint8_t vector)
{
    return vector >> 4;
}

static inline uint16_t lapic_class_bit(uint8_t vector)
{
    return (uint16_t)(1u << (vector & 15));
}

/* Index of the highest bit of @bits, which are not 0. */
static inline unsigned lapic_top(uint32_t bits)
{
    return 31u - (unsigned)__builtin_clz(bits);
}

/* lapic_vector.c */
void lapic_vectors_clear(struct lapic *l);
/* The TPR, the ISR or the global enable has changed: find out which classes may be delivered. */
void lapic_priority_update(struct lapic *l);
uint32_t lapic_ppr(const struct lapic *l);
/* One 32-bit register of IRR, TMR or ISR. */
uint32_t lapic_vector_register(const uint16_t classes[LAPIC_CLASSES], unsigned index);
/* Log @error and raise the error interrupt unless errors wait already. True: posted. Any LP. */
bool lapic_error(struct lapic *l, uint32_t error);

/* lapic_ipi.c */
/* The guest wrote its ICR: @destination in the format of its mode. */
void lapic_icr_send(struct lapic *l, uint32_t low, uint32_t destination);
void lapic_self_ipi(struct lapic *l, uint8_t vector);
/* Enter the sets of the space that LDR, DFR and mode call for, or leave them before one changes. */
void lapic_logical_join(struct lapic *l);
void lapic_logical_leave(struct lapic *l);

/* lapic_timer.c */
void lapic_timer_reset(struct lapic *l);
void lapic_timer_initial_write(struct lapic *l, uint32_t count);
void lapic_timer_divide_write(struct lapic *l, uint32_t divide);
void lapic_timer_lvt_write(struct lapic *l, uint32_t value);
uint32_t lapic_timer_current(struct lapic *l);
uint64_t lapic_timer_deadline(struct lapic *l);
void lapic_timer_deadline_write(struct lapic *l, uint64_t deadline);
/* What a stalled timer waits for may have come. */
void lapic_timer_notice(struct lapic *l);
/* Restore. False: @deadline is further away than a count of @initial takes. */
bool lapic_timer_deadline_valid(struct lapic *l, uint32_t initial, uint32_t divide,
                                uint64_t deadline);
void lapic_timer_restore(struct lapic *l, bool counting, uint64_t deadline, uint32_t fraction);

/* lapic.c */
/* Bits that an LVT entry may have set, read-only ones not among them. */
uint32_t lapic_lvt_bits(const struct lapic *l, unsigned index);
bool lapic_base_valid(const struct lapic *l, uint64_t base);
/* The register at @offset, a multiple of 16 within the page; 0 if there is none. */
uint32_t lapic_register(struct lapic *l, uint32_t offset);

#endif
