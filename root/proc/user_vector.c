/* SPDX-License-Identifier: MIT */
/* root/proc/user_vector.c - see user_vector.h. */
#include <rootabi/errno.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/user_vector.h"

int64_t user_vector_one(struct user_vector *v, struct user_piece *piece, uint64_t address,
                        uint64_t size)
{
    *piece = (struct user_piece){address, size};
    *v = (struct user_vector){.pieces = piece, .count = 1, .left = size};
    return user_range_is_valid(address, size) ? 0 : -EFAULT;
}

/* All pieces are in ring 3's half, of 2^47 bytes: their sum does not overflow. */
static int64_t sum_up(struct user_vector *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (!user_range_is_valid(v->pieces[i].address, v->pieces[i].size))
            return -EFAULT;
        v->left += v->pieces[i].size;
    }
    return 0;
}

int64_t user_vector_copy(struct user_vector *v, uint64_t address, uint64_t count)
{
    int64_t result;

    *v = (struct user_vector){0};
    if (count > USER_PIECES_MAX)
        return -EINVAL;
    if (count == 0)
        return 0;
    v->pieces = kalloc(count * sizeof(*v->pieces));
    if (v->pieces == NULL)
        return -ENOMEM;
    v->count = (uint32_t)count;
    result = copy_from_user(v->pieces, address, count * sizeof(*v->pieces)) ? sum_up(v) : -EFAULT;
    if (result < 0)
        user_vector_free(v);
    return result;
}

void user_vector_free(struct user_vector *v)
{
    kfree(v->pieces);
    v->pieces = NULL;
}

typedef bool (*move)(uint64_t address, uint8_t *bytes, size_t size);

static bool move_in(uint64_t address, uint8_t *bytes, size_t size)
{
    return copy_from_user(bytes, address, size);
}

static bool move_out(uint64_t address, uint8_t *bytes, size_t size)
{
    return copy_to_user(address, bytes, size);
}

static bool vector_move(struct user_vector *v, move how, uint8_t *bytes, size_t size)
{
    while (size != 0) {
        struct user_piece *p = &v->pieces[v->at];
        size_t n = size < p->size ? size : p->size;

        if (!how(p->address, bytes, n))
            return false;
        p->address += n;
        p->size -= n;
        v->left -= n;
        bytes += n;
        size -= n;
        if (p->size == 0 && size != 0)
            v->at++;
    }
    return true;
}

bool user_vector_get(struct user_vector *v, void *to, size_t size)
{
    return vector_move(v, move_in, to, size);
}

bool user_vector_put(struct user_vector *v, const void *from, size_t size)
{
    union {
        const void *in;
        uint8_t *bytes;
    } source = {from}; /* move_out only reads */

    return vector_move(v, move_out, source.bytes, size);
}
