/* SPDX-License-Identifier: MIT */
/* storvsc/storvsc.h - a driver for synthetic SCSI controllers.
 *
 *   the bus offers a channel with storvsc_is_ours(); open it (vmbus/client.h), then
 *   storvsc_init() and storvsc_begin()           -> ready()
 *   the bus offers sub-channels, if any were asked for; open each, then storvsc_channel_add()
 *   storvsc_prepare_*(), storvsc_submit() ...,
 *   storvsc_flush()                              -> the request's done(), from storvsc_poll()
 *
 * Nothing waits and nothing is allocated: requests and slots are the user's memory. The server is
 * trusted to be there, not to be right: an answer that belongs to no request is counted and
 * dropped.
 *
 * Rules: the user serialises the calls for one channel, callbacks included, which may submit.
 * storvsc_begin(), _reset() and what follows from them are the primary channel's. */
#ifndef STORVSC_STORVSC_H
#define STORVSC_STORVSC_H

#include <stdbool.h>
#include <stdint.h>
#include <vmbus/channel.h>
#include <vspabi/scsi.h>
#include <vspabi/storage.h>

#define STORVSC_CHANNELS_MAX  64u
#define STORVSC_PAGES_MAX     1025u /* of a request: 4 MiB, not aligned */
#define STORVSC_UNMAP_BYTES   (SCSI_UNMAP_HEADER_BYTES + SCSI_UNMAP_DESCRIPTOR_BYTES)
#define STORVSC_BUFFER_BYTES  128u        /* all that a server may send at once */
#define STORVSC_STATUS_CLOSED 0xc0000120u /* request.status: its channel was closed */

struct storvsc;
struct storvsc_channel;

/* ---- requests ----------------------------------------------------------------------------- */

/* The user's memory; the driver's from storvsc_submit() to done(). */
struct storvsc_request {
    uint8_t cdb[SCSI_CDB_MAX];
    uint8_t cdb_length;
    uint8_t direction; /* STORAGE_DATA_* */
    uint8_t lun;
    uint32_t length;       /* bytes of data; 0: none */
    uint32_t offset;       /* of the data in its first page */
    const uint64_t *pages; /* numbers of all pages that it touches */

    void (*done)(struct storvsc_request *r);
    void *context; /* the user's */

    /* How it went, in done() and after. */
    uint32_t status;      /* STORAGE_STATUS_*, STORVSC_STATUS_CLOSED */
    uint8_t srb_status;   /* STORAGE_SRB_* */
    uint8_t scsi_status;  /* SCSI_STATUS_* */
    uint8_t sense_bytes;  /* of @sense */
    uint32_t transferred; /* bytes */
    uint8_t sense[STORAGE_SENSE_BYTES];
};

/* Fill in CDB and direction; the data (storvsc_data()) and the rest stay. */
void storvsc_prepare_ready(struct storvsc_request *r);
void storvsc_prepare_read(struct storvsc_request *r, uint64_t sector, uint32_t count);
void storvsc_prepare_write(struct storvsc_request *r, uint64_t sector, uint32_t count,
                           bool force_unit_access);
void storvsc_prepare_flush(struct storvsc_request *r);
void storvsc_prepare_capacity(struct storvsc_request *r); /* SCSI_CAPACITY_16_BYTES of data */
void storvsc_prepare_inquiry(struct storvsc_request *r, uint16_t bytes);
void storvsc_prepare_vpd(struct storvsc_request *r, uint8_t page, uint16_t bytes);
void storvsc_prepare_luns(struct storvsc_request *r, uint32_t bytes);
/* @list gets STORVSC_UNMAP_BYTES; they are the data of the request. */
void storvsc_prepare_unmap(struct storvsc_request *r, uint8_t *list, uint64_t sector,
                           uint32_t count);

void storvsc_data(struct storvsc_request *r, const uint64_t *pages, uint32_t offset,
                  uint32_t length);

/* What storvsc_prepare_capacity() brought. False: it makes no sense. */
bool storvsc_capacity(const struct storvsc_request *r, const uint8_t *data, uint64_t *sectors,
                      uint32_t *sector_size);

/* It did what it was to. */
bool storvsc_succeeded(const struct storvsc_request *r);

/* Its sense data as SCSI_SENSE_OF(); SCSI_SENSE_NONE: it has none. */
uint32_t storvsc_sense(const struct storvsc_request *r);

/* ---- channels ----------------------------------------------------------------------------- */

/* One request under way. The driver's own. */
struct storvsc_slot {
    struct storvsc_request *request; /* NULL: free */
    uint32_t use;                    /* counts, so that no answer fits twice */
    uint32_t next;                   /* free slot */
};

struct storvsc_channel {
    struct storvsc *device;
    struct vmbus_channel *vmbus;
    struct storvsc_slot *slots;
    uint32_t slot_count, free;
    uint32_t under_way;
    uint64_t submitted, completed, stray; /* stray: answers to nothing */
    uint64_t buffer[STORVSC_BUFFER_BYTES / sizeof(uint64_t)];
    uint8_t ranges[sizeof(struct vmbus_range) + STORVSC_PAGES_MAX * sizeof(uint64_t)]
        __attribute__((aligned(8)));
};

struct storvsc_events {
    /* Initialisation is over; not @ok: the server does not want to. Then sub-channels are offered,
     * device->sub_channels of them at most. */
    void (*ready)(struct storvsc *s, bool ok);
    /* Disks came or went. */
    void (*changed)(struct storvsc *s);
    /* storvsc_reset() is over. */
    void (*reset)(struct storvsc *s, bool ok);
};

struct storvsc {
    struct storvsc_channel primary;
    struct storvsc_channel *channels[STORVSC_CHANNELS_MAX]; /* [0] is the primary */
    uint32_t channel_count;
    uint32_t max_transfer_bytes; /* from ready() on */
    uint32_t sub_channels;
    uint16_t version;
    void *context; /* the user's */

    /* The driver's own. */
    const struct storvsc_events *events;
    uint32_t wanted;
    uint8_t step, attempt;
};

bool storvsc_is_ours(const struct vmbus_guid *interface);

/* @primary is open. @slots: memory for @count requests at a time. All of @events must be there. */
void storvsc_init(struct storvsc *s, const struct storvsc_events *events,
                  struct vmbus_channel *primary, struct storvsc_slot *slots, uint32_t count);

/* Begin initialisation, and ask for @sub_channels. False: the ring is full or broken. */
bool storvsc_begin(struct storvsc *s, uint32_t sub_channels) __attribute__((warn_unused_result));

/* Use the open sub-channel @vmbus, with @c and @slots for it. False: there are enough. */
bool storvsc_channel_add(struct storvsc *s, struct storvsc_channel *c, struct vmbus_channel *vmbus,
                         struct storvsc_slot *slots, uint32_t count)
    __attribute__((warn_unused_result));

/* The channel for the requests of VP @vp. */
struct storvsc_channel *storvsc_channel_of(const struct storvsc *s, uint32_t vp);

/* Put @r into the ring; it is sure to be seen only after storvsc_flush(). False: too much is under
 * way or the ring is full (try again after a done() or a signal), its data has too many pages, or
 * the ring is broken. */
bool storvsc_submit(struct storvsc_channel *c, struct storvsc_request *r)
    __attribute__((warn_unused_result));
void storvsc_flush(struct storvsc_channel *c);

/* Take the answers that are there, and call done() for each. False: the ring is broken. */
bool storvsc_poll(struct storvsc_channel *c);

/* Ask for what was begun on the device to be ended: reset() comes afterwards. False: the ring is
 * full or broken. */
bool storvsc_reset(struct storvsc *s) __attribute__((warn_unused_result));

/* The channel is closed: everything under way is done, with STORVSC_STATUS_CLOSED. */
void storvsc_channel_closed(struct storvsc_channel *c);

#endif
