/* SPDX-License-Identifier: MIT */
/* vspabi/storage.h - what storage providers and clients say to each other in a VMBus channel.
 *
 * Packets of 64 bytes, little-endian. A client's packets ask for a completion, which is the same
 * packet with the operation STORAGE_COMPLETE_IO. An SRB's data is named by the one range of a
 * GPA-direct packet, or by none in an in-band packet. */
#ifndef VSPABI_STORAGE_H
#define VSPABI_STORAGE_H

#include <hvabi/layout.h>

/* struct vmbus_guid of a synthetic SCSI controller: ba6163d9-04a1-4d29-b605-72e2ffb1dc7f */
#define STORAGE_SCSI_INTERFACE                                                                     \
    {                                                                                              \
        .data1 = 0xba6163d9, .data2 = 0x04a1, .data3 = 0x4d29, .data4 = {                          \
            0xb6,                                                                                  \
            0x05,                                                                                  \
            0x72,                                                                                  \
            0xe2,                                                                                  \
            0xff,                                                                                  \
            0xb1,                                                                                  \
            0xdc,                                                                                  \
            0x7f                                                                                   \
        }                                                                                          \
    }

/* storage_packet.operation */
enum {
    STORAGE_COMPLETE_IO = 1,
    STORAGE_REMOVE_DEVICE = 2,
    STORAGE_EXECUTE_SRB = 3,
    STORAGE_RESET_LUN = 4,
    STORAGE_RESET_ADAPTER = 5,
    STORAGE_RESET_BUS = 6,
    STORAGE_BEGIN_INITIALIZATION = 7,
    STORAGE_END_INITIALIZATION = 8,
    STORAGE_QUERY_PROTOCOL_VERSION = 9,
    STORAGE_QUERY_PROPERTIES = 10,
    STORAGE_ENUMERATE_BUS = 11, /* from the provider, unasked: look at the bus again */
    STORAGE_FCHBA_DATA = 12,
    STORAGE_CREATE_SUB_CHANNELS = 13,
};

#define STORAGE_FLAG_COMPLETION 0x1u /* storage_packet.flags: a completion is wanted */

/* storage_packet.status: of Windows' NTSTATUS. Values beyond INT_MAX, hence no enumeration. */
#define STORAGE_STATUS_OK                0x00000000u
#define STORAGE_STATUS_INVALID_PARAMETER 0xc000000du
#define STORAGE_STATUS_INVALID_REQUEST   0xc0000010u
#define STORAGE_STATUS_REVISION_MISMATCH 0xc0000059u
#define STORAGE_STATUS_INVALID_STATE     0xc0000184u

/* Protocol versions: major in the high byte */
#define STORAGE_VERSION_5_1 0x0501u
#define STORAGE_VERSION_6_0 0x0600u
#define STORAGE_VERSION_6_2 0x0602u

/* storage_srb.srb_status */
#define STORAGE_SRB_SUCCESS         0x01u
#define STORAGE_SRB_ABORTED         0x02u
#define STORAGE_SRB_ERROR           0x04u
#define STORAGE_SRB_INVALID_REQUEST 0x06u
#define STORAGE_SRB_NO_DEVICE       0x08u
#define STORAGE_SRB_OVERRUN         0x12u
#define STORAGE_SRB_INVALID_LUN     0x20u
#define STORAGE_SRB_QUEUE_FROZEN    0x40u /* a flag */
#define STORAGE_SRB_AUTOSENSE       0x80u /* a flag: sense data is valid */

/* storage_srb.data_in */
enum { STORAGE_DATA_OUT = 0, STORAGE_DATA_IN = 1, STORAGE_DATA_NONE = 2 };

#define STORAGE_SRB_BYTES   52u
#define STORAGE_SENSE_BYTES 20u
#define STORAGE_CDB_BYTES   16u

struct storage_srb {
    uint16_t length; /* STORAGE_SRB_BYTES */
    uint8_t srb_status;
    uint8_t scsi_status;
    uint8_t port;
    uint8_t path;
    uint8_t target;
    uint8_t lun;
    uint8_t cdb_length;
    uint8_t sense_info_length;
    uint8_t data_in; /* STORAGE_DATA_* */
    uint8_t reserved0;
    uint32_t data_transfer_length;
    uint8_t data[STORAGE_SENSE_BYTES]; /* the CDB in a request, sense data in its completion */
    uint16_t reserved1;
    uint8_t queue_tag;
    uint8_t queue_action;
    uint32_t srb_flags;
    uint32_t timeout;
    uint32_t queue_sort_key;
};
ABI_SIZE(struct storage_srb, STORAGE_SRB_BYTES);
ABI_OFFSET(struct storage_srb, length, 0);
ABI_OFFSET(struct storage_srb, srb_status, 2);
ABI_OFFSET(struct storage_srb, scsi_status, 3);
ABI_OFFSET(struct storage_srb, port, 4);
ABI_OFFSET(struct storage_srb, path, 5);
ABI_OFFSET(struct storage_srb, target, 6);
ABI_OFFSET(struct storage_srb, lun, 7);
ABI_OFFSET(struct storage_srb, cdb_length, 8);
ABI_OFFSET(struct storage_srb, sense_info_length, 9);
ABI_OFFSET(struct storage_srb, data_in, 10);
ABI_OFFSET(struct storage_srb, data_transfer_length, 12);
ABI_OFFSET(struct storage_srb, data, 16);
ABI_OFFSET(struct storage_srb, queue_tag, 38);
ABI_OFFSET(struct storage_srb, queue_action, 39);
ABI_OFFSET(struct storage_srb, srb_flags, 40);
ABI_OFFSET(struct storage_srb, timeout, 44);
ABI_OFFSET(struct storage_srb, queue_sort_key, 48);

struct storage_version {
    uint16_t major_minor; /* STORAGE_VERSION_* */
    uint16_t revision;    /* 0 */
};
ABI_SIZE(struct storage_version, 4);
ABI_OFFSET(struct storage_version, major_minor, 0);
ABI_OFFSET(struct storage_version, revision, 2);

struct storage_properties {
    uint32_t reserved0;
    uint16_t max_channel_count; /* how many sub-channels may be asked for */
    uint16_t reserved1;
    uint32_t flags; /* STORAGE_PROPERTY_* */
    uint32_t max_transfer_bytes;
    uint64_t reserved2;
} __attribute__((packed, aligned(4))); /* it follows three 32-bit fields */
ABI_SIZE(struct storage_properties, 24);
ABI_OFFSET(struct storage_properties, max_channel_count, 4);
ABI_OFFSET(struct storage_properties, flags, 8);
ABI_OFFSET(struct storage_properties, max_transfer_bytes, 12);
ABI_OFFSET(struct storage_properties, reserved2, 16);

#define STORAGE_PROPERTY_MULTI_CHANNEL 0x1u

#define STORAGE_PACKET_BYTES 64u

struct storage_packet {
    uint32_t operation; /* STORAGE_COMPLETE_IO and so on */
    uint32_t flags;     /* STORAGE_FLAG_COMPLETION */
    uint32_t status;    /* STORAGE_STATUS_*, in a completion */
    union {
        struct storage_srb srb;
        struct storage_version version;
        struct storage_properties properties;
        uint16_t sub_channel_count;
    };
};
ABI_SIZE(struct storage_packet, STORAGE_PACKET_BYTES);
ABI_OFFSET(struct storage_packet, operation, 0);
ABI_OFFSET(struct storage_packet, flags, 4);
ABI_OFFSET(struct storage_packet, status, 8);
ABI_OFFSET(struct storage_packet, srb, 12);
ABI_OFFSET(struct storage_packet, version, 12);
ABI_OFFSET(struct storage_packet, properties, 12);
ABI_OFFSET(struct storage_packet, sub_channel_count, 12);

#endif
