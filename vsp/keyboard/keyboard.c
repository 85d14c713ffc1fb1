/* SPDX-License-Identifier: MIT */
/* keyboard/keyboard.c - see keyboard/keyboard.h. */
#include "keyboard.h"
#include <rt/mem.h>

#define PACKETS_AT_A_TIME 16u /* before others may have a turn: the child may send without end */

static const struct vmbus_guid interface = KEYBOARD_INTERFACE;

static struct keyboard *keyboard_of(struct vmbus_offer *offer)
{
    return container_of(offer, struct keyboard, offer);
}

static void forget(struct keyboard *k)
{
    k->ready = k->answer_due = false;
    k->first = k->count = 0;
}

static bool opened(struct vmbus_offer *offer, struct vmbus_channel *c, const uint8_t *user_data,
                   bool restored)
{
    struct keyboard *k = keyboard_of(offer);

    (void)user_data;
    if (restored) /* whether a version was agreed on is not known any more */
        return false;
    k->channel = c;
    return true;
}

/* Nothing is ever under way: the rings are the server's again at once. */
static void closed(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct keyboard *k = keyboard_of(offer);

    k->channel = NULL;
    forget(k);
    vmbus_server_closed(c);
}

static void signalled(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct keyboard *k = keyboard_of(offer);

    (void)c;
    k->port->wake(k);
}

static void revoked(struct vmbus_offer *offer)
{
    (void)offer;
}

static const struct vmbus_offer_operations operations = {opened, closed, signalled, revoked};

void keyboard_init(struct keyboard *k, const struct keyboard_port *port,
                   const struct vmbus_guid *instance)
{
    *k = (struct keyboard){
        .offer = {.interface = interface,
                  .instance = *instance,
                  .flags = VMBUS_OFFER_ENUMERATE_DEVICE_INTERFACE,
                  .operations = &operations},
        .port = port,
    };
}

/* ---- from the child ---- */

static void wrong(struct keyboard *k, const char *why)
{
    k->malformed++;
    k->port->log(k, k->channel->relid, why);
}

static void take(struct keyboard *k, const struct vmbus_packet *p)
{
    struct keyboard_request m;

    if (p->type != VMBUS_PACKET_IN_BAND || p->length < sizeof(m)) {
        wrong(k, "a packet is none of a keyboard");
        return;
    }
    memcpy(&m, p->payload, sizeof(m));
    if (m.type == KEYBOARD_REQUEST) {
        k->accepted = m.version == KEYBOARD_VERSION;
        k->answer_due = true;
    } else if (m.type != KEYBOARD_LIGHTS) {
        wrong(k, "a message to a keyboard of a kind that is none");
    }
}

/* True: there is more. */
static bool read(struct keyboard *k)
{
    enum vmbus_ring_status status = VMBUS_RING_OK;
    unsigned budget = PACKETS_AT_A_TIME;
    struct vmbus_packet p;
    bool again;

    vmbus_channel_read_begin(k->channel);
    while (budget-- != 0 && status == VMBUS_RING_OK) {
        status = vmbus_channel_read_next(k->channel, &p, k->buffer, sizeof(k->buffer));
        if (status == VMBUS_RING_OK)
            take(k, &p);
    }
    again = vmbus_channel_read_end(k->channel);
    return status == VMBUS_RING_OK || (status == VMBUS_RING_EMPTY && again);
}

/* ---- to it: what finds no room is sent when the child signals that there is some ---- */

static bool send(struct keyboard *k, const void *message, uint32_t length)
{
    const struct vmbus_packet p = {
        .type = VMBUS_PACKET_IN_BAND, .payload = message, .length = length};

    return vmbus_channel_send(k->channel, &p) == VMBUS_RING_OK;
}

static void answer(struct keyboard *k)
{
    const struct keyboard_response m = {.type = KEYBOARD_RESPONSE,
                                        .status = k->accepted ? KEYBOARD_ACCEPTED : 0};

    if (!k->answer_due || !send(k, &m, sizeof(m)))
        return;
    k->answer_due = false;
    k->ready = k->accepted;
}

static void keys_send(struct keyboard *k)
{
    bool sent = k->ready;

    while (sent && k->count != 0) {
        const struct keyboard_key *key = &k->keys[k->first];
        const struct keyboard_event m = {
            .type = KEYBOARD_EVENT, .code = key->code, .flags = key->flags};

        sent = send(k, &m, sizeof(m));
        if (sent) {
            k->first = (k->first + 1) % KEYBOARD_KEYS;
            k->count--;
        }
    }
}

bool keyboard_work(struct keyboard *k)
{
    bool more;

    if (k->channel == NULL)
        return false;
    more = read(k);
    answer(k);
    keys_send(k);
    vmbus_channel_flush(k->channel);
    if (vmbus_channel_broken(k->channel) == NULL)
        return more;
    vmbus_server_channel_broken(k->channel);
    return false;
}

enum keyboard_result keyboard_press(struct keyboard *k, const struct keyboard_key *keys,
                                    uint32_t count)
{
    if (!k->ready)
        return KEYBOARD_NO_DRIVER;
    if (count > KEYBOARD_KEYS - k->count)
        return KEYBOARD_FULL;
    for (uint32_t i = 0; i < count; i++)
        k->keys[(k->first + k->count++) % KEYBOARD_KEYS] = keys[i];
    k->port->wake(k);
    return KEYBOARD_OK;
}
