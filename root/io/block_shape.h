/* SPDX-License-Identifier: MIT */
/* root/io/block_shape.h - inside the block layer: gives requests a shape that their device takes.
 *
 * A device without forced unit access gets a write and then a flush. A device that wants whole
 * pages gets copies of requests whose segments do not meet at page borders. Any context. */
#ifndef ROOT_IO_BLOCK_SHAPE_H
#define ROOT_IO_BLOCK_SHAPE_H

#include "io/block.h"

/* Hand the checked @r to its device, which is a whole disk. */
void block_shape_submit(struct block_request *r);

/* Whether segments meet at page borders: only the first may begin, only the last may end inside
 * a page. */
bool block_shape_whole_pages(const struct block_segment *segments, uint32_t count);

#endif
