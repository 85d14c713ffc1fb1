/* SPDX-License-Identifier: MIT */
/* vspabi/scsi.h - the numbers of SCSI that provider and client of a disk share: SPC-4 and SBC-3.
 * All fields of SCSI are big-endian (rt/big_endian.h). */
#ifndef VSPABI_SCSI_H
#define VSPABI_SCSI_H

#define SCSI_CDB_MAX 16u

/* Operation codes. The top three bits are the group, which gives the length of the CDB. */
#define SCSI_TEST_UNIT_READY      0x00u
#define SCSI_REQUEST_SENSE        0x03u
#define SCSI_READ_6               0x08u
#define SCSI_WRITE_6              0x0au
#define SCSI_INQUIRY              0x12u
#define SCSI_MODE_SENSE_6         0x1au
#define SCSI_START_STOP_UNIT      0x1bu
#define SCSI_READ_CAPACITY_10     0x25u
#define SCSI_READ_10              0x28u
#define SCSI_WRITE_10             0x2au
#define SCSI_SYNCHRONIZE_CACHE_10 0x35u
#define SCSI_UNMAP                0x42u
#define SCSI_LOG_SENSE            0x4du
#define SCSI_MODE_SENSE_10        0x5au
#define SCSI_READ_16              0x88u
#define SCSI_WRITE_16             0x8au
#define SCSI_SYNCHRONIZE_CACHE_16 0x91u
#define SCSI_WRITE_SAME_16        0x93u
#define SCSI_SERVICE_ACTION_IN_16 0x9eu
#define SCSI_REPORT_LUNS          0xa0u
#define SCSI_MAINTENANCE_IN       0xa3u
#define SCSI_READ_12              0xa8u
#define SCSI_WRITE_12             0xaau

#define SCSI_SERVICE_ACTION_MASK         0x1fu /* of byte 1 */
#define SCSI_SA_READ_CAPACITY_16         0x10u
#define SCSI_SA_REPORT_SUPPORTED_OPCODES 0x0cu

/* Byte 1 of reads and writes but those with 6 bytes */
#define SCSI_RW_PROTECT_MASK 0xe0u
#define SCSI_RW_DPO          0x10u
#define SCSI_RW_FUA          0x08u

#define SCSI_6_LBA_MASK  0x1fffffu /* of the first four bytes */
#define SCSI_6_COUNT_256 256u      /* what a count of 0 means, in 6 bytes only */

#define SCSI_CONTROL_NACA 0x04u /* of the last byte of a CDB */

/* Status codes */
#define SCSI_STATUS_GOOD            0x00u
#define SCSI_STATUS_CHECK_CONDITION 0x02u
#define SCSI_STATUS_BUSY            0x08u

/* Sense data in fixed format: SPC-4, 4.5.3 */
#define SCSI_SENSE_BYTES            18u
#define SCSI_SENSE_FIXED            0x70u /* response code: current, fixed format */
#define SCSI_SENSE_KEY              2u    /* offsets */
#define SCSI_SENSE_ADDITIONAL       7u
#define SCSI_SENSE_CODE             12u
#define SCSI_SENSE_QUALIFIER        13u
#define SCSI_SENSE_KEY_MASK         0x0fu
#define SCSI_REQUEST_SENSE_DESC     0x01u /* of byte 1: descriptor format */
#define SCSI_SENSE_OF(key, asc, q)  ((key) << 16 | (asc) << 8 | (q))
#define SCSI_SENSE_NONE             0u
#define SCSI_SENSE_WRITE_ERROR      SCSI_SENSE_OF(3u, 0x0cu, 0u)
#define SCSI_SENSE_READ_ERROR       SCSI_SENSE_OF(3u, 0x11u, 0u)
#define SCSI_SENSE_INTERNAL_FAILURE SCSI_SENSE_OF(4u, 0x44u, 0u)
#define SCSI_SENSE_LIST_LENGTH      SCSI_SENSE_OF(5u, 0x1au, 0u) /* parameter list length error */
#define SCSI_SENSE_INVALID_OPCODE   SCSI_SENSE_OF(5u, 0x20u, 0u)
#define SCSI_SENSE_LBA_RANGE        SCSI_SENSE_OF(5u, 0x21u, 0u)
#define SCSI_SENSE_INVALID_FIELD    SCSI_SENSE_OF(5u, 0x24u, 0u) /* in the CDB */
#define SCSI_SENSE_LUN_UNSUPPORTED  SCSI_SENSE_OF(5u, 0x25u, 0u)
#define SCSI_SENSE_INVALID_LIST     SCSI_SENSE_OF(5u, 0x26u, 0u) /* field in parameter list */
#define SCSI_SENSE_NOT_SAVED        SCSI_SENSE_OF(5u, 0x39u, 0u) /* saving parameters */
#define SCSI_SENSE_WRITE_PROTECTED  SCSI_SENSE_OF(7u, 0x27u, 0u)

/* INQUIRY: SPC-4, 6.6 */
#define SCSI_INQUIRY_BYTES       36u
#define SCSI_INQUIRY_EVPD        0x01u /* of byte 1 */
#define SCSI_INQUIRY_CMDDT       0x02u /* of byte 1, obsolete */
#define SCSI_PERIPHERAL_DISK     0x00u
#define SCSI_PERIPHERAL_ABSENT   0x7fu /* qualifier 3, type 1Fh: no device can be here */
#define SCSI_INQUIRY_VERSION     0x06u /* SPC-4 */
#define SCSI_INQUIRY_FORMAT      0x02u
#define SCSI_INQUIRY_CMDQUE      0x02u /* of byte 7 */
#define SCSI_VENDOR_LENGTH       8u
#define SCSI_PRODUCT_LENGTH      16u
#define SCSI_REVISION_LENGTH     4u
#define SCSI_SERIAL_LENGTH       40u
#define SCSI_VPD_HEADER_BYTES    4u
#define SCSI_VPD_SUPPORTED       0x00u
#define SCSI_VPD_SERIAL          0x80u
#define SCSI_VPD_IDENTIFICATION  0x83u
#define SCSI_VPD_BLOCK_LIMITS    0xb0u
#define SCSI_VPD_CHARACTERISTICS 0xb1u
#define SCSI_VPD_PROVISIONING    0xb2u
#define SCSI_VPD_B_BYTES         64u /* pages B0 and B1 */
#define SCSI_VPD_B2_BYTES        8u
#define SCSI_ROTATION_NONE       1u /* of page B1: not a rotating medium */
#define SCSI_PROVISIONING_LBPU   0x80u
#define SCSI_PROVISIONING_LBPWS  0x40u
#define SCSI_PROVISIONING_LBPRZ  0x04u
#define SCSI_PROVISIONING_THIN   0x02u
#define SCSI_DESIGNATOR_BINARY   0x01u
#define SCSI_DESIGNATOR_ASCII    0x02u
#define SCSI_DESIGNATOR_T10      0x01u
#define SCSI_DESIGNATOR_NAA      0x03u
#define SCSI_NAA_LOCAL           0x3000000000000000ull /* locally assigned, 60 bits follow */
#define SCSI_NAA_LOCAL_MASK      0x0fffffffffffffffull

/* READ CAPACITY: SBC-3, 5.15 and 5.16 */
#define SCSI_CAPACITY_10_BYTES 8u
#define SCSI_CAPACITY_16_BYTES 32u
#define SCSI_CAPACITY_PHYSICAL 0x0fu /* of byte 13: physical blocks, log2 of logical ones */
#define SCSI_CAPACITY_LBPME    0x80u /* of byte 14 */
#define SCSI_CAPACITY_LBPRZ    0x40u

/* MODE SENSE: SPC-4, 6.11 and 7.5; SBC-3, 6.5 */
#define SCSI_MODE_DBD              0x08u /* of byte 1: no block descriptor */
#define SCSI_MODE_PAGE_MASK        0x3fu
#define SCSI_MODE_CONTROL_SHIFT    6u
#define SCSI_MODE_CURRENT          0u
#define SCSI_MODE_CHANGEABLE       1u
#define SCSI_MODE_SAVED            3u
#define SCSI_MODE_PAGE_CACHING     0x08u
#define SCSI_MODE_PAGE_CONTROL     0x0au
#define SCSI_MODE_PAGE_ALL         0x3fu
#define SCSI_MODE_SUBPAGE_ALL      0xffu
#define SCSI_MODE_CACHING_BYTES    20u
#define SCSI_MODE_CONTROL_BYTES    12u
#define SCSI_MODE_DESCRIPTOR_BYTES 8u
#define SCSI_MODE_HEADER_6_BYTES   4u
#define SCSI_MODE_HEADER_10_BYTES  8u
#define SCSI_MODE_WRITE_PROTECT    0x80u /* of the device-specific parameter */
#define SCSI_MODE_DPOFUA           0x10u
#define SCSI_MODE_WCE              0x04u /* of byte 2 of the caching page */
#define SCSI_MODE_UNRESTRICTED     0x10u /* of byte 3 of the control page: any order */

/* UNMAP and WRITE SAME: SBC-3, 5.28 and 5.41 */
#define SCSI_UNMAP_ANCHOR           0x01u /* of byte 1 */
#define SCSI_UNMAP_HEADER_BYTES     8u
#define SCSI_UNMAP_DESCRIPTOR_BYTES 16u
#define SCSI_SAME_ANCHOR            0x10u /* of byte 1 */
#define SCSI_SAME_UNMAP             0x08u
#define SCSI_SAME_NDOB              0x01u /* zeroes, without a data-out buffer */

/* REPORT LUNS: SPC-4, 6.33 */
#define SCSI_LUNS_HEADER_BYTES   8u
#define SCSI_LUNS_ENTRY_BYTES    8u
#define SCSI_LUNS_SELECT_ALL     0x02u /* the greatest SELECT REPORT that is not vendor's */
#define SCSI_LUNS_SELECT_WELL    0x01u /* well known logical units only */
#define SCSI_LUNS_ALLOCATION_MIN 16u

#endif
