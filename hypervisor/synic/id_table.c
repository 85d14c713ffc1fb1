/* SPDX-License-Identifier: MIT */
/* synic/id_table.c - the radix tree behind port and connection identifiers. */
#include <mm/pool.h>
#include <synic/id_table.h>

/* The slot of @id in a node of @level; level 0 is the root. */
static unsigned slot_of(uint32_t id, unsigned level)
{
    return id >> ((ID_TABLE_LEVELS - 1 - level) * ID_TABLE_SHIFT) & (ID_TABLE_SLOTS - 1);
}

/* Follow @id (< ID_TABLE_IDS) down to its object, or to the first gap; @levels: slots looked at. */
static void *walk(const struct id_table *t, uint32_t id, unsigned *levels)
{
    void *p = t->root;
    unsigned level = 0;

    for (; p && level < ID_TABLE_LEVELS; level++)
        p = ((struct id_node *)p)->slot[slot_of(id, level)];
    *levels = level;
    return p;
}

void *id_table_get(const struct id_table *t, uint32_t id)
{
    unsigned levels;

    return id < ID_TABLE_IDS ? walk(t, id, &levels) : NULL;
}

void *id_table_from(const struct id_table *t, uint32_t id)
{
    while (id < ID_TABLE_IDS) {
        unsigned levels;
        void *p = walk(t, id, &levels);
        unsigned gap = (ID_TABLE_LEVELS - levels) * ID_TABLE_SHIFT; /* its identifiers: 2^gap */

        if (p)
            return p;
        id = ((id >> gap) + 1) << gap;
    }
    return NULL;
}

static bool node_empty(const struct id_node *n)
{
    for (unsigned i = 0; i < ID_TABLE_SLOTS; i++)
        if (n->slot[i])
            return false;
    return true;
}

/* Where the nodes on the way to @id hang; the number of those that exist. */
static unsigned path_of(struct id_table *t, uint32_t id, struct id_node **path)
{
    unsigned level = 0;

    for (struct id_node *n = t->root; n && level < ID_TABLE_LEVELS; level++) {
        path[level] = n;
        n = n->slot[slot_of(id, level)];
    }
    return level;
}

/* Let @n (or nothing) be the node of @level on the way to @id. */
static void node_hang(struct id_table *t, struct id_node **path, uint32_t id, unsigned level,
                      struct id_node *n)
{
    if (level == 0)
        t->root = n;
    else
        path[level - 1]->slot[slot_of(id, level - 1)] = n;
}

/* Free the nodes of @levels on the way to @id, from the bottom up, as far as they are empty. */
static void path_prune(struct id_table *t, struct pool *pool, struct id_node **path,
                       unsigned levels, uint32_t id)
{
    while (levels-- > 0 && node_empty(path[levels])) {
        node_hang(t, path, id, levels, NULL);
        pool_free(pool, path[levels]);
    }
}

hv_status id_table_put(struct id_table *t, struct pool *pool, uint32_t id, void *object)
{
    struct id_node *path[ID_TABLE_LEVELS];
    unsigned level = path_of(t, id, path);

    for (; level < ID_TABLE_LEVELS; level++) {
        path[level] = pool_alloc(pool, sizeof(struct id_node));
        if (!path[level]) {
            path_prune(t, pool, path, level, id);
            return HV_STATUS_INSUFFICIENT_MEMORY;
        }
        node_hang(t, path, id, level, path[level]);
    }
    path[ID_TABLE_LEVELS - 1]->slot[slot_of(id, ID_TABLE_LEVELS - 1)] = object;
    return HV_STATUS_SUCCESS;
}

void id_table_remove(struct id_table *t, struct pool *pool, uint32_t id)
{
    struct id_node *path[ID_TABLE_LEVELS];

    if (id >= ID_TABLE_IDS || path_of(t, id, path) < ID_TABLE_LEVELS)
        return;
    path[ID_TABLE_LEVELS - 1]->slot[slot_of(id, ID_TABLE_LEVELS - 1)] = NULL;
    path_prune(t, pool, path, ID_TABLE_LEVELS, id);
}
