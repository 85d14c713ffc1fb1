/* SPDX-License-Identifier: MIT */
/* root/lib/line.h - text of one who is not trusted, before it is shown to people. */
#ifndef ROOT_LIB_LINE_H
#define ROOT_LIB_LINE_H

#include <stddef.h>

/* End @text, which has @size bytes, at the last of them, and replace what is no character of a line
 * by '?': it says what it says on its own line, and does nothing to a terminal. */
void line_make(char *text, size_t size);

#endif
