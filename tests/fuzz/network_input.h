/* SPDX-License-Identifier: MIT */
/* tests/fuzz/network_input.h - what the fuzz targets of netvsp share: input, and a network that
 * checks each frame that the child sends (frame_check for world.send) and brings any that the input
 * makes. */
#ifndef NETWORK_INPUT_H
#define NETWORK_INPUT_H

#include "frame_check.h"
#include "input.h"
#include "netvsp_fixture.h"

/* A frame to the child, of the input's: what became of it. */
enum net_taken frame_bring(void);

#endif
