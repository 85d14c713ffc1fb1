/* SPDX-License-Identifier: MIT */
/* channels.c - cases: contact, and channels opened, closed and released wrongly. Arguments: count=N
 * contacts (1000), step=N of lengths (1). */
#include <rt/mem.h>

#include "hostile.h"

#define CONTACTS_DEFAULT 1000u
#define CALM_CONTACTS    10u /* of so many, one is awaited */
#define TYPE_END         26u /* message types below */
#define RESTS            16u /* lengths between two */
#define SHORT_TIME       (HOSTILE_SECOND / 10)

/* ---- opening ---- */

static void open_refused(const char *what, const struct vmbus_open_channel *o)
{
    union wire_message m = {.header.type = 0};
    uint32_t type = wire_ask(o, sizeof(*o), &m);

    if (type == VMBUS_OPEN_RESULT)
        hostile_result(m.opened.status != VMBUS_STATUS_SUCCESS, "%s: OPEN_RESULT, status %#x", what,
                       m.opened.status);
    else
        hostile_result(false, "%s: message %u comes back", what, type);
}

static struct vmbus_open_channel open_make(uint32_t gpadl)
{
    return (struct vmbus_open_channel){.header.type = VMBUS_OPEN_CHANNEL,
                                       .relid = target.offer.relid,
                                       .open_id = target.offer.relid,
                                       .ring_gpadl = gpadl,
                                       .downstream_page = TARGET_OUT_PAGES};
}

/* Open with a GPADL of @pages pages, of which the second ring begins with @downstream. */
static void rings_refused(const char *what, uint32_t pages, uint32_t downstream)
{
    uint32_t id = wire_gpadl();
    struct vmbus_open_channel o = open_make(id);

    o.downstream_page = downstream;
    memset(target.data, 0, pages * HV_PAGE_SIZE);
    if (!wire_share(target.offer.relid, id, target.data_pages, pages)) {
        hostile_result(false, "%s: the memory cannot be shared", what);
        return;
    }
    open_refused(what, &o);
    if (!wire_teardown(target.offer.relid, id))
        hostile_result(false, "%s: the memory is not given back", what);
}

/* Rings whose indices are not those of new ones. */
static void indices_refused(const char *what, uint32_t page, uint32_t write, uint32_t read)
{
    uint32_t id = wire_gpadl();
    struct vmbus_open_channel o = open_make(id);
    struct vmbus_ring_header *h = (void *)(target.data + page * HV_PAGE_SIZE);

    memset(target.data, 0, TARGET_RING_PAGES * HV_PAGE_SIZE);
    h->write_index = write;
    h->read_index = read;
    if (!wire_share(target.offer.relid, id, target.data_pages, TARGET_RING_PAGES)) {
        hostile_result(false, "%s: the memory cannot be shared", what);
        return;
    }
    open_refused(what, &o);
    (void)wire_teardown(target.offer.relid, id);
}

void case_channel_open(void)
{
    struct vmbus_open_channel o;

    if (!target_ready()) /* target.gpadl and its channel are open now */
        return;
    o = open_make(target.gpadl);
    open_refused("open what is open", &o);
    if (!target_close()) {
        hostile_result(false, "the channel cannot be closed");
        return;
    }
    o = open_make(0);
    open_refused("rings in GPADL 0", &o);
    o = open_make(target.gpadl);
    open_refused("rings in a GPADL that is gone", &o);
    rings_refused("rings of 1 page", 1, 1);
    rings_refused("rings of 2 pages", 2, 1);
    rings_refused("second ring at page 0", TARGET_RING_PAGES, 0);
    rings_refused("second ring of 1 page", TARGET_RING_PAGES, TARGET_RING_PAGES - 1);
    rings_refused("second ring behind the end", TARGET_RING_PAGES, TARGET_RING_PAGES);
    rings_refused("second ring at page 2^32-1", TARGET_RING_PAGES, UINT32_MAX);
    rings_refused("second ring where pages wrap", TARGET_RING_PAGES, 0x80000002u);
    indices_refused("first ring written to its end", 0, (TARGET_OUT_PAGES - 1) * HV_PAGE_SIZE, 0);
    indices_refused("first ring written to 4", 0, 4, 0);
    indices_refused("second ring read to 2^32-8", TARGET_OUT_PAGES, 0, UINT32_MAX - 7);
    o = open_make(wire_gpadl());
    memset(target.data, 0, TARGET_RING_PAGES * HV_PAGE_SIZE);
    if (!wire_share(target.offer.relid, o.ring_gpadl, target.data_pages, TARGET_RING_PAGES)) {
        hostile_result(false, "the memory of rings cannot be shared");
        return;
    }
    o.target_vp = hostile_vps();
    open_refused("interrupts for a VP that is not there", &o);
    o.target_vp = UINT32_MAX;
    open_refused("interrupts for VP 2^32-1", &o);
    o.target_vp = 0;
    o.relid = 0;
    open_refused("channel 0", &o);
    o.relid = UINT32_MAX;
    open_refused("channel 2^32-1", &o);
}

/* ---- closing and releasing ---- */

static void relid_ignored(const char *what, uint32_t type, uint32_t relid)
{
    struct vmbus_relid_message r = {.header.type = type, .relid = relid};
    union wire_message m;
    uint32_t answer = wire_ask(&r, sizeof(r), &m);

    if (answer == 0)
        hostile_result(true, "%s: nothing comes back", what);
    else
        hostile_result(false, "%s: message %u comes back", what, answer);
}

static void modify_refused(const char *what, uint32_t relid, uint32_t vp)
{
    struct vmbus_modify_channel c = {
        .header.type = VMBUS_MODIFY_CHANNEL, .relid = relid, .target_vp = vp};
    union wire_message m = {.header.type = 0};
    uint32_t type = wire_ask(&c, sizeof(c), &m);

    hostile_result(type == VMBUS_MODIFY_CHANNEL_RESPONSE &&
                       m.modified.status != VMBUS_STATUS_SUCCESS,
                   "%s: message %u, status %#x", what, type, m.modified.status);
}

void case_channel_states(void)
{
    if (!target_begin())
        return;
    relid_ignored("close what was never opened", VMBUS_CLOSE_CHANNEL, target.offer.relid);
    relid_ignored("close channel 0", VMBUS_CLOSE_CHANNEL, 0);
    relid_ignored("close channel 2^32-1", VMBUS_CLOSE_CHANNEL, UINT32_MAX);
    modify_refused("modify what was never opened", target.offer.relid, 0);
    relid_ignored("release channel 0", VMBUS_RELID_RELEASED, 0);
    relid_ignored("release a channel", VMBUS_RELID_RELEASED, target.offer.relid);
    relid_ignored("release it again", VMBUS_RELID_RELEASED, target.offer.relid);
    if (!target_ready())
        return;
    modify_refused("modify for a VP that is not there", target.offer.relid, hostile_vps());
    relid_ignored("release what is open", VMBUS_RELID_RELEASED, target.offer.relid);
    relid_ignored("request offers again", VMBUS_REQUEST_OFFERS, 0);
    hostile_result(target_close(), "close it: the rings are given back");
    relid_ignored("close it again", VMBUS_CLOSE_CHANNEL, target.offer.relid);
}

/* ---- sub-channels that were taken back ---- */

/* Ask for one sub-channel: its offer. */
static bool sub_channel_get(struct vmbus_offer_channel *offer)
{
    struct storage_packet p = {.operation = STORAGE_CREATE_SUB_CHANNELS,
                               .flags = STORAGE_FLAG_COMPLETION,
                               .sub_channel_count = 1};
    union wire_message m;

    if (!target_ask(&p, 0) || p.status != STORAGE_STATUS_OK ||
        !wire_await(VMBUS_OFFER_CHANNEL, &m, HOSTILE_PATIENCE))
        return false;
    *offer = m.offer;
    return true;
}

void case_channel_rescinded(void)
{
    struct vmbus_offer_channel sub;
    struct vmbus_open_channel o;
    union wire_message m;

    if (!target_ready())
        return;
    if (target.sub_channels == 0 || !sub_channel_get(&sub)) {
        hostile_result(target.sub_channels == 0, "there are no sub-channels");
        return;
    }
    wire_relid_post(VMBUS_CLOSE_CHANNEL, target.offer.relid);
    hostile_result(wire_await(VMBUS_RESCIND_OFFER, &m, HOSTILE_PATIENCE) &&
                       m.relid.relid == sub.relid,
                   "close the primary channel: the sub-channel is taken back");
    o = open_make(target.gpadl);
    o.relid = sub.relid;
    o.open_id = sub.relid;
    open_refused("open what was taken back", &o);
    relid_ignored("close what was taken back", VMBUS_CLOSE_CHANNEL, sub.relid);
    relid_ignored("release it", VMBUS_RELID_RELEASED, sub.relid);
    relid_ignored("release it again", VMBUS_RELID_RELEASED, sub.relid);
    open_refused("open what was released", &o);
}

/* ---- contact ---- */

static bool version_refused(uint32_t version)
{
    union wire_message m = {.header.type = 0};

    return !wire_contact(version, &m) && m.header.type == VMBUS_VERSION_RESPONSE;
}

/* Whatever is posted now comes too early; the contact behind it is answered first. */
static void traffic_ignored(const char *when)
{
    struct vmbus_gpadl_header h = wire_header(target.offer.relid, wire_gpadl(), 1);
    struct vmbus_open_channel o = open_make(1);
    struct vmbus_message simple = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT};
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m = {.header.type = 0};

    wire_drain();
    wire_post(&simple, sizeof(simple));
    wire_post(bytes, wire_header_make(bytes, &h, target.data_pages, 1));
    wire_post(&o, sizeof(o));
    wire_relid_post(VMBUS_CLOSE_CHANNEL, target.offer.relid);
    wire_relid_post(VMBUS_RELID_RELEASED, target.offer.relid);
    simple.type = VMBUS_UNLOAD;
    wire_post(&simple, sizeof(simple));
    wire_post(&contact, sizeof(contact)); /* version 0 */
    hostile_result(wire_next(&m, HOSTILE_PATIENCE) && m.header.type == VMBUS_VERSION_RESPONSE &&
                       !m.version.supported,
                   "everything %s: only the contact is answered", when);
}

void case_channel_contact(void)
{
    static const uint32_t versions[] = {0,          0x00010001, 0x0001000d, 0x00020003,
                                        0x00030001, 0x00050004, 0x00060000, UINT32_MAX};
    struct vmbus_initiate_contact c = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_3,
                                       .target_vp = UINT32_MAX,
                                       .message_sint = VMBUS_SINT};
    union wire_message m;
    bool answered;

    if (!target_begin() || !wire_unload()) /* with an offer's relid to name */
        return;
    traffic_ignored("before contact");
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        hostile_result(version_refused(versions[i]), "version %#x: is refused", versions[i]);
    traffic_ignored("after a refused version");
    wire_post(&c, sizeof(c));
    hostile_result(wire_await(VMBUS_VERSION_RESPONSE, &m, HOSTILE_PATIENCE) && !m.version.supported,
                   "messages for VP 2^32-1: refused");
    c.target_vp = 0;
    c.message_sint = VMBUS_SINT + 1;
    wire_post(&c, sizeof(c));
    hostile_result(wire_await(VMBUS_VERSION_RESPONSE, &m, HOSTILE_PATIENCE) && !m.version.supported,
                   "messages on SINT 3: refused");
    c.message_sint = VMBUS_SINT;
    c.server_to_client_monitor = UINT64_MAX;
    c.client_to_server_monitor = 1;
    wire_post(&c, sizeof(c));
    answered = wire_await(VMBUS_VERSION_RESPONSE, &m, HOSTILE_PATIENCE);
    hostile_result(answered && m.version.supported,
                   "monitor pages at 2^64-1 and 1: contact without them");
}

#define UNKNOWN_VERSION 0x00090009u

static const uint32_t contact_versions[] = {VMBUS_VERSION_5_3, VMBUS_VERSION_2_4, UNKNOWN_VERSION,
                                            VMBUS_VERSION_4_0};

static uint32_t contact_post(uint64_t number)
{
    struct vmbus_initiate_contact c = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = contact_versions[number % 4],
                                       .message_sint = VMBUS_SINT};

    wire_post(&c, sizeof(c));
    return c.version;
}

/* One after the other: how many are answered as their version deserves. */
static uint64_t contacts_await(uint64_t count)
{
    union wire_message m;
    uint64_t right = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint32_t version = contact_post(i);
        uint32_t connection =
            version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_ID_5 : VMBUS_CONNECTION_ID;

        if (!wire_await(VMBUS_VERSION_RESPONSE, &m, HOSTILE_PATIENCE))
            break;
        right += m.version.supported == (version != UNKNOWN_VERSION) &&
                 m.version.connection_id == connection;
    }
    return right;
}

/* As fast as messages can be posted: how many are answered. */
static uint64_t contacts_flood(uint64_t count)
{
    union wire_message m;
    uint64_t answers = 0;

    for (uint64_t i = 0; i < count; i++) {
        (void)contact_post(i);
        while (wire_next(&m, 0))
            answers += m.header.type == VMBUS_VERSION_RESPONSE;
    }
    while (wire_next(&m, SHORT_TIME))
        answers += m.header.type == VMBUS_VERSION_RESPONSE;
    return answers;
}

void case_channel_contacts(void)
{
    uint64_t count = hostile_argument("count", CONTACTS_DEFAULT), calm = count / CALM_CONTACTS;
    uint64_t answers;

    if (!target_ready())
        return;
    answers = contacts_await(calm);
    hostile_result(answers == calm,
                   "%llu contacts, each awaited: %llu are answered as they should be",
                   (unsigned long long)calm, (unsigned long long)answers);
    answers = contacts_flood(count);
    hostile_result(answers > 0 && answers <= count, "%llu contacts: %llu answers",
                   (unsigned long long)count, (unsigned long long)answers);
}

/* ---- messages that are cut off ---- */

/* What may come back to a message of some length: a failure, but for UNLOAD. */
static const struct answered {
    uint32_t type, answer, length;
} answered[] = {
    {VMBUS_OPEN_CHANNEL, VMBUS_OPEN_RESULT, sizeof(struct vmbus_open_channel)},
    {VMBUS_GPADL_HEADER, VMBUS_GPADL_CREATED, sizeof(struct vmbus_gpadl_header)},
    {VMBUS_INITIATE_CONTACT, VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_initiate_contact)},
    {VMBUS_UNLOAD, VMBUS_UNLOAD_RESPONSE, sizeof(struct vmbus_message)},
    {VMBUS_MODIFY_CHANNEL, VMBUS_MODIFY_CHANNEL_RESPONSE, sizeof(struct vmbus_modify_channel)},
};

#define ANSWERED (sizeof(answered) / sizeof(answered[0]))

static struct {
    uint64_t posted, answers; /* of the type that is tried; long enough, as they should be */
    uint32_t wrong;           /* type of something else that came back */
} truncated;

static bool is_failure(const union wire_message *m)
{
    switch (m->header.type) {
    case VMBUS_OPEN_RESULT:
        return m->opened.status != VMBUS_STATUS_SUCCESS;
    case VMBUS_GPADL_CREATED:
        return m->created.status != VMBUS_STATUS_SUCCESS;
    case VMBUS_VERSION_RESPONSE:
        return !m->version.supported;
    case VMBUS_MODIFY_CHANNEL_RESPONSE:
        return m->modified.status != VMBUS_STATUS_SUCCESS;
    default:
        return m->header.type == VMBUS_UNLOAD_RESPONSE;
    }
}

/* NULL: messages of @type have no answer. */
static const struct answered *answer_of(uint32_t type)
{
    for (size_t i = 0; i < ANSWERED; i++)
        if (answered[i].type == type)
            return &answered[i];
    return NULL;
}

static void truncated_answer(uint32_t type, const union wire_message *m)
{
    const struct answered *a = answer_of(type);

    if (a && a->answer == m->header.type && is_failure(m))
        truncated.answers++;
    else
        truncated.wrong = m->header.type;
}

/* Whether a message of @length has an answer; then it counts. */
static bool truncated_counts(uint32_t type, uint64_t length)
{
    const struct answered *a = answer_of(type);

    return a && length >= a->length;
}

static bool has_reset(uint32_t type)
{
    return type == VMBUS_INITIATE_CONTACT || type == VMBUS_UNLOAD;
}

/* What is answered behind all that was posted before. A contact is always, but answers that wait
 * are dropped for it; the other is where there is contact still. */
static uint32_t end_post(uint32_t type)
{
    struct vmbus_initiate_contact c = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_3,
                                       .message_sint = VMBUS_SINT};

    if (!has_reset(type))
        return wire_probe();
    wire_post(&c, sizeof(c));
    return 0;
}

static bool is_end(uint32_t type, const union wire_message *m, uint32_t probe)
{
    if (!has_reset(type))
        return wire_is_probe(m, probe);
    return m->header.type == VMBUS_VERSION_RESPONSE && m->version.supported;
}

static bool truncated_end(uint32_t type)
{
    uint32_t probe = end_post(type);
    union wire_message m;

    while (wire_next(&m, HOSTILE_PATIENCE)) {
        if (is_end(type, &m, probe))
            return true;
        truncated_answer(type, &m);
    }
    return false;
}

/* One type in every length, its fields @fill. */
static void lengths_post(uint32_t type, uint8_t fill, uint64_t step)
{
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m;

    memset(bytes, fill, sizeof(bytes));
    memcpy(bytes, &type, sizeof(type));
    for (uint64_t length = 0; length <= sizeof(bytes); length += step) {
        wire_post(bytes, (uint32_t)length);
        truncated.posted += truncated_counts(type, length);
        while (wire_next(&m, 0))
            truncated_answer(type, &m);
        if (length % RESTS == 0)
            wire_rest();
    }
}

/* Each message that is long enough has one answer. But there is one bus to unload, and while it is
 * being reset only the last contact counts: ours at the end. */
static bool all_answered(uint32_t type)
{
    if (type == VMBUS_UNLOAD)
        return truncated.answers <= 1;
    return type == VMBUS_INITIATE_CONTACT ? truncated.answers <= truncated.posted
                                          : truncated.answers == truncated.posted;
}

static bool type_try(uint32_t type, uint8_t fill, uint64_t step)
{
    truncated.posted = 0;
    truncated.answers = 0;
    truncated.wrong = 0;
    if (!target_ready())
        return false;
    wire_drain();
    lengths_post(type, fill, step);
    return truncated_end(type) && truncated.wrong == 0 && all_answered(type);
}

static void type_report(uint32_t type, uint8_t fill, bool ok)
{
    hostile_result(ok,
                   "type %u in every length, filled with %#x: %llu could be answered, %llu were; "
                   "the last other message that came back: type %u",
                   type, fill, (unsigned long long)truncated.posted,
                   (unsigned long long)truncated.answers, truncated.wrong);
}

void case_channel_truncated(void)
{
    static const uint8_t fills[] = {0, UINT8_MAX, 1};
    uint64_t step = hostile_argument("step", 1);

    for (uint32_t type = 0; step != 0 && type < TYPE_END; type++)
        for (size_t i = 0; i < sizeof(fills); i++)
            type_report(type, fills[i], type_try(type, fills[i], step));
}
