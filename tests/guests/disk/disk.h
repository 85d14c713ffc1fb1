/* SPDX-License-Identifier: MIT */
/* disk.h - the parts of the disk guest. VP 0 decides what is done; VP i does what goes through
 * channel i. */
#ifndef DISK_H
#define DISK_H

#include <storvsc/storvsc.h>

#include "bus.h"

/* What the command line says. */
struct disk_options {
    uint64_t piece, depth, channels, loops; /* 0: chosen here */
    uint64_t write_offset, write_bytes, write_seed;
    uint64_t unmap_offset, unmap_bytes;
    uint8_t lun;
    bool write, unmap, forced, forever, ledger, errors;
};

struct disk {
    struct storvsc storvsc;
    struct disk_options options;
    uint32_t vps, channels;
    uint32_t depth; /* requests that may be in flight in all */
    uint64_t sectors;
    uint32_t sector_size;
    uint32_t transfer_max; /* bytes of a request */
    uint64_t failed;       /* requests that did; each has been printed, up to a limit */
};

extern struct disk disk;

static inline uint64_t disk_bytes(void)
{
    return disk.sectors * disk.sector_size;
}

/* ---- controller.c ---- */

/* Wait for a SCSI controller, open it with up to @channels channels, each for its VP, of which all
 * have joined the bus, and find out the disk's size and limits. False, with a line printed. */
bool controller_open(uint32_t channels);

/* Have @r done on the primary channel, on VP 0, and wait for it. */
bool controller_run(struct storvsc_request *r);

/* Close all channels, which nobody uses any more; answers that came until then and belong to no
 * request count as stray. */
void controller_close(void);

/* A request failed: print how, and end the guest unless errors=1. */
void controller_failed(const struct storvsc_request *r, uint64_t offset);

/* Each request that went out was answered once, or a line says what is wrong. All are over. */
bool controller_ledger(void);

/* ---- pieces.c: a stretch of the disk in pieces, many of them under way ---- */

enum pieces_job {
    PIECES_HASH,   /* read, and hash in order */
    PIECES_WRITE,  /* write the pattern */
    PIECES_VERIFY, /* read, and compare with the pattern */
};

/* Allocate the buffers. Before the first run. */
void pieces_prepare(void);

/* Do @job with @bytes from @offset on, multiples of the sector size. @sha256: of PIECES_HASH.
 * False: something is not as it was written. *@done gets the bytes of requests that did not fail.
 */
struct sha256;
bool pieces_run(enum pieces_job job, uint64_t offset, uint64_t bytes, struct sha256 *sha256,
                uint64_t *done);

/* VP @vp's share: what it does until the end. */
void pieces_serve(uint32_t vp);

/* The last run is over: the other VPs rest, and have left their channels when this returns. */
void pieces_end(void);

#endif
