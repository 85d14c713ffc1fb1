/* SPDX-License-Identifier: MIT */
/* wire.c - the bus's messages without its client. See hostile.h. */
#include <hvabi/message.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "hostile.h"

#define PROBE_ID  0x70000000u /* GPADLs that are never made */
#define REST_TIME (HOSTILE_SECOND / 1000)

static struct {
    uint32_t connection;
    uint32_t probes, gpadls;
} wire = {.connection = VMBUS_CONNECTION_ID_5};

/* ---- messages ---- */

void wire_post(const void *message, uint32_t length)
{
    while (hv_call_post_message(guest_client(), wire.connection, VMBUS_MESSAGE_TYPE, message,
                                length) == HV_STATUS_INSUFFICIENT_BUFFERS)
        insn_pause();
}

bool wire_next(union wire_message *m, uint64_t patience)
{
    uint64_t begin = guest_time();
    struct hv_message message;

    do {
        if (guest_synic_message(&message) && message.header.message_type == VMBUS_MESSAGE_TYPE) {
            memcpy(m->bytes, message.payload, sizeof(m->bytes));
            return true;
        }
        insn_pause();
    } while (guest_time() - begin < patience);
    return false;
}

bool wire_await(uint32_t type, union wire_message *m, uint64_t patience)
{
    uint64_t begin = guest_time(), gone = 0;

    while (gone < patience && wire_next(m, patience - gone)) {
        if (m->header.type == type)
            return true;
        gone = guest_time() - begin;
    }
    return false;
}

void wire_drain(void)
{
    union wire_message m;

    while (wire_next(&m, 0))
        ;
}

void wire_rest(void)
{
    uint64_t begin = guest_time();

    while (guest_time() - begin < REST_TIME)
        insn_pause();
}

uint32_t wire_probe(void)
{
    struct vmbus_gpadl_header h = {.header.type = VMBUS_GPADL_HEADER,
                                   .gpadl = PROBE_ID + wire.probes++};

    wire_post(&h, sizeof(h));
    return h.gpadl;
}

bool wire_is_probe(const union wire_message *m, uint32_t probe)
{
    return m->header.type == VMBUS_GPADL_CREATED && m->created.gpadl == probe;
}

uint32_t wire_ask(const void *message, uint32_t length, union wire_message *m)
{
    union wire_message next;
    uint32_t type = 0, probe;

    wire_post(message, length);
    probe = wire_probe();
    while (wire_next(&next, HOSTILE_PATIENCE)) {
        if (wire_is_probe(&next, probe))
            return type;
        if (type == 0) {
            *m = next;
            type = next.header.type;
        }
    }
    hostile_result(false, "root does not answer any more");
    return type;
}

/* ---- contact ---- */

bool wire_contact(uint32_t version, union wire_message *m)
{
    struct vmbus_initiate_contact c = {.header.type = VMBUS_INITIATE_CONTACT, .version = version};

    if (version >= VMBUS_VERSION_5_0)
        c.message_sint = VMBUS_SINT;
    wire.connection = version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_ID_5 : VMBUS_CONNECTION_ID;
    wire_post(&c, sizeof(c));
    if (!wire_await(VMBUS_VERSION_RESPONSE, m, HOSTILE_PATIENCE) || !m->version.supported)
        return false;
    if (version >= VMBUS_VERSION_5_0)
        wire.connection = m->version.connection_id;
    return true;
}

/* Answers to earlier contacts may be on their way, so that one answer says nothing. */
bool wire_unload(void)
{
    struct vmbus_message unload = {.type = VMBUS_UNLOAD};
    union wire_message m;

    wire_post(&unload, sizeof(unload));
    return wire_await(VMBUS_UNLOAD_RESPONSE, &m, HOSTILE_PATIENCE / 4);
}

bool wire_begin(void)
{
    union wire_message m;

    for (uint32_t tries = 0; tries < 4; tries++) {
        wire_drain();
        if (wire_contact(VMBUS_VERSION_5_3, &m) && wire_unload())
            return wire_contact(VMBUS_VERSION_5_3, &m);
    }
    return false;
}

/* ---- memory ---- */

uint32_t wire_gpadl(void)
{
    return ++wire.gpadls;
}

struct vmbus_gpadl_header wire_header(uint32_t relid, uint32_t id, uint32_t count)
{
    return (struct vmbus_gpadl_header){
        .header.type = VMBUS_GPADL_HEADER,
        .relid = relid,
        .gpadl = id,
        .range_length = (uint16_t)(VMBUS_GPADL_RANGE_HEAD + count * sizeof(uint64_t)),
        .range_count = 1,
        .byte_count = count * HV_PAGE_SIZE,
    };
}

static uint32_t page_list_add(uint8_t *bytes, uint32_t head, uint32_t most, const uint64_t *pages,
                              uint32_t count)
{
    uint32_t taken = count < most ? count : most;

    memcpy(bytes + head, pages, taken * sizeof(*pages));
    return head + taken * (uint32_t)sizeof(*pages);
}

uint32_t wire_header_make(uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX], const struct vmbus_gpadl_header *h,
                          const uint64_t *pages, uint32_t count)
{
    memcpy(bytes, h, sizeof(*h));
    return page_list_add(bytes, sizeof(*h), VMBUS_GPADL_HEADER_PAGES, pages, count);
}

uint32_t wire_body_make(uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX], uint32_t number, uint32_t id,
                        const uint64_t *pages, uint32_t count)
{
    struct vmbus_gpadl_body b = {
        .header.type = VMBUS_GPADL_BODY, .message_number = number, .gpadl = id};

    memcpy(bytes, &b, sizeof(b));
    return page_list_add(bytes, sizeof(b), VMBUS_GPADL_BODY_PAGES, pages, count);
}

bool wire_share(uint32_t relid, uint32_t id, const uint64_t *pages, uint32_t count)
{
    struct vmbus_gpadl_header h = wire_header(relid, id, count);
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    union wire_message m;

    wire_post(bytes, wire_header_make(bytes, &h, pages, count));
    for (uint32_t at = VMBUS_GPADL_HEADER_PAGES; at < count; at += VMBUS_GPADL_BODY_PAGES)
        wire_post(bytes, wire_body_make(bytes, 0, id, pages + at, count - at));
    return wire_await(VMBUS_GPADL_CREATED, &m, HOSTILE_PATIENCE) && m.created.gpadl == id &&
           m.created.status == VMBUS_STATUS_SUCCESS;
}

bool wire_teardown(uint32_t relid, uint32_t id)
{
    struct vmbus_gpadl_teardown t = {
        .header.type = VMBUS_GPADL_TEARDOWN, .relid = relid, .gpadl = id};
    union wire_message m;

    wire_post(&t, sizeof(t));
    return wire_await(VMBUS_GPADL_TORNDOWN, &m, HOSTILE_PATIENCE) && m.torndown.gpadl == id;
}

/* ---- channels ---- */

bool wire_open(uint32_t relid, uint32_t ring_gpadl, uint32_t vp, uint32_t downstream_page)
{
    struct vmbus_open_channel o = {.header.type = VMBUS_OPEN_CHANNEL,
                                   .relid = relid,
                                   .open_id = relid,
                                   .ring_gpadl = ring_gpadl,
                                   .target_vp = vp,
                                   .downstream_page = downstream_page};
    union wire_message m;

    wire_post(&o, sizeof(o));
    return wire_await(VMBUS_OPEN_RESULT, &m, HOSTILE_PATIENCE) && m.opened.relid == relid &&
           m.opened.status == VMBUS_STATUS_SUCCESS;
}

void wire_relid_post(uint32_t type, uint32_t relid)
{
    struct vmbus_relid_message r = {.header.type = type, .relid = relid};

    wire_post(&r, sizeof(r));
}
