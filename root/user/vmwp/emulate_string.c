/* SPDX-License-Identifier: MIT */
/* vmwp/emulate_string.c - string instructions between a device or a port and the child's RAM.
 *
 * An element is moved wholly or not at all: its place in RAM is found before a device is touched.
 * When an element cannot be moved, those before it count, and the processor comes back for it. */
#include <hvabi/management.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include "vmwp/emulate_internal.h"

/* An element in RAM, in up to two pages. */
struct place {
    uint8_t *part[2];
    unsigned first; /* bytes in part[0] */
    unsigned size;
};

/* ---- RAM ---- */

static uint64_t linear_wrap(const struct emulation *e, uint64_t linear)
{
    return e->mode == X86_MODE_64 ? linear : (uint32_t)linear;
}

/* Translation failed: @result says how. Page faults are the child's own affair. */
static bool translation_failed(struct emulation *e, uint64_t linear, bool write, uint32_t result)
{
    uint64_t error;

    switch (result) {
    case HvTranslateGvaPageNotPresent:
        error = 0;
        break;
    case HvTranslateGvaPrivilegeViolation:
        error = PF_ERROR_P;
        break;
    case HvTranslateGvaInvalidPageTableFlags:
        error = PF_ERROR_P | PF_ERROR_RSV;
        break;
    default:
        return emulation_refuse(e, "string instruction between two devices");
    }
    e->fault = true;
    e->fault_linear = linear;
    e->fault_error = (uint32_t)(error | (write ? PF_ERROR_RW : 0) | (e->user ? PF_ERROR_US : 0));
    return false;
}

/* Make the page of @linear the one that is translated. */
static bool ram_translate(struct emulation *e, uint64_t linear, bool write)
{
    uint64_t gpa = 0;
    uint32_t result = e->vp->translate(e->vp->context, linear, write, &gpa);

    e->ram_page = NULL;
    if (result != HvTranslateGvaSuccess)
        return translation_failed(e, linear, write, result);
    e->ram_page = ram_at(e->vp->ram, gpa & ~EMULATE_PAGE_MASK, EMULATE_PAGE_SIZE);
    e->ram_linear = linear & ~EMULATE_PAGE_MASK;
    return e->ram_page != NULL ||
           emulation_refuse(e, "string instruction with an operand that is no RAM");
}

/* Where the byte at @linear is, in a page of RAM; NULL: it cannot be reached. */
static uint8_t *ram_reach(struct emulation *e, uint64_t linear, bool write)
{
    if ((e->ram_page == NULL || (linear & ~EMULATE_PAGE_MASK) != e->ram_linear) &&
        !ram_translate(e, linear, write))
        return NULL;
    return e->ram_page + (linear & EMULATE_PAGE_MASK);
}

static bool place_find(struct emulation *e, uint64_t linear, bool write, struct place *p)
{
    unsigned left = (unsigned)(EMULATE_PAGE_SIZE - (linear & EMULATE_PAGE_MASK));

    p->size = e->insn.width;
    p->first = p->size < left ? p->size : left;
    p->part[0] = ram_reach(e, linear, write);
    p->part[1] = p->part[0];
    if (p->part[0] == NULL || p->first == p->size)
        return p->part[0] != NULL;
    p->part[1] = ram_reach(e, linear_wrap(e, linear + p->first), write);
    return p->part[1] != NULL;
}

/* The child's other processors may see a part of an element, as they may of a misaligned one. */
static uint64_t place_read(const struct place *p)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < p->size; i++) {
        const volatile uint8_t *byte = i < p->first ? p->part[0] + i : p->part[1] + (i - p->first);

        value |= (uint64_t)*byte << 8 * i;
    }
    return value;
}

static void place_write(const struct place *p, uint64_t value)
{
    for (unsigned i = 0; i < p->size; i++) {
        volatile uint8_t *byte = i < p->first ? p->part[0] + i : p->part[1] + (i - p->first);

        *byte = (uint8_t)(value >> 8 * i);
    }
}

/* ---- counting ---- */

/* Registers of addresses and counts are as wide as addresses. */
static uint64_t address_register(const struct emulation *e, unsigned reg)
{
    return e->gprs[reg] & x86_width_mask(e->insn.address_size);
}

static void address_register_set(struct emulation *e, unsigned reg, uint64_t value)
{
    uint64_t mask = x86_width_mask(e->insn.address_size);

    if (e->insn.address_size == 2)
        value = (e->gprs[reg] & ~mask) | (value & mask);
    emulation_gpr_set(e, reg, value & (e->insn.address_size == 2 ? UINT64_MAX : mask));
}

static void step(struct emulation *e, unsigned reg)
{
    uint64_t width = e->insn.width;

    address_register_set(e, reg, e->gprs[reg] + (e->rflags & RFLAGS_DF ? 0 - width : width));
}

static bool repeats(const struct emulation *e)
{
    return e->insn.prefixes & (X86_PREFIX_REP | X86_PREFIX_REPNE);
}

static uint64_t source_linear(const struct emulation *e)
{
    return x86_linear_address(e->mode, e->insn.segment, address_register(e, X86_RSI),
                              e->segment_bases);
}

static uint64_t destination_linear(const struct emulation *e)
{
    return x86_insn_string_destination(&e->insn, e->gprs, e->segment_bases);
}

/* Do elements by @element until one cannot be done, or EMULATE_STRING_MAX are. */
static bool elements(struct emulation *e, bool (*element)(struct emulation *e))
{
    uint64_t count = repeats(e) ? address_register(e, X86_RCX) : 1;
    unsigned done = 0;

    while (done < count && done < EMULATE_STRING_MAX && element(e))
        done++;
    if (done == 0 && count > 0)
        return e->fault; /* else it is refused */
    if (repeats(e) && done > 0)
        address_register_set(e, X86_RCX, count - done);
    if (done == count)
        emulation_rip_advance(e, e->insn.length);
    return true;
}

/* ---- devices ---- */

/* Whether the element at @linear is in the page that was accessed, and where: e->gpa. */
static bool device_reach(struct emulation *e, uint64_t linear)
{
    uint64_t offset = linear & EMULATE_PAGE_MASK;

    if ((linear & ~EMULATE_PAGE_MASK) != e->device_linear)
        return emulation_refuse(e, "string instruction leaves the device's page");
    if (offset + e->insn.width > EMULATE_PAGE_SIZE)
        return emulation_refuse(e, "access to a device crosses a page");
    e->gpa = (e->gpa & ~EMULATE_PAGE_MASK) | offset;
    return true;
}

static uint64_t device_read(struct emulation *e)
{
    return e->vp->mmio_read(e->vp->context, e->gpa, e->insn.width) & x86_width_mask(e->insn.width);
}

static bool element_movs(struct emulation *e)
{
    uint64_t from = source_linear(e), to = destination_linear(e);
    struct place ram;

    if (!device_reach(e, e->write ? to : from) ||
        !place_find(e, e->write ? from : to, !e->write, &ram))
        return false;
    if (e->write)
        e->vp->mmio_write(e->vp->context, e->gpa, e->insn.width, place_read(&ram));
    else
        place_write(&ram, device_read(e));
    step(e, X86_RSI);
    step(e, X86_RDI);
    return true;
}

static bool element_stos(struct emulation *e)
{
    if (!device_reach(e, destination_linear(e)))
        return false;
    e->vp->mmio_write(e->vp->context, e->gpa, e->insn.width,
                      e->gprs[X86_RAX] & x86_width_mask(e->insn.width));
    step(e, X86_RDI);
    return true;
}

static bool element_lods(struct emulation *e)
{
    if (!device_reach(e, source_linear(e)))
        return false;
    emulation_reg_set(e, device_read(e));
    step(e, X86_RSI);
    return true;
}

/* The device's operand lies where the access was. */
static bool device_find(struct emulation *e, bool destination)
{
    uint64_t linear;

    if (!emulation_segment(e, X86_ES) || !emulation_segment(e, e->insn.segment))
        return false;
    linear = destination ? destination_linear(e) : source_linear(e);
    if ((linear ^ e->gpa) & EMULATE_PAGE_MASK)
        return emulation_refuse(e, "instruction does not access what was accessed");
    e->device_linear = linear & ~EMULATE_PAGE_MASK;
    return true;
}

bool emulation_string(struct emulation *e)
{
    switch (e->insn.op) {
    case X86_OP_MOVS:
        return device_find(e, e->write) && elements(e, element_movs);
    case X86_OP_STOS:
        return device_find(e, true) && elements(e, element_stos);
    case X86_OP_LODS:
        return device_find(e, false) && elements(e, element_lods);
    default:
        return emulation_refuse(e, "string instruction on a device is not emulated");
    }
}

/* ---- ports ---- */

static bool element_outs(struct emulation *e)
{
    struct place ram;

    if (!place_find(e, source_linear(e), false, &ram))
        return false;
    e->vp->port_write(e->vp->context, e->port, e->insn.width, (uint32_t)place_read(&ram));
    step(e, X86_RSI);
    return true;
}

static bool element_ins(struct emulation *e)
{
    struct place ram;

    if (!place_find(e, destination_linear(e), true, &ram))
        return false;
    place_write(&ram, e->vp->port_read(e->vp->context, e->port, e->insn.width));
    step(e, X86_RDI);
    return true;
}

bool emulation_string_port(struct emulation *e)
{
    if (!emulation_segment(e, X86_ES) || !emulation_segment(e, e->insn.segment))
        return false;
    return elements(e, e->write ? element_outs : element_ins);
}
