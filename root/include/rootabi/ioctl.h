/* SPDX-License-Identifier: MIT */
/* rootabi/ioctl.h - how ioctl numbers of the device files are made: as in Linux, direction, size of
 * the argument structure, device letter and number. The kernel copies the structure in and out by
 * what the number says, so no handler sees ring 3's memory. */
#ifndef ROOTABI_IOCTL_H
#define ROOTABI_IOCTL_H

#include <hvabi/layout.h>

#define IOCTL_WRITE        1u /* the kernel reads the structure */
#define IOCTL_READ         2u /* the kernel writes the structure */
#define IOCTL_NUMBER_SHIFT 0
#define IOCTL_LETTER_SHIFT 8
#define IOCTL_SIZE_SHIFT   16
#define IOCTL_SIZE_MASK    0x3fffu
#define IOCTL_DIRECTION_SHIFT 30

#define IOCTL_MAKE(direction, letter, number, type)                                                \
    ((direction) << IOCTL_DIRECTION_SHIFT | (uint32_t)sizeof(type) << IOCTL_SIZE_SHIFT |           \
     (uint32_t)(letter) << IOCTL_LETTER_SHIFT | (uint32_t)(number))

/* Without a structure. */
#define IOCTL_PLAIN(letter, number) ((uint32_t)(letter) << IOCTL_LETTER_SHIFT | (uint32_t)(number))

/* The structure goes in and comes back. */
#define IOCTL_EXCHANGE(letter, number, type)                                                       \
    IOCTL_MAKE(IOCTL_READ | IOCTL_WRITE, letter, number, type)

#define IOCTL_SIZE(command)      ((command) >> IOCTL_SIZE_SHIFT & IOCTL_SIZE_MASK)
#define IOCTL_DIRECTION(command) ((command) >> IOCTL_DIRECTION_SHIFT)

#endif
