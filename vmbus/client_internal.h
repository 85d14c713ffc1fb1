/* SPDX-License-Identifier: MIT */
/* client_internal.h - what client.c and client_channel.c share. */
#ifndef VMBUS_CLIENT_INTERNAL_H
#define VMBUS_CLIENT_INTERNAL_H

#include <hvabi/status.h>
#include <vmbus/client.h>

enum client_state {
    CLIENT_ALONE,
    CLIENT_CONTACTING,
    CLIENT_CONNECTED,
    CLIENT_UNLOADING,
};

enum client_channel_state {
    CHANNEL_FREE, /* no offer */
    CHANNEL_CLOSED,
    CHANNEL_SHARING, /* its rings */
    CHANNEL_OPENING,
    CHANNEL_OPEN,
    CHANNEL_CLOSING, /* until the rings are torn down */
    CHANNEL_RESCINDED,
    CHANNEL_RELEASING, /* until that is posted */
};

enum client_gpadl_state {
    GPADL_NONE,
    GPADL_CREATING,
    GPADL_CREATED,
    GPADL_TEARING,
};

/* client.c */

/* Post @job when it is its turn, and what else can be posted now. */
void client_job_add(struct vmbus_client *b, struct vmbus_client_job *job);
void client_job_init(struct vmbus_client_job *job,
                     bool (*post)(struct vmbus_client *b, struct vmbus_client_job *job));
/* False: the server has no buffers now. */
bool client_post(struct vmbus_client *b, const void *message, uint32_t length);

/* client_channel.c: what the server's messages do. False: they make no sense. */

void client_channel_init(struct vmbus_client *b, struct vmbus_client_channel *c);
bool client_offered(struct vmbus_client *b, const struct vmbus_offer_channel *m);
bool client_rescinded(struct vmbus_client *b, const struct vmbus_relid_message *m);
bool client_open_result(struct vmbus_client *b, const struct vmbus_open_result *m);
bool client_modified(struct vmbus_client *b, const struct vmbus_modify_channel_response *m);

/* client_gpadl.c */

/* Post @g's pages. */
void client_gpadl_start(struct vmbus_client_gpadl *g, struct vmbus_client_channel *c,
                        const void *memory, uint32_t bytes);
/* End it, as soon as the server has answered its creation. */
void client_gpadl_end(struct vmbus_client_gpadl *g);
/* The server knows no GPADL of @c any more; NULL: of any channel. */
void client_gpadls_forget(struct vmbus_client *b, const struct vmbus_client_channel *c);
bool client_gpadl_created(struct vmbus_client *b, const struct vmbus_gpadl_created *m);
bool client_gpadl_torndown(struct vmbus_client *b, const struct vmbus_gpadl_torndown *m);

/* client_channel.c: what happened to a channel's rings */

void client_rings_created(struct vmbus_client_channel *c, bool ok);
void client_rings_torndown(struct vmbus_client_channel *c);

#endif
