/* SPDX-License-Identifier: MIT */
/* decode_oracle.h - compares x86_decode() with Zydis, an independent decoder. */
#ifndef DECODE_ORACLE_H
#define DECODE_ORACLE_H

#include <stddef.h>
#include <x86/decode.h>

enum oracle_verdict {
    ORACLE_AGREES,
    ORACLE_SKIPPED, /* Zydis knows no such instruction: x86_decode() may say what it likes */
    ORACLE_DIFFERS,
};

/* Decode @bytes with both. On ORACLE_DIFFERS, @why (of @why_size bytes) says what differs. */
enum oracle_verdict decode_oracle_compare(const uint8_t *bytes, unsigned count, enum x86_mode mode,
                                          char *why, size_t why_size);

#endif
