/* SPDX-License-Identifier: MIT */
#include <hvabi/management.h>
#include <stdlib.h>
#include <string.h>
#include "fakes/vmwp_child.h"

static bool registers_get(void *context, struct hv_register_assoc *registers, uint32_t count)
{
    struct vmwp_child *c = context;

    c->gets++;
    for (uint32_t i = 0; i < count && !c->registers_fail; i++) {
        if (registers[i].name < HvX64RegisterEs || registers[i].name > HvX64RegisterGs)
            abort();
        registers[i].value.segment =
            (struct hv_x64_segment_register){.base = c->bases[registers[i].name - HvX64RegisterEs]};
    }
    return !c->registers_fail;
}

static void register_set(struct vmwp_child *c, const struct hv_register_assoc *r)
{
    switch (r->name) {
    case HvX64RegisterRflags:
        c->rflags = r->value.reg64;
        break;
    case HvX64RegisterCr2:
        c->cr2 = r->value.reg64;
        break;
    case HvRegisterPendingInterruption:
        c->pending = r->value.reg64;
        break;
    default:
        if (r->name <= HvX64RegisterRax || r->name > HvX64RegisterR15)
            abort(); /* RAX goes with the answer */
        c->gprs[r->name - HvX64RegisterRax] = r->value.reg64;
        break;
    }
}

static bool registers_set(void *context, const struct hv_register_assoc *registers, uint32_t count)
{
    struct vmwp_child *c = context;

    if (count == 0 || count > 16)
        abort();
    c->sets++;
    for (uint32_t i = 0; i < count && !c->registers_fail; i++)
        register_set(c, &registers[i]);
    return !c->registers_fail;
}

static uint32_t translate(void *context, uint64_t gva, bool write, uint64_t *gpa)
{
    struct vmwp_child *c = context;

    c->translations++;
    for (uint32_t i = 0; i < c->page_count; i++) {
        const struct vmwp_child_page *p = &c->pages[i];

        if (p->linear != (gva & ~0xfffull))
            continue;
        if (write && p->read_only)
            return HvTranslateGvaPrivilegeViolation;
        *gpa = p->gpa | (gva & 0xfff);
        return p->result;
    }
    return HvTranslateGvaPageNotPresent;
}

static void device_access(struct vmwp_child *c, uint64_t gpa, unsigned size)
{
    if (gpa < CHILD_DEVICE_GPA || gpa + size > CHILD_DEVICE_GPA + sizeof(c->device))
        abort();
    c->device_last = gpa;
}

static uint64_t mmio_read(void *context, uint64_t gpa, unsigned size)
{
    struct vmwp_child *c = context;
    uint64_t value = 0;

    device_access(c, gpa, size);
    c->device_reads++;
    memcpy(&value, c->device + (gpa - CHILD_DEVICE_GPA), size);
    return value;
}

static void mmio_write(void *context, uint64_t gpa, unsigned size, uint64_t value)
{
    struct vmwp_child *c = context;

    device_access(c, gpa, size);
    if (size < 8 && value >> 8 * size != 0)
        abort();
    c->device_writes++;
    memcpy(c->device + (gpa - CHILD_DEVICE_GPA), &value, size);
}

static uint32_t port_read(void *context, uint16_t port, unsigned size)
{
    struct vmwp_child *c = context;
    uint32_t value = 0;

    c->ports++;
    c->port_last = port;
    for (unsigned i = 0; i < size; i++)
        value |= (c->port_bytes++ & 0xff) << 8 * i;
    return value;
}

static void port_write(void *context, uint16_t port, unsigned size, uint32_t value)
{
    struct vmwp_child *c = context;

    if (size < 4 && value >> 8 * size != 0)
        abort();
    c->ports++;
    c->port_last = port;
    for (unsigned i = 0; i < size && c->port_bytes < CHILD_PORT_LOG; i++)
        c->port_log[c->port_bytes++] = (uint8_t)(value >> 8 * i);
}

void vmwp_child_init(struct vmwp_child *c, enum x86_mode mode)
{
    memset(c, 0, sizeof(*c));
    c->ram = (struct guest_ram){.low = c->memory, .low_bytes = CHILD_RAM};
    c->vp = (struct emulate_vp){
        .context = c,
        .ram = &c->ram,
        .registers_get = registers_get,
        .registers_set = registers_set,
        .translate = translate,
        .mmio_read = mmio_read,
        .mmio_write = mmio_write,
        .port_read = port_read,
        .port_write = port_write,
    };
    c->mode = mode;
    c->rip = 0x1000;
    c->rflags = 2;
}

void vmwp_child_map(struct vmwp_child *c, uint64_t linear, uint64_t gpa)
{
    c->pages[c->page_count++] = (struct vmwp_child_page){.linear = linear, .gpa = gpa};
}

void vmwp_child_deny(struct vmwp_child *c, uint64_t linear, uint32_t result)
{
    c->pages[c->page_count++] = (struct vmwp_child_page){.linear = linear, .result = result};
}

static struct hv_x64_segment_register segment(const struct vmwp_child *c, unsigned number)
{
    return (struct hv_x64_segment_register){.base = c->bases[number]};
}

static struct hv_x64_intercept_message_header header(const struct vmwp_child *c, bool write)
{
    static const uint16_t attributes[] = {0, HV_X64_SEGMENT_DEFAULT, HV_X64_SEGMENT_LONG};
    struct hv_x64_intercept_message_header h = {
        .access_type = write ? HvInterceptAccessWrite : HvInterceptAccessRead,
        .execution_state = (uint16_t)c->cpl,
        .cs_segment = segment(c, X86_CS),
        .rip = c->rip,
        .rflags = c->rflags,
    };

    h.cs_segment.attributes = attributes[c->mode];
    if (c->mode == X86_MODE_64)
        h.execution_state |= HV_X64_EXECUTION_EFER_LMA;
    return h;
}

static bool answered(struct vmwp_child *c, bool done)
{
    if (!done)
        return false;
    c->rip = c->answer.rip;
    if (c->answer.set_rax)
        c->gprs[X86_RAX] = c->answer.rax;
    return true;
}

bool vmwp_child_mmio(struct vmwp_child *c, const void *code, unsigned count, uint64_t gpa,
                     bool write)
{
    struct hv_x64_memory_intercept_message m = {
        .header = header(c, write),
        .instruction_byte_count = (uint8_t)count,
        .guest_physical_address = gpa,
        .ds_segment = segment(c, X86_DS),
        .ss_segment = segment(c, X86_SS),
    };

    memcpy(m.instruction_bytes, code, count);
    memcpy(m.gprs, c->gprs, sizeof(m.gprs));
    return answered(c, emulate_mmio(&c->vp, &m, &c->answer));
}

static struct hv_x64_io_port_intercept_message
port_message(const struct vmwp_child *c, uint16_t port, unsigned size, bool write)
{
    return (struct hv_x64_io_port_intercept_message){
        .header = header(c, write),
        .port_number = port,
        .access_info = (uint8_t)size,
        .rax = c->gprs[X86_RAX],
    };
}

bool vmwp_child_string(struct vmwp_child *c, const void *code, unsigned count, uint16_t port,
                       unsigned size, bool write)
{
    struct hv_x64_io_port_intercept_message m = port_message(c, port, size, write);

    m.access_info |= HV_X64_IO_PORT_ACCESS_STRING;
    m.instruction_byte_count = (uint8_t)count;
    memcpy(m.instruction_bytes, code, count);
    m.ds_segment = segment(c, X86_DS);
    m.es_segment = segment(c, X86_ES);
    m.rcx = c->gprs[X86_RCX];
    m.rsi = c->gprs[X86_RSI];
    m.rdi = c->gprs[X86_RDI];
    return answered(c, emulate_port(&c->vp, &m, &c->answer));
}

bool vmwp_child_port(struct vmwp_child *c, unsigned length, uint16_t port, unsigned size,
                     bool write)
{
    struct hv_x64_io_port_intercept_message m = port_message(c, port, size, write);

    m.header.length_and_cr8 = (uint8_t)length;
    return answered(c, emulate_port(&c->vp, &m, &c->answer));
}
