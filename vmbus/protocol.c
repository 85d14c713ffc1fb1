/* SPDX-License-Identifier: MIT */
/* protocol.c - the child's messages: which may come when, contact, and leaving the bus. */
#include <rt/mem.h>
#include "server_internal.h"

/* ---- contact --------------------------------------------------------------------------------- */

void server_monitor_set(struct vmbus_server *s, uint64_t server_to_client,
                        uint64_t client_to_server)
{
    const uint64_t page_offset = HV_PAGE_SIZE - 1;

    if (s->monitor_pages[0] != 0) {
        s->monitor_pages[0] = 0;
        s->monitor_pages[1] = 0;
        s->port->monitor_set(s->context, 0, 0);
    }
    if (!s->port->monitor_set || server_to_client == 0 || client_to_server == 0)
        return;
    if (((server_to_client | client_to_server) & page_offset) != 0 ||
        !s->port->monitor_set(s->context, server_to_client, client_to_server)) {
        server_fault(s, 0, "its monitor pages cannot be used");
        return;
    }
    s->monitor_pages[0] = server_to_client;
    s->monitor_pages[1] = client_to_server;
}

bool server_version_supported(uint32_t version)
{
    switch (version) {
    case VMBUS_VERSION_2_4:
    case VMBUS_VERSION_3_0:
    case VMBUS_VERSION_4_0:
    case VMBUS_VERSION_4_1:
    case VMBUS_VERSION_5_0:
    case VMBUS_VERSION_5_1:
    case VMBUS_VERSION_5_2:
    case VMBUS_VERSION_5_3:
        return true;
    default:
        return false;
    }
}

static const char *contact_check(const struct vmbus_server *s,
                                 const struct vmbus_initiate_contact *m)
{
    if (m->target_vp >= s->limits.vp_count)
        return "wants messages on a VP that does not exist";
    if (m->version >= VMBUS_VERSION_5_0 && server_version_supported(m->version) &&
        m->message_sint != VMBUS_SINT)
        return "wants messages on another SINT";
    return NULL;
}

static void contact_answer(struct vmbus_server *s, const struct vmbus_initiate_contact *m)
{
    const char *wrong = contact_check(s, m);
    struct vmbus_version_response response = {
        .header.type = VMBUS_VERSION_RESPONSE,
        .supported = !wrong && server_version_supported(m->version),
        .connection_id =
            m->version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_ID_5 : VMBUS_CONNECTION_ID,
    };

    if (wrong)
        server_fault(s, 0, wrong);
    s->target_vp = m->target_vp < s->limits.vp_count ? m->target_vp : 0;
    if (response.supported) {
        s->state = SERVER_CONNECTED;
        s->version = m->version;
        server_monitor_set(s, m->server_to_client_monitor, m->client_to_server_monitor);
    }
    server_reply(s, &response, sizeof(response));
}

/* ---- forgetting what the child knew ---------------------------------------------------------- */

static void unload_answer(struct vmbus_server *s)
{
    struct vmbus_message m = {.type = VMBUS_UNLOAD_RESPONSE};

    server_reply(s, &m, sizeof(m));
}

static void reset_finish(struct vmbus_server *s)
{
    bool unload = s->unload_due, contact = s->contact_due;

    server_channels_forget(s);
    server_gpadls_drop(s, 0);
    server_monitor_set(s, 0, 0);
    s->version = 0;
    s->offers_requested = false;
    s->unload_due = false;
    s->contact_due = false;
    if (s->state == SERVER_STOPPED)
        return;
    s->state = SERVER_DISCONNECTED;
    if (contact)
        contact_answer(s, &s->contact);
    else if (unload)
        unload_answer(s);
}

void server_reset_advance(struct vmbus_server *s)
{
    bool resetting = s->state == SERVER_RESETTING || s->state == SERVER_STOPPED;

    if (resetting && s->busy == 0 && !s->closing_all)
        reset_finish(s);
}

void server_reset(struct vmbus_server *s, enum server_state state)
{
    s->state = state;
    server_posts_clear(s);
    s->closing_all = true; /* providers that close at once do not end the reset below us */
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++)
        if (s->channels[i])
            server_channel_close(s->channels[i]);
    s->closing_all = false;
    server_reset_advance(s);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void contact_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    (void)length;
    if (s->state == SERVER_DISCONNECTED) {
        struct vmbus_initiate_contact m;

        memcpy(&m, message, sizeof(m));
        contact_answer(s, &m);
        return;
    }
    memcpy(&s->contact, message, sizeof(s->contact)); /* the latest one counts */
    s->contact_due = true;
    if (s->state == SERVER_CONNECTED)
        server_reset(s, SERVER_RESETTING);
}

static void unload_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    (void)message;
    (void)length;
    s->unload_due = true;
    server_reset(s, SERVER_RESETTING);
}

static void request_offers_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    (void)message;
    (void)length;
    server_request_offers(s);
}

static void open_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct vmbus_open_channel m;

    (void)length;
    memcpy(&m, message, sizeof(m));
    server_open(s, &m);
}

static void close_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct vmbus_relid_message m;

    (void)length;
    memcpy(&m, message, sizeof(m));
    server_close(s, &m);
}

static void released_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct vmbus_relid_message m;

    (void)length;
    memcpy(&m, message, sizeof(m));
    server_relid_released(s, &m);
}

static void modify_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct vmbus_modify_channel m;

    (void)length;
    memcpy(&m, message, sizeof(m));
    server_modify(s, &m);
}

static void gpadl_header_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    server_gpadl_header(s, message, length);
}

static void gpadl_body_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    server_gpadl_body(s, message, length);
}

static void teardown_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct vmbus_gpadl_teardown m;

    (void)length;
    memcpy(&m, message, sizeof(m));
    server_gpadl_teardown(s, &m);
}

/* Nothing that we offer needs it, and clients do not wait for an answer: any program in the child
 * may ask, which is nothing worth saying. */
static void socket_handle(struct vmbus_server *s, const void *message, uint32_t length)
{
    (void)message;
    (void)length;
    s->refused++;
}

static const struct {
    void (*handle)(struct vmbus_server *s, const void *message, uint32_t length);
    uint32_t length; /* at least */
} handlers[] = {
    [VMBUS_REQUEST_OFFERS] = {request_offers_handle, sizeof(struct vmbus_message)},
    [VMBUS_OPEN_CHANNEL] = {open_handle, sizeof(struct vmbus_open_channel)},
    [VMBUS_CLOSE_CHANNEL] = {close_handle, sizeof(struct vmbus_relid_message)},
    [VMBUS_GPADL_HEADER] = {gpadl_header_handle, sizeof(struct vmbus_gpadl_header)},
    [VMBUS_GPADL_BODY] = {gpadl_body_handle, sizeof(struct vmbus_gpadl_body)},
    [VMBUS_GPADL_TEARDOWN] = {teardown_handle, sizeof(struct vmbus_gpadl_teardown)},
    [VMBUS_RELID_RELEASED] = {released_handle, sizeof(struct vmbus_relid_message)},
    [VMBUS_INITIATE_CONTACT] = {contact_handle, sizeof(struct vmbus_initiate_contact)},
    [VMBUS_UNLOAD] = {unload_handle, sizeof(struct vmbus_message)},
    [VMBUS_TL_CONNECT_REQUEST] = {socket_handle, sizeof(struct vmbus_message)},
    [VMBUS_MODIFY_CHANNEL] = {modify_handle, sizeof(struct vmbus_modify_channel)},
};

#define HANDLERS (sizeof(handlers) / sizeof(handlers[0]))

/* Contact may be made at any time; everything else needs it. */
static bool message_timely(const struct vmbus_server *s, uint32_t type)
{
    return type == VMBUS_INITIATE_CONTACT || s->state == SERVER_CONNECTED;
}

void vmbus_server_receive(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct vmbus_message header;

    if (s->state == SERVER_STOPPED)
        return;
    s->received++;
    if (length < sizeof(header) || length > VMBUS_MESSAGE_SIZE_MAX) {
        server_fault(s, 0, "posts a message that is too short or too long to be one");
        return;
    }
    memcpy(&header, message, sizeof(header));
    if (header.type >= HANDLERS || !handlers[header.type].handle)
        server_fault(s, 0, "posts a message of an unknown type");
    else if (length < handlers[header.type].length)
        server_fault(s, 0, "posts a message that is cut off");
    else if (!message_timely(s, header.type))
        server_fault(s, 0, "posts before contact, or while the bus is reset");
    else
        handlers[header.type].handle(s, message, length);
}
