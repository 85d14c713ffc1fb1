/* SPDX-License-Identifier: MIT */
/* tests/user/mad/main.c - see mad.h. */
#include "mad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

enum { NAME_MAX_LENGTH = 32, CALLS_A_LOOK = 64, CALLS_LEAST = 1000 };

static uint64_t state;

/* Known to be mixed well: SplitMix64. */
static uint64_t noise_64(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

void mad_seed(uint64_t seed)
{
    state = seed;
}

uint64_t mad_noise(void)
{
    uint64_t value = noise_64();

    return value >> noise_64() % 64;
}

uint64_t mad_below(uint64_t n)
{
    return noise_64() % n;
}

static uint64_t now(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* For @ns, and CALLS_LEAST calls. How many it were. */
static unsigned long rage(uint64_t ns, bool wild)
{
    uint64_t begin = now();
    unsigned long calls = 0;

    while (now() - begin < ns || calls < CALLS_LEAST)
        for (unsigned i = 0; i < CALLS_A_LOOK; i++, calls++)
            if (mad_below(2) == 0)
                mad_call();
            else
                mad_partition_call(wild);
    return calls;
}

/* The word behind @key in the definition, or "". */
static void word(const char *definition, const char *key, char *to)
{
    const char *at = strstr(definition, key);
    size_t n = 0;

    if (at != NULL)
        for (at += strlen(key); n + 1 < NAME_MAX_LENGTH && *at > ' '; at++)
            to[n++] = *at;
    to[n] = '\0';
}

static uint64_t number(const char *definition, const char *key)
{
    char text[NAME_MAX_LENGTH];

    word(definition, key, text);
    return strtoull(text, NULL, 0);
}

static _Noreturn void go_mad(const char *definition)
{
    char end[NAME_MAX_LENGTH];
    unsigned long calls = 0;
    bool wild;

    word(definition, "end=", end);
    wild = strcmp(end, "wild") == 0;
    mad_seed(number(definition, "seed="));
    mad_files();
    mad_calls_begin();
    mad_partition_begin(wild);
    if (strcmp(end, "loud") == 0)
        mad_console();
    else
        calls = rage(number(definition, "ms=") * NS_PER_MS, wild);
    dprintf(STDOUT_FILENO, "%s mad: %s: seed %lu, %lu calls, %u did what they should not\n",
            mad_wrong() == 0 ? "PASS" : "FAIL", end, (unsigned long)number(definition, "seed="),
            calls, mad_wrong());
    mad_end(end);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strstr(argv[1], "name = mad") != NULL)
        go_mad(argv[1]);
    return vmwp_main(argc, argv);
}
