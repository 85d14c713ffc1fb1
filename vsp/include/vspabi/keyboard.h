/* SPDX-License-Identifier: MIT */
/* vspabi/keyboard.h - the synthetic keyboard: in-band packets without a header of a pipe. The child
 * speaks first, with the version that it wants; then root sends what keys do. Scan codes are those
 * of set 1. */
#ifndef VSPABI_KEYBOARD_H
#define VSPABI_KEYBOARD_H

#include <hvabi/layout.h>

/* struct vmbus_guid of a keyboard: f912ad6d-2b17-48ea-bd65-f927a61c7684 */
#define KEYBOARD_INTERFACE                                                                         \
    {                                                                                              \
        .data1 = 0xf912ad6d, .data2 = 0x2b17, .data3 = 0x48ea, .data4 = {                          \
            0xbd,                                                                                  \
            0x65,                                                                                  \
            0xf9,                                                                                  \
            0x27,                                                                                  \
            0xa6,                                                                                  \
            0x1c,                                                                                  \
            0x76,                                                                                  \
            0x84                                                                                   \
        }                                                                                          \
    }

#define KEYBOARD_VERSION 0x00010000u /* 1.0 */

/* The first member of each message. */
enum {
    KEYBOARD_REQUEST = 1,  /* child: struct keyboard_request */
    KEYBOARD_RESPONSE = 2, /* root: struct keyboard_response */
    KEYBOARD_EVENT = 3,    /* root: struct keyboard_event */
    KEYBOARD_LIGHTS = 4,   /* child: which are on */
};

struct keyboard_request {
    uint32_t type;
    uint32_t version;
};
ABI_SIZE(struct keyboard_request, 8);

#define KEYBOARD_ACCEPTED 1u

struct keyboard_response {
    uint32_t type;
    uint32_t status; /* KEYBOARD_ACCEPTED, or 0 */
};
ABI_SIZE(struct keyboard_response, 8);

/* keyboard_event.flags */
#define KEYBOARD_BREAK 2u /* the key is let go */
#define KEYBOARD_E0    4u /* the code has this prefix */

struct keyboard_event {
    uint32_t type;
    uint16_t code;
    uint16_t reserved;
    uint32_t flags;
};
ABI_SIZE(struct keyboard_event, 12);

#endif
