/* SPDX-License-Identifier: MIT */
/* rt/net_mac.h - addresses of Ethernet (IEEE 802-2014, 8.2). */
#ifndef RT_NET_MAC_H
#define RT_NET_MAC_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/big_endian.h>
#include <rt/net_frame.h>

#define MAC_GROUP 0x01u /* in the first byte: not of one card */
#define MAC_LOCAL 0x02u /* not given out by a manufacturer */

#define MAC_FORMAT       "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGUMENTS(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

/* Whether @mac can be one card's. */
static inline bool mac_is_unicast(const uint8_t *mac)
{
    return !net_address_is_group(mac) && (be16_get(mac) | be32_get(mac + 2)) != 0;
}

#endif
