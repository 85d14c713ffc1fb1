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

/* The number at *@text, decimal, and what stands behind it and @separator. False: there is none. */
static bool number_take(const char **text, char separator, uint64_t *number)
{
    const char *c = *text;

    *number = 0;
    if (*c < '0' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');

        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    *text = c + 1;
    return *c == separator;
}

/* write=OFFSET,LENGTH,SEED */
static bool write_parse(struct disk_options *o)
{
    char text[80];
    const char *c = text;

    if (!guest_arg_text(guest_command_line(), "write", text, sizeof(text)))
        return true;
    o->write = true;
    return number_take(&c, ',', &o->write_offset) && number_take(&c, ',', &o->write_bytes) &&
           number_take(&c, 0, &o->write_seed) && o->write_bytes > 0;
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
    };
    return write_parse(o) && o->depth > 0 && o->depth <= DEPTH_MAX;
}

/* Whether what is to be written is whole sectors of the disk. */
static bool write_fits(void)
{
    const struct disk_options *o = &disk.options;
    uint64_t size = disk_bytes();

    return !o->write ||
           (o->write_offset % disk.sector_size == 0 && o->write_bytes % disk.sector_size == 0 &&
            o->write_offset <= size && o->write_bytes <= size - o->write_offset);
}

/* ---- what is done ---- */

static bool cache_flush(void)
{
    static struct storvsc_request r;

    storvsc_prepare_flush(&r);
    if (controller_run(&r))
        return true;
    controller_failed(&r, 0);
    return false;
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
        if (!disk_hash())
            break;
        loop++;
    } while (disk.options.forever || loop < disk.options.loops);
    if (disk.options.errors)
        guest_printf("disk: errors=%llu\n", (unsigned long long)disk.failed);
    return !disk.options.ledger || controller_ledger();
}

/* ---- VPs ---- */

static void vp_main(void)
{
    guest_bus_join();
    __atomic_fetch_add(&joined, 1, __ATOMIC_RELEASE); /* pairs with others_start() */
    pieces_serve(guest_cpu_this()->index);
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
    if (!write_fits()) {
        guest_printf("disk: what is to be written is not whole sectors of the disk\n");
        return GUEST_EXIT_USAGE;
    }
    if (!loops_run())
        return GUEST_EXIT_FAILED;
    guest_bus_leave();
    guest_printf("disk: done\n");
    return GUEST_EXIT_OK;
}
