/* SPDX-License-Identifier: MIT */
/* gpadl.c - memory that the child shares: lists of its pages, which come in pieces.
 *
 * All limits are checked at the header, which says how many pages there will be; what comes after
 * it can only fill that. The number in GPADL_BODY means nothing: Linux sends 0 in each. The same
 * page may be named twice, also in one ring: it is pinned twice, and our ends of rings do not rely
 * on what is in them. */
#include <rt/mem.h>
#include "server_internal.h"

#define PAGE_NUMBER_SIZE ((uint32_t)sizeof(uint64_t))

static struct list *bucket_of(struct vmbus_server *s, uint32_t id)
{
    return &s->gpadls[id % GPADL_BUCKETS]; /* clients count them up */
}

struct gpadl *server_gpadl_any(struct vmbus_server *s, uint32_t id)
{
    LIST_FOR_EACH(node, bucket_of(s, id))
    {
        struct gpadl *g = container_of(node, struct gpadl, node);

        if (g->id == id)
            return g;
    }
    return NULL;
}

struct gpadl *server_gpadl_find(struct vmbus_server *s, uint32_t relid, uint32_t id)
{
    struct gpadl *g = server_gpadl_any(s, id);

    return g && g->relid == relid && g->mapping && !g->dying ? g : NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static size_t gpadl_size(uint32_t page_count)
{
    return sizeof(struct gpadl) + (size_t)page_count * PAGE_NUMBER_SIZE;
}

struct gpadl *server_gpadl_make(struct vmbus_server *s, const struct vmbus_gpadl_header *h,
                                uint32_t page_count)
{
    struct gpadl *g;

    if (s->gpadl_count >= s->limits.gpadls || s->half_built >= s->limits.half_built ||
        page_count > s->limits.pages - s->pages)
        return NULL;
    g = server_allocate(s, gpadl_size(page_count));
    if (!g)
        return NULL;
    g->id = h->gpadl;
    g->relid = h->relid;
    g->byte_count = h->byte_count;
    g->byte_offset = h->byte_offset;
    g->page_count = page_count;
    list_push_back(bucket_of(s, g->id), &g->node);
    s->gpadl_count++;
    s->half_built++;
    s->pages += page_count;
    return g;
}

bool server_gpadl_map(struct vmbus_server *s, struct gpadl *g)
{
    g->mapping = s->port->map(s->context, g->pages, g->page_count);
    if (!g->mapping)
        return false;
    s->half_built--;
    return true;
}

static void gpadl_free(struct vmbus_server *s, struct gpadl *g)
{
    if (g->mapping)
        s->port->unmap(s->context, g->mapping, g->pages, g->page_count);
    else
        s->half_built--;
    s->gpadl_count--;
    s->pages -= g->page_count;
    list_remove(&g->node);
    server_free(s, g, gpadl_size(g->page_count));
}

static void torndown_answer(struct vmbus_server *s, uint32_t id)
{
    struct vmbus_gpadl_torndown m = {.header.type = VMBUS_GPADL_TORNDOWN, .gpadl = id};

    server_reply(s, &m, sizeof(m));
}

void server_gpadl_put(struct vmbus_server *s, struct gpadl *g)
{
    uint32_t id = g->id;

    g->users--;
    if (g->users != 0 || !g->dying)
        return;
    gpadl_free(s, g);
    torndown_answer(s, id);
}

void server_gpadls_drop(struct vmbus_server *s, uint32_t relid)
{
    for (uint32_t i = 0; i < GPADL_BUCKETS; i++) {
        LIST_FOR_EACH_SAFE(node, &s->gpadls[i])
        {
            struct gpadl *g = container_of(node, struct gpadl, node);

            if (relid == 0 || g->relid == relid)
                gpadl_free(s, g);
        }
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static void created_answer(struct vmbus_server *s, uint32_t relid, uint32_t id, const char *wrong)
{
    struct vmbus_gpadl_created m = {
        .header.type = VMBUS_GPADL_CREATED,
        .relid = relid,
        .gpadl = id,
        .status = wrong ? VMBUS_STATUS_UNSUCCESSFUL : VMBUS_STATUS_SUCCESS,
    };

    if (wrong)
        server_fault(s, relid, wrong);
    server_reply(s, &m, sizeof(m));
}

static uint32_t pages_touched(const struct vmbus_gpadl_header *h)
{
    uint64_t end = (uint64_t)h->byte_offset + h->byte_count;

    return (uint32_t)((end + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE);
}

/* One range whose length, bytes and pages agree. */
static const char *range_check(const struct vmbus_gpadl_header *h)
{
    if (h->range_count != 1)
        return "shares memory of more than one range, or none";
    if (h->byte_count == 0 || h->byte_offset >= HV_PAGE_SIZE)
        return "shares no bytes, or not from the first page on";
    if (h->range_length != VMBUS_GPADL_RANGE_HEAD + (uint64_t)pages_touched(h) * PAGE_NUMBER_SIZE)
        return "shares memory whose bytes and pages do not match";
    return NULL;
}

/* Take the page numbers at @from, and end with the last one. NULL, or what is wrong. */
static const char *pages_take(struct vmbus_server *s, struct gpadl *g, const uint8_t *from,
                              uint32_t length)
{
    uint32_t count = length / PAGE_NUMBER_SIZE;

    if (length % PAGE_NUMBER_SIZE != 0 || count > g->page_count - g->received)
        return "shares more pages than it said, or parts of page numbers";
    memcpy(&g->pages[g->received], from, length);
    g->received += count;
    if (g->received == g->page_count && !server_gpadl_map(s, g))
        return "shares pages that cannot be mapped";
    return NULL;
}

/* Answer once all pages are there, or something is wrong. */
static void pages_add(struct vmbus_server *s, struct gpadl *g, const uint8_t *from, uint32_t length)
{
    const char *wrong = pages_take(s, g, from, length);
    uint32_t relid = g->relid, id = g->id;

    if (!wrong && !g->mapping)
        return;
    if (wrong)
        gpadl_free(s, g);
    created_answer(s, relid, id, wrong);
}

static bool channel_may_share(const struct vmbus_server *s, uint32_t relid)
{
    const struct server_channel *c = server_channel_find(s, relid);

    return c && c->offer && !c->revoking;
}

void server_gpadl_header(struct vmbus_server *s, const uint8_t *message, uint32_t length)
{
    struct vmbus_gpadl_header h;
    struct gpadl *g = NULL;
    const char *wrong;

    memcpy(&h, message, sizeof(h));
    wrong = range_check(&h);
    if (!wrong && !channel_may_share(s, h.relid))
        wrong = "shares memory for a channel that is not there";
    if (!wrong && server_gpadl_any(s, h.gpadl))
        wrong = "shares memory under a number that is in use";
    if (!wrong) {
        g = server_gpadl_make(s, &h, pages_touched(&h));
        wrong = g ? NULL : "shares more memory than it may";
    }
    if (wrong)
        created_answer(s, h.relid, h.gpadl, wrong);
    else
        pages_add(s, g, message + sizeof(h), length - (uint32_t)sizeof(h));
}

void server_gpadl_body(struct vmbus_server *s, const uint8_t *message, uint32_t length)
{
    struct vmbus_gpadl_body b;
    struct gpadl *g;

    memcpy(&b, message, sizeof(b));
    g = server_gpadl_any(s, b.gpadl);
    if (!g || g->mapping)
        server_fault(s, 0, "shares more pages of memory that is complete, or unknown");
    else
        pages_add(s, g, message + sizeof(b), length - (uint32_t)sizeof(b));
}

void server_gpadl_teardown(struct vmbus_server *s, const struct vmbus_gpadl_teardown *m)
{
    struct gpadl *g = server_gpadl_any(s, m->gpadl);

    if (!g || g->relid != m->relid || g->dying) {
        server_fault(s, m->relid, "tears memory down that it does not share");
        return;
    }
    if (g->users != 0) {
        g->dying = true; /* answered by the last user */
        return;
    }
    gpadl_free(s, g);
    torndown_answer(s, m->gpadl);
}

/* ---- providers ------------------------------------------------------------------------------- */

bool vmbus_server_gpadl_get(struct vmbus_channel *c, uint32_t id, struct vmbus_gpadl_view *view)
{
    struct server_channel *channel = server_channel(c);
    struct gpadl *g =
        channel->state == CHANNEL_OPEN ? server_gpadl_find(channel->server, c->relid, id) : NULL;

    if (!g)
        return false;
    g->users++;
    *view = (struct vmbus_gpadl_view){
        .bytes = (uint8_t *)g->mapping + g->byte_offset,
        .length = g->byte_count,
        .pages = g->pages,
        .page_count = g->page_count,
        .offset = g->byte_offset,
    };
    return true;
}

void vmbus_server_gpadl_put(struct vmbus_channel *c, uint32_t id)
{
    struct vmbus_server *s = server_channel(c)->server;
    struct gpadl *g = server_gpadl_any(s, id);

    if (g && g->users != 0)
        server_gpadl_put(s, g);
}
