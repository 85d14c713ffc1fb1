/* SPDX-License-Identifier: MIT */
/* root/child/hv.h - root as a client of the hypervisor: calls, and the SynIC of each CPU.
 *
 * Two kinds of callers: threads share one client under a mutex (hv_begin, hv_end) and may be
 * preempted within a call; interrupt handlers use their CPU's own client with interrupts off. */
#ifndef ROOT_CHILD_HV_H
#define ROOT_CHILD_HV_H

#include <stdbool.h>
#include <hvabi/synic.h>
#include <hypercall/client.h>

/* SINTs of root: intercept messages of children come on 0 (TLFS 2.0A, 9.4); what children send
 * through ports of ours comes on 1. */
enum { HV_SINT_INTERCEPT = 0, HV_SINT_CHILDREN = 1, HV_SINTS_USED = 2 };

/* What the interrupt handlers hand on. Interrupts off; the message is a copy. */
struct hv_handlers {
    void (*intercept)(const struct hv_message *m);
    void (*event)(uint32_t flag); /* of HV_SINT_CHILDREN, already cleared */
    void (*message)(const struct hv_message *m); /* of HV_SINT_CHILDREN */
};

/* Find the hypervisor, set up hypercalls and every CPU's SynIC. False: there is none, or (logged) it
 * refuses. Thread context, all CPUs running. */
bool hv_init(const struct hv_handlers *handlers);

/* The client of threads; others wait until hv_end. */
const struct hv_client *hv_begin(void);
void hv_end(void);

/* The client of this CPU, for interrupt handlers. */
const struct hv_client *hv_client_here(void);

/* Of root's VP that this is: its statistics page (hvabi/stats.h). Interrupts off. */
const uint64_t *hv_counters_here(void);

/* The client for calls that use registers only. Any context. */
const struct hv_client *hv_client_fast(void);

/* A client of the caller's own, for calls that no lock of hv_begin protects; false: no memory.
 * Thread context. hv_client_free is harmless for one that is all zeros. */
bool hv_client_init(struct hv_client *c) __attribute__((warn_unused_result));
void hv_client_free(struct hv_client *c);

/* From now on it is the child of record @child that sets flag @flag of HV_SINT_CHILDREN on CPU @cpu,
 * and pays for it. Any context. */
void hv_event_owner_set(uint32_t cpu, uint32_t flag, uint32_t child);

/* Root's own partition id. */
hv_partition_id hv_root_id(void);

#endif
