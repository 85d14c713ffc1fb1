/* SPDX-License-Identifier: MIT */
/* switch_fixture.h - for tests of the switch: one with ports that remember what was delivered to
 * them, and frames that are as short as a frame can be. */
#ifndef SWITCH_FIXTURE_H
#define SWITCH_FIXTURE_H

#include "net/vswitch.h"
#include "root_kernel.h"

#define SEEN_MAX 64u

/* A port, and the frames that it got: their first bytes, lengths and tags. */
struct seen_port {
    struct vswitch_port port;
    uint32_t count;
    enum net_taken answer; /* what it says */
    struct seen_frame {
        uint8_t bytes[NET_ETHERNET_BYTES];
        uint32_t length;
        uint16_t vlan;
        uint16_t sender;
    } frames[SEEN_MAX];
};

struct switch_world {
    struct vswitch *vswitch;
    struct seen_port uplink, a, b, c;
};
extern struct switch_world w;

/* cmocka's: a switch with an uplink and ports a, b, c of address MAC_A, MAC_B, MAC_C. */
int switch_make(void **state);
int switch_drop(void **state);

#define MAC_A        0x020000000001ull
#define MAC_B        0x020000000002ull
#define MAC_C        0x020000000003ull
#define MAC_OUTSIDE  0x525400000009ull
#define MAC_EVERYONE 0xffffffffffffull
#define MAC_MANY     0x01005e000001ull

/* Add @p to the switch with @config, whose address becomes @mac. */
enum vswitch_result port_join(struct seen_port *p, struct vswitch_port_config config, uint64_t mac);

/* @from sends @length bytes, at least those of a header, with tag @vlan and type @type. */
void frame_send(struct seen_port *from, uint64_t to, uint64_t source, uint16_t vlan, uint16_t type,
                uint32_t length);

/* A frame of IPv4 without a tag. */
void send_plain(struct seen_port *from, uint64_t to, uint64_t source);

/* @p got @count frames since this was last asked. */
void got(struct seen_port *p, uint32_t count);

#endif
