/* SPDX-License-Identifier: MIT */
/* vspabi/network.h - what network providers and clients say to each other in a VMBus channel.
 *
 * Two protocols, one in the other, little-endian. NVSP (struct nvsp_message, the payload of each
 * packet) sets up the device and says where an RNDIS message is: in the client's pages (a
 * GPA-direct packet), in a section of its send buffer, or in both, one after the other; towards the
 * client always in sections of its receive buffer (the ranges of a transfer-pages packet). RNDIS
 * messages carry frames, and the queries and settings of the device. */
#ifndef VSPABI_NETWORK_H
#define VSPABI_NETWORK_H

#include <hvabi/layout.h>

/* struct vmbus_guid of a network device: f8615163-df3e-46c5-913f-f2d2f965ed0e */
#define NETWORK_INTERFACE                                                                          \
    {                                                                                              \
        .data1 = 0xf8615163, .data2 = 0xdf3e, .data3 = 0x46c5, .data4 = {                          \
            0x91,                                                                                  \
            0x3f,                                                                                  \
            0xf2,                                                                                  \
            0xd2,                                                                                  \
            0xf9,                                                                                  \
            0x65,                                                                                  \
            0xed,                                                                                  \
            0x0e                                                                                   \
        }                                                                                          \
    }

/* ---- NVSP --------------------------------------------------------------------------------- */

#define NVSP_VERSION_1   0x00002u
#define NVSP_VERSION_2   0x30002u /* NDIS configuration, 802.1Q */
#define NVSP_VERSION_4   0x40000u /* VF association */
#define NVSP_VERSION_5   0x50000u /* sub-channels, NDIS 6.30 */
#define NVSP_VERSION_6   0x60000u
#define NVSP_VERSION_6_1 0x60001u

/* nvsp_message.type */
enum {
    NVSP_INIT = 1,
    NVSP_INIT_COMPLETE = 2,
    NVSP_NDIS_VERSION = 100, /* no answer */
    NVSP_RECEIVE_BUFFER = 101,
    NVSP_RECEIVE_BUFFER_COMPLETE = 102,
    NVSP_RECEIVE_BUFFER_REVOKE = 103, /* its answer is an empty completion */
    NVSP_SEND_BUFFER = 104,
    NVSP_SEND_BUFFER_COMPLETE = 105,
    NVSP_SEND_BUFFER_REVOKE = 106, /* the same */
    NVSP_RNDIS = 107,
    NVSP_RNDIS_COMPLETE = 108,
    NVSP_NDIS_CONFIG = 125,      /* from version 2 on; no answer */
    NVSP_VF_ASSOCIATION = 128,   /* from version 4 on, by the provider */
    NVSP_SWITCH_DATA_PATH = 129, /* from version 4 on */
    NVSP_SUB_CHANNEL = 133,      /* from version 5 on, request and answer */
    NVSP_SEND_TABLE = 134,       /* from version 5 on, by the provider */
};

/* nvsp_*.status */
enum {
    NVSP_STATUS_SUCCESS = 1,
    NVSP_STATUS_FAIL = 2,
    NVSP_STATUS_TOO_NEW = 3,
    NVSP_STATUS_TOO_OLD = 4,
    NVSP_STATUS_INVALID_RNDIS = 5,
    NVSP_STATUS_BUSY = 6,
    NVSP_STATUS_UNSUPPORTED = 7,
};

struct nvsp_init {
    uint32_t version_min, version_max;
};
ABI_SIZE(struct nvsp_init, 8);

struct nvsp_init_complete {
    uint32_t version;
    uint32_t max_mdl_chain;
    uint32_t status;
};
ABI_SIZE(struct nvsp_init_complete, 12);

struct nvsp_ndis_version {
    uint32_t major, minor;
};
ABI_SIZE(struct nvsp_ndis_version, 8);

#define NVSP_RECEIVE_BUFFER_ID 0xcafeu
#define NVSP_SEND_BUFFER_ID    0u

/* RECEIVE_BUFFER and SEND_BUFFER; the REVOKE messages have the identifier at the beginning. */
struct nvsp_buffer {
    uint32_t gpadl;
    uint16_t id;
    uint16_t reserved;
};
ABI_SIZE(struct nvsp_buffer, 8);
ABI_OFFSET(struct nvsp_buffer, id, 4);

struct nvsp_receive_section {
    uint32_t offset;
    uint32_t size; /* of each of @count */
    uint32_t count;
    uint32_t end;
};
ABI_SIZE(struct nvsp_receive_section, 16);

struct nvsp_receive_buffer_complete {
    uint32_t status;
    uint32_t section_count; /* 1: Linux takes no others */
    struct nvsp_receive_section section;
};
ABI_SIZE(struct nvsp_receive_buffer_complete, 24);

struct nvsp_send_buffer_complete {
    uint32_t status;
    uint32_t section_size; /* section n begins at n times this */
};
ABI_SIZE(struct nvsp_send_buffer_complete, 8);

#define NVSP_CHANNEL_DATA    0u
#define NVSP_CHANNEL_CONTROL 1u
#define NVSP_SECTION_NONE    0xffffffffu

struct nvsp_rndis {
    uint32_t channel;      /* NVSP_CHANNEL_* */
    uint32_t section;      /* of the send buffer, or NVSP_SECTION_NONE */
    uint32_t section_size; /* bytes of the message in it */
};
ABI_SIZE(struct nvsp_rndis, 12);

/* nvsp_ndis_config.capabilities */
#define NVSP_CAPABILITY_VMQ         (1ull << 0)
#define NVSP_CAPABILITY_SRIOV       (1ull << 2)
#define NVSP_CAPABILITY_8021Q       (1ull << 3)
#define NVSP_CAPABILITY_CORRELATION (1ull << 4)
#define NVSP_CAPABILITY_TEAMING     (1ull << 5)
#define NVSP_CAPABILITY_RSC         (1ull << 7)

struct nvsp_ndis_config {
    uint32_t frame_max; /* the MTU and an Ethernet header */
    uint32_t reserved;
    uint32_t capabilities_low, capabilities_high; /* NVSP_CAPABILITY_*, at no aligned place */
};
ABI_SIZE(struct nvsp_ndis_config, 16);

struct nvsp_vf_association {
    uint32_t allocated;
    uint32_t serial;
};
ABI_SIZE(struct nvsp_vf_association, 8);

#define NVSP_DATA_PATH_SYNTHETIC 0u
#define NVSP_DATA_PATH_VF        1u

#define NVSP_SUB_CHANNEL_ALLOCATE 1u

/* The operation of a request, the status of its answer. */
struct nvsp_sub_channel {
    uint32_t operation; /* or NVSP_STATUS_* */
    uint32_t count;
};
ABI_SIZE(struct nvsp_sub_channel, 8);

#define NVSP_SEND_TABLE_ENTRIES 16u

struct nvsp_send_table {
    uint32_t count;  /* NVSP_SEND_TABLE_ENTRIES */
    uint32_t offset; /* of the entries, 32 bits each, in the message */
};
ABI_SIZE(struct nvsp_send_table, 8);

#define NVSP_MESSAGE_BYTES 40u
#define NVSP_MESSAGE_MIN   16u /* of what a client sends: the longest it needs, NVSP_RNDIS, is 16 */

struct nvsp_message {
    uint32_t type; /* NVSP_* */
    union {
        struct nvsp_init init;
        struct nvsp_init_complete init_complete;
        struct nvsp_ndis_version ndis_version;
        struct nvsp_ndis_config ndis_config;
        struct nvsp_buffer buffer;
        uint16_t revoke_id;
        struct nvsp_receive_buffer_complete receive_buffer_complete;
        struct nvsp_send_buffer_complete send_buffer_complete;
        struct nvsp_rndis rndis;
        uint32_t status; /* of RNDIS_COMPLETE and other answers */
        struct nvsp_vf_association vf_association;
        uint32_t data_path; /* NVSP_DATA_PATH_* */
        struct nvsp_sub_channel sub_channel;
        struct nvsp_send_table send_table;
        uint8_t bytes[NVSP_MESSAGE_BYTES - 4];
    };
};
ABI_SIZE(struct nvsp_message, NVSP_MESSAGE_BYTES);
ABI_OFFSET(struct nvsp_message, init, 4);
ABI_OFFSET(struct nvsp_message, receive_buffer_complete, 4);
ABI_OFFSET(struct nvsp_message, rndis, 4);

/* SEND_TABLE with its entries: where clients of all versions find them. */
struct nvsp_send_table_message {
    struct nvsp_message message;
    uint32_t entries[NVSP_SEND_TABLE_ENTRIES]; /* sub-channel indices */
};
ABI_SIZE(struct nvsp_send_table_message, 104);

/* ---- RNDIS -------------------------------------------------------------------------------- */

#define RNDIS_VERSION_MAJOR 1u
#define RNDIS_VERSION_MINOR 0u

/* rndis_header.type */
#define RNDIS_PACKET          1u
#define RNDIS_INITIALIZE      2u
#define RNDIS_HALT            3u /* no answer */
#define RNDIS_QUERY           4u
#define RNDIS_SET             5u
#define RNDIS_RESET           6u
#define RNDIS_INDICATE_STATUS 7u /* by the provider */
#define RNDIS_KEEPALIVE       8u
#define RNDIS_COMPLETE        0x80000000u /* a flag: the answer */

#define RNDIS_STATUS_SUCCESS           0x00000000u
#define RNDIS_STATUS_MEDIA_CONNECT     0x4001000bu
#define RNDIS_STATUS_MEDIA_DISCONNECT  0x4001000cu
#define RNDIS_STATUS_LINK_SPEED_CHANGE 0x40010013u
#define RNDIS_STATUS_NOT_SUPPORTED     0xc00000bbu
#define RNDIS_STATUS_FAILURE           0xc0000001u
#define RNDIS_STATUS_RESOURCES         0xc000009au
#define RNDIS_STATUS_INVALID_LENGTH    0xc0010014u
#define RNDIS_STATUS_INVALID_DATA      0xc0010015u
#define RNDIS_STATUS_BUFFER_TOO_SHORT  0xc0010016u

/* Offsets in messages count from the end of this. */
struct rndis_header {
    uint32_t type;
    uint32_t length; /* of the whole message */
};
ABI_SIZE(struct rndis_header, 8);

/* RNDIS_HALT and RNDIS_KEEPALIVE; all others but PACKET and INDICATE_STATUS begin so, too. */
struct rndis_request {
    struct rndis_header header;
    uint32_t id; /* comes back in the answer */
};
ABI_SIZE(struct rndis_request, 12);

struct rndis_initialize {
    struct rndis_header header;
    uint32_t id;
    uint32_t major, minor;
    uint32_t transfer_max;
};
ABI_SIZE(struct rndis_initialize, 24);

#define RNDIS_DEVICE_CONNECTIONLESS 1u
#define RNDIS_MEDIUM_802_3          0u

struct rndis_initialize_complete {
    struct rndis_header header;
    uint32_t id;
    uint32_t status;
    uint32_t major, minor;
    uint32_t device_flags;
    uint32_t medium;
    uint32_t packets_max; /* in a message of the client */
    uint32_t transfer_max;
    uint32_t alignment; /* of those packets, as a power of 2 */
    uint32_t family_offset, family_length;
};
ABI_SIZE(struct rndis_initialize_complete, 52);
ABI_OFFSET(struct rndis_initialize_complete, packets_max, 32);

/* RNDIS_QUERY and RNDIS_SET */
struct rndis_oid_request {
    struct rndis_header header;
    uint32_t id;
    uint32_t oid;
    uint32_t length; /* of information */
    uint32_t offset;
    uint32_t handle;
};
ABI_SIZE(struct rndis_oid_request, 28);

struct rndis_query_complete {
    struct rndis_header header;
    uint32_t id;
    uint32_t status;
    uint32_t length;
    uint32_t offset;
};
ABI_SIZE(struct rndis_query_complete, 24);

/* SET, KEEPALIVE; of RESET, which has no identifier, @id is the status and @status 0 or 1: filters
 * are lost. */
struct rndis_complete {
    struct rndis_header header;
    uint32_t id;
    uint32_t status;
};
ABI_SIZE(struct rndis_complete, 16);

struct rndis_indicate {
    struct rndis_header header;
    uint32_t status;
    uint32_t length;
    uint32_t offset;
};
ABI_SIZE(struct rndis_indicate, 20);

struct rndis_packet {
    struct rndis_header header;
    uint32_t data_offset, data_length;
    uint32_t oob_offset, oob_length, oob_count;
    uint32_t info_offset, info_length; /* struct rndis_info, one after the other */
    uint32_t handle;
    uint32_t reserved;
};
ABI_SIZE(struct rndis_packet, 44);
ABI_OFFSET(struct rndis_packet, info_offset, 28);

/* What goes with a packet; its value follows at @offset. */
struct rndis_info {
    uint32_t size; /* with the value */
    uint32_t type; /* RNDIS_INFO_* */
    uint32_t offset;
};
ABI_SIZE(struct rndis_info, 12);

#define RNDIS_INFO_CHECKSUM 0u
#define RNDIS_INFO_LSO      2u
#define RNDIS_INFO_8021Q    6u
#define RNDIS_INFO_HASH     8u
#define RNDIS_INFO_INTERNAL 0x80000000u /* a flag: of another name space */

/* RNDIS_INFO_CHECKSUM of what a client sends ... */
#define RNDIS_CHECKSUM_IS_IPV4          0x01u
#define RNDIS_CHECKSUM_IS_IPV6          0x02u
#define RNDIS_CHECKSUM_TCP              0x04u
#define RNDIS_CHECKSUM_UDP              0x08u
#define RNDIS_CHECKSUM_IP               0x10u
#define RNDIS_CHECKSUM_L4_OFFSET(value) ((value) >> 16 & 0x3ff)
#define RNDIS_CHECKSUM_L4_OFFSET_SHIFT  16
/* ... and of what it gets. */
#define RNDIS_CHECKSUM_TCP_FAILED    0x01u
#define RNDIS_CHECKSUM_UDP_FAILED    0x02u
#define RNDIS_CHECKSUM_IP_FAILED     0x04u
#define RNDIS_CHECKSUM_TCP_SUCCEEDED 0x08u
#define RNDIS_CHECKSUM_UDP_SUCCEEDED 0x10u
#define RNDIS_CHECKSUM_IP_SUCCEEDED  0x20u

/* RNDIS_INFO_LSO, version 2 */
#define RNDIS_LSO_MSS(value) ((value)&0xfffff)
#define RNDIS_LSO_VERSION_2  (1u << 30)
#define RNDIS_LSO_IPV6       (1u << 31)

/* RNDIS_INFO_8021Q: priority in bits 2:0, DEI in bit 3, identifier in bits 15:4 */
static inline uint32_t rndis_vlan_of(uint16_t tag)
{
    return (uint32_t)tag >> 13 | (tag >> 12 & 1u) << 3 | (tag & 0xfffu) << 4;
}

static inline uint16_t rndis_vlan_tag(uint32_t value)
{
    return (uint16_t)((value & 7u) << 13 | (value >> 3 & 1u) << 12 | (value >> 4 & 0xfffu));
}

/* ---- objects: what is asked and set ------------------------------------------------------- */

#define OID_GEN_SUPPORTED_LIST           0x00010101u
#define OID_GEN_HARDWARE_STATUS          0x00010102u
#define OID_GEN_MEDIA_SUPPORTED          0x00010103u
#define OID_GEN_MEDIA_IN_USE             0x00010104u
#define OID_GEN_MAXIMUM_FRAME_SIZE       0x00010106u
#define OID_GEN_LINK_SPEED               0x00010107u /* in 100 bits a second */
#define OID_GEN_TRANSMIT_BLOCK_SIZE      0x0001010au
#define OID_GEN_RECEIVE_BLOCK_SIZE       0x0001010bu
#define OID_GEN_VENDOR_ID                0x0001010cu
#define OID_GEN_VENDOR_DESCRIPTION       0x0001010du
#define OID_GEN_CURRENT_PACKET_FILTER    0x0001010eu
#define OID_GEN_MAXIMUM_TOTAL_SIZE       0x00010111u
#define OID_GEN_MEDIA_CONNECT_STATUS     0x00010114u /* 0: connected */
#define OID_GEN_XMIT_OK                  0x00020101u
#define OID_GEN_RCV_OK                   0x00020102u
#define OID_GEN_XMIT_ERROR               0x00020103u
#define OID_GEN_RCV_ERROR                0x00020104u
#define OID_GEN_RCV_NO_BUFFER            0x00020105u
#define OID_GEN_FRIENDLY_NAME            0x00020216u
#define OID_GEN_RECEIVE_SCALE_CAPABILITY 0x00010203u
#define OID_GEN_RECEIVE_SCALE_PARAMETERS 0x00010204u
#define OID_GEN_RNDIS_CONFIG_PARAMETER   0x0001021bu
#define OID_802_3_PERMANENT_ADDRESS      0x01010101u
#define OID_802_3_CURRENT_ADDRESS        0x01010102u
#define OID_802_3_MULTICAST_LIST         0x01010103u
#define OID_802_3_MAXIMUM_LIST_SIZE      0x01010104u
#define OID_OFFLOAD_ENCAPSULATION        0x0101010au
#define OID_TCP_OFFLOAD_CURRENT_CONFIG   0xfc01020bu
#define OID_TCP_OFFLOAD_PARAMETERS       0xfc01020cu
#define OID_TCP_OFFLOAD_HARDWARE         0xfc01020du

/* OID_GEN_CURRENT_PACKET_FILTER */
#define NDIS_FILTER_DIRECTED      0x0001u
#define NDIS_FILTER_MULTICAST     0x0002u /* those of OID_802_3_MULTICAST_LIST */
#define NDIS_FILTER_ALL_MULTICAST 0x0004u
#define NDIS_FILTER_BROADCAST     0x0008u
#define NDIS_FILTER_PROMISCUOUS   0x0020u

#define NDIS_OBJECT_DEFAULT          0x80u
#define NDIS_OBJECT_RSS_CAPABILITIES 0x88u
#define NDIS_OBJECT_RSS_PARAMETERS   0x89u
#define NDIS_OBJECT_OFFLOAD          0xa7u

struct ndis_object {
    uint8_t type; /* NDIS_OBJECT_* */
    uint8_t revision;
    uint16_t size;
};
ABI_SIZE(struct ndis_object, 4);

/* Encapsulations with which an offload works. */
#define NDIS_ENCAPSULATION_802_3 0x2u

/* Checksums that can be computed or checked, of IPv4 ... */
#define NDIS_CHECKSUM4_IP_OPTIONS  0x001u
#define NDIS_CHECKSUM4_TCP_OPTIONS 0x004u
#define NDIS_CHECKSUM4_TCP         0x010u
#define NDIS_CHECKSUM4_UDP         0x040u
#define NDIS_CHECKSUM4_IP          0x100u
/* ... and of IPv6 */
#define NDIS_CHECKSUM6_IP_EXTENSIONS 0x001u
#define NDIS_CHECKSUM6_TCP_OPTIONS   0x004u
#define NDIS_CHECKSUM6_TCP           0x010u
#define NDIS_CHECKSUM6_UDP           0x040u

struct ndis_checksum_offload {
    uint32_t send4_encapsulation, send4;
    uint32_t receive4_encapsulation, receive4;
    uint32_t send6_encapsulation, send6;
    uint32_t receive6_encapsulation, receive6;
};
ABI_SIZE(struct ndis_checksum_offload, 32);

#define NDIS_LSO6_IP_EXTENSIONS 0x001u
#define NDIS_LSO6_TCP_OPTIONS   0x004u

struct ndis_lso_offload {
    uint32_t encapsulation4, size_max4, segments_min4;
    uint32_t encapsulation6, size_max6, segments_min6;
    uint32_t options6; /* NDIS_LSO6_* */
};
ABI_SIZE(struct ndis_lso_offload, 28);

/* OID_TCP_OFFLOAD_HARDWARE and _CURRENT_CONFIG; what is reserved is offloads that we never have. */
struct ndis_offload {
    struct ndis_object header;
    struct ndis_checksum_offload checksum;
    uint32_t reserved_lso1[4];
    uint32_t reserved_ipsec1[7];
    struct ndis_lso_offload lso;
    uint32_t flags;
    uint32_t reserved_ipsec2[8];
    uint8_t coalescing4, coalescing6;
    uint16_t reserved;
    uint32_t reserved_encapsulation[2];
};
ABI_OFFSET(struct ndis_offload, lso, 80);
ABI_OFFSET(struct ndis_offload, reserved_ipsec2, 112);
ABI_OFFSET(struct ndis_offload, coalescing4, 144);
ABI_SIZE(struct ndis_offload, 156);

/* A client may know of less: up to reserved_ipsec2, and up to coalescing4. */
#define NDIS_OFFLOAD_BYTES_6_0  112u
#define NDIS_OFFLOAD_BYTES_6_1  144u
#define NDIS_OFFLOAD_BYTES_6_30 156u

/* OID_TCP_OFFLOAD_PARAMETERS; the bytes are NDIS_PARAMETER_*. */
struct ndis_offload_parameters {
    struct ndis_object header;
    uint8_t ip4_checksum;
    uint8_t tcp4_checksum, udp4_checksum;
    uint8_t tcp6_checksum, udp6_checksum;
    uint8_t lso1;
    uint8_t ipsec1;
    uint8_t lso4, lso6;
    uint8_t connection4, connection6;
    uint8_t padding;
    uint32_t flags;
};
ABI_OFFSET(struct ndis_offload_parameters, flags, 16);
ABI_SIZE(struct ndis_offload_parameters, 20); /* what later revisions add is not looked at */

#define NDIS_PARAMETER_NO_CHANGE 0u
#define NDIS_PARAMETER_DISABLED  1u
#define NDIS_PARAMETER_SEND      2u /* of checksums; of LSO: enabled */
#define NDIS_PARAMETER_RECEIVE   3u
#define NDIS_PARAMETER_BOTH      4u

#define NDIS_RSS_HASH_TOEPLITZ 0x00000001u
#define NDIS_RSS_HASH_IPV4     0x00000100u
#define NDIS_RSS_HASH_TCP_IPV4 0x00000200u
#define NDIS_RSS_HASH_IPV6     0x00000400u
#define NDIS_RSS_HASH_TCP_IPV6 0x00001000u

#define NDIS_RSS_CAPABILITY_TCP_IPV4 0x00000100u
#define NDIS_RSS_CAPABILITY_TCP_IPV6 0x00000200u

#define NDIS_RSS_KEY_BYTES     40u
#define NDIS_RSS_TABLE_ENTRIES 128u /* of 32 bits */

/* OID_GEN_RECEIVE_SCALE_CAPABILITY: 18 bytes, padded to 20 by C. */
struct ndis_rss_capabilities {
    struct ndis_object header;
    uint32_t capabilities; /* NDIS_RSS_CAPABILITY_* and the function, NDIS_RSS_HASH_TOEPLITZ */
    uint32_t interrupts;
    uint32_t queues;
    uint16_t table_entries;
    uint16_t padding;
};
ABI_OFFSET(struct ndis_rss_capabilities, queues, 12);
ABI_OFFSET(struct ndis_rss_capabilities, table_entries, 16);
#define NDIS_RSS_CAPABILITIES_BYTES 18u

#define NDIS_RSS_HASH_UNCHANGED  0x0002u
#define NDIS_RSS_TABLE_UNCHANGED 0x0004u
#define NDIS_RSS_KEY_UNCHANGED   0x0008u
#define NDIS_RSS_DISABLED        0x0010u

/* OID_GEN_RECEIVE_SCALE_PARAMETERS; offsets from its beginning. */
struct ndis_rss_parameters {
    struct ndis_object header;
    uint16_t flags; /* NDIS_RSS_* */
    uint16_t base_cpu;
    uint32_t hash; /* NDIS_RSS_HASH_* */
    uint16_t table_bytes;
    uint16_t padding0;
    uint32_t table_offset;
    uint16_t key_bytes;
    uint16_t padding1;
    uint32_t key_offset;
    uint32_t masks_offset, masks_count, masks_size;
};
ABI_OFFSET(struct ndis_rss_parameters, hash, 8);
ABI_OFFSET(struct ndis_rss_parameters, table_bytes, 12);
ABI_OFFSET(struct ndis_rss_parameters, table_offset, 16);
ABI_OFFSET(struct ndis_rss_parameters, key_bytes, 20);
ABI_OFFSET(struct ndis_rss_parameters, key_offset, 24);
ABI_SIZE(struct ndis_rss_parameters, 40);

/* OID_GEN_RNDIS_CONFIG_PARAMETER; offsets from its beginning, text in UTF-16. */
struct rndis_config_parameter {
    uint32_t name_offset, name_length;
    uint32_t type; /* RNDIS_CONFIG_* */
    uint32_t value_offset, value_length;
};
ABI_SIZE(struct rndis_config_parameter, 20);
#define RNDIS_CONFIG_STRING 2u

#endif
