/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_root_port.c - any frames at a switch with root's port: root answers only what it
 * may, only who asked, and with right checksums; the switch delivers nothing to whom it is not for.
 *
 * Input: frames, each with three bytes before it: port and what to make right, the length, and the
 * tag. Port 0 is the uplink, 1 and 2 are children, 3 is one of VLAN 5. So that the fuzzer
 * gets past them: FIX_SUMS makes the checksums of IPv4 and ICMP right, FIX_ADDRESSES the MAC
 * addresses. */
#include <stdlib.h>
#include <string.h>
#include <rt/big_endian.h>
#include "net/root_port.h"
#include "root_locks.h"

#define PORTS         4u
#define FIX_SUMS      0x10u
#define FIX_ADDRESSES 0x20u
#define SERVE         0x40u /* root works before the next frame */
#define LENGTH_UNIT   6u    /* bytes, so that 255 of them are more than a slot holds */
#define IP            14u
#define ADDRESS       0x0a000002u
#define MASK          0xffffff00u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t root_mac[] = {2, 0, 0, 0, 0, 1}, outside_mac[] = {2, 0, 0, 0, 0, 9};

static struct {
    struct vswitch vswitch;
    struct root_port root;
    struct vswitch_port ports[PORTS];
    uint64_t now;
    bool serving; /* what is delivered now is root's */
    uint64_t last_sender;
} f;

static uint64_t now(void)
{
    return f.now;
}

/* ---- judging ---- */

static uint64_t mac_of(const uint8_t *at)
{
    return (uint64_t)be16_get(at) << 32 | be32_get(at + 2);
}

static bool sum_is_right(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += (uint64_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

/* Root's answers are ARP or IPv4 with an echo reply, from its addresses. */
static void answer_check(const struct net_frame *frame)
{
    uint8_t bytes[ROOT_PORT_FRAME_BYTES];
    uint32_t total;

    if (frame->length < RESPONDER_MIN || frame->length > sizeof(bytes) ||
        memcmp(net_frame_source(frame), root_mac, sizeof(root_mac)) != 0 ||
        mac_of(net_frame_destination(frame)) != f.last_sender)
        abort();
    if (net_frame_type(frame) == NET_TYPE_ARP)
        return;
    net_frame_copy(frame, bytes);
    total = be16_get(bytes + IP + 2);
    if (net_frame_type(frame) != NET_TYPE_IPV4 || bytes[IP] != 0x45 || total < 28 ||
        IP + total > frame->length || be32_get(bytes + IP + 12) != ADDRESS ||
        !sum_is_right(bytes + IP, 20) || !sum_is_right(bytes + IP + 20, total - 20) ||
        bytes[IP + 20] != 0)
        abort();
}

static enum net_taken port_deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    const struct vswitch_port_config *c = &to->config;

    if (locks_held() != 0)
        abort();
    if (!c->uplink && frame->vlan != NET_VLAN_NONE)
        abort();
    if (!c->uplink && !net_address_is_group(net_frame_destination(frame)) &&
        memcmp(net_frame_destination(frame), c->mac, sizeof(c->mac)) != 0)
        abort();
    if (f.serving)
        answer_check(frame);
    return NET_TAKEN;
}

static const struct vswitch_port_ops ops = {.deliver = port_deliver};

/* ---- the input ---- */

static void world_make(void)
{
    static const struct vswitch_port_config configs[PORTS] = {
        {.name = "uplink", .uplink = true},
        {.name = "guarded", .mac = {2, 0, 0, 0, 0, 2}},
        {.name = "slow", .mac = {2, 0, 0, 0, 0, 3}, .rate = 100000, .burst = 10000},
        {.name = "tagged", .mac = {2, 0, 0, 0, 0, 1}, .vlan = 5},
    };

    memset(&f, 0, sizeof(f));
    vswitch_init(&f.vswitch, "switch0", 0x9e3779b97f4a7c15ull, now);
    for (uint32_t i = 0; i < PORTS; i++)
        if (vswitch_port_add(&f.vswitch, &f.ports[i], &configs[i], &ops, NULL) != VSWITCH_OK)
            abort();
    if (root_port_add(&f.root, &f.vswitch, root_mac, ADDRESS, MASK) != VSWITCH_OK)
        abort();
}

static void sum_put(uint8_t *at, size_t field, size_t length)
{
    uint64_t sum = 0;

    be16_put(at + field, 0);
    for (size_t i = 0; i < length; i++)
        sum += (uint64_t)at[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    be16_put(at + field, (uint16_t)~sum);
}

static void sums_fix(uint8_t *frame, size_t length)
{
    size_t header, total;

    if (length < IP + 20)
        return;
    header = (frame[IP] & 0xfu) * 4u;
    total = be16_get(frame + IP + 2);
    if (header < 20 || IP + header > length)
        return;
    sum_put(frame + IP, 10, header);
    if (total >= header + 4 && IP + total <= length)
        sum_put(frame + IP + header, 2, total - header);
}

static void addresses_fix(uint8_t *frame, size_t length, uint32_t port)
{
    if (length < NET_ETHERNET_BYTES)
        return;
    memcpy(frame, root_mac, sizeof(root_mac));
    memcpy(frame + NET_ADDRESS_BYTES,
           f.ports[port].config.uplink ? outside_mac : f.ports[port].config.mac, NET_ADDRESS_BYTES);
}

/* Root's answers to what waits, one after the other. */
static void serve(void)
{
    uint32_t waiting = f.root.used;

    f.serving = true;
    for (; waiting > 0; waiting--) {
        f.last_sender = mac_of(f.root.slots[f.root.first].bytes + NET_ADDRESS_BYTES);
        if (!root_port_serve(&f.root))
            abort();
    }
    f.serving = false;
    if (root_port_serve(&f.root))
        abort();
}

static void frame_send(const uint8_t *head, const uint8_t *data, size_t length)
{
    uint8_t *bytes = malloc(length + 1);
    uint32_t header = length < NET_HEADER_MAX ? (uint32_t)length : NET_HEADER_MAX;
    struct net_piece rest = {.bytes = bytes + header, .length = (uint32_t)length - header};
    struct net_frame frame = {.header = bytes,
                              .header_length = header,
                              .pieces = &rest,
                              .piece_count = rest.length > 0,
                              .length = (uint32_t)length,
                              .vlan = (uint16_t)(head[2] & 7u)};

    if (bytes == NULL)
        abort();
    memcpy(bytes, data, length);
    if (head[0] & FIX_SUMS)
        sums_fix(bytes, length);
    if (head[0] & FIX_ADDRESSES)
        addresses_fix(bytes, length, head[0] % PORTS);
    vswitch_send(&f.ports[head[0] % PORTS], &frame);
    free(bytes);
    f.now += 1000u * head[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world_make();
    while (size > 3) {
        size_t length = data[1] * LENGTH_UNIT;

        if (length > size - 3)
            length = size - 3;
        frame_send(data, data + 3, length);
        if (data[0] & SERVE)
            serve();
        data += 3 + length;
        size -= 3 + length;
    }
    serve();
    for (uint32_t i = 0; i < PORTS; i++)
        vswitch_port_remove(&f.ports[i]);
    vswitch_port_remove(&f.root.port);
    for (uint32_t i = 0; i < VSWITCH_BUCKETS; i++)
        if (!list_empty(&f.vswitch.buckets[i]))
            abort();
    return 0;
}
