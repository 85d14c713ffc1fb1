/* SPDX-License-Identifier: MIT */
/* vmbus/server.h - root's end of the bus of one child: it offers channels, and the child's messages
 * open and close them.
 *
 * The child is hostile. A message that is wrong gets the failure that the protocol has for it, or
 * none; it costs a bounded amount of work and memory (struct vmbus_server_limits) and at most a
 * call of log(). Pages that the child shares are pinned and mapped from the moment a GPADL is
 * complete until nobody uses it any more, whatever the child says meanwhile.
 *
 * Three parties:
 * - the owner of the server, who feeds it (vmbus_server_receive()) and has the transport
 *   (struct vmbus_server_port);
 * - providers (VSPs), who have offers (struct vmbus_offer);
 * - the child.
 *
 * Closing is deferred. When a channel is to be closed (by the child, by unload, by a broken ring,
 * by revoking its offer), its provider's closed() is called once; the rings stay mapped until the
 * provider calls vmbus_server_closed(), which it may do at once or when its last I/O is done. Only
 * then does the child get what it waits for (TORNDOWN, UNLOAD_RESPONSE, RESCIND).
 *
 * Rules: the owner serialises all calls for one server (a thread for each child), those that
 * providers make included, but for vmbus_server_signalled(). Callbacks come from within these
 * calls, and may call back where that is said. No locks in here; no call waits. */
#ifndef VMBUS_SERVER_H
#define VMBUS_SERVER_H

#include <rt/list.h>
#include <vmbus/channel.h>

struct vmbus_server;
struct vmbus_offer;

/* ---- the transport: what the owner does for a server -------------------------------------- */

/* None of these calls back into the server. */
struct vmbus_server_port {
    /* Post @message to the child's VP @vp, SINT VMBUS_SINT. HV_STATUS_INSUFFICIENT_BUFFERS: later;
     * the server keeps it until vmbus_server_post_again(). Any other failure: it is lost. */
    hv_status (*post)(void *context, uint32_t vp, const void *message, uint32_t length);

    /* Pin the child's @count pages and map them, writable and one after the other. NULL: a page is
     * not the child's RAM, or there is no memory. A page may be named twice. @pages may be kept
     * until unmap, which undoes it. */
    void *(*map)(void *context, const uint64_t *pages, uint32_t count);
    void (*unmap)(void *context, void *mapping, const uint64_t *pages, uint32_t count);

    /* Let the child's signals on @c->connection_id, or those of the monitor page for
     * @c->monitor_id, come to vmbus_server_signalled(@c), and let signal(@c) reach @c->target_vp.
     * False: there is no memory for it. */
    bool (*doorbell_connect)(void *context, struct vmbus_channel *c);
    /* When it returns, no call of vmbus_server_signalled(@c) is under way, and none will come. */
    void (*doorbell_disconnect)(void *context, struct vmbus_channel *c);
    /* signal(@c) is to reach @vp from now on, instead of @c->target_vp. False: it cannot be. */
    bool (*doorbell_retarget)(void *context, struct vmbus_channel *c, uint32_t vp);

    /* Set event flag @c->relid on @c->target_vp, SINT VMBUS_SINT. From any context, while the
     * doorbell is connected. @c->transport is this port's own. */
    void (*signal)(struct vmbus_channel *c);

    /* The child's monitor pages, as guest physical addresses; 0, 0: none any more. False: they
     * cannot be used, no doorbell is monitored. NULL: monitoring is not implemented. */
    bool (*monitor_set)(void *context, uint64_t server_to_client, uint64_t client_to_server);

    /* Zeroed memory, or NULL. */
    void *(*allocate)(void *context, size_t size);
    void (*free)(void *context, void *memory, size_t size);

    /* Something that the child did is wrong: @reason is a literal, @relid 0 where no channel is
     * meant. As often as the child likes: this port limits what it logs. */
    void (*log)(void *context, uint32_t relid, const char *reason);
};

struct vmbus_server_limits {
    uint32_t vp_count;   /* of the child: valid VP indices */
    uint32_t channels;   /* offered at a time; <= VMBUS_RELID_MAX */
    uint32_t gpadls;     /* that exist at a time, half-built ones included */
    uint32_t half_built; /* GPADLs whose bodies have not all come */
    uint32_t pages;      /* in all GPADLs */
    uint32_t replies;    /* that wait to be posted; the child's messages get none beyond */
};

/* ---- offers: what a provider says and does ------------------------------------------------ */

struct vmbus_offer_operations {
    /* The child opens @c, a channel of @offer, with 120 bytes of @user_data of the channel's
     * protocol. True: @c's rings may be used from now on, signalled() may come. False: refused.
     * @restored: the channel was open when the server was saved: nothing in the rings is lost, but
     * doorbells are, so look at them. Of the calls below only vmbus_server_gpadl_get() and _put()
     * may be made from here, and a provider that refuses puts back what it got. */
    bool (*opened)(struct vmbus_offer *offer, struct vmbus_channel *c, const uint8_t *user_data,
                   bool restored);

    /* Stop using @c: begin no new work, read and send no more. Call vmbus_server_closed(@c), from
     * here or later, when nothing refers to @c, its rings or its GPADLs any more; a signalled()
     * that is under way on another processor may still arrive until then. */
    void (*closed)(struct vmbus_offer *offer, struct vmbus_channel *c);

    /* The child rang @c's doorbell. Any context, an interrupt for one: only wakes somebody. */
    void (*signalled)(struct vmbus_offer *offer, struct vmbus_channel *c);

    /* What vmbus_server_revoke() began is done: @offer may be freed. */
    void (*revoked)(struct vmbus_offer *offer);
};

/* The provider's memory, from vmbus_server_offer() to revoked(). */
struct vmbus_offer {
    struct vmbus_guid interface;
    struct vmbus_guid instance; /* of the device; interface and instance are one of a kind */
    uint16_t flags;             /* VMBUS_OFFER_*; _MONITORED: doorbells through the monitor page */
    uint16_t mmio_megabytes;
    uint32_t sub_channel_max;
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
    const struct vmbus_offer_operations *operations;
    void *context; /* the provider's own */

    /* The server's own. */
    struct list node;
    struct list channels;
    struct vmbus_server *server;
    uint32_t sub_channels;
    bool revoking;
};

/* ---- life: the owner ---------------------------------------------------------------------- */

/* A server for one child, with nothing offered. NULL: no memory, or limits that make no sense. */
struct vmbus_server *vmbus_server_create(const struct vmbus_server_port *port, void *context,
                                         const struct vmbus_server_limits *limits);

/* The child is gone or goes: receive nothing more, post nothing more, close everything. True: all
 * is closed and unmapped. False: call it again after a provider's vmbus_server_closed(). */
bool vmbus_server_stop(struct vmbus_server *s) __attribute__((warn_unused_result));

/* Free a server that is stopped. revoked() is called for offers that are left. */
void vmbus_server_destroy(struct vmbus_server *s);

/* The child posted @message, in memory that it cannot change. */
void vmbus_server_receive(struct vmbus_server *s, const void *message, uint32_t length);

/* Post what the child's buffers had no room for. Call when they may have some: the transport is
 * told or asks by time. True: nothing waits any more. */
bool vmbus_server_post_again(struct vmbus_server *s);

/* The child rang the doorbell of @c. Any context, between doorbell_connect and _disconnect. */
void vmbus_server_signalled(struct vmbus_channel *c);

/* ---- providers ---------------------------------------------------------------------------- */

/* Offer a channel. False: too many channels, no memory, or the offer exists. May be called at any
 * time, by callbacks too. */
bool vmbus_server_offer(struct vmbus_server *s, struct vmbus_offer *offer)
    __attribute__((warn_unused_result));

/* Take @offer back: close its channels, rescind them; then revoked() is called, maybe from here. */
void vmbus_server_revoke(struct vmbus_offer *offer);

/* Offer sub-channels of @offer, whose primary channel is open, until it has @count of them or
 * sub_channel_max. Returns how many it has then. They are rescinded when the primary is closed. */
uint32_t vmbus_server_sub_channels(struct vmbus_offer *offer, uint32_t count);

/* See closed(). Once for each closed(). */
void vmbus_server_closed(struct vmbus_channel *c);

/* A ring of @c is broken: logs why and closes @c, as if the child had. The child may close it and
 * open it anew. Harmless if it is being closed. */
void vmbus_server_channel_broken(struct vmbus_channel *c);

/* Memory of the child that a provider's protocol names by a GPADL. */
struct vmbus_gpadl_view {
    uint8_t *bytes; /* shared */
    uint32_t length;
    const uint64_t *pages; /* numbers, page_count of them */
    uint32_t page_count;
    uint32_t offset; /* of @bytes in the first page */
};

/* Use GPADL @id, which the child made for the open channel @c, until vmbus_server_gpadl_put().
 * False: there is none. */
bool vmbus_server_gpadl_get(struct vmbus_channel *c, uint32_t id, struct vmbus_gpadl_view *view)
    __attribute__((warn_unused_result));
void vmbus_server_gpadl_put(struct vmbus_channel *c, uint32_t id);

/* ---- looking ------------------------------------------------------------------------------ */

struct vmbus_server_statistics {
    uint64_t received;   /* messages */
    uint64_t refused;    /* of them, wrong in themselves or at this time */
    uint64_t lost_posts; /* the child could not take them, or too many waited */
    uint32_t version;    /* VMBUS_VERSION_*; 0: no contact */
    uint32_t waiting;    /* messages to be posted */
    uint32_t channels, open;
    uint32_t gpadls, half_built, pages;
};
void vmbus_server_statistics_get(const struct vmbus_server *s, struct vmbus_server_statistics *out);

/* The channel with the lowest relid from @relid on, with its offer (NULL: revoked, the child has
 * not released the relid yet). NULL: there is none. */
const struct vmbus_channel *vmbus_server_channel_from(const struct vmbus_server *s, uint32_t relid,
                                                      const struct vmbus_offer **offer);

/* The state of a channel as a word for the shell. */
const char *vmbus_server_channel_state(const struct vmbus_channel *c);

/* ---- save and restore --------------------------------------------------------------------- */

#define VMBUS_SERVER_STATE_VERSION 1u

/* The bytes that vmbus_server_save() needs now. */
size_t vmbus_server_state_size(const struct vmbus_server *s);

/* Save everything but the offers and what is in the rings (it is in the child's memory) to @state.
 * NULL: done, else why it cannot be done now. Providers do not use the rings meanwhile. */
const char *vmbus_server_save(const struct vmbus_server *s, void *state, size_t size)
    __attribute__((warn_unused_result));

/* Bring @s, created with the same limits and with the same offers made but nothing received, to
 * what was saved: opened() is called for channels that were open. NULL: done, else what is wrong
 * with
 * @state; then stop and destroy @s. */
const char *vmbus_server_restore(struct vmbus_server *s, const void *state, size_t size)
    __attribute__((warn_unused_result));

#endif
