/* SPDX-License-Identifier: MIT */
/* tests/fuzz/network_input.h - what the fuzz targets of netvsp share: input, and a network that
 * checks each frame that the child sends and brings any that the input makes. */
#ifndef NETWORK_INPUT_H
#define NETWORK_INPUT_H

#include "netvsp_fixture.h"

void must(bool condition);

/* The input of this run. */
void input_begin(const uint8_t *data, size_t size);
bool input_left(void);
/* The next @size bytes of input, then zeroes. */
void take(void *to, size_t size);
uint8_t take_byte(void);

/* For world.send: a frame keeps the contract of net_frame.h, and can be written out. */
void frame_check(const struct net_frame *frame);

/* A frame to the child, of the input's: what became of it. */
enum net_taken frame_bring(void);

#endif
