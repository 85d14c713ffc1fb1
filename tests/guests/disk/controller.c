/* SPDX-License-Identifier: MIT */
/* controller.c - from the offer to a disk with a size, with one channel for each VP; single
 * requests; failures. See disk.h. */
#include <rt/big_endian.h>
#include <rt/list.h>
#include <x86/insn.h>

#include "disk.h"

#define RING_OUT_PAGES   8u /* of data: 15 requests of 1 MiB, many more of 4 KiB */
#define RING_IN_PAGES    4u
#define SUB_CHANNEL_WAIT 50000000u /* 100 ns: 5 s */
#define CAPACITY_TRIES   4u        /* unit attentions come first */
#define LIMITS_TRANSFER                                                                            \
    8u /* where VPD page B0 has the most sectors of a transfer: SBC-3, 6.5.3                       \
        */
#define FAILED_LINES     64u
#define SINGLE_REQUESTS  1u
#define SENSE_KEY_SHIFT  16u
#define SENSE_CODE_SHIFT 8u
#define SENSE_BYTE       0xffu

static const struct vmbus_guid scsi_interface = STORAGE_SCSI_INTERFACE;

static struct {
    bool answered, ok; /* initialisation */
} controller;

static struct {
    struct storvsc_request request;
    bool done;
} single;

/* ---- what the driver tells ---- */

static void driver_ready(struct storvsc *s, bool ok)
{
    (void)s;
    controller.answered = true;
    controller.ok = ok;
}

static void driver_changed(struct storvsc *s)
{
    (void)s;
    guest_printf("disk: the controller's disks have changed\n");
}

static void driver_reset(struct storvsc *s, bool ok)
{
    (void)s;
    (void)ok;
}

static const struct storvsc_events driver_events = {
    .ready = driver_ready, .changed = driver_changed, .reset = driver_reset};

/* On the channel's VP: answers have come, or there is room. */
static void channel_signalled(struct vmbus_client_channel *c)
{
    struct storvsc_channel *driver = __atomic_load_n(&c->context, __ATOMIC_ACQUIRE);

    if (!driver || storvsc_poll(driver)) /* no driver: nobody has asked for anything yet */
        return;
    guest_printf("disk: channel %u is broken: %s\n", c->channel.relid,
                 vmbus_channel_broken(&c->channel));
    guest_exit(GUEST_EXIT_FAILED);
}

/* ---- opening ---- */

static struct storvsc_slot *slots_make(uint32_t *count)
{
    *count = disk.depth + SINGLE_REQUESTS;
    return guest_memory(*count * sizeof(struct storvsc_slot));
}

static void driver_set(struct vmbus_client_channel *c, struct storvsc_channel *driver)
{
    __atomic_store_n(&c->context, driver, __ATOMIC_RELEASE); /* pairs with channel_signalled() */
}

static bool channel_open(struct vmbus_client_channel *c, uint32_t vp)
{
    if (guest_bus_open(c, RING_OUT_PAGES, RING_IN_PAGES, vp, channel_signalled))
        return true;
    guest_printf("disk: channel %u cannot be opened for VP %u\n", c->channel.relid, vp);
    return false;
}

static struct vmbus_client_channel *controller_wait(void)
{
    struct vmbus_client_channel *c = guest_bus_offer(&scsi_interface, 0);

    if (!c)
        guest_printf("disk: waits for a SCSI controller\n");
    while (!c) {
        guest_bus_wait();
        c = guest_bus_offer(&scsi_interface, 0);
    }
    return c;
}

static bool primary_open(uint32_t sub_channels)
{
    struct vmbus_client_channel *c = controller_wait();
    uint32_t count;
    struct storvsc_slot *slots = slots_make(&count);

    if (!channel_open(c, 0))
        return false;
    storvsc_init(&disk.storvsc, &driver_events, &c->channel, slots, count);
    driver_set(c, &disk.storvsc.primary);
    if (storvsc_begin(&disk.storvsc, sub_channels))
        while (!controller.answered)
            guest_bus_wait();
    if (!controller.ok)
        guest_printf("disk: the controller cannot be initialised\n");
    return controller.ok;
}

/* Sub-channel @index once it is offered. NULL: root does not offer it after all. */
static struct vmbus_client_channel *sub_channel_wait(uint16_t index)
{
    uint64_t begin = guest_time();
    struct vmbus_client_channel *c;

    while (!(c = guest_bus_offer(&scsi_interface, index)) &&
           guest_time() - begin < SUB_CHANNEL_WAIT) {
        if (!guest_bus_poll())
            insn_pause(); /* nothing would end a halt */
    }
    return c;
}

static bool sub_channel_open(uint32_t index)
{
    struct vmbus_client_channel *c = sub_channel_wait((uint16_t)index);
    struct storvsc_channel *driver = guest_memory(sizeof(*driver));
    uint32_t count;
    struct storvsc_slot *slots = slots_make(&count);

    if (!c) {
        guest_printf("disk: sub-channel %u is not offered\n", index);
        return false;
    }
    if (!channel_open(c, index) ||
        !storvsc_channel_add(&disk.storvsc, driver, &c->channel, slots, count))
        return false;
    driver_set(c, driver);
    return true;
}

static bool sub_channels_open(void)
{
    for (uint32_t i = 1; i <= disk.storvsc.sub_channels; i++)
        if (!sub_channel_open(i))
            return false;
    disk.channels = disk.storvsc.sub_channels + 1;
    return true;
}

/* ---- single requests ---- */

static void single_done(struct storvsc_request *r)
{
    (void)r;
    single.done = true;
}

bool controller_run(struct storvsc_request *r)
{
    r->lun = disk.options.lun;
    r->done = single_done;
    single.done = false;
    while (!storvsc_submit(&disk.storvsc.primary, r))
        guest_bus_wait();
    storvsc_flush(&disk.storvsc.primary);
    while (!single.done)
        guest_bus_wait();
    return storvsc_succeeded(r);
}

static bool capacity_read(void)
{
    uint8_t *data = guest_memory(SCSI_CAPACITY_16_BYTES);
    struct storvsc_request *r = &single.request;

    for (uint32_t tries = 0; tries < CAPACITY_TRIES; tries++) {
        storvsc_data(r, guest_page_numbers(data, 1), 0, SCSI_CAPACITY_16_BYTES);
        storvsc_prepare_capacity(r);
        if (controller_run(r) && storvsc_capacity(r, data, &disk.sectors, &disk.sector_size))
            return true;
    }
    guest_printf("disk: no size: srb=%#x scsi=%#x sense=%#x\n", r->srb_status, r->scsi_status,
                 storvsc_sense(r));
    return false;
}

/* A request may not be longer than the controller takes, nor than the disk does, if it says. */
static bool limits_read(void)
{
    const uint8_t *data = guest_memory(SCSI_VPD_B_BYTES);
    struct storvsc_request *r = &single.request;
    uint64_t sectors;

    storvsc_data(r, guest_page_numbers(data, 1), 0, SCSI_VPD_B_BYTES);
    storvsc_prepare_vpd(r, SCSI_VPD_BLOCK_LIMITS, SCSI_VPD_B_BYTES);
    if (!controller_run(r)) {
        guest_printf("disk: no limits: srb=%#x scsi=%#x sense=%#x\n", r->srb_status, r->scsi_status,
                     storvsc_sense(r));
        return false;
    }
    sectors = be32_get(data + LIMITS_TRANSFER);
    disk.transfer_max = disk.storvsc.max_transfer_bytes;
    if (sectors > 0 && sectors * disk.sector_size < disk.transfer_max)
        disk.transfer_max = (uint32_t)(sectors * disk.sector_size);
    return true;
}

bool controller_open(uint32_t channels)
{
    return primary_open(channels - 1) && sub_channels_open() && capacity_read() && limits_read();
}

/* ---- closing ---- */

/* What root wrote to the ring before it let go of it is still there; it belongs to nobody. */
static void rest_take(struct storvsc_channel *driver, struct vmbus_ring in)
{
    driver->vmbus->in = in;
    if (storvsc_poll(driver))
        return;
    guest_printf("disk: channel %u was broken when it was closed: %s\n", driver->vmbus->relid,
                 driver->vmbus->in.broken);
    guest_exit(GUEST_EXIT_FAILED);
}

void controller_close(void)
{
    for (uint32_t i = disk.channels; i-- > 0;) { /* the primary takes the others with it */
        struct storvsc_channel *driver = disk.storvsc.channels[i];
        struct vmbus_client_channel *c =
            container_of(driver->vmbus, struct vmbus_client_channel, channel);
        struct vmbus_ring in = c->channel.in;

        driver_set(c, NULL);
        guest_bus_close(c);
        rest_take(driver, in);
    }
}

/* ---- failures ---- */

void controller_failed(const struct storvsc_request *r, uint64_t offset)
{
    uint32_t sense = storvsc_sense(r);

    disk.failed++;
    if (disk.failed <= FAILED_LINES)
        guest_printf("disk: failed offset=%llu bytes=%u opcode=%#x status=%#x srb=%#x scsi=%#x "
                     "sense=%x/%02x/%02x\n",
                     (unsigned long long)offset, r->length, r->cdb[0], r->status, r->srb_status,
                     r->scsi_status, sense >> SENSE_KEY_SHIFT,
                     sense >> SENSE_CODE_SHIFT & SENSE_BYTE, sense & SENSE_BYTE);
    if (!disk.options.errors)
        guest_exit(GUEST_EXIT_FAILED);
}

bool controller_ledger(void)
{
    uint64_t submitted = 0, completed = 0, stray = 0;

    for (uint32_t i = 0; i < disk.channels; i++) {
        const struct storvsc_channel *c = disk.storvsc.channels[i];

        submitted += c->submitted;
        completed += c->completed;
        stray += c->stray;
    }
    guest_printf("disk: ledger requests=%llu answers=%llu stray=%llu\n",
                 (unsigned long long)submitted, (unsigned long long)completed,
                 (unsigned long long)stray);
    return submitted == completed && stray == 0;
}
