/* SPDX-License-Identifier: MIT */
/* netvsc/internal.h - what the files of netvsc share: netvsc.c is NVSP, and the frames of channels;
 * netvsc_setup.c the initialisation and the control messages of RNDIS. */
#ifndef NETVSC_INTERNAL_H
#define NETVSC_INTERNAL_H

#include "netvsc.h"

/* Transactions that are no section's: initialisation. */
#define NETVSC_TRANSACTION_INIT 0xfffffffffffffff0ull

/* Send an NVSP message in band, with a completion wanted if @answered. */
bool netvsc_message_send(struct netvsc *n, const struct nvsp_message *m, bool answered);

/* Send the RNDIS message of @length bytes at @message as a control message. */
bool netvsc_control_send(struct netvsc *n, const void *message, uint32_t length);

/* The completion of an NVSP message of the initialisation. */
void netvsc_setup_answered(struct netvsc *n, const struct nvsp_message *m);

/* A control message came, @length bytes, private. */
void netvsc_control_take(struct netvsc *n, const uint8_t *message, uint32_t length);

#endif
