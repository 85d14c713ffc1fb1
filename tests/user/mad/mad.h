/* SPDX-License-Identifier: MIT */
/* tests/user/mad/mad.h - a worker (root/user/vmwp) that goes mad if its child's name begins with
 * "mad": for some time it makes every system call and every call of its partition file with bad
 * arguments (calls.c, partition.c), and then does the last thing that it is told to (ends.c). Other
 * children it serves as the worker that it was built of.
 *
 * The child's command line: seed=N ms=N end=NAME. */
#ifndef TESTS_MAD_H
#define TESTS_MAD_H

#include <stdbool.h>
#include <stdint.h>

/* Memory of which all but the scratch part may come and go. */
#define MAD_SCRATCH      0x300000000000ul
#define MAD_SCRATCH_SIZE (16 * 4096ul)
#define MAD_SANDBOX      0x310000000000ul
#define MAD_SANDBOX_SIZE (64 * 4096ul)

/* Of any width, but often small; below @n. The sequence is that of the seed. */
void mad_seed(uint64_t seed);
uint64_t mad_noise(void);
uint64_t mad_below(uint64_t n);

/* A value that may be an address, a size, a number of something: mostly no good one. */
long mad_value(void);

/* What root must not have done: a line, and it is counted. */
void mad_check(const char *what, bool fine, long result);
unsigned mad_wrong(void);

/* calls.c: map the scratch memory; one system call. */
void mad_calls_begin(void);
void mad_call(void);

/* files.c: of /boot it sees its child's image alone. */
void mad_files(void);

/* console.c: instead of all that, what must not come to the operator's terminal as it is. */
void mad_console(void);

/* partition.c: make the child ready, or with @wild not, and let it run; one call of its file. */
void mad_partition_begin(bool wild);
void mad_partition_call(bool wild);

/* ends.c: @name is the last thing that happens. */
_Noreturn void mad_end(const char *name);

/* The worker's own main(), by the name that this build gives it. */
int vmwp_main(int argc, char **argv);

#endif
