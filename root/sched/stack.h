/* SPDX-License-Identifier: MIT */
/* root/sched/stack.h - kernel stacks: each in its own slot of kernel addresses, over an unmapped
 * guard. A freed stack stays mapped and is used again, so no TLB ever needs flushing. */
#ifndef ROOT_SCHED_STACK_H
#define ROOT_SCHED_STACK_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* The top of a new stack of STACK_SIZE bytes; 0: no memory. Any context. */
uint64_t stack_alloc(void);
void stack_free(uint64_t top);

/* Whether @address lies in a guard: somebody's stack has run over. */
bool stack_is_guard(uint64_t address);

/* Whether @address lies on the stack that @on points into, or whose guard it points into. */
bool stack_is_same(uint64_t on, uint64_t address);

/* Free a dead thread that no CPU runs any more. */
void thread_reap(struct thread *t);

#endif
