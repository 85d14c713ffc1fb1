/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_ahci.c - see fake_ahci.h. Written from AHCI 1.3.1 and ACS-3. */
#include <stdlib.h>
#include <string.h>
#include "fake_ahci.h"
#include "io/mmio.h"

#define REGISTERS_SIZE 0x1000u
#define SIG_OPTICAL    0xeb140101u

struct fake_ahci ahci;

static uint32_t *hba_register(uint32_t offset)
{
    return (uint32_t *)(void *)(ahci.registers + offset);
}

static uint32_t *port_register(uint32_t port, uint32_t offset)
{
    return hba_register(AHCI_PORTS + port * AHCI_PORT_STRIDE + offset);
}

static uint32_t *disk_register(uint32_t offset)
{
    return port_register(FAKE_AHCI_DISK, offset);
}

void fake_ahci_make(void)
{
    memset(&ahci, 0, sizeof(ahci));
    memset(&fake_pci, 0, sizeof(fake_pci));
    fake_pci.irq_limit = UINT32_MAX;
    ahci.bad_sector = UINT64_MAX;
    ahci.queue_depth = 32;
    ahci.registers = calloc(1, REGISTERS_SIZE);
    ahci.disk = calloc(FAKE_AHCI_SECTORS, FAKE_AHCI_SECTOR);
    ahci.pci = (struct pci_device){.class_code = AHCI_CLASS,
                                   .subclass = AHCI_SUBCLASS,
                                   .prog_if = AHCI_PROG_IF,
                                   .msi_capability = 0x50};
    ahci.pci.bars[AHCI_BAR] =
        (struct pci_bar){.base = (uintptr_t)ahci.registers, .size = REGISTERS_SIZE};
    *hba_register(AHCI_CAP) = AHCI_CAP_64BIT | AHCI_CAP_NCQ | 31u << 8;
    *hba_register(AHCI_PI) = 1u << 0 | 1u << 1 | 1u << 2;
    *disk_register(AHCI_PORT_SSTS) = 0x123;
    *disk_register(AHCI_PORT_SIG) = AHCI_SIG_DISK;
    *disk_register(AHCI_PORT_TFD) = 0x50;
    *port_register(2, AHCI_PORT_SSTS) = 0x123;
    *port_register(2, AHCI_PORT_SIG) = SIG_OPTICAL;
}

void fake_ahci_drop(void)
{
    free(ahci.registers);
    free(ahci.disk);
}

static void interrupt(uint32_t bits)
{
    *disk_register(AHCI_PORT_IS) |= bits;
    if (!(*disk_register(AHCI_PORT_IS) & *disk_register(AHCI_PORT_IE)))
        return;
    *hba_register(AHCI_IS) |= 1u << FAKE_AHCI_DISK;
    if (*hba_register(AHCI_GHC) & AHCI_GHC_INTERRUPTS)
        fake_pci_raise(0);
}

void fake_ahci_unplug(void)
{
    *disk_register(AHCI_PORT_SSTS) = 0;
    interrupt(AHCI_IS_PHY);
}

uint32_t fake_mmio_read32(const volatile void *base, uint32_t offset)
{
    if (ahci.removed)
        return UINT32_MAX;
    return *(const volatile uint32_t *)((const volatile char *)base + offset);
}

static void port_command_write(uint32_t *reg, uint32_t v)
{
    uint32_t runs = 0;

    if (v & AHCI_CMD_START || (ahci.stuck && (*reg & AHCI_CMD_LIST_RUNS)))
        runs |= AHCI_CMD_LIST_RUNS;
    if (v & AHCI_CMD_FIS)
        runs |= AHCI_CMD_FIS_RUNS;
    if (!(runs & AHCI_CMD_LIST_RUNS) && reg == disk_register(AHCI_PORT_CMD)) {
        *disk_register(AHCI_PORT_CI) = 0;
        *disk_register(AHCI_PORT_SACT) = 0;
        ahci.swallowed = 0;
    }
    *reg = (v & ~(AHCI_CMD_LIST_RUNS | AHCI_CMD_FIS_RUNS)) | runs;
}

static void port_control_write(uint32_t *reg, uint32_t v)
{
    if ((*reg & AHCI_SCTL_DET) == AHCI_SCTL_DET_RESET && !(v & AHCI_SCTL_DET)) {
        ahci.link_resets++;
        ahci.queue_error = false;
        *disk_register(AHCI_PORT_TFD) = 0x50;
    }
    *reg = v;
}

void fake_mmio_write32(volatile void *base, uint32_t offset, uint32_t v)
{
    uint32_t *reg = (uint32_t *)((uintptr_t)base + offset);
    uint32_t at = (uint32_t)((uintptr_t)reg - (uintptr_t)ahci.registers);

    if (ahci.removed)
        return;
    if (at < AHCI_PORTS) {
        *reg = at == AHCI_IS ? *reg & ~v : at == AHCI_GHC ? v & ~AHCI_GHC_RESET : v;
        return;
    }
    switch ((at - AHCI_PORTS) % AHCI_PORT_STRIDE) {
    case AHCI_PORT_IS:
    case AHCI_PORT_SERR:
        *reg &= ~v;
        break;
    case AHCI_PORT_CI:
    case AHCI_PORT_SACT:
        *reg |= v;
        break;
    case AHCI_PORT_CMD:
        port_command_write(reg, v);
        break;
    case AHCI_PORT_SCTL:
        port_control_write(reg, v);
        break;
    default:
        *reg = v;
        break;
    }
}

static void identify(uint16_t *words)
{
    memset(words, 0, 512);
    words[ATA_ID_COMMANDS_2] = ATA_ID_LBA48;
    words[ATA_ID_SECTORS] = FAKE_AHCI_SECTORS;
    words[ATA_ID_DATA_SET] = ATA_ID_DATA_SET_TRIM;
    memset(words + ATA_ID_MODEL, ' ', 40);
    words[ATA_ID_MODEL] = 'F' << 8 | 'a';
    if (ahci.queue_depth) {
        words[ATA_ID_SATA] = ATA_ID_SATA_NCQ;
        words[ATA_ID_QUEUE_DEPTH] = (uint16_t)(ahci.queue_depth - 1);
    }
}

static uint64_t fis_lba(const struct ahci_fis *f)
{
    return f->lba0 | (uint64_t)f->lba1 << 8 | (uint64_t)f->lba2 << 16 | (uint64_t)f->lba3 << 24 |
           (uint64_t)f->lba4 << 32 | (uint64_t)f->lba5 << 40;
}

static void prdt_copy(const struct ahci_command_header *h, uint8_t *disk, uint32_t total, bool in)
{
    const struct ahci_command_table *table = (void *)(uintptr_t)h->table;
    uint32_t entries = h->flags >> AHCI_HEADER_PRDTL_SHIFT;

    for (uint32_t i = 0; i < entries && total > 0; i++) {
        uint8_t *memory = (uint8_t *)(uintptr_t)table->prdt[i].address;
        uint32_t n = table->prdt[i].count + 1;

        n = n < total ? n : total;
        memcpy(in ? memory : disk, in ? disk : memory, n);
        disk += n;
        total -= n;
    }
    if (total > 0)
        abort(); /* the command table is shorter than the transfer */
}

static bool is_queued(uint8_t command)
{
    return command == ATA_READ_QUEUED || command == ATA_WRITE_QUEUED;
}

/* 0, or the error register. */
static uint32_t transfer(const struct ahci_command_header *h, const struct ahci_fis *f)
{
    bool queued = is_queued(f->command);
    uint32_t sectors = queued ? f->features | (uint32_t)f->features_high << 8
                              : f->count | (uint32_t)f->count_high << 8;
    bool write = f->command == ATA_WRITE_QUEUED || f->command == ATA_WRITE_DMA_EXT;
    uint64_t first = fis_lba(f);

    if (first + sectors > FAKE_AHCI_SECTORS)
        return ATA_ERROR_NOT_FOUND;
    if (ahci.bad_sector >= first && ahci.bad_sector < first + sectors)
        return ATA_ERROR_UNCORRECTED;
    if (write != ((h->flags & AHCI_HEADER_WRITE) != 0))
        return ATA_ERROR_ABORT;
    ahci.largest = sectors > ahci.largest ? sectors : ahci.largest;
    prdt_copy(h, ahci.disk + first * FAKE_AHCI_SECTOR, sectors * FAKE_AHCI_SECTOR, !write);
    return 0;
}

static void trim(const struct ahci_command_header *h)
{
    uint64_t ranges[ATA_TRIM_RANGES];

    prdt_copy(h, (uint8_t *)ranges, sizeof(ranges), false);
    for (uint32_t i = 0; i < ATA_TRIM_RANGES; i++)
        memset(ahci.disk + (ranges[i] & 0xffffffffffffull) * FAKE_AHCI_SECTOR, 0,
               (ranges[i] >> 48) * FAKE_AHCI_SECTOR);
}

static void order_note(char c)
{
    size_t n = strlen(ahci.order);

    if (n + 1 < sizeof(ahci.order))
        ahci.order[n] = c;
}

static uint32_t command_perform(const struct ahci_command_header *h, const struct ahci_fis *f)
{
    static const struct {
        uint8_t command;
        char letter;
    } letters[] = {{ATA_READ_QUEUED, 'R'},   {ATA_WRITE_QUEUED, 'W'}, {ATA_READ_DMA_EXT, 'r'},
                   {ATA_WRITE_DMA_EXT, 'w'}, {ATA_FLUSH_EXT, 'f'},    {ATA_DATA_SET, 't'}};
    const struct ahci_command_table *table = (void *)(uintptr_t)h->table;

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (f->command == letters[i].command)
            order_note(letters[i].letter);
    }
    if (f->type != AHCI_FIS_REGISTER || !(f->flags & AHCI_FIS_COMMAND))
        return ATA_ERROR_ABORT;
    if (f->command == ATA_IDENTIFY)
        identify((uint16_t *)(uintptr_t)table->prdt[0].address);
    else if (f->command == ATA_FLUSH_EXT)
        ahci.flushes++;
    else if (f->command == ATA_DATA_SET)
        trim(h);
    else
        return transfer(h, f);
    return 0;
}

static void slot_perform(uint32_t slot)
{
    const struct ahci_command_header *headers =
        (void *)(uintptr_t)(*disk_register(AHCI_PORT_CLB) |
                            (uint64_t)*disk_register(AHCI_PORT_CLB + 4) << 32);
    const struct ahci_command_header *h = &headers[slot];
    struct ahci_fis fis = *(const struct ahci_fis *)(uintptr_t)h->table;
    bool queued = is_queued(fis.command);
    uint32_t error;

    ahci.commands++;
    ahci.queued += queued;
    if (queued)
        *disk_register(AHCI_PORT_CI) &= ~(1u << slot);
    if (ahci.hold > 0) {
        ahci.hold--;
        ahci.swallowed |= 1u << slot;
        return;
    }
    error = command_perform(h, &fis);
    if (error) {
        *disk_register(AHCI_PORT_TFD) = error << 8 | 0x51;
        ahci.queue_error = true;
        interrupt(AHCI_IS_TASK_FILE);
        return;
    }
    *disk_register(queued ? AHCI_PORT_SACT : AHCI_PORT_CI) &= ~(1u << slot);
    interrupt(queued ? AHCI_IS_SDB : AHCI_IS_D2H);
}

void fake_ahci_step(void)
{
    uint32_t queued = *disk_register(AHCI_PORT_SACT), todo;
    uint32_t other = *disk_register(AHCI_PORT_CI) & ~queued, flying;

    if (ahci.removed || *disk_register(AHCI_PORT_SSTS) == 0)
        return;
    ahci.mixed += queued != 0 && other != 0;
    flying = (uint32_t)__builtin_popcount(queued | other);
    ahci.deepest = flying > ahci.deepest ? flying : ahci.deepest;
    todo = (queued | other) & ~ahci.swallowed;
    for (uint32_t slot = 0; slot < 32; slot++) {
        if ((todo & 1u << slot) && (*disk_register(AHCI_PORT_CMD) & AHCI_CMD_LIST_RUNS) &&
            !ahci.queue_error)
            slot_perform(slot);
    }
}
