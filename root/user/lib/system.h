/* SPDX-License-Identifier: MIT */
/* root/user/lib/system.h - system calls for ring-3 programs. Results are the kernel's: 0 or more,
 * or a negated error number of rootabi/errno.h. */
#ifndef USER_LIB_SYSTEM_H
#define USER_LIB_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

enum { STDIN_FILE = 0, STDOUT_FILE = 1 };

int64_t read(int fd, void *buffer, size_t size);
int64_t write(int fd, const void *buffer, size_t size);
int64_t open(const char *path, uint32_t flags);
int64_t close(int fd);
int64_t ioctl(int fd, uint32_t command, void *argument);
_Noreturn void exit(int status);
/* A connection to the abstract AF_UNIX socket @name, which carries packets (SOCK_SEQPACKET). */
int64_t connect_to(const char *name);

struct root_pollfd;
int64_t poll(struct root_pollfd *list, uint64_t count, int64_t timeout_ms);

void reboot(uint32_t command); /* REBOOT_*; returns only if it fails */
void sleep_ns(uint64_t ns);
uint64_t monotonic_ns(void);  /* since root started */
uint64_t wall_clock_ns(void); /* since 1970 */
int64_t wall_clock_set_ns(uint64_t ns);

/* What an error number means, in a few words. */
const char *error_text(int64_t result);

/* start.asm */
int64_t system_call(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                    uint64_t a4);
int64_t system_call6(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                     uint64_t a4, uint64_t a5);

#endif
