/* SPDX-License-Identifier: MIT */
/* vmbus_ring_fixture.h - a ring of one page of data, with its reader and its writer. */
#ifndef VMBUS_RING_FIXTURE_H
#define VMBUS_RING_FIXTURE_H

#include <vmbus/ring.h>

#define RING_SIZE   4096u
#define RING_BYTES  (4096u + RING_SIZE)
#define BUFFER_SIZE RING_SIZE

struct ring_pair {
    struct vmbus_ring_header *header;
    struct vmbus_ring reader, writer;
    uint8_t *buffer; /* exactly BUFFER_SIZE bytes */
};

/* It takes 32 bytes of the ring. */
extern const struct vmbus_packet small_packet;

/* cmocka's set-up and tear-down: *@state is a struct ring_pair. */
int ring_start(void **state);
int ring_stop(void **state);

/* Write one packet as a batch. Whether the reader is to be signalled. */
bool ring_send(struct ring_pair *p, const struct vmbus_packet *packet);

/* Read one packet; false: the ring is empty. */
bool ring_take(struct ring_pair *p);

/* End the batch. Whether the writer is to be signalled. */
bool ring_read_end(struct ring_pair *p);

#endif
