/* SPDX-License-Identifier: MIT */
/* storvsp/request.c - an SRB: where its data is, which disk it is for, what the disk's device
 * server (scsi.h) makes of it, and what goes back.
 *
 * The packet is our copy; it is checked here before anything is done. Pages are pinned for as long
 * as a disk may use them. */
#include <rt/mem.h>
#include "internal.h"

#define SEGMENT_ALIGNMENT 4u /* what every disk takes */

/* The child's memory that an SRB names; no pages: none. */
struct buffer {
    const uint64_t *pages;
    uint32_t offset; /* in the first page */
    uint32_t length;
};

/* ---- answers ---- */

static void srb_end(struct storvsp_request *r, uint8_t srb_status, uint8_t scsi_status,
                    uint32_t bytes)
{
    struct storvsp_channel *c = r->channel;
    struct storage_srb *srb = &r->packet.srb;

    srb->srb_status = srb_status;
    srb->scsi_status = scsi_status;
    srb->data_transfer_length = bytes;
    if (srb_status != STORAGE_SRB_SUCCESS)
        storvsp_count(&c->statistics.errors, 1);
    storvsp_answer(r);
}

void storvsp_srb_fail(struct storvsp_request *r, uint8_t srb_status)
{
    memset(r->packet.srb.data, 0, sizeof(r->packet.srb.data));
    r->packet.srb.sense_info_length = 0;
    srb_end(r, srb_status, SCSI_STATUS_GOOD, 0);
}

/* Answer with the status and sense of r->task, which is done. */
static void task_answer(struct storvsp_request *r)
{
    struct storage_srb *srb = &r->packet.srb;
    uint32_t room = srb->sense_info_length;
    uint8_t status = STORAGE_SRB_SUCCESS;

    memset(srb->data, 0, sizeof(srb->data));
    srb->sense_info_length = 0;
    if (r->task.status != SCSI_STATUS_GOOD) {
        if (room > sizeof(srb->data))
            room = sizeof(srb->data);
        srb->sense_info_length = (uint8_t)scsi_sense_put(r->task.sense, srb->data, room);
        status = room > 0 ? STORAGE_SRB_ERROR | STORAGE_SRB_AUTOSENSE : STORAGE_SRB_ERROR;
    }
    srb_end(r, status, r->task.status, r->task.data_bytes);
}

/* ---- data that is copied ---- */

static bool buffer_copy(const struct storvsp_channel *c, const struct buffer *b, uint8_t *data,
                        uint32_t bytes, bool to_child)
{
    const struct storvsp_adapter *a = c->adapter;
    uint32_t offset = b->offset;

    if (!b->pages)
        return bytes == 0;
    for (const uint64_t *page = b->pages; bytes > 0; page++, offset = 0) {
        uint32_t n = STORVSP_PAGE - offset;

        if (n > bytes)
            n = bytes;
        if (!a->port->copy(a->context, *page, offset, data, n, to_child))
            return false;
        data += n;
        bytes -= n;
    }
    return true;
}

static const char not_ram[] = "a request's data is not in RAM";

static void srb_refuse(struct storvsp_request *r, const char *reason)
{
    storvsp_complain(r->channel, reason);
    storvsp_srb_fail(r, STORAGE_SRB_INVALID_REQUEST);
}

/* ---- data that disks reach ---- */

/* Describe @bytes, at least one, from @offset on in the pages at @physical. */
static uint32_t segments_make(struct storvsp_segment *segments, const uint64_t *physical,
                              uint32_t offset, uint32_t bytes)
{
    struct storvsp_segment *last = segments;
    uint32_t n = STORVSP_PAGE - offset < bytes ? STORVSP_PAGE - offset : bytes;
    uint64_t end = *physical + offset;

    *last = (struct storvsp_segment){.physical = end};
    for (;;) {
        last->length += n;
        end += n;
        bytes -= n;
        if (bytes == 0)
            return (uint32_t)(last - segments) + 1;
        if (*++physical != end) {
            end = *physical;
            *++last = (struct storvsp_segment){.physical = end};
        }
        n = bytes < STORVSP_PAGE ? bytes : STORVSP_PAGE;
    }
}

/* NULL, or what is wrong with the data's place. */
static const char *buffer_pin(struct storvsp_request *r, const struct buffer *b, bool write)
{
    struct storvsp_channel *c = r->channel;
    const struct storvsp_adapter *a = c->adapter;
    uint32_t bytes = r->task.data_bytes;
    uint32_t pages = (b->offset + bytes + STORVSP_PAGE - 1) / STORVSP_PAGE;

    if (b->offset % SEGMENT_ALIGNMENT != 0)
        return "a request's data is not aligned to 4 bytes";
    if (pages > c->pages_max)
        return "a request's data has more pages than a request may";
    if (!a->port->pin(a->context, b->pages, pages, write, c->physical))
        return not_ram;
    r->io.segments = r->segments;
    r->io.segment_count = segments_make(r->segments, c->physical, b->offset, bytes);
    return NULL;
}

/* ---- operations ---- */

static void io_submit(struct storvsp_request *r)
{
    struct storvsp_lun *lun = r->lun;

    __atomic_store_n(&r->owner, STORVSP_DISKS, __ATOMIC_RELAXED);
    lun->backend->submit(lun->context, &r->io);
}

static void io_begin(struct storvsp_request *r, enum scsi_op op)
{
    r->io.op = op;
    r->io.force_unit_access = r->task.force_unit_access;
    r->io.sector = 0;
    r->io.sector_count = 0;
    r->io.segments = NULL;
    r->io.segment_count = 0;
    r->extent = 0;
}

static void extent_submit(struct storvsp_request *r, const struct scsi_extent *e)
{
    r->io.sector = e->sector;
    r->io.sector_count = e->count;
    io_submit(r);
}

static void transfer_submit(struct storvsp_request *r, const struct buffer *b)
{
    struct storvsp_statistics *s = &r->channel->statistics;
    bool read = r->task.op == SCSI_OP_READ;
    const char *wrong;

    io_begin(r, r->task.op);
    wrong = buffer_pin(r, b, read);
    if (wrong) {
        srb_refuse(r, wrong);
        return;
    }
    storvsp_count(read ? &s->reads : &s->writes, 1);
    extent_submit(r, &r->channel->scratch->extents[0]);
}

static void discard_submit(struct storvsp_request *r)
{
    io_begin(r, SCSI_OP_DISCARD);
    memcpy(r->extents, r->channel->scratch->extents, r->task.extent_count * sizeof(r->extents[0]));
    storvsp_count(&r->channel->statistics.discards, 1);
    extent_submit(r, &r->extents[0]);
}

static void flush_submit(struct storvsp_request *r)
{
    io_begin(r, SCSI_OP_FLUSH);
    storvsp_count(&r->channel->statistics.flushes, 1);
    io_submit(r);
}

static void operation_submit(struct storvsp_request *r, const struct buffer *b)
{
    switch (r->task.op) {
    case SCSI_OP_READ:
    case SCSI_OP_WRITE:
        transfer_submit(r, b);
        break;
    case SCSI_OP_FLUSH:
        flush_submit(r);
        break;
    case SCSI_OP_DISCARD:
    default:
        discard_submit(r);
        break;
    }
}

/* ---- decoding ---- */

/* SCSI_FETCH: get the data and go on. False: it is not in RAM. */
static bool task_fetch(struct storvsp_request *r, const struct scsi_command *command,
                       const struct buffer *b)
{
    struct scsi_scratch *scratch = r->channel->scratch;

    if (!buffer_copy(r->channel, b, scratch->data, r->task.data_bytes, false))
        return false;
    scsi_fetched(&r->lun->disk, command, scratch, &r->task);
    return true;
}

static void task_go(struct storvsp_request *r, const struct scsi_command *command,
                    const struct buffer *b)
{
    struct storvsp_channel *c = r->channel;

    if (r->task.step == SCSI_FETCH && !task_fetch(r, command, b)) {
        srb_refuse(r, not_ram);
        return;
    }
    switch (r->task.step) {
    case SCSI_IO:
        operation_submit(r, b);
        break;
    case SCSI_DONE:
        if (buffer_copy(c, b, c->scratch->data, r->task.data_bytes, true))
            task_answer(r);
        else
            srb_refuse(r, not_ram);
        break;
    case SCSI_REFUSED:
    case SCSI_FETCH:
    default:
        srb_refuse(r, r->task.reason);
        break;
    }
}

/* What stands where no disk is. */
static void absent_begin(struct storvsp_request *r, const struct scsi_command *command,
                         const struct buffer *b)
{
    if (command->cdb[0] != SCSI_INQUIRY) {
        storvsp_srb_fail(r, STORAGE_SRB_INVALID_LUN);
        return;
    }
    scsi_absent_inquiry(command, r->channel->scratch, &r->task);
    task_go(r, command, b);
}

/* The units at the path and target that are asked for: number 0 is always among them where disks
 * are. Linux asks everywhere, and takes INVALID_LUN from another path for its disk's end. */
static uint64_t luns_reported(const struct storvsp_adapter *a, const struct storage_srb *srb)
{
    return srb->path == 0 && srb->target == 0 ? storvsp_luns_present(a) | 1 : 0;
}

static void command_begin(struct storvsp_request *r, const struct scsi_command *command,
                          const struct buffer *b)
{
    struct storvsp_adapter *a = r->channel->adapter;
    struct scsi_scratch *scratch = r->channel->scratch;

    r->lun = storvsp_lun_find(a, &r->packet.srb);
    if (command->cdb[0] == SCSI_REPORT_LUNS) {
        scsi_report_luns(command, luns_reported(a, &r->packet.srb), scratch, &r->task);
    } else if (!r->lun) {
        absent_begin(r, command, b);
        return;
    } else {
        scsi_start(&r->lun->disk, command, scratch, &r->task);
    }
    task_go(r, command, b);
}

/* The data's place: none or one range, as long as the SRB says. */
static bool buffer_find(const struct vmbus_packet *p, uint32_t length, struct buffer *b)
{
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    *b = (struct buffer){0};
    if (p->range_count == 0)
        return length == 0;
    if (p->range_count > 1 || !vmbus_packet_next_range(p, &cursor, &range))
        return false;
    *b = (struct buffer){.pages = range.pages, .offset = range.offset, .length = range.length};
    return range.length == length;
}

void storvsp_srb_begin(struct storvsp_request *r, const struct vmbus_packet *p)
{
    struct storage_srb *srb = &r->packet.srb;
    struct scsi_command command = {.cdb_length = srb->cdb_length,
                                   .direction = srb->data_in,
                                   .buffer_bytes = srb->data_transfer_length};
    struct buffer b;

    storvsp_count(&r->channel->statistics.commands, 1);
    memcpy(command.cdb, srb->data, sizeof(command.cdb));
    if (!buffer_find(p, srb->data_transfer_length, &b)) {
        srb_refuse(r, "a request's data is not as long as it says");
        return;
    }
    command_begin(r, &command, &b);
}

/* ---- completion ---- */

/* The disk is not there any more, whatever its owner does: the child is to look for itself. */
static void lun_gone(struct storvsp_request *r)
{
    struct storvsp_adapter *a = r->channel->adapter;

    if (__atomic_exchange_n(&r->lun->gone, true, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&a->enumerate, true, __ATOMIC_RELAXED);
    __atomic_store_n(&a->wake_primary, true, __ATOMIC_RELEASE); /* pairs with storvsp_service */
    a->port->wake_bus(a);
}

static void bytes_count(const struct storvsp_request *r)
{
    struct storvsp_statistics *s = &r->channel->statistics;

    if (r->task.op == SCSI_OP_READ)
        storvsp_count(&s->read_bytes, r->task.data_bytes);
    else if (r->task.op == SCSI_OP_WRITE)
        storvsp_count(&s->written_bytes, r->task.data_bytes);
}

void storvsp_srb_continue(struct storvsp_request *r)
{
    struct storvsp_channel *c = r->channel;
    const struct storvsp_adapter *a = c->adapter;

    if (r->outcome == SCSI_OUTCOME_OK && r->task.op == SCSI_OP_DISCARD &&
        r->extent + 1 < r->task.extent_count && !__atomic_load_n(&c->closing, __ATOMIC_RELAXED)) {
        extent_submit(r, &r->extents[++r->extent]);
        return;
    }
    if (r->io.segment_count > 0)
        a->port->unpin(a->context, r->io.segments, r->io.segment_count);
    if (r->outcome == SCSI_OUTCOME_GONE)
        lun_gone(r);
    if (r->outcome == SCSI_OUTCOME_OK)
        bytes_count(r);
    scsi_finish(&r->task, r->outcome);
    task_answer(r);
}
