/* SPDX-License-Identifier: MIT */
/* storvsc/storvsc.c - a controller's initialisation, and the requests of its channels. */
#include <rt/mem.h>
#include "storvsc.h"

#define PAGE     4096u
#define NO_SLOT  UINT32_MAX
#define USE_MASK 0x7fffffffu

/* Transactions that are no slot's: these have the highest bit set. */
#define TRANSACTION_INIT  0xfffffffffffffffdull
#define TRANSACTION_RESET 0xfffffffffffffffcull

/* storvsc.step: which answer of the initialisation is waited for. */
enum { STEP_NONE, STEP_BEGIN, STEP_VERSION, STEP_PROPERTIES, STEP_END, STEP_SUB_CHANNELS };

static const uint16_t versions[] = {STORAGE_VERSION_6_2, STORAGE_VERSION_6_0, STORAGE_VERSION_5_1};

#define VERSION_COUNT (sizeof(versions) / sizeof(versions[0]))

/* ---- initialisation ---- */

static bool packet_send(struct storvsc *s, struct storage_packet *packet, uint64_t transaction)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = transaction,
                             .payload = packet,
                             .length = sizeof(*packet)};
    bool sent;

    packet->flags = STORAGE_FLAG_COMPLETION;
    sent = vmbus_channel_send(s->primary.vmbus, &p) == VMBUS_RING_OK;
    vmbus_channel_flush(s->primary.vmbus);
    return sent;
}

static bool step_send(struct storvsc *s, uint8_t step, struct storage_packet *packet)
{
    s->step = step;
    return packet_send(s, packet, TRANSACTION_INIT);
}

static void init_over(struct storvsc *s, bool ok)
{
    s->step = STEP_NONE;
    s->events->ready(s, ok);
}

static bool version_send(struct storvsc *s)
{
    struct storage_packet packet = {.operation = STORAGE_QUERY_PROTOCOL_VERSION,
                                    .version.major_minor = versions[s->attempt]};

    return step_send(s, STEP_VERSION, &packet);
}

/* Refused: the next older one. False: there is none, or it cannot be asked for. */
static bool version_answered(struct storvsc *s, uint32_t status)
{
    struct storage_packet packet = {.operation = STORAGE_QUERY_PROPERTIES};

    if (status == STORAGE_STATUS_OK) {
        s->version = versions[s->attempt];
        return step_send(s, STEP_PROPERTIES, &packet);
    }
    s->attempt++;
    return s->attempt < VERSION_COUNT && version_send(s);
}

static bool properties_answered(struct storvsc *s, const struct storage_properties *properties)
{
    struct storage_packet packet = {.operation = STORAGE_END_INITIALIZATION};

    s->max_transfer_bytes = properties->max_transfer_bytes & ~(PAGE - 1);
    if (properties->flags & STORAGE_PROPERTY_MULTI_CHANNEL)
        s->sub_channels = properties->max_channel_count;
    if (s->sub_channels > s->wanted)
        s->sub_channels = s->wanted;
    return s->max_transfer_bytes > 0 && step_send(s, STEP_END, &packet);
}

static bool end_answered(struct storvsc *s)
{
    struct storage_packet packet = {.operation = STORAGE_CREATE_SUB_CHANNELS,
                                    .sub_channel_count = (uint16_t)s->sub_channels};

    if (s->sub_channels > 0)
        return step_send(s, STEP_SUB_CHANNELS, &packet);
    init_over(s, true);
    return true;
}

/* The answer to the step under way. False: initialisation fails. */
static bool step_answered(struct storvsc *s, const struct storage_packet *packet)
{
    if (s->step == STEP_VERSION)
        return version_answered(s, packet->status);
    if (packet->status != STORAGE_STATUS_OK && s->step != STEP_SUB_CHANNELS)
        return false;
    switch (s->step) {
    case STEP_BEGIN:
        return version_send(s);
    case STEP_PROPERTIES:
        return properties_answered(s, &packet->properties);
    case STEP_END:
        return end_answered(s);
    case STEP_SUB_CHANNELS:
        if (packet->status != STORAGE_STATUS_OK)
            s->sub_channels = 0;
        init_over(s, true);
        return true;
    default:

        return true;
    }
}

static void channel_init(struct storvsc_channel *c, struct storvsc *s, struct vmbus_channel *vmbus,
                         struct storvsc_slot *slots, uint32_t count)
{
    c->device = s;
    c->vmbus = vmbus;
    c->slots = slots;
    c->slot_count = count;
    c->free = count > 0 ? 0 : NO_SLOT;
    c->under_way = 0;
    c->submitted = 0;
    c->completed = 0;
    c->stray = 0;
    for (uint32_t i = 0; i < count; i++)
        slots[i] = (struct storvsc_slot){.next = i + 1 < count ? i + 1 : NO_SLOT};
    s->channels[s->channel_count++] = c;
}

bool storvsc_is_ours(const struct vmbus_guid *interface)
{
    static const struct vmbus_guid ours = STORAGE_SCSI_INTERFACE;

    return memcmp(interface, &ours, sizeof(ours)) == 0;
}

void storvsc_init(struct storvsc *s, const struct storvsc_events *events,
                  struct vmbus_channel *primary, struct storvsc_slot *slots, uint32_t count)
{
    void *context = s->context;

    memset(s, 0, sizeof(*s));
    s->context = context;
    s->events = events;
    channel_init(&s->primary, s, primary, slots, count);
}

bool storvsc_begin(struct storvsc *s, uint32_t sub_channels)
{
    struct storage_packet packet = {.operation = STORAGE_BEGIN_INITIALIZATION};

    s->wanted = sub_channels;
    s->attempt = 0;
    if (step_send(s, STEP_BEGIN, &packet))
        return true;
    s->step = STEP_NONE; /* no answer is waited for */
    return false;
}

bool storvsc_channel_add(struct storvsc *s, struct storvsc_channel *c, struct vmbus_channel *vmbus,
                         struct storvsc_slot *slots, uint32_t count)
{
    if (s->channel_count == STORVSC_CHANNELS_MAX)
        return false;
    channel_init(c, s, vmbus, slots, count);
    return true;
}

struct storvsc_channel *storvsc_channel_of(const struct storvsc *s, uint32_t vp)
{
    return s->channels[vp % s->channel_count];
}

bool storvsc_reset(struct storvsc *s)
{
    struct storage_packet packet = {.operation = STORAGE_RESET_BUS};

    return packet_send(s, &packet, TRANSACTION_RESET);
}

/* ---- submitting ---- */

static void srb_fill(const struct storvsc_request *r, struct storage_packet *packet)
{
    struct storage_srb *srb = &packet->srb;

    packet->operation = STORAGE_EXECUTE_SRB;
    packet->flags = STORAGE_FLAG_COMPLETION;
    srb->length = STORAGE_SRB_BYTES;
    srb->lun = r->lun;
    srb->cdb_length = r->cdb_length;
    srb->sense_info_length = STORAGE_SENSE_BYTES;
    srb->data_in = r->direction;
    srb->data_transfer_length = r->length;
    memcpy(srb->data, r->cdb, sizeof(r->cdb));
}

/* Name the data of @r by the one range of @p. False: it has too many pages. */
static bool range_fill(struct storvsc_channel *c, const struct storvsc_request *r,
                       struct vmbus_packet *p)
{
    struct vmbus_range range = {.length = r->length, .offset = r->offset};
    uint64_t pages = ((uint64_t)r->offset + r->length + PAGE - 1) / PAGE;

    if (pages > STORVSC_PAGES_MAX || r->offset >= PAGE)
        return false;
    memcpy(c->ranges, &range, sizeof(range));
    memcpy(c->ranges + sizeof(range), r->pages, pages * sizeof(r->pages[0]));
    p->type = VMBUS_PACKET_GPA_DIRECT;
    p->ranges = c->ranges;
    p->range_count = 1;
    p->ranges_length = (uint32_t)(sizeof(range) + pages * sizeof(r->pages[0]));
    return true;
}

static uint64_t transaction_of(const struct storvsc_channel *c, uint32_t slot)
{
    return (uint64_t)(c->slots[slot].use & USE_MASK) << 32 | (slot + 1);
}

bool storvsc_submit(struct storvsc_channel *c, struct storvsc_request *r)
{
    struct storage_packet packet = {0};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .payload = &packet,
                             .length = sizeof(packet)};
    uint32_t slot = c->free;

    if (slot == NO_SLOT || (r->length > 0 && !range_fill(c, r, &p)))
        return false;
    srb_fill(r, &packet);
    p.transaction = transaction_of(c, slot);
    if (vmbus_channel_send(c->vmbus, &p) != VMBUS_RING_OK)
        return false;
    c->free = c->slots[slot].next;
    c->slots[slot].request = r;
    c->under_way++;
    c->submitted++;
    return true;
}

void storvsc_flush(struct storvsc_channel *c)
{
    vmbus_channel_flush(c->vmbus);
}

/* ---- answers ---- */

/* The request in @slot, which is free then. */
static struct storvsc_request *slot_take(struct storvsc_channel *c, uint32_t slot)
{
    struct storvsc_request *r = c->slots[slot].request;

    c->slots[slot].request = NULL;
    c->slots[slot].use++;
    c->slots[slot].next = c->free;
    c->free = slot;
    c->under_way--;
    return r;
}

static void request_answered(struct storvsc_channel *c, uint32_t slot,
                             const struct storage_packet *packet)
{
    const struct storage_srb *srb = &packet->srb;
    struct storvsc_request *r = slot_take(c, slot);

    c->completed++;
    r->status = packet->status;
    r->srb_status = srb->srb_status;
    r->scsi_status = srb->scsi_status;
    r->transferred = srb->data_transfer_length < r->length ? srb->data_transfer_length : r->length;
    r->sense_bytes = 0;
    if (srb->srb_status & STORAGE_SRB_AUTOSENSE) {
        r->sense_bytes = srb->sense_info_length < STORAGE_SENSE_BYTES ? srb->sense_info_length
                                                                      : STORAGE_SENSE_BYTES;
        memcpy(r->sense, srb->data, r->sense_bytes);
    }
    r->done(r);
}

/* The answer to something that is not an SRB. False: there is no such thing. */
static bool device_answered(struct storvsc_channel *c, uint64_t transaction,
                            const struct storage_packet *packet)
{
    struct storvsc *s = c->device;

    if (c != &s->primary)
        return false;
    if (transaction == TRANSACTION_RESET) {
        s->events->reset(s, packet->status == STORAGE_STATUS_OK);
        return true;
    }
    if (transaction != TRANSACTION_INIT || s->step == STEP_NONE)
        return false;
    if (!step_answered(s, packet))
        init_over(s, false);
    return true;
}

static bool completion_take(struct storvsc_channel *c, uint64_t transaction,
                            const struct storage_packet *packet)
{
    uint32_t slot = (uint32_t)transaction - 1;

    if (packet->operation != STORAGE_COMPLETE_IO)
        return false;
    if (slot >= c->slot_count || transaction != transaction_of(c, slot) || !c->slots[slot].request)
        return device_answered(c, transaction, packet);
    request_answered(c, slot, packet);
    return true;
}

static void packet_take(struct storvsc_channel *c, const struct vmbus_packet *p)
{
    struct storage_packet packet;
    bool taken = false;

    if (p->length >= sizeof(packet)) {
        memcpy(&packet, p->payload, sizeof(packet)); /* done() may have the buffer used again */
        if (p->type == VMBUS_PACKET_COMPLETION) {
            taken = completion_take(c, p->transaction, &packet);
        } else if (p->type == VMBUS_PACKET_IN_BAND && packet.operation == STORAGE_ENUMERATE_BUS) {
            c->device->events->changed(c->device);
            taken = true;
        }
    }
    if (!taken)
        c->stray++;
}

bool storvsc_poll(struct storvsc_channel *c)
{
    enum vmbus_ring_status status;
    struct vmbus_packet p;

    do {
        vmbus_channel_read_begin(c->vmbus);
        while ((status = vmbus_channel_read_next(c->vmbus, &p, c->buffer, sizeof(c->buffer))) ==
               VMBUS_RING_OK)
            packet_take(c, &p);
    } while (vmbus_channel_read_end(c->vmbus) && status != VMBUS_RING_BROKEN);
    return status != VMBUS_RING_BROKEN;
}

void storvsc_channel_closed(struct storvsc_channel *c)
{
    for (uint32_t i = 0; i < c->slot_count; i++) {
        struct storvsc_request *r;

        if (!c->slots[i].request)
            continue;
        r = slot_take(c, i);
        r->status = STORVSC_STATUS_CLOSED;
        r->srb_status = STORAGE_SRB_ABORTED;
        r->scsi_status = SCSI_STATUS_GOOD;
        r->sense_bytes = 0;
        r->transferred = 0;
        r->done(r);
    }
}
