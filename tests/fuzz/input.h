/* SPDX-License-Identifier: MIT */
/* tests/fuzz/input.h - the input of a fuzz target as bytes to take, and a verdict. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Else this input is a finding. */
void must(bool condition);

/* The input of this run. */
void input_begin(const uint8_t *data, size_t size);
bool input_left(void);
/* The next @size bytes of input, then zeroes. */
void take(void *to, size_t size);
uint8_t take_byte(void);

#endif
