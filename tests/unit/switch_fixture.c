/* SPDX-License-Identifier: MIT */
/* switch_fixture.c - see switch_fixture.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "switch_fixture.h"

#define SEED 0x9e3779b97f4a7c15ull

struct switch_world w;

static void mac_put(uint8_t *at, uint64_t mac)
{
    be16_put(at, (uint16_t)(mac >> 32));
    be32_put(at + 2, (uint32_t)mac);
}

static enum net_taken port_sees(struct vswitch_port *to, const struct net_frame *frame)
{
    struct seen_port *p = to->owner;
    struct seen_frame *seen = &p->frames[p->count++ % SEEN_MAX];

    assert_int_equal(fake.locks_held, 0);
    memcpy(seen->bytes, frame->header, NET_ETHERNET_BYTES);
    seen->length = frame->length;
    seen->vlan = frame->vlan;
    seen->sender = frame->sender;
    return p->answer;
}

static const struct vswitch_port_ops port_ops = {.deliver = port_sees};

enum vswitch_result port_join(struct seen_port *p, struct vswitch_port_config config, uint64_t mac)
{
    memset(p, 0, sizeof(*p));
    mac_put(config.mac, mac);
    return vswitch_port_add(w.vswitch, &p->port, &config, &port_ops, p);
}

int switch_make(void **state)
{
    (void)state;
    fake_kernel_reset();
    memset(&w, 0, sizeof(w));
    w.vswitch = calloc(1, sizeof(*w.vswitch));
    assert_non_null(w.vswitch);
    vswitch_init(w.vswitch, "switch0", SEED, time_now);
    assert_int_equal(port_join(&w.uplink, (struct vswitch_port_config){.uplink = true}, 0),
                     VSWITCH_OK);
    assert_int_equal(port_join(&w.a, (struct vswitch_port_config){.name = "a"}, MAC_A), VSWITCH_OK);
    assert_int_equal(port_join(&w.b, (struct vswitch_port_config){.name = "b"}, MAC_B), VSWITCH_OK);
    assert_int_equal(port_join(&w.c, (struct vswitch_port_config){.name = "c"}, MAC_C), VSWITCH_OK);
    return 0;
}

int switch_drop(void **state)
{
    (void)state;
    assert_int_equal(fake.locks_held, 0);
    free(w.vswitch);
    return 0;
}

void frame_send(struct seen_port *from, uint64_t to, uint64_t source, uint16_t vlan, uint16_t type,
                uint32_t length)
{
    uint8_t *header = malloc(length); /* no byte more: ASan watches */
    struct net_frame f = {
        .header = header,
        .header_length = length < NET_HEADER_MAX ? length : NET_HEADER_MAX,
        .pieces = &(struct net_piece){.bytes = header + NET_HEADER_MAX,
                                      .length = length - NET_HEADER_MAX},
        .piece_count = length > NET_HEADER_MAX,
        .length = length,
        .vlan = vlan,
    };

    assert_non_null(header);
    memset(header, 0, length);
    if (length >= NET_ETHERNET_BYTES) {
        mac_put(header, to);
        mac_put(header + NET_ADDRESS_BYTES, source);
        be16_put(header + 2 * NET_ADDRESS_BYTES, type);
    }
    vswitch_send(&from->port, &f);
    free(header);
}

void send_plain(struct seen_port *from, uint64_t to, uint64_t source)
{
    frame_send(from, to, source, NET_VLAN_NONE, NET_TYPE_IPV4, NET_ETHERNET_BYTES);
}

void got(struct seen_port *p, uint32_t count)
{
    assert_int_equal(p->count, count);
    p->count = 0;
}
