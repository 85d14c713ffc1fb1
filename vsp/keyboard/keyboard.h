/* SPDX-License-Identifier: MIT */
/* keyboard/keyboard.h - a synthetic keyboard that one child sees on its bus. Keys that the child
 * does not take wait, up to KEYBOARD_KEYS of them.
 *
 * Rules: everything under what serialises the calls of the child's vmbus_server, but for the
 * server's signalled(), which only wakes. Nothing waits, nothing is allocated; memory is the
 * owner's. */
#ifndef KEYBOARD_KEYBOARD_H
#define KEYBOARD_KEYBOARD_H

#include <vmbus/server.h>
#include <vspabi/keyboard.h>

#define KEYBOARD_KEYS 256u

struct keyboard_key {
    uint16_t code;
    uint16_t flags; /* KEYBOARD_BREAK, KEYBOARD_E0 */
};

struct keyboard;

/* None of these calls back. */
struct keyboard_port {
    /* See to it that keyboard_work(@k) is called soon. Any context. */
    void (*wake)(struct keyboard *k);
    /* The child did something wrong: @reason is a literal. As often as the child likes. */
    void (*log)(struct keyboard *k, uint32_t relid, const char *reason);
};

struct keyboard {
    struct vmbus_offer offer;
    const struct keyboard_port *port;
    struct vmbus_channel *channel;           /* NULL: closed */
    bool ready;                              /* the version is agreed on */
    bool answer_due, accepted;               /* and the child is to be told whether */
    uint64_t malformed;                      /* packets that are none of the protocol */
    struct keyboard_key keys[KEYBOARD_KEYS]; /* a ring */
    uint32_t first, count;
    uint64_t buffer[16];
};

/* A keyboard that one child may have @instance of; offer it by vmbus_server_offer(). */
void keyboard_init(struct keyboard *k, const struct keyboard_port *port,
                   const struct vmbus_guid *instance);

/* Answer what has come, send what waits. True: there is more, call it again (others may come
 * first). Else wake() is called when there is. */
bool keyboard_work(struct keyboard *k) __attribute__((warn_unused_result));

/* Have the child see these @count keys, by the next keyboard_work(), which the port is woken for:
 * all or none. */
enum keyboard_result {
    KEYBOARD_OK,
    KEYBOARD_NO_DRIVER, /* the child has none that is ready */
    KEYBOARD_FULL,      /* it takes no keys */
};
enum keyboard_result keyboard_press(struct keyboard *k, const struct keyboard_key *keys,
                                    uint32_t count);

#endif
