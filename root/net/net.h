/* SPDX-License-Identifier: MIT */
/* root/net/net.h - root's network as it is made at the start: a switch for each network card, whose
 * uplink the card is, or one without an uplink; root has a port of the first. */
#ifndef ROOT_NET_NET_H
#define ROOT_NET_NET_H

#include <stdbool.h>
#include <stdint.h>
#include "net/vswitch.h"

#define NET_SWITCHES 8u

/* Make the switches. @address: the option rootaddress ("10.0.0.2/24"), or NULL: root has a port,
 * but no address. Once, in thread context, when the drivers have found their cards. */
void net_init(const char *address);

/* Switch number @index; NULL: there are fewer. */
struct vswitch *net_switch(uint32_t index);

/* Root's own port and its counters. False: there is none. */
struct net_root;
bool net_root_tell(struct net_root *out);

#endif
