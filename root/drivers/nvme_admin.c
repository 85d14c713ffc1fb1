/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme_admin.c - NVMe controllers: bring-up (NVMe 1.4, 7.6.1) and admin commands.
 *
 * Admin commands are sent one at a time by a thread that waits for the answer; they need no
 * interrupt. */
#include <rt/mem.h>
#include "cpu/cpu.h"
#include "drivers/nvme_controller.h"
#include "io/mmio.h"
#include "log.h"
#include "mm/memory.h"

bool nvme_is_gone(const struct nvme *c)
{
    return mmio_read32(c->registers, NVME_REG_CSTS) == NVME_CSTS_GONE;
}

/* Wait for CSTS.RDY to become @ready, as long as CAP.TO allows. */
static bool ready_wait(struct nvme *c, bool ready)
{
    uint64_t deadline = time_now() + NVME_CAP_TIMEOUT_NS(c->capabilities) + NVME_ADMIN_POLL_NS;

    for (;;) {
        uint32_t csts = mmio_read32(c->registers, NVME_REG_CSTS);

        if (csts == NVME_CSTS_GONE || (ready && (csts & NVME_CSTS_FATAL)))
            return false;
        if (((csts & NVME_CSTS_READY) != 0) == ready)
            return true;
        if (time_now() > deadline)
            return false;
        thread_sleep(NVME_ADMIN_POLL_NS);
    }
}

bool nvme_disable(struct nvme *c)
{
    if (nvme_is_gone(c))
        return false;
    mmio_write32(c->registers, NVME_REG_CC, 0);
    return ready_wait(c, false);
}

void nvme_shut_down(struct nvme *c)
{
    uint64_t deadline = time_now() + NVME_SHUT_DOWN_NS;
    uint32_t csts = mmio_read32(c->registers, NVME_REG_CSTS);

    if (csts == NVME_CSTS_GONE)
        return;
    mmio_write32(c->registers, NVME_REG_CC, NVME_CC_START | NVME_CC_SHUTDOWN);
    while (csts != NVME_CSTS_GONE && (csts & NVME_CSTS_SHUTDOWN) != NVME_CSTS_SHUT_DOWN) {
        if (time_now() > deadline) {
            log_print("%s: does not shut down", c->name);
            return;
        }
        thread_sleep(NVME_SHUT_POLL_NS);
        csts = mmio_read32(c->registers, NVME_REG_CSTS);
    }
}

/* Send @command and wait for its answer, whose first dword goes to @result if not NULL. */
static bool admin_command(struct nvme *c, const struct nvme_command *command, uint32_t *result)
{
    uint64_t deadline = time_now() + NVME_IO_TIMEOUT_NS;
    struct nvme_completion completion;

    nvme_ring_put(&c->admin, command);
    nvme_ring_notify(&c->admin);
    while (!nvme_ring_take(&c->admin, &completion)) {
        if (time_now() > deadline || nvme_is_gone(c)) {
            log_print("%s: no answer to admin command %#x", c->name, command->opcode);
            return false;
        }
        thread_sleep(NVME_ADMIN_POLL_NS);
    }
    nvme_ring_consumed(&c->admin);
    if (result)
        *result = completion.dw0;
    if (completion.status != 0)
        log_print("%s: admin command %#x fails with status %#x", c->name, command->opcode,
                  completion.status);
    return completion.status == 0;
}

bool nvme_identify(struct nvme *c, uint32_t cns, uint32_t nsid)
{
    struct nvme_command command = {
        .opcode = NVME_ADMIN_IDENTIFY, .nsid = nsid, .prp1 = c->identify.device, .cdw10 = cns};

    memset(c->identify.virtual, 0, c->identify.size);
    return admin_command(c, &command, NULL);
}

static bool controller_enable(struct nvme *c)
{
    uint32_t size = NVME_ADMIN_ENTRIES - 1;

    nvme_ring_reset(&c->admin);
    mmio_write32(c->registers, NVME_REG_AQA, size << 16 | size);
    mmio_write64(c->registers, NVME_REG_ASQ, c->admin.commands.device);
    mmio_write64(c->registers, NVME_REG_ACQ, c->admin.completions.device);
    dma_publish();
    mmio_write32(c->registers, NVME_REG_CC, NVME_CC_START);
    return ready_wait(c, true);
}

/* Ask for @wanted pairs of I/O queues (5.21.1.7); how many we get, at most @wanted. 0: none. */
static uint32_t queues_negotiate(struct nvme *c, uint32_t wanted)
{
    struct nvme_command command = {.opcode = NVME_ADMIN_SET_FEATURES,
                                   .cdw10 = NVME_FEATURE_QUEUES,
                                   .cdw11 = (wanted - 1) << 16 | (wanted - 1)};
    uint32_t granted, submission, completion;

    if (!admin_command(c, &command, &granted))
        return 0;
    submission = (granted & UINT16_MAX) + 1;
    completion = (granted >> 16) + 1;
    granted = submission < completion ? submission : completion;
    return granted < wanted ? granted : wanted;
}

static bool queue_announce(struct nvme *c, const struct nvme_queue *q)
{
    uint32_t size = (q->ring.entries - 1) << 16 | q->id;
    uint32_t vector = c->polled ? 0 : (uint32_t)(q->id - 1);
    struct nvme_command completion = {.opcode = NVME_ADMIN_CREATE_CQ,
                                      .prp1 = q->ring.completions.device,
                                      .cdw10 = size,
                                      .cdw11 = vector << 16 | NVME_QUEUE_INTERRUPTS |
                                               NVME_QUEUE_CONTIGUOUS};
    struct nvme_command submission = {.opcode = NVME_ADMIN_CREATE_SQ,
                                      .prp1 = q->ring.commands.device,
                                      .cdw10 = size,
                                      .cdw11 = (uint32_t)q->id << 16 | NVME_QUEUE_CONTIGUOUS};

    return admin_command(c, &completion, NULL) && admin_command(c, &submission, NULL);
}

bool nvme_start(struct nvme *c)
{
    if (!nvme_disable(c) || !controller_enable(c))
        return false;
    if (queues_negotiate(c, c->queue_count) < c->queue_count)
        return false;
    for (uint32_t i = 0; i < c->queue_count; i++) {
        if (!queue_announce(c, &c->queues[i]))
            return false;
    }
    return true;
}

/* Allocate interrupts for up to @wanted queues, one on each CPU; how many there are. */
static uint32_t interrupts_create(struct nvme *c, uint32_t wanted)
{
    uint32_t n = 0;

    while (n < wanted && irq_alloc(&c->irqs[n], n, nvme_queue_interrupt, &c->queues[n]))
        n++;
    if (n > 0 && pci_enable_msix(c->pci, c->irqs, n))
        return n;
    while (n > 1)
        irq_free(&c->irqs[--n]);
    if (n == 1 && pci_enable_msi(c->pci, c->irqs))
        return 1;
    if (n == 1)
        irq_free(c->irqs);
    log_print("%s: no message-signalled interrupts, polling", c->name);
    c->polled = true;
    return 1;
}

/* How many queues have both their doorbells within the BAR, the admin queue among them. */
static uint32_t doorbell_pairs(const struct nvme *c)
{
    uint64_t pairs =
        (c->pci->bars[0].size - NVME_REG_DOORBELLS) / (2ull * NVME_CAP_DSTRD(c->capabilities));

    return pairs < UINT16_MAX ? (uint32_t)pairs : UINT16_MAX;
}

static uint32_t queues_wanted(const struct nvme *c)
{
    uint32_t n = cpu_count();

    if (n > NVME_MAX_QUEUES)
        n = NVME_MAX_QUEUES;
    if (c->pci->msix_count > 0 && n > c->pci->msix_count)
        n = c->pci->msix_count;
    if (n > doorbell_pairs(c) - 1)
        n = doorbell_pairs(c) - 1;
    return n;
}

static bool queues_create(struct nvme *c, uint32_t count)
{
    c->queues = kalloc(count * sizeof(*c->queues));
    c->irqs = kalloc(count * sizeof(*c->irqs));
    if (!c->queues || !c->irqs)
        return false;
    c->queue_count = interrupts_create(c, count);
    for (uint32_t i = 0; i < c->queue_count; i++) {
        if (!nvme_queue_create(&c->queues[i], c, (uint16_t)(i + 1)))
            return false;
    }
    return true;
}

static bool controller_suits(const struct nvme *c)
{
    uint64_t cap = c->capabilities;

    return (cap & NVME_CAP_NVM_COMMANDS) && NVME_CAP_MPSMIN(cap) == 0 && NVME_CAP_MQES(cap) >= 2 &&
           doorbell_pairs(c) >= 2;
}

bool nvme_create(struct nvme *c)
{
    uint32_t count;

    c->capabilities = mmio_read64(c->registers, NVME_REG_CAP);
    if (!controller_suits(c)) {
        log_print("%s: not a controller for this driver, CAP %#llx", c->name,
                  (unsigned long long)c->capabilities);
        return false;
    }
    c->io_entries = NVME_CAP_MQES(c->capabilities);
    if (c->io_entries > NVME_IO_ENTRIES)
        c->io_entries = NVME_IO_ENTRIES;
    if (!nvme_ring_create(c, &c->admin, 0, NVME_ADMIN_ENTRIES) ||
        !dma_alloc(&c->identify, NVME_PAGE_SIZE))
        return false;
    if (!nvme_disable(c) || !controller_enable(c))
        return false;
    count = queues_negotiate(c, queues_wanted(c));
    return count > 0 && queues_create(c, count) && nvme_start(c);
}

void nvme_destroy(struct nvme *c)
{
    pci_disable(c->pci);
    for (uint32_t i = 0; i < c->queue_count; i++) {
        if (!c->polled)
            irq_free(&c->irqs[i]);
        nvme_ring_destroy(&c->queues[i].ring);
        dma_free(&c->queues[i].lists);
    }
    nvme_ring_destroy(&c->admin);
    dma_free(&c->identify);
    kfree(c->queues);
    kfree(c->irqs);
    kfree(c);
}
