/* SPDX-License-Identifier: MIT */
/* ic/snapshot.c - freezing and thawing (VSS). A freeze that is not answered in time is undone: the
 * child may have frozen nevertheless, and nobody would know. */
#include <rt/mem.h>
#include "internal.h"

#define FREEZE_NS (60 * IC_NS_PER_S) /* what is dirty is written first */
#define THAW_NS   (60 * IC_NS_PER_S)

static const struct ic_version snapshot_versions[] = {{5, 0}};

static bool ask(struct ic *ic, uint8_t operation, uint64_t patience)
{
    const struct ic_snapshot m = {.operation = operation};

    ic->snapshot_operation = operation;
    return ic_question(ic, IC_SNAPSHOT, &m, sizeof(m), patience);
}

static uint64_t snapshot_due(struct ic *ic)
{
    if (ic->thaw_wanted) {
        ic->thaw_wanted = false;
        if (!ask(ic, IC_SNAPSHOT_THAW, THAW_NS))
            ic_request_end(ic, IC_THAW, IC_TIMED_OUT, IC_STATUS_FAIL);
    } else if (ic->requests[IC_FREEZE].outcome == IC_PENDING &&
               !ask(ic, IC_SNAPSHOT_FREEZE, FREEZE_NS)) {
        ic_request_end(ic, IC_FREEZE, IC_TIMED_OUT, IC_STATUS_FAIL);
    }
    return IC_NEVER;
}

static void snapshot_answered(struct ic *ic, uint32_t status, const uint8_t *payload,
                              uint32_t length)
{
    bool done = status == IC_STATUS_OK;

    (void)payload;
    (void)length;
    if (ic->snapshot_operation == IC_SNAPSHOT_FREEZE) {
        ic->frozen = done;
        ic->thaw_wanted = !done; /* some file systems may be frozen */
        ic_request_answered(ic, IC_FREEZE, status);
    } else {
        if (done)
            ic->frozen = false;
        ic_request_answered(ic, IC_THAW, status);
    }
}

static void snapshot_given_up(struct ic *ic, enum ic_outcome outcome)
{
    ic->thaw_wanted = outcome == IC_TIMED_OUT && ic->snapshot_operation == IC_SNAPSHOT_FREEZE;
    if (outcome == IC_GONE)
        ic->frozen = false; /* whoever could say so is gone */
    ic_request_end(ic, IC_FREEZE, outcome, IC_STATUS_FAIL);
    ic_request_end(ic, IC_THAW, outcome, IC_STATUS_FAIL);
}

const struct ic_operations ic_snapshot_operations = {
    .type = IC_TYPE_SNAPSHOT,
    .versions = snapshot_versions,
    .version_count = 1,
    .due = snapshot_due,
    .answered = snapshot_answered,
    .given_up = snapshot_given_up,
};
