/* SPDX-License-Identifier: MIT */
/* echo.c - the smallest client of a VMBus device: sends packets to an echo device (vspabi/echo.h)
 * and checks what comes back. Arguments: packets=N (1000). Prints "echo: <n> packets came back". */
#include <rt/mem.h>
#include <vspabi/echo.h>

#include "bus.h"

#define RING_PAGES 1u

static struct {
    struct vmbus_channel *channel;
    uint64_t sent, received, packets; /* transactions are 1 to packets, in order */
    uint64_t buffer[(ECHO_BYTES_MAX + 64) / 8];
    const char *wrong;
} echo;

/* Packet @n has 8 to ECHO_BYTES_MAX bytes, all of them that of its number. */
static uint32_t payload_make(uint64_t n, uint8_t *payload)
{
    uint32_t length = (uint32_t)(n % (ECHO_BYTES_MAX / 8) + 1) * 8;

    memset(payload, (int)(n & 0xff), length);
    return length;
}

static bool packet_send(uint64_t n)
{
    uint8_t payload[ECHO_BYTES_MAX];
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = n,
                             .payload = payload,
                             .length = payload_make(n, payload)};

    return vmbus_channel_send(echo.channel, &p) == VMBUS_RING_OK;
}

static void packet_check(const struct vmbus_packet *p)
{
    uint8_t payload[ECHO_BYTES_MAX];
    uint32_t length = payload_make(++echo.received, payload);

    if (p->type != VMBUS_PACKET_COMPLETION || p->transaction != echo.received ||
        p->length != length || memcmp(p->payload, payload, length) != 0)
        echo.wrong = "a packet came back changed";
}

/* Take what has come, then send as much as fits; root signals when it has made room. */
static void channel_work(struct vmbus_client_channel *c)
{
    enum vmbus_ring_status status;
    struct vmbus_packet p;

    (void)c;
    do {
        vmbus_channel_read_begin(echo.channel);
        while ((status = vmbus_channel_read_next(echo.channel, &p, echo.buffer,
                                                 sizeof(echo.buffer))) == VMBUS_RING_OK)
            packet_check(&p);
    } while (vmbus_channel_read_end(echo.channel) && status != VMBUS_RING_BROKEN);
    while (echo.sent < echo.packets && packet_send(echo.sent + 1))
        echo.sent++;
    vmbus_channel_flush(echo.channel);
    if (vmbus_channel_broken(echo.channel))
        echo.wrong = vmbus_channel_broken(echo.channel);
}

uint8_t guest_main(const struct guest_boot *boot)
{
    static const struct vmbus_guid interface = ECHO_INTERFACE;
    struct vmbus_client_channel *c;

    (void)boot;
    echo.packets = guest_arg_number(guest_command_line(), "packets", 1000);
    if (!guest_bus_connect())
        return GUEST_EXIT_FAILED;
    c = guest_bus_offer(&interface, 0);
    if (!c || !guest_bus_open(c, RING_PAGES, RING_PAGES, 0, channel_work)) {
        guest_printf("echo: no echo device is offered, or it cannot be opened\n");
        return GUEST_EXIT_FAILED;
    }
    echo.channel = &c->channel;
    channel_work(c);
    while (echo.received < echo.packets && !echo.wrong)
        guest_bus_wait();
    guest_bus_close(c);
    guest_bus_leave();
    if (echo.wrong)
        guest_printf("echo: %s\n", echo.wrong);
    guest_printf("echo: %llu packets came back\n", (unsigned long long)echo.received);
    return echo.wrong ? GUEST_EXIT_FAILED : GUEST_EXIT_OK;
}
