/* SPDX-License-Identifier: MIT */
/* client_gpadl.c - memory that the guest shares with the server. */
#include <rt/mem.h>
#include "client_internal.h"

enum {
    DUE_PAGES = 1,
    DUE_TEARDOWN = 2,
};

#define PAGE_NUMBER_SIZE ((uint32_t)sizeof(uint64_t))

/* ---- posting --------------------------------------------------------------------------------- */

/* Put up to @max of the next page numbers at @to. How many there were. */
static uint32_t pages_put(struct vmbus_client *b, const struct vmbus_client_gpadl *g, uint8_t *to,
                          uint32_t max)
{
    uint32_t count = g->pages - g->sent;

    if (count > max)
        count = max;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t page =
            b->port->page_number(b->context, g->memory + (size_t)(g->sent + i) * HV_PAGE_SIZE);

        memcpy(to + (size_t)i * PAGE_NUMBER_SIZE, &page, sizeof(page));
    }
    return count;
}

static bool header_post(struct vmbus_client *b, struct vmbus_client_gpadl *g)
{
    struct vmbus_gpadl_header h = {
        .header.type = VMBUS_GPADL_HEADER,
        .relid = g->channel->channel.relid,
        .gpadl = g->id,
        .range_length = (uint16_t)(VMBUS_GPADL_RANGE_HEAD + g->pages * PAGE_NUMBER_SIZE),
        .range_count = 1,
        .byte_count = g->pages * HV_PAGE_SIZE,
    };
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX];
    uint32_t count = pages_put(b, g, message + sizeof(h), VMBUS_GPADL_HEADER_PAGES);

    memcpy(message, &h, sizeof(h));
    if (!client_post(b, message, (uint32_t)sizeof(h) + count * PAGE_NUMBER_SIZE))
        return false;
    g->sent += count;
    return true;
}

static bool body_post(struct vmbus_client *b, struct vmbus_client_gpadl *g)
{
    struct vmbus_gpadl_body body = {.header.type = VMBUS_GPADL_BODY, .gpadl = g->id};
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX];
    uint32_t count = pages_put(b, g, message + sizeof(body), VMBUS_GPADL_BODY_PAGES);

    memcpy(message, &body, sizeof(body));
    if (!client_post(b, message, (uint32_t)sizeof(body) + count * PAGE_NUMBER_SIZE))
        return false;
    g->sent += count;
    return true;
}

static bool pages_post(struct vmbus_client *b, struct vmbus_client_gpadl *g)
{
    if (g->sent == 0 && !header_post(b, g))
        return false;
    while (g->sent != g->pages)
        if (!body_post(b, g))
            return false;
    g->job.due &= (uint8_t)~DUE_PAGES;
    return true;
}

static bool teardown_post(struct vmbus_client *b, struct vmbus_client_gpadl *g)
{
    struct vmbus_gpadl_teardown m = {
        .header.type = VMBUS_GPADL_TEARDOWN,
        .relid = g->channel->channel.relid,
        .gpadl = g->id,
    };

    if (!client_post(b, &m, sizeof(m)))
        return false;
    g->job.due &= (uint8_t)~DUE_TEARDOWN;
    return true;
}

static bool gpadl_job(struct vmbus_client *b, struct vmbus_client_job *job)
{
    struct vmbus_client_gpadl *g = container_of(job, struct vmbus_client_gpadl, job);

    return (!(job->due & DUE_PAGES) || pages_post(b, g)) &&
           (!(job->due & DUE_TEARDOWN) || teardown_post(b, g));
}

/* ---- life ------------------------------------------------------------------------------------ */

void client_gpadl_start(struct vmbus_client_gpadl *g, struct vmbus_client_channel *c,
                        const void *memory, uint32_t bytes)
{
    struct vmbus_client *b = c->client;

    *g = (struct vmbus_client_gpadl){
        .channel = c,
        .memory = memory,
        .pages = bytes / HV_PAGE_SIZE,
        .id = b->next_gpadl++,
        .state = GPADL_CREATING,
    };
    list_push_back(&b->gpadls, &g->node);
    client_job_init(&g->job, gpadl_job);
    g->job.due = DUE_PAGES;
    client_job_add(b, &g->job);
}

void client_gpadl_end(struct vmbus_client_gpadl *g)
{
    bool created = g->state == GPADL_CREATED;

    g->state = GPADL_TEARING;
    if (!created)
        return; /* client_gpadl_created() goes on */
    g->job.due |= DUE_TEARDOWN;
    client_job_add(g->channel->client, &g->job);
}

static void gpadl_forget(struct vmbus_client_gpadl *g)
{
    list_remove(&g->job.node);
    list_remove(&g->node);
    g->state = GPADL_NONE;
}

void client_gpadls_forget(struct vmbus_client *b, const struct vmbus_client_channel *c)
{
    LIST_FOR_EACH_SAFE(node, &b->gpadls)
    {
        struct vmbus_client_gpadl *g = container_of(node, struct vmbus_client_gpadl, node);

        if (!c || g->channel == c)
            gpadl_forget(g);
    }
}

static struct vmbus_client_gpadl *gpadl_find(struct vmbus_client *b, uint32_t id)
{
    LIST_FOR_EACH(node, &b->gpadls)
    {
        struct vmbus_client_gpadl *g = container_of(node, struct vmbus_client_gpadl, node);

        if (g->id == id)
            return g;
    }
    return NULL;
}

/* ---- the server's answers -------------------------------------------------------------------- */

static void created_tell(struct vmbus_client_gpadl *g, bool ok)
{
    const struct vmbus_client_events *events = g->channel->client->events;

    if (g == &g->channel->ring)
        client_rings_created(g->channel, ok);
    else if (events->gpadl_created)
        events->gpadl_created(g, ok);
}

static void torndown_tell(struct vmbus_client_gpadl *g)
{
    const struct vmbus_client_events *events = g->channel->client->events;

    if (g == &g->channel->ring)
        client_rings_torndown(g->channel);
    else if (events->gpadl_torndown)
        events->gpadl_torndown(g);
}

/* An early failure may come before the last pages are posted. */
bool client_gpadl_created(struct vmbus_client *b, const struct vmbus_gpadl_created *m)
{
    struct vmbus_client_gpadl *g = gpadl_find(b, m->gpadl);
    bool ok = m->status == VMBUS_STATUS_SUCCESS, ending;

    if (!g || g->channel->channel.relid != m->relid || (ok && (g->job.due & DUE_PAGES)) ||
        g->answered)
        return false;
    g->answered = true;
    ending = g->state == GPADL_TEARING;
    if (!ok) {
        gpadl_forget(g);
        if (ending)
            torndown_tell(g);
        else
            created_tell(g, false);
        return true;
    }
    g->state = GPADL_CREATED;
    if (ending)
        client_gpadl_end(g);
    else
        created_tell(g, true);
    return true;
}

bool client_gpadl_torndown(struct vmbus_client *b, const struct vmbus_gpadl_torndown *m)
{
    struct vmbus_client_gpadl *g = gpadl_find(b, m->gpadl);

    if (!g || g->state != GPADL_TEARING || !g->answered || (g->job.due & DUE_TEARDOWN))
        return false;
    gpadl_forget(g);
    torndown_tell(g);
    return true;
}

/* ---- the user -------------------------------------------------------------------------------- */

bool vmbus_client_gpadl_create(struct vmbus_client_gpadl *g, struct vmbus_client_channel *c,
                               const void *memory, uint32_t bytes)
{
    if (c->state < CHANNEL_CLOSED || c->state > CHANNEL_OPEN || bytes == 0 ||
        bytes % HV_PAGE_SIZE != 0 || bytes / HV_PAGE_SIZE > VMBUS_GPADL_PAGES_MAX)
        return false;
    client_gpadl_start(g, c, memory, bytes);
    return true;
}

bool vmbus_client_gpadl_teardown(struct vmbus_client_gpadl *g)
{
    if (g->state != GPADL_CREATED)
        return false;
    client_gpadl_end(g);
    return true;
}
