/* SPDX-License-Identifier: MIT */
/* client.c - the bus as the guest sees it: contact, leaving, what is posted and received. */
#include <rt/mem.h>
#include "client_internal.h"

enum {
    DUE_CONTACT = 1,
    DUE_REQUEST_OFFERS = 2,
    DUE_UNLOAD = 4,
};

static const uint32_t versions[] = {
    VMBUS_VERSION_5_3, VMBUS_VERSION_5_2, VMBUS_VERSION_5_1, VMBUS_VERSION_5_0,
    VMBUS_VERSION_4_1, VMBUS_VERSION_4_0, VMBUS_VERSION_3_0, VMBUS_VERSION_2_4,
};

#define VERSIONS (sizeof(versions) / sizeof(versions[0]))

/* ---- posting --------------------------------------------------------------------------------- */

void client_job_init(struct vmbus_client_job *job,
                     bool (*post)(struct vmbus_client *b, struct vmbus_client_job *job))
{
    list_init(&job->node);
    job->post = post;
    job->due = 0;
}

void client_job_add(struct vmbus_client *b, struct vmbus_client_job *job)
{
    if (list_empty(&job->node))
        list_push_back(&b->jobs, &job->node);
    vmbus_client_post_again(b);
}

bool vmbus_client_post_again(struct vmbus_client *b)
{
    if (b->posting)
        return false; /* a callback's call: the loop below goes on */
    b->posting = true;
    while (!list_empty(&b->jobs)) {
        struct vmbus_client_job *job =
            container_of(list_pop_front(&b->jobs), struct vmbus_client_job, node);

        if (!job->post(b, job)) {
            list_remove(&job->node);
            list_push_front(&b->jobs, &job->node);
            break;
        }
    }
    b->posting = false;
    return list_empty(&b->jobs);
}

bool client_post(struct vmbus_client *b, const void *message, uint32_t length)
{
    hv_status status = b->port->post(b->context, b->connection_id, message, length);

    if (status == HV_STATUS_INSUFFICIENT_BUFFERS)
        return false;
    if (status == HV_STATUS_SUCCESS)
        b->statistics.posted++;
    else
        b->statistics.lost_posts++;
    return true;
}

/* ---- contact --------------------------------------------------------------------------------- */

/* Neither side knows of channels and GPADLs any more. */
static void bus_forget(struct vmbus_client *b)
{
    while (list_pop_front(&b->jobs) != NULL)
        continue;
    client_gpadls_forget(b, NULL);
    for (uint32_t i = 0; i < b->channel_count; i++)
        client_channel_init(b, &b->channels[i]);
    memset(b->slot, 0, sizeof(b->slot));
    b->job.due = 0;
    b->version = 0;
}

static void connected(struct vmbus_client *b, uint32_t version)
{
    b->version = version;
    b->state = version != 0 ? CLIENT_CONNECTED : CLIENT_ALONE;
    if (b->events->connected)
        b->events->connected(b, version);
}

/* The version tried is not spoken: try the next one. */
static void contact_next(struct vmbus_client *b)
{
    b->attempt++;
    if (b->attempt == VERSIONS) {
        connected(b, 0);
        return;
    }
    b->job.due |= DUE_CONTACT;
    client_job_add(b, &b->job);
}

static uint64_t page_address(const struct vmbus_client *b, const void *page)
{
    return page ? b->port->page_number(b->context, page) * HV_PAGE_SIZE : 0;
}

/* There is no interrupt page: offers that need one are not taken. */
static bool contact_post(struct vmbus_client *b)
{
    uint32_t version = versions[b->attempt];
    struct vmbus_initiate_contact m = {
        .header.type = VMBUS_INITIATE_CONTACT,
        .version = version,
        .target_vp = b->target_vp,
        .server_to_client_monitor = page_address(b, b->monitor_in),
        .client_to_server_monitor = page_address(b, b->monitor),
    };
    hv_status status;

    if (version >= VMBUS_VERSION_5_0)
        m.message_sint = VMBUS_SINT;
    b->connection_id = version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_ID_5 : VMBUS_CONNECTION_ID;
    status = b->port->post(b->context, b->connection_id, &m, sizeof(m));
    if (status == HV_STATUS_INSUFFICIENT_BUFFERS)
        return false;
    b->job.due &= (uint8_t)~DUE_CONTACT;
    if (status == HV_STATUS_SUCCESS)
        b->statistics.posted++;
    else
        contact_next(b);
    return true;
}

static bool plain_post(struct vmbus_client *b, uint32_t type, uint8_t due)
{
    struct vmbus_message m = {.type = type};

    if (!client_post(b, &m, sizeof(m)))
        return false;
    b->job.due &= (uint8_t)~due;
    return true;
}

static bool bus_job(struct vmbus_client *b, struct vmbus_client_job *job)
{
    return (!(job->due & DUE_CONTACT) || contact_post(b)) &&
           (!(job->due & DUE_REQUEST_OFFERS) ||
            plain_post(b, VMBUS_REQUEST_OFFERS, DUE_REQUEST_OFFERS)) &&
           (!(job->due & DUE_UNLOAD) || plain_post(b, VMBUS_UNLOAD, DUE_UNLOAD));
}

void vmbus_client_init(struct vmbus_client *b, const struct vmbus_client_port *port, void *context,
                       const struct vmbus_client_events *events,
                       struct vmbus_client_channel *channels, uint32_t count)
{
    *b = (struct vmbus_client){
        .context = context,
        .port = port,
        .events = events,
        .channels = channels,
        .channel_count = count,
        .next_gpadl = 1,
    };
    list_init(&b->jobs);
    list_init(&b->gpadls);
    client_job_init(&b->job, bus_job);
    for (uint32_t i = 0; i < count; i++)
        client_channel_init(b, &channels[i]);
}

bool vmbus_client_contact(struct vmbus_client *b, uint32_t newest, uint32_t target_vp,
                          void *monitor_in, void *monitor_out)
{
    uint32_t attempt = 0;

    while (attempt < VERSIONS && versions[attempt] != newest)
        attempt++;
    if (b->state == CLIENT_CONTACTING || attempt == VERSIONS)
        return false;
    bus_forget(b);
    b->state = CLIENT_CONTACTING;
    b->attempt = attempt;
    b->target_vp = target_vp;
    b->monitor_in = monitor_in;
    b->monitor = monitor_out;
    b->job.due = DUE_CONTACT;
    client_job_add(b, &b->job);
    return true;
}

void vmbus_client_request_offers(struct vmbus_client *b)
{
    if (b->state != CLIENT_CONNECTED)
        return;
    b->job.due |= DUE_REQUEST_OFFERS;
    client_job_add(b, &b->job);
}

bool vmbus_client_unload(struct vmbus_client *b)
{
    if (b->state != CLIENT_CONNECTED)
        return false;
    while (list_pop_front(&b->jobs) != NULL)
        continue; /* what they would ask for is undone anyway */
    b->state = CLIENT_UNLOADING;
    b->job.due = DUE_UNLOAD;
    client_job_add(b, &b->job);
    return true;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static bool version_response(struct vmbus_client *b, const void *message)
{
    struct vmbus_version_response m;

    if (b->job.due & DUE_CONTACT)
        return false; /* an answer to a contact that is not posted yet */
    memcpy(&m, message, sizeof(m));
    if (!m.supported) {
        contact_next(b);
        return true;
    }
    if (versions[b->attempt] >= VMBUS_VERSION_5_0)
        b->connection_id = m.connection_id;
    connected(b, versions[b->attempt]);
    return true;
}

static bool unload_response(struct vmbus_client *b, const void *message)
{
    (void)message;
    bus_forget(b);
    b->state = CLIENT_ALONE;
    if (b->events->unloaded)
        b->events->unloaded(b);
    return true;
}

static bool offers_delivered(struct vmbus_client *b, const void *message)
{
    (void)message;
    if (b->events->offers_delivered)
        b->events->offers_delivered(b);
    return true;
}

static bool offer_receive(struct vmbus_client *b, const void *message)
{
    struct vmbus_offer_channel m;

    memcpy(&m, message, sizeof(m));
    return client_offered(b, &m);
}

static bool rescind_receive(struct vmbus_client *b, const void *message)
{
    struct vmbus_relid_message m;

    memcpy(&m, message, sizeof(m));
    return client_rescinded(b, &m);
}

static bool open_result_receive(struct vmbus_client *b, const void *message)
{
    struct vmbus_open_result m;

    memcpy(&m, message, sizeof(m));
    return client_open_result(b, &m);
}

static bool created_receive(struct vmbus_client *b, const void *message)
{
    struct vmbus_gpadl_created m;

    memcpy(&m, message, sizeof(m));
    return client_gpadl_created(b, &m);
}

static bool torndown_receive(struct vmbus_client *b, const void *message)
{
    struct vmbus_gpadl_torndown m;

    memcpy(&m, message, sizeof(m));
    return client_gpadl_torndown(b, &m);
}

static bool modified_receive(struct vmbus_client *b, const void *message)
{
    struct vmbus_modify_channel_response m;

    memcpy(&m, message, sizeof(m));
    return client_modified(b, &m);
}

static const struct {
    bool (*handle)(struct vmbus_client *b, const void *message);
    uint32_t length; /* at least */
    enum client_state state;
} handlers[] = {
    [VMBUS_OFFER_CHANNEL] = {offer_receive, sizeof(struct vmbus_offer_channel), CLIENT_CONNECTED},
    [VMBUS_RESCIND_OFFER] = {rescind_receive, sizeof(struct vmbus_relid_message), CLIENT_CONNECTED},
    [VMBUS_ALL_OFFERS_DELIVERED] = {offers_delivered, sizeof(struct vmbus_message),
                                    CLIENT_CONNECTED},
    [VMBUS_OPEN_RESULT] = {open_result_receive, sizeof(struct vmbus_open_result), CLIENT_CONNECTED},
    [VMBUS_GPADL_CREATED] = {created_receive, sizeof(struct vmbus_gpadl_created), CLIENT_CONNECTED},
    [VMBUS_GPADL_TORNDOWN] = {torndown_receive, sizeof(struct vmbus_gpadl_torndown),
                              CLIENT_CONNECTED},
    [VMBUS_VERSION_RESPONSE] = {version_response, sizeof(struct vmbus_version_response),
                                CLIENT_CONTACTING},
    [VMBUS_UNLOAD_RESPONSE] = {unload_response, sizeof(struct vmbus_message), CLIENT_UNLOADING},
    [VMBUS_MODIFY_CHANNEL_RESPONSE] = {modified_receive,
                                       sizeof(struct vmbus_modify_channel_response),
                                       CLIENT_CONNECTED},
};

#define HANDLERS (sizeof(handlers) / sizeof(handlers[0]))

void vmbus_client_receive(struct vmbus_client *b, const void *message, uint32_t length)
{
    struct vmbus_message header;

    b->statistics.received++;
    if (length >= sizeof(header)) {
        memcpy(&header, message, sizeof(header));
        if (header.type < HANDLERS && handlers[header.type].handle &&
            length >= handlers[header.type].length && handlers[header.type].state == b->state &&
            handlers[header.type].handle(b, message))
            return;
    }
    b->statistics.ignored++;
}
