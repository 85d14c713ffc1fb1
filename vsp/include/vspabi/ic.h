/* SPDX-License-Identifier: MIT */
/* vspabi/ic.h - integration services: what root and the system in a child tell each other beside
 * devices. One channel for each service, all with the same frame: in-band packets without
 * completion, each of a pipe header, a message header and the service's own payload.
 *
 * Root speaks first: IC_NEGOTIATE with the versions that it has of the frame and of the service.
 * Later too it is root that asks; the child sends the same packet back, with IC_FLAG_RESPONSE, a
 * status and what was asked for in it. Little-endian, no padding but what is shown. */
#ifndef VSPABI_IC_H
#define VSPABI_IC_H

#include <hvabi/layout.h>

/* ---- classes of devices: struct vmbus_guid ---- */

/* 57164f39-9115-4e78-ab55-382f3bd5422d */
#define IC_HEARTBEAT_INTERFACE                                                                     \
    {                                                                                              \
        .data1 = 0x57164f39, .data2 = 0x9115, .data3 = 0x4e78, .data4 = {                          \
            0xab,                                                                                  \
            0x55,                                                                                  \
            0x38,                                                                                  \
            0x2f,                                                                                  \
            0x3b,                                                                                  \
            0xd5,                                                                                  \
            0x42,                                                                                  \
            0x2d                                                                                   \
        }                                                                                          \
    }
/* 0e0b6031-5213-4934-818b-38d90ced39db */
#define IC_SHUTDOWN_INTERFACE                                                                      \
    {                                                                                              \
        .data1 = 0x0e0b6031, .data2 = 0x5213, .data3 = 0x4934, .data4 = {                          \
            0x81,                                                                                  \
            0x8b,                                                                                  \
            0x38,                                                                                  \
            0xd9,                                                                                  \
            0x0c,                                                                                  \
            0xed,                                                                                  \
            0x39,                                                                                  \
            0xdb                                                                                   \
        }                                                                                          \
    }
/* 9527e630-d0ae-497b-adce-e80ab0175caf */
#define IC_TIME_INTERFACE                                                                          \
    {                                                                                              \
        .data1 = 0x9527e630, .data2 = 0xd0ae, .data3 = 0x497b, .data4 = {                          \
            0xad,                                                                                  \
            0xce,                                                                                  \
            0xe8,                                                                                  \
            0x0a,                                                                                  \
            0xb0,                                                                                  \
            0x17,                                                                                  \
            0x5c,                                                                                  \
            0xaf                                                                                   \
        }                                                                                          \
    }
/* a9a0f4e7-5a45-4d96-b827-8a841e8c03e6 */
#define IC_DATA_INTERFACE                                                                          \
    {                                                                                              \
        .data1 = 0xa9a0f4e7, .data2 = 0x5a45, .data3 = 0x4d96, .data4 = {                          \
            0xb8,                                                                                  \
            0x27,                                                                                  \
            0x8a,                                                                                  \
            0x84,                                                                                  \
            0x1e,                                                                                  \
            0x8c,                                                                                  \
            0x03,                                                                                  \
            0xe6                                                                                   \
        }                                                                                          \
    }
/* 35fa2e29-ea23-4236-96ae-3a6ebacba440 */
#define IC_SNAPSHOT_INTERFACE                                                                      \
    {                                                                                              \
        .data1 = 0x35fa2e29, .data2 = 0xea23, .data3 = 0x4236, .data4 = {                          \
            0x96,                                                                                  \
            0xae,                                                                                  \
            0x3a,                                                                                  \
            0x6e,                                                                                  \
            0xba,                                                                                  \
            0xcb,                                                                                  \
            0xa4,                                                                                  \
            0x40                                                                                   \
        }                                                                                          \
    }

/* vmbus_offer.user_data begins with the kind of pipe that a channel is. */
#define IC_PIPE_MESSAGES 4u

/* ---- the frame ---- */

struct ic_version {
    uint16_t major, minor;
};
ABI_SIZE(struct ic_version, 4);

/* ic_header.type */
enum {
    IC_NEGOTIATE = 0,
    IC_TYPE_HEARTBEAT = 1,
    IC_TYPE_DATA = 2, /* key-value pairs, KVP */
    IC_TYPE_SHUTDOWN = 3,
    IC_TYPE_TIME = 4,
    IC_TYPE_SNAPSHOT = 5, /* VSS */
};

/* ic_header.flags */
#define IC_FLAG_TRANSACTION 1u
#define IC_FLAG_REQUEST     2u
#define IC_FLAG_RESPONSE    4u

/* ic_header.status */
#define IC_STATUS_OK      0u
#define IC_STATUS_FAIL    0x80004005u
#define IC_STATUS_NO_MORE 0x80070103u /* items of a list */

#define IC_PIPE_DATA  1u
#define IC_PIPE_BYTES 8u /* of the pipe's own header */

struct ic_header {
    uint32_t pipe_type; /* IC_PIPE_DATA */
    uint32_t pipe_size; /* bytes behind this field */
    struct ic_version framework;
    uint16_t type; /* IC_* */
    struct ic_version message;
    uint16_t size; /* of the payload behind this header */
    uint32_t status;
    uint8_t transaction;
    uint8_t flags;
    uint16_t reserved;
};
ABI_SIZE(struct ic_header, 28);
ABI_OFFSET(struct ic_header, framework, 8);
ABI_OFFSET(struct ic_header, type, 12);
ABI_OFFSET(struct ic_header, message, 14);
ABI_OFFSET(struct ic_header, size, 18);
ABI_OFFSET(struct ic_header, status, 20);
ABI_OFFSET(struct ic_header, transaction, 24);
ABI_OFFSET(struct ic_header, flags, 25);

#define IC_VERSIONS_MAX 8u /* that are sent, frame and service */

/* The versions of the frame, then those of the service. The answer has one of each, or, where
 * nothing fits, none: both counts are 0. */
struct ic_negotiate {
    uint16_t framework_count, message_count;
    uint32_t reserved;
    struct ic_version versions[IC_VERSIONS_MAX];
};
ABI_OFFSET(struct ic_negotiate, versions, 8);
#define IC_NEGOTIATE_BYTES(versions) (8u + (versions)*4u)

/* ---- heartbeat 1.0, 3.0 ---- */

struct ic_heartbeat {
    uint64_t sequence; /* the answer's is one more */
    uint32_t reserved[8];
};
ABI_SIZE(struct ic_heartbeat, 40);

/* ---- shutdown 1.0, 3.0, 3.1, 3.2 ---- */

/* ic_shutdown.flags; one more: by force */
#define IC_SHUTDOWN_POWER_OFF 0u
#define IC_SHUTDOWN_RESTART   2u

#define IC_SHUTDOWN_MESSAGE_BYTES 2048u

struct ic_shutdown {
    uint32_t reason;
    uint32_t timeout; /* seconds */
    uint32_t flags;
    uint8_t message[IC_SHUTDOWN_MESSAGE_BYTES];
};
ABI_SIZE(struct ic_shutdown, 2060);

/* ---- time 1.0, 3.0; 4.0 ---- */

#define IC_TIME_SYNC   1u /* set the clock */
#define IC_TIME_SAMPLE 2u /* for whoever disciplines it */

/* Times: 100 ns since 1601-01-01, UTC. */
struct ic_time {
    uint64_t parent_time;
    uint64_t child_time;
    uint64_t round_trip;
    uint8_t flags;
    uint8_t padding[7];
};
ABI_SIZE(struct ic_time, 32);
#define IC_TIME_BYTES 25u

/* With the child's reference time (HV_X64_MSR_TIME_REF_COUNT) at the moment of @parent_time. */
struct ic_time_reference {
    uint64_t parent_time;
    uint64_t reference_time;
    uint8_t flags;
    uint8_t leap;
    uint8_t stratum;
    uint8_t reserved[3];
    uint8_t padding[2];
};
ABI_SIZE(struct ic_time_reference, 24);
ABI_OFFSET(struct ic_time_reference, flags, 16);
#define IC_TIME_REFERENCE_BYTES 22u

/* ---- key-value pairs 1.0, 3.0, 4.0 ---- */

/* ic_data_header.operation */
enum {
    IC_DATA_GET = 0,
    IC_DATA_SET = 1,
    IC_DATA_DELETE = 2,
    IC_DATA_ENUMERATE = 3,
};

/* ic_data_header.pool: who writes it. _AUTO ones: the systems themselves, not people. */
enum {
    IC_POOL_EXTERNAL = 0, /* root */
    IC_POOL_GUEST = 1,    /* the child */
    IC_POOL_AUTO = 2,     /* the child */
    IC_POOL_AUTO_EXTERNAL = 3,
    IC_POOLS = 5,
};

/* ic_data_value.type */
#define IC_VALUE_TEXT     1u /* UTF-16 with its end */
#define IC_VALUE_NUMBER   4u /* 32 bits */
#define IC_VALUE_NUMBER64 8u

#define IC_KEY_BYTES   512u
#define IC_VALUE_BYTES 2048u

struct ic_data_header {
    uint8_t operation;
    uint8_t pool;
    uint16_t reserved;
};
ABI_SIZE(struct ic_data_header, 4);

struct ic_data_value {
    uint32_t type;
    uint32_t key_size; /* bytes, with the end */
    uint32_t value_size;
    uint8_t key[IC_KEY_BYTES]; /* UTF-16 */
    uint8_t value[IC_VALUE_BYTES];
};
ABI_SIZE(struct ic_data_value, 2572);

struct ic_data_set {
    struct ic_data_header header;
    struct ic_data_value value;
};
ABI_SIZE(struct ic_data_set, 2576);

struct ic_data_enumerate {
    struct ic_data_header header;
    uint32_t index;
    struct ic_data_value value; /* the answer's */
};
ABI_SIZE(struct ic_data_enumerate, 2580);

struct ic_data_delete {
    struct ic_data_header header;
    uint32_t key_size;
    uint8_t key[IC_KEY_BYTES];
};
ABI_SIZE(struct ic_data_delete, 520);

/* ---- snapshots 5.0 ---- */

/* ic_snapshot.operation */
enum {
    IC_SNAPSHOT_HOT_BACKUP = 2,
    IC_SNAPSHOT_INFO = 3,
    IC_SNAPSHOT_FREEZE = 5,
    IC_SNAPSHOT_THAW = 6,
};

struct ic_snapshot {
    uint8_t operation;
    uint8_t reserved[7];
    uint32_t flags;
};
ABI_SIZE(struct ic_snapshot, 12);

#endif
