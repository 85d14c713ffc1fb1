/* SPDX-License-Identifier: MIT */
/* ic/ic.c - offers and channels, negotiation, questions and their answers. See ic/ic.h. */
#include <rt/mem.h>
#include "internal.h"

#define PACKETS_AT_A_TIME 16u /* before others may have a turn: the child may send without end */

static const struct vmbus_guid interfaces[IC_KINDS] = {
    [IC_HEARTBEAT] = IC_HEARTBEAT_INTERFACE, [IC_SHUTDOWN] = IC_SHUTDOWN_INTERFACE,
    [IC_TIME] = IC_TIME_INTERFACE,           [IC_DATA] = IC_DATA_INTERFACE,
    [IC_SNAPSHOT] = IC_SNAPSHOT_INTERFACE,
};

static const struct ic_operations *const all_operations[IC_KINDS] = {
    [IC_HEARTBEAT] = &ic_heartbeat_operations, [IC_SHUTDOWN] = &ic_shutdown_operations,
    [IC_TIME] = &ic_time_operations,           [IC_DATA] = &ic_data_operations,
    [IC_SNAPSHOT] = &ic_snapshot_operations,
};

/* Of the frame. Snapshots want 3.0, and all that are young enough for VMBus 2.4 have it. */
static const struct ic_version frameworks[] = {{1, 0}, {3, 0}};
enum { FRAMEWORKS = sizeof(frameworks) / sizeof(frameworks[0]) };

static struct ic_service *service_of(struct vmbus_offer *offer)
{
    return container_of(offer, struct ic_service, offer);
}

static enum ic_kind kind_of(const struct ic_service *s)
{
    return (enum ic_kind)(s - s->ic->services);
}

static const struct ic_operations *operations_of(const struct ic_service *s)
{
    return all_operations[kind_of(s)];
}

char ic_printable(uint32_t c)
{
    if (c < ' ' || c > '~')
        return '?';
    return (char)c;
}

void ic_text_copy(char *to, const char *from, size_t size)
{
    size_t n = 0;

    for (; n + 1 < size && from[n] != '\0'; n++)
        to[n] = ic_printable((uint8_t)from[n]);
    to[n] = '\0';
}

/* ---- requests ---- */

void ic_request_end(struct ic *ic, enum ic_request request, enum ic_outcome outcome,
                    uint32_t status)
{
    struct ic_request_state *r = &ic->requests[request];

    if (r->outcome == IC_PENDING)
        *r = (struct ic_request_state){.outcome = outcome, .status = status};
}

void ic_request_answered(struct ic *ic, enum ic_request request, uint32_t status)
{
    ic_request_end(ic, request, status == IC_STATUS_OK ? IC_DONE : IC_FAILED, status);
}

static enum ic_kind kind_asked(enum ic_request request)
{
    switch (request) {
    case IC_POWER_OFF:
        return IC_SHUTDOWN;
    case IC_FREEZE:
    case IC_THAW:
        return IC_SNAPSHOT;
    case IC_SET:
    case IC_REFRESH:
    case IC_REQUESTS:
    default:
        return IC_DATA;
    }
}

/* Freezing and thawing exclude each other. */
static bool busy(const struct ic *ic, enum ic_request request)
{
    switch (request) {
    case IC_FREEZE:
        return ic->frozen || ic->requests[IC_FREEZE].outcome == IC_PENDING ||
               ic->requests[IC_THAW].outcome == IC_PENDING || ic->thaw_wanted ||
               ic->services[IC_SNAPSHOT].asking; /* a thaw that nobody asked for */
    case IC_THAW:
        return ic->requests[IC_FREEZE].outcome == IC_PENDING ||
               ic->requests[IC_THAW].outcome == IC_PENDING;
    case IC_POWER_OFF: /* it would hang, and nothing could be told it any more */
        return ic->frozen || ic->requests[request].outcome == IC_PENDING;
    case IC_SET:
    case IC_REFRESH:
    case IC_REQUESTS:
    default:
        return ic->requests[request].outcome == IC_PENDING;
    }
}

enum ic_ask_result ic_ask(struct ic *ic, enum ic_request request, const char *key,
                          const char *value)
{
    if (ic->services[kind_asked(request)].state != IC_READY)
        return IC_ASK_NO_SERVICE;
    if (busy(ic, request))
        return IC_ASK_BUSY;
    if (request == IC_SET && !ic_data_set(ic, key, value))
        return IC_ASK_INVALID;
    if (request == IC_REFRESH)
        ic->refresh_wanted = true;
    if (request == IC_THAW)
        ic->thaw_wanted = true;
    ic->requests[request] = (struct ic_request_state){.outcome = IC_PENDING};
    ic->port->wake(ic);
    return IC_ASK_OK;
}

/* ---- questions ---- */

/* A packet of @type with @length bytes behind the header. */
static bool send(struct ic_service *s, uint16_t type, const void *payload, uint32_t length)
{
    struct ic *ic = s->ic;
    struct ic_header *h = (void *)ic->packet;
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND, .payload = ic->packet};

    _Static_assert(sizeof(struct ic_header) + sizeof(struct ic_data_enumerate) <=
                       sizeof(((struct ic *)NULL)->packet),
                   "the longest of them fits");
    p.length = (uint32_t)sizeof(*h) + length;
    *h = (struct ic_header){
        .pipe_type = IC_PIPE_DATA,
        .pipe_size = p.length - IC_PIPE_BYTES,
        .framework = s->framework,
        .type = type,
        .message = s->message,
        .size = (uint16_t)length,
        .transaction = (uint8_t)(s->transaction + 1),
        .flags = IC_FLAG_TRANSACTION | IC_FLAG_REQUEST,
    };
    memcpy(h + 1, payload, length);
    p.transaction = h->transaction;
    if (vmbus_channel_send(s->channel, &p) != VMBUS_RING_OK)
        return false;
    s->transaction = h->transaction;
    s->type = type;
    s->asking = true;
    s->asked_at = ic->now;
    s->counters.asked++;
    return true;
}

bool ic_question(struct ic *ic, enum ic_kind kind, const void *payload, uint32_t length,
                 uint64_t patience)
{
    struct ic_service *s = &ic->services[kind];

    if (!send(s, operations_of(s)->type, payload, length))
        return false;
    s->deadline = patience == IC_NEVER ? IC_NEVER : ic->now + patience;
    return true;
}

/* Linux's key-value pairs and snapshots answer when their daemon has come: there is no deadline. */
static void negotiate(struct ic_service *s)
{
    const struct ic_operations *o = operations_of(s);
    struct ic_negotiate n = {.framework_count = FRAMEWORKS,
                             .message_count = (uint16_t)o->version_count};

    memcpy(n.versions, frameworks, sizeof(frameworks));
    memcpy(n.versions + FRAMEWORKS, o->versions, o->version_count * sizeof(o->versions[0]));
    s->framework = s->message = (struct ic_version){1, 0};
    if (send(s, IC_NEGOTIATE, &n, IC_NEGOTIATE_BYTES(FRAMEWORKS + o->version_count)))
        s->deadline = IC_NEVER;
}

/* ---- answers ---- */

static bool is_among(struct ic_version v, const struct ic_version *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (v.major == list[i].major && v.minor == list[i].minor)
            return true;
    return false;
}

static void refused(struct ic_service *s, const char *why)
{
    s->state = IC_REFUSED;
    s->ic->port->log(s->ic, s->channel->relid, why);
}

static void negotiated(struct ic_service *s, const uint8_t *payload, uint32_t length)
{
    const struct ic_operations *o = operations_of(s);
    struct ic_negotiate n = {0};

    if (length >= IC_NEGOTIATE_BYTES(2))
        memcpy(&n, payload, IC_NEGOTIATE_BYTES(2));
    if (n.framework_count != 1 || n.message_count != 1) {
        refused(s, "the child has no version of an integration service in common with root");
        return;
    }
    if (!is_among(n.versions[0], frameworks, FRAMEWORKS) ||
        !is_among(n.versions[1], o->versions, o->version_count)) {
        refused(s, "the child chose a version of an integration service that was not offered");
        return;
    }
    s->framework = n.versions[0];
    s->message = n.versions[1];
    s->state = IC_READY;
    if (o->ready)
        o->ready(s->ic);
}

/* Is @p a message of the protocol? Its header is copied to @h, which has what it says. */
static bool is_message(const struct vmbus_packet *p, struct ic_header *h)
{
    if (p->type != VMBUS_PACKET_IN_BAND || p->length < sizeof(*h))
        return false;
    memcpy(h, p->payload, sizeof(*h));
    return h->pipe_type == IC_PIPE_DATA && h->pipe_size <= p->length - IC_PIPE_BYTES &&
           h->pipe_size >= sizeof(*h) - IC_PIPE_BYTES &&
           h->size <= h->pipe_size - (sizeof(*h) - IC_PIPE_BYTES);
}

static void take(struct ic_service *s, const struct vmbus_packet *p)
{
    struct ic_header h;
    const uint8_t *payload = (const uint8_t *)p->payload + sizeof(h);

    if (!is_message(p, &h)) {
        s->counters.malformed++;
        s->ic->port->log(s->ic, s->channel->relid, "a packet is none of an integration service");
        return;
    }
    if (!s->asking || !(h.flags & IC_FLAG_RESPONSE) || h.transaction != s->transaction ||
        h.type != s->type) {
        s->counters.unasked++;
        s->ic->port->log(s->ic, s->channel->relid,
                         "an answer to what was not asked, or not any more");
        return;
    }
    s->asking = false;
    s->counters.answered++;
    if (h.type == IC_NEGOTIATE)
        negotiated(s, payload, h.size);
    else
        operations_of(s)->answered(s->ic, h.status, payload, h.size);
}

/* ---- channels ---- */

static bool opened(struct vmbus_offer *offer, struct vmbus_channel *c, const uint8_t *user_data,
                   bool restored)
{
    struct ic_service *s = service_of(offer);

    (void)user_data;
    if (restored) /* what was agreed on is not known any more */
        return false;
    s->channel = c;
    s->state = IC_OPEN;
    s->asking = false;
    s->ic->port->wake(s->ic);
    return true;
}

static void closed(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct ic_service *s = service_of(offer);

    s->channel = NULL;
    s->state = IC_CLOSED;
    s->asking = false;
    operations_of(s)->given_up(s->ic, IC_GONE);
    vmbus_server_closed(c);
}

static void signalled(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct ic *ic = service_of(offer)->ic;

    (void)c;
    ic->port->wake(ic);
}

static void revoked(struct vmbus_offer *offer)
{
    (void)offer;
}

static const struct vmbus_offer_operations offer_operations = {opened, closed, signalled, revoked};

void ic_init(struct ic *ic, const struct ic_port *port, void *context,
             const struct vmbus_guid instances[IC_KINDS])
{
    *ic = (struct ic){.port = port, .context = context, .heartbeat_last = IC_NEVER};
    for (uint32_t i = 0; i < IC_KINDS; i++) {
        struct ic_service *s = &ic->services[i];

        s->ic = ic;
        s->offer = (struct vmbus_offer){
            .interface = interfaces[i],
            .instance = instances[i],
            .flags = VMBUS_OFFER_ENUMERATE_DEVICE_INTERFACE | VMBUS_OFFER_NAMED_PIPE_MODE,
            .user_data = {IC_PIPE_MESSAGES},
            .operations = &offer_operations,
        };
    }
}

/* ---- work ---- */

/* True: there is more. */
static bool read(struct ic_service *s)
{
    enum vmbus_ring_status status = VMBUS_RING_OK;
    unsigned budget = PACKETS_AT_A_TIME;
    struct vmbus_packet p;
    bool again;

    vmbus_channel_read_begin(s->channel);
    while (budget-- != 0 && status == VMBUS_RING_OK) {
        status = vmbus_channel_read_next(s->channel, &p, s->ic->buffer, sizeof(s->ic->buffer));
        if (status == VMBUS_RING_OK)
            take(s, &p);
    }
    again = vmbus_channel_read_end(s->channel);
    return status == VMBUS_RING_OK || (status == VMBUS_RING_EMPTY && again);
}

static void give_up(struct ic_service *s)
{
    s->asking = false;
    s->counters.late++;
    operations_of(s)->given_up(s->ic, IC_TIMED_OUT);
}

/* What is due of @s; when something is next. */
static uint64_t ask(struct ic_service *s)
{
    uint64_t next = IC_NEVER;

    if (s->asking && s->deadline <= s->ic->now)
        give_up(s);
    if (!s->asking && s->state == IC_OPEN)
        negotiate(s);
    if (!s->asking && s->state == IC_READY)
        next = operations_of(s)->due(s->ic);
    vmbus_channel_flush(s->channel);
    return s->asking ? s->deadline : next;
}

bool ic_work(struct ic *ic, uint64_t now, uint64_t *next)
{
    bool more = false;

    ic->now = now;
    *next = IC_NEVER;
    for (uint32_t i = 0; i < IC_KINDS; i++) {
        struct ic_service *s = &ic->services[i];
        uint64_t due = IC_NEVER;

        if (s->channel == NULL)
            continue;
        more |= read(s);
        due = ask(s);
        if (due < *next)
            *next = due;
        if (vmbus_channel_broken(s->channel) != NULL)
            vmbus_server_channel_broken(s->channel);
    }
    return more;
}
