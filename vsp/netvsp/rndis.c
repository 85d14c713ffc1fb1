/* SPDX-License-Identifier: MIT */
/* netvsp/rndis.c - the control messages of RNDIS, in private memory: each is answered in a section
 * of the receive buffer, or, when the child has all that are kept for that, not at all. */
#include <rt/mem.h>
#include "internal.h"

/* ---- answers ---- */

static void answer_send(struct netvsp_channel *c, void *message, uint32_t type, uint32_t length)
{
    struct rndis_header *header = message;

    header->type = type;
    header->length = length;
    if (netvsp_control_send(c, message, length))
        return;
    netvsp_count(&c->slot->statistics.control_lost, 1);
    netvsp_complain(c, "an answer for which the child left no section");
}

/* The answer to a message that has only its status. */
static void status_send(struct netvsp_channel *c, uint32_t type, uint32_t id, uint32_t status)
{
    struct rndis_complete answer = {.id = id, .status = status};

    answer_send(c, &answer, type | RNDIS_COMPLETE, sizeof(answer));
}

static void malformed(struct netvsp_channel *c, const char *why)
{
    netvsp_count(&c->slot->statistics.malformed, 1);
    netvsp_complain(c, why);
}

/* ---- life ---- */

void netvsp_settings_reset(struct netvsp_device *d)
{
    __atomic_store_n(&d->ready, false, __ATOMIC_RELAXED);
    __atomic_store_n(&d->filter, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&d->offloads, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&d->hash_types, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&d->multicast_count, 0, __ATOMIC_RELAXED);
}

static void initialize(struct netvsp_channel *c, const uint8_t *message, uint32_t length)
{
    struct netvsp_device *d = c->device;
    struct rndis_initialize m;
    struct rndis_initialize_complete answer = {
        .status = RNDIS_STATUS_NOT_SUPPORTED,
        .major = RNDIS_VERSION_MAJOR,
        .minor = RNDIS_VERSION_MINOR,
        .device_flags = RNDIS_DEVICE_CONNECTIONLESS,
        .medium = RNDIS_MEDIUM_802_3,
        .packets_max = NETVSP_MESSAGES_MAX,
        .transfer_max = NETVSP_PAGES_MAX * NETVSP_PAGE,
        .alignment = NETVSP_ALIGNMENT,
    };

    if (length < sizeof(m)) {
        malformed(c, "an initialisation of a wrong length");
        return;
    }
    memcpy(&m, message, sizeof(m));
    answer.id = m.id;
    if (m.major == RNDIS_VERSION_MAJOR) {
        answer.status = RNDIS_STATUS_SUCCESS;
        d->link_told = __atomic_load_n(&d->link_speed, __ATOMIC_RELAXED); /* it will ask */
        __atomic_store_n(&d->ready, true, __ATOMIC_RELEASE); /* pairs with frames_take */
    }
    answer_send(c, &answer, RNDIS_INITIALIZE | RNDIS_COMPLETE, sizeof(answer));
}

/* Settings are lost, as the answer says. */
static void reset(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;
    bool ready = __atomic_load_n(&d->ready, __ATOMIC_RELAXED);

    netvsp_settings_reset(d);
    __atomic_store_n(&d->ready, ready, __ATOMIC_RELEASE); /* pairs with frames_take */
    status_send(c, RNDIS_RESET, RNDIS_STATUS_SUCCESS, 1);
}

/* ---- queries and settings ---- */

static void query(struct netvsp_channel *c, const struct rndis_oid_request *m,
                  const uint8_t *information)
{
    uint64_t memory[NETVSP_ANSWER_MAX / sizeof(uint64_t)] = {0};
    struct rndis_query_complete answer = {.id = m->id};
    uint8_t *value = (uint8_t *)memory + sizeof(answer);

    answer.status =
        netvsp_oid_query(c->device, m->oid, information, m->length, value, &answer.length);
    if (answer.status != RNDIS_STATUS_SUCCESS)
        answer.length = 0;
    answer.offset = answer.length > 0 ? sizeof(answer) - sizeof(answer.header) : 0;
    memcpy(memory, &answer, sizeof(answer));
    answer_send(c, memory, RNDIS_QUERY | RNDIS_COMPLETE, (uint32_t)sizeof(answer) + answer.length);
}

static void set(struct netvsp_channel *c, const struct rndis_oid_request *m,
                const uint8_t *information)
{
    uint32_t status = netvsp_oid_set(c->device, m->oid, information, m->length);

    if (status != RNDIS_STATUS_SUCCESS && status != RNDIS_STATUS_NOT_SUPPORTED)
        netvsp_complain(c, "a setting that makes no sense");
    status_send(c, RNDIS_SET, m->id, status);
}

/* A query is answered at full length, whatever its status. */
static void oid_refuse(struct netvsp_channel *c, bool is_query, uint32_t id, uint32_t status)
{
    struct rndis_query_complete answer = {.id = id, .status = status};

    if (is_query)
        answer_send(c, &answer, RNDIS_QUERY | RNDIS_COMPLETE, sizeof(answer));
    else
        status_send(c, RNDIS_SET, id, status);
}

static void oid_request(struct netvsp_channel *c, const uint8_t *message, uint32_t length,
                        bool is_query)
{
    struct rndis_oid_request m;
    uint32_t from = sizeof(m.header);

    if (length < sizeof(m)) {
        malformed(c, "a query or setting of a wrong length");
        return;
    }
    memcpy(&m, message, sizeof(m));
    if (m.length > 0 &&
        (m.offset < sizeof(m) - from || (uint64_t)m.offset + m.length > length - from)) {
        malformed(c, "a query or setting whose information is not in its message");
        oid_refuse(c, is_query, m.id, RNDIS_STATUS_INVALID_DATA);
        return;
    }
    message += m.length > 0 ? from + m.offset : 0;
    if (!__atomic_load_n(&c->device->ready, __ATOMIC_RELAXED)) {
        netvsp_complain(c, "a query or setting before RNDIS is initialised");
        oid_refuse(c, is_query, m.id, RNDIS_STATUS_FAILURE);
    } else if (is_query) {
        query(c, &m, message);
    } else {
        set(c, &m, message);
    }
}

/* ---- messages ---- */

static void request_take(struct netvsp_channel *c, const struct rndis_request *m,
                         const uint8_t *message)
{
    uint32_t length = m->header.length;

    switch (m->header.type) {
    case RNDIS_INITIALIZE:
        initialize(c, message, length);
        break;
    case RNDIS_HALT:
        netvsp_settings_reset(c->device);
        break;
    case RNDIS_QUERY:
    case RNDIS_SET:
        oid_request(c, message, length, m->header.type == RNDIS_QUERY);
        break;
    case RNDIS_RESET:
        reset(c);
        break;
    case RNDIS_KEEPALIVE:
        status_send(c, RNDIS_KEEPALIVE, m->id, RNDIS_STATUS_SUCCESS);
        break;
    default:
        malformed(c, "a control message of a kind that is none");
        break;
    }
}

void netvsp_control_take(struct netvsp_channel *c, const uint8_t *message, uint32_t length)
{
    struct rndis_request m = {0};

    netvsp_count(&c->slot->statistics.control, 1);
    if (length >= sizeof(m))
        memcpy(&m, message, sizeof(m));
    if (length < sizeof(m) || m.header.length < sizeof(m) || m.header.length > length)
        malformed(c, "a control message that is not as long as it says");
    else
        request_take(c, &m, message);
}

/* ---- the link ---- */

static uint32_t link_status(uint64_t told, uint64_t is)
{
    if (is == 0)
        return RNDIS_STATUS_MEDIA_DISCONNECT;
    return told == 0 ? RNDIS_STATUS_MEDIA_CONNECT : RNDIS_STATUS_LINK_SPEED_CHANGE;
}

void netvsp_link_tell(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;
    uint64_t is = __atomic_load_n(&d->link_speed, __ATOMIC_SEQ_CST);
    struct rndis_indicate m = {.header = {.type = RNDIS_INDICATE_STATUS, .length = sizeof(m)},
                               .status = link_status(d->link_told, is)};

    if (is != d->link_told && __atomic_load_n(&d->ready, __ATOMIC_RELAXED) &&
        netvsp_control_send(c, &m, sizeof(m))) /* else when a section is free */
        d->link_told = is;
}
