/* SPDX-License-Identifier: MIT */
/* root/io/font.h - a 5 by 7 dot-matrix font for ASCII, shown in cells of 8 by 16. */
#ifndef ROOT_IO_FONT_H
#define ROOT_IO_FONT_H

#include <stdint.h>

/* Row @y (0..15) of @c's cell: 8 pixels, the most significant bit leftmost. */
uint8_t font_row(char c, unsigned y);

#endif
