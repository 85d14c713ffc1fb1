/* SPDX-License-Identifier: MIT */
/* root/image.h - the borders of the linked image, defined by root.ld. */
#ifndef ROOT_IMAGE_H
#define ROOT_IMAGE_H

#include <stdint.h>

extern const uint8_t image_start[], image_rodata[], image_data[], image_end[];
extern const uint8_t image_build_id[], image_build_id_end[];

#define IMAGE_VIRTUAL_BASE 0xffffffffa0000000ull

#endif
