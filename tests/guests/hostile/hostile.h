/* SPDX-License-Identifier: MIT */
/* hostile.h - the parts of the hostile guest, which does to root's bus and disks what no driver
 * does.
 *
 *   wire.c     messages, as they are: no client of the bus in between
 *   target.c   a SCSI controller's channel, opened by hand, and packets on its ring
 *   share.c, channels.c, monitors.c, rings.c, packets.c, requests.c    the cases
 *
 * A case begins with target_begin(), tries things, and says for each what came back
 * (hostile_result()). Whether anything comes back at all is found out without waiting: a message
 * that is sure to be refused is posted behind (wire_ask()). */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <vmbus/channel.h>
#include <vspabi/scsi.h>
#include <vspabi/storage.h>

#include "guest.h"

#define HOSTILE_SECOND   10000000ull /* of guest_time() */
#define HOSTILE_PATIENCE (60 * HOSTILE_SECOND)

/* ---- main.c ---- */

/* Print what was tried and what came back; @due: that is as it should be, else the case fails. */
void hostile_result(bool due, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An argument of the case, from the command line. */
uint64_t hostile_argument(const char *key, uint64_t fallback);

uint32_t hostile_vps(void);
uint64_t hostile_memory_pages(void);

/* Have VP 1 call @step over and over again, from when this returns until the next
 * call; NULL: it rests, and has left @step when this returns. */
void hostile_other(void (*step)(void));

/* ---- wire.c ---- */

union wire_message {
    struct vmbus_message header;
    struct vmbus_offer_channel offer;
    struct vmbus_relid_message relid;
    struct vmbus_open_result opened;
    struct vmbus_gpadl_created created;
    struct vmbus_gpadl_torndown torndown;
    struct vmbus_version_response version;
    struct vmbus_modify_channel_response modified;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

/* Post @message where the bus listens; waits for room. */
void wire_post(const void *message, uint32_t length);

/* The next message from root, within @patience. */
bool wire_next(union wire_message *m, uint64_t patience);
/* The next of @type; others are dropped. */
bool wire_await(uint32_t type, union wire_message *m, uint64_t patience);
/* Drop what is there. */
void wire_drain(void);
/* Let root catch up: it may drop what it has no room for. */
void wire_rest(void);

/* Post a header without a range, which is refused by its number after all that was posted before:
 * what it is known by. There is contact. */
uint32_t wire_probe(void);
/* @m is the refusal of that. */
bool wire_is_probe(const union wire_message *m, uint32_t probe);

/* Post @message: the type of what comes back to it, in @m; 0: nothing does. There is contact. */
uint32_t wire_ask(const void *message, uint32_t length, union wire_message *m);

/* Make contact with @version. False: it is refused, or there is no answer. */
bool wire_contact(uint32_t version, union wire_message *m);
/* Contact that everybody makes, after which root has forgotten everything before. */
bool wire_begin(void);
/* Leave the bus: nothing is shared any more. */
bool wire_unload(void);

/* Share @count pages for @relid as GPADL @id; a whole number of pages. */
bool wire_share(uint32_t relid, uint32_t id, const uint64_t *pages, uint32_t count);
/* The first message of that; its length. At most VMBUS_GPADL_HEADER_PAGES of @pages go into it. */
uint32_t wire_header_make(uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX], const struct vmbus_gpadl_header *h,
                          const uint64_t *pages, uint32_t count);
uint32_t wire_body_make(uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX], uint32_t number, uint32_t id,
                        const uint64_t *pages, uint32_t count);
/* A header as it should be, for @count whole pages. */
struct vmbus_gpadl_header wire_header(uint32_t relid, uint32_t id, uint32_t count);

/* Tear GPADL @id down and wait for the answer. */
bool wire_teardown(uint32_t relid, uint32_t id);

bool wire_open(uint32_t relid, uint32_t ring_gpadl, uint32_t vp, uint32_t downstream_page);
void wire_relid_post(uint32_t type, uint32_t relid);

/* A number that was not used before, for a GPADL. */
uint32_t wire_gpadl(void);

/* ---- target.c ---- */

#define TARGET_OUT_PAGES  3u /* of the rings, with their headers */
#define TARGET_IN_PAGES   2u
#define TARGET_RING_PAGES (TARGET_OUT_PAGES + TARGET_IN_PAGES)
#define TARGET_DATA_PAGES 64u

struct target {
    struct vmbus_offer_channel offer; /* of the primary channel */
    uint8_t *rings[2];                /* memory; they take turns */
    uint64_t *ring_pages[2];
    uint32_t turn;
    uint32_t gpadl; /* of the rings in use */
    struct vmbus_channel channel;
    uint8_t *data; /* for requests, and a page behind that nobody may touch */
    uint64_t *data_pages;
    uint32_t data_page;    /* request data begins here; also for those who want a page of ours */
    uint32_t sub_channels; /* that may be asked for */
    uint64_t buffer[64];
};

extern struct target target;

/* The controller is there, nothing of it is open, and the bus knows nothing else of us. False, as a
 * result: it is not. */
bool target_begin(void);
/* The same, and it is open and initialised. */
bool target_ready(void);

/* Share rings and open the channel. */
bool target_open(void);
/* Bring a channel that is open through the protocol's initialisation. */
bool target_init(void);
/* Close it, and have the rings back. False: root does not give them back. */
bool target_close(void);

/* Root has closed the channel by itself, or does so within our patience. It is open again then. */
bool target_was_closed(void);

/* What becomes of the one packet that was sent: its answer comes, in @transaction and @packet; root
 * closes the channel by itself; or neither within our patience. Afterwards the channel is open and
 * initialised, but for the last. */
enum target_end { TARGET_ANSWERED, TARGET_CLOSED, TARGET_SILENT };
enum target_end target_settle(uint64_t *transaction, struct storage_packet *packet);

/* The controller answers, reads its disk, and all of that has no effect beyond its buffer. */
bool target_works(void);

/* A packet: its payload is @packet, its data the @bytes from target.data on, none if 0. False: the
 * ring has no room, or is broken. */
bool target_send(const struct storage_packet *packet, uint64_t transaction, uint32_t bytes);
bool target_send_packet(const struct vmbus_packet *p);
void target_signal(void);

/* The next completion within @patience: transaction and payload. */
bool target_completion(uint64_t *transaction, struct storage_packet *packet, uint64_t patience);

/* Send and wait. False: no answer. The answer is in @packet. */
bool target_ask(struct storage_packet *packet, uint32_t bytes);

/* An SRB that reads @count sectors from @sector on; that asks whether the disk is ready. */
struct storage_packet target_read(uint64_t sector, uint32_t count, uint32_t bytes);
struct storage_packet target_test_unit(void);

/* Fill all of target.data, and see whether pages of it have changed, from @first to before @end:
 * TARGET_DATA_PAGES is the page behind. */
void target_guard_set(void);
bool target_untouched(uint32_t first, uint32_t end);

/* ---- the cases ---- */

void case_gpadl_header(void);
void case_gpadl_body(void);
void case_gpadl_half(void);
void case_gpadl_pages(void);
void case_gpadl_life(void);

void case_channel_open(void);
void case_channel_states(void);
void case_channel_unload(void);
void case_channel_contact(void);
void case_channel_contacts(void);
void case_channel_truncated(void);
void case_channel_rescinded(void);
void case_channel_monitor(void);

void case_ring_indices(void);
void case_ring_packets(void);
void case_ring_race(void);
void case_ring_deaf(void);

void case_srb_early(void);
void case_srb_wrong(void);
void case_srb_pages(void);
void case_srb_kinds(void);
void case_srb_same(void);
void case_sub_channels(void);

#endif
