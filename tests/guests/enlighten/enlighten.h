/* SPDX-License-Identifier: MIT */
/* enlighten.h - the parts of the enlighten guest. Each runs on all VPs at once, begins and ends
 * together, and ends the child with a line if something is not as the TLFS has it. */
#ifndef ENLIGHTEN_H
#define ENLIGHTEN_H

#include "guest.h"

/* Vectors, lowest priority first. */
#define VECTOR_LOW   0x41
#define VECTOR_IPI   0x61
#define VECTOR_TIMER 0x71
#define VECTOR_HIGH  0x91

/* Every VP comes here; all leave together. For any number of times. */
void enlighten_meet(void);
uint32_t enlighten_vps(void);
uint32_t enlighten_vp(void); /* this one */

/* End the child unless @ok. */
void enlighten_check(bool ok, const char *what, uint64_t got);

/* Interrupts of @vector that this VP has taken. */
uint64_t enlighten_taken(unsigned vector);

/* This VP's page of hypercall input. */
uint64_t *enlighten_input(void);
/* A call whose @words of input are there. */
hv_status enlighten_call(uint64_t control, unsigned words);

/* sets.c */
void enlighten_flushes(void);
void enlighten_ipis(void);
void enlighten_bad_sets(void);

/* interrupts.c */
void enlighten_assist(void);
void enlighten_timers(void);
void enlighten_idle(void);

#endif
