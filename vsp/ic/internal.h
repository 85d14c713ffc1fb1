/* SPDX-License-Identifier: MIT */
/* ic/internal.h - what the files of ic share.
 *
 *   ic.c       offers and channels, negotiation, questions and their answers
 *   basic.c    heartbeat, shutdown, time
 *   data.c     key-value pairs
 *   snapshot.c freezing and thawing
 *
 * A service is asked for what is due (due()) whenever nothing of it is under way, gets the answers
 * (answered()), and is told when one does not come (given_up()). */
#ifndef IC_INTERNAL_H
#define IC_INTERNAL_H

#include "ic.h"

#define IC_NS_PER_S 1000000000ull

struct ic_operations {
    uint16_t type; /* IC_TYPE_* */
    const struct ic_version *versions;
    uint32_t version_count;
    /* A version is agreed on. NULL: nothing is to be done. */
    void (*ready)(struct ic *ic);
    /* Ask what is due; the next time something is if nobody asks for it. */
    uint64_t (*due)(struct ic *ic);
    /* @status and the @length bytes behind the header are the answer. */
    void (*answered)(struct ic *ic, uint32_t status, const uint8_t *payload, uint32_t length);
    /* The channel is closed (IC_GONE), or the answer did not come in time (IC_TIMED_OUT). */
    void (*given_up)(struct ic *ic, enum ic_outcome outcome);
};

extern const struct ic_operations ic_heartbeat_operations;
extern const struct ic_operations ic_shutdown_operations;
extern const struct ic_operations ic_time_operations;
extern const struct ic_operations ic_data_operations;
extern const struct ic_operations ic_snapshot_operations;

/* Ask @kind, of which nothing is under way, @length bytes; the answer is given up after @patience
 * ns (IC_NEVER: not). False: its ring is full, or broken. */
bool ic_question(struct ic *ic, enum ic_kind kind, const void *payload, uint32_t length,
                 uint64_t patience) __attribute__((warn_unused_result));

/* End @request, if it is pending. */
void ic_request_end(struct ic *ic, enum ic_request request, enum ic_outcome outcome,
                    uint32_t status);

/* By what the child answered. */
void ic_request_answered(struct ic *ic, enum ic_request request, uint32_t status);

/* data.c: is @key a key, @value (NULL: none) a value that can be told? Then keep them to be told.
 */
bool ic_data_set(struct ic *ic, const char *key, const char *value);

/* @c, or '?' if that cannot be printed. */
char ic_printable(uint32_t c);

/* Text, cut and always ended; what cannot be printed is '?'. */
void ic_text_copy(char *to, const char *from, size_t size);

#endif
