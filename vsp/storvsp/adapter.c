/* SPDX-License-Identifier: MIT */
/* storvsp/adapter.c - the offer of a controller, its disks, and what workers leave to the bus. */
#include <rt/mem.h>
#include "internal.h"

/* ba6163d9-04a1-4d29-b605-72e2ffb1dc7f */
static const struct vmbus_guid scsi_interface = STORAGE_SCSI_INTERFACE;

/* ---- disks ---- */

static bool is_there(const struct storvsp_lun *lun)
{
    return __atomic_load_n(&lun->present, __ATOMIC_ACQUIRE) && /* pairs with storvsp_lun_add */
           !__atomic_load_n(&lun->gone, __ATOMIC_RELAXED);
}

struct storvsp_lun *storvsp_lun_find(struct storvsp_adapter *a, const struct storage_srb *srb)
{
    if (srb->path != 0 || srb->target != 0 || srb->lun >= STORVSP_LUNS ||
        !is_there(&a->luns[srb->lun]))
        return NULL;
    return &a->luns[srb->lun];
}

uint64_t storvsp_luns_present(const struct storvsp_adapter *a)
{
    uint64_t present = 0;

    for (uint32_t i = 0; i < STORVSP_LUNS; i++)
        if (is_there(&a->luns[i]))
            present |= 1ull << i;
    return present;
}

uint32_t storvsp_transfer_max(const struct storvsp_adapter *a)
{
    uint64_t present = storvsp_luns_present(a), most = a->config.max_transfer_bytes;

    for (; present != 0; present &= present - 1) {
        const struct scsi_disk *d = &a->luns[__builtin_ctzll(present)].disk;
        uint64_t bytes = (uint64_t)d->max_transfer_sectors * d->sector_size;

        if (bytes < most)
            most = bytes;
    }
    return most > STORVSP_PAGE ? (uint32_t)(most - most % STORVSP_PAGE) : STORVSP_PAGE;
}

static void enumerate(struct storvsp_adapter *a)
{
    __atomic_store_n(&a->enumerate, true, __ATOMIC_RELAXED);
    if (a->primary)
        a->port->wake(a->primary);
}

static bool disk_valid(const struct scsi_disk *d)
{
    return d->sector_size >= SCSI_SECTOR_MIN && d->sector_size <= SCSI_SECTOR_MAX &&
           (d->sector_size & (d->sector_size - 1)) == 0 && d->sector_count > 0 &&
           d->max_transfer_sectors > 0 && (!d->can_discard || d->max_discard_sectors > 0);
}

bool storvsp_lun_add(struct storvsp_adapter *a, uint32_t number, const struct scsi_disk *disk,
                     const struct storvsp_backend *backend, void *context)
{
    struct storvsp_lun *lun = number < STORVSP_LUNS ? &a->luns[number] : NULL;
    uint32_t most;

    if (!lun || !disk_valid(disk) || __atomic_load_n(&lun->present, __ATOMIC_RELAXED))
        return false;
    most = a->config.max_transfer_bytes / disk->sector_size;
    lun->disk = *disk;
    if (lun->disk.max_transfer_sectors > most)
        lun->disk.max_transfer_sectors = most;
    lun->backend = backend;
    lun->context = context;
    __atomic_store_n(&lun->present, true, __ATOMIC_RELEASE); /* pairs with is_there */
    enumerate(a);
    return true;
}

/* ---- the offer: called by the server ---- */

static bool primary_may_open(struct storvsp_adapter *a, bool restored)
{
    if (a->primary)
        return false;
    if (!restored) {
        __atomic_store_n(&a->state, STORVSP_OPENED, __ATOMIC_RELAXED);
        __atomic_store_n(&a->version, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&a->enumerate, false, __ATOMIC_RELAXED);
        __atomic_store_n(&a->sub_wanted, 0, __ATOMIC_RELAXED);
    }
    return true;
}

static bool may_open(struct storvsp_adapter *a, const struct vmbus_channel *v, bool restored)
{
    if (v->sub_channel_index == 0)
        return primary_may_open(a, restored);
    return __atomic_load_n(&a->state, __ATOMIC_ACQUIRE) == STORVSP_READY;
}

static bool storvsp_opened(struct vmbus_offer *offer, struct vmbus_channel *v,
                           const uint8_t *user_data, bool restored)
{
    struct storvsp_adapter *a = offer->context;
    struct storvsp_channel *c;

    (void)user_data; /* Linux sends none that counts */
    if (!may_open(a, v, restored))
        return false;
    c = storvsp_channel_create(a, v);
    if (!c)
        return false;
    v->context = c;
    if (!a->port->started(a->context, c)) {
        v->context = NULL;
        a->port->free(a->context, c, c->size);
        return false;
    }
    list_push_back(&a->channels, &c->node);
    if (c->primary)
        a->primary = c;
    if (restored) /* the signals for what is in its ring may be lost */
        a->port->wake(c);
    return true;
}

static void storvsp_closed(struct vmbus_offer *offer, struct vmbus_channel *v)
{
    struct storvsp_adapter *a = offer->context;
    struct storvsp_channel *c = v->context;

    if (a->primary == c) {
        a->primary = NULL;
        __atomic_store_n(&a->state, STORVSP_OPENED, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&c->closing, true, __ATOMIC_RELEASE); /* pairs with storvsp_channel_work */
    a->port->wake(c);
}

static void storvsp_signalled(struct vmbus_offer *offer, struct vmbus_channel *v)
{
    const struct storvsp_adapter *a = offer->context;

    a->port->wake(v->context);
}

/* Within drained_close, that has to finish first. */
static void storvsp_revoked(struct vmbus_offer *offer)
{
    struct storvsp_adapter *a = offer->context;

    if (a->draining)
        a->revoke_due = true;
    else if (a->revoked)
        a->revoked(a);
}

static const struct vmbus_offer_operations offer_operations = {
    .opened = storvsp_opened,
    .closed = storvsp_closed,
    .signalled = storvsp_signalled,
    .revoked = storvsp_revoked,
};

static bool config_valid(const struct storvsp_config *c)
{
    return c->queue_depth > 0 && c->queue_depth <= STORVSP_DEPTH_MAX &&
           c->max_transfer_bytes >= STORVSP_PAGE && c->max_transfer_bytes % STORVSP_PAGE == 0 &&
           c->max_transfer_bytes <= STORVSP_TRANSFER_MAX &&
           c->sub_channel_max <= STORVSP_SUB_CHANNELS;
}

bool storvsp_adapter_init(struct storvsp_adapter *a, const struct storvsp_port *port, void *context,
                          const struct storvsp_config *config,
                          void (*revoked)(struct storvsp_adapter *a))
{
    if (!config_valid(config))
        return false;
    memset(a, 0, sizeof(*a));
    a->context = context;
    a->port = port;
    a->config = *config;
    a->revoked = revoked;
    list_init(&a->channels);
    a->offer.interface = scsi_interface;
    a->offer.instance = config->instance;
    a->offer.flags = VMBUS_OFFER_ENUMERATE_DEVICE_INTERFACE;
    a->offer.sub_channel_max = config->sub_channel_max;
    a->offer.operations = &offer_operations;
    a->offer.context = a;
    return true;
}

/* ---- what workers leave to the bus ---- */

static void broken_close(struct storvsp_adapter *a)
{
    LIST_FOR_EACH_SAFE(node, &a->channels)
    {
        struct storvsp_channel *c = container_of(node, struct storvsp_channel, node);

        if (__atomic_exchange_n(&c->broken, false, __ATOMIC_ACQUIRE)) /* pairs with broken() */
            vmbus_server_channel_broken(c->vmbus);
    }
}

/* The first channel that nothing refers to any more; NULL: none is. */
static struct storvsp_channel *drained_find(struct storvsp_adapter *a)
{
    LIST_FOR_EACH(node, &a->channels)
    {
        struct storvsp_channel *c = container_of(node, struct storvsp_channel, node);

        if (__atomic_load_n(&c->drained, __ATOMIC_ACQUIRE)) /* pairs with close_go_on */
            return c;
    }
    return NULL;
}

/* Until the bus has disconnected its doorbell, a signal may refer to a channel. With the last of
 * them, @a may be revoked: it is the owner's at the end. */
static void drained_close(struct storvsp_adapter *a)
{
    struct storvsp_channel *c;

    a->draining = true;
    while ((c = drained_find(a))) {
        list_remove(&c->node);
        vmbus_server_closed(c->vmbus);
        a->port->stopped(a->context, c);
        a->port->free(a->context, c, c->size);
    }
    a->draining = false;
    if (a->revoke_due) {
        a->revoke_due = false;
        if (a->revoked)
            a->revoked(a);
    }
}

void storvsp_service(struct storvsp_adapter *a)
{
    uint32_t count;

    broken_close(a);
    count = __atomic_exchange_n(&a->sub_wanted, 0, __ATOMIC_ACQUIRE); /* pairs with ..._create */
    if (count > 0 && a->primary)
        vmbus_server_sub_channels(&a->offer, count);
    if (__atomic_exchange_n(&a->wake_primary, false, __ATOMIC_ACQUIRE) && a->primary)
        a->port->wake(a->primary);
    drained_close(a);
}

/* ---- save and restore ---- */

const char *storvsp_save(const struct storvsp_adapter *a, struct storvsp_state *state)
{
    LIST_FOR_EACH(node, &a->channels)
    {
        if (container_of(node, struct storvsp_channel, node)->busy > 0)
            return "requests are under way";
    }
    if (a->sub_wanted > 0)
        return "sub-channels are to be offered";
    *state = (struct storvsp_state){.state_version = STORVSP_STATE_VERSION,
                                    .state = a->state,
                                    .version = a->version,
                                    .enumerate = a->enumerate};
    return NULL;
}

static bool state_valid(const struct storvsp_state *s)
{
    bool version = s->version == STORAGE_VERSION_5_1 || s->version == STORAGE_VERSION_6_0 ||
                   s->version == STORAGE_VERSION_6_2;

    return s->state <= STORVSP_READY && s->enumerate <= 1 &&
           (s->state >= STORVSP_VERSIONED ? version : s->version == 0);
}

const char *storvsp_restore(struct storvsp_adapter *a, const struct storvsp_state *state)
{
    if (state->state_version != STORVSP_STATE_VERSION)
        return "another version of the state";
    if (!state_valid(state))
        return "no state of the protocol";
    a->state = state->state;
    a->version = state->version;
    a->enumerate = state->enumerate != 0;
    return NULL;
}
