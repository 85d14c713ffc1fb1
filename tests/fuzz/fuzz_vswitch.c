/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_vswitch.c - frames of all kinds at a switch whose ports come and go: each goes to
 * those whom a simple model of the switch names, as it came, once, and to nobody else; what is
 * learned ages; what is counted is what happened.
 *
 * Input: operations of one byte with what they need behind it. Port 0 is the uplink, the others are
 * children, each time with an address and a VLAN of the input's. */
#include <stdlib.h>
#include <string.h>
#include <rt/big_endian.h>
#include <rt/net_mac.h>
#include "frame_check.h"
#include "input.h"
#include "net/vswitch.h"
#include "root_locks.h"

#define PORTS       6u
#define ADDRESSES   4u /* of children */
#define CHILD       0x020000000001ull
#define OUTSIDE     0x525400000000ull
#define EVERYONE    0xffffffffffffull
#define GROUP       0x01005e000001ull
#define TYPE_QINQ   0x88a8u
#define FRAME_BYTES 20000u
#define IP          NET_ETHERNET_BYTES
#define TCP         (IP + 20u)
#define PAYLOAD     (TCP + 20u)
#define MANY        8u  /* frames at once, for each that the input says, */
#define MANY_MAX    64u /* which are fewer than these */
#define PASS_NS     5000000000ull
#define PASS_SHORT  0x80u /* the time that passes is in ms, for a rate's sake */
#define NS_PER_MS   1000000ull
#define RATE        100000u /* bytes a second: a whole number of them in a ms */
#define BURST       10000u

enum { OP_JOIN, OP_LEAVE, OP_SEND, OP_MANY, OP_PASS, OP_COUNT };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct vswitch vswitch;
    struct vswitch_port ports[PORTS];
    struct vswitch_statistics counted[PORTS]; /* by us */
    struct bucket {
        bool endless;
        int64_t bytes;   /* that its port may send; it may owe some, and then sends nothing */
        uint64_t filled; /* when */
    } buckets[PORTS];
    uint64_t now;
    struct learned {
        uint64_t key, seen;
    } learned[VSWITCH_ADDRESSES]; /* the oldest first; all are the uplink's */
    uint32_t learned_count;
    const struct net_frame *frame; /* under way */
    uint32_t from;
    uint16_t vlan;
    enum net_taken answer; /* of all ports */
    bool wanted[PORTS], got[PORTS];
} f;

static uint64_t now(void)
{
    return f.now;
}

static uint64_t key_of(uint64_t mac, uint16_t vlan)
{
    return (uint64_t)vlan << 48 | mac;
}

static uint64_t mac_get(const uint8_t *at)
{
    return (uint64_t)be16_get(at) << 32 | be32_get(at + 2);
}

static void mac_put(uint8_t *at, uint64_t mac)
{
    be16_put(at, (uint16_t)(mac >> 32));
    be32_put(at + 2, (uint32_t)mac);
}

static uint64_t own_key(const struct vswitch_port *p)
{
    return key_of(mac_get(p->config.mac), p->config.vlan);
}

/* ---- the model ---- */

/* The child's port that has @key for its own; PORTS: none. */
static uint32_t owner_of(uint64_t key)
{
    for (uint32_t i = 1; i < PORTS; i++)
        if (f.ports[i].there && own_key(&f.ports[i]) == key)
            return i;
    return PORTS;
}

static void forget(uint64_t key)
{
    for (uint32_t i = 0; i < f.learned_count; i++) {
        if (f.learned[i].key != key)
            continue;
        f.learned_count--;
        memmove(&f.learned[i], &f.learned[i + 1], (f.learned_count - i) * sizeof(f.learned[0]));
        return;
    }
}

static void learn(uint64_t key)
{
    forget(key);
    if (f.learned_count == VSWITCH_ADDRESSES)
        forget(f.learned[0].key);
    f.learned[f.learned_count++] = (struct learned){key, f.now};
}

/* What is not seen for long is forgotten. */
static bool is_learned(uint64_t key)
{
    for (uint32_t i = 0; i < f.learned_count; i++) {
        if (f.learned[i].key != key)
            continue;
        if (f.now - f.learned[i].seen <= VSWITCH_AGE_NS)
            return true;
        forget(key);
        return false;
    }
    return false;
}

/* The VLAN that the frame is in; VSWITCH_VLAN_MAX + 1: it may not be sent so. */
static uint16_t vlan_of(const struct net_frame *frame)
{
    uint16_t type = net_frame_type(frame);

    if (!mac_is_unicast(net_frame_source(frame)))
        return VSWITCH_VLAN_MAX + 1;
    if (f.from == 0)
        return NET_VLAN_ID(frame->vlan);
    if (NET_VLAN_ID(frame->vlan) != 0 || type == NET_TYPE_VLAN || type == TYPE_QINQ)
        return VSWITCH_VLAN_MAX + 1;
    return f.ports[f.from].config.vlan;
}

/* Whether it is from an address that its port may have. */
static bool honest(const struct net_frame *frame)
{
    uint64_t key = key_of(mac_get(net_frame_source(frame)), f.vlan);

    if (f.from != 0)
        return key == own_key(&f.ports[f.from]);
    if (owner_of(key) < PORTS)
        return false;
    learn(key);
    return true;
}

/* Whether so long a frame is within its port's rate, which it then uses. */
static bool within_rate(uint32_t length)
{
    struct bucket *b = &f.buckets[f.from];

    if (b->endless)
        return true;
    b->bytes += (int64_t)((f.now - b->filled) / NS_PER_MS * (RATE / 1000));
    if (b->bytes > (int64_t)BURST)
        b->bytes = BURST;
    b->filled = f.now;
    if (b->bytes < 0)
        return false;
    b->bytes -= length;
    return true;
}

static void want_all(bool unknown)
{
    f.wanted[0] = f.ports[0].there;
    for (uint32_t i = 1; i < PORTS && !unknown; i++)
        f.wanted[i] = f.ports[i].there && f.ports[i].config.vlan == f.vlan;
    f.wanted[f.from] = false;
}

/* Who gets the frame that was admitted. */
static void want(const struct net_frame *frame)
{
    uint64_t key = key_of(mac_get(net_frame_destination(frame)), f.vlan);
    uint32_t owner = owner_of(key);

    if (net_address_is_group(net_frame_destination(frame)))
        want_all(false);
    else if (owner < PORTS)
        f.wanted[owner] = owner != f.from;
    else if (is_learned(key))
        f.wanted[0] = f.from != 0;
    else
        want_all(true);
}

/* What becomes of the frame, and what is to be counted of it but deliveries. */
static void expect(const struct net_frame *frame)
{
    struct vswitch_statistics *c = &f.counted[f.from];
    uint32_t copies = 0;

    c->malformed += f.vlan > VSWITCH_VLAN_MAX;
    if (f.vlan > VSWITCH_VLAN_MAX)
        return;
    c->in++;
    c->in_bytes += frame->length;
    if (!f.ports[f.from].there)
        return;
    if (!within_rate(frame->length)) {
        c->limited++;
        return;
    }
    if (!honest(frame)) {
        c->spoofed++;
        return;
    }
    want(frame);
    for (uint32_t i = 0; i < PORTS; i++)
        copies += f.wanted[i];
    if (copies < 2)
        return;
    c->flooded++; /* each copy but the first costs as much again */
    f.buckets[f.from].bytes -= (int64_t)(copies - 1) * frame->length;
}

/* ---- the ports ---- */

static enum net_taken deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    uint32_t i = (uint32_t)(to - f.ports);

    must(locks_held() == 0 && to->there && f.wanted[i] && !f.got[i]);
    f.got[i] = true;
    must(frame->header == f.frame->header && frame->header_length == f.frame->header_length &&
         frame->pieces == f.frame->pieces && frame->length == f.frame->length);
    must(memcmp(&frame->offload, &f.frame->offload, sizeof(frame->offload)) == 0);
    must(frame->sender == f.ports[f.from].slot);
    if (i != 0)
        must(frame->vlan == NET_VLAN_NONE);
    else
        must(frame->vlan == f.frame->vlan - NET_VLAN_ID(f.frame->vlan) + f.vlan); /* its priority */
    frame_check(frame);
    f.counted[i].out += f.answer == NET_TAKEN;
    f.counted[i].out_bytes += f.answer == NET_TAKEN ? frame->length : 0;
    f.counted[i].dropped += f.answer == NET_LOST;
    f.counted[i].crowded += f.answer == NET_CROWDED;
    return f.answer;
}

static const struct vswitch_port_ops ops = {.deliver = deliver};

static enum vswitch_result join_wanted(const struct vswitch_port_config *c)
{
    if (c->vlan > VSWITCH_VLAN_MAX || (!c->uplink && !mac_is_unicast(c->mac)))
        return VSWITCH_BAD_CONFIG;
    if (!c->uplink && owner_of(key_of(mac_get(c->mac), c->vlan)) < PORTS)
        return VSWITCH_ADDRESS_TAKEN;
    return VSWITCH_OK;
}

static void join(void)
{
    static const uint16_t vlans[] = {0, 5, VSWITCH_VLAN_MAX, VSWITCH_VLAN_MAX + 1};
    uint32_t i = take_byte() % PORTS;
    uint8_t how = take_byte();
    struct vswitch_port_config config = {.uplink = i == 0};
    enum vswitch_result wanted;

    if (f.ports[i].there)
        return;
    if (i != 0) {
        config.vlan = vlans[how >> 2 & 3];
        config.rate = how & 0x10 ? RATE : 0;
        config.burst = BURST;
        mac_put(config.mac, how & 0x20 ? GROUP : CHILD + how % ADDRESSES);
    }
    memset(&f.ports[i], 0, sizeof(f.ports[i]));
    memset(&f.counted[i], 0, sizeof(f.counted[i]));
    f.buckets[i] = (struct bucket){.endless = config.rate == 0, .bytes = BURST, .filled = f.now};
    wanted = join_wanted(&config);
    must(vswitch_port_add(&f.vswitch, &f.ports[i], &config, &ops, NULL) == wanted);
    must(f.ports[i].there == (wanted == VSWITCH_OK));
    if (i != 0 && wanted == VSWITCH_OK)
        forget(own_key(&f.ports[i]));
}

/* Every counter: there is room for all that is learned, as there is one uplink. */
static void port_check(uint32_t i)
{
    must(memcmp(&f.ports[i].statistics, &f.counted[i], sizeof(f.counted[i])) == 0);
    must(f.ports[i].users == 0);
}

static void leave(uint32_t i)
{
    vswitch_port_remove(&f.ports[i]);
    must(!f.ports[i].there);
    port_check(i);
    if (i == 0)
        f.learned_count = 0;
}

/* ---- frames ---- */

static void send(uint32_t from, const struct net_frame *frame)
{
    if (f.ports[from].of == NULL) /* never there */
        return;
    f.frame = frame;
    f.from = from;
    f.vlan = vlan_of(frame);
    memset(f.wanted, 0, sizeof(f.wanted));
    memset(f.got, 0, sizeof(f.got));
    expect(frame);
    vswitch_send(&f.ports[from], frame);
    must(memcmp(f.wanted, f.got, sizeof(f.got)) == 0);
    for (uint32_t i = 0; i < PORTS; i++)
        port_check(i);
}

/* The address that a byte of input stands for. */
static uint64_t address(uint8_t number)
{
    switch (number) {
    case 0xff:
        return EVERYONE;
    case 0xfe:
        return GROUP;
    case 0xfd:
        return 0;
    default:
        return number < ADDRESSES ? CHILD + number : OUTSIDE + number;
    }
}

/* TCP over IPv4 without options, of the frame's length. */
static void tcp_make(uint8_t *frame, uint32_t length)
{
    memset(frame + IP, 0, PAYLOAD - IP);
    be16_put(frame + 2u * NET_ADDRESS_BYTES, NET_TYPE_IPV4);
    frame[IP] = 0x45;
    be16_put(frame + IP + 2, (uint16_t)(length - IP));
    frame[IP + 8] = 64;
    frame[IP + 9] = NET_IP_TCP;
    frame[TCP + 12] = 0x50;
}

struct frame_head {
    uint8_t from, to, source, how, bytes; /* bytes: of input, behind the header */
    uint16_t length, vlan, mss;
};

#define HOW_ANSWER  0x03u /* what its receivers say */
#define HOW_TYPE    0x0cu
#define HOW_OFFLOAD 0x10u
#define HOW_CUT     0x20u
#define HOW_VALID   0x40u

/* False: the frame cannot be made so. */
static bool frame_offload(uint8_t *bytes, struct net_frame *frame, const struct frame_head *head)
{
    struct net_offload_wish wish = {
        .ip_checksum = true, .l4_checksum = true, .mss = head->how & HOW_CUT ? head->mss : 0};

    if (head->how & HOW_VALID)
        frame->offload.flags = NET_CHECKSUM_VALID;
    if (!(head->how & HOW_OFFLOAD))
        return frame->length <= NET_ETHERNET_BYTES + NET_MTU_MAX;
    if (frame->length < PAYLOAD)
        return false;
    tcp_make(bytes, frame->length);
    return net_offload_prepare(bytes, frame->header_length, frame->length, &wish,
                               &frame->offload) == NULL &&
           net_frame_segment_max(frame) <= NET_ETHERNET_BYTES + NET_MTU_MAX;
}

static void one(void)
{
    static const uint16_t types[] = {NET_TYPE_IPV4, NET_TYPE_ARP, NET_TYPE_VLAN, TYPE_QINQ};
    static uint8_t bytes[FRAME_BYTES];
    struct net_piece rest = {.bytes = bytes + NET_HEADER_MAX};
    struct net_frame frame = {.header = bytes, .pieces = &rest};
    struct frame_head head;

    take(&head, sizeof(head));
    mac_put(bytes, address(head.to));
    mac_put(bytes + NET_ADDRESS_BYTES, address(head.source));
    be16_put(bytes + 2u * NET_ADDRESS_BYTES, types[(head.how & HOW_TYPE) >> 2]);
    take(bytes + NET_ETHERNET_BYTES, head.bytes);
    frame.length = NET_ETHERNET_BYTES + head.length % (FRAME_BYTES - NET_ETHERNET_BYTES);
    frame.header_length = frame.length < NET_HEADER_MAX ? frame.length : NET_HEADER_MAX;
    rest.length = frame.length - frame.header_length;
    frame.piece_count = rest.length > 0;
    frame.vlan = head.vlan;
    f.answer = (enum net_taken)(head.how & HOW_ANSWER);
    if (frame_offload(bytes, &frame, &head))
        send(head.from % PORTS, &frame);
}

/* The uplink sends from many addresses in a row: more than are kept, if done often. */
static void many(void)
{
    uint8_t bytes[NET_ETHERNET_BYTES];
    struct net_frame frame = {
        .header = bytes, .header_length = sizeof(bytes), .length = sizeof(bytes)};
    uint64_t mac = OUTSIDE + 16u * MANY * take_byte();
    uint32_t count = take_byte() % MANY_MAX * MANY;

    be16_put(bytes + 2u * NET_ADDRESS_BYTES, NET_TYPE_IPV4);
    mac_put(bytes, address((uint8_t)(count / MANY)));
    f.answer = NET_TAKEN;
    while (count-- > 0) {
        mac_put(bytes + NET_ADDRESS_BYTES, mac++);
        send(0, &frame);
    }
}

static void learned_check(void)
{
    uint32_t slot = 0, learned, ports = 0, there = 0;
    struct vswitch_port *p;

    for (; (p = vswitch_port_get(&f.vswitch, &slot, &learned)) != NULL; slot++, ports++) {
        must(learned == (p->config.uplink ? f.learned_count : 0));
        vswitch_port_put(p);
    }
    for (uint32_t i = 0; i < PORTS; i++)
        there += f.ports[i].there;
    must(ports == there);
}

static void pass(void)
{
    uint8_t time = take_byte();

    f.now += time & PASS_SHORT ? (time & ~PASS_SHORT) * NS_PER_MS : time * PASS_NS;
}

static void operation(void)
{
    switch (take_byte() % OP_COUNT) {
    case OP_JOIN:
        join();
        break;
    case OP_LEAVE:
        leave(take_byte() % PORTS);
        break;
    case OP_SEND:
        one();
        break;
    case OP_MANY:
        many();
        break;
    case OP_PASS:
    default:
        pass();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&f, 0, sizeof(f));
    input_begin(data, size);
    vswitch_init(&f.vswitch, "switch0", 0x9e3779b97f4a7c15ull, now);
    while (input_left()) {
        operation();
        learned_check();
    }
    for (uint32_t i = 0; i < PORTS; i++)
        leave(i);
    for (uint32_t i = 0; i < VSWITCH_BUCKETS; i++)
        must(list_empty(&f.vswitch.buckets[i]));
    return 0;
}
