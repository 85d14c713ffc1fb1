/* SPDX-License-Identifier: MIT */
/* state.c - a server as bytes, and back: a head, then channels, GPADLs with their pages, and
 * messages that wait. What is read is not trusted: it may come from another machine.
 *
 * What is not saved: the offers (their providers make them again), statistics, and what lives in
 * the child's memory. */
#include <rt/mem.h>
#include "server_internal.h"

struct state_head {
    uint32_t version; /* VMBUS_SERVER_STATE_VERSION */
    uint32_t connected;
    uint64_t size;
    uint32_t protocol, target_vp;
    uint32_t offers_requested, last_relid;
    uint64_t monitor_pages[2];
    uint32_t channels, gpadls, posts, reserved;
};
ABI_SIZE(struct state_head, 64);

enum {
    STATE_ANNOUNCED = 1,
    STATE_OFFERED = 2,
    STATE_RELEASED = 4,
    STATE_FLAGS = 7,
};

struct state_channel {
    struct vmbus_guid interface, instance; /* of its offer; all 0: none any more */
    uint32_t relid, sub_channel_index;
    uint32_t state, flags;
    uint32_t open_id, ring_gpadl, downstream_page, target_vp; /* if it is open */
    uint32_t indices[2];
    uint32_t monitor_id; /* 1 more than it; 0: none */
    uint32_t reserved;
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
};
ABI_SIZE(struct state_channel, 200);

struct state_gpadl {
    uint32_t id, relid;
    uint32_t byte_count, byte_offset;
    uint32_t page_count, received; /* page_count numbers of pages follow */
    uint32_t complete, dying;
};
ABI_SIZE(struct state_gpadl, 32);

struct state_post {
    uint32_t type, relid, length;
    uint8_t bytes[20];
};
ABI_SIZE(struct state_post, 32);

/* Where the next part is read or written. */
struct cursor {
    uint8_t *at;
    size_t left;
};

/* ---- saving ---------------------------------------------------------------------------------- */

size_t vmbus_server_state_size(const struct vmbus_server *s)
{
    return sizeof(struct state_head) + s->channel_count * sizeof(struct state_channel) +
           s->gpadl_count * sizeof(struct state_gpadl) + s->pages * sizeof(uint64_t) +
           s->post_count * sizeof(struct state_post);
}

static void put(struct cursor *cursor, const void *from, size_t size)
{
    memcpy(cursor->at, from, size);
    cursor->at += size;
    cursor->left -= size;
}

static void channel_save(struct cursor *out, const struct server_channel *c)
{
    struct state_channel state = {
        .relid = c->channel.relid,
        .sub_channel_index = c->channel.sub_channel_index,
        .state = c->state,
        .flags = (c->announced ? STATE_ANNOUNCED : 0u) | (c->offered ? STATE_OFFERED : 0u) |
                 (c->released ? STATE_RELEASED : 0u),
        .monitor_id = (uint32_t)(c->channel.monitor_id + 1),
    };

    if (c->offer) {
        state.interface = c->offer->interface;
        state.instance = c->offer->instance;
    }
    if (c->state == CHANNEL_OPEN) {
        state.open_id = c->open_id;
        state.ring_gpadl = c->ring->id;
        state.downstream_page = c->downstream_page;
        state.target_vp = c->channel.target_vp;
        state.indices[0] = c->channel.in.own;
        state.indices[1] = c->channel.out.own;
        memcpy(state.user_data, c->user_data, sizeof(state.user_data));
    }
    put(out, &state, sizeof(state));
}

static void gpadls_save(struct cursor *out, const struct vmbus_server *s)
{
    for (uint32_t i = 0; i < GPADL_BUCKETS; i++) {
        LIST_FOR_EACH(node, &s->gpadls[i])
        {
            const struct gpadl *g = container_of(node, struct gpadl, node);
            struct state_gpadl state = {
                .id = g->id,
                .relid = g->relid,
                .byte_count = g->byte_count,
                .byte_offset = g->byte_offset,
                .page_count = g->page_count,
                .received = g->received,
                .complete = g->mapping != NULL,
                .dying = g->dying,
            };

            put(out, &state, sizeof(state));
            put(out, g->pages, g->page_count * sizeof(uint64_t));
        }
    }
}

static void posts_save(struct cursor *out, const struct vmbus_server *s)
{
    for (uint32_t i = 0; i < s->post_count; i++) {
        const struct queued_post *q = &s->posts[(s->post_first + i) % s->post_capacity];
        struct state_post state = {.type = q->type, .relid = q->relid, .length = q->length};

        memcpy(state.bytes, q->bytes, sizeof(state.bytes));
        put(out, &state, sizeof(state));
    }
}

/* What is under way cannot be saved, and soon it is over. */
static const char *savable(const struct vmbus_server *s, size_t size)
{
    if (s->state != SERVER_DISCONNECTED && s->state != SERVER_CONNECTED)
        return "the bus is being reset";
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++)
        if (s->channels[i] && s->channels[i]->state == CHANNEL_CLOSING)
            return "a channel is being closed";
    return size < vmbus_server_state_size(s) ? "the memory is too small" : NULL;
}

const char *vmbus_server_save(const struct vmbus_server *s, void *state, size_t size)
{
    struct cursor out = {state, size};
    const char *wrong = savable(s, size);
    struct state_head head = {
        .version = VMBUS_SERVER_STATE_VERSION,
        .connected = s->state == SERVER_CONNECTED,
        .size = vmbus_server_state_size(s),
        .protocol = s->version,
        .target_vp = s->target_vp,
        .offers_requested = s->offers_requested,
        .last_relid = s->last_relid,
        .monitor_pages = {s->monitor_pages[0], s->monitor_pages[1]},
        .channels = s->channel_count,
        .gpadls = s->gpadl_count,
        .posts = s->post_count,
    };

    if (wrong)
        return wrong;
    put(&out, &head, sizeof(head));
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++)
        if (s->channels[i])
            channel_save(&out, s->channels[i]);
    gpadls_save(&out, s);
    posts_save(&out, s);
    return NULL;
}

/* ---- restoring ------------------------------------------------------------------------------- */

static bool get(struct cursor *cursor, void *to, size_t size)
{
    if (cursor->left < size)
        return false;
    memcpy(to, cursor->at, size);
    cursor->at += size;
    cursor->left -= size;
    return true;
}

static bool head_valid(const struct vmbus_server *s, const struct state_head *h, size_t size)
{
    return h->version == VMBUS_SERVER_STATE_VERSION && h->size == size && h->reserved == 0 &&
           h->connected <= 1 && h->offers_requested <= h->connected &&
           (h->connected ? server_version_supported(h->protocol) : h->protocol == 0) &&
           h->target_vp < s->limits.vp_count && h->last_relid <= s->limits.channels;
}

static bool flags_valid(const struct state_channel *state)
{
    bool announced = state->flags & STATE_ANNOUNCED, offered = state->flags & STATE_OFFERED;

    switch (state->state) {
    case CHANNEL_CLOSED:
        return announced || !offered;
    case CHANNEL_OPEN:
        return announced && offered && !(state->flags & STATE_RELEASED);
    case CHANNEL_RESCINDING:
        return announced;
    case CHANNEL_RESCINDED:
        return announced && offered && !(state->flags & STATE_RELEASED);
    default:
        return false;
    }
}

static bool channel_valid(const struct vmbus_server *s, const struct state_channel *state,
                          const struct vmbus_offer *offer)
{
    bool has_offer = state->state == CHANNEL_CLOSED || state->state == CHANNEL_OPEN;

    return state->relid >= VMBUS_RELID_MIN && state->relid <= s->limits.channels &&
           !s->channels[state->relid] && state->flags <= STATE_FLAGS && flags_valid(state) &&
           state->monitor_id <= MONITOR_IDS && state->reserved == 0 &&
           state->target_vp < s->limits.vp_count &&
           (!has_offer || (offer && state->sub_channel_index <= offer->sub_channel_max &&
                           !server_channel_of(offer, state->sub_channel_index)));
}

static bool monitor_id_take(struct vmbus_server *s, uint32_t id)
{
    uint64_t bit = 1ull << id % 64;

    if (s->monitor_ids[id / 64] & bit)
        return false;
    s->monitor_ids[id / 64] |= bit;
    return true;
}

static const char *channel_restore(struct vmbus_server *s, const struct state_channel *state)
{
    struct vmbus_offer *offer = server_offer_find(s, &state->interface, &state->instance);
    struct server_channel *c;

    if (!channel_valid(s, state, offer))
        return "a channel's state is none, or its offer is missing";
    if (state->state == CHANNEL_RESCINDING || state->state == CHANNEL_RESCINDED)
        offer = NULL;
    c = server_channel_make(s, offer, state->sub_channel_index, state->relid);
    if (!c)
        return "no memory for a channel";
    if (offer && state->sub_channel_index != 0)
        offer->sub_channels++;
    c->state = state->state == CHANNEL_OPEN ? CHANNEL_CLOSED : (enum channel_state)state->state;
    c->announced = state->flags & STATE_ANNOUNCED;
    c->offered = state->flags & STATE_OFFERED;
    c->released = state->flags & STATE_RELEASED;
    if (state->monitor_id != 0 && monitor_id_take(s, state->monitor_id - 1))
        c->channel.monitor_id = (int32_t)state->monitor_id - 1;
    return NULL;
}

/* The channels of this server's offers so far: saved ones take their places. */
static void channels_clear(struct vmbus_server *s)
{
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++) {
        if (s->channels[i]) {
            list_remove(&s->channels[i]->node);
            server_channel_free(s->channels[i]);
        }
    }
}

static const char *channels_restore(struct vmbus_server *s, struct cursor *in, uint32_t count)
{
    struct state_channel state;
    const char *wrong = NULL;

    while (!wrong && count-- != 0)
        wrong =
            get(in, &state, sizeof(state)) ? channel_restore(s, &state) : "the state is cut off";
    return wrong;
}

static bool gpadl_valid(const struct vmbus_server *s, const struct state_gpadl *state)
{
    uint64_t end = (uint64_t)state->byte_offset + state->byte_count;

    return server_channel_find(s, state->relid) && state->byte_count != 0 &&
           state->byte_offset < HV_PAGE_SIZE &&
           state->page_count == (end + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE &&
           state->page_count <= VMBUS_GPADL_PAGES_MAX && state->complete <= 1 &&
           state->dying <= state->complete &&
           (state->complete ? state->received == state->page_count
                            : state->received < state->page_count);
}

static const char *gpadl_restore(struct vmbus_server *s, struct cursor *in)
{
    struct vmbus_gpadl_header header = {0};
    struct state_gpadl state;
    struct gpadl *g;

    if (!get(in, &state, sizeof(state)))
        return "the state is cut off";
    header.relid = state.relid;
    header.gpadl = state.id;
    header.byte_count = state.byte_count;
    header.byte_offset = state.byte_offset;
    if (!gpadl_valid(s, &state) || server_gpadl_any(s, state.id))
        return "the state of shared memory is none";
    g = server_gpadl_make(s, &header, state.page_count);
    if (!g)
        return "no memory for shared memory";
    g->received = state.received;
    g->dying = state.dying != 0;
    if (!get(in, g->pages, state.page_count * sizeof(uint64_t)))
        return "the state is cut off";
    return state.complete && !server_gpadl_map(s, g) ? "shared memory cannot be mapped" : NULL;
}

static const char *post_restore(struct vmbus_server *s, struct cursor *in)
{
    struct state_post state;
    struct queued_post q;

    if (!get(in, &state, sizeof(state)))
        return "the state is cut off";
    q = (struct queued_post){.type = state.type, .relid = state.relid, .length = state.length};
    memcpy(q.bytes, state.bytes, sizeof(q.bytes));
    return server_post_restore(s, &q) ? NULL : "a message's state is none";
}

/* Open what was open. A channel whose provider or rings do not go along is closed, as if its ring
 * were broken: that is between it and the child. */
static const char *channel_reopen(struct vmbus_server *s, const struct state_channel *state)
{
    struct server_channel *c = s->channels[state->relid];
    struct gpadl *ring = server_gpadl_any(s, state->ring_gpadl);
    const char *wrong;

    if (state->state != CHANNEL_OPEN)
        return NULL;
    if (!ring || ring->relid != state->relid || !ring->mapping ||
        !server_rings_valid(ring, state->downstream_page))
        return "an open channel has no rings";
    c->open_id = state->open_id;
    c->downstream_page = state->downstream_page;
    c->channel.target_vp = state->target_vp;
    memcpy(c->user_data, state->user_data, sizeof(c->user_data));
    wrong = server_channel_start(c, ring, state->indices);
    if (!wrong)
        return NULL;
    server_fault(s, state->relid, wrong);
    if (ring->dying) { /* it was its last user */
        ring->users++;
        server_gpadl_put(s, ring);
    }
    return NULL;
}

/* Read the channels again, now that what they refer to is there. */
static const char *channels_reopen(struct vmbus_server *s, struct cursor in, uint32_t count)
{
    struct state_channel state;
    const char *wrong = NULL;

    while (!wrong && count-- != 0 && get(&in, &state, sizeof(state)))
        wrong = channel_reopen(s, &state);
    return wrong;
}

/* Offers that are new since then get their channels. */
static const char *offers_complete(struct vmbus_server *s)
{
    LIST_FOR_EACH(node, &s->offers)
    {
        struct vmbus_offer *offer = container_of(node, struct vmbus_offer, node);
        struct server_channel *c;

        if (server_channel_of(offer, 0))
            continue;
        c = server_channel_make(s, offer, 0, 0);
        if (!c)
            return "no room for an offer";
        server_channel_announce(c);
    }
    return NULL;
}

static const char *parts_restore(struct vmbus_server *s, struct cursor *in,
                                 const struct state_head *head)
{
    struct cursor channels = *in;
    const char *wrong = channels_restore(s, in, head->channels);

    for (uint32_t i = 0; !wrong && i < head->gpadls; i++)
        wrong = gpadl_restore(s, in);
    for (uint32_t i = 0; !wrong && i < head->posts; i++)
        wrong = post_restore(s, in);
    if (!wrong && in->left != 0)
        wrong = "the state is too long";
    if (!wrong)
        wrong = channels_reopen(s, channels, head->channels);
    return wrong ? wrong : offers_complete(s);
}

const char *vmbus_server_restore(struct vmbus_server *s, const void *state, size_t size)
{
    struct cursor in = {(uint8_t *)(uintptr_t)state, size};
    struct state_head head;
    const char *wrong;

    if (s->state != SERVER_DISCONNECTED || s->received != 0)
        return "the bus is in use";
    if (!get(&in, &head, sizeof(head)) || !head_valid(s, &head, size))
        return "this is no state of a bus, or not of this version";
    channels_clear(s);
    s->state = head.connected ? SERVER_CONNECTED : SERVER_DISCONNECTED;
    s->version = head.protocol;
    s->target_vp = head.target_vp;
    s->offers_requested = head.offers_requested != 0;
    server_monitor_set(s, head.monitor_pages[0], head.monitor_pages[1]);
    wrong = parts_restore(s, &in, &head);
    if (!wrong && s->monitor_pages[0] != head.monitor_pages[0])
        wrong = "the monitor pages cannot be used";
    s->last_relid = head.last_relid;
    return wrong;
}
