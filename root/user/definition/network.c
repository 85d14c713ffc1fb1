/* SPDX-License-Identifier: MIT */
/* definition/network.c - the value of `network`: a switch, and what the card there is. */
#include <inttypes.h>
#include <string.h>
#include "definition/parse.h"

enum { HEX = 16, ADDRESS_TEXT = 3 * DEFINITION_ADDRESS_BYTES - 1 };

/* Letters, digits and '-', as switches are named. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.length; i++) {
        char c = s.at[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return s.length != 0 && s.length < DEFINITION_SWITCH_NAME_MAX;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Six bytes with ':' between them, of one card: not a group's, and not nobody's. */
static bool address_read(struct slice s, uint8_t *address)
{
    unsigned any = 0;

    if (s.length != ADDRESS_TEXT)
        return false;
    for (size_t i = 0; i < DEFINITION_ADDRESS_BYTES; i++) {
        int high = hex_digit(s.at[3 * i]), low = hex_digit(s.at[3 * i + 1]);

        if (high < 0 || low < 0 || (i + 1 < DEFINITION_ADDRESS_BYTES && s.at[3 * i + 2] != ':'))
            return false;
        address[i] = (uint8_t)(high * HEX + low);
        any |= address[i];
    }
    return any != 0 && (address[0] & 1) == 0;
}

static bool number_read(struct slice s, uint64_t most, uint64_t *number)
{
    return text_number(s, number) && *number != 0 && *number <= most;
}

static void apply_option(struct parser *p, const char *key, struct slice option,
                         struct definition_network *n)
{
    struct slice value = option;
    struct slice name = slice_trim(slice_take(&value, '='));
    uint64_t number = 0;

    value = slice_trim(value);
    if (slice_is(name, "mac")) {
        if (!address_read(value, n->address))
            parser_report(p, "%s: \"%.*s\" is no card's address: write mac=02:00:00:00:00:01", key,
                          slice_shown(value), value.at);
    } else if (slice_is(name, "vlan")) {
        if (!number_read(value, DEFINITION_VLAN_MAX, &number))
            parser_report(p, "%s: vlan \"%.*s\" is not a number from 1 to %d", key,
                          slice_shown(value), value.at, DEFINITION_VLAN_MAX);
    } else if (slice_is(name, "rate")) {
        if (!number_read(value, DEFINITION_RATE_MAX, &number))
            parser_report(p, "%s: rate \"%.*s\" is not a number of Mbit a second from 1 to %d", key,
                          slice_shown(value), value.at, DEFINITION_RATE_MAX);
    } else {
        parser_report(p, "%s: \"%.*s\" is no option of a card: they are mac=, vlan= and rate=", key,
                      slice_shown(option), option.at);
    }
    if (slice_is(name, "vlan"))
        n->vlan = (uint16_t)number;
    if (slice_is(name, "rate"))
        n->rate = (uint32_t)number;
}

void apply_network(struct parser *p, const char *key, struct slice value)
{
    struct definition_network n = {0};
    struct slice options = value;
    struct slice name = slice_trim(slice_take(&options, ','));

    if (slice_is(value, "none"))
        return;
    if (p->d->network_count == DEFINITION_NETWORKS_MAX) {
        parser_report(p, "%s: there are more than %d", key, DEFINITION_NETWORKS_MAX);
        return;
    }
    if (!is_name(name)) {
        parser_report(p, "%s: \"%.*s\" is no name of a switch: write switch0, or none", key,
                      slice_shown(name), name.at);
        return;
    }
    slice_copy(name, n.name, sizeof(n.name));
    while (slice_trim(options).length != 0)
        apply_option(p, key, slice_trim(slice_take(&options, ',')), &n);
    p->d->networks[p->d->network_count++] = n;
}
