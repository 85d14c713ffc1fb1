/* SPDX-License-Identifier: MIT */
/* root/user/lib/device.h - calls of root's device files, for programs over a C library. */
#ifndef USER_LIB_DEVICE_H
#define USER_LIB_DEVICE_H

#include <stdint.h>
#include <sys/ioctl.h>

/* ioctl(); the number that rootabi/ioctl.h makes is unsigned, and that of a C library is not. */
static inline int device_ioctl(int file, uint32_t command, void *argument)
{
    return ioctl(file, (int)command, argument);
}

#endif
