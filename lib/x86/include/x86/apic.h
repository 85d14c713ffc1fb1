/* SPDX-License-Identifier: MIT */
/* x86/apic.h - the local APIC's registers and their fields.
 * SDM vol. 3A, 10.4.1 (register map), 10.5 (LVT), 10.6 (ICR), 10.8 (priorities), 10.12 (x2APIC);
 * APM vol. 2, chapter 16. */
#ifndef X86_APIC_H
#define X86_APIC_H

#define APIC_DEFAULT_BASE 0xfee00000ull
#define APIC_MMIO_SIZE    0x1000u

/* Offsets of the xAPIC's 32-bit registers, 16 bytes apart. */
#define APIC_ID            0x020u
#define APIC_VERSION       0x030u
#define APIC_TPR           0x080u
#define APIC_APR           0x090u
#define APIC_PPR           0x0a0u
#define APIC_EOI           0x0b0u
#define APIC_RRD           0x0c0u
#define APIC_LDR           0x0d0u
#define APIC_DFR           0x0e0u
#define APIC_SVR           0x0f0u
#define APIC_ISR           0x100u /* eight registers of 32 vectors */
#define APIC_TMR           0x180u
#define APIC_IRR           0x200u
#define APIC_ESR           0x280u
#define APIC_LVT_CMCI      0x2f0u
#define APIC_ICR_LOW       0x300u
#define APIC_ICR_HIGH      0x310u
#define APIC_LVT_TIMER     0x320u
#define APIC_LVT_THERMAL   0x330u
#define APIC_LVT_PERFMON   0x340u
#define APIC_LVT_LINT0     0x350u
#define APIC_LVT_LINT1     0x360u
#define APIC_LVT_ERROR     0x370u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE  0x3e0u
#define APIC_SELF_IPI      0x3f0u /* x2APIC only */

#define APIC_REGISTER_STRIDE  0x10u
#define APIC_VECTOR_REGISTERS 8u /* of ISR, TMR and IRR each */

/* x2APIC: the register at MMIO offset o is MSR 0x800 + o / 16. The ICR is one 64-bit MSR. */
#define X2APIC_MSR_BASE    0x800u
#define X2APIC_MSR(offset) (X2APIC_MSR_BASE + ((offset) >> 4))
#define X2APIC_OFFSET(msr) (((msr)-X2APIC_MSR_BASE) << 4)

#define APIC_ID_SHIFT 24 /* xAPIC: bits 24..31 of APIC_ID, APIC_LDR and APIC_ICR_HIGH */

#define APIC_VERSION_MASK           0xffu
#define APIC_VERSION_MAX_LVT_SHIFT  16
#define APIC_VERSION_MAX_LVT_MASK   0x00ff0000u
#define APIC_VERSION_EOI_SUPPRESS   (1u << 24)
#define APIC_VERSION_EXTENDED_SPACE (1u << 31) /* AMD */

#define APIC_PRIORITY_CLASS(v) ((v)&0xf0u) /* of a vector, the TPR or the PPR */

#define APIC_DFR_FLAT    0xffffffffu
#define APIC_DFR_CLUSTER 0x0fffffffu
#define APIC_DFR_ONES    0x0fffffffu /* reserved, read as ones */

#define APIC_SVR_VECTOR_MASK  0xffu
#define APIC_SVR_ENABLE       (1u << 8)
#define APIC_SVR_FOCUS_OFF    (1u << 9)
#define APIC_SVR_EOI_SUPPRESS (1u << 12)
#define APIC_SVR_RESET        0xffu

#define APIC_ESR_SEND_CHECKSUM    (1u << 0)
#define APIC_ESR_RECEIVE_CHECKSUM (1u << 1)
#define APIC_ESR_SEND_ACCEPT      (1u << 2)
#define APIC_ESR_RECEIVE_ACCEPT   (1u << 3)
#define APIC_ESR_REDIRECTABLE_IPI (1u << 4)
#define APIC_ESR_SEND_VECTOR      (1u << 5)
#define APIC_ESR_RECEIVE_VECTOR   (1u << 6)
#define APIC_ESR_REGISTER         (1u << 7)

/* Fields that the ICR and the LVT share. */
#define APIC_VECTOR_MASK      0xffu
#define APIC_DELIVERY_SHIFT   8
#define APIC_DELIVERY_MASK    (7u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_FIXED   (0u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_LOWEST  (1u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_SMI     (2u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_NMI     (4u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_INIT    (5u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_STARTUP (6u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_EXTINT  (7u << APIC_DELIVERY_SHIFT)
#define APIC_DELIVERY_STATUS  (1u << 12) /* send pending */
#define APIC_TRIGGER_LEVEL    (1u << 15)

#define APIC_ICR_DEST_LOGICAL     (1u << 11)
#define APIC_ICR_LEVEL_ASSERT     (1u << 14)
#define APIC_ICR_SHORTHAND_SHIFT  18
#define APIC_ICR_SHORTHAND_MASK   (3u << APIC_ICR_SHORTHAND_SHIFT)
#define APIC_ICR_SHORTHAND_NONE   (0u << APIC_ICR_SHORTHAND_SHIFT)
#define APIC_ICR_SHORTHAND_SELF   (1u << APIC_ICR_SHORTHAND_SHIFT)
#define APIC_ICR_SHORTHAND_ALL    (2u << APIC_ICR_SHORTHAND_SHIFT)
#define APIC_ICR_SHORTHAND_OTHERS (3u << APIC_ICR_SHORTHAND_SHIFT)
#define APIC_BROADCAST            0xffu       /* xAPIC destination: everyone */
#define X2APIC_BROADCAST          0xffffffffu /* x2APIC destination: everyone */

#define APIC_LVT_POLARITY_LOW   (1u << 13)
#define APIC_LVT_REMOTE_IRR     (1u << 14)
#define APIC_LVT_MASKED         (1u << 16)
#define APIC_LVT_RESET          APIC_LVT_MASKED
#define APIC_LVT_TIMER_SHIFT    17
#define APIC_LVT_TIMER_MASK     (3u << APIC_LVT_TIMER_SHIFT)
#define APIC_LVT_TIMER_ONE_SHOT (0u << APIC_LVT_TIMER_SHIFT)
#define APIC_LVT_TIMER_PERIODIC (1u << APIC_LVT_TIMER_SHIFT)
#define APIC_LVT_TIMER_DEADLINE (2u << APIC_LVT_TIMER_SHIFT)

/* APIC_TIMER_DIVIDE: bits 0, 1 and 3. SDM vol. 3A, figure 10-10. */
#define APIC_DIVIDE_BY_1   0xbu
#define APIC_DIVIDE_BY_2   0x0u
#define APIC_DIVIDE_BY_4   0x1u
#define APIC_DIVIDE_BY_8   0x2u
#define APIC_DIVIDE_BY_16  0x3u
#define APIC_DIVIDE_BY_32  0x8u
#define APIC_DIVIDE_BY_64  0x9u
#define APIC_DIVIDE_BY_128 0xau
#define APIC_DIVIDE_MASK   0xbu

/* log2 of the divisor that the value @divide of APIC_TIMER_DIVIDE selects. */
static inline unsigned apic_divide_shift(unsigned divide)
{
    return (((divide & 3) | (divide >> 1 & 4)) + 1) & 7;
}

#define APIC_VECTOR_FIRST_VALID 16u /* vectors below are illegal in the ICR and LVT */

#endif
