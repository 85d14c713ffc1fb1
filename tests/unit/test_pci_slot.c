/* SPDX-License-Identifier: MIT */
/* tests/unit/test_pci_slot.c - hot-plug slots over a port in host memory, whose status and control
 * registers work as PCI Express 5.0, 7.5.3 says. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "fake_pci.h"
#include "io/pci_slot.h"
#include "root_kernel.h"

#define EXPRESS      0x54u
#define CAPABILITIES (PCI_SLOT_CAP_HOT_PLUG | PCI_SLOT_CAP_POWER)
#define EVENTS       (PCI_SLOT_STATUS_BUTTON | PCI_SLOT_STATUS_PRESENCE)

static struct {
    struct pci_device port, device, other;
    uint32_t flags, capabilities;
    uint16_t control, status;
    bool deaf; /* commands are never completed */
    uint32_t removed, powered_off;
    bool off_before_removal;
} slot;

/* ---- the bus ---- */

void pci_for_each(bool (*visit)(struct pci_device *device, void *context), void *context)
{
    (void)(visit(&slot.other, context) && visit(&slot.port, context) &&
           visit(&slot.device, context));
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    return d == &slot.port && id == PCI_CAP_EXPRESS ? EXPRESS : 0;
}

uint8_t pci_read8(const struct pci_device *d, uint32_t offset)
{
    assert_ptr_equal(d, &slot.port);
    assert_true(offset == PCI_SECONDARY_BUS || offset == PCI_SUBORDINATE_BUS);
    return offset == PCI_SECONDARY_BUS ? 2 : 3;
}

uint16_t pci_read16(const struct pci_device *d, uint32_t offset)
{
    assert_ptr_equal(d, &slot.port);
    return offset == EXPRESS + PCI_EXPRESS_FLAGS  ? (uint16_t)slot.flags
           : offset == EXPRESS + PCI_SLOT_CONTROL ? slot.control
                                                  : slot.status;
}

uint32_t pci_read32(const struct pci_device *d, uint32_t offset)
{
    assert_ptr_equal(d, &slot.port);
    assert_int_equal(offset, EXPRESS + PCI_SLOT_CAPABILITIES);
    return slot.capabilities;
}

/* An interrupt is raised by the first event among none. */
static void event(uint16_t status)
{
    bool raise = !(slot.status & EVENTS) && (slot.control & PCI_SLOT_CONTROL_HOT_PLUG);

    slot.status |= status;
    if (raise)
        fake_pci_raise(0);
}

static void control_write(uint16_t v)
{
    bool goes_off = (v & PCI_SLOT_CONTROL_OFF) && !(slot.control & PCI_SLOT_CONTROL_OFF);

    slot.control = v;
    if (!slot.deaf)
        slot.status |= PCI_SLOT_STATUS_COMPLETED;
    if (!goes_off)
        return;
    slot.powered_off++;
    slot.off_before_removal |= slot.removed == 0 && slot.device.driver;
    slot.status &= (uint16_t)~PCI_SLOT_STATUS_PRESENT;
    event(PCI_SLOT_STATUS_PRESENCE);
}

void pci_write16(const struct pci_device *d, uint32_t offset, uint16_t v)
{
    assert_ptr_equal(d, &slot.port);
    if (offset == EXPRESS + PCI_SLOT_CONTROL)
        control_write(v);
    else
        slot.status &= (uint16_t) ~(v & (EVENTS | PCI_SLOT_STATUS_COMPLETED));
}

void pci_change16(const struct pci_device *d, uint32_t offset, uint32_t clear, uint32_t set)
{
    pci_write16(d, offset, (uint16_t)((pci_read16(d, offset) & ~clear) | set));
}

/* ---- the driver ---- */

static void device_remove(struct pci_device *d)
{
    assert_ptr_equal(d, &slot.device);
    slot.removed++;
}

static const struct pci_driver able = {.name = "able", .remove = device_remove};
static const struct pci_driver unable = {.name = "unable"};

/* ---- a machine ---- */

#define MACHINES   16u
#define IDLE_STEPS 5000u

static struct irq *kept[MACHINES]; /* root keeps its slots: they are not leaks */
static uint32_t machines;
static jmp_buf idle;
static uint16_t coming[4]; /* events, one after the other */
static uint32_t came;
static bool vanishes; /* the device, with the first event */

static int machine_make(void **state)
{
    (void)state;
    fake_kernel_reset();
    memset(&fake_pci, 0, sizeof(fake_pci));
    memset(&slot, 0, sizeof(slot));
    memset(coming, 0, sizeof(coming));
    came = 0;
    vanishes = false;
    fake_pci.irq_limit = UINT32_MAX;
    slot.port = (struct pci_device){.device = 3, .msix_count = 1};
    slot.device = (struct pci_device){.bus = 2, .driver = &able};
    slot.other = (struct pci_device){.bus = 4, .driver = &able};
    slot.flags = PCI_EXPRESS_FLAGS_SLOT;
    slot.capabilities = CAPABILITIES;
    slot.status = PCI_SLOT_STATUS_PRESENT;
    return 0;
}

/* The world while the thread waits: the next event, then nothing. */
static void world_step(void)
{
    if (vanishes)
        slot.status &= (uint16_t)~PCI_SLOT_STATUS_PRESENT;
    if (came < 4 && coming[came] && fake.steps % 10 == 0)
        event(coming[came++]);
    if (fake.steps > IDLE_STEPS)
        longjmp(idle, 1);
}

static void play(void)
{
    pci_slots_init();
    kept[machines++ % MACHINES] = fake_pci.routed;
    fake.step = world_step;
    if (setjmp(idle) == 0)
        fake_threads_run();
}

/* ---- tests ---- */

static void button_takes_the_device_and_the_power(void **state)
{
    (void)state;
    coming[0] = PCI_SLOT_STATUS_BUTTON;
    play();
    assert_int_equal(slot.removed, 1);
    assert_null(slot.device.driver);
    assert_ptr_equal(slot.other.driver, &able); /* behind another port */
    assert_int_equal(slot.powered_off, 1);
    assert_false(slot.off_before_removal);
    assert_int_equal(slot.control & PCI_SLOT_CONTROL_LAMP, PCI_SLOT_CONTROL_LAMP_OFF);
    assert_int_equal(slot.status & EVENTS, 0);
}

static void vanished_device_is_taken_from_its_driver(void **state)
{
    (void)state;
    coming[0] = PCI_SLOT_STATUS_PRESENCE;
    vanishes = true;
    play();
    assert_int_equal(slot.removed, 1);
    assert_null(slot.device.driver);
}

static void driver_that_cannot_let_go_keeps_the_device(void **state)
{
    (void)state;
    slot.device.driver = &unable;
    coming[0] = PCI_SLOT_STATUS_BUTTON;
    play();
    assert_int_equal(slot.powered_off, 0);
    assert_ptr_equal(slot.device.driver, &unable);
    assert_int_equal(slot.status & EVENTS, 0);
}

static void button_of_an_empty_slot_does_nothing(void **state)
{
    (void)state;
    slot.status = 0;
    coming[0] = PCI_SLOT_STATUS_BUTTON;
    play();
    assert_int_equal(slot.powered_off, 0);
    assert_int_equal(slot.removed, 0);
}

static void what_is_put_in_later_is_left_alone(void **state)
{
    (void)state;
    coming[0] = PCI_SLOT_STATUS_BUTTON;
    coming[1] = PCI_SLOT_STATUS_PRESENCE | PCI_SLOT_STATUS_PRESENT;
    coming[2] = PCI_SLOT_STATUS_BUTTON;
    play();
    assert_int_equal(came, 3);
    assert_int_equal(slot.removed, 1);
    assert_int_equal(slot.powered_off, 1);
}

static void port_that_completes_no_command_is_not_waited_for(void **state)
{
    (void)state;
    slot.deaf = true;
    coming[0] = PCI_SLOT_STATUS_BUTTON;
    play();
    assert_int_equal(slot.removed, 1);
    assert_int_equal(slot.powered_off, 1);
}

static void only_ports_with_hot_plug_slots_are_watched(void **state)
{
    (void)state;
    slot.flags = 0;
    pci_slots_init();
    slot.flags = PCI_EXPRESS_FLAGS_SLOT;
    slot.capabilities = PCI_SLOT_CAP_POWER;
    pci_slots_init();
    slot.capabilities = PCI_SLOT_CAP_HOT_PLUG;
    pci_slots_init();
    assert_int_equal(fake_pci.irqs, 0);
    assert_int_equal(slot.control, 0);
    assert_int_equal(fake.live, 0);
}

static void port_without_messages_is_not_watched(void **state)
{
    (void)state;
    slot.port.msix_count = 0;
    pci_slots_init();
    assert_int_equal(fake_pci.irqs, 0);
    assert_int_equal(fake.live, 0);
    assert_int_equal(slot.control, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, machine_make)
    const struct CMUnitTest tests[] = {
        TEST(button_takes_the_device_and_the_power),
        TEST(vanished_device_is_taken_from_its_driver),
        TEST(driver_that_cannot_let_go_keeps_the_device),
        TEST(button_of_an_empty_slot_does_nothing),
        TEST(what_is_put_in_later_is_left_alone),
        TEST(port_that_completes_no_command_is_not_waited_for),
        TEST(only_ports_with_hot_plug_slots_are_watched),
        TEST(port_without_messages_is_not_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
