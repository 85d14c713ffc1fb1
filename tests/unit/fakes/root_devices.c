/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_devices.c - what /dev/root, /dev/disk and /dev/net look at, see
 * root_process.h: two CPUs, three options and two modules of boot.cfg, a short log, a disk of which
 * nobody sees the contents, a network card and a port. Hand-off and log are the shipped ones. */
#include <stdlib.h>
#include <string.h>
#include "boot/handoff.h"
#include "cpu/cpu.h"
#include "fakes/root_process.h"
#include "io/block_stream.h"
#include "io/console.h"
#include "log.h"
#include "mm/memory.h"
#include "net/net.h"
#include "net/nic.h"
#include "panic.h"
#include "sched/sched.h"
#include "sched/time.h"

enum { CPUS = 2, TSC_HZ = 1000000000, SECTOR_SIZE = 512, SECTORS = 8 };

static struct thread threads[CPUS] = {{.name = "idle"}, {.name = "shell"}};
static struct cpu cpus[CPUS];

static struct boot_module modules[] = {{.name = "shell.elf", .size = FAKE_MODULE_SIZE},
                                       {.name = "hello.elf", .size = 1}};
static const uint32_t apic_ids[CPUS] = {0, 4};
static const char options[] = "selftest=yes\nempty=\nlast=of all\n";

static struct block_device disk = {
    .name = "mem0", .sector_size = SECTOR_SIZE, .sector_count = SECTORS};

/* Modules lie at a multiple of 2 MiB; byte i of one is FAKE_MODULE_BYTE(i). */
static void fill_modules(void)
{
    for (unsigned m = 0; m < sizeof(modules) / sizeof(modules[0]); m++) {
        uint64_t pages = (modules[m].size + PAGE_SIZE - 1) / PAGE_SIZE;
        void *p = NULL;

        if (posix_memalign(&p, PAGE_SIZE_2M, pages * PAGE_SIZE) != 0)
            abort();
        memset(p, 0xee, pages * PAGE_SIZE);
        for (uint64_t i = 0; i < modules[m].size; i++)
            ((uint8_t *)p)[i] = FAKE_MODULE_BYTE(i);
        modules[m].base = (uintptr_t)p;
    }
}

/* Once: what it allocates stays. */
void fake_devices_init(void)
{
    const struct boot_info info = {
        .magic = BOOT_INFO_MAGIC,
        .version = BOOT_INFO_VERSION,
        .size = sizeof(info),
        .module_count = sizeof(modules) / sizeof(modules[0]),
        .modules = (uintptr_t)modules,
        .lp_count = CPUS,
        .lp_apic_ids = (uintptr_t)apic_ids,
        .options = (uintptr_t)options,
    };

    if (handoff_info()->magic == BOOT_INFO_MAGIC)
        return;
    fill_modules();
    if (handoff_take(&info) != NULL || !handoff_copy())
        abort();
    handoff_trim_modules();
    for (uint32_t i = 0; i < CPUS; i++) {
        cpus[i].apic_id = apic_ids[i];
        cpus[i].run_queue.idle = &threads[0];
        cpus[i].run_queue.running = &threads[i];
    }
    log_print("a first line");
    log_print("a second line");
}

uint32_t cpu_count(void)
{
    return CPUS;
}

struct cpu *cpu_get(uint32_t index)
{
    if (index >= CPUS)
        abort();
    return &cpus[index];
}

uint64_t spin_lock(struct spinlock *l)
{
    if (l->next != l->owner)
        abort();
    l->next++;
    return 0;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    (void)flags;
    if (l->next != l->owner + 1)
        abort();
    l->owner++;
}

void console_write(const char *text, size_t length)
{
    fake_console_write(text, length);
}

const char *build_id(void)
{
    return "0123456789abcdef0123456789abcdef01234567";
}

uint64_t time_tsc_frequency(void)
{
    return TSC_HZ;
}

void memory_totals(struct memory_totals *t)
{
    *t = (struct memory_totals){.total = 1 << 20, .free = 1 << 19};
}

void block_for_each(bool (*visit)(struct block_device *device, void *context), void *context)
{
    (void)visit(&disk, context);
}

static struct nic card = {
    .name = "card0", .link = true, .statistics = {.sent = 1, .sent_bytes = 60}};
static struct vswitch network = {.name = "switch0"};
static struct vswitch_port port = {.config = {.name = "card0", .uplink = true},
                                   .statistics = {.in = 2, .spoofed = 2}};
enum { PORT_SLOT = 3 };

void nic_for_each(bool (*visit)(struct nic *nic, void *context), void *context)
{
    (void)visit(&card, context);
}

struct vswitch *net_switch(uint32_t index)
{
    return index == 0 ? &network : NULL;
}

struct vswitch_port *vswitch_port_get(struct vswitch *s, uint32_t *slot, uint32_t *learned)
{
    if (s != &network || *slot > PORT_SLOT)
        return NULL;
    *slot = PORT_SLOT;
    *learned = 0;
    port.users++;
    return &port;
}

void vswitch_port_put(struct vswitch_port *p)
{
    if (p != &port || p->users-- != 1)
        abort();
}

/* It has no port of its own. */
bool net_root_tell(struct net_root *out)
{
    (void)out;
    return false;
}

/* @name must be what ring 3 gave, ended within its field. */
struct block_device *block_find(const char *name)
{
    if (memchr(name, '\0', sizeof(disk.name)) == NULL)
        abort();
    return strcmp(name, disk.name) == 0 ? &disk : NULL;
}

static enum block_stream_result with_memory(enum block_stream_result result)
{
    void *p = kalloc(SECTOR_SIZE);

    kfree(p);
    return p == NULL ? BLOCK_STREAM_NO_MEMORY : result;
}

enum block_stream_result block_hash(struct block_device *device, uint8_t digest[SHA256_DIGEST_SIZE])
{
    if (device != &disk)
        abort();
    memset(digest, 1, SHA256_DIGEST_SIZE);
    return with_memory(BLOCK_STREAM_OK);
}

enum block_stream_result block_read_through(struct block_device *device)
{
    if (device != &disk)
        abort();
    return with_memory(BLOCK_STREAM_OK);
}

enum block_stream_result block_fill(struct block_device *device, uint64_t seed)
{
    if (device != &disk)
        abort();
    return with_memory(seed % 2 == 0 ? BLOCK_STREAM_OK : BLOCK_STREAM_IO_ERROR);
}

/* It cannot discard. */
enum block_status block_discard(struct block_device *device)
{
    if (device != &disk)
        abort();
    return BLOCK_UNSUPPORTED;
}
