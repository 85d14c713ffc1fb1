/* SPDX-License-Identifier: MIT */
/* svm/vmcb.h - the virtual machine control block. APM vol. 2, appendix B. */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include <hvabi/layout.h>

/* Segment attributes are packed: bits 7:0 = descriptor bits 47:40, 11:8 = 55:52. */
struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit;
    uint64_t base;
};
ABI_SIZE(struct vmcb_segment, 16);

struct vmcb_control { /* table B-1 */
    uint16_t intercept_cr_reads;
    uint16_t intercept_cr_writes;
    uint16_t intercept_dr_reads;
    uint16_t intercept_dr_writes;
    uint32_t intercept_exceptions;
    uint32_t intercept_misc1;
    uint32_t intercept_misc2;
    uint32_t intercept_misc3;
    uint8_t reserved018[0x24];
    uint16_t pause_filter_threshold;
    uint16_t pause_filter_count;
    uint64_t iopm_base_pa;
    uint64_t msrpm_base_pa;
    uint64_t tsc_offset;
    uint32_t guest_asid;
    uint8_t tlb_control;
    uint8_t reserved05d[3];
    uint64_t v_intr;
    uint64_t interrupt_shadow;
    uint64_t exitcode;
    uint64_t exitinfo1;
    uint64_t exitinfo2;
    uint64_t exitintinfo;
    uint64_t np_control;
    uint64_t avic_apic_bar;
    uint64_t ghcb;
    uint64_t eventinj;
    uint64_t n_cr3;
    uint64_t lbr_control;
    uint32_t clean_bits;
    uint32_t reserved0c4;
    uint64_t nrip;
    uint8_t bytes_fetched;
    uint8_t guest_bytes[15];
    uint8_t reserved0e0[0x320];
};
ABI_OFFSET(struct vmcb_control, pause_filter_threshold, 0x03c);
ABI_OFFSET(struct vmcb_control, iopm_base_pa, 0x040);
ABI_OFFSET(struct vmcb_control, msrpm_base_pa, 0x048);
ABI_OFFSET(struct vmcb_control, tsc_offset, 0x050);
ABI_OFFSET(struct vmcb_control, guest_asid, 0x058);
ABI_OFFSET(struct vmcb_control, tlb_control, 0x05c);
ABI_OFFSET(struct vmcb_control, v_intr, 0x060);
ABI_OFFSET(struct vmcb_control, interrupt_shadow, 0x068);
ABI_OFFSET(struct vmcb_control, exitcode, 0x070);
ABI_OFFSET(struct vmcb_control, exitinfo1, 0x078);
ABI_OFFSET(struct vmcb_control, exitinfo2, 0x080);
ABI_OFFSET(struct vmcb_control, exitintinfo, 0x088);
ABI_OFFSET(struct vmcb_control, np_control, 0x090);
ABI_OFFSET(struct vmcb_control, eventinj, 0x0a8);
ABI_OFFSET(struct vmcb_control, n_cr3, 0x0b0);
ABI_OFFSET(struct vmcb_control, lbr_control, 0x0b8);
ABI_OFFSET(struct vmcb_control, clean_bits, 0x0c0);
ABI_OFFSET(struct vmcb_control, nrip, 0x0c8);
ABI_OFFSET(struct vmcb_control, bytes_fetched, 0x0d0);
ABI_SIZE(struct vmcb_control, 0x400);

struct vmcb_save { /* table B-2, offsets from 0x400 */
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved0a0[0x2b];
    uint8_t cpl;
    uint32_t reserved0cc;
    uint64_t efer;
    uint8_t reserved0d8[0x70];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved180[0x58];
    uint64_t rsp, s_cet, ssp, isst_addr, rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved248[0x20];
    uint64_t g_pat, dbgctl, br_from, br_to, last_excp_from, last_excp_to;
    uint8_t reserved298[0x48];
    uint64_t spec_ctrl;
    uint8_t reserved2e8[0x918];
};
ABI_OFFSET(struct vmcb_save, tr, 0x090);
ABI_OFFSET(struct vmcb_save, cpl, 0x0cb);
ABI_OFFSET(struct vmcb_save, efer, 0x0d0);
ABI_OFFSET(struct vmcb_save, cr4, 0x148);
ABI_OFFSET(struct vmcb_save, cr3, 0x150);
ABI_OFFSET(struct vmcb_save, cr0, 0x158);
ABI_OFFSET(struct vmcb_save, dr7, 0x160);
ABI_OFFSET(struct vmcb_save, dr6, 0x168);
ABI_OFFSET(struct vmcb_save, rflags, 0x170);
ABI_OFFSET(struct vmcb_save, rip, 0x178);
ABI_OFFSET(struct vmcb_save, rsp, 0x1d8);
ABI_OFFSET(struct vmcb_save, rax, 0x1f8);
ABI_OFFSET(struct vmcb_save, star, 0x200);
ABI_OFFSET(struct vmcb_save, kernel_gs_base, 0x220);
ABI_OFFSET(struct vmcb_save, sysenter_cs, 0x228);
ABI_OFFSET(struct vmcb_save, cr2, 0x240);
ABI_OFFSET(struct vmcb_save, g_pat, 0x268);
ABI_OFFSET(struct vmcb_save, dbgctl, 0x270);
ABI_OFFSET(struct vmcb_save, spec_ctrl, 0x2e0);
ABI_SIZE(struct vmcb_save, 0xc00);

struct vmcb {
    struct vmcb_control control;
    struct vmcb_save save;
};
ABI_SIZE(struct vmcb, 4096);

/* EXITINFO1 of an access to a control register, with decode assists: 15.33.1 */
#define VMCB_CR_MOV      (1ull << 63) /* it was MOV */
#define VMCB_CR_GPR_MASK 0xfull

/* intercept_misc1: vector 3 (offset 0x00c) */
#define VMCB_INTERCEPT_INTR       (1u << 0)
#define VMCB_INTERCEPT_NMI        (1u << 1)
#define VMCB_INTERCEPT_SMI        (1u << 2)
#define VMCB_INTERCEPT_INIT       (1u << 3)
#define VMCB_INTERCEPT_RDPMC      (1u << 15)
#define VMCB_INTERCEPT_CPUID      (1u << 18)
#define VMCB_INTERCEPT_IRET       (1u << 20)
#define VMCB_INTERCEPT_INVD       (1u << 22)
#define VMCB_INTERCEPT_PAUSE      (1u << 23)
#define VMCB_INTERCEPT_HLT        (1u << 24)
#define VMCB_INTERCEPT_INVLPGA    (1u << 26)
#define VMCB_INTERCEPT_IOIO       (1u << 27)
#define VMCB_INTERCEPT_MSR        (1u << 28)
#define VMCB_INTERCEPT_TASK       (1u << 29)
#define VMCB_INTERCEPT_FERR       (1u << 30)
#define VMCB_INTERCEPT_SHUTDOWN   (1u << 31)
/* intercept_misc2: vector 4 (offset 0x010) */
#define VMCB_INTERCEPT_VMRUN      (1u << 0)
#define VMCB_INTERCEPT_VMMCALL    (1u << 1)
#define VMCB_INTERCEPT_VMLOAD     (1u << 2)
#define VMCB_INTERCEPT_VMSAVE     (1u << 3)
#define VMCB_INTERCEPT_STGI       (1u << 4)
#define VMCB_INTERCEPT_CLGI       (1u << 5)
#define VMCB_INTERCEPT_SKINIT     (1u << 6)
#define VMCB_INTERCEPT_WBINVD     (1u << 9)
#define VMCB_INTERCEPT_MONITOR    (1u << 10)
#define VMCB_INTERCEPT_MWAIT      (1u << 11)
#define VMCB_INTERCEPT_XSETBV     (1u << 13)

/* v_intr (offset 0x060) */
#define VMCB_V_TPR_MASK      0xffull
#define VMCB_V_IRQ           (1ull << 8)
#define VMCB_V_IGN_TPR       (1ull << 20)
#define VMCB_V_INTR_MASKING  (1ull << 24)
#define VMCB_V_INTR_VECTOR_SHIFT 32
#define VMCB_V_INTR_VECTOR_MASK  (0xffull << VMCB_V_INTR_VECTOR_SHIFT)

/* tlb_control (15.16.1) */
#define VMCB_TLB_NOTHING    0
#define VMCB_TLB_FLUSH_ALL  1
#define VMCB_TLB_FLUSH_ASID 3

#define VMCB_INTERRUPT_SHADOW (1ull << 0)
#define VMCB_NP_ENABLE        (1ull << 0)
#define VMCB_LBR_ENABLE       (1ull << 0)

/* eventinj and exitintinfo (15.20) */
#define VMCB_EVENT_VECTOR_MASK 0xffull
#define VMCB_EVENT_TYPE_SHIFT  8
#define VMCB_EVENT_TYPE_MASK   (7ull << 8)
#define VMCB_EVENT_INTR        (0ull << 8)
#define VMCB_EVENT_NMI         (2ull << 8)
#define VMCB_EVENT_EXCEPTION   (3ull << 8)
#define VMCB_EVENT_SOFT        (4ull << 8)
#define VMCB_EVENT_ERROR_VALID (1ull << 11)
#define VMCB_EVENT_VALID       (1ull << 31)
#define VMCB_EVENT_ERROR_SHIFT 32

/* exitcode (appendix C) */
#define VMEXIT_CR8_WRITE     0x018
#define VMEXIT_EXCEPTION     0x040
#define VMEXIT_EXCEPTION_END 0x05f
#define VMEXIT_INTR          0x060
#define VMEXIT_NMI           0x061
#define VMEXIT_SMI           0x062
#define VMEXIT_INIT          0x063
#define VMEXIT_RDPMC         0x06f
#define VMEXIT_CPUID         0x072
#define VMEXIT_IRET          0x074
#define VMEXIT_INVD          0x076
#define VMEXIT_PAUSE         0x077
#define VMEXIT_HLT           0x078
#define VMEXIT_INVLPGA       0x07a
#define VMEXIT_IOIO          0x07b
#define VMEXIT_MSR           0x07c
#define VMEXIT_SHUTDOWN      0x07f
#define VMEXIT_VMRUN         0x080
#define VMEXIT_VMMCALL       0x081
#define VMEXIT_VMLOAD        0x082
#define VMEXIT_VMSAVE        0x083
#define VMEXIT_STGI          0x084
#define VMEXIT_CLGI          0x085
#define VMEXIT_SKINIT        0x086
#define VMEXIT_WBINVD        0x089
#define VMEXIT_MONITOR       0x08a
#define VMEXIT_MWAIT         0x08b
#define VMEXIT_MWAIT_ARMED   0x08c
#define VMEXIT_XSETBV        0x08d
#define VMEXIT_NPF           0x400
/* VMEXIT_INVALID is -1; some emulators store only its low 32 bits, so only they are compared. */
#define VMEXIT_INVALID_LOW   0xffffffffu

/* exitinfo1 of IOIO (15.10.2) */
#define VMCB_IOIO_IN      (1u << 0)
#define VMCB_IOIO_STRING  (1u << 2)
#define VMCB_IOIO_REP     (1u << 3)
#define VMCB_IOIO_SIZE_SHIFT 4
#define VMCB_IOIO_SIZE_MASK  7u
#define VMCB_IOIO_PORT_SHIFT 16

/* exitinfo1 of NPF (15.25.6) */
#define VMCB_NPF_PRESENT    (1ull << 0)
#define VMCB_NPF_WRITE      (1ull << 1)
#define VMCB_NPF_FETCH      (1ull << 4)
#define VMCB_NPF_PAGE_WALK  (1ull << 33)

/* VMCB segment attribute bits */
#define VMCB_SEGMENT_TYPE_MASK 0x00fu
#define VMCB_SEGMENT_S         (1u << 4)
#define VMCB_SEGMENT_DPL_SHIFT 5
#define VMCB_SEGMENT_P         (1u << 7)
#define VMCB_SEGMENT_L         (1u << 9)
#define VMCB_SEGMENT_DB        (1u << 10)
#define VMCB_SEGMENT_G         (1u << 11)

#endif
