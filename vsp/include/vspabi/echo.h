/* SPDX-License-Identifier: MIT */
/* vspabi/echo.h - the smallest protocol of a VMBus channel, as an example of one: each in-band
 * packet that asks for a completion gets one with its transaction and its payload. A provider
 * closes the channel of a client that sends anything else, or more than ECHO_BYTES_MAX at once. */
#ifndef VSPABI_ECHO_H
#define VSPABI_ECHO_H

#include <hvabi/layout.h>

#define ECHO_BYTES_MAX 1024u /* of a payload; a multiple of 8 */

/* struct vmbus_guid of an echo device: 1f59614f-2ad3-4133-a23b-cbeddac0258e */
#define ECHO_INTERFACE                                                                             \
    {                                                                                              \
        .data1 = 0x1f59614f, .data2 = 0x2ad3, .data3 = 0x4133, .data4 = {                          \
            0xa2,                                                                                  \
            0x3b,                                                                                  \
            0xcb,                                                                                  \
            0xed,                                                                                  \
            0xda,                                                                                  \
            0xc0,                                                                                  \
            0x25,                                                                                  \
            0x8e                                                                                   \
        }                                                                                          \
    }

#endif
