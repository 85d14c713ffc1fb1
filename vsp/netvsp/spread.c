/* SPDX-License-Identifier: MIT */
/* netvsp/spread.c - which of a device's channels a frame goes to, by Toeplitz' hash and the table
 * that the child set, and whether the child wants it. All by the frame's private header. */
#include <rt/big_endian.h>
#include "internal.h"

#define IP        NET_ETHERNET_BYTES
#define IP4_BYTES 20u
#define IP6_BYTES 40u
#define KEY_WORDS (NDIS_RSS_KEY_BYTES / 4)

/* ---- flows ---- */

static void words_take(struct netvsp_flow *flow, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, bytes += 4)
        flow->words[flow->word_count++] = be32_get(bytes);
}

static void ports_take(const struct net_frame *frame, uint32_t at, struct netvsp_flow *flow)
{
    if (flow->protocol != NET_IP_TCP && flow->protocol != NET_IP_UDP)
        return;
    if (at + 4 > frame->header_length)
        return;
    words_take(flow, frame->header + at, 1);
    flow->ports = true;
}

static void ip4_take(const struct net_frame *frame, struct netvsp_flow *flow)
{
    const uint8_t *ip = frame->header + IP;

    if (frame->header_length < IP + IP4_BYTES)
        return;
    flow->ip = 4;
    if ((be16_get(ip + 6) & 0x3fff) == 0) /* no fragment */
        flow->protocol = ip[9];
    words_take(flow, ip + 12, 2);
    ports_take(frame, IP + (ip[0] & 0xfu) * 4, flow);
}

static void ip6_take(const struct net_frame *frame, struct netvsp_flow *flow)
{
    const uint8_t *ip = frame->header + IP;

    if (frame->header_length < IP + IP6_BYTES)
        return;
    flow->ip = 6;
    flow->protocol = ip[6];
    words_take(flow, ip + 8, 8);
    ports_take(frame, IP + IP6_BYTES, flow);
}

void netvsp_flow_find(const struct net_frame *frame, struct netvsp_flow *flow)
{
    *flow = (struct netvsp_flow){0};
    switch (net_frame_type(frame)) {
    case NET_TYPE_IPV4:
        ip4_take(frame, flow);
        break;
    case NET_TYPE_IPV6:
        ip6_take(frame, flow);
        break;
    default:
        break;
    }
}

/* ---- the hash ---- */

/* Of @count words: for each bit that is set, the key's 32 bits from there on. */
static uint32_t toeplitz(const struct netvsp_device *d, const uint32_t *words, uint32_t count)
{
    uint64_t window = (uint64_t)__atomic_load_n(&d->hash_key[0], __ATOMIC_RELAXED) << 32;
    uint32_t hash = 0;

    for (uint32_t i = 0; i < count && i + 1 < KEY_WORDS; i++) {
        window |= __atomic_load_n(&d->hash_key[i + 1], __ATOMIC_RELAXED);
        for (uint32_t bit = 0; bit < 32; bit++, window <<= 1)
            hash ^= (uint32_t)(window >> 32) & (0u - (words[i] >> (31 - bit) & 1));
    }
    return hash;
}

/* How many of the flow's words the child wants to have in the hash; 0: no hash. */
static uint32_t words_wanted(uint32_t types, const struct netvsp_flow *flow)
{
    uint32_t addresses = flow->ip == 4 ? 2 : 8;
    uint32_t two = flow->ip == 4 ? NDIS_RSS_HASH_IPV4 : NDIS_RSS_HASH_IPV6;
    uint32_t four = flow->ip == 4 ? NDIS_RSS_HASH_TCP_IPV4 : NDIS_RSS_HASH_TCP_IPV6;

    if (flow->ip == 0)
        return 0;
    if (flow->ports && flow->protocol == NET_IP_TCP && (types & four))
        return addresses + 1;
    return types & two ? addresses : 0;
}

uint32_t netvsp_spread(const struct netvsp_device *d, const struct netvsp_flow *flow,
                       uint32_t *hash)
{
    uint32_t types = __atomic_load_n(&d->hash_types, __ATOMIC_RELAXED);
    uint32_t count = types == 0 ? 0 : words_wanted(types, flow);

    *hash = 0;
    if (count == 0)
        return 0;
    *hash = toeplitz(d, flow->words, count);
    return __atomic_load_n(&d->spread[*hash % NDIS_RSS_TABLE_ENTRIES], __ATOMIC_RELAXED);
}

/* ---- the filter ---- */

static uint64_t address_value(const uint8_t *a)
{
    return (uint64_t)be16_get(a) << 32 | be32_get(a + 2);
}

static bool multicast_listed(const struct netvsp_device *d, const uint8_t *address)
{
    uint32_t count = __atomic_load_n(&d->multicast_count, __ATOMIC_RELAXED);
    uint64_t value = address_value(address);

    for (uint32_t i = 0; i < count; i++)
        if (__atomic_load_n(&d->multicast[i], __ATOMIC_RELAXED) == value)
            return true;
    return false;
}

static bool group_passes(const struct netvsp_device *d, uint32_t filter, const uint8_t *address)
{
    if (net_address_is_broadcast(address))
        return (filter & NDIS_FILTER_BROADCAST) != 0;
    if (filter & NDIS_FILTER_ALL_MULTICAST)
        return true;
    return (filter & NDIS_FILTER_MULTICAST) && multicast_listed(d, address);
}

bool netvsp_filter_passes(const struct netvsp_device *d, const struct net_frame *frame)
{
    uint32_t filter = __atomic_load_n(&d->filter, __ATOMIC_RELAXED);
    const uint8_t *address = net_frame_destination(frame);

    if (filter & NDIS_FILTER_PROMISCUOUS)
        return true;
    if (net_address_is_group(address))
        return group_passes(d, filter, address);
    return (filter & NDIS_FILTER_DIRECTED) &&
           address_value(address) == address_value(d->config.address);
}
