/* SPDX-License-Identifier: MIT */
/* guest_world.h - a toy guest on the host: root's end of bus and storage (vmbus/server.h,
 * vsp/storvsp) with a disk, and what the guest has instead of its library. Its VPs are threads;
 * root runs while VP 0 waits. Each run is a process of its own, so that a guest begins as it does
 * in a child. */
#ifndef GUEST_WORLD_H
#define GUEST_WORLD_H

#include "guest.h"
#include "storage_fakes.h"

#define WORLD_SECTORS     4096u
#define WORLD_SECTOR_SIZE 512u
#define WORLD_BYTES       (WORLD_SECTORS * WORLD_SECTOR_SIZE)

/* The disk that the guest has; its data is made from a seed. */
struct fake_disk *world_disk(void);

/* What the guest has printed; the disk's data as sha256sum prints it. */
const char *world_output(void);
const char *world_disk_sha256(void);

/* Run guest_main() with this command line: before it, @prepare may change the world; after it
 * @check says whether all is as it should be. Fails the test unless the guest ended with @code,
 * @check agrees (both may be NULL), and root has everything back. */
void world_run(const char *command_line, uint32_t vps, uint8_t code, void (*prepare)(void),
               bool (*check)(void));

#endif
