/* SPDX-License-Identifier: MIT */
/* hvabi/vmbus.h - VMBus on the wire: channel messages, rings, packet descriptors. Versions 2.4 to
 * 5.3, as Linux 6.1 and OpenVMM speak them; the TLFS knows only the messages, events and monitor
 * pages (hvabi/synic.h) that carry them.
 *
 * "Server" is the end that offers channels (root), "client" the one that opens them (a child).
 * Fields are little-endian; the structures of messages begin at the message's first byte. */
#ifndef HVABI_VMBUS_H
#define HVABI_VMBUS_H

#include <hvabi/synic.h>

/* ---- how messages and doorbells travel ---------------------------------------------------- */

#define VMBUS_MESSAGE_TYPE     1u /* hv_message_header.message_type of every channel message */
#define VMBUS_SINT             2u /* of the client's VPs: messages and event flags */
#define VMBUS_MESSAGE_SIZE_MAX HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT

/* Where a client posts: this one, then the one of its VMBUS_VERSION_RESPONSE. */
#define VMBUS_CONNECTION_ID       1u /* versions below 5.0 */
#define VMBUS_CONNECTION_ID_5     4u /* 5.0 and later */
#define VMBUS_EVENT_CONNECTION_ID 2u /* doorbells through an interrupt page: not offered by us */

/* Our doorbells' connections: relid | VMBUS_SINT << this, so that they differ from those above. */
#define VMBUS_DOORBELL_SINT_SHIFT 12

/* Relids are bits of the event flags page; bit 0 means nothing. */
#define VMBUS_RELID_MIN 1u
#define VMBUS_RELID_MAX (HV_EVENT_FLAGS_COUNT - 1)

enum {
    VMBUS_VERSION_2_4 = 0x00020004, /* the oldest that is spoken: Windows 8 */
    VMBUS_VERSION_3_0 = 0x00030000,
    VMBUS_VERSION_4_0 = 0x00040000,
    VMBUS_VERSION_4_1 = 0x00040001, /* MODIFYCHANNEL */
    VMBUS_VERSION_5_0 = 0x00050000, /* no interrupt page, connection id 4 */
    VMBUS_VERSION_5_1 = 0x00050001,
    VMBUS_VERSION_5_2 = 0x00050002,
    VMBUS_VERSION_5_3 = 0x00050003, /* MODIFYCHANNEL_RESPONSE */
};

/* ---- channel messages --------------------------------------------------------------------- */

enum {
    VMBUS_OFFER_CHANNEL = 1,
    VMBUS_RESCIND_OFFER = 2,
    VMBUS_REQUEST_OFFERS = 3,
    VMBUS_ALL_OFFERS_DELIVERED = 4,
    VMBUS_OPEN_CHANNEL = 5,
    VMBUS_OPEN_RESULT = 6,
    VMBUS_CLOSE_CHANNEL = 7,
    VMBUS_GPADL_HEADER = 8,
    VMBUS_GPADL_BODY = 9,
    VMBUS_GPADL_CREATED = 10,
    VMBUS_GPADL_TEARDOWN = 11,
    VMBUS_GPADL_TORNDOWN = 12,
    VMBUS_RELID_RELEASED = 13,
    VMBUS_INITIATE_CONTACT = 14,
    VMBUS_VERSION_RESPONSE = 15,
    VMBUS_UNLOAD = 16,
    VMBUS_UNLOAD_RESPONSE = 17,
    VMBUS_TL_CONNECT_REQUEST = 21, /* sockets: not offered */
    VMBUS_MODIFY_CHANNEL = 22,
    VMBUS_TL_CONNECT_RESULT = 23,
    VMBUS_MODIFY_CHANNEL_RESPONSE = 24,
};

/* The statuses in replies: 0, or anything else for failure. NT numbers, as peers expect them. */
#define VMBUS_STATUS_SUCCESS      0u
#define VMBUS_STATUS_UNSUCCESSFUL 0xc0000001u

struct vmbus_guid {
    uint32_t data1;
    uint16_t data2, data3;
    uint8_t data4[8];
};
ABI_SIZE(struct vmbus_guid, 16);

/* All there is of REQUEST_OFFERS, ALL_OFFERS_DELIVERED, UNLOAD and UNLOAD_RESPONSE. */
struct vmbus_message {
    uint32_t type; /* VMBUS_* above */
    uint32_t padding;
};
ABI_SIZE(struct vmbus_message, 8);

#define VMBUS_USER_DATA_SIZE 120

/* vmbus_offer_channel.flags */
enum {
    VMBUS_OFFER_ENUMERATE_DEVICE_INTERFACE = 0x0001,
    VMBUS_OFFER_TRANSFER_PAGES = 0x0002,
    VMBUS_OFFER_GPADLS = 0x0004,
    VMBUS_OFFER_NAMED_PIPE_MODE = 0x0010,
    VMBUS_OFFER_LOOPBACK = 0x0100,
    VMBUS_OFFER_PARENT = 0x0200,
    VMBUS_OFFER_MONITORED = 0x0400,
    VMBUS_OFFER_SOCKET = 0x2000,
};

struct vmbus_offer_channel {
    struct vmbus_message header;
    struct vmbus_guid interface;
    struct vmbus_guid instance;
    uint32_t reserved0[4];
    uint16_t flags; /* VMBUS_OFFER_* */
    uint16_t mmio_megabytes;
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
    uint16_t sub_channel_index; /* 0: the primary channel */
    uint16_t reserved1;
    uint32_t relid;
    uint8_t monitor_id;
    uint8_t monitor_allocated;    /* 1: doorbells go through the monitor page */
    uint16_t dedicated_interrupt; /* 1: no interrupt page is used */
    uint32_t connection_id;       /* of the doorbell */
};
ABI_SIZE(struct vmbus_offer_channel, 196);
ABI_OFFSET(struct vmbus_offer_channel, instance, 24);
ABI_OFFSET(struct vmbus_offer_channel, flags, 56);
ABI_OFFSET(struct vmbus_offer_channel, user_data, 60);
ABI_OFFSET(struct vmbus_offer_channel, sub_channel_index, 180);
ABI_OFFSET(struct vmbus_offer_channel, relid, 184);
ABI_OFFSET(struct vmbus_offer_channel, monitor_id, 188);
ABI_OFFSET(struct vmbus_offer_channel, dedicated_interrupt, 190);
ABI_OFFSET(struct vmbus_offer_channel, connection_id, 192);

/* RESCIND_OFFER, CLOSE_CHANNEL, RELID_RELEASED */
struct vmbus_relid_message {
    struct vmbus_message header;
    uint32_t relid;
};
ABI_SIZE(struct vmbus_relid_message, 12);

struct vmbus_open_channel {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t open_id; /* comes back in the result */
    uint32_t ring_gpadl;
    uint32_t target_vp;       /* to interrupt */
    uint32_t downstream_page; /* where the ring from server to client begins in the GPADL */
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
};
ABI_SIZE(struct vmbus_open_channel, 148);
ABI_OFFSET(struct vmbus_open_channel, ring_gpadl, 16);
ABI_OFFSET(struct vmbus_open_channel, downstream_page, 24);
ABI_OFFSET(struct vmbus_open_channel, user_data, 28);

struct vmbus_open_result {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t open_id;
    uint32_t status; /* VMBUS_STATUS_* */
};
ABI_SIZE(struct vmbus_open_result, 20);

/* Followed by page numbers of 8 bytes each, which are not aligned, as many as fit; the rest comes
 * in GPADL_BODY messages. */
struct vmbus_gpadl_header {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t gpadl;
    uint16_t range_length; /* of the range with all its pages: 8 + 8 * pages */
    uint16_t range_count;  /* 1 */
    uint32_t byte_count;
    uint32_t byte_offset;
};
ABI_SIZE(struct vmbus_gpadl_header, 28);
ABI_OFFSET(struct vmbus_gpadl_header, range_length, 16);
ABI_OFFSET(struct vmbus_gpadl_header, byte_count, 20);

#define VMBUS_GPADL_RANGE_HEAD 8u /* byte_count and byte_offset */
#define VMBUS_GPADL_PAGES_MAX  ((UINT16_MAX - VMBUS_GPADL_RANGE_HEAD) / 8)
#define VMBUS_GPADL_HEADER_PAGES                                                                   \
    ((VMBUS_MESSAGE_SIZE_MAX - (uint32_t)sizeof(struct vmbus_gpadl_header)) / 8)

/* Followed by more page numbers. */
struct vmbus_gpadl_body {
    struct vmbus_message header;
    uint32_t message_number; /* Linux sends 0 in all of them */
    uint32_t gpadl;
};
ABI_SIZE(struct vmbus_gpadl_body, 16);

#define VMBUS_GPADL_BODY_PAGES                                                                     \
    ((VMBUS_MESSAGE_SIZE_MAX - (uint32_t)sizeof(struct vmbus_gpadl_body)) / 8)

struct vmbus_gpadl_created {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t gpadl;
    uint32_t status; /* VMBUS_STATUS_* */
};
ABI_SIZE(struct vmbus_gpadl_created, 20);

struct vmbus_gpadl_teardown {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t gpadl;
};
ABI_SIZE(struct vmbus_gpadl_teardown, 16);

struct vmbus_gpadl_torndown {
    struct vmbus_message header;
    uint32_t gpadl;
};
ABI_SIZE(struct vmbus_gpadl_torndown, 12);

struct vmbus_initiate_contact {
    struct vmbus_message header;
    uint32_t version;
    uint32_t target_vp; /* to which the server posts */
    union {
        uint64_t interrupt_page; /* versions below 5.0 */
        uint8_t message_sint;    /* VMBUS_SINT; the other bytes are 0 */
    };
    uint64_t server_to_client_monitor; /* addresses of monitor pages; 0: none */
    uint64_t client_to_server_monitor;
};
ABI_SIZE(struct vmbus_initiate_contact, 40);
ABI_OFFSET(struct vmbus_initiate_contact, interrupt_page, 16);
ABI_OFFSET(struct vmbus_initiate_contact, server_to_client_monitor, 24);

struct vmbus_version_response {
    struct vmbus_message header;
    uint8_t supported;
    uint8_t connection_state; /* 0 */
    uint16_t reserved;
    uint32_t connection_id; /* where to post from now on; 5.0 and later */
};
ABI_SIZE(struct vmbus_version_response, 16);
ABI_OFFSET(struct vmbus_version_response, connection_id, 12);

struct vmbus_modify_channel {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t target_vp;
};
ABI_SIZE(struct vmbus_modify_channel, 16);

struct vmbus_modify_channel_response {
    struct vmbus_message header;
    uint32_t relid;
    uint32_t status; /* VMBUS_STATUS_* */
};
ABI_SIZE(struct vmbus_modify_channel_response, 16);

/* ---- rings -------------------------------------------------------------------------------- */

/* The first page of a ring; the data follows. Indices are byte offsets into the data; the ring is
 * empty when they are equal, and never full to the last byte. */
struct vmbus_ring_header {
    uint32_t write_index;       /* the writer's */
    uint32_t read_index;        /* the reader's */
    uint32_t interrupt_mask;    /* the reader's: 1: do not signal me */
    uint32_t pending_send_size; /* the writer's: signal me when more than this is free; 0: do not */
    uint32_t reserved0[12];
    uint32_t features; /* VMBUS_RING_* */
    uint8_t reserved1[4028];
};
ABI_SIZE(struct vmbus_ring_header, HV_PAGE_SIZE);
ABI_OFFSET(struct vmbus_ring_header, features, 64);

#define VMBUS_RING_FEATURE_PENDING_SEND_SIZE 0x1u /* the reader looks at pending_send_size */

enum {
    VMBUS_PACKET_IN_BAND = 6,
    VMBUS_PACKET_TRANSFER_PAGES = 7,
    VMBUS_PACKET_GPA_DIRECT = 9,
    VMBUS_PACKET_COMPLETION = 11,
};

#define VMBUS_PACKET_FLAG_COMPLETION 0x1u /* the sender asks for a completion */

/* Payload, at offset8, is padded to 8 bytes; a trailer of 8 bytes follows it. */
struct vmbus_packet_descriptor {
    uint16_t type;    /* VMBUS_PACKET_* */
    uint16_t offset8; /* to the payload, in 8 bytes */
    uint16_t length8; /* of descriptor and payload, in 8 bytes */
    uint16_t flags;
    uint64_t transaction; /* a completion has its request's */
};
ABI_SIZE(struct vmbus_packet_descriptor, 16);
ABI_OFFSET(struct vmbus_packet_descriptor, length8, 4);
ABI_OFFSET(struct vmbus_packet_descriptor, transaction, 8);

/* Behind the descriptor of TRANSFER_PAGES and of GPA_DIRECT (where the first word is reserved);
 * then come the ranges, up to the payload. */
struct vmbus_packet_ranges {
    uint16_t page_set;
    uint8_t sender_owns_set;
    uint8_t reserved;
    uint32_t count;
};
ABI_SIZE(struct vmbus_packet_ranges, 8);
ABI_OFFSET(struct vmbus_packet_ranges, count, 4);

/* One range; in GPA_DIRECT the numbers of all pages that it touches follow. */
struct vmbus_range {
    uint32_t length; /* bytes */
    uint32_t offset; /* GPA_DIRECT: in the first page; TRANSFER_PAGES: in the page set */
};
ABI_SIZE(struct vmbus_range, 8);

#define VMBUS_PACKET_TRAILER_SIZE 8u /* the index where the packet began, in the high half */

#endif
