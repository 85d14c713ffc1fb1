/* SPDX-License-Identifier: MIT */
/* netvsp/nvsp.c - NVSP: versions, the buffers that the child shares, sub-channels. All of it but
 * RNDIS messages is the primary channel's.
 *
 * Buffers are named by GPADLs, which are the bus's to get and put, and channels are the bus's to
 * offer: such a message is an errand (device.errand), and nothing more is read on the primary
 * channel until it is done. */
#include <rt/mem.h>
#include "internal.h"

static const uint32_t versions[] = {NVSP_VERSION_1, NVSP_VERSION_2, NVSP_VERSION_4,
                                    NVSP_VERSION_5, NVSP_VERSION_6, NVSP_VERSION_6_1};

static uint32_t version_of(const struct netvsp_device *d)
{
    return __atomic_load_n(&d->version, __ATOMIC_RELAXED);
}

static bool is_answered(const struct vmbus_packet *p)
{
    return (p->flags & VMBUS_PACKET_FLAG_COMPLETION) != 0;
}

/* Answer @p, if it wants that, with all of @m. */
static void answer(struct netvsp_channel *c, const struct vmbus_packet *p,
                   const struct nvsp_message *m)
{
    if (is_answered(p))
        netvsp_answer(c, p->transaction, m, sizeof(*m));
}

/* The same without contents, where clients expect none. */
static void answer_empty(struct netvsp_channel *c, const struct vmbus_packet *p)
{
    static const struct nvsp_message nothing;

    if (is_answered(p))
        netvsp_answer(c, p->transaction, &nothing, 0);
}

/* ---- versions ---- */

/* The newest of ours between @min and @max; 0: there is none. */
static uint32_t version_choose(uint32_t min, uint32_t max)
{
    for (uint32_t i = sizeof(versions) / sizeof(versions[0]); i-- > 0;)
        if (versions[i] >= min && versions[i] <= max)
            return versions[i];
    return 0;
}

static uint32_t init_status(const struct nvsp_init *init)
{
    if (init->version_max < versions[0])
        return NVSP_STATUS_TOO_OLD;
    if (init->version_min > versions[sizeof(versions) / sizeof(versions[0]) - 1])
        return NVSP_STATUS_TOO_NEW;
    return NVSP_STATUS_UNSUPPORTED;
}

static void init_take(struct netvsp_channel *c, const struct nvsp_message *m,
                      const struct vmbus_packet *p)
{
    uint32_t version = version_choose(m->init.version_min, m->init.version_max);
    struct nvsp_message a = {.type = NVSP_INIT_COMPLETE};

    if (version_of(c->device) != 0) {
        netvsp_complain(c, "a second agreement on a version");
        a.init_complete.status = NVSP_STATUS_FAIL;
    } else if (version == 0) {
        a.init_complete.status = init_status(&m->init);
    } else {
        __atomic_store_n(&c->device->version, version, __ATOMIC_RELEASE); /* pairs with may_open */
        a.init_complete = (struct nvsp_init_complete){
            .version = version, .max_mdl_chain = NETVSP_PAGES_MAX, .status = NVSP_STATUS_SUCCESS};
    }
    answer(c, p, &a);
}

/* The child's MTU, from version 2 on; sections are made for it, so it comes before them. */
static void config_take(struct netvsp_channel *c, const struct nvsp_ndis_config *config)
{
    struct netvsp_device *d = c->device;
    uint32_t most = d->config.mtu_max, mtu;

    if (version_of(d) < NVSP_VERSION_2 || d->receive.held) {
        netvsp_complain(c, "a configuration out of order");
        return;
    }
    if (config->frame_max < NET_ETHERNET_BYTES + NET_MTU_MIN) {
        netvsp_complain(c, "an MTU that is too small");
        return;
    }
    mtu = config->frame_max - NET_ETHERNET_BYTES;
    __atomic_store_n(&d->mtu, mtu < most ? mtu : most, __ATOMIC_RELAXED);
}

/* ---- errands ---- */

static void errand_begin(struct netvsp_channel *c, const struct vmbus_packet *p, uint32_t errand,
                         uint32_t state)
{
    struct netvsp_device *d = c->device;

    d->errand = errand;
    c->errand_answer = is_answered(p);
    c->errand_transaction = p->transaction;
    __atomic_store_n(&d->errand_state, state, __ATOMIC_RELEASE); /* pairs with errand_do */
    if (state == NETVSP_ASKED)
        d->port->wake_bus(d);
}

static void buffer_answer(struct nvsp_message *a, const struct netvsp_buffer *b, bool ok)
{
    uint32_t status = ok ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAIL;

    if (a->type == NVSP_SEND_BUFFER_COMPLETE) {
        a->send_buffer_complete = (struct nvsp_send_buffer_complete){
            .status = status, .section_size = ok ? b->section_size : 0};
        return;
    }
    a->receive_buffer_complete.status = status;
    if (!ok)
        return;
    a->receive_buffer_complete.section_count = 1;
    a->receive_buffer_complete.section =
        (struct nvsp_receive_section){.size = b->section_size,
                                      .count = b->section_count,
                                      .end = b->section_size * b->section_count};
}

/* A buffer of the child's is to be used. */
static void buffer_take(struct netvsp_channel *c, const struct nvsp_message *m,
                        const struct vmbus_packet *p)
{
    struct netvsp_device *d = c->device;
    bool receive = m->type == NVSP_RECEIVE_BUFFER;
    struct netvsp_buffer *b = receive ? &d->receive : &d->send;
    struct nvsp_message a = {.type = m->type + 1};

    if (b->held || m->buffer.id != (receive ? NVSP_RECEIVE_BUFFER_ID : NVSP_SEND_BUFFER_ID)) {
        netvsp_complain(c, b->held ? "a second buffer of a kind" : "a buffer with a wrong number");
        buffer_answer(&a, b, false);
        answer(c, p, &a);
        return;
    }
    b->gpadl = m->buffer.gpadl;
    errand_begin(c, p, receive ? NETVSP_ERRAND_RECEIVE_GET : NETVSP_ERRAND_SEND_GET, NETVSP_ASKED);
}

/* A buffer is not to be used any more: when nobody does. */
static void buffer_revoke(struct netvsp_channel *c, const struct nvsp_message *m,
                          const struct vmbus_packet *p)
{
    struct netvsp_device *d = c->device;
    bool receive = m->type == NVSP_RECEIVE_BUFFER_REVOKE;
    struct netvsp_buffer *b = receive ? &d->receive : &d->send;

    if (!b->held || m->revoke_id != (receive ? NVSP_RECEIVE_BUFFER_ID : NVSP_SEND_BUFFER_ID)) {
        netvsp_complain(c, "a buffer is taken back that is not there");
        answer_empty(c, p);
        return;
    }
    netvsp_shut(b);
    errand_begin(c, p, receive ? NETVSP_ERRAND_RECEIVE_PUT : NETVSP_ERRAND_SEND_PUT,
                 NETVSP_WAITING);
}

/* The answer to an errand that was done, in @a; its length. */
static uint32_t errand_answer_make(struct netvsp_channel *c, struct nvsp_message *a)
{
    struct netvsp_device *d = c->device;
    bool receive = d->errand == NETVSP_ERRAND_RECEIVE_GET;
    bool get = receive || d->errand == NETVSP_ERRAND_SEND_GET;
    struct netvsp_buffer *b = receive ? &d->receive : &d->send;

    if (d->errand == NETVSP_ERRAND_SUB_CHANNELS) {
        *a = (struct nvsp_message){
            .type = NVSP_SUB_CHANNEL,
            .sub_channel = {.operation = NVSP_STATUS_SUCCESS, .count = d->sub_channels}};
        return sizeof(*a);
    }
    a->type = receive ? NVSP_RECEIVE_BUFFER_COMPLETE : NVSP_SEND_BUFFER_COMPLETE;
    if (get && d->errand_done)
        __atomic_store_n(&b->open, true, __ATOMIC_SEQ_CST); /* pairs with netvsp_open */
    if (get && !d->errand_done)
        netvsp_complain(c, "a buffer that is not shared, or too small, or for which there is no "
                           "memory");
    buffer_answer(a, b, d->errand_done);
    return get ? sizeof(*a) : 0;
}

/* The bus has done it. */
static void errand_finish(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;
    struct nvsp_message a = {0};
    uint32_t length = errand_answer_make(c, &a);

    d->errand = NETVSP_ERRAND_NONE;
    __atomic_store_n(&d->errand_state, NETVSP_IDLE, __ATOMIC_RELAXED);
    if (c->errand_answer)
        netvsp_answer(c, c->errand_transaction, &a, length);
}

bool netvsp_errand_go_on(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;

    switch (__atomic_load_n(&d->errand_state, __ATOMIC_ACQUIRE)) { /* pairs with errand_do */
    case NETVSP_WAITING:
        if (d->errand == NETVSP_ERRAND_RECEIVE_PUT ? netvsp_any_used(d) : netvsp_any_sends(d))
            return true;
        if (d->errand == NETVSP_ERRAND_RECEIVE_PUT)
            netvsp_queues_clear(d);
        __atomic_store_n(&d->errand_state, NETVSP_ASKED, __ATOMIC_RELEASE); /* the same */
        d->port->wake_bus(d);
        return false;
    case NETVSP_DONE:
        errand_finish(c);
        return true;
    default:
        return false;
    }
}

/* ---- sub-channels ---- */

/* The bus offers them; then the child is told how many there are. */
static void sub_channel_take(struct netvsp_channel *c, const struct nvsp_message *m,
                             const struct vmbus_packet *p)
{
    struct netvsp_device *d = c->device;
    struct nvsp_message a = {.type = NVSP_SUB_CHANNEL, .sub_channel.operation = NVSP_STATUS_FAIL};
    uint32_t count = m->sub_channel.count;

    if (version_of(d) < NVSP_VERSION_5 || m->sub_channel.operation != NVSP_SUB_CHANNEL_ALLOCATE) {
        netvsp_complain(c, "sub-channels out of order");
        answer(c, p, &a);
        return;
    }
    if (count > d->config.sub_channel_max) {
        netvsp_complain(c, "more sub-channels than there may be are asked for");
        count = d->config.sub_channel_max;
    }
    d->sub_channels = count;
    errand_begin(c, p, NETVSP_ERRAND_SUB_CHANNELS, NETVSP_ASKED);
}

/* All channels that are open take turns in the table. */
static void table_fill(const struct netvsp_device *d, struct nvsp_send_table_message *m)
{
    uint32_t open[NETVSP_CHANNELS], count = 0;

    for (uint32_t i = 0; i < NETVSP_CHANNELS; i++)
        if (__atomic_load_n(&d->slots[i].channel, __ATOMIC_RELAXED))
            open[count++] = i;
    for (uint32_t i = 0; i < NVSP_SEND_TABLE_ENTRIES; i++)
        m->entries[i] = count > 0 ? open[i % count] : 0;
}

void netvsp_table_send(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;
    struct nvsp_send_table_message m = {
        .message = {.type = NVSP_SEND_TABLE,
                    .send_table = {.count = NVSP_SEND_TABLE_ENTRIES,
                                   .offset = offsetof(struct nvsp_send_table_message, entries)}}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND, .payload = &m, .length = sizeof(m)};

    if (version_of(d) < NVSP_VERSION_5 ||
        !__atomic_exchange_n(&d->table_due, false, __ATOMIC_ACQUIRE)) /* pairs with opened */
        return;
    table_fill(d, &m);
    if (vmbus_channel_send(c->vmbus, &p) != VMBUS_RING_OK) /* when there is room */
        __atomic_store_n(&d->table_due, true, __ATOMIC_RELAXED);
}

/* ---- messages ---- */

static void rndis_take(struct netvsp_channel *c, const struct nvsp_message *m,
                       const struct vmbus_packet *p)
{
    struct nvsp_message a = {.type = NVSP_RNDIS_COMPLETE};

    a.status = netvsp_rndis_take(c, m, p);
    answer(c, p, &a);
}

/* There is no virtual function that the data could go through. */
static void data_path_take(struct netvsp_channel *c, const struct nvsp_message *m,
                           const struct vmbus_packet *p)
{
    if (m->data_path != NVSP_DATA_PATH_SYNTHETIC)
        netvsp_complain(c, "a data path that was not offered");
    answer_empty(c, p);
}

static void refused(struct netvsp_channel *c, const struct vmbus_packet *p, const char *why)
{
    netvsp_count(&c->slot->statistics.dropped, 1);
    netvsp_complain(c, why);
    answer_empty(c, p);
}

/* Messages of the primary channel. */
static void primary_take(struct netvsp_channel *c, const struct nvsp_message *m,
                         const struct vmbus_packet *p)
{
    switch (m->type) {
    case NVSP_INIT:
        init_take(c, m, p);
        break;
    case NVSP_NDIS_VERSION: /* what depends on it, says so itself: OID_TCP_OFFLOAD_HARDWARE */
        answer_empty(c, p);
        break;
    case NVSP_NDIS_CONFIG:
        config_take(c, &m->ndis_config);
        answer_empty(c, p);
        break;
    case NVSP_RECEIVE_BUFFER:
    case NVSP_SEND_BUFFER:
        buffer_take(c, m, p);
        break;
    case NVSP_RECEIVE_BUFFER_REVOKE:
    case NVSP_SEND_BUFFER_REVOKE:
        buffer_revoke(c, m, p);
        break;
    case NVSP_SUB_CHANNEL:
        sub_channel_take(c, m, p);
        break;
    case NVSP_SWITCH_DATA_PATH:
        data_path_take(c, m, p);
        break;
    default:
        refused(c, p, "a message of a kind that is none");
        break;
    }
}

void netvsp_message_take(struct netvsp_channel *c, const struct vmbus_packet *p)
{
    struct nvsp_message m = {0};

    if (p->length < NVSP_MESSAGE_MIN) {
        refused(c, p, "a packet of a wrong length");
        return;
    }
    memcpy(&m, p->payload, p->length < sizeof(m) ? p->length : sizeof(m));
    if (version_of(c->device) == 0 && m.type != NVSP_INIT)
        refused(c, p, "a message before a version is agreed on");
    else if (m.type == NVSP_RNDIS)
        rndis_take(c, &m, p);
    else if (p->type != VMBUS_PACKET_IN_BAND)
        refused(c, p, "a packet of a wrong kind");
    else if (!netvsp_is_primary(c))
        refused(c, p, "a message for the primary channel on a sub-channel");
    else
        primary_take(c, &m, p);
}
