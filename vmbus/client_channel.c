/* SPDX-License-Identifier: MIT */
/* client_channel.c - offered channels: opening, closing, and being taken back. */
#include <rt/mem.h>
#include "client_internal.h"

/* Posted in this order. */
enum {
    DUE_OPEN = 1,
    DUE_MODIFY = 2,
    DUE_CLOSE = 4,
    DUE_RELEASE = 8,
};

#define RING_BYTES_MIN (2u * HV_PAGE_SIZE)

/* ---- posting --------------------------------------------------------------------------------- */

static bool open_post(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    struct vmbus_open_channel m = {
        .header.type = VMBUS_OPEN_CHANNEL,
        .relid = c->channel.relid,
        .open_id = c->channel.relid,
        .ring_gpadl = c->ring.id,
        .target_vp = c->channel.target_vp,
        .downstream_page = c->out_bytes / HV_PAGE_SIZE,
    };

    memcpy(m.user_data, c->user_data, sizeof(m.user_data));
    return client_post(b, &m, sizeof(m));
}

static bool modify_post(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    struct vmbus_modify_channel m = {
        .header.type = VMBUS_MODIFY_CHANNEL,
        .relid = c->channel.relid,
        .target_vp = c->channel.target_vp,
    };

    return client_post(b, &m, sizeof(m));
}

static bool relid_post(struct vmbus_client *b, struct vmbus_client_channel *c, uint32_t type)
{
    struct vmbus_relid_message m = {.header.type = type, .relid = c->channel.relid};

    return client_post(b, &m, sizeof(m));
}

static bool channel_job(struct vmbus_client *b, struct vmbus_client_job *job)
{
    struct vmbus_client_channel *c = container_of(job, struct vmbus_client_channel, job);

    if ((job->due & DUE_OPEN) && !open_post(b, c))
        return false;
    job->due &= (uint8_t)~DUE_OPEN;
    if ((job->due & DUE_MODIFY) && !modify_post(b, c))
        return false;
    job->due &= (uint8_t)~DUE_MODIFY;
    if ((job->due & DUE_CLOSE) && !relid_post(b, c, VMBUS_CLOSE_CHANNEL))
        return false;
    job->due &= (uint8_t)~DUE_CLOSE;
    if (!(job->due & DUE_RELEASE))
        return true;
    if (!relid_post(b, c, VMBUS_RELID_RELEASED))
        return false;
    client_channel_init(b, c);
    return true;
}

static void channel_due(struct vmbus_client_channel *c, uint8_t due)
{
    c->job.due |= due;
    client_job_add(c->client, &c->job);
}

/* ---- offers ---------------------------------------------------------------------------------- */

void client_channel_init(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    *c = (struct vmbus_client_channel){.client = b, .state = CHANNEL_FREE};
    client_job_init(&c->job, channel_job);
    list_init(&c->ring.node);
    list_init(&c->ring.job.node);
}

/* Ring the server's doorbell: by the monitor page, where the offer says so, or directly. */
static void channel_signal(struct vmbus_channel *channel)
{
    struct vmbus_client_channel *c = container_of(channel, struct vmbus_client_channel, channel);
    struct vmbus_client *b = c->client;
    uint32_t id = (uint32_t)channel->monitor_id;

    if (channel->monitor_id < 0)
        b->port->signal(channel);
    else
        __atomic_fetch_or(&b->monitor->trigger_group[id / HV_MONITOR_TRIGGERS_PER_GROUP].pending,
                          1u << id % HV_MONITOR_TRIGGERS_PER_GROUP, __ATOMIC_SEQ_CST);
}

static struct vmbus_client_channel *channel_free_find(struct vmbus_client *b)
{
    for (uint32_t i = 0; i < b->channel_count; i++)
        if (b->channels[i].state == CHANNEL_FREE)
            return &b->channels[i];
    return NULL;
}

static bool offer_valid(const struct vmbus_client *b, const struct vmbus_offer_channel *m)
{
    bool monitored = m->monitor_allocated & 1;

    return m->relid >= VMBUS_RELID_MIN && m->relid <= VMBUS_RELID_MAX && b->slot[m->relid] == 0 &&
           (m->dedicated_interrupt & 1) &&
           (!monitored ||
            (b->monitor && m->monitor_id < HV_MONITOR_GROUP_COUNT * HV_MONITOR_TRIGGERS_PER_GROUP));
}

bool client_offered(struct vmbus_client *b, const struct vmbus_offer_channel *m)
{
    struct vmbus_client_channel *c = offer_valid(b, m) ? channel_free_find(b) : NULL;

    if (!c)
        return false;
    c->offer = *m;
    c->state = CHANNEL_CLOSED;
    c->channel.signal = channel_signal;
    c->channel.relid = m->relid;
    c->channel.sub_channel_index = m->sub_channel_index;
    c->channel.connection_id = m->connection_id;
    c->channel.monitor_id = m->monitor_allocated & 1 ? m->monitor_id : -1;
    b->slot[m->relid] = (uint16_t)(c - b->channels + 1);
    if (b->events->offered)
        b->events->offered(b, c);
    return true;
}

struct vmbus_client_channel *vmbus_client_channel_of(struct vmbus_client *b, uint32_t relid)
{
    if (relid > VMBUS_RELID_MAX || b->slot[relid] == 0)
        return NULL;
    return &b->channels[b->slot[relid] - 1];
}

static void rings_detach(struct vmbus_client_channel *c)
{
    static const struct vmbus_ring none = {.broken = "the channel is closed"};

    c->channel.in = none;
    c->channel.out = none;
}

bool client_rescinded(struct vmbus_client *b, const struct vmbus_relid_message *m)
{
    struct vmbus_client_channel *c = vmbus_client_channel_of(b, m->relid);

    if (!c || c->state == CHANNEL_RESCINDED)
        return false;
    list_remove(&c->job.node);
    c->job.due = 0;
    client_gpadls_forget(b, c);
    rings_detach(c);
    c->state = CHANNEL_RESCINDED;
    if (b->events->rescinded)
        b->events->rescinded(c);
    return true;
}

bool vmbus_client_release(struct vmbus_client_channel *c)
{
    bool unused = c->state == CHANNEL_CLOSED && c->channel.sub_channel_index != 0;

    if (c->state != CHANNEL_RESCINDED && !unused)
        return false;
    client_gpadls_forget(c->client, c);
    c->client->slot[c->channel.relid] = 0;
    c->state = CHANNEL_RELEASING;
    channel_due(c, DUE_RELEASE);
    return true;
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool ring_size_valid(uint32_t bytes)
{
    return bytes >= RING_BYTES_MIN && bytes % HV_PAGE_SIZE == 0;
}

bool vmbus_client_open(struct vmbus_client_channel *c, void *memory, uint32_t out_bytes,
                       uint32_t in_bytes, uint32_t target_vp, const void *user_data)
{
    const uint32_t bytes_max = VMBUS_GPADL_PAGES_MAX * HV_PAGE_SIZE;

    if (c->state != CHANNEL_CLOSED || !ring_size_valid(out_bytes) || !ring_size_valid(in_bytes) ||
        out_bytes > bytes_max || in_bytes > bytes_max - out_bytes)
        return false;
    c->memory = memory;
    c->out_bytes = out_bytes;
    c->in_bytes = in_bytes;
    c->channel.target_vp = target_vp;
    c->channel.statistics = (struct vmbus_channel_statistics){0};
    memset(c->user_data, 0, sizeof(c->user_data));
    if (user_data)
        memcpy(c->user_data, user_data, sizeof(c->user_data));
    vmbus_ring_format(c->memory);
    vmbus_ring_format(c->memory + out_bytes);
    c->failed = false;
    c->state = CHANNEL_SHARING;
    client_gpadl_start(&c->ring, c, c->memory, out_bytes + in_bytes);
    return true;
}

static void opened_tell(struct vmbus_client_channel *c, bool ok)
{
    if (c->client->events->opened)
        c->client->events->opened(c, ok);
}

void client_rings_created(struct vmbus_client_channel *c, bool ok)
{
    if (!ok) {
        c->state = CHANNEL_CLOSED;
        opened_tell(c, false);
        return;
    }
    c->state = CHANNEL_OPENING;
    channel_due(c, DUE_OPEN);
}

static bool rings_attach(struct vmbus_client_channel *c)
{
    return vmbus_ring_attach_writer(&c->channel.out, c->memory, c->out_bytes) &&
           vmbus_ring_attach_reader(&c->channel.in, c->memory + c->out_bytes, c->in_bytes);
}

bool client_open_result(struct vmbus_client *b, const struct vmbus_open_result *m)
{
    struct vmbus_client_channel *c = vmbus_client_channel_of(b, m->relid);

    if (!c || c->state != CHANNEL_OPENING || (c->job.due & DUE_OPEN) ||
        m->open_id != c->channel.relid)
        return false;
    if (m->status == VMBUS_STATUS_SUCCESS && rings_attach(c)) {
        c->state = CHANNEL_OPEN;
        opened_tell(c, true);
        return true;
    }
    rings_detach(c);
    c->failed = true;
    c->state = CHANNEL_CLOSING;
    if (m->status == VMBUS_STATUS_SUCCESS)
        channel_due(c, DUE_CLOSE);
    client_gpadl_end(&c->ring);
    return true;
}

/* ---- closing --------------------------------------------------------------------------------- */

bool vmbus_client_close(struct vmbus_client_channel *c)
{
    bool opened =
        c->state == CHANNEL_OPEN || (c->state == CHANNEL_OPENING && !(c->job.due & DUE_OPEN));

    if (c->state != CHANNEL_SHARING && c->state != CHANNEL_OPENING && c->state != CHANNEL_OPEN)
        return false;
    c->state = CHANNEL_CLOSING;
    rings_detach(c);
    c->job.due &= (uint8_t) ~(DUE_OPEN | DUE_MODIFY);
    if (opened)
        channel_due(c, DUE_CLOSE);
    client_gpadl_end(&c->ring);
    return true;
}

void client_rings_torndown(struct vmbus_client_channel *c)
{
    c->state = CHANNEL_CLOSED;
    if (c->failed)
        opened_tell(c, false);
    else if (c->client->events->closed)
        c->client->events->closed(c);
}

/* ---- another VP ------------------------------------------------------------------------------ */

bool vmbus_client_modify(struct vmbus_client_channel *c, uint32_t vp)
{
    if (c->state != CHANNEL_OPEN || c->client->version < VMBUS_VERSION_4_1)
        return false;
    c->channel.target_vp = vp;
    channel_due(c, DUE_MODIFY);
    return true;
}

bool client_modified(struct vmbus_client *b, const struct vmbus_modify_channel_response *m)
{
    struct vmbus_client_channel *c = vmbus_client_channel_of(b, m->relid);

    if (!c || c->state != CHANNEL_OPEN)
        return false;
    if (b->events->modified)
        b->events->modified(c, m->status == VMBUS_STATUS_SUCCESS);
    return true;
}
