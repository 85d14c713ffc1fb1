/* SPDX-License-Identifier: MIT */
/* rt/format.c - see rt/format.h. */
#include <stdbool.h>
#include <stdint.h>
#include <rt/format.h>
#include <rt/mem.h>

struct spec {
    bool left, zero, plus, alternate;
    int width, precision; /* precision < 0: not given */
    char length;          /* 'H' for hh, 'h', 'l', or 0 */
};

struct out {
    format_sink sink;
    void *context;
    size_t count;
};

static void put(struct out *o, char c)
{
    o->sink(o->context, c);
    o->count++;
}

static void pad(struct out *o, char c, int n)
{
    while (n-- > 0)
        put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text)
{
    int n = 0;

    while ((s->precision < 0 || n < s->precision) && text[n] != '\0')
        n++;
    if (!s->left)
        pad(o, ' ', s->width - n);
    for (int i = 0; i < n; i++)
        put(o, text[i]);
    if (s->left)
        pad(o, ' ', s->width - n);
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned base, bool upper,
                       const char *prefix)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char buf[24];
    int n = 0, zeros, prefix_len = (int)strlen(prefix);

    while (v != 0) {
        buf[n++] = digits[v % base];
        v /= base;
    }
    zeros = (s->precision < 0 ? 1 : s->precision) - n;
    if (zeros < 0)
        zeros = 0;
    if (s->zero && !s->left && s->precision < 0 && s->width - prefix_len - n > zeros)
        zeros = s->width - prefix_len - n;
    if (!s->left)
        pad(o, ' ', s->width - prefix_len - zeros - n);
    for (int i = 0; i < prefix_len; i++)
        put(o, prefix[i]);
    pad(o, '0', zeros);
    for (int i = n; i-- > 0;)
        put(o, buf[i]);
    if (s->left)
        pad(o, ' ', s->width - prefix_len - zeros - n);
}

static const char *parse_spec(struct spec *s, const char *f, va_list *ap)
{
    *s = (struct spec){.precision = -1};
    for (;; f++) {
        if (*f == '-')
            s->left = true;
        else if (*f == '0')
            s->zero = true;
        else if (*f == '+')
            s->plus = true;
        else if (*f == '#')
            s->alternate = true;
        else
            break;
    }
    if (*f == '*') {
        s->width = va_arg(*ap, int);
        if (s->width < 0) {
            s->left = true;
            s->width = -s->width;
        }
        f++;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        s->width = s->width * 10 + (*f - '0');
    if (*f == '.') {
        s->precision = 0;
        if (*++f == '*') {
            s->precision = va_arg(*ap, int);
            f++;
        }
        for (; *f >= '0' && *f <= '9'; f++)
            s->precision = s->precision * 10 + (*f - '0');
    }
    for (; *f == 'l' || *f == 'z' || *f == 'j' || *f == 't'; f++)
        s->length = 'l';
    for (; *f == 'h'; f++)
        s->length = s->length == 'h' ? 'H' : 'h';
    return f;
}

static uint64_t take_unsigned(const struct spec *s, va_list *ap)
{
    if (s->length == 'l')
        return va_arg(*ap, uint64_t);
    uint64_t v = va_arg(*ap, unsigned);
    return s->length == 'h' ? (uint16_t)v : s->length == 'H' ? (uint8_t)v : v;
}

static int64_t take_signed(const struct spec *s, va_list *ap)
{
    if (s->length == 'l')
        return va_arg(*ap, int64_t);
    int v = va_arg(*ap, int);
    return s->length == 'h' ? (int16_t)v : s->length == 'H' ? (int8_t)v : v;
}

static void put_signed(struct out *o, const struct spec *s, int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    put_number(o, s, magnitude, 10, false, v < 0 ? "-" : s->plus ? "+" : "");
}

static void put_hexadecimal(struct out *o, const struct spec *s, uint64_t v, bool upper)
{
    const char *prefix = !s->alternate || v == 0 ? "" : upper ? "0X" : "0x";

    put_number(o, s, v, 16, upper, prefix);
}

static void convert(struct out *o, const struct spec *s, char kind, va_list *ap)
{
    switch (kind) {
    case 'd':
    case 'i':
        put_signed(o, s, take_signed(s, ap));
        break;
    case 'u':
        put_number(o, s, take_unsigned(s, ap), 10, false, "");
        break;
    case 'x':
    case 'X':
        put_hexadecimal(o, s, take_unsigned(s, ap), kind == 'X');
        break;
    case 'p':
        put_number(o, s, (uint64_t)(uintptr_t)va_arg(*ap, void *), 16, false, "0x");
        break;
    case 'c':
        put_text(o, s, (char[]){(char)va_arg(*ap, int), '\0'});
        break;
    case 's':
        put_text(o, s, va_arg(*ap, const char *));
        break;
    default:
        put(o, kind);
        break;
    }
}

size_t rt_vformat(format_sink sink, void *context, const char *fmt, va_list ap)
{
    struct out o = {sink, context, 0};
    va_list rest;

    va_copy(rest, ap);
    for (const char *f = fmt; *f != '\0'; f++) {
        struct spec s;

        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = parse_spec(&s, f + 1, &rest);
        if (*f == '\0')
            break;
        convert(&o, &s, *f, &rest);
    }
    va_end(rest);
    return o.count;
}

struct buffer {
    char *at, *end; /* end: the place of the NUL */
};

static void buffer_sink(void *context, char c)
{
    struct buffer *b = context;

    if (b->at < b->end)
        *b->at++ = c;
}

size_t rt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct buffer b = {buf, size != 0 ? buf + size - 1 : buf};
    size_t n = rt_vformat(buffer_sink, &b, fmt, ap);

    if (size != 0)
        *b.at = '\0';
    return n;
}

size_t rt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    size_t n = rt_vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
