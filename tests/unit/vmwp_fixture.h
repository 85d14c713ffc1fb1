/* SPDX-License-Identifier: MIT */
/* tests/unit/vmwp_fixture.h - memory for a child that a test starts, and looking at what it starts
 * with. */
#ifndef TESTS_UNIT_VMWP_FIXTURE_H
#define TESTS_UNIT_VMWP_FIXTURE_H

#include "vmwp/boot/boot.h"
#include "vmwp/ram.h"

/* A child's memory of @bytes, zeroed; nothing of it is backed before it is touched. */
struct guest_ram ram_make(uint64_t bytes);
void ram_free(struct guest_ram *ram);

/* The value of a register that must be there once. */
const struct hv_register_value *register_of(const struct boot_registers *r, uint32_t name);
uint64_t reg64_of(const struct boot_registers *r, uint32_t name);

/* The segment registers and the GDT are those of a flat 4 GiB, for code of 64 or 32 bits. */
void assert_flat_segments(const struct guest_ram *ram, const struct boot_registers *r,
                          bool long_mode);

uint16_t ram_u16(const struct guest_ram *ram, uint64_t gpa);
uint32_t ram_u32(const struct guest_ram *ram, uint64_t gpa);
uint64_t ram_u64(const struct guest_ram *ram, uint64_t gpa);
const char *ram_text(const struct guest_ram *ram, uint64_t gpa);

#endif
