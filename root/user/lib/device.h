/* SPDX-License-Identifier: MIT */
/* root/user/lib/device.h - calls of root's device files, for programs over a C library. */
#ifndef USER_LIB_DEVICE_H
#define USER_LIB_DEVICE_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ioctl(), whose number has another type in each C library: 0 or more, or -1 and errno. */
static inline int device_ioctl(int file, uint32_t command, void *argument)
{
    return (int)syscall(SYS_ioctl, file, (unsigned long)command, argument);
}

#endif
