/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_nvme.c - see fake_nvme.h. Written from the NVMe 1.4 specification, not from
 * the driver: it walks PRP lists as 4.3 says. */
#include <stdlib.h>
#include <string.h>
#include "fake_nvme.h"

#define REGISTERS_SIZE 0x4000u

struct fake_nvme nvme;

static uint32_t *register_at(uint32_t offset)
{
    return (uint32_t *)(void *)(nvme.registers + offset);
}

void fake_nvme_make(void)
{
    memset(&nvme, 0, sizeof(nvme));
    memset(&fake_pci, 0, sizeof(fake_pci));
    fake_pci.irq_limit = UINT32_MAX;
    nvme.registers = calloc(1, REGISTERS_SIZE);
    nvme.disk = calloc(FAKE_NVME_SECTORS, FAKE_NVME_SECTOR);
    nvme.queue_limit = FAKE_NVME_QUEUES;
    nvme.pci = (struct pci_device){.class_code = NVME_CLASS,
                                   .subclass = NVME_SUBCLASS,
                                   .prog_if = NVME_PROG_IF,
                                   .msix_count = FAKE_NVME_QUEUES + 1};
    nvme.pci.bars[0] = (struct pci_bar){.base = (uintptr_t)nvme.registers, .size = REGISTERS_SIZE};
    /* CAP: 64 entries, 500 ms, doorbells 8 bytes apart, NVM commands, 4 KiB pages. */
    *register_at(NVME_REG_CAP) = 1u << 24 | 63;
    *register_at(NVME_REG_CAP + 4) = 1u << 5 | 1;
}

void fake_nvme_drop(void)
{
    free(nvme.registers);
    free(nvme.disk);
}

void fake_nvme_remove(void)
{
    memset(nvme.registers, 0xff, REGISTERS_SIZE);
}

static uint32_t *doorbell(uint32_t queue, uint32_t completion)
{
    uint32_t stride = 4u << (*register_at(NVME_REG_CAP + 4) & 0xf), at;

    at = NVME_REG_DOORBELLS + (2 * queue + completion) * stride;
    return at < nvme.pci.bars[0].size ? register_at(at) : NULL;
}

static void complete(uint32_t queue, uint16_t id, uint32_t result, uint16_t status)
{
    struct nvme_completion *c = &nvme.queues[queue].completions[nvme.queues[queue].tail];

    *c = (struct nvme_completion){.dw0 = result,
                                  .sq_id = (uint16_t)queue,
                                  .command_id = id,
                                  .status = (uint16_t)(status << 1 | nvme.queues[queue].phase)};
    if (++nvme.queues[queue].tail == nvme.queues[queue].entries) {
        nvme.queues[queue].tail = 0;
        nvme.queues[queue].phase ^= 1;
    }
    if (!nvme.silent)
        fake_pci_raise(nvme.queues[queue].vector);
}

static void identify(const struct nvme_command *c)
{
    void *data = (void *)(uintptr_t)c->prp1;
    struct nvme_identify_controller *controller = data;
    struct nvme_identify_namespace *ns = data;

    memset(data, 0, NVME_PAGE_SIZE);
    if (c->cdw10 == NVME_CNS_CONTROLLER) {
        memset(controller->model_number, ' ', sizeof(controller->model_number));
        memcpy(controller->model_number, "Fake", 4);
        memcpy(controller->serial_number, "12                  ", 20);
        controller->nn = 1;
        controller->mdts = nvme.mdts;
        controller->oncs = NVME_ONCS_DATASET;
    } else if (c->cdw10 == NVME_CNS_NAMESPACE_LIST) {
        *(uint32_t *)data = 1;
    } else {
        ns->nsze = FAKE_NVME_SECTORS;
        ns->lbaf[0] = 9u << 16;
    }
}

static void queue_create(const struct nvme_command *c)
{
    uint32_t id = c->cdw10 & 0xffff;

    if (c->opcode == NVME_ADMIN_CREATE_CQ) {
        nvme.queues[id].completions = (void *)(uintptr_t)c->prp1;
        nvme.queues[id].vector = c->cdw11 >> 16;
        nvme.queues[id].tail = 0;
        nvme.queues[id].phase = 1;
        nvme.queues[id].entries = (c->cdw10 >> 16) + 1;
    } else {
        nvme.queues[id].commands = (void *)(uintptr_t)c->prp1;
        nvme.queues[id].head = 0;
    }
}

static void admin_perform(const struct nvme_command *c)
{
    uint32_t granted = (nvme.queue_limit - 1) << 16 | (nvme.queue_limit - 1);

    if (c->opcode == NVME_ADMIN_IDENTIFY)
        identify(c);
    else if (c->opcode != NVME_ADMIN_SET_FEATURES)
        queue_create(c);
    complete(0, c->command_id, granted, 0);
}

/* Bytes [@done, ...) of a transfer go on at which address, and for how many bytes (4.3)? */
static uint8_t *prp_at(const struct nvme_command *c, uint32_t total, uint32_t done, uint32_t *n)
{
    uint32_t offset = c->prp1 % NVME_PAGE_SIZE, index = (offset + done) / NVME_PAGE_SIZE;
    uint32_t pages = (offset + total + NVME_PAGE_SIZE - 1) / NVME_PAGE_SIZE;
    uint64_t *list = (uint64_t *)(uintptr_t)c->prp2;
    uint32_t left = pages - 1;
    uint64_t page;

    if (index == 0) {
        page = c->prp1;
    } else if (pages == 2) {
        page = c->prp2;
    } else {
        for (index--; left > 512 && index >= 511; index -= 511, left -= 511)
            list = (uint64_t *)(uintptr_t)list[511];
        page = list[index];
    }
    *n = NVME_PAGE_SIZE - (uint32_t)(page % NVME_PAGE_SIZE);
    *n = *n < total - done ? *n : total - done;
    return (uint8_t *)(uintptr_t)page;
}

static uint16_t transfer(const struct nvme_command *c)
{
    uint32_t sectors = (c->cdw12 & 0xffff) + 1, total = sectors * FAKE_NVME_SECTOR, n;
    uint64_t first = c->cdw10 | (uint64_t)c->cdw11 << 32;

    if (first + sectors > FAKE_NVME_SECTORS)
        return NVME_SC_LBA_RANGE;
    nvme.largest = sectors > nvme.largest ? sectors : nvme.largest;
    for (uint32_t done = 0; done < total; done += n) {
        uint8_t *memory = prp_at(c, total, done, &n), *disk;

        disk = nvme.disk + first * FAKE_NVME_SECTOR + done;
        memcpy(c->opcode == NVME_CMD_WRITE ? disk : memory,
               c->opcode == NVME_CMD_WRITE ? memory : disk, n);
    }
    return 0;
}

static uint16_t dataset(const struct nvme_command *c)
{
    const struct nvme_dataset_range *range = (void *)(uintptr_t)c->prp1;

    if (c->cdw10 != 0 || c->cdw11 != NVME_DATASET_DEALLOCATE)
        return 2;
    memset(nvme.disk + range->start * FAKE_NVME_SECTOR, 0, range->length * FAKE_NVME_SECTOR);
    return 0;
}

static void io_perform(uint32_t queue, const struct nvme_command *c)
{
    uint16_t status = 0;

    nvme.commands++;
    nvme.per_queue[queue]++;
    nvme.reads += c->opcode == NVME_CMD_READ;
    nvme.writes += c->opcode == NVME_CMD_WRITE;
    nvme.flushes += c->opcode == NVME_CMD_FLUSH;
    nvme.datasets += c->opcode == NVME_CMD_DATASET;
    nvme.forced += c->opcode == NVME_CMD_WRITE && (c->cdw12 & NVME_RW_FORCE_UNIT_ACCESS);
    nvme.outside += !(fake_pci.command & PCI_COMMAND_MASTER);
    if (nvme.hold > 0) {
        nvme.hold--;
        return;
    }
    if (nvme.fail > 0) {
        nvme.fail--;
        status = nvme.fail_status;
    } else if (c->nsid != 1) {
        status = 0x0b;
    } else if (c->opcode == NVME_CMD_READ || c->opcode == NVME_CMD_WRITE) {
        status = transfer(c);
    } else if (c->opcode == NVME_CMD_DATASET) {
        status = dataset(c);
    }
    complete(queue, c->command_id, 0, status);
}

/* Take one command of @queue; false: there is none. */
static bool queue_step(uint32_t queue)
{
    struct nvme_command command;

    if (nvme.queues[queue].entries == 0 || !nvme.queues[queue].commands ||
        !nvme.queues[queue].completions || nvme.queues[queue].head == *doorbell(queue, 0))
        return false;
    command = nvme.queues[queue].commands[nvme.queues[queue].head];
    nvme.queues[queue].head = (nvme.queues[queue].head + 1) % nvme.queues[queue].entries;
    if (queue == 0)
        admin_perform(&command);
    else
        io_perform(queue, &command);
    return true;
}

static void controller_enable(void)
{
    memset(nvme.queues, 0, sizeof(nvme.queues));
    nvme.queues[0].commands = (void *)(uintptr_t)(*register_at(NVME_REG_ASQ) |
                                                  (uint64_t)*register_at(NVME_REG_ASQ + 4) << 32);
    nvme.queues[0].completions =
        (void *)(uintptr_t)(*register_at(NVME_REG_ACQ) | (uint64_t)*register_at(NVME_REG_ACQ + 4)
                                                             << 32);
    nvme.queues[0].entries = (*register_at(NVME_REG_AQA) & 0xfff) + 1;
    nvme.queues[0].phase = 1;
    *register_at(NVME_REG_CSTS) = NVME_CSTS_READY;
}

static void controller_disable(void)
{
    memset(nvme.queues, 0, sizeof(nvme.queues));
    memset(doorbell(0, 0), 0, REGISTERS_SIZE - NVME_REG_DOORBELLS);
    *register_at(NVME_REG_CSTS) = 0;
    nvme.resets++;
}

static void controller_shut_down(void)
{
    memset(nvme.queues, 0, sizeof(nvme.queues));
    *register_at(NVME_REG_CSTS) |= NVME_CSTS_SHUT_DOWN;
    nvme.shutdowns++;
}

void fake_nvme_step(void)
{
    uint32_t cc = *register_at(NVME_REG_CC), csts = *register_at(NVME_REG_CSTS);

    if (csts == NVME_CSTS_GONE)
        return;
    if ((cc & NVME_CC_ENABLE) && !(csts & NVME_CSTS_READY) && !nvme.never_ready)
        controller_enable();
    else if (!(cc & NVME_CC_ENABLE) && csts != 0)
        controller_disable();
    else if ((cc & NVME_CC_SHUTDOWN) && !(csts & NVME_CSTS_SHUTDOWN) && !nvme.never_shut)
        controller_shut_down();
    if (nvme.bogus && nvme.queues[1].completions) {
        nvme.bogus = false;
        complete(1, 77, 0, 0);
    }
    for (uint32_t i = 0; i <= FAKE_NVME_QUEUES; i++) {
        bool more;

        do
            more = queue_step(i);
        while (more);
    }
}
