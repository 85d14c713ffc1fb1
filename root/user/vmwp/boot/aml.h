/* SPDX-License-Identifier: MIT */
/* vmwp/boot/aml.h - writes ACPI Machine Language: ACPI 6.4, chapter 20, and resource descriptors of
 * chapter 6.4.
 *
 * What has a length is opened and closed: aml_device_open() gives a mark for aml_close(). Rules:
 * past the end of the buffer nothing is written, and aml_end() says 0. */
#ifndef USER_VMWP_BOOT_AML_H
#define USER_VMWP_BOOT_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
    uint8_t *bytes;
    size_t size;
    size_t used; /* beyond size: it did not fit */
};

struct aml_resources {
    uint8_t bytes[128];
    size_t used;
};

/* Scope(\@name), Device(@name); names have four characters. */
size_t aml_scope_open(struct aml *a, const char *name);
size_t aml_device_open(struct aml *a, const char *name);
void aml_close(struct aml *a, size_t mark);

/* Name(@name, ...) */
void aml_name_integer(struct aml *a, const char *name, uint32_t value);
void aml_name_string(struct aml *a, const char *name, const char *value);
void aml_name_eisa_id(struct aml *a, const char *name, const char *id); /* "PNP0501" */
void aml_name_package(struct aml *a, const char *name, const uint8_t *values, uint8_t count);
void aml_name_resources(struct aml *a, const char *name, struct aml_resources *r);

/* Resources; at most as many as a device here has. */
void aml_io_ports(struct aml_resources *r, uint16_t first, uint8_t count);
void aml_edge_interrupt(struct aml_resources *r, uint32_t gsi); /* active high, not shared */
void aml_memory_window(struct aml_resources *r, uint64_t first, uint64_t size);

/* How much has been written; 0: it did not fit. */
size_t aml_end(const struct aml *a);

#endif
