/* SPDX-License-Identifier: MIT */
/* ic/basic.c - heartbeat, shutdown, time: one question, one answer. */
#include <rt/mem.h>
#include "internal.h"

#define HEARTBEAT_NS  (2 * IC_NS_PER_S)
#define SAMPLE_NS     (5 * IC_NS_PER_S)
#define SHUTDOWN_NS   (30 * IC_NS_PER_S) /* until it says whether it will */
#define TIME_STALE_NS IC_NS_PER_S        /* what was so long on its way is no time any more */

/* ---- heartbeat: a child that has not answered is not asked again until it does ---- */

static const struct ic_version heartbeat_versions[] = {{1, 0}, {3, 0}};

static uint64_t heartbeat_due(struct ic *ic)
{
    const struct ic_heartbeat h = {.sequence = ic->heartbeat_sequence};

    if (ic->heartbeat_next > ic->now)
        return ic->heartbeat_next;
    ic->heartbeat_next = ic->now + HEARTBEAT_NS;
    if (!ic_question(ic, IC_HEARTBEAT, &h, sizeof(h), IC_NEVER))
        ic->services[IC_HEARTBEAT].counters.late++; /* it reads nothing */
    return ic->heartbeat_next;
}

static void heartbeat_answered(struct ic *ic, uint32_t status, const uint8_t *payload,
                               uint32_t length)
{
    uint64_t sequence = 0;

    if (length >= sizeof(sequence))
        memcpy(&sequence, payload, sizeof(sequence));
    if (status != IC_STATUS_OK || sequence != ic->heartbeat_sequence + 1) {
        ic->services[IC_HEARTBEAT].counters.malformed++;
        return;
    }
    ic->heartbeat_sequence = sequence;
    ic->heartbeat_last = ic->now;
}

static void heartbeat_given_up(struct ic *ic, enum ic_outcome outcome)
{
    (void)outcome;
    ic->heartbeat_next = 0;
    ic->heartbeat_last = IC_NEVER;
}

const struct ic_operations ic_heartbeat_operations = {
    .type = IC_TYPE_HEARTBEAT,
    .versions = heartbeat_versions,
    .version_count = 2,
    .due = heartbeat_due,
    .answered = heartbeat_answered,
    .given_up = heartbeat_given_up,
};

/* ---- shutdown ---- */

static const struct ic_version shutdown_versions[] = {{1, 0}, {3, 0}, {3, 1}, {3, 2}};

static uint64_t shutdown_due(struct ic *ic)
{
    static const struct ic_shutdown power_off = {.flags = IC_SHUTDOWN_POWER_OFF};

    if (ic->requests[IC_POWER_OFF].outcome == IC_PENDING &&
        !ic_question(ic, IC_SHUTDOWN, &power_off, sizeof(power_off), SHUTDOWN_NS))
        ic_request_end(ic, IC_POWER_OFF, IC_TIMED_OUT, IC_STATUS_FAIL);
    return IC_NEVER;
}

static void shutdown_answered(struct ic *ic, uint32_t status, const uint8_t *payload,
                              uint32_t length)
{
    (void)payload;
    (void)length;
    ic_request_answered(ic, IC_POWER_OFF, status);
}

static void shutdown_given_up(struct ic *ic, enum ic_outcome outcome)
{
    ic_request_end(ic, IC_POWER_OFF, outcome, IC_STATUS_FAIL);
}

const struct ic_operations ic_shutdown_operations = {
    .type = IC_TYPE_SHUTDOWN,
    .versions = shutdown_versions,
    .version_count = 4,
    .due = shutdown_due,
    .answered = shutdown_answered,
    .given_up = shutdown_given_up,
};

/* ---- time ---- */

static const struct ic_version time_versions[] = {{1, 0}, {3, 0}, {4, 0}};

static void time_ready(struct ic *ic)
{
    ic->time_sync = true;
    ic->time_next = 0;
}

void ic_clock_set(struct ic *ic)
{
    ic->time_sync = true;
    ic->port->wake(ic);
}

static bool time_send(struct ic *ic, uint8_t flags)
{
    struct ic_moment m;

    if (!ic->port->moment(ic, &m))
        return false;
    if (ic->services[IC_TIME].message.major >= 4) {
        const struct ic_time_reference t = {
            .parent_time = m.wall, .reference_time = m.reference, .flags = flags};

        return ic_question(ic, IC_TIME, &t, IC_TIME_REFERENCE_BYTES, IC_NEVER);
    }
    return ic_question(ic, IC_TIME, &(struct ic_time){.parent_time = m.wall, .flags = flags},
                       IC_TIME_BYTES, IC_NEVER);
}

static uint64_t time_due(struct ic *ic)
{
    uint8_t flags = ic->time_sync ? IC_TIME_SYNC : IC_TIME_SAMPLE;

    if (!ic->time_sync && ic->time_next > ic->now)
        return ic->time_next;
    ic->time_next = ic->now + SAMPLE_NS;
    if (time_send(ic, flags))
        ic->time_sync = false;
    return ic->time_next;
}

/* Before version 4 nobody can tell how old a time is. */
static void time_answered(struct ic *ic, uint32_t status, const uint8_t *payload, uint32_t length)
{
    const struct ic_service *s = &ic->services[IC_TIME];

    (void)payload;
    (void)length;
    (void)status;
    if (s->message.major < 4 && ic->now - s->asked_at > TIME_STALE_NS)
        ic->time_sync = true;
}

static void time_given_up(struct ic *ic, enum ic_outcome outcome)
{
    (void)ic;
    (void)outcome;
}

const struct ic_operations ic_time_operations = {
    .type = IC_TYPE_TIME,
    .versions = time_versions,
    .version_count = 3,
    .ready = time_ready,
    .due = time_due,
    .answered = time_answered,
    .given_up = time_given_up,
};
