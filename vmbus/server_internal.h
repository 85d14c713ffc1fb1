/* SPDX-License-Identifier: MIT */
/* server_internal.h - what the files of the server share.
 *
 * The life of a channel:
 *
 *               OPEN_CHANNEL           CLOSE, reset, revoke            vmbus_server_closed()
 *     CLOSED -----------------> OPEN -----------------------> CLOSING -----------------------+
 *       ^                                                                                    |
 *       +------------------------------------------------------------------------------------+
 *       | revoked by its offer, or by its primary channel's being closed
 *       v              RESCIND posted              RELID_RELEASED
 *     RESCINDING ----------------------> RESCINDED ----------------> freed
 *
 * What the child was never told of, or has released, is freed without a RESCIND. When the bus is
 * reset (UNLOAD, another contact), all channels get to CLOSED or are freed. */
#ifndef VMBUS_SERVER_INTERNAL_H
#define VMBUS_SERVER_INTERNAL_H

#include <hvabi/status.h>
#include <vmbus/server.h>

#define GPADL_BUCKETS 64u
#define MONITOR_IDS   (HV_MONITOR_GROUP_COUNT * HV_MONITOR_TRIGGERS_PER_GROUP)

enum server_state {
    SERVER_DISCONNECTED,
    SERVER_CONNECTED,
    SERVER_RESETTING, /* until no channel is open or closing */
    SERVER_STOPPED,
};

enum channel_state {
    CHANNEL_CLOSED,
    CHANNEL_OPEN,
    CHANNEL_CLOSING,
    CHANNEL_RESCINDING,
    CHANNEL_RESCINDED,
};

struct server_channel {
    struct vmbus_channel channel;
    struct vmbus_server *server;
    struct vmbus_offer *offer; /* NULL: RESCINDING, RESCINDED */
    struct list node;          /* in offer->channels */
    enum channel_state state;
    bool announced; /* its offer is in the queue, or was posted */
    bool offered;   /* was posted */
    bool released;  /* and has forgotten it */
    bool revoking;  /* it is rescinded as soon as it is closed */
    bool ready;     /* [a] the provider takes signals */
    struct gpadl *ring;
    uint32_t open_id;
    uint32_t downstream_page;
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
};

struct gpadl {
    struct list node; /* in server.gpadls */
    uint32_t id, relid;
    uint32_t byte_count, byte_offset;
    uint32_t page_count, received;
    uint32_t users; /* a channel's rings, gets of the provider */
    bool dying;     /* the child tore it down while it was used */
    void *mapping;  /* NULL: half-built */
    uint64_t pages[];
};

/* A message to be posted. OFFER_CHANNEL and RESCIND_OFFER are made when it is their turn. */
struct queued_post {
    uint32_t type;
    uint32_t relid;  /* of those two */
    uint32_t length; /* of the others' bytes */
    uint8_t bytes[sizeof(struct vmbus_open_result)];
};

struct vmbus_server {
    const struct vmbus_server_port *port;
    void *context;
    struct vmbus_server_limits limits;
    enum server_state state;
    bool closing_all;
    bool offers_requested;
    bool unload_due;  /* answer UNLOAD at the end of the reset */
    bool contact_due; /* or this contact */
    struct vmbus_initiate_contact contact;
    uint32_t version, target_vp;
    uint64_t monitor_pages[2];              /* server to client, client to server; 0: none */
    uint64_t monitor_ids[MONITOR_IDS / 64]; /* in use */

    struct list offers;
    struct server_channel **channels; /* by relid, up to limits.channels */
    uint32_t channel_count;
    uint32_t last_relid; /* given out */
    uint32_t busy;       /* channels OPEN or CLOSING */

    struct list gpadls[GPADL_BUCKETS];
    uint32_t gpadl_count, half_built, pages;

    struct queued_post *posts; /* a ring of post_capacity */
    uint32_t post_capacity, post_first, post_count, replies;

    uint64_t received, refused, lost_posts;
};

static inline struct server_channel *server_channel(const struct vmbus_channel *c)
{
    return container_of((struct vmbus_channel *)(uintptr_t)c, struct server_channel, channel);
}

/* server.c */

/* The child did something wrong: count it, and say so. */
void server_fault(struct vmbus_server *s, uint32_t relid, const char *reason);
void *server_allocate(struct vmbus_server *s, size_t size);
void server_free(struct vmbus_server *s, void *memory, size_t size);

/* protocol.c */

/* Go on with a reset when nothing is open any more. */
void server_reset_advance(struct vmbus_server *s);
/* Close all channels; when they are, everything that the child knows is forgotten. */
void server_reset(struct vmbus_server *s, enum server_state state);
bool server_version_supported(uint32_t version);
/* Use the child's monitor pages, if the transport can. */
void server_monitor_set(struct vmbus_server *s, uint64_t server_to_client,
                        uint64_t client_to_server);

/* offer.c */

/* The channel of @relid that the child may name, or NULL. */
struct server_channel *server_channel_find(const struct vmbus_server *s, uint32_t relid);
/* A closed channel of @offer at @relid; 0: any that is free. NULL: no memory, or no relid. */
struct server_channel *server_channel_make(struct vmbus_server *s, struct vmbus_offer *offer,
                                           uint32_t sub_channel_index, uint32_t relid);
void server_channel_free(struct server_channel *c);
/* Of @offer, with that sub-channel index, or NULL. */
struct server_channel *server_channel_of(const struct vmbus_offer *offer, uint32_t index);
/* Tell the child of a new channel, if it has asked for offers. */
void server_channel_announce(struct server_channel *c);
struct vmbus_offer *server_offer_find(const struct vmbus_server *s,
                                      const struct vmbus_guid *interface,
                                      const struct vmbus_guid *instance);
/* Take a closed channel from its offer. */
void server_channel_rescind(struct server_channel *c);
/* Rescind all channels marked as revoking, now or when they are closed. */
void server_revoke_marked(struct vmbus_server *s);
void server_offer_message(struct server_channel *c, struct vmbus_offer_channel *m);
void server_request_offers(struct vmbus_server *s);
void server_relid_released(struct vmbus_server *s, const struct vmbus_relid_message *m);
/* The bus was reset: the child knows of no channel. */
void server_channels_forget(struct vmbus_server *s);

/* open.c */

void server_open(struct vmbus_server *s, const struct vmbus_open_channel *m);
void server_close(struct vmbus_server *s, const struct vmbus_relid_message *m);
void server_modify(struct vmbus_server *s, const struct vmbus_modify_channel *m);
/* Whether @ring is two rings, of which the second begins at @downstream_page. */
bool server_rings_valid(const struct gpadl *ring, uint32_t downstream_page);
/* If @c is open, begin to close it. */
void server_channel_close(struct server_channel *c);
/* Attach rings and provider to a closed channel. @indices: NULL, or where our ends of the rings
 * have to stand, since it was open when the server was saved. NULL: it is open; else why not. */
const char *server_channel_start(struct server_channel *c, struct gpadl *ring,
                                 const uint32_t *indices);

/* gpadl.c */

void server_gpadl_header(struct vmbus_server *s, const uint8_t *message, uint32_t length);
void server_gpadl_body(struct vmbus_server *s, const uint8_t *message, uint32_t length);
void server_gpadl_teardown(struct vmbus_server *s, const struct vmbus_gpadl_teardown *m);
/* The complete GPADL @id of @relid that nobody tore down, or NULL. */
struct gpadl *server_gpadl_find(struct vmbus_server *s, uint32_t relid, uint32_t id);
/* The GPADL @id in any state, or NULL. */
struct gpadl *server_gpadl_any(struct vmbus_server *s, uint32_t id);
/* A half-built one, in the lists; within limits. NULL: a limit, or no memory. */
struct gpadl *server_gpadl_make(struct vmbus_server *s, const struct vmbus_gpadl_header *h,
                                uint32_t page_count);
/* Pin and map one whose pages are all there. */
bool server_gpadl_map(struct vmbus_server *s, struct gpadl *g);
/* One user less; the last one of a dying GPADL ends it. */
void server_gpadl_put(struct vmbus_server *s, struct gpadl *g);
/* End all of @relid (0: all), which nobody uses. */
void server_gpadls_drop(struct vmbus_server *s, uint32_t relid);

/* post.c */

/* Post an answer of up to sizeof(queued_post.bytes) bytes, or keep it. */
void server_reply(struct vmbus_server *s, const void *message, uint32_t length);
/* Post an OFFER_CHANNEL or RESCIND_OFFER, or keep it. */
void server_announce(struct vmbus_server *s, uint32_t type, uint32_t relid);
/* Keep a message that waited when the server was saved. False: it makes no sense. */
bool server_post_restore(struct vmbus_server *s, const struct queued_post *q);
void server_posts_clear(struct vmbus_server *s);

#endif
