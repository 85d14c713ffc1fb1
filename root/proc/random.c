/* SPDX-License-Identifier: MIT */
/* root/proc/random.c - see random.h. Each block of output is a hash of the pool, and so is the next
 * pool: who learns one learns nothing of what was before. */
#include <stdbool.h>
#include <stdint.h>
#include <rt/mem.h>
#include <rt/sha256.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include "proc/random.h"
#include "sched/thread.h"

static struct {
    struct spinlock lock;
    uint8_t pool[SHA256_DIGEST_SIZE]; /* [lock] */
    uint64_t count;                   /* [lock] blocks given */
} generator;

enum { SAMPLES = 4, FOR_POOL = 0, FOR_OUTPUT = 1 };

static void sample(uint64_t samples[SAMPLES])
{
    uint32_t regs[4];

    insn_cpuid(CPUID_LEAF_FEATURES, 0, regs);
    samples[0] = insn_rdtsc();
    for (unsigned i = 1; i < SAMPLES; i++) {
        samples[i] = insn_rdtsc();
        if ((regs[2] & CPUID_1_ECX_RDRAND) != 0)
            samples[i] ^= insn_rdrand();
    }
}

static void hash_pool_locked(const uint64_t samples[SAMPLES], uint8_t purpose,
                             uint8_t digest[SHA256_DIGEST_SIZE])
{
    struct sha256 s;

    sha256_init(&s);
    sha256_update(&s, &purpose, sizeof(purpose));
    sha256_update(&s, &generator.count, sizeof(generator.count));
    sha256_update(&s, generator.pool, sizeof(generator.pool));
    sha256_update(&s, samples, SAMPLES * sizeof(samples[0]));
    sha256_final(&s, digest);
}

static void next_block(uint8_t block[SHA256_DIGEST_SIZE])
{
    uint64_t samples[SAMPLES], flags;
    uint8_t pool[SHA256_DIGEST_SIZE];

    sample(samples);
    flags = spin_lock(&generator.lock);
    generator.count++;
    hash_pool_locked(samples, FOR_OUTPUT, block);
    hash_pool_locked(samples, FOR_POOL, pool);
    memcpy(generator.pool, pool, sizeof(pool));
    spin_unlock(&generator.lock, flags);
}

void random_bytes(void *bytes, size_t size)
{
    uint8_t *to = bytes, block[SHA256_DIGEST_SIZE];

    while (size != 0) {
        size_t n = size < sizeof(block) ? size : sizeof(block);

        next_block(block);
        memcpy(to, block, n);
        to += n;
        size -= n;
    }
}
