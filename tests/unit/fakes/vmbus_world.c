/* SPDX-License-Identifier: MIT */
/* fakes/vmbus_world.c - see fakes/vmbus_world.h. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own */
#define _GNU_SOURCE /* memfd_create */
#include "fakes/vmbus_world.h"

#include <hvabi/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- the transport --------------------------------------------------------------------------- */

static hv_status world_post(void *context, uint32_t vp, const void *message, uint32_t length)
{
    struct vmbus_world *w = context;
    struct world_post *p;

    CHECK(vp < WORLD_VPS && length >= sizeof(struct vmbus_message) &&
          length <= VMBUS_MESSAGE_SIZE_MAX);
    if (w->post_failure != HV_STATUS_SUCCESS)
        return w->post_failure;
    if (w->room == 0 || w->post_count == WORLD_POSTS)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    w->room--;
    p = &w->posts[w->post_count++];
    *p = (struct world_post){.vp = vp, .length = length};
    memcpy(p->bytes, message, length);
    return HV_STATUS_SUCCESS;
}

static void pages_pin(struct vmbus_world *w, const uint64_t *pages, uint32_t count, uint32_t by)
{
    for (uint32_t i = 0; i < count; i++) {
        w->pins[pages[i]] += by;
        w->pinned += by;
    }
}

static void *world_map(void *context, const uint64_t *pages, uint32_t count)
{
    struct vmbus_world *w = context;
    uint8_t *area;

    CHECK(count != 0 && count <= w->limits.pages);
    for (uint32_t i = 0; i < count; i++)
        if (pages[i] >= WORLD_PAGES || pages[i] == WORLD_HOLE)
            return NULL;
    area =
        mmap(NULL, (size_t)count * WORLD_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    for (uint32_t i = 0; i < count; i++)
        CHECK(mmap(area + (size_t)i * WORLD_PAGE_SIZE, WORLD_PAGE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED, w->memory,
                   (off_t)(pages[i] * WORLD_PAGE_SIZE)) != MAP_FAILED);
    pages_pin(w, pages, count, 1);
    w->mappings++;
    return area;
}

static void world_unmap(void *context, void *mapping, const uint64_t *pages, uint32_t count)
{
    struct vmbus_world *w = context;

    CHECK(munmap(mapping, (size_t)count * WORLD_PAGE_SIZE) == 0);
    pages_pin(w, pages, count, (uint32_t)-1);
    CHECK(w->mappings != 0);
    w->mappings--;
}

static bool world_doorbell_connect(void *context, struct vmbus_channel *c)
{
    struct vmbus_world *w = context;

    CHECK(c->relid >= 1 && c->relid <= WORLD_RELIDS && !w->doorbells[c->relid] &&
          c->target_vp < WORLD_VPS && !c->transport);
    if (w->no_doorbells)
        return false;
    w->doorbells[c->relid] = c;
    w->doorbell_count++;
    c->transport = w;
    return true;
}

static void world_doorbell_disconnect(void *context, struct vmbus_channel *c)
{
    struct vmbus_world *w = context;

    CHECK(w->doorbells[c->relid] == c);
    w->doorbells[c->relid] = NULL;
    w->doorbell_count--;
}

static bool world_doorbell_retarget(void *context, struct vmbus_channel *c, uint32_t vp)
{
    struct vmbus_world *w = context;

    CHECK(w->doorbells[c->relid] == c && vp < WORLD_VPS);
    return !w->no_doorbells;
}

static void world_signal(struct vmbus_channel *c)
{
    struct vmbus_world *w = c->transport;

    CHECK(w->doorbells[c->relid] == c);
    w->signals[c->relid]++;
}

static bool world_monitor_set(void *context, uint64_t server_to_client, uint64_t client_to_server)
{
    struct vmbus_world *w = context;

    if (w->no_monitor && server_to_client != 0)
        return false;
    w->monitor[0] = server_to_client;
    w->monitor[1] = client_to_server;
    return true;
}

static void *world_allocate(void *context, size_t size)
{
    struct vmbus_world *w = context;

    if (w->allocations_left == 0)
        return NULL;
    w->allocations_left--;
    w->allocated += size;
    return calloc(1, size);
}

static void world_free(void *context, void *memory, size_t size)
{
    struct vmbus_world *w = context;

    CHECK(memory && w->allocated >= size);
    w->allocated -= size;
    free(memory);
}

static void world_log(void *context, uint32_t relid, const char *reason)
{
    struct vmbus_world *w = context;

    (void)relid;
    w->log_lines++;
    w->last_log = reason;
}

static const struct vmbus_server_port world_port = {
    .post = world_post,
    .map = world_map,
    .unmap = world_unmap,
    .doorbell_connect = world_doorbell_connect,
    .doorbell_disconnect = world_doorbell_disconnect,
    .doorbell_retarget = world_doorbell_retarget,
    .signal = world_signal,
    .monitor_set = world_monitor_set,
    .allocate = world_allocate,
    .free = world_free,
    .log = world_log,
};

/* ---- the provider ---------------------------------------------------------------------------- */

static struct world_device *device_of(struct vmbus_offer *offer)
{
    return offer->context;
}

static bool device_opened(struct vmbus_offer *offer, struct vmbus_channel *c,
                          const uint8_t *user_data, bool restored)
{
    struct world_device *d = device_of(offer);

    CHECK(!d->channel[c->sub_channel_index]);
    if (d->refuses)
        return false;
    d->channel[c->sub_channel_index] = c;
    d->opened++;
    d->restored = restored;
    c->context = d;
    memcpy(d->user_data, user_data, sizeof(d->user_data));
    return true;
}

static void device_channel_finish(struct world_device *d, uint32_t index)
{
    struct vmbus_channel *c = d->channel[index];

    CHECK(c && c->context == d);
    d->channel[index] = NULL;
    d->closing[index] = false;
    vmbus_server_closed(c);
}

static void device_closed(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct world_device *d = device_of(offer);
    uint32_t index = c->sub_channel_index;

    CHECK(d->channel[index] == c && !d->closing[index]);
    d->closed++;
    d->closing[index] = true;
    if (!d->defers)
        device_channel_finish(d, index);
}

static void device_signalled(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    CHECK(device_of(offer)->channel[c->sub_channel_index] == c);
    device_of(offer)->signalled++;
}

static void device_revoked(struct vmbus_offer *offer)
{
    struct world_device *d = device_of(offer);

    for (uint32_t i = 0; i < 8; i++)
        CHECK(!d->channel[i]);
    d->revoked++;
}

static const struct vmbus_offer_operations device_operations = {
    .opened = device_opened,
    .closed = device_closed,
    .signalled = device_signalled,
    .revoked = device_revoked,
};

void device_offer(struct vmbus_world *w, struct world_device *d, uint32_t number,
                  uint32_t sub_channel_max)
{
    *d = (struct world_device){
        .offer = {.interface = {.data1 = 0xba6163d9},
                  .instance = {.data1 = number},
                  .flags = VMBUS_OFFER_ENUMERATE_DEVICE_INTERFACE | VMBUS_OFFER_MONITORED,
                  .mmio_megabytes = 3,
                  .sub_channel_max = sub_channel_max,
                  .user_data = {1, 2, 3},
                  .operations = &device_operations,
                  .context = d},
    };
    CHECK(sub_channel_max < 8);
    CHECK(vmbus_server_offer(w->server, &d->offer));
}

void device_finish(struct world_device *d)
{
    for (uint32_t i = 0; i < 8; i++)
        if (d->closing[i])
            device_channel_finish(d, i);
}

/* ---- the world ------------------------------------------------------------------------------- */

struct vmbus_server *world_server(struct vmbus_world *w)
{
    return vmbus_server_create(&world_port, w, &w->limits);
}

void world_start(struct vmbus_world *w)
{
    *w = (struct vmbus_world){
        .limits = {.vp_count = WORLD_VPS,
                   .channels = WORLD_RELIDS,
                   .gpadls = 32,
                   .half_built = 8,
                   .pages = 512,
                   .replies = 64},
        .room = UINT32_MAX,
        .allocations_left = UINT32_MAX,
    };
    w->memory = memfd_create("child", MFD_CLOEXEC);
    CHECK(w->memory >= 0 && ftruncate(w->memory, WORLD_PAGES * WORLD_PAGE_SIZE) == 0);
    w->ram =
        mmap(NULL, WORLD_PAGES * WORLD_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->memory, 0);
    CHECK(w->ram != MAP_FAILED);
    w->server = world_server(w);
    CHECK(w->server);
}

void world_stop(struct vmbus_world *w)
{
    CHECK(vmbus_server_stop(w->server));
    CHECK(w->pinned == 0 && w->mappings == 0 && w->doorbell_count == 0);
    CHECK(w->monitor[0] == 0 && w->monitor[1] == 0);
    vmbus_server_destroy(w->server);
    CHECK(w->allocated == 0);
    munmap(w->ram, WORLD_PAGES * WORLD_PAGE_SIZE);
    close(w->memory);
}

void world_send(struct vmbus_world *w, const void *message, uint32_t length)
{
    uint8_t *copy = malloc(length != 0 ? length : 1); /* no longer, for ASan */

    if (length != 0)
        memcpy(copy, message, length);
    vmbus_server_receive(w->server, copy, length);
    free(copy);
}

bool world_take(struct vmbus_world *w, uint32_t type, void *message, uint32_t size)
{
    struct vmbus_message header;

    if (w->post_count == 0 || w->posts[0].length < size)
        return false;
    memcpy(&header, w->posts[0].bytes, sizeof(header));
    if (header.type != type)
        return false;
    memcpy(message, w->posts[0].bytes, size);
    w->post_count--;
    memmove(w->posts, w->posts + 1, w->post_count * sizeof(w->posts[0]));
    return true;
}
