/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme.c - NVMe: finds controllers, registers their namespaces, watches over them.
 *
 * The watchdog thread of a controller resets it when a command takes too long or the controller
 * reports a fatal error, and closes it when it is gone, is to leave its slot, or no longer answers.
 */
#include <rt/format.h>
#include <rt/mem.h>
#include "cpu/cpu.h"
#include "drivers/drivers.h"
#include "drivers/nvme_controller.h"
#include "io/mmio.h"
#include "log.h"
#include "mm/memory.h"

#define NAMESPACES_WITHOUT_A_LIST 16u /* tried of a controller that cannot list them */

static uint32_t disk_numbers; /* [a] names given out */

static void namespace_submit(struct block_device *device, struct block_request *r)
{
    struct nvme_namespace *ns = device->driver;
    struct nvme *c = ns->controller;
    uint64_t flags = interrupts_off();
    uint32_t cpu = this_cpu()->index;

    interrupts_restore(flags);
    nvme_queue_submit(&c->queues[cpu % c->queue_count], r);
}

static const struct block_operations namespace_operations = {.submit = namespace_submit};

/* The sector size's logarithm; 0: of a format that is not for us. */
static uint32_t namespace_shift(const struct nvme_identify_namespace *id)
{
    uint32_t format = id->lbaf[NVME_FLBAS_FORMAT(id->flbas)];
    uint32_t shift = NVME_LBAF_SHIFT(format);

    if (NVME_LBAF_METADATA(format) != 0 || shift < 9 || (1u << shift) > NVME_PAGE_SIZE)
        return 0;
    return shift;
}

static void namespace_describe(struct nvme_namespace *ns, const struct nvme_identify_namespace *id,
                               uint32_t shift)
{
    const struct nvme *c = ns->controller;
    struct block_device *d = &ns->block;

    rt_snprintf(d->name, sizeof(d->name), "nvme%u",
                __atomic_fetch_add(&disk_numbers, 1, __ATOMIC_RELAXED));
    memcpy(d->model, c->model, sizeof(d->model));
    memcpy(d->serial, c->serial, sizeof(d->serial)); /* the controller's */
    d->unit = ns->id > 1 ? ns->id : 0;
    d->operations = &namespace_operations;
    d->sector_size = 1u << shift;
    d->sector_count = id->nsze;
    d->max_request_sectors = c->request_bytes >> shift;
    d->max_segments = c->request_bytes / NVME_PAGE_SIZE + 1;
    d->queue_depth = c->queue_count * (c->io_entries - 1);
    d->read_only = (id->nsattr & NVME_NSATTR_PROTECTED) != 0;
    d->can_discard = c->can_discard;
    d->max_discard_sectors = UINT32_MAX;
    d->can_force_unit_access = true;
    d->whole_pages = true;
    d->driver = ns;
}

static void namespace_add(struct nvme *c, uint32_t id)
{
    const struct nvme_identify_namespace *data = c->identify.virtual;
    struct nvme_namespace *ns;
    uint32_t shift;

    if (!nvme_identify(c, NVME_CNS_NAMESPACE, id) || data->nsze == 0)
        return;
    shift = namespace_shift(data);
    if (shift == 0) {
        log_print("%s: namespace %u has a format that is not supported", c->name, id);
        return;
    }
    ns = kalloc(sizeof(*ns));
    if (!ns)
        return;
    ns->controller = c;
    ns->id = id;
    namespace_describe(ns, data, shift);
    block_register(&ns->block);
}

static void namespaces_add(struct nvme *c, uint32_t highest)
{
    uint32_t *list = kalloc(NVME_PAGE_SIZE);
    bool listed = list && nvme_identify(c, NVME_CNS_NAMESPACE_LIST, 0);

    if (listed)
        memcpy(list, c->identify.virtual, NVME_PAGE_SIZE);
    for (uint32_t i = 0; listed && i < NVME_NAMESPACE_LIST_ENTRIES && list[i] != 0; i++)
        namespace_add(c, list[i]);
    for (uint32_t id = 1; !listed && id <= highest && id <= NAMESPACES_WITHOUT_A_LIST; id++)
        namespace_add(c, id);
    kfree(list);
}

/* Read what the controller says of itself; its highest namespace number, or 0. */
static uint32_t controller_describe(struct nvme *c)
{
    const struct nvme_identify_controller *id = c->identify.virtual;

    if (!nvme_identify(c, NVME_CNS_CONTROLLER, 0))
        return 0;
    block_text(c->model, id->model_number, sizeof(id->model_number));
    block_text(c->serial, id->serial_number, sizeof(id->serial_number));
    c->can_discard = (id->oncs & NVME_ONCS_DATASET) != 0;
    c->request_bytes = NVME_REQUEST_BYTES;
    if (id->mdts != 0 && id->mdts < 10 && NVME_PAGE_SIZE << id->mdts < NVME_REQUEST_BYTES)
        c->request_bytes = NVME_PAGE_SIZE << id->mdts;
    log_print("%s: %u queues of %u entries, requests up to %u KiB", c->name, c->queue_count,
              c->io_entries, c->request_bytes / 1024);
    return id->nn;
}

/* No request will be served any more; the device may no longer touch memory. */
static void controller_close(struct nvme *c, enum block_status status)
{
    log_print("%s: %s", c->name,
              status == BLOCK_GONE ? "was removed" : "does not come back from a reset");
    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_stop(&c->queues[i]);
    pci_disable(c->pci);
    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_close(&c->queues[i], status);
}

/* False: the controller does not come back. */
static bool controller_reset(struct nvme *c)
{
    log_print("%s: reset", c->name);
    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_stop(&c->queues[i]);
    if (!nvme_disable(c))
        return false;
    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_recall(&c->queues[i]);
    if (!nvme_start(c))
        return false;
    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_resume(&c->queues[i]);
    return true;
}

/* Whether a command is late even after a look at the queues: an interrupt may have been lost. */
static bool controller_is_late(struct nvme *c)
{
    bool late = false;

    for (uint32_t i = 0; i < c->queue_count; i++) {
        if (nvme_queue_is_late(&c->queues[i])) {
            nvme_queue_interrupt(&c->queues[i]);
            late |= nvme_queue_is_late(&c->queues[i]);
        }
    }
    return late;
}

static bool controller_watch(void *device)
{
    struct nvme *c = device;
    uint32_t csts = mmio_read32(c->registers, NVME_REG_CSTS);

    if (csts == NVME_CSTS_GONE) {
        controller_close(c, BLOCK_GONE);
        return false;
    }
    if (!(csts & NVME_CSTS_FATAL) && !controller_is_late(c))
        return true;
    if (controller_reset(c))
        return true;
    controller_close(c, nvme_is_gone(c) ? BLOCK_GONE : BLOCK_DEVICE_ERROR);
    return false;
}

/* What the device was told is done stays done; what is under way ends with the device. */
static void controller_leave(void *device)
{
    struct nvme *c = device;

    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_stop(&c->queues[i]);
    nvme_shut_down(c);
    controller_close(c, BLOCK_GONE);
}

static void controller_poll(void *device)
{
    struct nvme *c = device;

    for (uint32_t i = 0; i < c->queue_count; i++)
        nvme_queue_interrupt(&c->queues[i]);
}

static const struct watchdog_operations watchdog_operations = {
    .poll = controller_poll, .watch = controller_watch, .leave = controller_leave};

static bool nvme_match(const struct pci_device *d)
{
    return d->class_code == NVME_CLASS && d->subclass == NVME_SUBCLASS &&
           d->prog_if == NVME_PROG_IF;
}

static bool nvme_probe(struct pci_device *d)
{
    struct nvme *c = kalloc(sizeof(*c));
    uint32_t highest;

    if (!c)
        return false;
    c->pci = d;
    watchdog_init(&c->watchdog, &watchdog_operations, c);
    rt_snprintf(c->name, sizeof(c->name), "nvme-%02x:%02x.%x", d->bus, d->device, d->function);
    pci_enable(d);
    c->registers = d->bars[0].size >= NVME_REGS_SIZE_MIN ? pci_map_bar(d, 0) : NULL;
    if (!c->registers || !nvme_create(c) || (highest = controller_describe(c)) == 0) {
        log_print("%s: cannot be brought up", c->name);
        nvme_destroy(c);
        return false;
    }
    namespaces_add(c, highest);
    d->driver_data = c;
    if (!watchdog_start(&c->watchdog, "nvme", c->polled))
        log_print("%s: nobody watches over it: no thread", c->name);
    return true;
}

/* The controller and its disks stay known. */
static void nvme_remove(struct pci_device *d)
{
    struct nvme *c = d->driver_data;

    watchdog_remove(&c->watchdog);
}

const struct pci_driver nvme_driver = {
    .name = "nvme", .match = nvme_match, .probe = nvme_probe, .remove = nvme_remove};
