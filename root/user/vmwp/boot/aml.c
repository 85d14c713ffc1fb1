/* SPDX-License-Identifier: MIT */
/* vmwp/boot/aml.c - see aml.h. */
#include <string.h>
#include "vmwp/boot/aml.h"

/* ACPI 6.4, table 20-1 */
enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_EXTENDED = 0x5b,
    OP_EXTENDED_DEVICE = 0x82,
    ROOT_PREFIX = 0x5c,
};

/* ACPI 6.4, 20.2.4: a length of one byte; of more the first has 4 bits of it, and their number. */
#define LENGTH_ONE_BYTE_MAX 0x3fu
#define LENGTH_FIRST_MASK   0x0fu
#define LENGTH_FIRST_BITS   4
#define LENGTH_COUNT_SHIFT  6

enum { NAME_LENGTH = 4 };

/* ---- bytes ---- */

static void put(struct aml *a, const void *bytes, size_t count)
{
    if (a->used <= a->size && count <= a->size - a->used)
        memcpy(a->bytes + a->used, bytes, count);
    a->used += count;
}

static void put_byte(struct aml *a, unsigned value)
{
    const uint8_t byte = (uint8_t)value;

    put(a, &byte, 1);
}

static void put_dword(struct aml *a, uint32_t value)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        put_byte(a, value >> shift);
}

static void put_integer(struct aml *a, uint32_t value)
{
    if (value <= 1) {
        put_byte(a, value == 0 ? OP_ZERO : OP_ONE);
    } else if (value <= UINT8_MAX) {
        put_byte(a, OP_BYTE);
        put_byte(a, value);
    } else {
        put_byte(a, OP_DWORD);
        put_dword(a, value);
    }
}

static void put_name(struct aml *a, const char *name)
{
    put_byte(a, OP_NAME);
    put(a, name, NAME_LENGTH);
}

/* ---- packages: a length that counts itself comes before what it is of ---- */

/* The bytes of the length of @body bytes, in @encoded. */
static size_t encode_length(uint8_t encoded[4], size_t body)
{
    size_t count = 1, total, rest;

    if (body + 1 <= LENGTH_ONE_BYTE_MAX) {
        encoded[0] = (uint8_t)(body + 1);
        return 1;
    }
    do {
        count++;
        total = body + count;
    } while (count < 4 && total >> (LENGTH_FIRST_BITS + 8 * (count - 1)) != 0);
    encoded[0] = (uint8_t)((count - 1) << LENGTH_COUNT_SHIFT | (total & LENGTH_FIRST_MASK));
    rest = total >> LENGTH_FIRST_BITS;
    for (size_t i = 1; i < count; i++, rest >>= 8)
        encoded[i] = (uint8_t)rest;
    return count;
}

void aml_close(struct aml *a, size_t mark)
{
    uint8_t length[4];
    size_t body = a->used - mark;
    size_t count = encode_length(length, body);

    if (a->used + count <= a->size) {
        memmove(a->bytes + mark + count, a->bytes + mark, body);
        memcpy(a->bytes + mark, length, count);
    }
    a->used += count;
}

size_t aml_scope_open(struct aml *a, const char *name)
{
    size_t mark;

    put_byte(a, OP_SCOPE);
    mark = a->used;
    put_byte(a, ROOT_PREFIX);
    put(a, name, NAME_LENGTH);
    return mark;
}

size_t aml_device_open(struct aml *a, const char *name)
{
    size_t mark;

    put_byte(a, OP_EXTENDED);
    put_byte(a, OP_EXTENDED_DEVICE);
    mark = a->used;
    put(a, name, NAME_LENGTH);
    return mark;
}

/* ---- named objects ---- */

void aml_name_integer(struct aml *a, const char *name, uint32_t value)
{
    put_name(a, name);
    put_integer(a, value);
}

void aml_name_string(struct aml *a, const char *name, const char *value)
{
    put_name(a, name);
    put_byte(a, OP_STRING);
    put(a, value, strlen(value) + 1);
}

static uint32_t hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* ACPI 6.4, 19.3.4: three letters of 5 bits, four digits, and the bytes in the other order. */
void aml_name_eisa_id(struct aml *a, const char *name, const char *id)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 3; i++)
        value = value << 5 | ((uint32_t)id[i] & 0x1fu);
    for (unsigned i = 3; i < 7; i++)
        value = value << 4 | hex_digit(id[i]);
    put_name(a, name);
    put_byte(a, OP_DWORD);
    put_dword(a, __builtin_bswap32(value));
}

void aml_name_package(struct aml *a, const char *name, const uint8_t *values, uint8_t count)
{
    size_t mark;

    put_name(a, name);
    put_byte(a, OP_PACKAGE);
    mark = a->used;
    put_byte(a, count);
    for (uint8_t i = 0; i < count; i++)
        put_integer(a, values[i]);
    aml_close(a, mark);
}

/* ---- resources ---- */

/* ACPI 6.4, 6.4.2 and 6.4.3 */
enum {
    SMALL_IO = 0x47, /* with its length, 7 */
    SMALL_END = 0x79,
    LARGE_INTERRUPT = 0x89,
    LARGE_QWORD = 0x8a,
    LARGE_HEADER = 3, /* tag and length, which the length leaves out */
    IO_DECODE_16 = 1,
    INTERRUPT_CONSUMER = 1,
    INTERRUPT_EDGE = 2,
    QWORD_MEMORY = 0,
    QWORD_FIXED = 0x0c, /* both ends; a producer, positive decode */
    QWORD_CACHEABLE_WRITABLE = 0x03,
};

static void resource_put(struct aml_resources *r, const void *bytes, size_t count)
{
    if (count <= sizeof(r->bytes) - r->used) {
        memcpy(r->bytes + r->used, bytes, count);
        r->used += count;
    }
}

void aml_io_ports(struct aml_resources *r, uint16_t first, uint8_t count)
{
    const struct {
        uint8_t tag, information;
        uint16_t minimum, maximum;
        uint8_t alignment, length;
    } __attribute__((packed)) io = {SMALL_IO, IO_DECODE_16, first, first, 1, count};

    resource_put(r, &io, sizeof(io));
}

void aml_edge_interrupt(struct aml_resources *r, uint32_t gsi)
{
    const struct {
        uint8_t tag;
        uint16_t length;
        uint8_t flags, count;
        uint32_t gsi;
    } __attribute__((packed)) interrupt = {
        .tag = LARGE_INTERRUPT,
        .length = sizeof(interrupt) - LARGE_HEADER,
        .flags = INTERRUPT_CONSUMER | INTERRUPT_EDGE,
        .count = 1,
        .gsi = gsi,
    };

    resource_put(r, &interrupt, sizeof(interrupt));
}

void aml_memory_window(struct aml_resources *r, uint64_t first, uint64_t size)
{
    const struct {
        uint8_t tag;
        uint16_t length;
        uint8_t type, general_flags, type_flags;
        uint64_t granularity, minimum, maximum, translation, size;
    } __attribute__((packed)) window = {
        .tag = LARGE_QWORD,
        .length = sizeof(window) - LARGE_HEADER,
        .type = QWORD_MEMORY,
        .general_flags = QWORD_FIXED,
        .type_flags = QWORD_CACHEABLE_WRITABLE,
        .minimum = first,
        .maximum = first + size - 1,
        .size = size,
    };

    resource_put(r, &window, sizeof(window));
}

void aml_name_resources(struct aml *a, const char *name, struct aml_resources *r)
{
    const uint8_t end[] = {SMALL_END, 0}; /* a checksum of 0: none */
    size_t mark;

    resource_put(r, end, sizeof(end));
    put_name(a, name);
    put_byte(a, OP_BUFFER);
    mark = a->used;
    put_integer(a, (uint32_t)r->used);
    put(a, r->bytes, r->used);
    aml_close(a, mark);
}

size_t aml_end(const struct aml *a)
{
    return a->used <= a->size ? a->used : 0;
}
