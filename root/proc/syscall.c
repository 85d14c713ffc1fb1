/* SPDX-License-Identifier: MIT */
/* root/proc/syscall.c - see syscall.h. Arguments are checked by the handlers or by what they are
 * handed to; nothing that ring 3 passes can stop the machine. */
#include <stddef.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include <x86/insn.h>
#include "proc/syscall.h"
#include "proc/syscalls.h"

static syscall_handler *const calls[SYSCALL_NUMBERS] = {
    [SYSCALL_READ] = sys_read,
    [SYSCALL_WRITE] = sys_write,
    [SYSCALL_OPEN] = sys_open,
    [SYSCALL_CLOSE] = sys_close,
    [SYSCALL_STAT] = sys_stat,
    [SYSCALL_FSTAT] = sys_fstat,
    [SYSCALL_LSTAT] = sys_lstat,
    [SYSCALL_POLL] = sys_poll,
    [SYSCALL_LSEEK] = sys_lseek,
    [SYSCALL_MMAP] = sys_mmap,
    [SYSCALL_MPROTECT] = sys_mprotect,
    [SYSCALL_MUNMAP] = sys_munmap,
    [SYSCALL_BRK] = sys_brk,
    [SYSCALL_RT_SIGACTION] = sys_rt_sigaction,
    [SYSCALL_RT_SIGPROCMASK] = sys_rt_sigprocmask,
    [SYSCALL_IOCTL] = sys_ioctl,
    [SYSCALL_READV] = sys_readv,
    [SYSCALL_WRITEV] = sys_writev,
    [SYSCALL_SCHED_YIELD] = sys_sched_yield,
    [SYSCALL_MADVISE] = sys_madvise,
    [SYSCALL_NANOSLEEP] = sys_nanosleep,
    [SYSCALL_GETPID] = sys_getpid,
    [SYSCALL_SOCKET] = sys_socket,
    [SYSCALL_CONNECT] = sys_connect,
    [SYSCALL_ACCEPT] = sys_accept,
    [SYSCALL_SENDTO] = sys_sendto,
    [SYSCALL_RECVFROM] = sys_recvfrom,
    [SYSCALL_SENDMSG] = sys_sendmsg,
    [SYSCALL_RECVMSG] = sys_recvmsg,
    [SYSCALL_BIND] = sys_bind,
    [SYSCALL_LISTEN] = sys_listen,
    [SYSCALL_SOCKETPAIR] = sys_socketpair,
    [SYSCALL_EXIT] = sys_exit,
    [SYSCALL_KILL] = sys_kill,
    [SYSCALL_ARCH_PRCTL] = sys_arch_prctl,
    [SYSCALL_REBOOT] = sys_reboot,
    [SYSCALL_GETTID] = sys_getpid, /* one thread each */
    [SYSCALL_GETDENTS64] = sys_getdents64,
    [SYSCALL_SET_TID_ADDRESS] = sys_set_tid_address,
    [SYSCALL_CLOCK_SETTIME] = sys_clock_settime,
    [SYSCALL_CLOCK_GETTIME] = sys_clock_gettime,
    [SYSCALL_EXIT_GROUP] = sys_exit,
    [SYSCALL_OPENAT] = sys_openat,
    [SYSCALL_NEWFSTATAT] = sys_newfstatat,
    [SYSCALL_ACCEPT4] = sys_accept4,
    [SYSCALL_GETRANDOM] = sys_getrandom,
};

int64_t syscall_dispatch(struct process *p, uint64_t number,
                         const uint64_t arguments[SYSCALL_ARGUMENTS])
{
    syscall_handler *handler =
        number < SYSCALL_NUMBERS ? calls[insn_index_nospec(number, SYSCALL_NUMBERS)] : NULL;

    return handler != NULL ? handler(p, arguments) : -ENOSYS;
}
