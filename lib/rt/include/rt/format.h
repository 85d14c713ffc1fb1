/* SPDX-License-Identifier: MIT */
/* rt/format.h - printf's formatting core: %d %i %u %x %X %p %c %s %%, flags - 0 + #, width and
 * precision (also *), lengths h hh l ll z j t. No floating point. */
#ifndef RT_FORMAT_H
#define RT_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

typedef void (*format_sink)(void *context, char c);

#define FORMAT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Send the formatted text to @sink, a character at a time; the number of characters. */
size_t rt_vformat(format_sink sink, void *context, const char *fmt, va_list ap) FORMAT_PRINTF(3, 0);

/* As C's snprintf: at most @size bytes with the NUL; the length the whole text has. */
size_t rt_snprintf(char *buf, size_t size, const char *fmt, ...) FORMAT_PRINTF(3, 4);
size_t rt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) FORMAT_PRINTF(3, 0);

#endif
