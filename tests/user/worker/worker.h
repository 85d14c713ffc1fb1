/* SPDX-License-Identifier: MIT */
/* tests/user/worker/worker.h - what the test of workers has agreed on with itself: service.c, in the
 * shell's place, makes partitions, and worker.c serves them in the way that its argument says. */
#ifndef TESTS_WORKER_H
#define TESTS_WORKER_H

/* Ports of the guest. */
enum {
    PORT_COUNT = 0xe0,  /* IN: how often it was read */
    PORT_CHECK = 0xe4,  /* OUT: what was read */
    PORT_READY = 0xe8,  /* OUT: 1: interrupt me; 2: I have ended an interrupt */
    PORT_MEMORY = 0xec, /* OUT: what was read where no RAM is */
    PORT_EXIT = 0xf4,
};

enum {
    GUEST_CODE = 0x1000,
    GUEST_STACK = 0x8000,
    GUEST_READS = 1000,
    GUEST_VECTOR = 0x40,
    GUEST_STATUS = 42,
    GUEST_BYTE = 0x5a, /* what is read where no RAM is */
};

/* Where its DS and ES lie. */
#define GUEST_MEMORY 0xfec00000ull
#define GUEST_APIC   0xfee00000ull

enum { WORKER_MIB = 4, HOSTILE_STATUS = 7 };

#endif
