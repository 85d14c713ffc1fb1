/* SPDX-License-Identifier: MIT */
/* core/lp_set.h - a set of LPs that all LPs read and change without a lock.
 *
 * One bit an LP, one cache line for all: to find a member among 512 LPs takes at most nine looks. */
#ifndef CORE_LP_SET_H
#define CORE_LP_SET_H

#include <stdbool.h>
#include <stdint.h>

#define LP_MAX 512

struct lp_set {
    _Alignas(64) uint64_t words[LP_MAX / 64]; /* [a] */
};

static inline bool lp_set_has(const struct lp_set *s, uint32_t lp)
{
    return __atomic_load_n(&s->words[lp / 64], __ATOMIC_RELAXED) >> lp % 64 & 1;
}

/* Both are full barriers: of two LPs that each change one set and then look at the other, at least
 * one sees what the other did. */
static inline void lp_set_add(struct lp_set *s, uint32_t lp)
{
    __atomic_fetch_or(&s->words[lp / 64], 1ull << lp % 64, __ATOMIC_SEQ_CST);
}

static inline void lp_set_remove(struct lp_set *s, uint32_t lp)
{
    __atomic_fetch_and(&s->words[lp / 64], ~(1ull << lp % 64), __ATOMIC_SEQ_CST);
}

/* The first member from @lp on, and around; LP_MAX: the set is empty. */
static inline uint32_t lp_set_next(const struct lp_set *s, uint32_t lp)
{
    const uint32_t words = LP_MAX / 64, first = lp / 64 % words;
    const uint64_t from = UINT64_MAX << lp % 64;

    for (uint32_t i = 0; i <= words; i++) {
        uint32_t at = (first + i) % words;
        uint64_t word = __atomic_load_n(&s->words[at], __ATOMIC_RELAXED);
        if (i == 0)
            word &= from;
        else if (i == words)
            word &= ~from;
        if (word != 0)
            return at * 64 + (uint32_t)__builtin_ctzll(word);
    }
    return LP_MAX;
}

#endif
