/* SPDX-License-Identifier: MIT */
/* netvsc/netvsc_setup.c - the initialisation of a device, one question after the other, and the
 * control messages that come later. */
#include <rt/mem.h>
#include "internal.h"

/* netvsc.step: whose answer is waited for. In their order; from STEP_RNDIS on, RNDIS answers. */
enum {
    STEP_NONE,
    STEP_VERSION,
    STEP_RECEIVE_BUFFER,
    STEP_SEND_BUFFER,
    STEP_RNDIS,
    STEP_ADDRESS,
    STEP_FRAME_SIZE,
    STEP_LINK,
    STEP_OFFLOAD_QUERY,
    STEP_OFFLOAD_SET,
    STEP_SUB_CHANNELS, /* NVSP answers */
    STEP_FILTER,
    STEP_READY,
};

static const uint32_t versions[] = {NVSP_VERSION_6_1, NVSP_VERSION_6, NVSP_VERSION_5,
                                    NVSP_VERSION_4,   NVSP_VERSION_2, NVSP_VERSION_1};

#define VERSION_COUNT (sizeof(versions) / sizeof(versions[0]))

static void over(struct netvsc *n, bool ok)
{
    n->step = ok ? STEP_READY : STEP_NONE;
    n->events->ready(n, ok);
}

/* ---- requests ---- */

static uint32_t oid_send(struct netvsc *n, uint32_t type, uint32_t oid, const void *value,
                         uint32_t length)
{
    uint8_t message[NETVSC_MESSAGE_BYTES];
    struct rndis_oid_request m = {.header = {.type = type, .length = (uint32_t)sizeof(m) + length},
                                  .id = n->request + 1,
                                  .oid = oid,
                                  .length = length,
                                  .offset = sizeof(m) - sizeof(m.header)};

    if (length > sizeof(message) - sizeof(m))
        return 0;
    if (m.id == 0) /* which is no identifier */
        m.id = 1;
    memcpy(message, &m, sizeof(m));
    if (length > 0)
        memcpy(message + sizeof(m), value, length);
    if (!netvsc_control_send(n, message, (uint32_t)sizeof(m) + length))
        return 0;
    n->request = m.id;
    return m.id;
}

uint32_t netvsc_query(struct netvsc *n, uint32_t oid, const void *value, uint32_t length)
{
    return oid_send(n, RNDIS_QUERY, oid, value, length);
}

uint32_t netvsc_set(struct netvsc *n, uint32_t oid, const void *value, uint32_t length)
{
    return oid_send(n, RNDIS_SET, oid, value, length);
}

uint32_t netvsc_spread(struct netvsc *n, const uint8_t key[NDIS_RSS_KEY_BYTES],
                       const uint32_t *entries, uint32_t count)
{
    struct {
        struct ndis_rss_parameters parameters;
        uint32_t table[NDIS_RSS_TABLE_ENTRIES];
        uint8_t key[NDIS_RSS_KEY_BYTES];
    } m = {.parameters = {.header = {.type = NDIS_OBJECT_RSS_PARAMETERS,
                                     .revision = 2,
                                     .size = sizeof(m.parameters)},
                          .hash = NDIS_RSS_HASH_TOEPLITZ | NDIS_RSS_HASH_IPV4 |
                                  NDIS_RSS_HASH_TCP_IPV4 | NDIS_RSS_HASH_IPV6 |
                                  NDIS_RSS_HASH_TCP_IPV6,
                          .table_bytes = sizeof(m.table),
                          .table_offset = sizeof(m.parameters),
                          .key_bytes = sizeof(m.key),
                          .key_offset = sizeof(m.parameters) + sizeof(m.table)}};

    for (uint32_t i = 0; i < NDIS_RSS_TABLE_ENTRIES; i++)
        m.table[i] = entries[i % count];
    memcpy(m.key, key, sizeof(m.key));
    return netvsc_set(n, OID_GEN_RECEIVE_SCALE_PARAMETERS, &m, sizeof(m));
}

static bool revoke_send(struct netvsc *n, uint32_t type, uint16_t id)
{
    struct nvsp_message m = {.type = type, .revoke_id = id};

    return netvsc_message_send(n, &m, false);
}

bool netvsc_end(struct netvsc *n)
{
    struct rndis_request m = {.header = {.type = RNDIS_HALT, .length = sizeof(m)},
                              .id = ++n->request};

    return netvsc_control_send(n, &m, sizeof(m)) &&
           revoke_send(n, NVSP_RECEIVE_BUFFER_REVOKE, NVSP_RECEIVE_BUFFER_ID) &&
           revoke_send(n, NVSP_SEND_BUFFER_REVOKE, NVSP_SEND_BUFFER_ID);
}

/* ---- steps: begin one; false: it cannot be ---- */

static bool version_send(struct netvsc *n)
{
    struct nvsp_message m = {
        .type = NVSP_INIT,
        .init = {.version_min = versions[n->attempt], .version_max = versions[n->attempt]}};

    return netvsc_message_send(n, &m, true);
}

/* What is said of us before anything is shared; nobody answers that. */
static bool config_send(struct netvsc *n)
{
    struct nvsp_message config = {
        .type = NVSP_NDIS_CONFIG,
        .ndis_config = {.frame_max = n->config.mtu + NET_ETHERNET_BYTES,
                        .capabilities_low = (uint32_t)NVSP_CAPABILITY_8021Q}};
    struct nvsp_message ndis = {
        .type = NVSP_NDIS_VERSION,
        .ndis_version = {.major = 6, .minor = n->version > NVSP_VERSION_4 ? 30 : 1}};

    if (n->version >= NVSP_VERSION_2 && !netvsc_message_send(n, &config, false))
        return false;
    return netvsc_message_send(n, &ndis, false);
}

static bool receive_buffer_send(struct netvsc *n)
{
    struct nvsp_message m = {
        .type = NVSP_RECEIVE_BUFFER,
        .buffer = {.gpadl = n->config.receive_gpadl, .id = NVSP_RECEIVE_BUFFER_ID}};

    return config_send(n) && netvsc_message_send(n, &m, true);
}

static bool send_buffer_send(struct netvsc *n)
{
    struct nvsp_message m = {.type = NVSP_SEND_BUFFER,
                             .buffer = {.gpadl = n->config.send_gpadl, .id = NVSP_SEND_BUFFER_ID}};

    return netvsc_message_send(n, &m, true);
}

static bool rndis_send(struct netvsc *n)
{
    struct rndis_initialize m = {.header = {.type = RNDIS_INITIALIZE, .length = sizeof(m)},
                                 .id = ++n->request,
                                 .major = RNDIS_VERSION_MAJOR,
                                 .minor = RNDIS_VERSION_MINOR,
                                 .transfer_max = 0x4000};

    return netvsc_control_send(n, &m, sizeof(m));
}

static bool offload_query_send(struct netvsc *n)
{
    struct ndis_object object = {.type = NDIS_OBJECT_OFFLOAD,
                                 .revision = n->version >= NVSP_VERSION_5 ? 3 : 1,
                                 .size = n->version >= NVSP_VERSION_5 ? NDIS_OFFLOAD_BYTES_6_30
                                                                      : NDIS_OFFLOAD_BYTES_6_0};

    return netvsc_query(n, OID_TCP_OFFLOAD_HARDWARE, &object, sizeof(object)) != 0;
}

static bool offload_set_send(struct netvsc *n)
{
    uint8_t checksum = n->config.check ? NDIS_PARAMETER_BOTH : NDIS_PARAMETER_SEND;
    struct ndis_offload_parameters p = {
        .header = {.type = NDIS_OBJECT_DEFAULT, .revision = 1, .size = sizeof(p)},
        .ip4_checksum = checksum,
        .tcp4_checksum = checksum,
        .udp4_checksum = checksum,
        .tcp6_checksum = checksum,
        .udp6_checksum = checksum,
        .lso4 = NDIS_PARAMETER_SEND,
        .lso6 = NDIS_PARAMETER_SEND};

    return netvsc_set(n, OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof(p)) != 0;
}

static bool filter_send(struct netvsc *n)
{
    n->step = STEP_FILTER;
    return netvsc_set(n, OID_GEN_CURRENT_PACKET_FILTER, &n->config.filter,
                      sizeof(n->config.filter)) != 0;
}

static bool sub_channels_send(struct netvsc *n)
{
    struct nvsp_message m = {
        .type = NVSP_SUB_CHANNEL,
        .sub_channel = {.operation = NVSP_SUB_CHANNEL_ALLOCATE, .count = n->config.sub_channels}};

    if (n->version < NVSP_VERSION_5 || n->config.sub_channels == 0)
        return filter_send(n);
    return netvsc_message_send(n, &m, true);
}

static bool step_begin(struct netvsc *n, uint32_t step)
{
    n->step = step;
    switch (step) {
    case STEP_VERSION:
        return version_send(n);
    case STEP_RECEIVE_BUFFER:
        return receive_buffer_send(n);
    case STEP_SEND_BUFFER:
        return send_buffer_send(n);
    case STEP_RNDIS:
        return rndis_send(n);
    case STEP_ADDRESS:
        return netvsc_query(n, OID_802_3_PERMANENT_ADDRESS, NULL, 0) != 0;
    case STEP_FRAME_SIZE:
        return netvsc_query(n, OID_GEN_MAXIMUM_FRAME_SIZE, NULL, 0) != 0;
    case STEP_LINK:
        return netvsc_query(n, OID_GEN_MEDIA_CONNECT_STATUS, NULL, 0) != 0;
    case STEP_OFFLOAD_QUERY:
        return offload_query_send(n);
    case STEP_OFFLOAD_SET:
        return offload_set_send(n);
    case STEP_SUB_CHANNELS:
        return sub_channels_send(n);
    case STEP_FILTER:
    default:
        return filter_send(n);
    }
}

bool netvsc_begin(struct netvsc *n)
{
    n->attempt = 0;
    while (n->attempt < VERSION_COUNT - 1 && versions[n->attempt] > n->config.version)
        n->attempt++;
    if (step_begin(n, STEP_VERSION))
        return true;
    n->step = STEP_NONE; /* no answer is waited for */
    return false;
}

/* ---- answers of NVSP ---- */

/* Refused: the next older one. False: there is none, or it cannot be asked for. */
static bool version_answered(struct netvsc *n, const struct nvsp_message *m)
{
    if (m->type == NVSP_INIT_COMPLETE && m->init_complete.status == NVSP_STATUS_SUCCESS) {
        n->version = versions[n->attempt];
        return step_begin(n, STEP_RECEIVE_BUFFER);
    }
    n->attempt++;
    return n->attempt < VERSION_COUNT && version_send(n);
}

static bool receive_buffer_answered(struct netvsc *n, const struct nvsp_message *m)
{
    const struct nvsp_receive_section *s = &m->receive_buffer_complete.section;
    uint64_t bytes = (uint64_t)s->size * s->count;

    if (m->type != NVSP_RECEIVE_BUFFER_COMPLETE ||
        m->receive_buffer_complete.status != NVSP_STATUS_SUCCESS ||
        m->receive_buffer_complete.section_count != 1 || s->offset != 0 || s->size < NET_MTU_MIN ||
        bytes > n->config.receive_bytes)
        return false;
    n->received_max = (uint32_t)bytes;
    return step_begin(n, STEP_SEND_BUFFER);
}

static bool send_buffer_answered(struct netvsc *n, const struct nvsp_message *m)
{
    uint32_t size = m->send_buffer_complete.section_size;

    if (m->type != NVSP_SEND_BUFFER_COMPLETE ||
        m->send_buffer_complete.status != NVSP_STATUS_SUCCESS || size < NETVSC_MESSAGE_BYTES ||
        size > n->config.send_bytes)
        return false;
    n->section_size = size;
    n->section_count = n->config.send_bytes / size;
    if (n->section_count > NETVSC_SECTIONS_MAX)
        n->section_count = NETVSC_SECTIONS_MAX;
    return step_begin(n, STEP_RNDIS);
}

static bool sub_channels_answered(struct netvsc *n, const struct nvsp_message *m)
{
    if (m->type == NVSP_SUB_CHANNEL && m->sub_channel.operation == NVSP_STATUS_SUCCESS)
        n->sub_channels = m->sub_channel.count;
    if (n->sub_channels > n->config.sub_channels)
        n->sub_channels = n->config.sub_channels;
    return step_begin(n, STEP_FILTER);
}

void netvsc_setup_answered(struct netvsc *n, const struct nvsp_message *m)
{
    bool ok;

    switch (n->step) {
    case STEP_VERSION:
        ok = version_answered(n, m);
        break;
    case STEP_RECEIVE_BUFFER:
        ok = receive_buffer_answered(n, m);
        break;
    case STEP_SEND_BUFFER:
        ok = send_buffer_answered(n, m);
        break;
    case STEP_SUB_CHANNELS:
        ok = sub_channels_answered(n, m);
        break;
    default:
        n->primary.stray++;
        return;
    }
    if (!ok)
        over(n, false);
}

/* ---- answers of RNDIS ---- */

static bool number_answered(uint32_t *to, const uint8_t *value, uint32_t length)
{
    if (length < sizeof(*to))
        return false;
    memcpy(to, value, sizeof(*to));
    return true;
}

static bool address_answered(struct netvsc *n, const uint8_t *value, uint32_t length)
{
    if (length < NET_ADDRESS_BYTES)
        return false;
    memcpy(n->address, value, NET_ADDRESS_BYTES);
    return true;
}

static bool offload_answered(struct netvsc *n, const uint8_t *value, uint32_t length)
{
    memcpy(&n->offload, value, length < sizeof(n->offload) ? length : sizeof(n->offload));
    return length >= NDIS_OFFLOAD_BYTES_6_0 && n->offload.header.type == NDIS_OBJECT_OFFLOAD;
}

/* The value that the step under way asked for. False: it is none. */
static bool value_take(struct netvsc *n, const uint8_t *value, uint32_t length)
{
    switch (n->step) {
    case STEP_ADDRESS:
        return address_answered(n, value, length);
    case STEP_FRAME_SIZE:
        return number_answered(&n->mtu, value, length);
    case STEP_LINK:
        return number_answered(&n->link_down, value, length);
    case STEP_OFFLOAD_QUERY:
        return offload_answered(n, value, length);
    default:
        return true;
    }
}

static void step_answered(struct netvsc *n, uint32_t status, const uint8_t *value, uint32_t length)
{
    bool ok = status == RNDIS_STATUS_SUCCESS && value_take(n, value, length);

    if (ok && n->step != STEP_FILTER) {
        if (step_begin(n, n->step + 1))
            return;
        ok = false;
    }
    over(n, ok);
}

/* An answer with identifier and status, and maybe a value behind it. */
static void answer_take(struct netvsc *n, const uint8_t *message, uint32_t length)
{
    struct rndis_query_complete m = {0};
    uint32_t head = sizeof(m.header);
    bool setup = n->step >= STEP_RNDIS && n->step < STEP_READY && n->step != STEP_SUB_CHANNELS;

    memcpy(&m, message, length < sizeof(m) ? length : sizeof(m));
    if (m.header.type != (RNDIS_QUERY | RNDIS_COMPLETE)) {
        m.length = 0;
        m.offset = 0;
    }
    if (length < sizeof(struct rndis_complete) || (uint64_t)m.offset + m.length > length - head ||
        (setup && m.id != n->request)) {
        n->primary.stray++;
        return;
    }
    message += head + m.offset;
    if (setup)
        step_answered(n, m.status, message, m.length);
    else
        n->events->answered(n, m.id, m.status, message, m.length);
}

static void status_take(struct netvsc *n, const uint8_t *message, uint32_t length)
{
    struct rndis_indicate m;

    if (length < sizeof(m)) {
        n->primary.stray++;
        return;
    }
    memcpy(&m, message, sizeof(m));
    if (m.status == RNDIS_STATUS_MEDIA_CONNECT || m.status == RNDIS_STATUS_MEDIA_DISCONNECT)
        n->link_down = m.status == RNDIS_STATUS_MEDIA_DISCONNECT;
    n->events->link(n, m.status);
}

void netvsc_control_take(struct netvsc *n, const uint8_t *message, uint32_t length)
{
    struct rndis_header h;

    memcpy(&h, message, sizeof(h));
    if (h.type == RNDIS_INDICATE_STATUS)
        status_take(n, message, length);
    else if (h.type & RNDIS_COMPLETE)
        answer_take(n, message, length);
    else
        n->primary.stray++;
}
