/* SPDX-License-Identifier: MIT */
/* root/bus/bus_internal.h - a bus, for those who make it up: bus.c, transport.c and the
 * devices.
 * [t] the bus's thread, or whoever makes or frees it; [I] fixed when it is made. */
#ifndef ROOT_BUS_BUS_INTERNAL_H
#define ROOT_BUS_BUS_INTERNAL_H

#include <hvabi/message.h>
#include <hvabi/synic.h>
#include <rt/format.h>
#include "bus/bus.h"
#include "lib/log_limit.h"

enum { BUS_WAYS = 2 }; /* the connections that messages come by */

struct bus_message {
    uint8_t length;
    uint8_t bytes[HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT];
};

struct network;
struct storage;
struct bus_echo;
struct bus_ic;
struct bus_keyboard;

#define BUS_NEVER UINT64_MAX

struct bus {
    struct child *child;          /* [I] */
    uint32_t number;              /* [I] of the child's record */
    struct hv_client client;      /* [mutex] for posting, so that nobody else's calls delay it */
    struct mutex mutex;           /* held while the server and its providers are called */
    struct vmbus_server *server;  /* [mutex] */
    struct storage *storage;      /* [I] NULL: it has no disks */
    struct network *networks[VM_NETWORKS_MAX]; /* [I] its cards */
    uint32_t network_count;       /* [I] */
    struct bus_echo *echo;        /* [I] NULL: it has no echo device */
    struct bus_ic *ic;            /* [I] NULL: it has no integration services */
    struct bus_keyboard *keyboard; /* [I] NULL: it has none */
    uint64_t due;                 /* [t] when they have something to do by themselves; BUS_NEVER */
    bool *vp_ports;               /* [t] each VP: it has its ports */
    struct hv_monitor_page *monitor_page; /* [t] NULL: there is none */
    uint64_t monitor_address;     /* [t] where the child has it */
    uint32_t monitored[HV_MONITOR_GROUP_COUNT]; /* [t] bits: triggers of its groups in use */
    bool connected;               /* [t] */
    uint64_t pages_mapped;        /* [mutex] by GPADLs */
    uint64_t pages_pinned;        /* [mutex] by requests */
    struct log_limit log;         /* [mutex] of what it says about the child */

    struct wait_queue queue;
    struct spinlock lock;
    struct bus_message *messages; /* [lock] a ring */
    uint32_t message_max;         /* [I] its size */
    uint32_t first, count;        /* [lock] */
    uint32_t dropped;             /* [lock] messages */
    struct list work;             /* [lock] */
    void (*stopped)(struct child *c); /* [a] set: stop */
};

/* Say what the child did on channel @relid, or, if that is 0, on the bus; a line that comes too
 * soon after many others is dropped. Under the mutex. */
void bus_log(struct bus *b, uint32_t relid, const char *fmt, ...) FORMAT_PRINTF(3, 4);

/* The same with a text, as servers and providers of @bus call it. */
void bus_log_reason(void *bus, uint32_t relid, const char *reason);

/* What the server of @b is given. */
extern const struct vmbus_server_port bus_transport;

/* bus/monitor.c: server.h's monitor_set, when no channel is open; have @c monitored, if it is to be
 * (false: it cannot be); and no more, while its monitor_id is what it was. */
bool bus_monitor_set(void *context, uint64_t server_to_client, uint64_t client_to_server);
bool bus_monitor_add(struct bus *b, const struct vmbus_channel *c);
void bus_monitor_remove(struct bus *b, const struct vmbus_channel *c);

/* The address in root of the child's page @page, or 0: it has none there. Any context. */
uint64_t bus_page(const struct bus *b, uint64_t page);

/* What the child knows its device @kind by: the same whenever a child of that name is started. */
struct vmbus_guid bus_instance(const struct bus *b, const char *kind);

/* Root's heap, as servers and providers ask for it. */
void *bus_allocate(void *context, size_t size);
void bus_free(void *context, void *memory, size_t size);

/* Take the VPs' ports away. Under hv_begin. */
void bus_vp_ports_delete(struct bus *b, const struct hv_client *h);

/* The controller of @b with @count @disks; 0, or a negative error number, whose reason is in the log.
 * Before the child runs. */
int64_t storage_create(struct bus *b, const struct vm_disk *disks, uint32_t count,
                       struct storage **out);
/* Harmless without one. After the server is destroyed. */
void storage_destroy(struct storage *s);

/* The cards of @devices, VM_NETWORKS_MAX at most: b->networks, which are there also when one cannot
 * be made. 0, or a negative error number, whose reason is in the log. Before the child runs. */
int64_t network_create(struct bus *b, const struct bus_devices *devices);
/* From now on no frame comes. Harmless without cards. Thread context. */
void network_leave(struct bus *b);
/* Harmless without cards. After network_leave, and the server is destroyed. */
void network_destroy(struct bus *b);

/* Is @offer one of its cards? Then say in @out, of whose channel the bus has said what it knows, what
 * else is known. NULL is not. */
bool network_offers(const struct bus *b, const struct vmbus_offer *offer, struct vm_channel *out);

/* An echo device for @b. False: no memory. Before the child runs. */
bool bus_echo_create(struct bus *b);
/* Harmless without one. After the server is destroyed. */
void bus_echo_destroy(struct bus_echo *e);

/* The integration services of @b. False: no memory. Before the child runs. */
bool bus_ic_create(struct bus *b);
/* Do what is due: b->due says when that is next. By the bus's thread. */
void bus_ic_run(struct bus *b);
/* Harmless without them. After the server is destroyed. */
void bus_ic_destroy(struct bus_ic *i);
/* Is @offer one of them? Then say in @out which. NULL is not. */
bool bus_ic_offers(const struct bus *b, const struct vmbus_offer *offer, struct vm_channel *out);

/* A keyboard for @b; the same three. */
bool bus_keyboard_create(struct bus *b);
void bus_keyboard_destroy(struct bus_keyboard *k);
bool bus_keyboard_offers(const struct bus *b, const struct vmbus_offer *offer,
                         struct vm_channel *out);

/* Is @offer its controller? NULL is not. */
bool storage_offers(const struct storage *s, const struct vmbus_offer *offer);

/* What is known of @channel, one of a controller, besides what the bus counts. */
void storage_channel(const struct vmbus_channel *channel, struct vm_channel *out);

#endif
