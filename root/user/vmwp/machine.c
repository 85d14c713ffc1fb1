/* SPDX-License-Identifier: MIT */
/* vmwp/machine.c - see machine.h. An access finds its device by a table of 8 ports a byte, or by
 * its page. Most devices are a byte wide: wider accesses are split, as an ISA bus does. */
#include <string.h>
#include "vmwp/machine.h"

enum device { NOBODY, KEYBOARD, RTC, EXIT, COM1, SLEEP, PCI };

enum { BLOCK_PORTS = 8, BLOCKS = 0xd00 / BLOCK_PORTS, RTC_PORTS = 2 };

static const uint8_t devices[BLOCKS] = {
    [MACHINE_PORT_KEYBOARD / BLOCK_PORTS] = KEYBOARD,   [MACHINE_PORT_RTC / BLOCK_PORTS] = RTC,
    [MACHINE_PORT_EXIT / BLOCK_PORTS] = EXIT,           [MACHINE_PORT_COM1 / BLOCK_PORTS] = COM1,
    [MACHINE_PORT_SLEEP_CONTROL / BLOCK_PORTS] = SLEEP, [MACHINE_PORT_PCI / BLOCK_PORTS] = PCI,
};

static enum device device_at(unsigned port)
{
    unsigned block = port / BLOCK_PORTS;

    return block < BLOCKS ? (enum device)devices[block] : NOBODY;
}

static void end(struct machine *m, enum machine_end how, uint32_t status)
{
    if (m->ended)
        return;
    m->ended = true;
    uart_flush(&m->uart);
    m->host->end(m->host->context, how, status);
}

/* Tell of what an access or the time has changed. */
static void settle(struct machine *m)
{
    ioapic_pin(&m->ioapic, MACHINE_IRQ_COM1, uart_line(&m->uart));
    ioapic_pin(&m->ioapic, MACHINE_IRQ_RTC, rtc_line(&m->rtc));
    if (m->pm.end_wanted)
        end(m, m->pm.how, 0);
}

/* ---- ports ---- */

static uint8_t sleep_read(const struct machine *m, unsigned port)
{
    if (port == MACHINE_PORT_SLEEP_CONTROL)
        return pm_sleep_control_read(&m->pm);
    return port == MACHINE_PORT_SLEEP_STATUS ? pm_sleep_status_read(&m->pm) : UINT8_MAX;
}

static uint8_t byte_read(struct machine *m, unsigned port)
{
    switch (device_at(port)) {
    case KEYBOARD:
        return port == MACHINE_PORT_KEYBOARD ? pm_keyboard_read(&m->pm) : UINT8_MAX;
    case RTC:
        return port < MACHINE_PORT_RTC + RTC_PORTS ? rtc_read(&m->rtc, port - MACHINE_PORT_RTC)
                                                   : UINT8_MAX;
    case COM1:
        return m->config.com1 ? uart_read(&m->uart, port - MACHINE_PORT_COM1) : UINT8_MAX;
    case SLEEP:
        return sleep_read(m, port);
    case PCI: /* the only register there that is a byte wide */
        return port == MACHINE_PORT_RESET ? pm_reset_control_read(&m->pm) : UINT8_MAX;
    default:
        return UINT8_MAX;
    }
}

static void byte_write(struct machine *m, unsigned port, uint8_t value)
{
    switch (device_at(port)) {
    case KEYBOARD:
        if (port == MACHINE_PORT_KEYBOARD)
            pm_keyboard_write(&m->pm, value);
        break;
    case RTC:
        if (port < MACHINE_PORT_RTC + RTC_PORTS)
            rtc_write(&m->rtc, port - MACHINE_PORT_RTC, value);
        break;
    case COM1:
        if (m->config.com1)
            uart_write(&m->uart, port - MACHINE_PORT_COM1, value);
        break;
    case SLEEP:
        if (port == MACHINE_PORT_SLEEP_CONTROL)
            pm_sleep_control_write(&m->pm, value);
        break;
    case PCI:
        if (port == MACHINE_PORT_RESET)
            pm_reset_control_write(&m->pm, value);
        break;
    default:
        break;
    }
}

/* The configuration mechanism's registers are wider than a byte; the one of a byte is not its. */
static bool is_pci(unsigned port, unsigned size)
{
    return device_at(port) == PCI && size > 1;
}

static bool is_exit(const struct machine *m, unsigned port)
{
    return port == MACHINE_PORT_EXIT && m->config.exit_port;
}

uint32_t machine_port_read(struct machine *m, uint16_t port, unsigned size)
{
    uint32_t value = 0;

    if (is_pci(port, size)) {
        value = pci_read(&m->pci, (unsigned)port - MACHINE_PORT_PCI, size);
        return size < sizeof(value) ? value & ((1u << 8 * size) - 1) : value;
    }
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)byte_read(m, port + i) << 8 * i;
    settle(m);
    return value;
}

void machine_port_write(struct machine *m, uint16_t port, unsigned size, uint32_t value)
{
    if (size < sizeof(value))
        value &= (1u << 8 * size) - 1;
    if (is_exit(m, port)) {
        end(m, MACHINE_END_EXIT, value);
    } else if (is_pci(port, size)) {
        pci_write(&m->pci, (unsigned)port - MACHINE_PORT_PCI, size, value);
    } else {
        for (unsigned i = 0; i < size; i++)
            byte_write(m, port + i, (uint8_t)(value >> 8 * i));
        settle(m);
    }
}

static void range_add(struct machine *m, uint16_t first, uint16_t count)
{
    m->ranges[m->range_count++] = (struct machine_port_range){first, count};
}

static void ranges_make(struct machine *m)
{
    range_add(m, MACHINE_PORT_KEYBOARD, 1);
    range_add(m, MACHINE_PORT_RTC, RTC_PORTS);
    range_add(m, MACHINE_PORT_SLEEP_CONTROL, 1);
    range_add(m, MACHINE_PORT_SLEEP_STATUS, 1);
    range_add(m, MACHINE_PORT_PCI, BLOCK_PORTS);
    if (m->config.com1)
        range_add(m, MACHINE_PORT_COM1, UART_REGISTERS);
    if (m->config.exit_port)
        range_add(m, MACHINE_PORT_EXIT, 1);
}

const struct machine_port_range *machine_ports(const struct machine *m, uint32_t *count)
{
    *count = m->range_count;
    return m->ranges;
}

/* ---- memory ---- */

static bool is_ioapic(uint64_t gpa)
{
    return (gpa & ~(MACHINE_IOAPIC_SIZE - 1ull)) == MACHINE_IOAPIC_GPA;
}

uint64_t machine_mmio_read(struct machine *m, uint64_t gpa, unsigned size)
{
    if (is_ioapic(gpa))
        return ioapic_read(&m->ioapic, (uint32_t)(gpa - MACHINE_IOAPIC_GPA), size);
    return size < sizeof(uint64_t) ? (1ull << 8 * size) - 1 : UINT64_MAX;
}

void machine_mmio_write(struct machine *m, uint64_t gpa, unsigned size, uint64_t value)
{
    if (is_ioapic(gpa))
        ioapic_write(&m->ioapic, (uint32_t)(gpa - MACHINE_IOAPIC_GPA), size, value);
}

void machine_eoi(struct machine *m, uint8_t vector)
{
    ioapic_eoi(&m->ioapic, vector);
}

/* ---- console and time ---- */

size_t machine_console_in(struct machine *m, const uint8_t *bytes, size_t count)
{
    size_t taken = m->config.com1 ? uart_receive(&m->uart, bytes, count) : count;

    settle(m);
    return taken;
}

size_t machine_console_room(const struct machine *m)
{
    return m->config.com1 ? uart_room(&m->uart) : SIZE_MAX;
}

bool machine_console_break(struct machine *m)
{
    bool taken = !m->config.com1 || uart_receive_break(&m->uart);

    settle(m);
    return taken;
}

void machine_console_flush(struct machine *m)
{
    uart_flush(&m->uart);
}

uint64_t machine_deadline_ns(const struct machine *m)
{
    uint64_t uart = uart_deadline(&m->uart), rtc = rtc_deadline(&m->rtc);

    return uart < rtc ? uart : rtc;
}

void machine_tick(struct machine *m)
{
    uart_tick(&m->uart);
    rtc_tick(&m->rtc);
    settle(m);
}

/* ---- state ---- */

void machine_init(struct machine *m, const struct device_host *host,
                  const struct machine_config *config)
{
    memset(m, 0, sizeof(*m));
    m->host = host;
    m->config = *config;
    uart_init(&m->uart, host);
    rtc_init(&m->rtc, host);
    ioapic_init(&m->ioapic, host);
    pm_init(&m->pm);
    pci_init(&m->pci);
    ranges_make(m);
}

void machine_save(struct machine *m, struct machine_state *out)
{
    memset(out, 0, sizeof(*out));
    out->version = MACHINE_STATE_VERSION;
    out->size = sizeof(*out);
    uart_save(&m->uart, &out->uart);
    rtc_save(&m->rtc, &out->rtc);
    settle(m);
    ioapic_save(&m->ioapic, &out->ioapic);
    pm_save(&m->pm, &out->pm);
    pci_save(&m->pci, &out->pci);
}

bool machine_restore(struct machine *m, const struct machine_state *in)
{
    if (in->version != MACHINE_STATE_VERSION || in->size != sizeof(*in) || in->reserved != 0 ||
        !uart_state_valid(&in->uart) || !rtc_state_valid(&in->rtc) ||
        !ioapic_state_valid(&in->ioapic) || !pm_state_valid(&in->pm) || !pci_state_valid(&in->pci))
        return false;
    uart_restore(&m->uart, &in->uart);
    rtc_restore(&m->rtc, &in->rtc);
    ioapic_restore(&m->ioapic, &in->ioapic);
    pm_restore(&m->pm, &in->pm);
    pci_restore(&m->pci, &in->pci);
    settle(m);
    return true;
}
