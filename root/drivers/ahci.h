/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci.h - what an AHCI controller and an ATA disk are made of.
 * Sections without a name are those of Serial ATA AHCI 1.3.1; ACS is ATA/ATAPI Command Set 3. */
#ifndef ROOT_DRIVERS_AHCI_H
#define ROOT_DRIVERS_AHCI_H

#include <hvabi/layout.h>

/* PCI class code (2.1.4), and the BAR of the registers (2.1.11). */
#define AHCI_CLASS    0x01u
#define AHCI_SUBCLASS 0x06u
#define AHCI_PROG_IF  0x01u
#define AHCI_BAR      5u

/* Generic host control (3.1). */
#define AHCI_CAP         0x00u
#define AHCI_GHC         0x04u
#define AHCI_IS          0x08u
#define AHCI_PI          0x0cu
#define AHCI_CAP2        0x24u
#define AHCI_BOHC        0x28u
#define AHCI_PORTS       0x100u
#define AHCI_PORT_STRIDE 0x80u
#define AHCI_PORTS_MAX   32u
#define AHCI_GONE        UINT32_MAX /* GHC of a controller that was removed */

#define AHCI_CAP_SLOTS(cap) (((cap) >> 8 & 31u) + 1)
#define AHCI_CAP_NCQ        (1u << 30)
#define AHCI_CAP_64BIT      (1u << 31)
#define AHCI_CAP2_HANDOFF   (1u << 0)
#define AHCI_GHC_RESET      (1u << 0)
#define AHCI_GHC_INTERRUPTS (1u << 1)
#define AHCI_GHC_ENABLE     (1u << 31)
#define AHCI_BOHC_BIOS      (1u << 0)
#define AHCI_BOHC_OS        (1u << 1)

/* Port registers (3.3). */
#define AHCI_PORT_CLB  0x00u /* 64 bits */
#define AHCI_PORT_FB   0x08u /* 64 bits */
#define AHCI_PORT_IS   0x10u
#define AHCI_PORT_IE   0x14u
#define AHCI_PORT_CMD  0x18u
#define AHCI_PORT_TFD  0x20u
#define AHCI_PORT_SIG  0x24u
#define AHCI_PORT_SSTS 0x28u
#define AHCI_PORT_SCTL 0x2cu
#define AHCI_PORT_SERR 0x30u
#define AHCI_PORT_SACT 0x34u
#define AHCI_PORT_CI   0x38u

/* PxIS and PxIE (3.3.5). */
#define AHCI_IS_D2H       (1u << 0)
#define AHCI_IS_PIO       (1u << 1)
#define AHCI_IS_DMA       (1u << 2)
#define AHCI_IS_SDB       (1u << 3)
#define AHCI_IS_CONNECT   (1u << 6)
#define AHCI_IS_PHY       (1u << 22)
#define AHCI_IS_OVERFLOW  (1u << 24)
#define AHCI_IS_INTERFACE (1u << 27)
#define AHCI_IS_BUS_DATA  (1u << 28)
#define AHCI_IS_BUS_FATAL (1u << 29)
#define AHCI_IS_TASK_FILE (1u << 30)
#define AHCI_IS_ERRORS                                                                             \
    (AHCI_IS_CONNECT | AHCI_IS_PHY | AHCI_IS_OVERFLOW | AHCI_IS_INTERFACE | AHCI_IS_BUS_DATA |     \
     AHCI_IS_BUS_FATAL | AHCI_IS_TASK_FILE)
#define AHCI_IS_WANTED (AHCI_IS_D2H | AHCI_IS_PIO | AHCI_IS_DMA | AHCI_IS_SDB | AHCI_IS_ERRORS)

/* PxCMD (3.3.7). */
#define AHCI_CMD_START     (1u << 0)
#define AHCI_CMD_SPIN_UP   (1u << 1)
#define AHCI_CMD_POWER     (1u << 2)
#define AHCI_CMD_FIS       (1u << 4)
#define AHCI_CMD_FIS_RUNS  (1u << 14)
#define AHCI_CMD_LIST_RUNS (1u << 15)
#define AHCI_CMD_ACTIVE    (1u << 28) /* interface: wake up */

/* PxTFD (3.3.8): status and error as ACS 6.2 and 6.3 have them. */
#define AHCI_TFD_ERR          (1u << 0)
#define AHCI_TFD_DRQ          (1u << 3)
#define AHCI_TFD_BUSY         (1u << 7)
#define AHCI_TFD_ERROR(tfd)   ((tfd) >> 8 & 0xffu)
#define ATA_ERROR_ABORT       (1u << 2)
#define ATA_ERROR_NOT_FOUND   (1u << 4)
#define ATA_ERROR_UNCORRECTED (1u << 6)

#define AHCI_SIG_DISK       0x00000101u /* 3.3.9 */
#define AHCI_SSTS_DET(s)    ((s)&15u)   /* 3.3.10 */
#define AHCI_SSTS_DET_LINK  3u
#define AHCI_SCTL_DET       15u /* 3.3.11 */
#define AHCI_SCTL_DET_RESET 1u
#define AHCI_RESET_HOLD_NS  1000000ull /* 10.4.2: COMRESET is held this long */

/* Command header (4.2.2). */
struct ahci_command_header {
    uint32_t flags; /* AHCI_HEADER_* and entries of the PRDT << 16 */
    uint32_t transferred;
    uint64_t table;
    uint32_t reserved[4];
};
ABI_OFFSET(struct ahci_command_header, table, 8);
ABI_SIZE(struct ahci_command_header, 32);
#define AHCI_HEADER_FIS_LENGTH  5u /* dwords of a register FIS */
#define AHCI_HEADER_WRITE       (1u << 6)
#define AHCI_HEADER_PRDTL_SHIFT 16u

/* Physical region descriptor (4.2.3.3). */
struct ahci_prd {
    uint64_t address; /* even */
    uint32_t reserved;
    uint32_t count; /* bytes less one, odd */
};
ABI_OFFSET(struct ahci_prd, count, 12);
ABI_SIZE(struct ahci_prd, 16);
#define AHCI_PRD_BYTES_MAX (4u << 20)

/* Register FIS, host to device (Serial ATA 3.0, 10.5.5). */
struct ahci_fis {
    uint8_t type;
    uint8_t flags;
    uint8_t command;
    uint8_t features;
    uint8_t lba0, lba1, lba2;
    uint8_t device;
    uint8_t lba3, lba4, lba5;
    uint8_t features_high;
    uint8_t count, count_high;
    uint8_t icc;
    uint8_t control;
    uint32_t auxiliary;
};
ABI_OFFSET(struct ahci_fis, device, 7);
ABI_OFFSET(struct ahci_fis, count, 12);
ABI_SIZE(struct ahci_fis, 20);
#define AHCI_FIS_REGISTER  0x27u
#define AHCI_FIS_COMMAND   (1u << 7)
#define ATA_DEVICE_LBA     (1u << 6)
#define AHCI_FIS_TAG_SHIFT 3u /* of a queued command, in count (ACS 7.16) */

/* Command table (4.2.3): two pages. */
#define AHCI_TABLE_SIZE   8192u
#define AHCI_PRDT_ENTRIES ((AHCI_TABLE_SIZE - 128u) / sizeof(struct ahci_prd))
struct ahci_command_table {
    struct ahci_fis fis;
    uint8_t unused[108];
    struct ahci_prd prdt[AHCI_PRDT_ENTRIES];
};
ABI_OFFSET(struct ahci_command_table, prdt, 0x80);
ABI_SIZE(struct ahci_command_table, AHCI_TABLE_SIZE);

/* The command list and, after it in the same page, received FISes (4.2.1, 4.2.2). */
#define AHCI_RECEIVED_FIS 1024u

/* Commands (ACS 7). */
#define ATA_READ_DMA_EXT  0x25u
#define ATA_WRITE_DMA_EXT 0x35u
#define ATA_READ_QUEUED   0x60u /* READ FPDMA QUEUED */
#define ATA_WRITE_QUEUED  0x61u /* WRITE FPDMA QUEUED */
#define ATA_FLUSH_EXT     0xeau
#define ATA_DATA_SET      0x06u /* DATA SET MANAGEMENT */
#define ATA_DATA_SET_TRIM 1u
#define ATA_IDENTIFY      0xecu

/* DATA SET MANAGEMENT's ranges (ACS 7.5): 64 to a block of 512 bytes, each (length << 48 | LBA). */
#define ATA_TRIM_BLOCK        512u
#define ATA_TRIM_RANGES       64u
#define ATA_TRIM_LENGTH_MAX   0xffffu
#define ATA_TRIM_LENGTH_SHIFT 48u
#define ATA_TRIM_SECTORS_MAX  (ATA_TRIM_RANGES * ATA_TRIM_LENGTH_MAX)

/* IDENTIFY DEVICE data, in 16-bit words (ACS 7.12.7). */
#define ATA_ID_WORDS         256u
#define ATA_ID_SERIAL        10u
#define ATA_ID_SERIAL_WORDS  10u
#define ATA_ID_MODEL         27u
#define ATA_ID_MODEL_WORDS   20u
#define ATA_ID_QUEUE_DEPTH   75u /* less one */
#define ATA_ID_SATA          76u
#define ATA_ID_SATA_NCQ      (1u << 8)
#define ATA_ID_COMMANDS_2    83u
#define ATA_ID_LBA48         (1u << 10)
#define ATA_ID_SECTORS       100u /* four words */
#define ATA_ID_SECTOR_SIZE   106u
#define ATA_ID_SECTOR_VALID  0xc000u
#define ATA_ID_SECTOR_VALUE  0x4000u
#define ATA_ID_SECTOR_LONG   (1u << 12)
#define ATA_ID_SECTOR_WORDS  117u /* two words: words of a long sector */
#define ATA_ID_DATA_SET      169u
#define ATA_ID_DATA_SET_TRIM (1u << 0)
#define ATA_SECTOR_SIZE      512u

#endif
