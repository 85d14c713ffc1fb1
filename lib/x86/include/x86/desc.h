/* SPDX-License-Identifier: MIT */
/* x86/desc.h - segment and gate descriptors, task state segments, selectors.
 * APM vol. 2, 4.7 (legacy descriptors), 4.8 (64-bit descriptors), 12.2 (TSS). */
#ifndef X86_DESC_H
#define X86_DESC_H

#include <stdint.h>
#include <x86/layout.h>

#define SELECTOR_RPL_MASK    3u
#define SELECTOR_TI          (1u << 2)
#define SELECTOR_INDEX(s)    ((s) >> 3)
#define SELECTOR(index, rpl) ((uint16_t)((index) << 3 | (rpl)))

/* Bits of an 8-byte segment descriptor. APM vol. 2, figures 4-13 to 4-15. */
#define DESC_TYPE_SHIFT 40
#define DESC_A          (1ull << 40) /* accessed */
#define DESC_W          (1ull << 41) /* data: writable */
#define DESC_R          (1ull << 41) /* code: readable */
#define DESC_E          (1ull << 42) /* data: expand down */
#define DESC_C          (1ull << 42) /* code: conforming */
#define DESC_CODE       (1ull << 43)
#define DESC_S          (1ull << 44) /* code or data, not system */
#define DESC_DPL_SHIFT  45
#define DESC_DPL(n)     ((unsigned long long)(n) << DESC_DPL_SHIFT)
#define DESC_P          (1ull << 47)
#define DESC_AVL        (1ull << 52)
#define DESC_L          (1ull << 53)
#define DESC_DB         (1ull << 54)
#define DESC_G          (1ull << 55)

#define DESC_LIMIT_FLAT 0x000f00000000ffffull

#define DESC_CODE64 (DESC_P | DESC_S | DESC_CODE | DESC_R | DESC_A | DESC_L)
#define DESC_CODE32                                                                                \
    (DESC_P | DESC_S | DESC_CODE | DESC_R | DESC_A | DESC_DB | DESC_G | DESC_LIMIT_FLAT)
#define DESC_DATA (DESC_P | DESC_S | DESC_W | DESC_A | DESC_DB | DESC_G | DESC_LIMIT_FLAT)

/* System descriptor types in long mode. APM vol. 2, table 4-6. */
enum {
    DESC_TYPE_LDT = 2,
    DESC_TYPE_TSS_AVAILABLE = 9,
    DESC_TYPE_TSS_BUSY = 11,
    DESC_TYPE_CALL_GATE = 12,
    DESC_TYPE_INTERRUPT_GATE = 14,
    DESC_TYPE_TRAP_GATE = 15,
};

/* Two GDT slots: a TSS or LDT descriptor in long mode. APM vol. 2, 4.8.3. */
struct desc_system {
    uint64_t low, high;
};
X86_SIZE(struct desc_system, 16);

/* The present system descriptor of @type (DESC_TYPE_*) for @limit + 1 bytes at @base. */
static inline struct desc_system desc_system_make(uint64_t base, uint32_t limit, unsigned type)
{
    struct desc_system d = {
        .low = (limit & 0xffffu) | (base & 0xffffffu) << 16 | (uint64_t)type << DESC_TYPE_SHIFT |
               DESC_P | (uint64_t)(limit >> 16 & 0xfu) << 48 | (base >> 24 & 0xffu) << 56,
        .high = base >> 32,
    };

    return d;
}

/* A long-mode gate. APM vol. 2, 4.8.4. */
struct desc_gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t ist;        /* 0: the stack of the privilege level; 1..7: that IST entry */
    uint8_t attributes; /* GATE_P | GATE_DPL() | type */
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
};
X86_OFFSET(struct desc_gate, attributes, 5);
X86_OFFSET(struct desc_gate, offset_16, 6);
X86_OFFSET(struct desc_gate, offset_32, 8);
X86_SIZE(struct desc_gate, 16);

#define GATE_P      0x80u
#define GATE_DPL(n) ((n) << 5)

/* The present gate of @type (DESC_TYPE_*) to @handler, which privilege level @dpl may call. */
static inline struct desc_gate desc_gate_make(uint64_t handler, uint16_t selector, unsigned type,
                                              unsigned dpl, unsigned ist)
{
    struct desc_gate g = {
        .offset_0 = (uint16_t)handler,
        .selector = selector,
        .ist = (uint8_t)ist,
        .attributes = (uint8_t)(GATE_P | GATE_DPL(dpl) | type),
        .offset_16 = (uint16_t)(handler >> 16),
        .offset_32 = (uint32_t)(handler >> 32),
    };

    return g;
}

/* The 64-bit task state segment. APM vol. 2, 12.2.5. */
struct tss {
    uint32_t reserved_0;
    uint64_t rsp[3];
    uint64_t reserved_1c;
    uint64_t ist[7]; /* ist[0] is IST1 */
    uint64_t reserved_5c;
    uint16_t reserved_64;
    uint16_t io_map_base; /* beyond the limit: no map */
} __attribute__((packed));
X86_OFFSET(struct tss, rsp, 0x04);
X86_OFFSET(struct tss, ist, 0x24);
X86_OFFSET(struct tss, io_map_base, 0x66);
X86_SIZE(struct tss, 104);

#endif
