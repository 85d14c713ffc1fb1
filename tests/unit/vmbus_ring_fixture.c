/* SPDX-License-Identifier: MIT */
/* vmbus_ring_fixture.c - see vmbus_ring_fixture.h. */
#include "fakes/test.h"
#include "vmbus_ring_fixture.h"

#include <stdlib.h>
#include <string.h>

const struct vmbus_packet small_packet = {
    .type = VMBUS_PACKET_IN_BAND, .transaction = 1, .payload = "8 bytes", .length = 8};

int ring_start(void **state)
{
    struct ring_pair *p = calloc(1, sizeof(*p));

    p->header = aligned_alloc(4096, RING_BYTES);
    memset(p->header, 0xa5, RING_BYTES);
    vmbus_ring_format(p->header);
    p->buffer = malloc(BUFFER_SIZE);
    assert_true(vmbus_ring_attach_reader(&p->reader, p->header, RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&p->writer, p->header, RING_BYTES));
    *state = p;
    return 0;
}

int ring_stop(void **state)
{
    struct ring_pair *p = *state;

    free(p->header);
    free(p->buffer);
    free(p);
    return 0;
}

bool ring_send(struct ring_pair *p, const struct vmbus_packet *packet)
{
    assert_int_equal(vmbus_ring_write(&p->writer, packet), VMBUS_RING_OK);
    return vmbus_ring_write_end(&p->writer);
}

bool ring_take(struct ring_pair *p)
{
    struct vmbus_packet packet;
    enum vmbus_ring_status status = vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE);

    assert_int_not_equal(status, VMBUS_RING_BROKEN);
    return status == VMBUS_RING_OK;
}

bool ring_read_end(struct ring_pair *p)
{
    bool signal;

    (void)!vmbus_ring_read_end(&p->reader, &signal);
    return signal;
}
