/* SPDX-License-Identifier: MIT */
/* netvsp/oid.c - the objects of RNDIS: what a child asks of its network card, and sets. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "internal.h"

#define LSO_MAX   62780u /* bytes of a frame that is cut; leaves room for headers in 64 KiB */
#define VENDOR    "Verdigris"
#define VENDOR_ID 0xffffffu /* none */
#define FILTERS                                                                                    \
    (NDIS_FILTER_DIRECTED | NDIS_FILTER_MULTICAST | NDIS_FILTER_ALL_MULTICAST |                    \
     NDIS_FILTER_BROADCAST | NDIS_FILTER_PROMISCUOUS)
#define HASH_TYPES                                                                                 \
    (NDIS_RSS_HASH_IPV4 | NDIS_RSS_HASH_TCP_IPV4 | NDIS_RSS_HASH_IPV6 | NDIS_RSS_HASH_TCP_IPV6)

static const uint32_t supported[] = {
    OID_GEN_SUPPORTED_LIST,
    OID_GEN_HARDWARE_STATUS,
    OID_GEN_MEDIA_SUPPORTED,
    OID_GEN_MEDIA_IN_USE,
    OID_GEN_MAXIMUM_FRAME_SIZE,
    OID_GEN_LINK_SPEED,
    OID_GEN_TRANSMIT_BLOCK_SIZE,
    OID_GEN_RECEIVE_BLOCK_SIZE,
    OID_GEN_VENDOR_ID,
    OID_GEN_VENDOR_DESCRIPTION,
    OID_GEN_CURRENT_PACKET_FILTER,
    OID_GEN_MAXIMUM_TOTAL_SIZE,
    OID_GEN_MEDIA_CONNECT_STATUS,
    OID_GEN_XMIT_OK,
    OID_GEN_RCV_OK,
    OID_GEN_XMIT_ERROR,
    OID_GEN_RCV_ERROR,
    OID_GEN_RCV_NO_BUFFER,
    OID_GEN_FRIENDLY_NAME,
    OID_GEN_RECEIVE_SCALE_CAPABILITY,
    OID_GEN_RECEIVE_SCALE_PARAMETERS,
    OID_802_3_PERMANENT_ADDRESS,
    OID_802_3_CURRENT_ADDRESS,
    OID_802_3_MULTICAST_LIST,
    OID_802_3_MAXIMUM_LIST_SIZE,
    OID_TCP_OFFLOAD_CURRENT_CONFIG,
    OID_TCP_OFFLOAD_PARAMETERS,
    OID_TCP_OFFLOAD_HARDWARE,
};

/* ---- numbers ---- */

static uint32_t mtu_of(const struct netvsp_device *d)
{
    return __atomic_load_n(&d->mtu, __ATOMIC_RELAXED);
}

static uint32_t counter(const struct netvsp_device *d, uint32_t oid)
{
    struct netvsp_statistics s;

    netvsp_device_statistics(d, &s);
    switch (oid) {
    case OID_GEN_XMIT_OK:
        return (uint32_t)s.sent_frames;
    case OID_GEN_RCV_OK:
        return (uint32_t)s.received_frames;
    case OID_GEN_XMIT_ERROR:
        return (uint32_t)s.malformed;
    case OID_GEN_RCV_ERROR:
        return (uint32_t)s.lost_too_long;
    case OID_GEN_RCV_NO_BUFFER:
    default:
        return (uint32_t)(s.lost_no_buffer + s.lost_share);
    }
}

/* The value of an object that is a number. False: it is none. */
static bool number_of(const struct netvsp_device *d, uint32_t oid, uint32_t *value)
{
    *value = 0;
    switch (oid) {
    case OID_GEN_HARDWARE_STATUS:
    case OID_GEN_MEDIA_SUPPORTED:
    case OID_GEN_MEDIA_IN_USE:
        return true;
    case OID_GEN_MAXIMUM_FRAME_SIZE:
        *value = mtu_of(d);
        return true;
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
        *value = NET_ETHERNET_BYTES + mtu_of(d);
        return true;
    case OID_GEN_LINK_SPEED:
        *value = d->config.bits_per_second / 100 > UINT32_MAX
                     ? UINT32_MAX
                     : (uint32_t)(d->config.bits_per_second / 100);
        return true;
    case OID_GEN_VENDOR_ID:
        *value = VENDOR_ID;
        return true;
    case OID_GEN_CURRENT_PACKET_FILTER:
        *value = d->filter;
        return true;
    case OID_GEN_MEDIA_CONNECT_STATUS:
        *value = !netvsp_has_link(d);
        return true;
    case OID_802_3_MAXIMUM_LIST_SIZE:
        *value = NETVSP_MULTICAST_MAX;
        return true;
    case OID_GEN_XMIT_OK:
    case OID_GEN_RCV_OK:
    case OID_GEN_XMIT_ERROR:
    case OID_GEN_RCV_ERROR:
    case OID_GEN_RCV_NO_BUFFER:
        *value = counter(d, oid);
        return true;
    default:
        return false;
    }
}

/* ---- offloads ---- */

static struct ndis_offload offload_all(void)
{
    const uint32_t ip4 = NDIS_CHECKSUM4_IP | NDIS_CHECKSUM4_IP_OPTIONS | NDIS_CHECKSUM4_TCP |
                         NDIS_CHECKSUM4_TCP_OPTIONS | NDIS_CHECKSUM4_UDP;
    const uint32_t ip6 = NDIS_CHECKSUM6_IP_EXTENSIONS | NDIS_CHECKSUM6_TCP |
                         NDIS_CHECKSUM6_TCP_OPTIONS | NDIS_CHECKSUM6_UDP;
    const uint32_t ethernet = NDIS_ENCAPSULATION_802_3;

    return (struct ndis_offload){
        .header = {.type = NDIS_OBJECT_OFFLOAD},
        .checksum = {.send4_encapsulation = ethernet,
                     .send4 = ip4,
                     .receive4_encapsulation = ethernet,
                     .receive4 = ip4,
                     .send6_encapsulation = ethernet,
                     .send6 = ip6,
                     .receive6_encapsulation = ethernet,
                     .receive6 = ip6},
        .lso = {.encapsulation4 = ethernet,
                .size_max4 = LSO_MAX,
                .segments_min4 = 2,
                .encapsulation6 = ethernet,
                .size_max6 = LSO_MAX,
                .segments_min6 = 2,
                .options6 = NDIS_LSO6_IP_EXTENSIONS | NDIS_LSO6_TCP_OPTIONS},
    };
}

/* As much of it as the child knows of: it says so in what it asks with, or wants all. */
static uint32_t offload_query(const uint8_t *asked, uint32_t asked_length, uint8_t *value,
                              uint32_t *length)
{
    static const uint16_t sizes[] = {NDIS_OFFLOAD_BYTES_6_0, NDIS_OFFLOAD_BYTES_6_1,
                                     NDIS_OFFLOAD_BYTES_6_30};
    struct ndis_object object = {.type = NDIS_OBJECT_OFFLOAD, .size = NDIS_OFFLOAD_BYTES_6_30};
    struct ndis_offload offload = offload_all();

    if (asked_length >= sizeof(object))
        memcpy(&object, asked, sizeof(object));
    if (object.type != NDIS_OBJECT_OFFLOAD || object.size < NDIS_OFFLOAD_BYTES_6_0)
        return RNDIS_STATUS_INVALID_DATA;
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] <= object.size; i++) {
        offload.header.revision = (uint8_t)(i + 1);
        offload.header.size = sizes[i];
    }
    memcpy(value, &offload, offload.header.size);
    *length = offload.header.size;
    return RNDIS_STATUS_SUCCESS;
}

/* Whether the child is to be told of right checksums, from what it sets of TCP and UDP. */
static void check_set(uint32_t *offloads, uint32_t flag, uint8_t tcp, uint8_t udp)
{
    if (tcp == NDIS_PARAMETER_NO_CHANGE && udp == NDIS_PARAMETER_NO_CHANGE)
        return;
    if (tcp >= NDIS_PARAMETER_RECEIVE || udp >= NDIS_PARAMETER_RECEIVE)
        *offloads |= flag;
    else
        *offloads &= ~flag;
}

static uint32_t offload_set(struct netvsp_device *d, const uint8_t *value, uint32_t length)
{
    uint32_t offloads = d->offloads;
    struct ndis_offload_parameters p;

    if (length < sizeof(p))
        return RNDIS_STATUS_INVALID_LENGTH;
    memcpy(&p, value, sizeof(p));
    if (p.header.type != NDIS_OBJECT_DEFAULT || p.tcp4_checksum > NDIS_PARAMETER_BOTH ||
        p.udp4_checksum > NDIS_PARAMETER_BOTH || p.tcp6_checksum > NDIS_PARAMETER_BOTH ||
        p.udp6_checksum > NDIS_PARAMETER_BOTH)
        return RNDIS_STATUS_INVALID_DATA;
    check_set(&offloads, NETVSP_OFFLOAD_CHECK4, p.tcp4_checksum, p.udp4_checksum);
    check_set(&offloads, NETVSP_OFFLOAD_CHECK6, p.tcp6_checksum, p.udp6_checksum);
    __atomic_store_n(&d->offloads, offloads, __ATOMIC_RELAXED);
    return RNDIS_STATUS_SUCCESS;
}

/* ---- receive-side spreading ---- */

static uint32_t rss_query(const struct netvsp_device *d, uint8_t *value, uint32_t *length)
{
    struct ndis_rss_capabilities c = {
        .header = {.type = NDIS_OBJECT_RSS_CAPABILITIES,
                   .revision = 2,
                   .size = NDIS_RSS_CAPABILITIES_BYTES},
        .capabilities =
            NDIS_RSS_CAPABILITY_TCP_IPV4 | NDIS_RSS_CAPABILITY_TCP_IPV6 | NDIS_RSS_HASH_TOEPLITZ,
        .interrupts = d->config.sub_channel_max + 1,
        .queues = d->config.sub_channel_max + 1,
        .table_entries = NDIS_RSS_TABLE_ENTRIES,
    };

    memcpy(value, &c, NDIS_RSS_CAPABILITIES_BYTES);
    *length = NDIS_RSS_CAPABILITIES_BYTES;
    return RNDIS_STATUS_SUCCESS;
}

static bool inside(uint32_t offset, uint32_t bytes, uint32_t length)
{
    return (uint64_t)offset + bytes <= length;
}

/* Each entry of the table is a channel that there may be; a shorter table is repeated. */
static bool table_valid(const struct netvsp_device *d, const uint8_t *table, uint32_t bytes)
{
    uint32_t entry;

    if (bytes == 0 || bytes % sizeof(entry) != 0 || bytes > NDIS_RSS_TABLE_ENTRIES * sizeof(entry))
        return false;
    for (uint32_t at = 0; at < bytes; at += (uint32_t)sizeof(entry)) {
        memcpy(&entry, table + at, sizeof(entry));
        if (entry > d->config.sub_channel_max)
            return false;
    }
    return true;
}

static void table_set(struct netvsp_device *d, const uint8_t *table, uint32_t bytes)
{
    uint32_t entry, count = bytes / (uint32_t)sizeof(entry);

    for (uint32_t i = 0; i < NDIS_RSS_TABLE_ENTRIES; i++) {
        memcpy(&entry, table + i % count * sizeof(entry), sizeof(entry));
        __atomic_store_n(&d->spread[i], (uint8_t)entry, __ATOMIC_RELAXED);
    }
}

static void key_set(struct netvsp_device *d, const uint8_t *key)
{
    for (uint32_t i = 0; i < NDIS_RSS_KEY_BYTES / 4; i++, key += 4)
        __atomic_store_n(&d->hash_key[i], be32_get(key), __ATOMIC_RELAXED);
}

static bool rss_valid(const struct netvsp_device *d, const struct ndis_rss_parameters *p,
                      const uint8_t *value, uint32_t length)
{
    if (p->header.type != NDIS_OBJECT_RSS_PARAMETERS)
        return false;
    if (!(p->flags & NDIS_RSS_TABLE_UNCHANGED) &&
        (!inside(p->table_offset, p->table_bytes, length) ||
         !table_valid(d, value + p->table_offset, p->table_bytes)))
        return false;
    return (p->flags & NDIS_RSS_KEY_UNCHANGED) ||
           (p->key_bytes == NDIS_RSS_KEY_BYTES && inside(p->key_offset, p->key_bytes, length));
}

static uint32_t rss_set(struct netvsp_device *d, const uint8_t *value, uint32_t length)
{
    struct ndis_rss_parameters p;

    if (length < sizeof(p))
        return RNDIS_STATUS_INVALID_LENGTH;
    memcpy(&p, value, sizeof(p));
    if (p.flags & NDIS_RSS_DISABLED) {
        __atomic_store_n(&d->hash_types, 0, __ATOMIC_RELAXED);
        return RNDIS_STATUS_SUCCESS;
    }
    if (!rss_valid(d, &p, value, length))
        return RNDIS_STATUS_INVALID_DATA;
    if (!(p.flags & NDIS_RSS_TABLE_UNCHANGED))
        table_set(d, value + p.table_offset, p.table_bytes);
    if (!(p.flags & NDIS_RSS_KEY_UNCHANGED))
        key_set(d, value + p.key_offset);
    if (!(p.flags & NDIS_RSS_HASH_UNCHANGED))
        __atomic_store_n(&d->hash_types, p.hash & HASH_TYPES, __ATOMIC_RELAXED);
    return RNDIS_STATUS_SUCCESS;
}

/* ---- the filter ---- */

static uint32_t filter_set(struct netvsp_device *d, const uint8_t *value, uint32_t length)
{
    uint32_t filter;

    if (length < sizeof(filter))
        return RNDIS_STATUS_INVALID_LENGTH;
    memcpy(&filter, value, sizeof(filter));
    __atomic_store_n(&d->filter, filter & FILTERS, __ATOMIC_RELAXED);
    return RNDIS_STATUS_SUCCESS;
}

static uint32_t multicast_set(struct netvsp_device *d, const uint8_t *value, uint32_t length)
{
    uint32_t count = length / NET_ADDRESS_BYTES;

    if (length % NET_ADDRESS_BYTES != 0)
        return RNDIS_STATUS_INVALID_LENGTH;
    if (count > NETVSP_MULTICAST_MAX)
        return RNDIS_STATUS_RESOURCES;
    __atomic_store_n(&d->multicast_count, 0, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < count; i++, value += NET_ADDRESS_BYTES)
        __atomic_store_n(&d->multicast[i], (uint64_t)be16_get(value) << 32 | be32_get(value + 2),
                         __ATOMIC_RELAXED);
    __atomic_store_n(&d->multicast_count, count, __ATOMIC_RELAXED);
    return RNDIS_STATUS_SUCCESS;
}

/* ---- all of them ---- */

static uint32_t bytes_answer(const void *from, uint32_t bytes, uint8_t *value, uint32_t *length)
{
    memcpy(value, from, bytes);
    *length = bytes;
    return RNDIS_STATUS_SUCCESS;
}

static uint32_t name_query(const struct netvsp_device *d, uint8_t *value, uint32_t *length)
{
    uint32_t n = (uint32_t)strlen(d->config.name);

    for (uint32_t i = 0; i < n; i++) { /* as UTF-16 */
        *value++ = (uint8_t)d->config.name[i];
        *value++ = 0;
    }
    *length = 2 * n;
    return n > 0 ? RNDIS_STATUS_SUCCESS : RNDIS_STATUS_NOT_SUPPORTED;
}

uint32_t netvsp_oid_query(struct netvsp_device *d, uint32_t oid, const uint8_t *asked,
                          uint32_t asked_length, uint8_t *value, uint32_t *length)
{
    uint32_t number;

    *length = 0;
    if (number_of(d, oid, &number))
        return bytes_answer(&number, sizeof(number), value, length);
    switch (oid) {
    case OID_GEN_SUPPORTED_LIST:
        return bytes_answer(supported, sizeof(supported), value, length);
    case OID_GEN_VENDOR_DESCRIPTION:
        return bytes_answer(VENDOR, sizeof(VENDOR), value, length);
    case OID_802_3_PERMANENT_ADDRESS:
    case OID_802_3_CURRENT_ADDRESS:
        return bytes_answer(d->config.address, NET_ADDRESS_BYTES, value, length);
    case OID_GEN_FRIENDLY_NAME:
        return name_query(d, value, length);
    case OID_GEN_RECEIVE_SCALE_CAPABILITY:
        return rss_query(d, value, length);
    case OID_TCP_OFFLOAD_HARDWARE:
    case OID_TCP_OFFLOAD_CURRENT_CONFIG:
        return offload_query(asked, asked_length, value, length);
    default:
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
}

uint32_t netvsp_oid_set(struct netvsp_device *d, uint32_t oid, const uint8_t *value,
                        uint32_t length)
{
    switch (oid) {
    case OID_GEN_CURRENT_PACKET_FILTER:
        return filter_set(d, value, length);
    case OID_802_3_MULTICAST_LIST:
        return multicast_set(d, value, length);
    case OID_TCP_OFFLOAD_PARAMETERS:
        return offload_set(d, value, length);
    case OID_GEN_RECEIVE_SCALE_PARAMETERS:
        return rss_set(d, value, length);
    default: /* a new address (OID_GEN_RNDIS_CONFIG_PARAMETER), too: it is root's to give */
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
}
