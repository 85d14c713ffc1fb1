/* SPDX-License-Identifier: MIT */
/* sha256.c - SHA-256 in plain C; names of the functions are those of FIPS 180-4, 4.1.2.
 *
 * The eight working variables stay in registers: a round renames them instead of moving them, and
 * the message schedule is a ring of sixteen words, extended as the rounds go. */
#include <rt/mem.h>
#include <rt/sha256.h>

#define ROTR(x, n)   ((x) >> (n) | (x) << (32 - (n)))
#define CH(x, y, z)  ((z) ^ ((x) & ((y) ^ (z))))
#define MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define SUM0(x)      (ROTR(x, 2) ^ ROTR(x, 13) ^ ROTR(x, 22))
#define SUM1(x)      (ROTR(x, 6) ^ ROTR(x, 11) ^ ROTR(x, 25))
#define SIGMA0(x)    (ROTR(x, 7) ^ ROTR(x, 18) ^ ((x) >> 3))
#define SIGMA1(x)    (ROTR(x, 17) ^ ROTR(x, 19) ^ ((x) >> 10))

#define LENGTH_SIZE 8u    /* FIPS 180-4, 5.1.1: the length in bits ends the last block */
#define PADDING     0x80u /* FIPS 180-4, 5.1.1: a one bit, then zeros */

/* FIPS 180-4, 4.2.2. */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return __builtin_bswap32(v);
}

static void store_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
}

/* FIPS 180-4, 6.2.2 step 3: T1 goes into d, T1 + T2 into h, which are the next round's e and a. */
#define ROUND(a, b, c, d, e, f, g, h, word)                                                        \
    do {                                                                                           \
        (h) += SUM1(e) + CH(e, f, g) + k[i] + (word);                                              \
        (d) += (h);                                                                                \
        (h) += SUM0(a) + MAJ(a, b, c);                                                             \
        i++;                                                                                       \
    } while (0)

#define EIGHT_ROUNDS(WORD)                                                                         \
    do {                                                                                           \
        ROUND(a, b, c, d, e, f, g, h, WORD(i));                                                    \
        ROUND(h, a, b, c, d, e, f, g, WORD(i));                                                    \
        ROUND(g, h, a, b, c, d, e, f, WORD(i));                                                    \
        ROUND(f, g, h, a, b, c, d, e, WORD(i));                                                    \
        ROUND(e, f, g, h, a, b, c, d, WORD(i));                                                    \
        ROUND(d, e, f, g, h, a, b, c, WORD(i));                                                    \
        ROUND(c, d, e, f, g, h, a, b, WORD(i));                                                    \
        ROUND(b, c, d, e, f, g, h, a, WORD(i));                                                    \
    } while (0)

#define FIRST_WORD(t) (w[(t)] = load_be32(block + (size_t)4 * (t)))
#define NEXT_WORD(t)                                                                               \
    (w[(t)&15] += SIGMA1(w[((t)-2) & 15]) + w[((t)-7) & 15] + SIGMA0(w[((t)-15) & 15]))

/* NOLINTNEXTLINE(readability-function-size): 16 rounds, written once by the macros above */
static void block_compress(uint32_t state[8], const uint8_t *block)
{
    const uint32_t *k = round_constants;
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    uint32_t w[16], i = 0;

    EIGHT_ROUNDS(FIRST_WORD);
    EIGHT_ROUNDS(FIRST_WORD);
    while (i < 64) {
        EIGHT_ROUNDS(NEXT_WORD);
        EIGHT_ROUNDS(NEXT_WORD);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void sha256_init(struct sha256 *s)
{
    /* FIPS 180-4, 5.3.3. */
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(s->state, initial, sizeof(initial));
    s->length = 0;
}

void sha256_update(struct sha256 *s, const void *data, size_t length)
{
    const uint8_t *p = data;
    size_t used = s->length % SHA256_BLOCK_SIZE;

    s->length += length;
    if (used + length >= SHA256_BLOCK_SIZE && used > 0) {
        memcpy(s->block + used, p, SHA256_BLOCK_SIZE - used);
        block_compress(s->state, s->block);
        p += SHA256_BLOCK_SIZE - used;
        length -= SHA256_BLOCK_SIZE - used;
        used = 0;
    }
    for (; length >= SHA256_BLOCK_SIZE; p += SHA256_BLOCK_SIZE, length -= SHA256_BLOCK_SIZE)
        block_compress(s->state, p);
    if (length > 0)
        memcpy(s->block + used, p, length);
}

void sha256_final(struct sha256 *s, uint8_t digest[SHA256_DIGEST_SIZE])
{
    size_t used = s->length % SHA256_BLOCK_SIZE;
    uint64_t bits = s->length * 8;

    s->block[used++] = PADDING;
    if (used > SHA256_BLOCK_SIZE - LENGTH_SIZE) {
        memset(s->block + used, 0, SHA256_BLOCK_SIZE - used);
        block_compress(s->state, s->block);
        used = 0;
    }
    memset(s->block + used, 0, SHA256_BLOCK_SIZE - LENGTH_SIZE - used);
    store_be32(s->block + SHA256_BLOCK_SIZE - 8, (uint32_t)(bits >> 32));
    store_be32(s->block + SHA256_BLOCK_SIZE - 4, (uint32_t)bits);
    block_compress(s->state, s->block);
    for (size_t i = 0; i < 8; i++)
        store_be32(digest + 4 * i, s->state[i]);
}

void sha256_hex(const uint8_t digest[SHA256_DIGEST_SIZE], char text[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[SHA256_HEX_SIZE - 1] = '\0';
}
