/* SPDX-License-Identifier: MIT */
/* fakes/test.h - cmocka with the headers that it wants before itself. */
#ifndef FAKES_TEST_H
#define FAKES_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#endif
