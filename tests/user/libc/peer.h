/* SPDX-License-Identifier: MIT */
/* tests/user/libc/peer.h - what the program asks of its peer, in messages of one byte each. */
#ifndef TESTS_USER_LIBC_PEER_H
#define TESTS_USER_LIBC_PEER_H

#define PEER_NAME "\0peer" /* abstract */

/* Every message is answered by the peer's process ID, a pid_t, before it is done. */
enum {
    PEER_SLEEP = 's', /* wait for the next message */
    PEER_SPIN = 'l',  /* never make a system call again */
    PEER_CRASH = 'c',
    PEER_EXIT = 'e',  /* with status 3 */
};

#endif
