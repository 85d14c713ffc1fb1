/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_keyboard.c - any packets at any time for the synthetic keyboard: it sends nothing
 * but answers to who asked, and the keys that were pressed, each once and in their order; what
 * waits is sent when the child has made room, whoever signals what.
 *
 * Input: operations of one byte with what they need behind it. Rings may also be scribbled upon,
 * and have packets of no kind, or too long ones: then only the keyboard's own memory is watched,
 * until the channel is opened anew. */
#include <stdlib.h>
#include <string.h>
#include <keyboard/keyboard.h>
#include "input.h"

#define RING_BYTES   (2 * 4096u) /* a page of packets: full sooner than the keyboard's queue */
#define PACKET_BYTES 112u        /* what the keyboard reads, behind a descriptor */
#define PRESSED      UINT8_MAX   /* keys at once */

enum { OP_ASK, OP_SEND, OP_TAKE, OP_PRESS, OP_WORK, OP_OPEN, OP_SCRIBBLE, OP_COUNT };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct keyboard keyboard;
    struct vmbus_channel server, child;
    uint8_t *rings; /* the child's: to the keyboard, and from it */
    bool open, woken;
    bool hostile;                /* the child has not kept to the rings' rules */
    bool accepted;               /* the child was told so */
    uint64_t asked, answered;    /* since it was opened */
    uint16_t pressed, delivered; /* the codes of the next key: to be pressed, to come */
} f;

/* ---- what the keyboard needs ---- */

void vmbus_server_closed(struct vmbus_channel *c)
{
    must(c == &f.server && f.keyboard.channel == NULL);
}

void vmbus_server_channel_broken(struct vmbus_channel *c)
{
    must(c == &f.server && f.hostile);
    f.open = false;
    f.keyboard.offer.operations->closed(&f.keyboard.offer, c);
}

static void wake(struct keyboard *k)
{
    (void)k;
    f.woken = true;
}

static void note(struct keyboard *k, uint32_t relid, const char *reason)
{
    must(k == &f.keyboard && relid == 1 && reason != NULL);
}

static const struct keyboard_port port = {.wake = wake, .log = note};

static void signal_server(struct vmbus_channel *c)
{
    (void)c;
    if (f.open)
        f.keyboard.offer.operations->signalled(&f.keyboard.offer, &f.server);
}

static void signal_child(struct vmbus_channel *c)
{
    (void)c;
}

/* ---- the child ---- */

static void channel_close(void)
{
    if (f.open)
        f.keyboard.offer.operations->closed(&f.keyboard.offer, &f.server);
    f.open = false;
}

static void channel_open(bool restored)
{
    static const uint8_t user_data[VMBUS_USER_DATA_SIZE];
    uint8_t *down = f.rings + RING_BYTES;

    vmbus_ring_format(f.rings);
    vmbus_ring_format(down);
    f.server = (struct vmbus_channel){.relid = 1, .signal = signal_child};
    f.child = (struct vmbus_channel){.relid = 1, .signal = signal_server};
    must(vmbus_ring_attach_reader(&f.server.in, f.rings, RING_BYTES));
    must(vmbus_ring_attach_writer(&f.server.out, down, RING_BYTES));
    must(vmbus_ring_attach_writer(&f.child.out, f.rings, RING_BYTES));
    must(vmbus_ring_attach_reader(&f.child.in, down, RING_BYTES));
    f.hostile = f.accepted = false;
    f.asked = f.answered = 0;
    f.delivered = f.pressed;
    f.open = f.keyboard.offer.operations->opened(&f.keyboard.offer, &f.server, user_data, restored);
    must(f.open == !restored);
}

static void packet_send(uint16_t type, const void *bytes, uint32_t length)
{
    const struct vmbus_packet p = {.type = type, .payload = bytes, .length = length};

    if (!f.open)
        return;
    (void)vmbus_channel_send(&f.child, &p);
    vmbus_channel_flush(&f.child);
}

static void ask(uint32_t version)
{
    const struct keyboard_request m = {.type = KEYBOARD_REQUEST, .version = version};

    f.asked++;
    packet_send(VMBUS_PACKET_IN_BAND, &m, sizeof(m));
}

static void any_send(void)
{
    uint8_t bytes[UINT8_MAX], how = take_byte(), length = take_byte();

    take(bytes, length);
    f.asked++; /* it may be a request */
    f.hostile |= (how & 1) == 0 || length > PACKET_BYTES;
    packet_send(how & 1 ? VMBUS_PACKET_IN_BAND : how, bytes, length);
}

static void response_judge(const struct vmbus_packet *p)
{
    struct keyboard_response m;

    must(p->length == sizeof(m));
    memcpy(&m, p->payload, sizeof(m));
    must(m.status == 0 || m.status == KEYBOARD_ACCEPTED);
    must(++f.answered <= f.asked);
    f.accepted = m.status == KEYBOARD_ACCEPTED;
}

static void event_judge(const struct vmbus_packet *p)
{
    struct keyboard_event m;

    must(p->length == (sizeof(m) + 7) / 8 * 8); /* the unit of rings */
    memcpy(&m, p->payload, sizeof(m));
    must(f.accepted && m.reserved == 0);
    must(m.code == f.delivered++ && m.flags == (m.code & (KEYBOARD_BREAK | KEYBOARD_E0)));
}

/* What came first. False: nothing, or nothing that can be read. */
static bool packet_take(void)
{
    enum vmbus_ring_status status;
    struct vmbus_packet p;
    uint64_t buffer[16];
    uint32_t type;

    if (!f.open)
        return false;
    vmbus_channel_read_begin(&f.child);
    status = vmbus_channel_read_next(&f.child, &p, buffer, sizeof(buffer));
    (void)!vmbus_channel_read_end(&f.child);
    if (f.hostile)
        return status == VMBUS_RING_OK;
    must(status == VMBUS_RING_OK || status == VMBUS_RING_EMPTY);
    if (status == VMBUS_RING_EMPTY)
        return false;
    must(p.type == VMBUS_PACKET_IN_BAND && p.length >= sizeof(type));
    memcpy(&type, p.payload, sizeof(type));
    if (type == KEYBOARD_RESPONSE)
        response_judge(&p);
    else if (type == KEYBOARD_EVENT)
        event_judge(&p);
    else
        must(false);
    return true;
}

/* Write to what is the child's to write: all of the ring to root, and the reader's words of the
 * ring from it. */
static void scribble(void)
{
    uint16_t offset;
    uint32_t value, at;

    take(&offset, sizeof(offset));
    take(&value, sizeof(value));
    at = offset % (RING_BYTES / 4) * 4;
    if (offset & 0x8000)
        at = RING_BYTES + 4 + (offset & 4);
    memcpy(f.rings + at, &value, sizeof(value));
    f.hostile = true;
}

/* ---- root ---- */

static void press(uint32_t count)
{
    struct keyboard_key keys[PRESSED];
    enum keyboard_result result;
    uint32_t before = f.keyboard.count;

    for (uint32_t i = 0; i < count; i++) {
        uint16_t code = (uint16_t)(f.pressed + i);

        keys[i] = (struct keyboard_key){code, code & (KEYBOARD_BREAK | KEYBOARD_E0)};
    }
    result = keyboard_press(&f.keyboard, keys, count);
    must((result == KEYBOARD_NO_DRIVER) == !f.keyboard.ready);
    must(result != KEYBOARD_FULL || before + count > KEYBOARD_KEYS);
    if (result == KEYBOARD_OK)
        f.pressed = (uint16_t)(f.pressed + count);
}

/* As often as the bus would: who is woken. Its work has an end. */
static void work(void)
{
    for (uint32_t rounds = 0; f.woken; rounds++) {
        must(rounds < 2 * RING_BYTES);
        f.woken = false;
        if (keyboard_work(&f.keyboard))
            f.woken = true;
    }
}

static void check(void)
{
    const struct keyboard *k = &f.keyboard;

    must(k->count <= KEYBOARD_KEYS && k->first < KEYBOARD_KEYS);
    must((k->channel != NULL) == f.open);
    must(f.open || (!k->ready && k->count == 0));
}

static void operation(void)
{
    uint8_t how;

    switch (take_byte() % OP_COUNT) {
    case OP_ASK:
        how = take_byte();
        ask(how < 0x80 ? KEYBOARD_VERSION : how);
        break;
    case OP_SEND:
        any_send();
        break;
    case OP_TAKE:
        for (how = take_byte(); how > 0 && packet_take(); how--)
            ;
        break;
    case OP_PRESS:
        press(take_byte());
        break;
    case OP_OPEN:
        how = take_byte();
        channel_close();
        channel_open(how == 0xff);
        break;
    case OP_SCRIBBLE:
        scribble();
        break;
    case OP_WORK:
    default:
        work();
        break;
    }
}

/* A child that takes all gets all. */
static void drain(void)
{
    do
        work();
    while (packet_take());
    must(f.hostile || !f.open || !f.keyboard.ready || f.delivered == f.pressed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmbus_guid instance = {.data1 = 1};

    memset(&f, 0, sizeof(f));
    f.rings = aligned_alloc(4096, (size_t)2 * RING_BYTES);
    must(f.rings != NULL);
    input_begin(data, size);
    keyboard_init(&f.keyboard, &port, &instance);
    channel_open(false);
    while (input_left()) {
        operation();
        check();
    }
    drain();
    channel_close();
    check();
    free(f.rings);
    return 0;
}
