/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme.h - what an NVMe controller is made of: registers, commands, data structures.
 * Sections and figures are those of the NVM Express Base Specification 1.4. */
#ifndef ROOT_DRIVERS_NVME_H
#define ROOT_DRIVERS_NVME_H

#include <hvabi/layout.h>

/* PCI class code (NVMe over PCIe: 2.1.5). */
#define NVME_CLASS    0x01u
#define NVME_SUBCLASS 0x08u
#define NVME_PROG_IF  0x02u

/* Controller registers (3.1, figure 68). */
#define NVME_REG_CAP       0x00u /* 64 bits */
#define NVME_REG_VS        0x08u
#define NVME_REG_CC        0x14u
#define NVME_REG_CSTS      0x1cu
#define NVME_REG_AQA       0x24u
#define NVME_REG_ASQ       0x28u /* 64 bits */
#define NVME_REG_ACQ       0x30u /* 64 bits */
#define NVME_REG_DOORBELLS 0x1000u
#define NVME_REGS_SIZE_MIN 0x2000u

/* CAP (3.1.1). */
#define NVME_CAP_MQES(cap)       ((uint32_t)((cap)&0xffff) + 1) /* entries */
#define NVME_CAP_TIMEOUT_NS(cap) (((cap) >> 24 & 0xff) * 500000000ull)
#define NVME_CAP_DSTRD(cap)      (4u << ((cap) >> 32 & 0xf)) /* bytes between doorbells */
#define NVME_CAP_NVM_COMMANDS    (1ull << 37)
#define NVME_CAP_MPSMIN(cap)     ((cap) >> 48 & 0xf) /* 0: 4 KiB pages */

/* CC (3.1.5). */
#define NVME_CC_ENABLE   (1u << 0)
#define NVME_CC_IOSQES   (6u << 16) /* log2 of the sizes of queue entries */
#define NVME_CC_IOCQES   (4u << 20)
#define NVME_CC_SHUTDOWN (1u << 14) /* SHN: a normal one */
#define NVME_CC_START    (NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES)

/* CSTS (3.1.6). All ones: the device is no longer there. */
#define NVME_CSTS_READY     (1u << 0)
#define NVME_CSTS_FATAL     (1u << 1)
#define NVME_CSTS_SHUTDOWN  (3u << 2) /* SHST */
#define NVME_CSTS_SHUT_DOWN (2u << 2)
#define NVME_CSTS_GONE      UINT32_MAX

/* Submission queue entry (4.2, figure 104). */
struct nvme_command {
    uint8_t opcode;
    uint8_t flags; /* 0: PRPs, not fused */
    uint16_t command_id;
    uint32_t nsid;
    uint32_t cdw2, cdw3;
    uint64_t mptr;
    uint64_t prp1, prp2;
    uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
ABI_OFFSET(struct nvme_command, nsid, 4);
ABI_OFFSET(struct nvme_command, mptr, 16);
ABI_OFFSET(struct nvme_command, prp1, 24);
ABI_OFFSET(struct nvme_command, cdw10, 40);
ABI_SIZE(struct nvme_command, 64);

/* Completion queue entry (4.6, figure 120). */
struct nvme_completion {
    uint32_t dw0, dw1;
    uint16_t sq_head;
    uint16_t sq_id;
    uint16_t command_id;
    uint16_t status; /* bit 0: phase tag */
};
ABI_OFFSET(struct nvme_completion, command_id, 12);
ABI_SIZE(struct nvme_completion, 16);
#define NVME_PHASE 1u

/* Status field, without the phase tag (4.6.1, figures 124 to 128). */
#define NVME_STATUS_CODE(s)      ((s)&0xffu)
#define NVME_STATUS_TYPE(s)      ((s) >> 8 & 7u)
#define NVME_STATUS_DO_NOT_RETRY (1u << 14)
#define NVME_TYPE_GENERIC        0u
#define NVME_TYPE_MEDIUM         2u
#define NVME_SC_INVALID_OPCODE   0x01u
#define NVME_SC_LBA_RANGE        0x80u
#define NVME_SC_WRITE_PROTECTED  0x20u
#define NVME_SC_READ_ONLY_RANGE  0x82u /* command specific: attempted write to read-only range */
#define NVME_TYPE_COMMAND        1u

/* Admin commands (5, figure 138). */
#define NVME_ADMIN_CREATE_SQ    0x01u
#define NVME_ADMIN_CREATE_CQ    0x05u
#define NVME_ADMIN_IDENTIFY     0x06u
#define NVME_ADMIN_SET_FEATURES 0x09u

#define NVME_CNS_NAMESPACE      0u /* 5.15.1, figure 244 */
#define NVME_CNS_CONTROLLER     1u
#define NVME_CNS_NAMESPACE_LIST 2u

#define NVME_FEATURE_QUEUES 7u /* 5.21.1.7 */

/* Create I/O completion and submission queue (5.3, 5.4): dwords 10 and 11. */
#define NVME_QUEUE_CONTIGUOUS (1u << 0)
#define NVME_QUEUE_INTERRUPTS (1u << 1)

/* NVM commands (6, figure 346). */
#define NVME_CMD_FLUSH            0x00u
#define NVME_CMD_WRITE            0x01u
#define NVME_CMD_READ             0x02u
#define NVME_CMD_DATASET          0x09u
#define NVME_RW_FORCE_UNIT_ACCESS (1u << 30) /* dword 12 of read and write (6.9, 6.15) */
#define NVME_DATASET_DEALLOCATE   (1u << 2)  /* dword 11 (6.7) */

/* A range of dataset management (6.7.1.1, figure 361). */
struct nvme_dataset_range {
    uint32_t attributes;
    uint32_t length; /* logical blocks */
    uint64_t start;
};
ABI_SIZE(struct nvme_dataset_range, 16);

/* Identify Controller (5.15.2.2, figure 247): what we read of it. */
struct nvme_identify_controller {
    uint16_t vid, ssvid;
    char serial_number[20];
    char model_number[40];
    char firmware_revision[8];
    uint8_t unused0[5];
    uint8_t mdts; /* log2 of pages in a transfer; 0: no limit */
    uint8_t unused1[438];
    uint32_t nn; /* highest namespace number */
    uint16_t oncs;
    uint16_t fuses;
    uint8_t fna;
    uint8_t vwc;
    uint8_t unused2[3570];
};
ABI_OFFSET(struct nvme_identify_controller, mdts, 77);
ABI_OFFSET(struct nvme_identify_controller, nn, 516);
ABI_OFFSET(struct nvme_identify_controller, oncs, 520);
ABI_OFFSET(struct nvme_identify_controller, vwc, 525);
ABI_SIZE(struct nvme_identify_controller, 4096);
#define NVME_ONCS_DATASET (1u << 2)

/* Identify Namespace (5.15.2.1, figure 245): what we read of it. */
struct nvme_identify_namespace {
    uint64_t nsze; /* logical blocks */
    uint64_t ncap, nuse;
    uint8_t nsfeat;
    uint8_t nlbaf;
    uint8_t flbas;
    uint8_t unused0[72];
    uint8_t nsattr;
    uint8_t unused1[28];
    uint32_t lbaf[16];
    uint8_t unused2[3904];
};
ABI_OFFSET(struct nvme_identify_namespace, flbas, 26);
ABI_OFFSET(struct nvme_identify_namespace, nsattr, 99);
ABI_OFFSET(struct nvme_identify_namespace, lbaf, 128);
ABI_SIZE(struct nvme_identify_namespace, 4096);
#define NVME_FLBAS_FORMAT(flbas) ((flbas)&0xfu)
#define NVME_LBAF_METADATA(lbaf) ((lbaf)&0xffffu)
#define NVME_LBAF_SHIFT(lbaf)    ((lbaf) >> 16 & 0xffu) /* log2 of bytes */
#define NVME_NSATTR_PROTECTED    (1u << 0)

#define NVME_NAMESPACE_LIST_ENTRIES 1024u
#define NVME_PAGE_SIZE              4096u /* CC.MPS 0 */

#endif
