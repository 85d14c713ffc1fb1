/* SPDX-License-Identifier: MIT */
/* fuzz_vmbus_server.c - a hostile child against root's end of the bus, with providers that come, go
 * and close late, and a server that is saved and restored in between. At the end everything must
 * have been given back: the world counts it.
 *
 * Input: steps, each an opcode and a length byte with so many bytes. */
#include "fakes/vmbus_world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEVICES 3u

static struct vmbus_world world;
static struct world_device device[DEVICES];
static bool offered[DEVICES];

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void device_begin(uint32_t i)
{
    bool defers = device[i].defers;

    device_offer(&world, &device[i], i + 1, i == 0 ? 3 : 0);
    device[i].defers = defers;
    offered[i] = true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* What a driver would begin with, so that the fuzzer need not find it. */
static void step_connect(uint32_t version)
{
    struct vmbus_initiate_contact contact = {
        .header.type = VMBUS_INITIATE_CONTACT,
        .version = version % 2 ? VMBUS_VERSION_5_3 : VMBUS_VERSION_4_0,
        .message_sint = version % 2 ? VMBUS_SINT : 0,
        .server_to_client_monitor = 0x1000,
        .client_to_server_monitor = 0x2000,
    };
    struct vmbus_message request = {.type = VMBUS_REQUEST_OFFERS};

    world_send(&world, &contact, sizeof(contact));
    world_send(&world, &request, sizeof(request));
}

static void step_device(uint8_t what)
{
    uint32_t i = what % DEVICES;

    switch (what / DEVICES % 6) {
    case 0:
        if (offered[i])
            vmbus_server_revoke(&device[i].offer);
        break;
    case 1:
        if (offered[i] && device[i].revoked == 0)
            device[i].defers = !device[i].defers;
        break;
    case 2:
        device[i].refuses = !device[i].refuses;
        break;
    case 3:
        device_finish(&device[i]);
        break;
    case 4:
        if (offered[i])
            vmbus_server_sub_channels(&device[i].offer, what / 18u);
        break;
    default:
        if (!offered[i])
            device_begin(i);
        break;
    }
    if (device[i].revoked != 0) {
        offered[i] = false;
        device[i].revoked = 0;
    }
}

static void channel_work(struct vmbus_channel *c)
{
    static uint8_t buffer[512] __attribute__((aligned(8)));
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_COMPLETION, .payload = "x", .length = 1};
    bool again;

    do {
        vmbus_channel_read_begin(c);
        while (vmbus_channel_read_next(c, &in, buffer, sizeof(buffer)) == VMBUS_RING_OK)
            (void)!vmbus_channel_send(c, &out);
        again = vmbus_channel_read_end(c);
    } while (again);
    vmbus_channel_flush(c);
    if (vmbus_channel_broken(c))
        vmbus_server_channel_broken(c);
}

/* The child writes to its memory; providers look at their rings. */
static void step_rings(const uint8_t *bytes, uint32_t length)
{
    if (length > 2)
        memcpy(world.ram + (bytes[0] | bytes[1] << 8) % 8192 * 64, bytes + 2, length - 2);
    for (uint32_t i = 0; i < DEVICES; i++) {
        for (uint32_t k = 0; k < 4; k++) {
            if (!device[i].channel[k] || device[i].closing[k])
                continue;
            vmbus_server_signalled(device[i].channel[k]);
            channel_work(device[i].channel[k]);
        }
    }
}

static void server_end(void)
{
    (void)!vmbus_server_stop(world.server);
    for (uint32_t i = 0; i < DEVICES; i++)
        device_finish(&device[i]);
    check(vmbus_server_stop(world.server));
}

/* Save, and go on with a server that was restored from that. */
static void step_save(void)
{
    size_t size = vmbus_server_state_size(world.server);
    void *state = malloc(size);

    if (!vmbus_server_save(world.server, state, size)) {
        server_end();
        vmbus_server_destroy(world.server);
        world.server = world_server(&world);
        for (uint32_t i = 0; i < DEVICES; i++)
            if (offered[i])
                device_begin(i);
        check(!vmbus_server_restore(world.server, state, size));
    }
    free(state);
}

static void step(uint8_t opcode, const uint8_t *bytes, uint32_t length)
{
    switch (opcode % 8) {
    case 0:
        step_connect(length);
        break;
    case 1:
        if (length != 0)
            step_device(bytes[0]);
        break;
    case 2:
        world.room = length;
        (void)vmbus_server_post_again(world.server);
        break;
    case 3:
        step_rings(bytes, length);
        break;
    case 4:
        step_save();
        break;
    default:
        world_send(&world, bytes, length);
        break;
    }
    if (world.post_count > WORLD_POSTS / 2)
        world.post_count = 0; /* the child has read them */
}

static void limits_check(void)
{
    struct vmbus_server_statistics s;

    vmbus_server_statistics_get(world.server, &s);
    check(s.gpadls <= world.limits.gpadls && s.half_built <= world.limits.half_built &&
          s.pages <= world.limits.pages && s.channels <= world.limits.channels);
    check(s.waiting <= 2 * world.limits.channels + world.limits.replies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world_start(&world);
    for (uint32_t i = 0; i < DEVICES; i++) {
        device[i].defers = false;
        device_begin(i);
    }
    while (size >= 2) {
        uint32_t length = data[1] <= size - 2 ? data[1] : (uint32_t)size - 2;

        step(data[0], data + 2, length);
        limits_check();
        data += 2 + length;
        size -= 2 + length;
    }
    server_end();
    world_stop(&world);
    return 0;
}
