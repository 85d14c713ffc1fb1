/* SPDX-License-Identifier: MIT */
/* vmbus/client.h - the guest's end of the bus: contact, offers, opening and closing channels.
 *
 * Nothing waits: every call starts something, and a callback of struct vmbus_client_events says
 * that it is done, when the server's answer comes to vmbus_client_receive(). Messages that the
 * server has no buffers for stay queued until vmbus_client_post_again().
 *
 * A channel's way: offered() -> vmbus_client_open() -> opened() -> vmbus_client_close() ->
 * closed(), and so on; or at any moment rescinded() -> vmbus_client_release().
 *
 * Rules: the user serialises all calls for one client; callbacks come from within them and may call
 * back. No allocation: channels and GPADLs are the user's memory. The server is trusted to be
 * there, not to be right: what it sends is checked, and ignored if it makes no sense. */
#ifndef VMBUS_CLIENT_H
#define VMBUS_CLIENT_H

#include <rt/list.h>
#include <vmbus/channel.h>

struct vmbus_client;
struct vmbus_client_channel;
struct vmbus_client_gpadl;

/* The transport. */
struct vmbus_client_port {
    /* HvPostMessage. HV_STATUS_INSUFFICIENT_BUFFERS: kept for vmbus_client_post_again(). Another
     * failure of the first contact: the next version is tried; later: the message is lost. */
    hv_status (*post)(void *context, uint32_t connection_id, const void *message, uint32_t length);
    /* HvSignalEvent on @c->connection_id, flag 0. From any context. */
    void (*signal)(struct vmbus_channel *c);
    /* The number of the guest physical page at @page. */
    uint64_t (*page_number)(void *context, const void *page);
};

/* Any of them may be NULL. */
struct vmbus_client_events {
    /* Contact is made, with VMBUS_VERSION_*; 0: the server speaks no version that we do. */
    void (*connected)(struct vmbus_client *b, uint32_t version);
    void (*offered)(struct vmbus_client *b, struct vmbus_client_channel *c);
    void (*offers_delivered)(struct vmbus_client *b);
    /* @ok: the channel may be used from now on. Not @ok: it is closed, its memory is free. */
    void (*opened)(struct vmbus_client_channel *c, bool ok);
    /* The rings are the user's memory again. */
    void (*closed)(struct vmbus_client_channel *c);
    /* The server has taken the channel back: rings and GPADLs are the user's memory again, no other
     * callback will come for it. Forget it and call vmbus_client_release(), now or later. */
    void (*rescinded)(struct vmbus_client_channel *c);
    void (*modified)(struct vmbus_client_channel *c, bool ok); /* version 5.3 */
    void (*gpadl_created)(struct vmbus_client_gpadl *g, bool ok);
    void (*gpadl_torndown)(struct vmbus_client_gpadl *g);
    void (*unloaded)(struct vmbus_client *b);
};

/* Something that is to be posted; the client's own. */
struct vmbus_client_job {
    struct list node; /* in vmbus_client.jobs */
    /* Post all that is due. False: the server has no buffers now. */
    bool (*post)(struct vmbus_client *b, struct vmbus_client_job *job);
    uint8_t due;
};

/* Memory shared with the server, contiguous for us and aligned to pages. All the client's own. */
struct vmbus_client_gpadl {
    struct vmbus_client_job job;
    struct list node; /* in vmbus_client.gpadls: the server may know it */
    struct vmbus_client_channel *channel;
    const uint8_t *memory;
    uint32_t pages, sent;
    uint32_t id;
    uint8_t state;
    bool answered; /* its creation was */
};

struct vmbus_client_channel {
    struct vmbus_channel channel; /* rings: from opened() on */
    struct vmbus_offer_channel offer;
    void *context; /* the user's own */

    /* The client's own. */
    struct vmbus_client_job job;
    struct vmbus_client *client;
    struct vmbus_client_gpadl ring;
    uint8_t *memory;
    uint32_t out_bytes, in_bytes;
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
    uint8_t state;
    bool failed; /* it is closed again because it could not be opened */
};

struct vmbus_client_statistics {
    uint64_t posted, received, ignored, lost_posts;
};

struct vmbus_client {
    void *context;    /* the transport's and the user's own */
    uint32_t version; /* VMBUS_VERSION_*; 0: no contact */
    struct vmbus_client_statistics statistics;

    /* The client's own. */
    const struct vmbus_client_port *port;
    const struct vmbus_client_events *events;
    struct vmbus_client_channel *channels;
    uint32_t channel_count;
    uint32_t connection_id;
    uint32_t target_vp;
    uint32_t next_gpadl;
    uint32_t attempt; /* index of the version that is tried */
    uint8_t state;
    bool posting;
    struct hv_monitor_page *monitor; /* client to server; NULL: none */
    const void *monitor_in;
    struct vmbus_client_job job;
    struct list jobs, gpadls;
    uint16_t slot[VMBUS_RELID_MAX + 1]; /* relid to 1 + index in channels; 0: none */
};

/* ---- the bus ------------------------------------------------------------------------------ */

/* @channels: memory for @count offers at a time (more are ignored). */
void vmbus_client_init(struct vmbus_client *b, const struct vmbus_client_port *port, void *context,
                       const struct vmbus_client_events *events,
                       struct vmbus_client_channel *channels, uint32_t count);

/* Make contact: @newest (VMBUS_VERSION_*) is tried first, then the older ones; messages are to come
 * to VP @target_vp. @monitor_in (server to client), @monitor_out: zeroed pages for monitored
 * notifications, both or none. connected() comes; offers have to be asked for. What was offered and
 * open is forgotten by both sides; the memory that was shared is the user's again at connected().
 * False: contact is being made, or @newest is no version. */
bool vmbus_client_contact(struct vmbus_client *b, uint32_t newest, uint32_t target_vp,
                          void *monitor_in, void *monitor_out) __attribute__((warn_unused_result));

/* Once after connected(): offered() comes for each channel, then offers_delivered(). */
void vmbus_client_request_offers(struct vmbus_client *b);

/* Leave the bus: the server closes everything; then unloaded() comes, and all shared memory is the
 * user's again. Channels and GPADLs get no callback of their own. False: there is no contact. */
bool vmbus_client_unload(struct vmbus_client *b);

/* The server posted @message, in memory that it cannot change. */
void vmbus_client_receive(struct vmbus_client *b, const void *message, uint32_t length);

/* Post what is queued. True: nothing is any more. */
bool vmbus_client_post_again(struct vmbus_client *b);

/* The channel whose event flag @relid is, or NULL. */
struct vmbus_client_channel *vmbus_client_channel_of(struct vmbus_client *b, uint32_t relid);

/* ---- channels ----------------------------------------------------------------------------- */

/* Open @c, which is closed: @memory has the ring to the server (@out_bytes) and then the one from
 * it
 * (@in_bytes), both with a header page, page-aligned, and stays the bus's until opened(false),
 * closed(), rescinded() or unloaded(). @user_data: 120 bytes, or NULL. False: sizes or state wrong.
 */
bool vmbus_client_open(struct vmbus_client_channel *c, void *memory, uint32_t out_bytes,
                       uint32_t in_bytes, uint32_t target_vp, const void *user_data)
    __attribute__((warn_unused_result));

/* Close @c, which is open or being opened, and tear its ring's GPADL down. Tear down other GPADLs
 * of it first. False: it is not open. */
bool vmbus_client_close(struct vmbus_client_channel *c);

/* Have the server interrupt @vp for @c, which is open. Version 4.1. */
bool vmbus_client_modify(struct vmbus_client_channel *c, uint32_t vp)
    __attribute__((warn_unused_result));

/* After rescinded(): the server may use the relid again, and @c is free memory for an offer. Also
 * for a closed sub-channel whose primary is about to be closed. False: it is neither. */
bool vmbus_client_release(struct vmbus_client_channel *c);

/* Share @bytes at @memory (both multiples of a page) with the provider of @c. gpadl_created()
 * comes, and @g->id names it then. False: too large, or @c is rescinded. */
bool vmbus_client_gpadl_create(struct vmbus_client_gpadl *g, struct vmbus_client_channel *c,
                               const void *memory, uint32_t bytes)
    __attribute__((warn_unused_result));

/* End it; the memory is the user's again at gpadl_torndown(). False: it is not created. */
bool vmbus_client_gpadl_teardown(struct vmbus_client_gpadl *g);

#endif
