/* SPDX-License-Identifier: MIT */
/* fuzz_worker_devices.c - a child that does to its worker's devices what it likes: every record of
 * the input is an access, an EOI, typing, time passing, or a state with one byte changed. After
 * each, the state is one that a machine can have, and lines, pins and deadlines agree with each
 * other. */
#include <stdlib.h>
#include <string.h>
#include "fakes/vmwp_world.h"
#include "vmwp/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_RECORDS = 1024 };

struct record {
    uint8_t operation;
    uint8_t size;
    uint16_t address;
    uint32_t value;
};

enum {
    PORT_READ,
    PORT_WRITE,
    KNOWN_READ, /* at ports that somebody answers */
    KNOWN_WRITE,
    CMOS_READ,
    CMOS_WRITE,
    IOAPIC_READ,
    IOAPIC_WRITE,
    IOAPIC_REGISTER, /* by its index */
    MMIO_ANYWHERE,
    EOI,
    TYPE,
    BREAK,
    PASS,
    TICK,
    RESTORE,
    OPERATIONS,
};

static struct vmwp_world w;
static struct machine m;

static void check(bool condition)
{
    if (!condition)
        abort();
}

static unsigned access_size(const struct record *r)
{
    return 1u << r->size % 3;
}

static uint16_t known_port(const struct record *r)
{
    uint32_t count;
    const struct machine_port_range *ranges = machine_ports(&m, &count);
    const struct machine_port_range *range = &ranges[(r->address >> 8) % count];

    return (uint16_t)(range->first + r->address % range->count);
}

static void port_read(uint16_t port, unsigned size)
{
    uint32_t value = machine_port_read(&m, port, size);

    check(size == 4 || value >> 8 * size == 0);
}

static void mmio_read(uint64_t gpa, unsigned size)
{
    uint64_t value = machine_mmio_read(&m, gpa, size);

    check(size == 8 || value >> 8 * size == 0);
}

/* The machine's own state with one byte changed: refused without a trace, or taken as it is. */
static void restore(const struct record *r)
{
    struct machine_state s, again;
    uint8_t bytes[sizeof(s)];

    machine_save(&m, &again);
    memcpy(bytes, &again, sizeof(s));
    bytes[r->address % sizeof(s)] ^= (uint8_t)r->value;
    memcpy(&s, bytes, sizeof(s));
    if (!machine_restore(&m, &s))
        memcpy(&s, &again, sizeof(s));
    machine_save(&m, &again);
    check(again.version == s.version && memcmp(&again.pci, &s.pci, sizeof(s.pci)) == 0);
    check(memcmp(&again.uart.received, &s.uart.received, sizeof(s.uart.received)) == 0);
    check(again.rtc.offset_seconds == s.rtc.offset_seconds);
}

static void ports(const struct record *r, unsigned operation)
{
    switch (operation) {
    case PORT_READ:
        port_read(r->address, access_size(r));
        break;
    case PORT_WRITE:
        machine_port_write(&m, r->address, access_size(r), r->value);
        break;
    case KNOWN_READ:
        port_read(known_port(r), access_size(r));
        break;
    case KNOWN_WRITE:
        machine_port_write(&m, known_port(r), access_size(r), r->value);
        break;
    case CMOS_READ:
        machine_port_write(&m, MACHINE_PORT_RTC, 1, r->address % RTC_BYTES);
        port_read(MACHINE_PORT_RTC + 1, 1);
        break;
    default: /* CMOS_WRITE */
        machine_port_write(&m, MACHINE_PORT_RTC, 2, (r->value << 8 & 0xff00) | r->address % 0x34);
        break;
    }
}

static void memory(const struct record *r, unsigned operation)
{
    uint64_t gpa = MACHINE_IOAPIC_GPA + r->address % MACHINE_IOAPIC_SIZE;
    unsigned size = 1u << r->size % 4;

    switch (operation) {
    case IOAPIC_READ:
        mmio_read(gpa, size);
        break;
    case IOAPIC_WRITE:
        machine_mmio_write(&m, gpa, size, r->value * 0x100000001ull);
        break;
    case IOAPIC_REGISTER:
        machine_mmio_write(&m, MACHINE_IOAPIC_GPA, 4, r->address % 0x42);
        machine_mmio_write(&m, MACHINE_IOAPIC_GPA + IOAPIC_WINDOW, 4, r->value);
        mmio_read(MACHINE_IOAPIC_GPA + IOAPIC_WINDOW, 4);
        break;
    default: /* MMIO_ANYWHERE */
        machine_mmio_write(&m, (uint64_t)r->value << r->address % 40, size, r->value);
        mmio_read((uint64_t)r->value << r->address % 40, size);
        break;
    }
}

static void host(const struct record *r, unsigned operation)
{
    uint8_t text[32];
    size_t count = r->size % sizeof(text), room = machine_console_room(&m), taken;

    switch (operation) {
    case EOI:
        machine_eoi(&m, (uint8_t)r->value);
        break;
    case TYPE:
        memset(text, (int)r->value, sizeof(text));
        taken = machine_console_in(&m, text, count);
        check(taken == (count < room ? count : room));
        break;
    case BREAK:
        check(machine_console_break(&m) == (room > 0));
        break;
    case PASS: /* time up to 71 minutes, and nobody looks */
        w.now_ns += (uint64_t)r->value << r->size % 11;
        break;
    case TICK:
        w.now_ns += r->value % 2000000000;
        machine_tick(&m);
        check(machine_deadline_ns(&m) > w.now_ns);
        break;
    default: /* RESTORE */
        restore(r);
        break;
    }
}

static void invariants(void)
{
    struct machine_state s;

    check(!!(m.ioapic.s.asserted >> MACHINE_IRQ_COM1 & 1) == uart_line(&m.uart));
    check(!!(m.ioapic.s.asserted >> MACHINE_IRQ_RTC & 1) == rtc_line(&m.rtc));
    check(uart_room(&m.uart) <= UART_FIFO_SIZE);
    check(m.uart.output_count < UART_OUTPUT_SIZE);
    check((m.uart.output_count > 0) == (m.uart.flush_ns != DEVICE_NO_DEADLINE));
    check(w.ends == (m.ended ? 1 : 0));
    uart_save(&m.uart, &s.uart);
    check(uart_state_valid(&s.uart));
    check(rtc_state_valid(&m.rtc.s));
    check(ioapic_state_valid(&m.ioapic.s) && pm_state_valid(&m.pm.s) && pci_state_valid(&m.pci.s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct machine_config config = {.com1 = true, .exit_port = true};
    struct record r;

    vmwp_world_init(&w);
    machine_init(&m, &w.host, &config);
    for (unsigned n = 0; size >= sizeof(r) && n < MAX_RECORDS; n++) {
        unsigned operation;

        memcpy(&r, data, sizeof(r));
        data += sizeof(r);
        size -= sizeof(r);
        operation = r.operation % OPERATIONS;
        if (operation < IOAPIC_READ)
            ports(&r, operation);
        else if (operation < EOI)
            memory(&r, operation);
        else
            host(&r, operation);
        invariants();
    }
    return 0;
}
