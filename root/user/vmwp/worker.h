/* SPDX-License-Identifier: MIT */
/* vmwp/worker.h - one child's worker: the machine around its VPs, and who it talks to. */
#ifndef USER_VMWP_WORKER_H
#define USER_VMWP_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "definition/definition.h"
#include "vmwp/machine.h"
#include "vmwp/partition.h"

enum { WORKER_INPUT_MAX = 4096 };

struct worker {
    struct partition partition;
    struct definition definition;
    struct device_host host;
    struct machine machine;
    int control;     /* socket to the service; -1: none, or it is gone */
    bool ended;      /* the child is over, and its end is said */
    uint64_t crashed; /* when its system first reported a crash, in ns; 0: it did not */
    /* What was typed and does not fit into COM1 yet. */
    uint8_t input[WORKER_INPUT_MAX];
    size_t input_first, input_count;
};

/* vmwp/control.c: what the service sends, and COM1. */
/* What is to wake the worker: the socket, or -1 while there is no room for what it could bring. */
int control_wake(const struct worker *w);
void control_serve(struct worker *w);
/* COM1's output goes to the service, or to root's console. */
void control_console_out(void *context, const uint8_t *bytes, size_t count);
/* Type on what is waiting, as far as there is room. */
void control_type(struct worker *w);

#endif
