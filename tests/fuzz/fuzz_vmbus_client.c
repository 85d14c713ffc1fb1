/* SPDX-License-Identifier: MIT */
/* fuzz_vmbus_client.c - any messages and rings of root's against the guest's end of the bus, while
 * its user opens, shares, closes and leaves: the user is only told what it waits for, and what it
 * was told is its own is not used any more.
 *
 * Input: steps, each an opcode and a length byte with so many bytes. */
#include <hvabi/status.h>
#include <stdlib.h>
#include <string.h>
#include <vmbus/client.h>

#define CHANNELS   4u
#define RING_BYTES (2 * HV_PAGE_SIZE)
#define BUFFER     512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the user may expect of a channel, or of the memory that it shares beside the rings. */
enum user_state { NOT_THERE, IDLE, BEGINNING, USABLE, ENDING };

struct user {
    enum user_state channel, shared;
    uint8_t *rings; /* NULL: not given to the client */
    struct vmbus_client_gpadl gpadl;
};

static struct {
    struct vmbus_client client;
    struct vmbus_client_channel channels[CHANNELS];
    struct user users[CHANNELS];
    struct hv_monitor_page monitor;
    uint8_t room; /* messages that root takes */
    uint64_t signals;
} fuzz;

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* ---- the transport ---- */

static hv_status post(void *context, uint32_t connection, const void *message, uint32_t length)
{
    struct vmbus_message header;

    (void)context;
    (void)connection;
    check(length >= sizeof(header) && length <= VMBUS_MESSAGE_SIZE_MAX);
    memcpy(&header, message, sizeof(header));
    check(header.type != 0);
    if (fuzz.room == 0)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    fuzz.room--;
    return HV_STATUS_SUCCESS;
}

static void ring_doorbell(struct vmbus_channel *c)
{
    (void)c;
    fuzz.signals++;
}

static uint64_t page_number(void *context, const void *page)
{
    (void)context;
    return (uintptr_t)page / HV_PAGE_SIZE;
}

static const struct vmbus_client_port port = {
    .post = post, .signal = ring_doorbell, .page_number = page_number};

/* ---- what the user is told ---- */

static struct user *user_of(const struct vmbus_client_channel *c)
{
    check(c >= fuzz.channels && c < fuzz.channels + CHANNELS);
    return &fuzz.users[c - fuzz.channels];
}

static void rings_free(struct user *u)
{
    free(u->rings);
    u->rings = NULL;
}

static void channel_gone(struct user *u)
{
    rings_free(u);
    u->channel = NOT_THERE;
    u->shared = NOT_THERE;
}

static void all_gone(void)
{
    for (uint32_t i = 0; i < CHANNELS; i++)
        channel_gone(&fuzz.users[i]);
}

static void offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    struct user *u = user_of(c);

    check(b == &fuzz.client && u->channel == NOT_THERE);
    u->channel = IDLE;
}

static void opened(struct vmbus_client_channel *c, bool ok)
{
    struct user *u = user_of(c);

    check(u->channel == BEGINNING);
    u->channel = ok ? USABLE : IDLE;
    if (!ok)
        rings_free(u);
}

static void closed(struct vmbus_client_channel *c)
{
    struct user *u = user_of(c);

    check(u->channel == ENDING);
    u->channel = IDLE;
    rings_free(u);
}

static void rescinded(struct vmbus_client_channel *c)
{
    struct user *u = user_of(c);

    check(u->channel != NOT_THERE);
    channel_gone(u);
    check(vmbus_client_release(c));
}

static void modified(struct vmbus_client_channel *c, bool ok)
{
    (void)ok;
    check(user_of(c)->channel == USABLE);
}

static void gpadl_created(struct vmbus_client_gpadl *g, bool ok)
{
    struct user *u = user_of(g->channel);

    check(g == &u->gpadl && u->shared == BEGINNING);
    u->shared = ok ? USABLE : NOT_THERE;
}

static void gpadl_torndown(struct vmbus_client_gpadl *g)
{
    struct user *u = user_of(g->channel);

    check(g == &u->gpadl && u->shared == ENDING);
    u->shared = NOT_THERE;
}

static void unloaded(struct vmbus_client *b)
{
    (void)b;
    all_gone();
}

static const struct vmbus_client_events events = {
    .offered = offered,
    .opened = opened,
    .closed = closed,
    .rescinded = rescinded,
    .modified = modified,
    .gpadl_created = gpadl_created,
    .gpadl_torndown = gpadl_torndown,
    .unloaded = unloaded,
};

/* ---- what the user does ---- */

static void user_open(struct vmbus_client_channel *c, struct user *u)
{
    uint8_t *rings;

    if (u->channel != IDLE)
        return;
    rings = aligned_alloc(HV_PAGE_SIZE, 2 * RING_BYTES); /* no more, for ASan */
    check(rings != NULL);
    memset(rings, 0, 2 * RING_BYTES);
    u->rings = rings;
    u->channel = BEGINNING;
    check(vmbus_client_open(c, rings, RING_BYTES, RING_BYTES, 0, NULL));
}

/* Other memory has to be given back first. */
static void user_close(struct vmbus_client_channel *c, struct user *u)
{
    if ((u->channel != BEGINNING && u->channel != USABLE) || u->shared != NOT_THERE)
        return;
    if (vmbus_client_close(c))
        u->channel = ENDING;
}

static void user_share(struct vmbus_client_channel *c, struct user *u, uint8_t pages)
{
    if (u->channel != USABLE)
        return;
    if (u->shared == NOT_THERE) {
        u->shared = BEGINNING;
        if (!vmbus_client_gpadl_create(&u->gpadl, c, &fuzz, pages * HV_PAGE_SIZE))
            u->shared = NOT_THERE;
    } else if (u->shared == USABLE) {
        u->shared = ENDING;
        check(vmbus_client_gpadl_teardown(&u->gpadl));
    }
}

/* Read what there is, and send something. */
static void user_work(struct vmbus_client_channel *c, struct user *u)
{
    static uint8_t buffer[BUFFER] __attribute__((aligned(8)));
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND, .payload = "x", .length = 1};
    bool again;

    if (u->channel != USABLE)
        return;
    do {
        vmbus_channel_read_begin(&c->channel);
        while (vmbus_channel_read_next(&c->channel, &in, buffer, sizeof(buffer)) == VMBUS_RING_OK)
            (void)!vmbus_channel_send(&c->channel, &out);
        again = vmbus_channel_read_end(&c->channel);
    } while (again);
    (void)!vmbus_channel_send(&c->channel, &out);
    vmbus_channel_flush(&c->channel);
}

static void step_user(uint8_t what, uint8_t argument)
{
    struct vmbus_client_channel *c = &fuzz.channels[what % CHANNELS];
    struct user *u = &fuzz.users[what % CHANNELS];

    switch (what / CHANNELS % 6) {
    case 0:
        user_open(c, u);
        break;
    case 1:
        user_close(c, u);
        break;
    case 2:
        user_share(c, u, argument);
        break;
    case 3:
        if (u->channel == USABLE)
            (void)!vmbus_client_modify(c, argument);
        break;
    case 4:
        vmbus_client_request_offers(&fuzz.client);
        break;
    default:
        user_work(c, u);
        break;
    }
}

/* The user begins anew, or leaves. */
static void step_bus(uint8_t what)
{
    bool monitored = what & 4;

    if (what & 1)
        (void)vmbus_client_unload(&fuzz.client);
    else if (vmbus_client_contact(&fuzz.client, what & 2 ? VMBUS_VERSION_5_3 : VMBUS_VERSION_4_0, 0,
                                  monitored ? &fuzz.monitor : NULL,
                                  monitored ? &fuzz.monitor : NULL))
        all_gone();
}

/* Root writes to a channel's rings. */
static void step_rings(const uint8_t *bytes, uint32_t length)
{
    uint8_t *rings;
    uint32_t at;

    if (length < 4)
        return;
    rings = fuzz.users[bytes[0] % CHANNELS].rings;
    at = (bytes[1] | (uint32_t)bytes[2] << 8) * 4 % (2 * RING_BYTES);
    length -= 3;
    if (rings != NULL)
        memcpy(rings + at, bytes + 3, length < 2 * RING_BYTES - at ? length : 2 * RING_BYTES - at);
}

static void step_message(const uint8_t *bytes, uint32_t length)
{
    uint8_t *copy = malloc(length != 0 ? length : 1); /* no longer, for ASan */

    check(copy != NULL);
    if (length != 0)
        memcpy(copy, bytes, length);
    vmbus_client_receive(&fuzz.client, copy, length);
    free(copy);
}

static void step(uint8_t opcode, const uint8_t *bytes, uint32_t length)
{
    switch (opcode % 6) {
    case 0:
        step_bus(length != 0 ? bytes[0] : 2);
        break;
    case 1:
        if (length != 0)
            step_user(bytes[0], bytes[length - 1]);
        break;
    case 2:
        fuzz.room = (uint8_t)length;
        (void)vmbus_client_post_again(&fuzz.client);
        break;
    case 3:
        step_rings(bytes, length);
        break;
    default:
        step_message(bytes, length);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&fuzz, 0, sizeof(fuzz));
    fuzz.room = UINT8_MAX;
    vmbus_client_init(&fuzz.client, &port, NULL, &events, fuzz.channels, CHANNELS);
    while (size >= 2) {
        uint32_t length = data[1] <= size - 2 ? data[1] : (uint32_t)size - 2;

        step(data[0], data + 2, length);
        data += 2 + length;
        size -= 2 + length;
    }
    all_gone();
    return 0;
}
