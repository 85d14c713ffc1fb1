/* SPDX-License-Identifier: MIT */
/* vmbus_child.c - see vmbus_child.h. */
#include "fakes/test.h"
#include "vmbus_child.h"

int child_start(void **state)
{
    struct child *c = calloc(1, sizeof(*c));

    world_start(&c->world);
    for (uint32_t i = 0; i < CHILD_DEVICES; i++)
        device_offer(&c->world, &c->device[i], i + 1, i == 0 ? 3 : 0);
    c->next_gpadl = 0xe1e10;
    *state = c;
    return 0;
}

int child_stop(void **state)
{
    struct child *c = *state;

    (void)!vmbus_server_stop(c->world.server);
    for (uint32_t i = 0; i < CHILD_DEVICES; i++)
        device_finish(&c->device[i]);
    world_stop(&c->world);
    for (uint32_t i = 0; i < CHILD_DEVICES; i++)
        assert_int_equal(c->device[i].revoked, 1);
    free(c);
    return 0;
}

bool child_contact(struct child *c, uint32_t version)
{
    struct vmbus_initiate_contact m = {
        .header.type = VMBUS_INITIATE_CONTACT, .version = version, .target_vp = 1};
    struct vmbus_version_response response;

    if (version >= VMBUS_VERSION_5_0)
        m.message_sint = VMBUS_SINT;
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    return response.supported;
}

void child_request_offers(struct child *c)
{
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_offer_channel offer;

    world_send(&c->world, &m, sizeof(m));
    for (uint32_t i = 0; i < CHILD_DEVICES; i++) {
        child_take(c, VMBUS_OFFER_CHANNEL, &offer);
        assert_in_range(offer.instance.data1, 1, CHILD_DEVICES);
        c->relid[offer.instance.data1 - 1] = offer.relid;
    }
    child_take(c, VMBUS_ALL_OFFERS_DELIVERED, &m);
}

void child_connect(struct child *c)
{
    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    child_request_offers(c);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Post @size bytes of @head and @count page numbers from @page on. */
static void pages_send(struct child *c, const void *head, uint32_t size, uint32_t page,
                       uint32_t count)
{
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX];

    memcpy(message, head, size);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = page + i;

        memcpy(message + size + i * sizeof(number), &number, sizeof(number));
    }
    world_send(&c->world, message, size + count * 8);
}

uint32_t child_share(struct child *c, uint32_t relid, uint32_t page, uint32_t count)
{
    struct vmbus_gpadl_header h = {.header.type = VMBUS_GPADL_HEADER,
                                   .relid = relid,
                                   .gpadl = c->next_gpadl++,
                                   .range_length = (uint16_t)(8 + 8 * count),
                                   .range_count = 1,
                                   .byte_count = count * WORLD_PAGE_SIZE};
    struct vmbus_gpadl_body body = {.header.type = VMBUS_GPADL_BODY, .gpadl = h.gpadl};
    uint32_t sent = least(count, VMBUS_GPADL_HEADER_PAGES);

    pages_send(c, &h, sizeof(h), page, sent);
    while (sent < count) {
        uint32_t part = least(count - sent, VMBUS_GPADL_BODY_PAGES);

        pages_send(c, &body, sizeof(body), page + sent, part);
        sent += part;
    }
    return h.gpadl;
}

uint32_t child_created(struct child *c, uint32_t gpadl)
{
    struct vmbus_gpadl_created m;

    child_take(c, VMBUS_GPADL_CREATED, &m);
    assert_int_equal(m.gpadl, gpadl);
    return m.status;
}

void child_tear_down(struct child *c, uint32_t relid, uint32_t gpadl)
{
    struct vmbus_gpadl_teardown m = {
        .header.type = VMBUS_GPADL_TEARDOWN, .relid = relid, .gpadl = gpadl};

    world_send(&c->world, &m, sizeof(m));
}

void child_torndown(struct child *c, uint32_t gpadl)
{
    struct vmbus_gpadl_torndown m;

    child_take(c, VMBUS_GPADL_TORNDOWN, &m);
    assert_int_equal(m.gpadl, gpadl);
}

uint32_t child_open_with(struct child *c, const struct vmbus_open_channel *m)
{
    struct vmbus_open_result result;

    world_send(&c->world, m, sizeof(*m));
    child_take(c, VMBUS_OPEN_RESULT, &result);
    assert_int_equal(result.relid, m->relid);
    assert_int_equal(result.open_id, m->open_id);
    return result.status;
}

uint32_t child_open(struct child *c, uint32_t relid)
{
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL,
                                   .relid = relid,
                                   .open_id = relid + 1000,
                                   .target_vp = 2,
                                   .downstream_page = 2,
                                   .user_data = {9, 8, 7}};
    uint8_t *ring = c->world.ram + CHILD_RING * WORLD_PAGE_SIZE;

    vmbus_ring_format(ring);
    vmbus_ring_format(ring + 2 * WORLD_PAGE_SIZE);
    m.ring_gpadl = child_share(c, relid, CHILD_RING, CHILD_PAGES);
    assert_int_equal(child_created(c, m.ring_gpadl), VMBUS_STATUS_SUCCESS);
    assert_int_equal(child_open_with(c, &m), VMBUS_STATUS_SUCCESS);
    return m.ring_gpadl;
}

void child_relid(struct child *c, uint32_t type, uint32_t relid)
{
    struct vmbus_relid_message m = {.header.type = type, .relid = relid};

    world_send(&c->world, &m, sizeof(m));
}

void child_unload(struct child *c)
{
    struct vmbus_message m = {.type = VMBUS_UNLOAD};

    world_send(&c->world, &m, sizeof(m));
}

struct vmbus_server_statistics child_statistics(const struct child *c)
{
    struct vmbus_server_statistics s;

    vmbus_server_statistics_get(c->world.server, &s);
    return s;
}

struct child_header child_header_make(struct child *c, uint32_t relid, const uint64_t *pages,
                                      uint32_t count)
{
    struct child_header m = {.h = {.header.type = VMBUS_GPADL_HEADER,
                                   .relid = relid,
                                   .gpadl = c->next_gpadl++,
                                   .range_length = (uint16_t)(8 + 8 * count),
                                   .range_count = 1,
                                   .byte_count = count * WORLD_PAGE_SIZE}};

    if (count <= VMBUS_GPADL_HEADER_PAGES)
        memcpy(m.pages, pages, count * sizeof(uint64_t));
    return m;
}

void child_header_send(struct child *c, const struct child_header *m, uint32_t pages)
{
    world_send(&c->world, m, (uint32_t)sizeof(m->h) + pages * 8);
}

void child_untouched(struct child *c, const struct vmbus_server_statistics *before)
{
    struct vmbus_server_statistics now = child_statistics(c);

    child_took_all(c);
    assert_int_equal(now.version, before->version);
    assert_int_equal(now.channels, before->channels);
    assert_int_equal(now.open, before->open);
    assert_int_equal(now.gpadls, before->gpadls);
    assert_int_equal(now.half_built, before->half_built);
    assert_int_equal(now.pages, before->pages);
}
