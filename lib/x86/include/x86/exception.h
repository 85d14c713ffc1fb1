/* SPDX-License-Identifier: MIT */
/* x86/exception.h - exception vectors and error codes. APM vol. 2, table 8-1 and 8.4; SDM vol. 3A,
 * table 6-1. */
#ifndef X86_EXCEPTION_H
#define X86_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    EXCEPTION_DE = 0, /* divide error */
    EXCEPTION_DB = 1, /* debug */
    EXCEPTION_NMI = 2,
    EXCEPTION_BP = 3,  /* INT3 */
    EXCEPTION_OF = 4,  /* INTO */
    EXCEPTION_BR = 5,  /* BOUND */
    EXCEPTION_UD = 6,  /* invalid opcode */
    EXCEPTION_NM = 7,  /* device not available */
    EXCEPTION_DF = 8,  /* double fault */
    EXCEPTION_TS = 10, /* invalid TSS */
    EXCEPTION_NP = 11, /* segment not present */
    EXCEPTION_SS = 12, /* stack fault */
    EXCEPTION_GP = 13, /* general protection */
    EXCEPTION_PF = 14, /* page fault */
    EXCEPTION_MF = 16, /* x87 */
    EXCEPTION_AC = 17, /* alignment check */
    EXCEPTION_MC = 18, /* machine check */
    EXCEPTION_XM = 19, /* SIMD (XF in the APM) */
    EXCEPTION_VE = 20, /* virtualization exception (Intel) */
    EXCEPTION_CP = 21, /* control protection */
    EXCEPTION_HV = 28, /* hypervisor injection (AMD) */
    EXCEPTION_VC = 29, /* VMM communication (AMD) */
    EXCEPTION_SX = 30, /* security (AMD) */
    EXCEPTION_COUNT = 32,
};

/* Page-fault error code; the same bits describe nested page faults. APM vol. 2, 8.4.2. */
#define PF_ERROR_P   (1ull << 0)
#define PF_ERROR_RW  (1ull << 1)
#define PF_ERROR_US  (1ull << 2)
#define PF_ERROR_RSV (1ull << 3)
#define PF_ERROR_ID  (1ull << 4)
#define PF_ERROR_PK  (1ull << 5)
#define PF_ERROR_SS  (1ull << 6)

/* Selector error code. APM vol. 2, 8.4.1. */
#define SELECTOR_ERROR_EXT (1u << 0)
#define SELECTOR_ERROR_IDT (1u << 1)
#define SELECTOR_ERROR_TI  (1u << 2)

/* Whether the processor pushes an error code when it raises @vector in protected mode. */
static inline bool exception_has_error_code(unsigned vector)
{
    const uint32_t with_code = 1u << EXCEPTION_DF | 1u << EXCEPTION_TS | 1u << EXCEPTION_NP |
                               1u << EXCEPTION_SS | 1u << EXCEPTION_GP | 1u << EXCEPTION_PF |
                               1u << EXCEPTION_AC | 1u << EXCEPTION_CP | 1u << EXCEPTION_VC |
                               1u << EXCEPTION_SX;

    return vector < EXCEPTION_COUNT && (with_code >> vector & 1) != 0;
}

#endif
