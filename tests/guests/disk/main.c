/* SPDX-License-Identifier: MIT */
/* main.c - the disk guest: hashes the first disk of its SCSI controller, and may write to it. What
 * it does and its arguments are in docs/guests.md. */
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <rt/sha256.h>
#include <x86/insn.h>

#include "disk.h"

#define DEPTH_DEFAULT 8u
#define DEPTH_MAX     256u

struct disk disk;

static uint32_t joined; /* [a] VPs whose SynIC is on */

/* ---- arguments ---- */

/* @key=NUMBER,... : @count of them, of which the second, a length, is not 0; *@given: it is there.
 * False: it is there and is not that. */
static bool numbers_get(const char *key, uint64_t *numbers, uint32_t count, bool *given)
{
    char text[2];

    *given = guest_arg_text(guest_command_line(), key, text, sizeof(text));
    return !*given ||
           (guest_arg_numbers(guest_command_line(), key, numbers, count) && numbers[1] > 0);
}

static bool stretches_get(struct disk_options *o)
{
    uint64_t write[3] = {0}, unmap[2] = {0};
    bool ok =
        numbers_get("write", write, 3, &o->write) && numbers_get("unmap", unmap, 2, &o->unmap);

    o->write_offset = write[0];
    o->write_bytes = write[1];
    o->write_seed = write[2];
    o->unmap_offset = unmap[0];
    o->unmap_bytes = unmap[1];
    return ok;
}

static bool options_get(struct disk_options *o)
{
    const char *line = guest_command_line();

    *o = (struct disk_options){
        .piece = guest_arg_number(line, "piece", 0),
        .depth = guest_arg_number(line, "depth", DEPTH_DEFAULT),
        .channels = guest_arg_number(line, "channels", 0),
        .loops = guest_arg_number(line, "loops", 1),
        .lun = (uint8_t)guest_arg_number(line, "lun", 0),
        .forever = guest_arg_number(line, "forever", 0) != 0,
        .ledger = guest_arg_number(line, "ledger", 0) != 0,
        .errors = guest_arg_number(line, "errors", 0) != 0,
        .forced = guest_arg_number(line, "forced", 0) != 0,
    };
    return stretches_get(o) && o->depth > 0 && o->depth <= DEPTH_MAX;
}

/* Whether a stretch is whole sectors of the disk. */
static bool stretch_fits(uint64_t offset, uint64_t bytes)
{
    uint64_t size = disk_bytes();

    return offset % disk.sector_size == 0 && bytes % disk.sector_size == 0 && offset <= size &&
           bytes <= size - offset;
}

static bool stretches_fit(void)
{
    const struct disk_options *o = &disk.options;

    return (!o->write || stretch_fits(o->write_offset, o->write_bytes)) &&
           (!o->unmap || (stretch_fits(o->unmap_offset, o->unmap_bytes) &&
                          o->unmap_bytes / disk.sector_size <= UINT32_MAX));
}

/* ---- what is done ---- */

static bool cache_flush(void)
{
    static struct storvsc_request r;

    if (disk.options.forced) /* each write was on the medium when it was answered */
        return true;
    storvsc_prepare_flush(&r);
    if (controller_run(&r))
        return true;
    controller_failed(&r, 0);
    return false;
}

static void stretch_unmap(void)
{
    const struct disk_options *o = &disk.options;
    static struct storvsc_request r;
    static uint8_t *data;

    if (!data)
        data = guest_memory(STORVSC_UNMAP_BYTES);
    storvsc_data(&r, guest_page_numbers(data, 1), 0, STORVSC_UNMAP_BYTES);
    storvsc_prepare_unmap(&r, data, o->unmap_offset / disk.sector_size,
                          (uint32_t)(o->unmap_bytes / disk.sector_size));
    if (!controller_run(&r))
        controller_failed(&r, o->unmap_offset);
    else
        guest_printf("disk: unmapped offset=%llu bytes=%llu\n", (unsigned long long)o->unmap_offset,
                     (unsigned long long)o->unmap_bytes);
}

/* Write the pattern, have it on the medium, read it back. False: something else is read. */
static bool stretch_write(void)
{
    const struct disk_options *o = &disk.options;
    uint64_t done;
    bool written = pieces_run(PIECES_WRITE, o->write_offset, o->write_bytes, NULL, &done) &&
                   done == o->write_bytes && cache_flush();

    if (!pieces_run(PIECES_VERIFY, o->write_offset, o->write_bytes, NULL, &done))
        return !written; /* what could not be written need not be there */
    if (written && done == o->write_bytes)
        guest_printf("disk: wrote offset=%llu bytes=%llu seed=%llu\n",
                     (unsigned long long)o->write_offset, (unsigned long long)o->write_bytes,
                     (unsigned long long)o->write_seed);
    return true;
}

/* False: no byte can be read any more. */
static bool disk_hash(void)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    char text[SHA256_HEX_SIZE];
    struct sha256 sha256;
    uint64_t done;

    sha256_init(&sha256);
    (void)pieces_run(PIECES_HASH, 0, disk_bytes(), &sha256, &done);
    sha256_final(&sha256, digest);
    sha256_hex(digest, text);
    guest_printf("disk: sha256=%s bytes=%llu\n", text, (unsigned long long)done);
    return done > 0;
}

static bool loops_run(void)
{
    uint64_t loop = 0;

    do {
        if (disk.options.write && !stretch_write())
            return false;
        if (disk.options.unmap)
            stretch_unmap();
        if (!disk_hash())
            break;
        if (disk.options.ledger && !controller_ledger())
            return false;
        loop++;
    } while (disk.options.forever || loop < disk.options.loops);
    if (disk.options.errors)
        guest_printf("disk: errors=%llu\n", (unsigned long long)disk.failed);
    return true;
}

/* Each answer has come that will ever come. */
static bool all_closed(void)
{
    pieces_end();
    controller_close();
    return !disk.options.ledger || controller_ledger();
}

/* ---- VPs ---- */

static void vp_main(void)
{
    guest_bus_join();
    __atomic_fetch_add(&joined, 1, __ATOMIC_RELEASE); /* pairs with others_start() */
    pieces_serve(guest_cpu_this()->index);
    for (;;)
        guest_halt();
}

static void others_start(const struct guest_boot *boot)
{
    guest_others_start(boot, vp_main);
    while (__atomic_load_n(&joined, __ATOMIC_ACQUIRE) < boot->vp_count - 1)
        insn_pause();
}

static uint32_t channels_wanted(void)
{
    uint64_t wanted = disk.options.channels;

    return wanted > 0 && wanted < disk.vps ? (uint32_t)wanted : disk.vps;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    disk.vps = boot->vp_count;
    if (!options_get(&disk.options)) {
        guest_printf("disk: the arguments make no sense\n");
        return GUEST_EXIT_USAGE;
    }
    disk.depth = (uint32_t)disk.options.depth;
    if (!guest_bus_connect())
        return GUEST_EXIT_FAILED;
    others_start(boot);
    if (!controller_open(channels_wanted()))
        return GUEST_EXIT_FAILED;
    pieces_prepare();
    if (!stretches_fit()) {
        guest_printf("disk: what is to be written is not whole sectors of the disk\n");
        return GUEST_EXIT_USAGE;
    }
    if (!loops_run() || !all_closed())
        return GUEST_EXIT_FAILED;
    guest_bus_leave();
    guest_printf("disk: done\n");
    return GUEST_EXIT_OK;
}
