/* SPDX-License-Identifier: MIT */
/* requests.c - cases: what storvsp is asked. Arguments: count=N requests of one name (1000). */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <x86/apic.h>

#include "hostile.h"

#define SAME_DEFAULT 1000u
#define SAME_BATCH   16u
#define SAME_ID      0x1234567890abcdefull
#define BYTES        4096u
#define SHORT_TIME   (HOSTILE_SECOND / 10)

/* How a request is refused: by storvsp itself, or with CHECK CONDITION and sense data. */
struct refusal {
    uint32_t status; /* of the packet */
    uint32_t sense;  /* SCSI_SENSE_*; none unless the SRB status says so */
    uint8_t srb_status;
};

static const struct refusal invalid_request = {.srb_status = STORAGE_SRB_INVALID_REQUEST};
static const struct refusal invalid_lun = {.srb_status = STORAGE_SRB_INVALID_LUN};
static const struct refusal too_early = {.status = STORAGE_STATUS_INVALID_STATE,
                                         .srb_status = STORAGE_SRB_INVALID_REQUEST};

static struct refusal check_condition(uint32_t sense)
{
    return (struct refusal){.srb_status = STORAGE_SRB_ERROR | STORAGE_SRB_AUTOSENSE,
                            .sense = sense};
}

static uint32_t sense_of(const struct storage_srb *srb)
{
    if (!(srb->srb_status & STORAGE_SRB_AUTOSENSE) || srb->sense_info_length < SCSI_SENSE_BYTES)
        return SCSI_SENSE_NONE;
    return SCSI_SENSE_OF((uint32_t)(srb->data[SCSI_SENSE_KEY] & SCSI_SENSE_KEY_MASK),
                         (uint32_t)srb->data[SCSI_SENSE_CODE],
                         (uint32_t)srb->data[SCSI_SENSE_QUALIFIER]);
}

static bool refused_so(const struct storage_packet *p, const struct refusal *r)
{
    uint8_t scsi = r->sense ? SCSI_STATUS_CHECK_CONDITION : SCSI_STATUS_GOOD;

    return p->status == r->status && p->srb.srb_status == r->srb_status &&
           p->srb.scsi_status == scsi && sense_of(&p->srb) == r->sense &&
           p->srb.data_transfer_length == 0;
}

/* @p is the answer: refused as @r says, and nothing was written to our data. */
static void refusal_judge(const char *what, const struct storage_packet *p, const struct refusal *r)
{
    bool untouched = target_untouched(0, TARGET_DATA_PAGES + 1);

    hostile_result(refused_so(p, r) && untouched,
                   "%s: status %#x, SRB status %#x, SCSI status %u, sense %06x, %u bytes%s", what,
                   p->status, p->srb.srb_status, p->srb.scsi_status, sense_of(&p->srb),
                   p->srb.data_transfer_length, untouched ? "" : ", and data was written");
}

/* Ask @p with data of @bytes. */
static void srb_refused(const char *what, struct storage_packet p, uint32_t bytes, struct refusal r)
{
    target_guard_set();
    if (target_ask(&p, bytes))
        refusal_judge(what, &p, &r);
    else
        hostile_result(false, "%s: no answer", what);
}

/* ---- order ---- */

static void operation_refused(const char *what, uint32_t operation, uint32_t status)
{
    struct storage_packet p = {.operation = operation, .flags = STORAGE_FLAG_COMPLETION};
    bool answered = target_ask(&p, 0);

    hostile_result(answered && p.status == status, "%s: status %#x", what, p.status);
}

void case_srb_early(void)
{
    struct storage_packet begin = {.operation = STORAGE_BEGIN_INITIALIZATION,
                                   .flags = STORAGE_FLAG_COMPLETION};

    if (!target_begin() || !target_open())
        return;
    srb_refused("a request before initialisation", target_read(0, 1, BYTES), BYTES, too_early);
    operation_refused("the end of initialisation at first", STORAGE_END_INITIALIZATION,
                      STORAGE_STATUS_INVALID_STATE);
    operation_refused("properties at first", STORAGE_QUERY_PROPERTIES,
                      STORAGE_STATUS_INVALID_STATE);
    operation_refused("sub-channels at first", STORAGE_CREATE_SUB_CHANNELS,
                      STORAGE_STATUS_INVALID_STATE);
    operation_refused("a reset at first", STORAGE_RESET_BUS, STORAGE_STATUS_INVALID_STATE);
    hostile_result(target_ask(&begin, 0) && begin.status == STORAGE_STATUS_OK,
                   "initialisation begins");
    operation_refused("version 0", STORAGE_QUERY_PROTOCOL_VERSION,
                      STORAGE_STATUS_REVISION_MISMATCH);
    operation_refused("its end too early", STORAGE_END_INITIALIZATION,
                      STORAGE_STATUS_INVALID_STATE);
    srb_refused("a request during initialisation", target_read(0, 1, BYTES), BYTES, too_early);
    operation_refused("initialisation begins twice", STORAGE_BEGIN_INITIALIZATION,
                      STORAGE_STATUS_INVALID_STATE);
}

/* ---- requests that cannot be ---- */

static void lengths_refused(void)
{
    static const struct {
        const char *what;
        uint8_t length;
    } rows[] = {{"a CDB of no bytes", 0},
                {"a CDB of 5 bytes", 5},
                {"a CDB of 17 bytes", 17},
                {"a CDB of 255 bytes", 255}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct storage_packet p = target_read(0, 1, BYTES);

        p.srb.cdb_length = rows[i].length;
        srb_refused(rows[i].what, p, BYTES, invalid_request);
    }
}

static void ranges_refused(void)
{
    srb_refused("sector 2^64-1", target_read(UINT64_MAX, 1, BYTES), BYTES,
                check_condition(SCSI_SENSE_LBA_RANGE));
    srb_refused("sectors that wrap", target_read(UINT64_MAX, UINT32_MAX, BYTES), BYTES,
                check_condition(SCSI_SENSE_LBA_RANGE));
    srb_refused("2^32-1 sectors", target_read(0, UINT32_MAX, BYTES), BYTES,
                check_condition(SCSI_SENSE_LBA_RANGE));
    srb_refused("sectors from 2^63 on", target_read(1ull << 63, 1, BYTES), BYTES,
                check_condition(SCSI_SENSE_LBA_RANGE));
    srb_refused("more sectors than data", target_read(0, 64, BYTES), BYTES, invalid_request);
}

void case_srb_wrong(void)
{
    struct storage_packet p;

    if (!target_ready())
        return;
    lengths_refused();
    ranges_refused();
    p = target_read(0, 1, BYTES);
    p.srb.lun = UINT8_MAX;
    srb_refused("LUN 255", p, BYTES, invalid_lun);
    p = target_read(0, 1, BYTES);
    p.srb.path = 1;
    p.srb.target = UINT8_MAX;
    srb_refused("path 1, target 255", p, BYTES, invalid_lun);
    srb_refused("length 2^32-1 for 4096 bytes", target_read(0, 1, UINT32_MAX), BYTES,
                invalid_request);
    srb_refused("length 0 for 4096 bytes", target_read(0, 1, 0), BYTES, invalid_request);
    srb_refused("length 4096 for no bytes", target_read(0, 1, BYTES), 0, invalid_request);
    p = target_read(0, 1, BYTES);
    p.srb.data_in = STORAGE_DATA_OUT;
    srb_refused("read, and data to the disk", p, BYTES, invalid_request);
    p.srb.data_in = 3;
    srb_refused("read, and data both ways", p, BYTES, invalid_request);
    p.srb.data_in = UINT8_MAX;
    srb_refused("read, and direction 255", p, BYTES, invalid_request);
    p = target_read(0, 1, BYTES);
    p.srb.data[0] = UINT8_MAX;
    srb_refused("operation code 255", p, BYTES, check_condition(SCSI_SENSE_INVALID_OPCODE));
    p.srb.sense_info_length = UINT8_MAX;
    srb_refused("room for 255 bytes of sense data", p, BYTES,
                check_condition(SCSI_SENSE_INVALID_OPCODE));
    p.srb.length = UINT16_MAX;
    srb_refused("an SRB of 65535 bytes", p, BYTES, check_condition(SCSI_SENSE_INVALID_OPCODE));
}

/* ---- data that is not ours ---- */

/* A read to @page, of @count ranges. */
static void page_refused(const char *what, uint64_t page, uint32_t count)
{
    struct {
        struct vmbus_range range;
        uint64_t page;
    } ranges[2] = {{{.length = BYTES}, page}, {{.length = BYTES}, page}};
    struct storage_packet p = target_read(0, 1, BYTES);
    struct vmbus_packet v = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 1,
                             .payload = &p,
                             .length = sizeof(p),
                             .ranges = ranges,
                             .range_count = count,
                             .ranges_length = count * (uint32_t)sizeof(ranges[0])};
    uint64_t transaction;

    target_guard_set();
    if (target_send_packet(&v) && target_completion(&transaction, &p, HOSTILE_PATIENCE))
        refusal_judge(what, &p, &invalid_request);
    else
        hostile_result(false, "%s: no answer", what);
}

void case_srb_pages(void)
{
    if (!target_ready())
        return;
    page_refused("data behind our memory", hostile_memory_pages(), 1);
    page_refused("data at 64 GiB", (64ull << 30) / HV_PAGE_SIZE, 1);
    page_refused("data in page 2^52-1", (1ull << 52) - 1, 1);
    page_refused("data in page 2^64-1", UINT64_MAX, 1);
    page_refused("data in the local APIC", APIC_DEFAULT_BASE / HV_PAGE_SIZE, 1);
    page_refused("data in two ranges", target.data_pages[0], 2);
}

/* ---- packets that are none of the protocol's ---- */

/* A request behind it is answered, and nothing else is. */
static void packet_ignored(const char *what, const struct vmbus_packet *v)
{
    struct storage_packet p = target_test_unit();
    uint64_t transaction = 0;
    bool answered = target_send_packet(v) && target_send(&p, 2, 0) &&
                    target_completion(&transaction, &p, HOSTILE_PATIENCE);

    hostile_result(answered && transaction == 2, "%s: no answer, as it wants none", what);
}

void case_srb_kinds(void)
{
    struct storage_packet p = target_test_unit();
    struct vmbus_packet v = {
        .type = VMBUS_PACKET_IN_BAND, .transaction = 1, .payload = &p, .length = sizeof(p)};
    uint64_t transaction;
    bool answered;

    if (!target_ready())
        return;
    packet_ignored("a request without completion", &v);
    v.type = VMBUS_PACKET_COMPLETION;
    v.flags = VMBUS_PACKET_FLAG_COMPLETION;
    packet_ignored("a completion of nothing", &v);
    v.type = VMBUS_PACKET_IN_BAND;
    v.length = 8;
    answered = target_send_packet(&v) && target_completion(&transaction, &p, HOSTILE_PATIENCE);
    hostile_result(answered && p.status == STORAGE_STATUS_INVALID_PARAMETER,
                   "a request of 8 bytes: status %#x", p.status);
    operation_refused("operation 0", 0, STORAGE_STATUS_INVALID_REQUEST);
    operation_refused("operation 14", 14, STORAGE_STATUS_INVALID_REQUEST);
    operation_refused("operation 2^32-1", UINT32_MAX, STORAGE_STATUS_INVALID_REQUEST);
    operation_refused("an operation of root's", STORAGE_ENUMERATE_BUS,
                      STORAGE_STATUS_INVALID_REQUEST);
}

/* ---- names ---- */

/* Take answers: how many have the name that all requests have. */
static uint64_t same_take(uint64_t wanted, uint64_t patience)
{
    struct storage_packet p;
    uint64_t transaction, got = 0;

    while (got < wanted && target_completion(&transaction, &p, patience))
        got += transaction == SAME_ID;
    return got;
}

void case_srb_same(void)
{
    uint64_t count = hostile_argument("count", SAME_DEFAULT), answers = 0;
    struct storage_packet p = target_test_unit();

    if (!target_ready())
        return;
    for (uint64_t sent = 0; sent < count;) {
        uint64_t batch = 0;

        while (batch < SAME_BATCH && sent < count && target_send(&p, SAME_ID, 0)) {
            batch++;
            sent++;
        }
        if (batch == 0)
            break;
        answers += same_take(batch, HOSTILE_PATIENCE);
    }
    answers += same_take(1, SHORT_TIME);
    hostile_result(answers == count, "%llu requests of one name: %llu answers",
                   (unsigned long long)count, (unsigned long long)answers);
}

/* ---- sub-channels ---- */

/* Ask for as many as a number can say: how many are offered. */
static uint32_t sub_channels_ask(struct storage_packet *p, uint64_t patience)
{
    union wire_message m;
    uint32_t offered = 0;

    *p = (struct storage_packet){.operation = STORAGE_CREATE_SUB_CHANNELS,
                                 .flags = STORAGE_FLAG_COMPLETION,
                                 .sub_channel_count = UINT16_MAX};
    if (!target_ask(p, 0))
        p->status = STORAGE_STATUS_INVALID_STATE;
    while (wire_next(&m, patience))
        offered += m.header.type == VMBUS_OFFER_CHANNEL;
    return offered;
}

void case_sub_channels(void)
{
    struct storage_packet p;
    uint32_t offered;

    if (!target_ready())
        return;
    offered = sub_channels_ask(&p, HOSTILE_SECOND);
    hostile_result(p.status == STORAGE_STATUS_OK && offered > 0 && offered == target.sub_channels,
                   "65535 sub-channels: status %#x, %u are offered, %u may be", p.status, offered,
                   target.sub_channels);
    offered = sub_channels_ask(&p, SHORT_TIME);
    hostile_result(p.status == STORAGE_STATUS_OK && offered == 0,
                   "65535 more: status %#x, %u are offered", p.status, offered);
}
