/* SPDX-License-Identifier: MIT */
/* root/proc/syscalls.h - the handlers that the table of syscall.c names, by folder-mates. Each gets
 * the six arguments as ring 3 passed them, of which it believes nothing. */
#ifndef ROOT_PROC_SYSCALLS_H
#define ROOT_PROC_SYSCALLS_H

#include <stdint.h>

struct process;

typedef int64_t syscall_handler(struct process *p, const uint64_t *a);

/* syscall_file.c */
syscall_handler sys_read, sys_write, sys_readv, sys_writev, sys_open, sys_openat, sys_close,
    sys_ioctl, sys_lseek, sys_stat, sys_lstat, sys_fstat, sys_newfstatat, sys_getdents64, sys_poll;

/* syscall_memory.c */
syscall_handler sys_mmap, sys_munmap, sys_mprotect, sys_madvise, sys_brk;

/* syscall_process.c */
syscall_handler sys_sched_yield, sys_nanosleep, sys_clock_gettime, sys_clock_settime, sys_getpid,
    sys_exit, sys_kill, sys_reboot, sys_arch_prctl, sys_set_tid_address, sys_getrandom, sys_rt_sigaction,
    sys_rt_sigprocmask;

/* syscall_socket.c */
syscall_handler sys_socket, sys_socketpair, sys_bind, sys_listen, sys_accept, sys_accept4,
    sys_connect, sys_sendto, sys_recvfrom, sys_sendmsg, sys_recvmsg;

#endif
