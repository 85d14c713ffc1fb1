/* SPDX-License-Identifier: MIT */
/* ic/ic.h - the integration services that one child sees on its bus: heartbeat, shutdown, time,
 * key-value pairs, snapshots. docs/integration.md.
 *
 * Each is one offer with one channel. Root asks, the system in the child answers; of each service
 * one question is under way at most, and a child that does not answer has no other put to it. What
 * a child says is copied once, checked, and used only if it is the answer to what was asked; all
 * else is counted and forgotten.
 *
 * Rules: everything under what serialises the calls of the child's vmbus_server, but for the
 * server's signalled(), which only wakes. Nothing waits, nothing is allocated: the owner has the
 * memory, calls ic_work() when it is woken and at the time that ic_work() says. Times are
 * nanoseconds of one clock that never goes back. */
#ifndef IC_IC_H
#define IC_IC_H

#include <vmbus/server.h>
#include <vspabi/ic.h>

enum ic_kind { IC_HEARTBEAT, IC_SHUTDOWN, IC_TIME, IC_DATA, IC_SNAPSHOT, IC_KINDS };

#define IC_KEY_MAX   64u  /* of a key as people see it, with its end */
#define IC_VALUE_MAX 256u /* and of a value; what is longer is cut */
#define IC_ITEMS_MAX 32u  /* that are kept of what a child tells of itself */
#define IC_OWN_MAX   4u   /* that a child is told by root of its own accord */

#define IC_NEVER UINT64_MAX

enum ic_state {
    IC_CLOSED,  /* the child has not opened the channel */
    IC_OPEN,    /* it has not answered yet which version it takes */
    IC_READY,   /* a version is agreed on */
    IC_REFUSED, /* it has none of ours: nothing is asked until it opens the channel anew */
};

/* What became of a request. */
enum ic_outcome {
    IC_NONE, /* nobody made one since the channel was opened */
    IC_PENDING,
    IC_DONE,
    IC_FAILED,    /* the child says so: ic_request_state.status */
    IC_TIMED_OUT, /* it did not answer in time, or takes no more packets */
    IC_GONE,      /* it closed the channel meanwhile */
};

/* What people ask for. */
enum ic_request {
    IC_POWER_OFF, /* cleanly; IC_DONE: it will */
    IC_FREEZE,    /* writes to its file systems wait from now on */
    IC_THAW,      /* and go on */
    IC_SET, /* a key has this value for it (pool IC_POOL_EXTERNAL); without one: none any more */
    IC_REFRESH, /* ask anew what it tells of itself: ic.items */
    IC_REQUESTS,
};

enum ic_ask_result {
    IC_ASK_OK,         /* it is under way: ic.requests */
    IC_ASK_NO_SERVICE, /* no system in the child has agreed on that service */
    IC_ASK_BUSY,       /* such a request is under way; to power off or freeze: it is frozen */
    IC_ASK_INVALID,    /* key or value are too long, or not of printable ASCII */
};

struct ic_item {
    uint8_t pool; /* IC_POOL_* */
    char key[IC_KEY_MAX];
    char value[IC_VALUE_MAX]; /* printable ASCII, with '?' for what is not */
};

struct ic_moment {
    uint64_t wall;      /* 100 ns since 1601-01-01, UTC */
    uint64_t reference; /* the child's reference time then, 100 ns */
};

struct ic;

/* None of these calls back. */
struct ic_port {
    /* See to it that ic_work(@ic) is called soon. Any context. */
    void (*wake)(struct ic *ic);
    /* What time it is. False: nobody knows; no time is told. */
    bool (*moment)(struct ic *ic, struct ic_moment *out);
    /* The child did something wrong: @reason is a literal. As often as the child likes. */
    void (*log)(struct ic *ic, uint32_t relid, const char *reason);
};

struct ic_counters {
    uint64_t asked;     /* questions, negotiations included */
    uint64_t answered;  /* of them */
    uint64_t unasked;   /* answers to what was not asked, or not any more */
    uint64_t malformed; /* packets that are none of the protocol */
    uint64_t late;      /* questions that were given up */
};

struct ic_service {
    struct vmbus_offer offer;
    struct ic *ic;
    struct vmbus_channel *channel; /* NULL: closed */
    enum ic_state state;
    struct ic_version framework, message; /* what was agreed on */
    bool asking;                          /* a question is under way */
    uint8_t transaction;                  /* its number */
    uint16_t type;                        /* and its kind */
    uint64_t asked_at, deadline;          /* IC_NEVER: it may take as long as it likes */
    struct ic_counters counters;
};

struct ic_request_state {
    enum ic_outcome outcome;
    uint32_t status; /* IC_STATUS_* or the child's own */
};

/* The owner's memory, until the server is destroyed. */
struct ic {
    const struct ic_port *port;
    void *context; /* the owner's */
    struct ic_service services[IC_KINDS];
    struct ic_request_state requests[IC_REQUESTS];
    uint64_t now; /* of the call that is under way */

    uint64_t heartbeat_next, heartbeat_last; /* to be sent; answered: IC_NEVER: never */
    uint64_t heartbeat_sequence;
    uint64_t time_next;
    bool time_sync;           /* the next message sets the clock */
    bool frozen, thaw_wanted; /* as far as root knows; it has to be told */
    uint8_t snapshot_operation;

    struct ic_item own[IC_OWN_MAX]; /* pool IC_POOL_AUTO_EXTERNAL, told once */
    uint32_t own_count, own_told;
    struct ic_item set; /* IC_SET */
    bool set_wanted, set_deletes;
    bool refresh_wanted;
    uint8_t data_operation; /* of the question that is under way */
    bool data_own;          /* and whether it tells one of @own */
    uint8_t pool;           /* where a refresh is */
    uint32_t index;
    uint32_t refresh_status; /* what it said instead of items */
    uint32_t fresh_count;    /* of @fresh, so far */
    uint32_t item_count;
    struct ic_item items[IC_ITEMS_MAX], fresh[IC_ITEMS_MAX];

    /* A packet that has come or is to go. */
    uint64_t buffer[512];
    uint64_t packet[340];
};

/* All services of a child, with the instance GUIDs of @instances; offer each by
 * vmbus_server_offer(). */
void ic_init(struct ic *ic, const struct ic_port *port, void *context,
             const struct vmbus_guid instances[IC_KINDS]);

/* Something that a child is told once its system can take it; @key and @value are cut. Before the
 * offers are made. */
void ic_own_add(struct ic *ic, const char *key, const char *value);

/* Read what has come, ask what is due. True: there is more, call it again (others may come first).
 * *@next: when to call it if nobody wakes, or IC_NEVER. */
bool ic_work(struct ic *ic, uint64_t now, uint64_t *next) __attribute__((warn_unused_result));

/* The wall clock was set: tell the child, by the next ic_work(). */
void ic_clock_set(struct ic *ic);

/* Begin @request; by the next ic_work(), which the port is woken for. @key and @value: of IC_SET;
 * NULL otherwise. */
enum ic_ask_result ic_ask(struct ic *ic, enum ic_request request, const char *key,
                          const char *value);

#endif
