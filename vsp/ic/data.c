/* SPDX-License-Identifier: MIT */
/* ic/data.c - key-value pairs (KVP): what a child tells of itself, and what it is told.
 *
 * Told first, then asked. A refresh reads the pools one after the other, item by item, until the
 * child says that there are no more; what it said so far replaces what was known when it ends. */
#include <rt/mem.h>
#include "internal.h"

#define PATIENCE_NS (35 * IC_NS_PER_S) /* Linux gives its daemon 30 s */
#define INDEX_MAX   256u               /* items of a pool that are asked for, whatever it says */

static const struct ic_version data_versions[] = {{1, 0}, {3, 0}, {4, 0}};

/* What a refresh reads, in this order. */
static const uint8_t pools[] = {IC_POOL_AUTO, IC_POOL_GUEST};
enum { POOLS = sizeof(pools) / sizeof(pools[0]) };

/* ---- texts ---- */

static bool is_plain(const char *text, size_t size)
{
    size_t n = 0;

    for (; n < size && text[n] != '\0'; n++)
        if (text[n] < ' ' || text[n] > '~')
            return false;
    return n < size;
}

/* As UTF-16; the bytes with its end. */
static uint32_t widen(uint8_t *to, const char *text)
{
    size_t n = 0;

    do
        to[2 * n] = (uint8_t)text[n];
    while (text[n++] != '\0');
    return (uint32_t)(2 * n);
}

/* UTF-16 of @bytes, which may lack its end. */
static void narrow(char *to, size_t size, const uint8_t *from, uint32_t bytes)
{
    size_t n = 0;

    for (; n + 1 < size && 2 * n + 1 < bytes; n++) {
        uint32_t c = from[2 * n] | (uint32_t)from[2 * n + 1] << 8;

        if (c == 0)
            break;
        to[n] = ic_printable(c);
    }
    to[n] = '\0';
}

static void decimal(char *to, uint64_t value)
{
    char digits[20];
    size_t n = 0, at = 0;

    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (n != 0)
        to[at++] = digits[--n];
    to[at] = '\0';
}

/* ---- what is told ---- */

void ic_own_add(struct ic *ic, const char *key, const char *value)
{
    struct ic_item *item = &ic->own[ic->own_count];

    if (ic->own_count == IC_OWN_MAX)
        return;
    ic->own_count++;
    ic_text_copy(item->key, key, sizeof(item->key));
    ic_text_copy(item->value, value, sizeof(item->value));
}

bool ic_data_set(struct ic *ic, const char *key, const char *value)
{
    if (key == NULL || key[0] == '\0' || !is_plain(key, IC_KEY_MAX) ||
        (value != NULL && !is_plain(value, IC_VALUE_MAX)))
        return false;
    ic_text_copy(ic->set.key, key, sizeof(ic->set.key));
    ic_text_copy(ic->set.value, value != NULL ? value : "", sizeof(ic->set.value));
    ic->set_wanted = true;
    ic->set_deletes = value == NULL;
    return true;
}

static bool ask(struct ic *ic, const void *payload, uint32_t length)
{
    struct ic_data_header header;

    memcpy(&header, payload, sizeof(header));
    ic->data_operation = header.operation;
    ic->data_own = false;
    return ic_question(ic, IC_DATA, payload, length, PATIENCE_NS);
}

static bool tell(struct ic *ic, uint8_t pool, const struct ic_item *item)
{
    struct ic_data_set m = {.header = {.operation = IC_DATA_SET, .pool = pool},
                            .value.type = IC_VALUE_TEXT};

    m.value.key_size = widen(m.value.key, item->key);
    m.value.value_size = widen(m.value.value, item->value);
    return ask(ic, &m, sizeof(m));
}

static bool forget(struct ic *ic, const char *key)
{
    struct ic_data_delete m = {.header = {.operation = IC_DATA_DELETE, .pool = IC_POOL_EXTERNAL}};

    m.key_size = widen(m.key, key);
    return ask(ic, &m, sizeof(m));
}

static bool enumerate(struct ic *ic)
{
    const struct ic_data_enumerate m = {
        .header = {.operation = IC_DATA_ENUMERATE, .pool = pools[ic->pool]}, .index = ic->index};

    return ask(ic, &m, sizeof(m));
}

/* ---- what it tells ---- */

static void refresh_begin(struct ic *ic)
{
    ic->pool = 0;
    ic->index = 0;
    ic->fresh_count = 0;
    ic->refresh_status = IC_STATUS_OK;
}

static void refresh_end(struct ic *ic, enum ic_outcome outcome, uint32_t status)
{
    ic->refresh_wanted = false;
    if (outcome != IC_TIMED_OUT) {
        ic->item_count = ic->fresh_count;
        memcpy(ic->items, ic->fresh, ic->fresh_count * sizeof(ic->items[0]));
    }
    refresh_begin(ic);
    ic_request_end(ic, IC_REFRESH, outcome, status);
}

static void value_print(char *to, const struct ic_data_value *v)
{
    uint64_t number = 0;

    switch (v->type) {
    case IC_VALUE_NUMBER:
        memcpy(&number, v->value, sizeof(uint32_t));
        decimal(to, number);
        break;
    case IC_VALUE_NUMBER64:
        memcpy(&number, v->value, sizeof(uint64_t));
        decimal(to, number);
        break;
    default:
        narrow(to, IC_VALUE_MAX, v->value, v->value_size);
        break;
    }
}

/* False: that is no item. */
static bool keep(struct ic *ic, const uint8_t *payload, uint32_t length)
{
    const struct ic_data_enumerate *m = (const void *)payload; /* private, at a multiple of 4 */
    struct ic_item *item = &ic->fresh[ic->fresh_count];

    if (length < sizeof(*m) || m->value.key_size > IC_KEY_BYTES ||
        m->value.value_size > IC_VALUE_BYTES)
        return false;
    if (ic->fresh_count == IC_ITEMS_MAX)
        return true;
    item->pool = pools[ic->pool];
    narrow(item->key, sizeof(item->key), m->value.key, m->value.key_size);
    value_print(item->value, &m->value);
    ic->fresh_count++;
    return true;
}

static void refresh_done(struct ic *ic)
{
    bool failed = ic->fresh_count == 0 && ic->refresh_status != IC_STATUS_OK;

    refresh_end(ic, failed ? IC_FAILED : IC_DONE, ic->refresh_status);
}

static void enumerated(struct ic *ic, uint32_t status, const uint8_t *payload, uint32_t length)
{
    bool more = status == IC_STATUS_OK && ic->index < INDEX_MAX;

    if (more && !keep(ic, payload, length)) {
        ic->services[IC_DATA].counters.malformed++;
        more = false;
    }
    if (more) {
        ic->index++;
        return;
    }
    if (status != IC_STATUS_OK && status != IC_STATUS_NO_MORE)
        ic->refresh_status = status;
    ic->index = 0;
    if (++ic->pool == POOLS)
        refresh_done(ic);
}

/* ---- the service ---- */

static void data_ready(struct ic *ic)
{
    ic->own_told = 0;
    ic->refresh_wanted = true;
    refresh_begin(ic);
}

static void no_room(struct ic *ic)
{
    ic_request_end(ic, IC_SET, IC_TIMED_OUT, IC_STATUS_FAIL);
    ic->set_wanted = false;
    refresh_end(ic, IC_TIMED_OUT, IC_STATUS_FAIL);
    ic->own_told = ic->own_count;
}

static uint64_t data_due(struct ic *ic)
{
    bool sent = true;

    if (ic->set_wanted) {
        ic->set_wanted = false;
        sent = ic->set_deletes ? forget(ic, ic->set.key) : tell(ic, IC_POOL_EXTERNAL, &ic->set);
    } else if (ic->own_told < ic->own_count) {
        sent = tell(ic, IC_POOL_AUTO_EXTERNAL, &ic->own[ic->own_told]);
        ic->data_own = true;
    } else if (ic->refresh_wanted) {
        sent = enumerate(ic);
    }
    if (!sent)
        no_room(ic);
    return IC_NEVER;
}

static void data_answered(struct ic *ic, uint32_t status, const uint8_t *payload, uint32_t length)
{
    if (ic->data_operation == IC_DATA_ENUMERATE)
        enumerated(ic, status, payload, length);
    else if (ic->data_own)
        ic->own_told++; /* taken or not */
    else
        ic_request_answered(ic, IC_SET, status);
}

static void data_given_up(struct ic *ic, enum ic_outcome outcome)
{
    if (outcome == IC_GONE) /* what it said was true of a system that is gone */
        ic->fresh_count = 0;
    ic_request_end(ic, IC_SET, outcome, IC_STATUS_FAIL);
    ic->set_wanted = false;
    refresh_end(ic, outcome, IC_STATUS_FAIL);
    ic->own_told = ic->own_count; /* until it opens the channel anew */
}

const struct ic_operations ic_data_operations = {
    .type = IC_TYPE_DATA,
    .versions = data_versions,
    .version_count = 3,
    .ready = data_ready,
    .due = data_due,
    .answered = data_answered,
    .given_up = data_given_up,
};
