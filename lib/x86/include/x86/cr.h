/* SPDX-License-Identifier: MIT */
/* x86/cr.h - bits of the control, debug and flags registers, of EFER and of XCR0.
 * Names are the manuals'. APM vol. 2, 3.1 (system registers) and 13.1 (debug registers);
 * SDM vol. 3A, 2.5 (control registers), 2.6 (XCR0), 17.2 (debug registers). */
#ifndef X86_CR_H
#define X86_CR_H

#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_AM (1ull << 18)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR0_DEFINED                                                                                \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD |     \
     CR0_PG)
/* What INIT and RESET leave in CR0. APM vol. 2, table 14-1. */
#define CR0_RESET (CR0_CD | CR0_NW | CR0_ET)

#define CR3_PWT         (1ull << 3)
#define CR3_PCD         (1ull << 4)
#define CR3_PCID_MASK   0xfffull              /* with CR4.PCIDE */
#define CR3_NO_FLUSH    (1ull << 63)          /* with CR4.PCIDE: keep this PCID's translations */
#define CR3_BASE_LONG   0x000ffffffffff000ull /* 4- and 5-level paging */
#define CR3_BASE_PAE    0x00000000ffffffe0ull
#define CR3_BASE_LEGACY 0x00000000fffff000ull

#define CR4_VME        (1ull << 0)
#define CR4_PVI        (1ull << 1)
#define CR4_TSD        (1ull << 2)
#define CR4_DE         (1ull << 3)
#define CR4_PSE        (1ull << 4)
#define CR4_PAE        (1ull << 5)
#define CR4_MCE        (1ull << 6)
#define CR4_PGE        (1ull << 7)
#define CR4_PCE        (1ull << 8)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP       (1ull << 11)
#define CR4_LA57       (1ull << 12)
#define CR4_VMXE       (1ull << 13)
#define CR4_SMXE       (1ull << 14)
#define CR4_FSGSBASE   (1ull << 16)
#define CR4_PCIDE      (1ull << 17)
#define CR4_OSXSAVE    (1ull << 18)
#define CR4_KL         (1ull << 19)
#define CR4_SMEP       (1ull << 20)
#define CR4_SMAP       (1ull << 21)
#define CR4_PKE        (1ull << 22)
#define CR4_CET        (1ull << 23)
#define CR4_PKS        (1ull << 24)

#define CR8_TPR_MASK 0xfull

#define EFER_SCE   (1ull << 0)
#define EFER_LME   (1ull << 8)
#define EFER_LMA   (1ull << 10)
#define EFER_NXE   (1ull << 11)
#define EFER_SVME  (1ull << 12)
#define EFER_LMSLE (1ull << 13)
#define EFER_FFXSR (1ull << 14)
#define EFER_TCE   (1ull << 15)
#define EFER_AIBRSE (1ull << 21) /* automatic IBRS */

#define RFLAGS_CF         (1ull << 0)
#define RFLAGS_RESERVED1  (1ull << 1) /* reads as 1 */
#define RFLAGS_PF         (1ull << 2)
#define RFLAGS_AF         (1ull << 4)
#define RFLAGS_ZF         (1ull << 6)
#define RFLAGS_SF         (1ull << 7)
#define RFLAGS_TF         (1ull << 8)
#define RFLAGS_IF         (1ull << 9)
#define RFLAGS_DF         (1ull << 10)
#define RFLAGS_OF         (1ull << 11)
#define RFLAGS_IOPL_SHIFT 12
#define RFLAGS_IOPL_MASK  (3ull << RFLAGS_IOPL_SHIFT)
#define RFLAGS_NT         (1ull << 14)
#define RFLAGS_RF         (1ull << 16)
#define RFLAGS_VM         (1ull << 17)
#define RFLAGS_AC         (1ull << 18)
#define RFLAGS_VIF        (1ull << 19)
#define RFLAGS_VIP        (1ull << 20)
#define RFLAGS_ID         (1ull << 21)

#define DR6_B0    (1ull << 0)
#define DR6_B1    (1ull << 1)
#define DR6_B2    (1ull << 2)
#define DR6_B3    (1ull << 3)
#define DR6_BD    (1ull << 13)
#define DR6_BS    (1ull << 14)
#define DR6_BT    (1ull << 15)
#define DR6_RTM   (1ull << 16) /* 0: inside a transaction */
#define DR6_RESET 0xffff0ff0ull

#define DR7_ENABLED_MASK 0xffull /* L0, G0 .. L3, G3 */
#define DR7_GD           (1ull << 13)
#define DR7_RESET        0x400ull

#define XCR0_X87       (1ull << 0)
#define XCR0_SSE       (1ull << 1)
#define XCR0_AVX       (1ull << 2)
#define XCR0_BNDREGS   (1ull << 3)
#define XCR0_BNDCSR    (1ull << 4)
#define XCR0_OPMASK    (1ull << 5)
#define XCR0_ZMM_HI256 (1ull << 6)
#define XCR0_HI16_ZMM  (1ull << 7)
#define XCR0_PKRU      (1ull << 9)
#define XCR0_TILECFG   (1ull << 17)
#define XCR0_TILEDATA  (1ull << 18)

#endif
