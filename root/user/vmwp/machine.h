/* SPDX-License-Identifier: MIT */
/* vmwp/machine.h - the machine around a child's processors: who answers where.
 *
 *   ports   0x64        keyboard controller, for its reset line only
 *           0x70-0x71   RTC and CMOS memory, IRQ 8
 *           0xf4        ends the child with a status, if the configuration has it
 *           0x3f8-0x3ff COM1, a 16550A, IRQ 4; likewise
 *           0x600       ACPI sleep control register (FADT.SLEEP_CONTROL_REG)
 *           0x604       ACPI sleep status register (FADT.SLEEP_STATUS_REG)
 *           0xcf8-0xcff PCI configuration mechanism 1, a bus with nobody on it
 *           0xcf9       reset control register          (FADT.RESET_REG: value 6)
 *   memory  0xfec00000  IOAPIC, 24 pins, version 0x20
 * The local APICs are the hypervisor's. IRQ n is pin n of the IOAPIC, active high; both are edge-
 * triggered unless the child says otherwise. Nobody answers elsewhere: all ones, and
 * writes are lost.
 *
 * One thread. Functions may be called in any order with any argument; they do a bounded amount of
 * work. Interrupts, output and the end are told by struct device_host while a call is under way. */
#ifndef USER_VMWP_MACHINE_H
#define USER_VMWP_MACHINE_H

#include <hvabi/layout.h>
#include "vmwp/device/device.h"
#include "vmwp/device/ioapic.h"
#include "vmwp/device/pci.h"
#include "vmwp/device/pm.h"
#include "vmwp/device/rtc.h"
#include "vmwp/device/uart.h"

enum {
    MACHINE_PORT_KEYBOARD = 0x64,
    MACHINE_PORT_RTC = 0x70,
    MACHINE_PORT_EXIT = 0xf4,
    MACHINE_PORT_COM1 = 0x3f8,
    MACHINE_PORT_SLEEP_CONTROL = 0x600,
    MACHINE_PORT_SLEEP_STATUS = 0x604,
    MACHINE_PORT_PCI = 0xcf8,
    MACHINE_PORT_RESET = 0xcf9,
};

enum { MACHINE_IRQ_COM1 = 4, MACHINE_IRQ_RTC = 8 };

#define MACHINE_IOAPIC_GPA  0xfec00000ull
#define MACHINE_IOAPIC_SIZE 0x1000u

struct machine_config {
    bool com1;
    bool exit_port; /* there is MACHINE_PORT_EXIT */
};

struct machine_port_range {
    uint16_t first;
    uint16_t count;
};

enum { MACHINE_PORT_RANGES_MAX = 7 };

struct machine {
    const struct device_host *host; /* [I] */
    struct machine_config config;   /* [I] */
    bool ended;
    struct uart uart;
    struct rtc rtc;
    struct ioapic ioapic;
    struct pm pm;
    struct pci pci;
    uint32_t range_count;                                      /* [I] */
    struct machine_port_range ranges[MACHINE_PORT_RANGES_MAX]; /* [I] */
};

#define MACHINE_STATE_VERSION 1u

/* Fields are only appended, together with an increment of the version. */
struct machine_state {
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    struct uart_state uart;
    struct rtc_state rtc;
    struct ioapic_state ioapic;
    struct pm_state pm;
    struct pci_state pci;
    uint32_t reserved; /* 0 */
};
ABI_SIZE(struct machine_state, 440);

/* As after a reset by firmware that has set up COM1 (115200 8N1). @host outlives @m. */
void machine_init(struct machine *m, const struct device_host *host,
                  const struct machine_config *config);

/* The port ranges to intercept, which depend on the configuration; how many in *@count. */
const struct machine_port_range *machine_ports(const struct machine *m, uint32_t *count);

/* An access of @size (1, 2 or 4) bytes at @port. */
uint32_t machine_port_read(struct machine *m, uint16_t port, unsigned size);
void machine_port_write(struct machine *m, uint16_t port, unsigned size, uint32_t value);

/* An access of @size (1, 2, 4 or 8) bytes at @gpa, which is no RAM. */
uint64_t machine_mmio_read(struct machine *m, uint64_t gpa, unsigned size);
void machine_mmio_write(struct machine *m, uint64_t gpa, unsigned size, uint64_t value);

/* A VP has ended the level-triggered interrupt @vector. */
void machine_eoi(struct machine *m, uint8_t vector);

/* Type @bytes at COM1: how many were taken. The rest waits at the caller until there is room, which
 * there is only after a port access of the child's. */
size_t machine_console_in(struct machine *m, const uint8_t *bytes, size_t count);
size_t machine_console_room(const struct machine *m);

/* The line is held in a break, which Linux takes for SysRq. False: no room, as above. */
bool machine_console_break(struct machine *m);

/* Give console_out() what is held back. To be called when a child is ended from outside; while it
 * is paused machine_tick() does it. */
void machine_console_flush(struct machine *m);

/* When machine_tick() is wanted, in the host's nanoseconds; DEVICE_NO_DEADLINE: not before another
 * call has changed something. To be asked again after each call. */
uint64_t machine_deadline_ns(const struct machine *m);

/* Do what has become due. Too early or too late, or without need, is harmless. */
void machine_tick(struct machine *m);

/* The child's accesses do not arrive meanwhile. Output that is held back is flushed first. */
void machine_save(struct machine *m, struct machine_state *out);

/* Make @m, initialised, what @in says; its time of day goes on as if it had never stopped. False,
 * and nothing has changed: something in it is no state that a machine can have. */
bool machine_restore(struct machine *m, const struct machine_state *in);

#endif
