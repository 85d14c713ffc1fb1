/* SPDX-License-Identifier: MIT */
/* tests/unit/test_responder.c - what root answers to ARP and ICMP echo, and what not
 * (rt/net_responder.h). Frames are made by hand, from the RFCs; checksums by another way. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include <rt/net_frame.h>
#include <rt/net_responder.h>

#define ROOM    1600u
#define IP_AT   14u
#define ICMP_AT 34u

static const uint8_t arp_request[42] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0, 9, 8, 6, /* Ethernet */
    0,    1,    8,    0,    6,    4,    0,  1,                   /* a request */
    2,    0,    0,    0,    0,    9,    10, 0, 0, 1,             /* from 10.0.0.1 */
    0,    0,    0,    0,    0,    0,    10, 0, 0, 2,             /* for 10.0.0.2 */
};

/* An echo request from 10.0.0.1 of 5 bytes; checksums come later. */
static const uint8_t echo_request[47] = {
    2,    0, 0, 0,  0,    1,    2, 0, 0,   0,   0,   9,   8,   0,                    /* Ethernet */
    0x45, 0, 0, 33, 0x12, 0x34, 0, 0, 64,  1,   0,   0,   10,  0, 0, 1, 10, 0, 0, 2, /* IPv4 */
    8,    0, 0, 0,  0xab, 0xcd, 0, 7, 'h', 'e', 'l', 'l', 'o',                       /* ICMP */
};

static struct {
    struct responder r;
    uint8_t frame[ROOM], answer[ROOM];
    size_t length;
} t;

/* The ones' complement sum as 32-bit words, unlike the shipped code: 0xffff over what is right. */
static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += (uint64_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void checksum_put(uint8_t *at, size_t field, size_t length)
{
    be16_put(at + field, 0);
    be16_put(at + field, (uint16_t)~sum_of(at, length));
}

static void frame_is(const uint8_t *bytes, size_t length)
{
    memset(&t, 0, sizeof(t));
    memcpy(t.r.mac, "\2\0\0\0\0\1", NET_ADDRESS_BYTES);
    assert_true(responder_address_parse("10.0.0.2/24", &t.r.address, &t.r.mask));
    memcpy(t.frame, bytes, length);
    t.length = length;
}

static void arp_is_here(void)
{
    frame_is(arp_request, sizeof(arp_request));
}

/* Make the checksums of the echo in the frame right, whatever is there. */
static void echo_finish(void)
{
    size_t header = (t.frame[IP_AT] & 0xfu) * 4u, total = be16_get(t.frame + IP_AT + 2);

    checksum_put(t.frame + IP_AT, 10, header);
    checksum_put(t.frame + IP_AT + header, 2, total - header);
}

static void echo_is_here(void)
{
    frame_is(echo_request, sizeof(echo_request));
    echo_finish();
}

/* Of exactly as many bytes as there are: ASan watches. */
static size_t answer(void)
{
    uint8_t *frame = malloc(t.length),
            *room = malloc(t.length > RESPONDER_MIN ? t.length : RESPONDER_MIN);
    size_t length;

    assert_non_null(frame);
    assert_non_null(room);
    memcpy(frame, t.frame, t.length);
    length = responder_answer(&t.r, frame, t.length, room);
    memcpy(t.answer, room, length);
    free(frame);
    free(room);
    return length;
}

static void is_bad(void)
{
    assert_int_equal(answer(), 0);
    assert_int_equal(t.r.statistics.bad, 1);
}

static void is_ignored(void)
{
    assert_int_equal(answer(), 0);
    assert_int_equal(t.r.statistics.ignored, 1);
}

/* ---- ARP ---- */

static void an_arp_request_for_the_address_is_answered(void **state)
{
    static const uint8_t wanted[60] = {
        2, 0, 0, 0, 0, 9, 2, 0,  0, 0, 0, 1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
        2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 2, 2, 0, 0, 0, 0, 9, 10, 0, 0, 1,
    };

    (void)state;
    arp_is_here();
    assert_int_equal(answer(), sizeof(wanted));
    assert_memory_equal(t.answer, wanted, sizeof(wanted));
    assert_int_equal(t.r.statistics.arp, 1);
}

static void a_probe_and_a_request_for_us_alone_are_answered(void **state)
{
    (void)state;
    arp_is_here();
    be32_put(t.frame + 28, 0); /* RFC 5227: who asks has no address yet */
    assert_int_equal(answer(), RESPONDER_MIN);
    assert_int_equal(be32_get(t.answer + 38), 0);
    arp_is_here();
    memcpy(t.frame, t.r.mac, NET_ADDRESS_BYTES);
    assert_int_equal(answer(), RESPONDER_MIN);
}

static void arp_that_is_none_is_bad(void **state)
{
    static const uint8_t changed[] = {15, 17, 18,
                                      19, 22, 27}; /* kinds, lengths, sender's address */

    (void)state;
    for (size_t i = 0; i < sizeof(changed); i++) {
        arp_is_here();
        t.frame[changed[i]] ^= 1;
        is_bad();
    }
    for (size_t length = 0; length < sizeof(arp_request); length++) {
        arp_is_here();
        t.length = length;
        is_bad();
    }
}

static void arp_that_is_not_for_us_is_ignored(void **state)
{
    (void)state;
    arp_is_here();
    t.frame[41] = 3; /* another's address */
    is_ignored();
    arp_is_here();
    t.frame[21] = 2; /* an answer */
    is_ignored();
    arp_is_here();
    t.frame[31] = 255; /* from everybody on the network */
    is_ignored();
    arp_is_here();
    t.frame[28] = 127;
    is_ignored();
    arp_is_here();
    t.frame[0] = 2; /* to somebody else's card */
    is_ignored();
    arp_is_here();
    t.r.address = 0;
    is_ignored();
}

static void who_claims_our_address_is_counted(void **state)
{
    (void)state;
    arp_is_here();
    t.frame[31] = 2;
    assert_int_equal(answer(), 0);
    assert_int_equal(t.r.statistics.conflicts, 1);
}

static void the_address_is_announced_to_everybody(void **state)
{
    static const uint8_t wanted[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0, 1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
        1,    2,    0,    0,    0,    0,    1, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
    };

    (void)state;
    arp_is_here();
    assert_int_equal(responder_announce(&t.r, t.answer), sizeof(wanted));
    assert_memory_equal(t.answer, wanted, sizeof(wanted));
    t.r.address = 0;
    assert_int_equal(responder_announce(&t.r, t.answer), 0);
}

/* ---- echo ---- */

static void an_echo_request_is_answered_with_its_data(void **state)
{
    (void)state;
    echo_is_here();
    assert_int_equal(answer(), RESPONDER_MIN);
    assert_memory_equal(t.answer, "\2\0\0\0\0\11\2\0\0\0\0\1\10\0", IP_AT);
    assert_int_equal(t.answer[IP_AT], 0x45);
    assert_int_equal(be16_get(t.answer + IP_AT + 2), 33);
    assert_int_equal(sum_of(t.answer + IP_AT, 20), 0xffff);
    assert_memory_equal(t.answer + IP_AT + 12, "\12\0\0\2\12\0\0\1", 8);
    assert_memory_equal(t.answer + ICMP_AT, "\0\0", 2);
    assert_memory_equal(t.answer + ICMP_AT + 4, "\xab\xcd\0\7hello", 9);
    assert_int_equal(sum_of(t.answer + ICMP_AT, 13), 0xffff);
    assert_memory_equal(t.answer + 47, "\0\0\0\0\0\0\0\0\0\0\0\0\0", 13);
    assert_int_equal(t.r.statistics.echoes, 1);
}

/* Of all lengths that a frame of 1,514 bytes has room for. */
static void echoes_of_all_lengths_are_answered(void **state)
{
    (void)state;
    for (size_t data = 0; data <= 1472; data++) {
        size_t length = ICMP_AT + 8 + data;

        echo_is_here();
        for (size_t i = 0; i < data; i++)
            t.frame[ICMP_AT + 8 + i] = (uint8_t)(i * 7 + data);
        be16_put(t.frame + IP_AT + 2, (uint16_t)(28 + data));
        t.length = length;
        echo_finish();
        assert_int_equal(answer(), length > RESPONDER_MIN ? length : RESPONDER_MIN);
        assert_int_equal(sum_of(t.answer + ICMP_AT, 8 + data), 0xffff);
        assert_memory_equal(t.answer + ICMP_AT + 4, t.frame + ICMP_AT + 4, 4 + data);
    }
}

static void padding_and_options_are_not_answered(void **state)
{
    (void)state;
    echo_is_here();
    memset(t.frame + 47, 0xee, 53);
    t.length = 100;
    assert_int_equal(answer(), RESPONDER_MIN);
    assert_int_equal(t.answer[47], 0);
    echo_is_here();
    memmove(t.frame + ICMP_AT + 4, t.frame + ICMP_AT, 13);
    memset(t.frame + ICMP_AT, 1, 4); /* no operation */
    t.frame[IP_AT] = 0x46;
    be16_put(t.frame + IP_AT + 2, 37);
    t.length += 4;
    echo_finish();
    assert_int_equal(answer(), RESPONDER_MIN);
    assert_int_equal(t.answer[IP_AT], 0x45);
    assert_int_equal(be16_get(t.answer + IP_AT + 2), 33);
    assert_memory_equal(t.answer + ICMP_AT + 8, "hello", 5);
}

static void packets_that_are_none_are_bad(void **state)
{
    (void)state;
    for (size_t length = NET_ETHERNET_BYTES; length < sizeof(echo_request); length++) {
        echo_is_here();
        t.length = length;
        is_bad();
    }
    /* Each byte that a checksum covers. */
    for (size_t i = IP_AT; i < sizeof(echo_request); i++) {
        echo_is_here();
        t.frame[i] ^= 0x10;
        is_bad();
    }
    echo_is_here();
    t.frame[IP_AT] = 0x44;
    echo_finish();
    is_bad();
    echo_is_here();
    be16_put(t.frame + IP_AT + 2, 27); /* less than ICMP's header */
    echo_finish();
    is_bad();
    echo_is_here();
    be16_put(t.frame + IP_AT + 2, 19);
    checksum_put(t.frame + IP_AT, 10, 20);
    is_bad();
    echo_is_here();
    t.frame[NET_ADDRESS_BYTES] |= 1; /* from many */
    is_bad();
}

static void set_and_ignored(size_t at, uint8_t value)
{
    echo_is_here();
    t.frame[at] = value;
    echo_finish();
    is_ignored();
}

static void packets_that_are_not_for_us_are_ignored(void **state)
{
    (void)state;
    set_and_ignored(0, 0xff);         /* another's card, and for many */
    set_and_ignored(13, 1);           /* another protocol */
    set_and_ignored(IP_AT + 6, 0x20); /* fragments: the first, and a later one */
    set_and_ignored(IP_AT + 7, 1);
    set_and_ignored(IP_AT + 9, 17); /* UDP */
    set_and_ignored(IP_AT + 12, 0); /* from nobody, itself, many, everybody, us */
    set_and_ignored(IP_AT + 12, 127);
    set_and_ignored(IP_AT + 12, 224);
    set_and_ignored(IP_AT + 12, 255);
    set_and_ignored(IP_AT + 15, 0);
    set_and_ignored(IP_AT + 15, 255);
    set_and_ignored(IP_AT + 15, 2);
    set_and_ignored(IP_AT + 19, 3); /* to another, or to everybody */
    set_and_ignored(IP_AT + 19, 255);
    set_and_ignored(ICMP_AT, 0); /* an answer */
    set_and_ignored(ICMP_AT, 13);
    set_and_ignored(ICMP_AT + 1, 1);
}

/* A router's address is as good as a neighbour's, where the same last byte means nothing. */
static void who_is_behind_a_router_is_answered(void **state)
{
    (void)state;
    echo_is_here();
    be32_put(t.frame + IP_AT + 12, 0xc0a801ff);
    echo_finish();
    assert_int_equal(answer(), RESPONDER_MIN);
    assert_int_equal(be32_get(t.answer + IP_AT + 16), 0xc0a801ff);
}

/* ---- the option ---- */

static void addresses_are_read_and_others_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "10.0.0.2",
        "10.0.0.2/",
        "10.0.0.2/0",
        "10.0.0.2/31",
        "10.0.0.2/33",
        "10.0.0.2/24 ",
        "10.0.0/24",
        "10.0.0.2.1/24",
        "10.0.0.256/24",
        "10..0.2/24",
        "10.0.0.2/99999999999",
        "10.0.0.0/24",
        "10.0.0.255/24",
        "127.0.0.1/8",
        "0.0.0.1/8",
        "224.0.0.1/8",
        "a.0.0.1/8",
        "10.0.0.4294967298/24",
        "10.0.0.-2/24",
    };
    uint32_t address, mask;

    (void)state;
    assert_true(responder_address_parse("192.168.7.254/30", &address, &mask));
    assert_int_equal(address, 0xc0a807fe);
    assert_int_equal(mask, 0xfffffffc);
    assert_true(responder_address_parse("10.255.0.0/8", &address, &mask));
    assert_int_equal(mask, 0xff000000);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(responder_address_parse(wrong[i], &address, &mask));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arp_request_for_the_address_is_answered),
        cmocka_unit_test(a_probe_and_a_request_for_us_alone_are_answered),
        cmocka_unit_test(arp_that_is_none_is_bad),
        cmocka_unit_test(arp_that_is_not_for_us_is_ignored),
        cmocka_unit_test(who_claims_our_address_is_counted),
        cmocka_unit_test(the_address_is_announced_to_everybody),
        cmocka_unit_test(an_echo_request_is_answered_with_its_data),
        cmocka_unit_test(echoes_of_all_lengths_are_answered),
        cmocka_unit_test(padding_and_options_are_not_answered),
        cmocka_unit_test(packets_that_are_none_are_bad),
        cmocka_unit_test(packets_that_are_not_for_us_are_ignored),
        cmocka_unit_test(who_is_behind_a_router_is_answered),
        cmocka_unit_test(addresses_are_read_and_others_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
