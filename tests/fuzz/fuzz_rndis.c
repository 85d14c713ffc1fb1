/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_rndis.c - any RNDIS messages, for control and with frames, in sections, in pages
 * or in both, to a device that is ready for them: each is answered, answers are messages, and
 * frames that come out keep their contract. */
#include "network_input.h"

#define MESSAGE_MAX 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OP_CONTROL, OP_FRAMES, OP_PAGES, OP_BRING, OP_FRAME, OP_COUNT };

/* Check what came for the child, and give it back. */
static void packets_check(void)
{
    for (unsigned i = 0; i < world.packet_count; i++) {
        const struct world_packet *p = &world.packets[i];

        if (p->type != VMBUS_PACKET_TRANSFER_PAGES)
            continue;
        for (uint32_t k = 0; k < p->range_count; k++) {
            struct rndis_header h;

            memcpy(&h, world_section(p, k), sizeof(h));
            must(h.length == p->ranges[k].length && h.length >= sizeof(struct rndis_complete));
            must((p->message.rndis.channel == NVSP_CHANNEL_DATA) == (h.type == RNDIS_PACKET));
        }
        world_complete(p);
    }
    world.packet_count = 0;
}

/* @length bytes of input, as a message; its type and length are right if @sound. */
static uint32_t message_take(uint8_t *to, uint32_t type, bool sound)
{
    uint16_t length;

    take(&length, sizeof(length));
    length %= MESSAGE_MAX;
    take(to, length);
    if (sound && length >= 8) {
        memcpy(to, &type, 4);
        memset(to + 4, 0, 4);
        memcpy(to + 4, &length, sizeof(length));
    }
    return length;
}

/* A frame's message that is in order, but for its frame and information. */
static void frame_send(void)
{
    uint8_t message[MESSAGE_MAX * 2], frame[MESSAGE_MAX], info[64];
    uint32_t info_length = take_byte() % sizeof(info), length, index = take_byte() % 2;
    uint16_t extra;

    take(info, info_length);
    take(&extra, sizeof(extra));
    memset(frame, 0, sizeof(frame));
    take(frame, 80);
    length = NET_ETHERNET_BYTES + extra % (MESSAGE_MAX - NET_ETHERNET_BYTES);
    length = world_message(message, frame, length, info, info_length);
    (void)world_rndis(index, NVSP_CHANNEL_DATA, message, length);
}

static void operation(uint8_t op)
{
    uint8_t message[MESSAGE_MAX];
    uint32_t length;

    switch (op % OP_COUNT) {
    case OP_CONTROL:
        length = message_take(message, RNDIS_QUERY + (op >> 6), (op & 0x20) != 0);
        (void)world_rndis(0, NVSP_CHANNEL_CONTROL, message, length);
        break;
    case OP_FRAMES:
        length = message_take(message, RNDIS_PACKET, (op & 0x20) != 0);
        (void)world_rndis(op >> 7, NVSP_CHANNEL_DATA, message, length);
        break;
    case OP_PAGES:
        length = message_take(message, op & 0x40 ? RNDIS_SET : RNDIS_PACKET, (op & 0x20) != 0);
        if (length > 0)
            (void)world_rndis_pages(0, op & 0x40 ? NVSP_CHANNEL_CONTROL : NVSP_CHANNEL_DATA,
                                    message, length, take_byte() * 16u);
        break;
    case OP_BRING:
        (void)frame_bring();
        world_run();
        break;
    case OP_FRAME:
    default:
        frame_send();
        break;
    }
    packets_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_begin(data, size);
    world_make(NET_MTU_MAX);
    world_initialise();
    must(world_open(1));
    world.send = frame_check;
    while (input_left())
        operation(take_byte());
    must(world.channels[0].open && world.channels[1].open);
    world_drop();
    return 0;
}
