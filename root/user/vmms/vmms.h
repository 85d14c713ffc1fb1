/* SPDX-License-Identifier: MIT */
/* vmms/vmms.h - the parts of the VM service: children (child.c), clients (client.c), and what clients
 * may ask for (command.c). One thread, one poll loop (main.c): nothing here waits. */
#ifndef USER_VMMS_VMMS_H
#define USER_VMMS_VMMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "definition/definition.h"
#include "vmms/backoff.h"
#include "vmms/service.h"

enum {
    CHILDREN_MAX = 64,
    CLIENTS_MAX = 16,
    HISTORY_MAX = 4096, /* bytes of a child's console that are kept for who attaches */
};

/* Waiting: it has ended too often, and starts again in a while. */
enum child_state { CHILD_OFF, CHILD_WAITING, CHILD_RUNNING, CHILD_PAUSED, CHILD_STOPPING };

struct client;

/* A child that is defined, whether it runs or not. */
struct child {
    struct definition definition; /* [I] */
    char file[DEFINITION_NAME_MAX];
    enum child_state state;
    bool wanted;       /* nobody has stopped it: restart = counts */
    bool shut_down;    /* somebody has asked its system to switch itself off */
    bool link_down;    /* somebody has the links of its cards down: also when it starts again */
    uint32_t restarts;
    struct backoff backoff;
    uint64_t again_ns; /* when it starts again, while it waits */
    int partition;     /* file; -1: none */
    int control;       /* socket to its worker; -1: none */
    uint32_t worker;   /* its process, unless the child is off or waits */
    char last_end[160]; /* why it ended last; "": it never did */
    struct client *console; /* who is attached; NULL: nobody */
    struct client *stopper; /* who waits until it has stopped; NULL: nobody */
    uint8_t history[HISTORY_MAX]; /* since somebody started it */
    size_t history_first, history_count;
};

/* ---- child.c ---- */

/* Read all definitions (NAME.vm) among root's boot modules; what is wrong with them is said on root's
 * console. Those with autostart = yes are started. */
void children_load(void);

struct child *child_find(const char *name);
struct child *child_at(size_t index); /* NULL: no more */

/* NULL, or why not. The end comes later, by child_partition_ready; of a child that waited it is
 * there at once (CHILD_OFF). */
const char *child_start(struct child *c);
const char *child_stop(struct child *c);
const char *child_pause(struct child *c, bool pause);
const char *child_reset(struct child *c);
/* If it switches itself off, that is for good: its system is asked to. */
const char *child_shutdown(struct child *c);
/* It is not, or does not want to. */
void child_no_shutdown(struct child *c);
/* The links of its cards: from its next start on, and *@now: already, for it runs. */
const char *child_link(struct child *c, bool up, bool *now);

/* What poll() says of @c->partition and @c->control. */
void child_partition_ready(struct child *c);
void child_control_ready(struct child *c);

/* Start again those that have waited long enough; how many ms until the next has; -1: none
 * waits. */
int children_start_again(void);

/* COM1: from the client that is attached. False: the worker takes no more now. */
bool child_send(struct child *c, uint32_t type, const uint8_t *bytes, size_t count);

const char *child_state_name(const struct child *c);

/* ---- client.c ---- */

struct client {
    int socket;           /* -1: unused */
    bool done;            /* to be closed when it has got everything */
    struct child *console; /* it is attached to */
    bool scripted;         /* what it types is of no use to the child's next start */
    struct child *stops;   /* it waits for the end of */
    uint8_t *out;         /* what it has not been sent yet: packets, each after its uint32_t length */
    size_t out_size, out_count;
};

bool clients_listen(void);
int clients_listening(void); /* the socket; -1: no room for more */
void clients_accept(void);
struct client *client_at(size_t index); /* of CLIENTS_MAX; NULL: unused */
void client_ready(struct client *c, short events);
bool client_waits(const struct client *c); /* to be sent to */

/* One that does not read what it is sent is dropped. */
void client_send(struct client *c, uint32_t type, const void *bytes, size_t count);
void client_print(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void client_finish(struct client *c, bool success);

/* ---- command.c ---- */

/* Do what @text says, and answer. */
void command_run(struct client *client, char *text);

/* The child that @client stops has ended. */
void command_stopped(struct client *client, const struct child *c);

#endif
