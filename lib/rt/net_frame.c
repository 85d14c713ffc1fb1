/* SPDX-License-Identifier: MIT */
/* net_frame.c - offloads in software: from a frame with work left to do to frames of the wire.
 *
 * Sums are those of the Internet (RFC 1071), in the processor's byte order and up to 64 bits wide:
 * order and width make no difference to the folded sum, but for swapped bytes at the end. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <rt/net_frame.h>

#define IP            NET_ETHERNET_BYTES /* where its header is */
#define IP4_BYTES     20u
#define IP6_BYTES     40u
#define TCP_BYTES     20u
#define UDP_BYTES     8u
#define TCP_CHECKSUM  16u /* offsets in the headers */
#define UDP_CHECKSUM  6u
#define TCP_SEQUENCE  4u
#define TCP_FLAGS     13u
#define TCP_FIN_PUSH  0x09u
#define TCP_CWR       0x80u
#define IP4_FRAGMENT  0x3fffu /* more of them, or not the first */
#define IP6_HOP       0u      /* extension headers that may stand before TCP and UDP */
#define IP6_OPTIONS   60u
#define IP6_EXTRA_MAX 4u
#define MSS_MIN       48u /* less makes floods of a frame */

/* ---- sums ---- */

#define WORD ((uint32_t)sizeof(uint64_t))

typedef uint64_t any_word __attribute__((aligned(1), may_alias));

struct sum {
    uint64_t value;
    bool odd; /* the next byte is the second of a pair */
};

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;

    return sum + (sum < b);
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (uint32_t)sum;
    sum = (sum >> 32) + (uint32_t)sum;
    sum = (sum >> 16) + (uint16_t)sum;
    sum = (sum >> 16) + (uint16_t)sum;
    return (uint16_t)((sum >> 16) + sum);
}

static uint16_t swap(uint16_t value)
{
    return (uint16_t)(value << 8 | value >> 8);
}

/* @value and @count words. */
static uint64_t words_add(uint64_t value, const any_word *w, uint32_t count)
{
    for (; count >= 8; count -= 8, w += 8) {
        value = add(add(add(add(value, w[0]), w[1]), w[2]), w[3]);
        value = add(add(add(add(value, w[4]), w[5]), w[6]), w[7]);
    }
    for (; count != 0; count--, w++)
        value = add(value, *w);
    return value;
}

/* Copy, and add to @sum what was copied: each byte of @from is read once. Whoever changes @to
 * meanwhile has a wrong sum there. */
static void copy_sum(uint8_t *to, const uint8_t *from, uint32_t length, struct sum *sum)
{
    uint32_t words = length / WORD;
    uint64_t value, word = 0;
    uint16_t folded;

    memcpy(to, from, length);
    value = words_add(0, (const void *)to, words);
    memcpy(&word, to + (size_t)words * WORD, length % WORD);
    folded = fold(add(value, word));
    sum->value = add(sum->value, sum->odd ? swap(folded) : folded);
    sum->odd ^= length & 1;
}

/* Of private bytes. */
static uint16_t sum_of(const uint8_t *bytes, uint32_t length)
{
    uint64_t value = 0;
    uint32_t i = 0;

    for (; i + 1 < length; i += 2)
        value += be16_get(bytes + i);
    if (i < length)
        value += (uint32_t)bytes[i] << 8;
    return fold(value);
}

/* ---- pieces ---- */

/* Copy the next @length bytes of the frame behind @cursor, and add them to @sum. */
static void payload_copy(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to,
                         uint32_t length, struct sum *sum)
{
    if (cursor->offset < f->header_length) {
        uint32_t n = f->header_length - cursor->offset;

        n = n < length ? n : length;
        copy_sum(to, f->header + cursor->offset, n, sum);
        cursor->offset += n;
        to += n;
        length -= n;
    }
    while (length > 0) {
        const struct net_piece *p = &f->pieces[cursor->piece];
        uint32_t left = p->length - cursor->skipped, n = left < length ? left : length;

        copy_sum(to, p->bytes + cursor->skipped, n, sum);
        cursor->offset += n;
        cursor->skipped += n;
        to += n;
        length -= n;
        if (cursor->skipped == p->length) {
            cursor->piece++;
            cursor->skipped = 0;
        }
    }
}

void net_frame_copy(const struct net_frame *f, uint8_t *to)
{
    memcpy(to, f->header, f->header_length);
    to += f->header_length;
    for (uint32_t i = 0; i < f->piece_count; i++) {
        memcpy(to, f->pieces[i].bytes, f->pieces[i].length);
        to += f->pieces[i].length;
    }
}

/* ---- checksums ---- */

/* Write the checksum whose sum, with the pseudo-header, is @sum. Of UDP, 0 says that there is
 * none. */
static void checksum_put(uint8_t *at, uint64_t sum, uint8_t checksum_offset)
{
    uint16_t folded = fold(sum), value = (uint16_t)~folded;

    if (folded == 0xffff && checksum_offset == UDP_CHECKSUM)
        value = 0xffff;
    memcpy(at, &value, sizeof(value));
}

static void ip4_checksum_put(uint8_t *ip)
{
    be16_put(ip + 10, 0);
    be16_put(ip + 10, (uint16_t)~sum_of(ip, (ip[0] & 0xfu) * 4));
}

static uint32_t whole_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to)
{
    const struct net_offload *o = &f->offload;
    struct sum sum = {0};

    if (!(o->flags & NET_CHECKSUM_NEEDED)) {
        net_frame_copy(f, to);
        return f->length;
    }
    memcpy(to, f->header, o->l4_offset);
    cursor->offset = o->l4_offset;
    payload_copy(f, cursor, to + o->l4_offset, f->length - o->l4_offset, &sum);
    checksum_put(to + o->l4_offset + o->checksum_offset, sum.value, o->checksum_offset);
    return f->length;
}

/* ---- segments ---- */

static uint32_t payload_bytes(const struct net_frame *f)
{
    return f->length - f->offload.payload_offset;
}

uint32_t net_frame_segments(const struct net_frame *f)
{
    return f->offload.mss == 0 ? 1 : (payload_bytes(f) + f->offload.mss - 1) / f->offload.mss;
}

uint32_t net_frame_segment_max(const struct net_frame *f)
{
    uint32_t whole = (uint32_t)f->offload.payload_offset + f->offload.mss;

    return f->offload.mss == 0 || whole > f->length ? f->length : whole;
}

/* IP's header of a segment of @length bytes in all. */
static void segment_ip(uint8_t *to, uint32_t number, uint32_t length)
{
    uint8_t *ip = to + IP;

    if (be16_get(to + IP - 2) == NET_TYPE_IPV6) {
        be16_put(ip + 4, (uint16_t)(length - IP - IP6_BYTES));
        return;
    }
    be16_put(ip + 2, (uint16_t)(length - IP));
    be16_put(ip + 4, (uint16_t)(be16_get(ip + 4) + number));
    ip4_checksum_put(ip);
}

static void segment_tcp(uint8_t *tcp, uint32_t number, uint16_t mss, bool last)
{
    be32_put(tcp + TCP_SEQUENCE, be32_get(tcp + TCP_SEQUENCE) + number * mss);
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_FIN_PUSH;
    if (number > 0)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

/* TCP's checksum over its header at @tcp, of @bytes, and a payload whose sum is @sum. In the field
 * is the pseudo-header's sum, with the length of the whole instead of the segment's @length. */
static void segment_checksum(const struct net_frame *f, uint8_t *tcp, uint32_t bytes,
                             uint32_t length, uint64_t sum)
{
    uint32_t l4 = f->offload.l4_offset;

    sum = add(sum, swap(sum_of(tcp, bytes)));
    sum = add(sum, swap((uint16_t) ~(f->length - l4)));
    sum = add(sum, swap((uint16_t)(length - l4)));
    checksum_put(tcp + TCP_CHECKSUM, sum, TCP_CHECKSUM);
}

/* The headers are made in private memory: @to may be a child's, that changes it meanwhile. */
static uint32_t segment_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to)
{
    const struct net_offload *o = &f->offload;
    uint32_t head_bytes = o->payload_offset, number = cursor->segment, left, bytes, length;
    uint8_t head[NET_HEADER_MAX];
    struct sum sum = {0};

    if (cursor->offset == 0)
        cursor->offset = head_bytes;
    left = f->length - cursor->offset;
    bytes = left < o->mss ? left : o->mss;
    length = head_bytes + bytes;
    memcpy(head, f->header, head_bytes);
    segment_ip(head, number, length);
    segment_tcp(head + o->l4_offset, number, o->mss, bytes == left);
    payload_copy(f, cursor, to + head_bytes, bytes, &sum);
    segment_checksum(f, head + o->l4_offset, head_bytes - o->l4_offset, length, sum.value);
    memcpy(to, head, head_bytes);
    cursor->segment++;
    return length;
}

uint32_t net_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to)
{
    return f->offload.mss == 0 ? whole_write(f, cursor, to) : segment_write(f, cursor, to);
}

/* ---- preparing ---- */

/* What is found in a header. */
struct layout {
    bool ip6;
    uint8_t protocol;
    uint16_t l4; /* offset */
};

static const char *ip4_find(const uint8_t *header, uint32_t header_length, struct layout *l)
{
    const uint8_t *ip = header + IP;
    uint32_t bytes;

    if (header_length < IP + IP4_BYTES || ip[0] >> 4 != 4)
        return "an offload for a frame without an IP header";
    bytes = (ip[0] & 0xfu) * 4;
    if (bytes < IP4_BYTES || IP + bytes > header_length)
        return "an offload for an IP header of a wrong length";
    l->protocol = ip[9];
    l->l4 = (uint16_t)(IP + bytes);
    if (be16_get(ip + 6) & IP4_FRAGMENT) /* has a TCP or UDP header only if it is the first */
        l->protocol = 0;
    return NULL;
}

static const char *ip6_find(const uint8_t *header, uint32_t header_length, struct layout *l)
{
    const uint8_t *ip = header + IP;
    uint32_t at = IP + IP6_BYTES;

    if (header_length < at || ip[0] >> 4 != 6)
        return "an offload for a frame without an IP header";
    l->ip6 = true;
    l->protocol = ip[6];
    for (uint32_t i = 0; i < IP6_EXTRA_MAX; i++) {
        if (l->protocol != IP6_HOP && l->protocol != IP6_OPTIONS)
            break;
        if (at + 8 > header_length)
            return "an offload for an IP header of a wrong length";
        l->protocol = header[at];
        at += (header[at + 1] + 1u) * 8;
    }
    l->l4 = (uint16_t)at;
    return NULL;
}

static const char *layout_find(const uint8_t *header, uint32_t header_length, struct layout *l)
{
    uint32_t type = header_length < NET_ETHERNET_BYTES ? 0 : be16_get(header + IP - 2);

    if (type == NET_TYPE_IPV4)
        return ip4_find(header, header_length, l);
    if (type == NET_TYPE_IPV6)
        return ip6_find(header, header_length, l);
    return "an offload for a frame that is not IP";
}

/* Find TCP's or UDP's header, and what is to be done with it. */
static const char *l4_find(const uint8_t *header, uint32_t header_length, uint32_t length,
                           const struct layout *l, struct net_offload *o)
{
    uint32_t bytes = l->protocol == NET_IP_TCP ? TCP_BYTES : UDP_BYTES;

    if (l->protocol != NET_IP_TCP && l->protocol != NET_IP_UDP)
        return "an offload for a frame that is neither TCP nor UDP";
    if (l->l4 + bytes > header_length)
        return "an offload for a frame that ends in its TCP or UDP header";
    if (l->protocol == NET_IP_TCP)
        bytes = (header[l->l4 + 12] >> 4) * 4u;
    if (bytes < UDP_BYTES || (l->protocol == NET_IP_TCP && bytes < TCP_BYTES) ||
        l->l4 + bytes > header_length || l->l4 + bytes > length)
        return "an offload for a TCP header of a wrong length";
    o->flags = NET_CHECKSUM_NEEDED;
    o->checksum_offset = l->protocol == NET_IP_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
    o->l4_offset = l->l4;
    o->payload_offset = (uint16_t)(l->l4 + bytes);
    return NULL;
}

/* IP's length has to be the frame's, or is written for a frame that will be cut. */
static const char *ip_length_check(const uint8_t *header, uint32_t length, const struct layout *l,
                                   bool cut)
{
    uint32_t is = l->ip6 ? be16_get(header + IP + 4) + IP6_BYTES : be16_get(header + IP + 2);

    if (length - IP > UINT16_MAX)
        return "an offload for a frame longer than IP's may be";
    if (!cut && is != length - IP)
        return "an offload for a frame that is not as long as its IP header says";
    return NULL;
}

static const char *mss_check(const struct net_offload_wish *wish, const struct layout *l,
                             uint32_t length, struct net_offload *o)
{
    if (wish->mss == 0)
        return NULL;
    if (l->protocol != NET_IP_TCP)
        return "segmentation of a frame that is not TCP";
    if (wish->mss < MSS_MIN)
        return "segmentation into pieces that are too small";
    if (length - o->payload_offset > wish->mss)
        o->mss = (uint16_t)wish->mss;
    return NULL;
}

static void ip_write(uint8_t *header, uint32_t length, const struct layout *l, bool checksum)
{
    uint8_t *ip = header + IP;

    if (l->ip6) {
        be16_put(ip + 4, (uint16_t)(length - IP - IP6_BYTES));
        return;
    }
    be16_put(ip + 2, (uint16_t)(length - IP));
    if (checksum)
        ip4_checksum_put(ip);
}

static void pseudo_write(uint8_t *header, uint32_t length, const struct layout *l,
                         const struct net_offload *o)
{
    const uint8_t *ip = header + IP;
    uint64_t sum = l->ip6 ? sum_of(ip + 8, 32) : sum_of(ip + 12, 8);

    sum += l->protocol + (length - l->l4);
    be16_put(header + l->l4 + o->checksum_offset, fold(sum));
}

const char *net_offload_prepare(uint8_t *header, uint32_t header_length, uint32_t length,
                                const struct net_offload_wish *wish, struct net_offload *offload)
{
    bool l4 = wish->l4_checksum || wish->mss > 0;
    struct net_offload o = {0};
    struct layout l = {0};
    const char *why;

    *offload = o;
    why = layout_find(header, header_length, &l);
    if (!why && l4)
        why = l4_find(header, header_length, length, &l, &o);
    if (!why && l4)
        why = ip_length_check(header, length, &l, wish->mss > 0);
    if (!why)
        why = mss_check(wish, &l, length, &o);
    if (why)
        return why;
    if (l4) {
        ip_write(header, length, &l, wish->ip_checksum || wish->mss > 0);
        pseudo_write(header, length, &l, &o);
    } else if (wish->ip_checksum && !l.ip6) {
        ip4_checksum_put(header + IP);
    }
    *offload = o;
    return NULL;
}
