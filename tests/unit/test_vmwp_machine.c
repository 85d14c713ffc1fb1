/* SPDX-License-Identifier: MIT */
/* test_vmwp_machine.c - who answers where, how a child ends, and a machine's state as a whole. */
#include "fakes/test.h"
#include "fakes/vmwp_world.h"
#include "vmwp/machine.h"

enum { COM1 = MACHINE_PORT_COM1, IER = 1, FCR = 2, MCR = 4, LSR = 5, SCRATCH = 7 };
enum { LEVEL = 0x8000, UART_VECTOR = 0x34, RTC_VECTOR = 0x38 };

static const struct machine_config everything = {.com1 = true, .exit_port = true};

static struct vmwp_world w;
static struct machine m;

static int setup(void **state)
{
    (void)state;
    vmwp_world_init(&w);
    machine_init(&m, &w.host, &everything);
    return 0;
}

static uint32_t in8(unsigned port)
{
    return machine_port_read(&m, (uint16_t)port, 1);
}

static void out8(unsigned port, uint32_t value)
{
    machine_port_write(&m, (uint16_t)port, 1, value);
}

static void route(unsigned pin, uint32_t low)
{
    machine_mmio_write(&m, MACHINE_IOAPIC_GPA, 4, IOAPIC_REDIRECTION + 2 * pin);
    machine_mmio_write(&m, MACHINE_IOAPIC_GPA + IOAPIC_WINDOW, 4, low);
}

static uint8_t cmos(uint8_t reg)
{
    out8(0x70, reg);
    return (uint8_t)in8(0x71);
}

static void cmos_set(uint8_t reg, uint8_t value)
{
    out8(0x70, reg);
    out8(0x71, value);
}

/* ---- dispatch ---- */

static bool listed(unsigned port)
{
    uint32_t count;
    const struct machine_port_range *r = machine_ports(&m, &count);

    for (uint32_t i = 0; i < count; i++)
        if (port - r[i].first < r[i].count)
            return true;
    return false;
}

/* Whoever answers at a port is in the list: the hypervisor sends no other. */
static void list_names_those_who_answer(void **state)
{
    static const uint16_t ports[] = {0x64,  0x70,  0x71,  0xf4,  0x3f8, 0x3ff,
                                     0x600, 0x604, 0xcf8, 0xcf9, 0xcfc, 0xcff};

    (void)state;
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        assert_true(listed(ports[i]));
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        uint32_t value = in8(port);

        assert_true(value <= UINT8_MAX);
        if (value != UINT8_MAX)
            assert_true(listed(port));
    }
    assert_false(listed(0x80)); /* delays, and progress of firmware */
    assert_false(listed(0x2f8));
    assert_false(listed(0x60));
}

static void configuration_takes_ports_away(void **state)
{
    const struct machine_config bare = {0};

    (void)state;
    machine_init(&m, &w.host, &bare);
    assert_false(listed(COM1));
    assert_false(listed(MACHINE_PORT_EXIT));
    out8(COM1 + SCRATCH, 0x12);
    assert_int_equal(in8(COM1 + SCRATCH), 0xff);
    out8(COM1, 'x');
    machine_console_flush(&m);
    assert_int_equal(w.output_count, 0);
    out8(MACHINE_PORT_EXIT, 1);
    assert_int_equal(w.ends, 0);
    assert_int_equal(machine_console_in(&m, (const uint8_t *)"abc", 3), 3); /* nobody reads it */
    assert_true(machine_console_break(&m));
    assert_true(machine_console_room(&m) > 1000);
}

static void nobody_reads_as_ones_of_the_size(void **state)
{
    (void)state;
    assert_int_equal(machine_port_read(&m, 0x1234, 1), 0xff);
    assert_int_equal(machine_port_read(&m, 0x1234, 2), 0xffff);
    assert_int_equal(machine_port_read(&m, 0xffff, 4), 0xffffffff);
    assert_int_equal(machine_mmio_read(&m, 0xfed00000, 4), 0xffffffff);
    assert_int_equal(machine_mmio_read(&m, 0xfed00000, 8), UINT64_MAX);
    assert_int_equal(machine_mmio_read(&m, MACHINE_IOAPIC_GPA + MACHINE_IOAPIC_SIZE, 1), 0xff);
    machine_mmio_write(&m, UINT64_MAX, 8, 0);
    machine_port_write(&m, 0xffff, 4, 0);
}

static void wide_accesses_are_split_into_bytes(void **state)
{
    (void)state;
    machine_port_write(&m, 0x70, 2, 0x5a40); /* index and byte at once */
    assert_int_equal(cmos(0x40), 0x5a);
    machine_port_write(&m, COM1 + 6, 4, 0xdeadaa55); /* MSR, scratch, nobody */
    assert_int_equal(in8(COM1 + SCRATCH), 0xaa);
    assert_int_equal(machine_port_read(&m, COM1 + SCRATCH, 2), 0xffaa);
    assert_int_equal(machine_port_read(&m, MACHINE_PORT_SLEEP_CONTROL, 2), 0xff00);
}

static void ioapic_is_found_by_its_page(void **state)
{
    (void)state;
    machine_mmio_write(&m, MACHINE_IOAPIC_GPA, 4, IOAPIC_VERSION);
    assert_int_equal(machine_mmio_read(&m, MACHINE_IOAPIC_GPA + IOAPIC_WINDOW, 4), 0x00170020);
}

/* ---- PCI ---- */

/* arch/x86/pci/direct.c, pci_check_type1() and _type2(): the mechanism works, the bus is empty. */
static void pci_mechanism_is_there_and_nobody_on_the_bus(void **state)
{
    (void)state;
    out8(0xcfb, 0x01);
    machine_port_write(&m, 0xcf8, 4, 0x80000000);
    assert_int_equal(machine_port_read(&m, 0xcf8, 4), 0x80000000);
    for (unsigned size = 1; size <= 4; size *= 2)
        assert_int_equal(machine_port_read(&m, 0xcfc, size), UINT32_MAX >> (32 - 8 * size));
    machine_port_write(&m, 0xcf8, 4, UINT32_MAX);
    assert_int_equal(machine_port_read(&m, 0xcf8, 4), 0x80fffffc);
    machine_port_write(&m, 0xcfc, 4, 0);
    assert_int_equal(machine_port_read(&m, 0xcfc, 4), UINT32_MAX);
    out8(0xcfb, 0);
    out8(0xcf8, 0);
    out8(0xcfa, 0);
    assert_int_equal(in8(0xcf8), 0xff);
    assert_int_equal(machine_port_read(&m, 0xcf8, 4), 0x80fffffc);
    assert_int_equal(machine_port_read(&m, 0xcf8, 2), 0xffff);
    assert_int_equal(w.ends, 0);
}

/* ---- ends ---- */

static void assert_ended(enum machine_end how, uint32_t status)
{
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.end, how);
    assert_int_equal(w.end_status, status);
}

/* acpi_hw_extended_sleep(): the wake status is cleared, then type and enable are written. */
static void acpi_turns_it_off(void **state)
{
    (void)state;
    out8(MACHINE_PORT_SLEEP_STATUS, 0x80);
    assert_int_equal(in8(MACHINE_PORT_SLEEP_STATUS), 0);
    out8(MACHINE_PORT_SLEEP_CONTROL, 5 << 2);
    assert_int_equal(w.ends, 0);
    assert_int_equal(in8(MACHINE_PORT_SLEEP_CONTROL), 5 << 2);
    out8(MACHINE_PORT_SLEEP_CONTROL, 5 << 2 | 0x20);
    assert_ended(MACHINE_END_POWER_OFF, 0);
    assert_int_equal(in8(MACHINE_PORT_SLEEP_CONTROL), 5 << 2); /* SLP_EN reads as 0 */
}

static void other_sleeping_states_do_not_exist(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 8; type++)
        if (type != 5)
            out8(MACHINE_PORT_SLEEP_CONTROL, type << 2 | 0x20);
    assert_int_equal(w.ends, 0);
}

/* What acpi_reboot() writes, once; and native_machine_emergency_restart() by 0xCF9, in two steps.
 */
static void reset_register_resets(void **state)
{
    static const uint8_t values[] = {0x06, 0x0e, 0x0f, 0x04};

    (void)state;
    for (unsigned i = 0; i < sizeof(values); i++) {
        setup(NULL);
        out8(MACHINE_PORT_RESET, (in8(MACHINE_PORT_RESET) & ~(uint32_t)values[i]) | 0x02);
        assert_int_equal(w.ends, 0);
        assert_int_equal(in8(MACHINE_PORT_RESET), 0x02);
        out8(MACHINE_PORT_RESET, values[i]);
        assert_ended(MACHINE_END_RESET, 0);
        setup(NULL);
        out8(MACHINE_PORT_RESET, values[i]);
        assert_ended(MACHINE_END_RESET, 0);
    }
}

static void reset_register_is_a_byte(void **state)
{
    (void)state;
    machine_port_write(&m, MACHINE_PORT_RESET, 2, 0x0606);
    machine_port_write(&m, 0xcf8, 2, 0x0606);
    out8(MACHINE_PORT_RESET, 0x0a);
    assert_int_equal(w.ends, 0);
}

/* kb_wait() looks at bit 1; i8042_controller_check() reads until bit 0 is clear, and gives up. */
static void keyboard_controller_resets_and_is_not_there_otherwise(void **state)
{
    (void)state;
    assert_int_equal(in8(0x64) & 0x02, 0);
    assert_int_equal(in8(0x64) & 0x01, 1);
    assert_int_equal(in8(0x60), 0xff);
    for (uint32_t command = 0; command < 0xf0; command++)
        out8(0x64, command);
    out8(0x64, 0xff); /* pulses nothing */
    assert_int_equal(w.ends, 0);
    out8(0x64, 0xfe);
    assert_ended(MACHINE_END_RESET, 0);
}

static void exit_port_ends_with_what_is_written(void **state)
{
    (void)state;
    machine_port_write(&m, MACHINE_PORT_EXIT, 2, 0xffff1234);
    assert_ended(MACHINE_END_EXIT, 0x1234);
}

static void it_ends_once_and_says_all_before(void **state)
{
    (void)state;
    out8(COM1, 'x');
    out8(MACHINE_PORT_EXIT, 3);
    assert_string_equal(w.output, "x");
    out8(0x64, 0xfe);
    out8(MACHINE_PORT_EXIT, 4);
    assert_ended(MACHINE_END_EXIT, 3);
}

/* ---- interrupts and time ---- */

static void typed_characters_interrupt_by_pin_4(void **state)
{
    const uint8_t text[] = "0123456789abcdefX";

    (void)state;
    route(MACHINE_IRQ_COM1, UART_VECTOR);
    out8(COM1 + FCR, 0x81);
    out8(COM1 + MCR, 0x0b);
    out8(COM1 + IER, 0x05);
    assert_int_equal(machine_console_room(&m), 16);
    assert_int_equal(machine_console_in(&m, text, 17), 16);
    assert_int_equal(machine_console_room(&m), 0);
    assert_int_equal(w.sent_count, 1);
    assert_int_equal(vmwp_world_last(&w)->vector, UART_VECTOR);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(in8(COM1), text[i]);
    assert_int_equal(machine_console_in(&m, text + 16, 1), 1);
    assert_int_equal(w.sent_count, 1);
    w.now_ns = machine_deadline_ns(&m);
    machine_tick(&m);
    assert_int_equal(w.sent_count, 2);
    assert_true(machine_console_break(&m));
}

static void level_triggered_uart_comes_again_after_eoi(void **state)
{
    (void)state;
    route(MACHINE_IRQ_COM1, UART_VECTOR | LEVEL);
    out8(COM1 + MCR, 0x0b);
    out8(COM1 + IER, 0x01);
    machine_console_in(&m, (const uint8_t *)"x", 1);
    assert_int_equal(w.sent_count, 1);
    machine_eoi(&m, UART_VECTOR); /* a handler that has read nothing */
    assert_int_equal(w.sent_count, 2);
    in8(COM1);
    machine_eoi(&m, UART_VECTOR);
    assert_int_equal(w.sent_count, 2);
}

static void alarm_interrupts_by_pin_8(void **state)
{
    (void)state;
    route(MACHINE_IRQ_RTC, RTC_VECTOR);
    cmos_set(0x01, 0xff);
    cmos_set(0x03, 0xff);
    cmos_set(0x05, 0xff);
    cmos(0x0c);
    cmos_set(0x0b, 0x22);
    for (uint32_t i = 1; i <= 3; i++) {
        w.now_ns = machine_deadline_ns(&m);
        machine_tick(&m);
        assert_int_equal(w.sent_count, i);
        assert_int_equal(vmwp_world_last(&w)->vector, RTC_VECTOR);
        assert_int_equal(machine_deadline_ns(&m), DEVICE_NO_DEADLINE);
        assert_int_equal(cmos(0x0c) & 0xa0, 0xa0);
    }
}

static void idle_machine_has_no_deadline(void **state)
{
    (void)state;
    assert_int_equal(machine_deadline_ns(&m), DEVICE_NO_DEADLINE);
    out8(COM1, 'x');
    assert_int_equal(machine_deadline_ns(&m), w.now_ns + UART_FLUSH_NS);
    machine_tick(&m); /* too early */
    assert_int_equal(w.output_count, 0);
    w.now_ns += UART_FLUSH_NS;
    machine_tick(&m);
    assert_string_equal(w.output, "x");
    assert_int_equal(machine_deadline_ns(&m), DEVICE_NO_DEADLINE);
}

/* ---- state ---- */

static void make_busy(void)
{
    route(MACHINE_IRQ_COM1, UART_VECTOR | LEVEL);
    out8(COM1 + FCR, 0x81);
    out8(COM1 + MCR, 0x0b);
    out8(COM1 + IER, 0x0f);
    machine_console_in(&m, (const uint8_t *)"typed ahead", 11);
    cmos_set(0x50, 0x42);
    out8(MACHINE_PORT_SLEEP_CONTROL, 3 << 2);
    out8(MACHINE_PORT_RESET, 0x02);
    machine_port_write(&m, 0xcf8, 4, 0x80001234);
}

static void state_makes_the_round(void **state)
{
    struct machine_state saved, again;

    (void)state;
    make_busy();
    machine_save(&m, &saved);
    machine_init(&m, &w.host, &everything);
    assert_true(machine_restore(&m, &saved));
    assert_int_equal(w.sent_count, 1); /* none but that of the typing */
    machine_save(&m, &again);
    assert_memory_equal(&saved, &again, sizeof(saved));
    assert_int_equal(in8(COM1), 't');
    assert_int_equal(cmos(0x50), 0x42);
    assert_int_equal(machine_port_read(&m, 0xcf8, 4), 0x80001234);
    assert_int_equal(in8(MACHINE_PORT_SLEEP_CONTROL), 3 << 2);
    assert_int_equal(in8(MACHINE_PORT_RESET), 0x02);
    machine_eoi(&m, UART_VECTOR);
    assert_int_equal(w.sent_count, 2);
}

static void states_that_lie_change_nothing(void **state)
{
    struct machine_state good, bad, now;

    (void)state;
    make_busy();
    machine_save(&m, &good);
#define REFUSED(field, value)                                                                      \
    bad = good, bad.uart.scratch = 0x99, bad.field = (value),                                      \
    assert_false(machine_restore(&m, &bad))
    REFUSED(version, 2);
    REFUSED(size, 0);
    REFUSED(reserved, 1);
    REFUSED(uart.version, 0);
    REFUSED(rtc.index, 0xff);
    REFUSED(ioapic.id, 0xff);
    REFUSED(pm.version, 2);
    REFUSED(pm.size, 2);
    REFUSED(pm.reserved, 1);
    REFUSED(pm.sleep_control, 0x20);
    REFUSED(pm.reset_control, 0x01);
    REFUSED(pci.version, 2);
    REFUSED(pci.size, 2);
    REFUSED(pci.reserved, 1);
    REFUSED(pci.address, 1);
#undef REFUSED
    machine_save(&m, &now);
    assert_memory_equal(&good, &now, sizeof(now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(list_names_those_who_answer, setup),
        cmocka_unit_test_setup(configuration_takes_ports_away, setup),
        cmocka_unit_test_setup(nobody_reads_as_ones_of_the_size, setup),
        cmocka_unit_test_setup(wide_accesses_are_split_into_bytes, setup),
        cmocka_unit_test_setup(ioapic_is_found_by_its_page, setup),
        cmocka_unit_test_setup(pci_mechanism_is_there_and_nobody_on_the_bus, setup),
        cmocka_unit_test_setup(acpi_turns_it_off, setup),
        cmocka_unit_test_setup(other_sleeping_states_do_not_exist, setup),
        cmocka_unit_test_setup(reset_register_resets, setup),
        cmocka_unit_test_setup(reset_register_is_a_byte, setup),
        cmocka_unit_test_setup(keyboard_controller_resets_and_is_not_there_otherwise, setup),
        cmocka_unit_test_setup(exit_port_ends_with_what_is_written, setup),
        cmocka_unit_test_setup(it_ends_once_and_says_all_before, setup),
        cmocka_unit_test_setup(typed_characters_interrupt_by_pin_4, setup),
        cmocka_unit_test_setup(level_triggered_uart_comes_again_after_eoi, setup),
        cmocka_unit_test_setup(alarm_interrupts_by_pin_8, setup),
        cmocka_unit_test_setup(idle_machine_has_no_deadline, setup),
        cmocka_unit_test_setup(state_makes_the_round, setup),
        cmocka_unit_test_setup(states_that_lie_change_nothing, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
