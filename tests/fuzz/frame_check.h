/* SPDX-License-Identifier: MIT */
/* tests/fuzz/frame_check.h - whether a frame keeps the contract of rt/net_frame.h. */
#ifndef FUZZ_FRAME_CHECK_H
#define FUZZ_FRAME_CHECK_H

#include <rt/net_frame.h>

/* It must, and be one that can be written out. */
void frame_check(const struct net_frame *frame);

#endif
