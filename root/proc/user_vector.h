/* SPDX-License-Identifier: MIT */
/* root/proc/user_vector.h - the pieces of ring 3's memory that a read or write is about, used up
 * from the front. Their addresses are a kernel copy; the memory itself is checked when it is copied. */
#ifndef ROOT_PROC_USER_VECTOR_H
#define ROOT_PROC_USER_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Linux, struct iovec. */
struct user_piece {
    uint64_t address;
    uint64_t size;
};

struct user_vector {
    struct user_piece *pieces;
    uint32_t count, at; /* @at: the first that is not used up */
    uint64_t left;      /* bytes in all of them */
};

/* Linux, UIO_MAXIOV. */
enum { USER_PIECES_MAX = 1024 };

/* One piece; @piece is the vector's. -EFAULT: it leaves ring 3's half. */
int64_t user_vector_one(struct user_vector *v, struct user_piece *piece, uint64_t address,
                        uint64_t size);

/* Copy @count pieces from ring 3's @address; undo it by user_vector_free. -EINVAL, -EFAULT, -ENOMEM. */
int64_t user_vector_copy(struct user_vector *v, uint64_t address, uint64_t count);
void user_vector_free(struct user_vector *v);

/* Move @size bytes, at most v->left, between kernel memory and the front of @v, which moves on.
 * False: a fault. */
bool user_vector_get(struct user_vector *v, void *to, size_t size);
bool user_vector_put(struct user_vector *v, const void *from, size_t size);

#endif
