/* SPDX-License-Identifier: MIT */
/* rootabi/errno.h - the error numbers of system calls, which return them negated; Linux's. */
#ifndef ROOTABI_ERRNO_H
#define ROOTABI_ERRNO_H

enum {
    EPERM = 1,
    ENOENT = 2,
    EINTR = 4,
    EIO = 5,
    ENXIO = 6,
    ENOEXEC = 8,
    EBADF = 9,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    EINVAL = 22,
    EMFILE = 24,
    ENOTTY = 25,
    ENOSPC = 28,
    EROFS = 30,
    ENAMETOOLONG = 36,
    ENOSYS = 38,
    ENOTSUP = 95,
    ETIMEDOUT = 110,
};

#endif
