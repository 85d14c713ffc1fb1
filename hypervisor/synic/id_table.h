/* SPDX-License-Identifier: MIT */
/* synic/id_table.h - 24-bit identifiers to objects: a radix tree of four levels of 64.
 *
 * Every operation is bounded: four steps, or a search of four nodes. Nodes come from a pool and go
 * back to it when they are empty. Rules: the owner's lock protects the table. */
#ifndef SYNIC_ID_TABLE_H
#define SYNIC_ID_TABLE_H

#include <core/types.h>
#include <hvabi/status.h>

struct pool;

#define ID_TABLE_LEVELS 4
#define ID_TABLE_SHIFT  6
#define ID_TABLE_SLOTS  (1u << ID_TABLE_SHIFT)
#define ID_TABLE_IDS    (1u << (ID_TABLE_LEVELS * ID_TABLE_SHIFT))

struct id_node {
    void *slot[ID_TABLE_SLOTS]; /* nodes; on the last level objects */
};

struct id_table {
    struct id_node *root; /* NULL: empty */
};

/* The object at @id, or NULL; also when @id is beyond ID_TABLE_IDS. */
void *id_table_get(const struct id_table *t, uint32_t id);

/* Put @object at the free @id (< ID_TABLE_IDS). HV_STATUS_INSUFFICIENT_MEMORY: no node. */
hv_status id_table_put(struct id_table *t, struct pool *pool, uint32_t id, void *object) MUST_CHECK;

/* Take out the object at @id, if there is one. */
void id_table_remove(struct id_table *t, struct pool *pool, uint32_t id);

/* The object with the lowest identifier from @id on, or NULL. */
void *id_table_from(const struct id_table *t, uint32_t id);

#endif
