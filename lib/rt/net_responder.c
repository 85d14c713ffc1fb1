/* SPDX-License-Identifier: MIT */
/* rt/net_responder.c - see rt/net_responder.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <rt/net_mac.h>
#include <rt/net_responder.h>

#define TYPE_AT (NET_ADDRESS_BYTES + NET_ADDRESS_BYTES) /* of a frame */

/* ARP over Ethernet and IPv4 (RFC 826), behind the Ethernet header. */
#define ARP_HARDWARE   0u
#define ARP_PROTOCOL   2u
#define ARP_LENGTHS    4u /* of the addresses, a byte each */
#define ARP_OPERATION  6u
#define ARP_SENDER_MAC 8u
#define ARP_SENDER     14u
#define ARP_TARGET_MAC 18u
#define ARP_TARGET     24u
#define ARP_BYTES      28u

#define ARP_HARDWARE_ETHERNET 1u
#define ARP_LENGTHS_IPV4      0x0604u
#define ARP_REQUEST           1u
#define ARP_REPLY             2u

/* IPv4 (RFC 791, 3.1). */
#define IP_VERSION     0u /* and the header's length in words */
#define IP_LENGTH      2u
#define IP_ID          4u
#define IP_FRAGMENT    6u
#define IP_TTL         8u
#define IP_NEXT        9u
#define IP_CHECKSUM    10u
#define IP_FROM        12u
#define IP_TO          16u
#define IP_BYTES       20u
#define IP_VERSION_4   4u
#define IP_WORDS       0xfu    /* the header's length */
#define IP_WORD        4u      /* bytes */
#define IP_FRAGMENTED  0x3fffu /* more of them, or an offset */
#define IP_TTL_DEFAULT 64u     /* RFC 1700 */

/* ICMP (RFC 792). */
#define ICMP_TYPE       0u
#define ICMP_CODE       1u
#define ICMP_CHECKSUM   2u
#define ICMP_BYTES      8u
#define ICMP_ECHO       8u
#define ICMP_ECHO_REPLY 0u

#define ADDRESS_LOOPBACK 127u /* RFC 1122, 3.2.1.3: the first byte */
#define ADDRESS_GROUPS   224u /* from here on none is one machine's */
#define PREFIX_MAX       30u  /* else there is no room for two machines and two special addresses */
#define OCTET_MAX        255u
#define ADDRESS_BITS     32u

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static size_t answer_none(uint64_t *counter)
{
    count(counter);
    return 0;
}

uint16_t internet_checksum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < length; i += 2)
        sum += be16_get(bytes + i);
    if (length % 2 != 0)
        sum += (uint32_t)bytes[length - 1] << 8;
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Whether @address can be one other machine's on our network. */
static bool is_machine(uint32_t address)
{
    uint8_t first = (uint8_t)(address >> 24);

    return first != 0 && first != ADDRESS_LOOPBACK && first < ADDRESS_GROUPS;
}

static bool is_peer(const struct responder *r, uint32_t address)
{
    bool local = ((address ^ r->address) & r->mask) == 0;
    uint32_t host = address & ~r->mask;

    return is_machine(address) && address != r->address &&
           !(local && (host == 0 || host == ~r->mask));
}

/* The Ethernet header of an answer to @to; the bytes behind @length up to the least are zeros. */
static size_t frame_finish(const struct responder *r, uint8_t *frame, const uint8_t *to,
                           uint16_t type, size_t length)
{
    memcpy(frame, to, NET_ADDRESS_BYTES);
    memcpy(frame + NET_ADDRESS_BYTES, r->mac, NET_ADDRESS_BYTES);
    be16_put(frame + TYPE_AT, type);
    if (length >= RESPONDER_MIN)
        return length;
    memset(frame + length, 0, RESPONDER_MIN - length);
    return RESPONDER_MIN;
}

/* ---- ARP ---- */

static void arp_write(const struct responder *r, uint8_t *arp, uint16_t operation,
                      const uint8_t *target_mac, uint32_t target)
{
    be16_put(arp + ARP_HARDWARE, ARP_HARDWARE_ETHERNET);
    be16_put(arp + ARP_PROTOCOL, NET_TYPE_IPV4);
    be16_put(arp + ARP_LENGTHS, ARP_LENGTHS_IPV4);
    be16_put(arp + ARP_OPERATION, operation);
    memcpy(arp + ARP_SENDER_MAC, r->mac, NET_ADDRESS_BYTES);
    be32_put(arp + ARP_SENDER, r->address);
    memcpy(arp + ARP_TARGET_MAC, target_mac, NET_ADDRESS_BYTES);
    be32_put(arp + ARP_TARGET, target);
}

static bool arp_is_sound(const uint8_t *frame, const uint8_t *arp, size_t length)
{
    return length >= ARP_BYTES && be16_get(arp + ARP_HARDWARE) == ARP_HARDWARE_ETHERNET &&
           be16_get(arp + ARP_PROTOCOL) == NET_TYPE_IPV4 &&
           be16_get(arp + ARP_LENGTHS) == ARP_LENGTHS_IPV4 &&
           memcmp(arp + ARP_SENDER_MAC, frame + NET_ADDRESS_BYTES, NET_ADDRESS_BYTES) == 0;
}

static size_t arp_answer(struct responder *r, const uint8_t *frame, size_t length, uint8_t *answer)
{
    const uint8_t *arp = frame + NET_ETHERNET_BYTES;
    uint32_t sender;

    if (!arp_is_sound(frame, arp, length - NET_ETHERNET_BYTES))
        return answer_none(&r->statistics.bad);
    sender = be32_get(arp + ARP_SENDER);
    if (sender == r->address)
        return answer_none(&r->statistics.conflicts);
    /* A sender of 0 only asks whether somebody has the address (RFC 5227, 2.1.1). */
    if (be16_get(arp + ARP_OPERATION) != ARP_REQUEST || be32_get(arp + ARP_TARGET) != r->address ||
        (sender != 0 && !is_peer(r, sender)))
        return answer_none(&r->statistics.ignored);
    arp_write(r, answer + NET_ETHERNET_BYTES, ARP_REPLY, arp + ARP_SENDER_MAC, sender);
    count(&r->statistics.arp);
    return frame_finish(r, answer, frame + NET_ADDRESS_BYTES, NET_TYPE_ARP,
                        NET_ETHERNET_BYTES + ARP_BYTES);
}

size_t responder_announce(const struct responder *r, uint8_t *frame)
{
    static const uint8_t everybody[NET_ADDRESS_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t nobody[NET_ADDRESS_BYTES];

    if (r->address == 0)
        return 0;
    arp_write(r, frame + NET_ETHERNET_BYTES, ARP_REQUEST, nobody, r->address);
    return frame_finish(r, frame, everybody, NET_TYPE_ARP, NET_ETHERNET_BYTES + ARP_BYTES);
}

/* ---- IPv4 and ICMP ---- */

/* A packet whose header is sound. */
struct packet {
    const uint8_t *header, *body;
    uint32_t body_length;
};

/* RFC 1122, 3.2.1: what a host must check. */
static bool packet_read(const uint8_t *ip, size_t length, struct packet *p)
{
    uint32_t header, total;

    if (length < IP_BYTES || ip[IP_VERSION] >> 4 != IP_VERSION_4)
        return false;
    header = (ip[IP_VERSION] & IP_WORDS) * IP_WORD;
    total = be16_get(ip + IP_LENGTH);
    if (header < IP_BYTES || total < header || total > length || internet_checksum(ip, header) != 0)
        return false;
    *p = (struct packet){.header = ip, .body = ip + header, .body_length = total - header};
    return true;
}

/* Without the options of what it answers, which were for the way here. */
static void packet_header_write(const struct responder *r, uint8_t *ip, const struct packet *p)
{
    memset(ip, 0, IP_BYTES);
    ip[IP_VERSION] = IP_VERSION_4 << 4 | IP_BYTES / IP_WORD;
    be16_put(ip + IP_LENGTH, (uint16_t)(IP_BYTES + p->body_length));
    memcpy(ip + IP_ID, p->header + IP_ID, sizeof(uint16_t));
    ip[IP_TTL] = IP_TTL_DEFAULT;
    ip[IP_NEXT] = NET_IP_ICMP;
    be32_put(ip + IP_FROM, r->address);
    memcpy(ip + IP_TO, p->header + IP_FROM, sizeof(uint32_t));
    be16_put(ip + IP_CHECKSUM, internet_checksum(ip, IP_BYTES));
}

static bool packet_is_echo(const struct packet *p)
{
    return p->body[ICMP_TYPE] == ICMP_ECHO && p->body[ICMP_CODE] == 0;
}

static size_t echo_answer(struct responder *r, const uint8_t *frame, const struct packet *p,
                          uint8_t *answer)
{
    uint8_t *ip = answer + NET_ETHERNET_BYTES, *icmp = ip + IP_BYTES;

    if (p->body_length < ICMP_BYTES || internet_checksum(p->body, p->body_length) != 0)
        return answer_none(&r->statistics.bad);
    if (!packet_is_echo(p))
        return answer_none(&r->statistics.ignored);
    packet_header_write(r, ip, p);
    memcpy(icmp, p->body, p->body_length);
    icmp[ICMP_TYPE] = ICMP_ECHO_REPLY;
    be16_put(icmp + ICMP_CHECKSUM, 0);
    be16_put(icmp + ICMP_CHECKSUM, internet_checksum(icmp, p->body_length));
    count(&r->statistics.echoes);
    return frame_finish(r, answer, frame + NET_ADDRESS_BYTES, NET_TYPE_IPV4,
                        NET_ETHERNET_BYTES + IP_BYTES + p->body_length);
}

static size_t packet_answer(struct responder *r, const uint8_t *frame, size_t length,
                            uint8_t *answer)
{
    struct packet p;

    if (!packet_read(frame + NET_ETHERNET_BYTES, length - NET_ETHERNET_BYTES, &p))
        return answer_none(&r->statistics.bad);
    if (be32_get(p.header + IP_TO) != r->address || !is_peer(r, be32_get(p.header + IP_FROM)) ||
        p.header[IP_NEXT] != NET_IP_ICMP || (be16_get(p.header + IP_FRAGMENT) & IP_FRAGMENTED) != 0)
        return answer_none(&r->statistics.ignored);
    return echo_answer(r, frame, &p, answer);
}

static bool is_for(const struct responder *r, const uint8_t *frame)
{
    return memcmp(frame, r->mac, NET_ADDRESS_BYTES) == 0;
}

size_t responder_answer(struct responder *r, const uint8_t *frame, size_t length, uint8_t *answer)
{
    uint16_t type;

    if (length < NET_ETHERNET_BYTES || !mac_is_unicast(frame + NET_ADDRESS_BYTES))
        return answer_none(&r->statistics.bad);
    type = be16_get(frame + TYPE_AT);
    if (r->address == 0)
        return answer_none(&r->statistics.ignored);
    if (type == NET_TYPE_ARP && (is_for(r, frame) || net_address_is_broadcast(frame)))
        return arp_answer(r, frame, length, answer);
    if (type == NET_TYPE_IPV4 && is_for(r, frame))
        return packet_answer(r, frame, length, answer);
    return answer_none(&r->statistics.ignored);
}

/* ---- the option ---- */

/* A decimal number up to @most at *@text, which then points behind it. */
static bool number_parse(const char **text, uint32_t most, uint32_t *value)
{
    const char *at = *text;

    *value = 0;
    while (*at >= '0' && *at <= '9' && *value <= most)
        *value = *value * 10 + (uint32_t)(*at++ - '0');
    if (at == *text || *value > most)
        return false;
    *text = at;
    return true;
}

static bool dotted_parse(const char **text, uint32_t *address)
{
    uint32_t octet;

    *address = 0;
    for (unsigned i = 0; i < sizeof(uint32_t); i++) {
        if ((i > 0 && *(*text)++ != '.') || !number_parse(text, OCTET_MAX, &octet))
            return false;
        *address = *address << 8 | octet;
    }
    return true;
}

bool responder_address_parse(const char *text, uint32_t *address, uint32_t *mask)
{
    uint32_t prefix, host;

    if (!dotted_parse(&text, address) || *text++ != '/' ||
        !number_parse(&text, PREFIX_MAX, &prefix) || *text != '\0' || prefix == 0)
        return false;
    *mask = UINT32_MAX << (ADDRESS_BITS - prefix);
    host = *address & ~*mask;
    return is_machine(*address) && host != 0 && host != ~*mask;
}
