/* SPDX-License-Identifier: MIT */
/* storvsp/storvsp.c - a channel: its packets, its answers, and the operations of the protocol that
 * are not SRBs. All of it is the worker's, but for storvsp_io_done().
 *
 * Nothing is read without a free request to hold it. So a child that sends more than is finished,
 * or that takes no answers, waits in its own ring. */
#include <rt/mem.h>
#include "internal.h"

#define PACKETS_AT_A_TIME 64u /* read before others may have a turn */
#define PAGES_OF_LINUX    32u /* room for so many is in each packet of versions before 6.1.30 */
#define PAYLOAD_SLACK     40u /* what a newer client's packet may have behind STORAGE_PACKET_BYTES */

/* ---- memory ---- */

static size_t round_up(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

/* One request with its list of segments and the back end's memory. */
static size_t request_size(const struct storvsp_adapter *a, uint32_t segments)
{
    return round_up(sizeof(struct storvsp_request)) + segments * sizeof(struct storvsp_segment) +
           round_up(a->config.backend_bytes);
}

static void requests_init(struct storvsp_channel *c, uint8_t *memory, uint32_t segments)
{
    const struct storvsp_adapter *a = c->adapter;

    for (uint32_t i = 0; i < a->config.queue_depth; i++) {
        struct storvsp_request *r = (void *)memory;
        uint8_t *list = memory + round_up(sizeof(*r));

        r->channel = c;
        r->segments = (void *)list;
        r->io.memory = list + segments * sizeof(struct storvsp_segment);
        list_push_back(&c->free, &r->link);
        memory += request_size(a, segments);
    }
}

/* The longest packet of a request of @pages pages. */
static uint32_t buffer_size(uint32_t pages)
{
    size_t numbers = (pages > PAGES_OF_LINUX ? pages : PAGES_OF_LINUX) * sizeof(uint64_t);

    return (uint32_t)round_up(sizeof(struct vmbus_packet_descriptor) +
                              sizeof(struct vmbus_packet_ranges) + sizeof(struct vmbus_range) +
                              numbers + STORAGE_PACKET_BYTES + PAYLOAD_SLACK);
}

struct storvsp_channel *storvsp_channel_create(struct storvsp_adapter *a, struct vmbus_channel *v)
{
    uint32_t pages = a->config.max_transfer_bytes / STORVSP_PAGE + 1;
    uint32_t segments = pages > SCSI_EXTENTS_MAX ? pages : SCSI_EXTENTS_MAX;
    uint32_t buffer = buffer_size(pages);
    size_t own = round_up(sizeof(struct storvsp_channel));
    size_t physical = round_up(pages * sizeof(uint64_t));
    size_t scratch = round_up(sizeof(struct scsi_scratch));
    size_t size =
        own + physical + buffer + scratch + a->config.queue_depth * request_size(a, segments);
    uint8_t *memory = a->port->allocate(a->context, size);
    struct storvsp_channel *c = (void *)memory;

    if (!c)
        return NULL;
    c->adapter = a;
    c->vmbus = v;
    c->size = size;
    c->primary = v->sub_channel_index == 0;
    c->pages_max = pages;
    c->buffer_bytes = buffer;
    c->physical = (void *)(memory + own);
    c->buffer = (void *)(memory + own + physical);
    c->scratch = (void *)(memory + own + physical + buffer);
    list_init(&c->node);
    list_init(&c->free);
    list_init(&c->answers);
    list_init(&c->resets);
    requests_init(c, memory + own + physical + buffer + scratch, segments);
    return c;
}

/* ---- requests ---- */

static struct storvsp_request *request_take(struct storvsp_channel *c)
{
    struct storvsp_request *r =
        container_of(list_pop_front(&c->free), struct storvsp_request, link);

    c->busy++;
    if (c->busy > c->statistics.most)
        __atomic_store_n(&c->statistics.most, c->busy, __ATOMIC_RELAXED);
    __atomic_store_n(&c->statistics.under_way, c->busy, __ATOMIC_RELAXED);
    return r;
}

static void request_free(struct storvsp_channel *c, struct storvsp_request *r)
{
    list_push_front(&c->free, &r->link);
    c->busy--;
    __atomic_store_n(&c->statistics.under_way, c->busy, __ATOMIC_RELAXED);
}

void storvsp_complain(struct storvsp_channel *c, const char *reason)
{
    const struct storvsp_adapter *a = c->adapter;

    a->port->log(a->context, c->vmbus->relid, reason);
}

/* ---- resets: answered when all commands that the adapter began before are over ---- */

/* A command of @epoch is over, or was of another one. If it was the last, a reset may wait for it. */
static void epoch_count_down(struct storvsp_adapter *a, uint32_t epoch)
{
    if (__atomic_sub_fetch(&a->under_way[epoch & 1], 1, __ATOMIC_SEQ_CST) > 0 ||
        __atomic_load_n(&a->epoch, __ATOMIC_SEQ_CST) == epoch)
        return;
    __atomic_store_n(&a->wake_primary, true, __ATOMIC_RELEASE); /* pairs with storvsp_service */
    a->port->wake_bus(a);
}

/* Count a command as begun in an epoch that a reset cannot have looked at yet. */
static void epoch_enter(struct storvsp_request *r)
{
    struct storvsp_adapter *a = r->channel->adapter;
    uint32_t epoch = __atomic_load_n(&a->epoch, __ATOMIC_SEQ_CST);

    for (;;) {
        uint32_t now;

        __atomic_fetch_add(&a->under_way[epoch & 1], 1, __ATOMIC_SEQ_CST);
        now = __atomic_load_n(&a->epoch, __ATOMIC_SEQ_CST);
        if (now == epoch)
            break;
        epoch_count_down(a, epoch);
        epoch = now;
    }
    r->epoch = epoch;
}

static void epoch_leave(const struct storvsp_request *r)
{
    epoch_count_down(r->channel->adapter, r->epoch);
}

static void resets_take(struct storvsp_channel *c)
{
    struct storvsp_adapter *a = c->adapter;

    while (!list_empty(&c->resets)) {
        struct storvsp_request *r = container_of(c->resets.next, struct storvsp_request, link);

        if (!c->reset_begun) {
            c->reset_epoch = __atomic_fetch_add(&a->epoch, 1, __ATOMIC_SEQ_CST);
            c->reset_begun = true;
        }
        if (__atomic_load_n(&a->under_way[c->reset_epoch & 1], __ATOMIC_SEQ_CST) > 0)
            return;
        c->reset_begun = false;
        list_remove(&r->link);
        storvsp_answer(r);
    }
}

/* ---- answers ---- */

void storvsp_answer(struct storvsp_request *r)
{
    struct storvsp_channel *c = r->channel;

    if (r->packet.operation == STORAGE_EXECUTE_SRB)
        epoch_leave(r);
    r->packet.operation = STORAGE_COMPLETE_IO;
    r->packet.flags = 0;
    list_push_back(&c->answers, &r->link);
}

static void broken(struct storvsp_channel *c)
{
    struct storvsp_adapter *a = c->adapter;

    __atomic_store_n(&c->broken, true, __ATOMIC_RELEASE); /* pairs with storvsp_service */
    a->port->wake_bus(a);
}

static bool answer_send(struct storvsp_channel *c, const struct storvsp_request *r)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_COMPLETION,
                             .transaction = r->transaction,
                             .payload = &r->packet,
                             .length = sizeof(r->packet)};
    enum vmbus_ring_status status = vmbus_channel_send(c->vmbus, &p);

    if (status == VMBUS_RING_BROKEN)
        broken(c);
    return status == VMBUS_RING_OK;
}

/* As many as there is room for; for the others the child's signal comes. */
static void answers_send(struct storvsp_channel *c)
{
    while (!list_empty(&c->answers)) {
        struct storvsp_request *r = container_of(c->answers.next, struct storvsp_request, link);

        if (!answer_send(c, r))
            return;
        list_remove(&r->link);
        storvsp_count(&c->statistics.completed, 1);
        request_free(c, r);
    }
}

/* Have the child look at the bus again, unasked. */
static void enumerate_send(struct storvsp_channel *c)
{
    struct storvsp_adapter *a = c->adapter;
    struct storage_packet packet = {.operation = STORAGE_ENUMERATE_BUS};
    struct vmbus_packet p = {
        .type = VMBUS_PACKET_IN_BAND, .payload = &packet, .length = sizeof(packet)};

    if (!c->primary || __atomic_load_n(&a->state, __ATOMIC_RELAXED) != STORVSP_READY ||
        !__atomic_exchange_n(&a->enumerate, false, __ATOMIC_RELAXED))
        return;
    if (vmbus_channel_send(c->vmbus, &p) != VMBUS_RING_OK) /* when there is room */
        __atomic_store_n(&a->enumerate, true, __ATOMIC_RELAXED);
}

/* ---- operations but SRBs ---- */

static void status_answer(struct storvsp_request *r, uint32_t status)
{
    r->packet.status = status;
    storvsp_answer(r);
}

/* From state @from to state @to, on the primary channel; else a failure. */
static bool state_step(struct storvsp_request *r, uint32_t from, uint32_t to)
{
    struct storvsp_channel *c = r->channel;
    struct storvsp_adapter *a = c->adapter;

    if (!c->primary) {
        status_answer(r, STORAGE_STATUS_INVALID_REQUEST);
        return false;
    }
    if (__atomic_load_n(&a->state, __ATOMIC_RELAXED) != from) {
        storvsp_complain(c, "an operation out of order");
        status_answer(r, STORAGE_STATUS_INVALID_STATE);
        return false;
    }
    __atomic_store_n(&a->state, to, __ATOMIC_RELEASE);
    return true;
}

static void begin_initialization(struct storvsp_request *r)
{
    if (state_step(r, STORVSP_OPENED, STORVSP_BEGUN))
        status_answer(r, STORAGE_STATUS_OK);
}

/* The child tries its versions, the newest first. */
static void version_query(struct storvsp_request *r)
{
    struct storvsp_adapter *a = r->channel->adapter;
    uint16_t version = r->packet.version.major_minor;

    if (version != STORAGE_VERSION_5_1 && version != STORAGE_VERSION_6_0 &&
        version != STORAGE_VERSION_6_2) {
        if (state_step(r, STORVSP_BEGUN, STORVSP_BEGUN))
            status_answer(r, STORAGE_STATUS_REVISION_MISMATCH);
        return;
    }
    if (!state_step(r, STORVSP_BEGUN, STORVSP_VERSIONED))
        return;
    __atomic_store_n(&a->version, version, __ATOMIC_RELAXED);
    status_answer(r, STORAGE_STATUS_OK);
}

static void properties_query(struct storvsp_request *r)
{
    const struct storvsp_adapter *a = r->channel->adapter;
    const struct storvsp_config *config = &a->config;

    if (!state_step(r, STORVSP_VERSIONED, STORVSP_KNOWN))
        return;
    r->packet.properties = (struct storage_properties){
        .max_channel_count = (uint16_t)config->sub_channel_max,
        .flags = config->sub_channel_max > 0 ? STORAGE_PROPERTY_MULTI_CHANNEL : 0,
        .max_transfer_bytes = storvsp_transfer_max(a),
    };
    status_answer(r, STORAGE_STATUS_OK);
}

static void end_initialization(struct storvsp_request *r)
{
    if (state_step(r, STORVSP_KNOWN, STORVSP_READY))
        status_answer(r, STORAGE_STATUS_OK);
}

/* The bus offers them; the child waits for the offers, not for this answer. */
static void sub_channels_create(struct storvsp_request *r)
{
    struct storvsp_adapter *a = r->channel->adapter;
    uint32_t count = r->packet.sub_channel_count;

    if (!state_step(r, STORVSP_READY, STORVSP_READY))
        return;
    if (count > a->config.sub_channel_max) {
        storvsp_complain(r->channel, "more sub-channels than there may be are asked for");
        count = a->config.sub_channel_max;
    }
    __atomic_store_n(&a->sub_wanted, count, __ATOMIC_RELEASE); /* pairs with storvsp_service */
    a->port->wake_bus(a);
    status_answer(r, STORAGE_STATUS_OK);
}

static void reset(struct storvsp_request *r)
{
    if (!state_step(r, STORVSP_READY, STORVSP_READY))
        return;
    r->packet.status = STORAGE_STATUS_OK;
    list_push_back(&r->channel->resets, &r->link);
    resets_take(r->channel); /* what is read after it does not delay it */
}

static void execute_srb(struct storvsp_request *r, const struct vmbus_packet *p)
{
    struct storvsp_channel *c = r->channel;

    epoch_enter(r);
    if (__atomic_load_n(&c->adapter->state, __ATOMIC_ACQUIRE) == STORVSP_READY) {
        r->packet.status = STORAGE_STATUS_OK;
        storvsp_srb_begin(r, p);
        return;
    }
    storvsp_complain(c, "a request before initialisation is over");
    r->packet.status = STORAGE_STATUS_INVALID_STATE;
    storvsp_srb_fail(r, STORAGE_SRB_INVALID_REQUEST);
}

static void unknown(struct storvsp_request *r)
{
    storvsp_complain(r->channel, "an operation that is none");
    status_answer(r, STORAGE_STATUS_INVALID_REQUEST);
}

static void operation_begin(struct storvsp_request *r, const struct vmbus_packet *p)
{
    switch (r->packet.operation) {
    case STORAGE_EXECUTE_SRB:
        execute_srb(r, p);
        break;
    case STORAGE_BEGIN_INITIALIZATION:
        begin_initialization(r);
        break;
    case STORAGE_QUERY_PROTOCOL_VERSION:
        version_query(r);
        break;
    case STORAGE_QUERY_PROPERTIES:
        properties_query(r);
        break;
    case STORAGE_END_INITIALIZATION:
        end_initialization(r);
        break;
    case STORAGE_CREATE_SUB_CHANNELS:
        sub_channels_create(r);
        break;
    case STORAGE_RESET_LUN:
    case STORAGE_RESET_ADAPTER:
    case STORAGE_RESET_BUS:
        reset(r);
        break;
    default:
        unknown(r);
        break;
    }
}

/* ---- packets ---- */

static bool packet_usable(const struct vmbus_packet *p)
{
    return p->length >= STORAGE_PACKET_BYTES &&
           (p->type == VMBUS_PACKET_IN_BAND || p->type == VMBUS_PACKET_GPA_DIRECT);
}

static void packet_take(struct storvsp_channel *c, const struct vmbus_packet *p)
{
    struct storvsp_request *r;

    if (!(p->flags & VMBUS_PACKET_FLAG_COMPLETION) || p->type == VMBUS_PACKET_COMPLETION) {
        storvsp_count(&c->statistics.dropped, 1);
        storvsp_complain(c, "a packet that wants no answer");
        return;
    }
    r = request_take(c);
    r->transaction = p->transaction;
    if (packet_usable(p)) {
        memcpy(&r->packet, p->payload, sizeof(r->packet));
        operation_begin(r, p);
        return;
    }
    memset(&r->packet, 0, sizeof(r->packet));
    storvsp_complain(c, "a packet of a wrong kind or length");
    status_answer(r, STORAGE_STATUS_INVALID_PARAMETER);
}

/* Read while there are free requests, @budget packets at most; how many are left of that. */
static uint32_t batch_take(struct storvsp_channel *c, uint32_t budget)
{
    while (budget > 0 && !list_empty(&c->free)) {
        struct vmbus_packet p;
        enum vmbus_ring_status status =
            vmbus_channel_read_next(c->vmbus, &p, c->buffer, c->buffer_bytes);

        if (status == VMBUS_RING_BROKEN)
            broken(c);
        if (status != VMBUS_RING_OK)
            break;
        packet_take(c, &p);
        budget--;
    }
    return budget;
}

/* Read packets, answer those that can be answered. True: the budget did not suffice. When requests
 * ran out, those that end them come back here. */
static bool packets_take(struct storvsp_channel *c)
{
    uint32_t budget = PACKETS_AT_A_TIME;
    bool again = true;

    while (again && budget > 0 && !list_empty(&c->free)) {
        vmbus_channel_read_begin(c->vmbus);
        budget = batch_take(c, budget);
        again = vmbus_channel_read_end(c->vmbus);
        resets_take(c);
        answers_send(c);
    }
    return again && budget == 0;
}

/* ---- completions ---- */

void storvsp_io_done(struct storvsp_io *io, enum scsi_outcome outcome)
{
    struct storvsp_request *r = container_of(io, struct storvsp_request, io);
    struct storvsp_channel *c = r->channel;
    const struct storvsp_port *port = c->adapter->port;
    struct storvsp_request *head;

    if (__atomic_exchange_n(&r->owner, STORVSP_OURS, __ATOMIC_RELAXED) != STORVSP_DISKS) {
        port->bug("storvsp: an operation was completed twice");
        return;
    }
    __atomic_fetch_add(&c->completing, 1, __ATOMIC_RELAXED); /* ordered by the push */
    r->outcome = outcome;
    head = __atomic_load_n(&c->done, __ATOMIC_RELAXED);
    do
        __atomic_store_n(&r->done_next, head, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&c->done, &head, r, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));     /* pairs with completions_take */
    if (!head && !__atomic_load_n(&c->awake, __ATOMIC_SEQ_CST)) /* pairs with _channel_work */
        port->wake(c);
    __atomic_fetch_sub(&c->completing, 1, __ATOMIC_RELEASE); /* pairs with close_go_on */
}

/* In the order in which they came. */
static void completions_take(struct storvsp_channel *c)
{
    struct storvsp_request *r = __atomic_exchange_n(&c->done, NULL, __ATOMIC_ACQUIRE);
    struct storvsp_request *first = NULL;

    while (r) {
        struct storvsp_request *next = __atomic_load_n(&r->done_next, __ATOMIC_RELAXED);

        __atomic_store_n(&r->done_next, first, __ATOMIC_RELAXED);
        first = r;
        r = next;
    }
    while (first) {
        r = first;
        first = __atomic_load_n(&r->done_next, __ATOMIC_RELAXED);
        storvsp_srb_continue(r);
    }
}

/* ---- closing ---- */

static void list_drop(struct storvsp_channel *c, struct list *requests)
{
    struct list *node;

    while ((node = list_pop_front(requests)))
        request_free(c, container_of(node, struct storvsp_request, link));
}

/* Wait for the disks, use no ring. True: a completion is about to let go of us. After the last,
 * @c is the bus's. */
static bool close_go_on(struct storvsp_channel *c)
{
    struct storvsp_adapter *a = c->adapter;

    list_drop(c, &c->answers);
    list_drop(c, &c->resets);
    if (c->busy > 0)
        return false;
    if (__atomic_load_n(&c->completing, __ATOMIC_ACQUIRE) > 0) /* pairs with storvsp_io_done */
        return true;
    __atomic_store_n(&c->drained, true, __ATOMIC_RELEASE); /* pairs with storvsp_service */
    a->port->wake_bus(a);
    return false;
}

bool storvsp_channel_work(struct storvsp_channel *c)
{
    bool more;

    if (__atomic_load_n(&c->drained, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&c->awake, true, __ATOMIC_SEQ_CST);
    completions_take(c);
    if (__atomic_load_n(&c->closing, __ATOMIC_ACQUIRE)) { /* pairs with storvsp_closed */
        __atomic_store_n(&c->awake, false, __ATOMIC_SEQ_CST);
        more = close_go_on(c);
        return more || __atomic_load_n(&c->done, __ATOMIC_SEQ_CST) != NULL;
    }
    resets_take(c);
    answers_send(c);
    more = packets_take(c);
    enumerate_send(c);
    vmbus_channel_flush(c->vmbus);
    if (vmbus_channel_broken(c->vmbus)) /* found at the end of a batch */
        broken(c);
    __atomic_store_n(&c->awake, false, __ATOMIC_SEQ_CST);
    return more || __atomic_load_n(&c->done, __ATOMIC_SEQ_CST) != NULL;
}

/* ---- looking ---- */

void storvsp_channel_context_set(struct storvsp_channel *c, void *context)
{
    __atomic_store_n(&c->context, context, __ATOMIC_RELEASE); /* pairs with the next */
}

void *storvsp_channel_context(const struct storvsp_channel *c)
{
    return __atomic_load_n(&c->context, __ATOMIC_ACQUIRE); /* pairs with the last */
}

const struct vmbus_channel *storvsp_channel_vmbus(const struct storvsp_channel *c)
{
    return c->vmbus;
}

struct storvsp_adapter *storvsp_channel_adapter(const struct storvsp_channel *c)
{
    return c->adapter;
}

static uint64_t counted(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void storvsp_channel_statistics(const struct storvsp_channel *c, struct storvsp_statistics *out)
{
    const struct storvsp_statistics *s = &c->statistics;

    *out = (struct storvsp_statistics){
        .commands = counted(&s->commands),
        .reads = counted(&s->reads),
        .writes = counted(&s->writes),
        .flushes = counted(&s->flushes),
        .discards = counted(&s->discards),
        .read_bytes = counted(&s->read_bytes),
        .written_bytes = counted(&s->written_bytes),
        .errors = counted(&s->errors),
        .dropped = counted(&s->dropped),
        .completed = counted(&s->completed),
        .under_way = __atomic_load_n(&s->under_way, __ATOMIC_RELAXED),
        .most = __atomic_load_n(&s->most, __ATOMIC_RELAXED),
    };
}
