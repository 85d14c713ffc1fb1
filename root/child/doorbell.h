/* SPDX-License-Identifier: MIT */
/* root/child/doorbell.h - event flags of root's SINT for children: what a child signals, and what
 * is called then. Each CPU has HV_EVENT_FLAGS_COUNT of them. */
#ifndef ROOT_CHILD_DOORBELL_H
#define ROOT_CHILD_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/port.h>

struct doorbell {
    uint32_t cpu;
    uint32_t flag; /* 0: none was taken */
};

/* Once, before events come. False: no memory. */
bool doorbell_init(void);

/* Have @rang(@context) called, in an interrupt of CPU @cpu, when the flag that this takes is set by
 * the child whose record has the number @owner. False: none is free there. Thread context. */
bool doorbell_take(struct doorbell *d, uint32_t cpu, uint32_t owner, void (*rang)(void *context),
                   void *context);

/* Harmless without one. When it returns, @rang is not running and will not be called. Any context,
 * but not from @rang. */
void doorbell_release(struct doorbell *d);

/* The event port that sets it: what to create, and its id in root's partition (child/ports.h). */
struct hv_port_info doorbell_port_info(const struct doorbell *d);
uint32_t doorbell_port(const struct doorbell *d);

/* Flag @flag was set on this CPU, and has been cleared. Interrupts off. */
void doorbell_rang(uint32_t flag);

#endif
