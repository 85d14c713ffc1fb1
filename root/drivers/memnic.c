/* SPDX-License-Identifier: MIT */
/* root/drivers/memnic.c - a network card of root's memory, for measurements: as a card does, it has
 * what is sent copied into a ring of buffers, as it would be on the wire. Nothing reads them, and
 * nothing comes in. */
#include <rt/net_mac.h>
#include <rt/mem.h>
#include "drivers/drivers.h"
#include "mm/memory.h"
#include "net/nic.h"
#include "net/nic_frame.h"

#define BUFFERS      256u
#define BUFFER_BYTES 2048u

_Static_assert(NET_ETHERNET_BYTES + NET_VLAN_BYTES + NET_MTU_DEFAULT <= BUFFER_BYTES,
               "a frame fits into a buffer");

struct memnic {
    struct nic nic;
    uint32_t next; /* [a] buffers ever taken */
    uint8_t buffers[BUFFERS][BUFFER_BYTES];
};

static enum net_taken card_transmit(struct nic *nic, const struct net_frame *frame)
{
    struct memnic *m = nic->driver;
    uint32_t count = net_frame_segments(frame);
    uint32_t first = __atomic_fetch_add(&m->next, count, __ATOMIC_RELAXED);
    struct net_cursor cursor = {0};

    for (uint32_t i = 0; i < count; i++)
        (void)nic_frame_write(frame, &cursor, m->buffers[(first + i) % BUFFERS]);
    return NET_TAKEN;
}

static const struct nic_operations card_operations = {.transmit = card_transmit};

bool memnic_create(void)
{
    /* Always the same, so that figures are. */
    static const uint8_t address[NET_ADDRESS_BYTES] = {MAC_LOCAL, 'm', 'e', 'm', 0, 0};
    struct memnic *m = kalloc(sizeof(*m));
    struct nic *nic;

    if (!m)
        return false;
    nic = &m->nic;
    rt_strlcpy(nic->name, "memnic0", sizeof(nic->name));
    rt_strlcpy(nic->model, "memory", sizeof(nic->model));
    memcpy(nic->mac, address, sizeof(address));
    nic->mtu = NET_MTU_DEFAULT;
    nic->link = true;
    nic->operations = &card_operations;
    nic->driver = m;
    nic_register(nic);
    return true;
}
