/* SPDX-License-Identifier: MIT */
/* test_slat_model.c - random changes to a SLAT, compared with an array that says what each page
 * should show. The pool runs short at times: a change that fails must have changed nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/overlay.h>
#include <mm/pfn.h>
#include <mm/phys.h>

#define LARGE     (2 * MIB)
#define BLOCKS    16
#define WINDOW    (GIB - BLOCKS / 2 * LARGE) /* around the border of two GiB */
#define PAGES     (BLOCKS * 512)
#define SOURCE    (4 * GIB) /* mappings lead into eight blocks from here */
#define SOURCES   (8 * 512)
#define OVERLAYS  6
#define STEPS     6000
#define NOT_FOUND (-1)

struct model_page {
    uint64_t hpa;
    unsigned access;
    enum slat_memory_type type;
    int stack[OVERLAYS]; /* the overlays on it, newest last */
    int height;
    bool mapped, counted;
};

static struct pool root_pool, pool;
static struct slat slat;
static struct slat_gather g;
static struct overlay overlay[OVERLAYS];
static hpa_t overlay_page[OVERLAYS];
static struct model_page model[PAGES];
static uint64_t seed;
static hpa_t stolen[256];
static unsigned stolen_count;

static int machine(void **state)
{
    (void)state;
    fake_machine_init(&root_pool);
    pool_init(&pool, 1);
    fake_pool_fill(&pool, 5 * GIB, 40);
    memset(model, 0, sizeof(model));
    stolen_count = 0;
    slat_gather_init(&g, &slat);
    for (int i = 0; i < OVERLAYS; i++) {
        overlay_init(&overlay[i]);
        if (pool_page_alloc(&pool, &overlay_page[i]) != HV_STATUS_SUCCESS)
            return -1;
    }
    return slat_init(&slat, &pool, 40) == HV_STATUS_SUCCESS ? 0 : -1;
}

static uint64_t gpa_of(uint64_t page)
{
    return WINDOW + (page << PAGE_SHIFT);
}

static void check_page(uint64_t i)
{
    const struct model_page *m = &model[i];
    struct slat_view v;
    hv_status st = slat_query(&slat, gpa(gpa_of(i)), &v);

    if (m->height > 0) {
        assert_int_equal(st, HV_STATUS_SUCCESS);
        assert_true(v.overlay);
        assert_int_equal(v.hpa.v, overlay_page[m->stack[m->height - 1]].v);
    } else if (m->mapped) {
        assert_int_equal(st, HV_STATUS_SUCCESS);
        assert_false(v.overlay);
        assert_int_equal(v.hpa.v, m->hpa);
        assert_int_equal(v.access, m->access);
        assert_int_equal(v.type, m->type);
    } else {
        assert_int_equal(st, HV_STATUS_OPERATION_DENIED);
    }
}

static bool block_empty(uint64_t block)
{
    for (uint64_t i = block * 512; i < block * 512 + 512; i++)
        if (model[i].mapped || model[i].height > 0)
            return false;
    return true;
}

/* Whether one 2 MiB mapping says all of the block. */
static bool block_whole(uint64_t block)
{
    const struct model_page *first = &model[block * 512];

    if (!first->mapped || (first->hpa & (LARGE - 1)) != 0)
        return false;
    for (uint64_t i = 0; i < 512; i++) {
        const struct model_page *m = first + i;

        if (!m->mapped || m->height > 0 || m->hpa != first->hpa + (i << PAGE_SHIFT) ||
            m->access != first->access || m->type != first->type || m->counted != first->counted)
            return false;
    }
    return true;
}

/* The tree is the smallest that can say what the model says. */
static uint64_t tables_expected(void)
{
    bool used[2] = {false, false}; /* the two GiB */
    uint64_t n = 1;

    for (uint64_t b = 0; b < BLOCKS; b++) {
        if (block_empty(b))
            continue;
        used[b / (BLOCKS / 2)] = true;
        n += block_whole(b) ? 0u : 1u;
    }
    return n + (used[0] ? 1u : 0u) + (used[1] ? 1u : 0u) + (used[0] || used[1] ? 1u : 0u);
}

static void check_all(void)
{
    uint64_t counted = 0;

    for (uint64_t i = 0; i < PAGES; i++) {
        check_page(i);
        counted += model[i].mapped && model[i].counted ? 1u : 0u;
    }
    assert_int_equal(pfn_mappings(), counted);
    assert_int_equal(slat.tables, tables_expected());
    assert_int_equal(pool_balance(&pool).in_use,
                     slat.tables + slat.reserved + OVERLAYS + stolen_count);
}

static unsigned random_access(void)
{
    static const unsigned valid[] = {SLAT_RWX, SLAT_RWX, SLAT_RWX, SLAT_READ | SLAT_WRITE, SLAT_READ,
                                     0};

    return valid[fake_random(&seed, ARRAY_SIZE(valid))];
}

static uint64_t random_page(enum slat_level level)
{
    return level == SLAT_2M ? fake_random(&seed, BLOCKS) * 512 : fake_random(&seed, PAGES);
}

static enum slat_level random_level(void)
{
    return fake_random(&seed, 8) == 0 ? SLAT_2M : SLAT_4K;
}

static uint64_t pages_of(enum slat_level level)
{
    return slat_level_size(level) >> PAGE_SHIFT;
}

static hv_status change_map(uint64_t page, enum slat_level level, const struct slat_mapping *m)
{
    hv_status st;

    if (m->counted)
        assert_int_equal(pfn_map_get(m->hpa, pages_of(level)), HV_STATUS_SUCCESS);
    st = slat_map(&slat, gpa(gpa_of(page)), level, m, &g);
    if (st != HV_STATUS_SUCCESS) {
        if (m->counted)
            pfn_map_put(m->hpa, pages_of(level));
        return st;
    }
    for (uint64_t i = 0; i < pages_of(level); i++) {
        struct model_page *p = &model[page + i];

        p->mapped = true;
        p->counted = m->counted;
        p->access = m->access;
        p->type = m->type;
        p->hpa = m->hpa.v + (i << PAGE_SHIFT);
    }
    return st;
}

static hv_status random_map(void)
{
    enum slat_level level = random_level();
    struct slat_mapping m = {hpa(SOURCE + fake_random(&seed, SOURCES) * PAGE_SIZE), random_access(),
                             fake_random(&seed, 8) == 0 ? SLAT_UNCACHED : SLAT_WRITE_BACK,
                             fake_random(&seed, 2) == 0};

    m.hpa.v &= ~(slat_level_size(level) - 1);
    return change_map(random_page(level), level, &m);
}

/* Fill a block page by page, so that merging is tried. */
static hv_status random_fill(void)
{
    uint64_t block = fake_random(&seed, BLOCKS), first = fake_random(&seed, 512);
    struct slat_mapping m = {hpa(0), SLAT_RWX, SLAT_WRITE_BACK, fake_random(&seed, 2) == 0};

    for (uint64_t i = 0; i < 512; i++) {
        uint64_t part = (first + i) % 512;
        hv_status st;

        m.hpa = hpa(SOURCE + block % (SOURCES / 512) * LARGE + part * PAGE_SIZE);
        st = change_map(block * 512 + part, SLAT_4K, &m);
        slat_gather_end(&g);
        if (st != HV_STATUS_SUCCESS)
            return st;
    }
    return HV_STATUS_SUCCESS;
}

static hv_status random_unmap(void)
{
    enum slat_level level = random_level();
    uint64_t page = random_page(level);
    hv_status st = slat_unmap(&slat, gpa(gpa_of(page)), level, &g);

    if (st == HV_STATUS_SUCCESS)
        for (uint64_t i = 0; i < pages_of(level); i++)
            model[page + i].mapped = false;
    return st;
}

static hv_status random_protect(void)
{
    enum slat_level level = random_level();
    uint64_t page = random_page(level);
    unsigned access = random_access();
    hv_status st = slat_protect(&slat, gpa(gpa_of(page)), level, access, &g);

    if (st == HV_STATUS_SUCCESS)
        for (uint64_t i = 0; i < pages_of(level); i++)
            model[page + i].access = access;
    return st;
}

static int stack_find(const struct model_page *m, int which)
{
    for (int i = 0; i < m->height; i++)
        if (m->stack[i] == which)
            return i;
    return NOT_FOUND;
}

static void model_lift(int which)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        int at = stack_find(&model[i], which);

        if (at == NOT_FOUND)
            continue;
        for (int k = at; k + 1 < model[i].height; k++)
            model[i].stack[k] = model[i].stack[k + 1];
        model[i].height--;
    }
}

static void model_lay(int which, uint64_t page)
{
    model[page].stack[model[page].height++] = which;
}

static hv_status random_overlay(void)
{
    int which = (int)fake_random(&seed, OVERLAYS);
    uint64_t page = random_page(fake_random(&seed, 2) == 0 ? SLAT_2M : SLAT_4K);
    struct overlay *o = &overlay[which];
    hv_status st;

    if (!o->placed) {
        st = overlay_set(&slat, o, gpa(gpa_of(page)), overlay_page[which], SLAT_READ, &g);
    } else if (fake_random(&seed, 2) == 0) {
        st = overlay_move(&slat, o, gpa(gpa_of(page)), &g);
    } else {
        overlay_clear(&slat, o, &g);
        model_lift(which);
        return HV_STATUS_SUCCESS;
    }
    if (st == HV_STATUS_SUCCESS) {
        model_lift(which);
        model_lay(which, page);
    }
    return st;
}

/* Take the pool's pages away, or give them back. */
static hv_status random_shortage(void)
{
    if (stolen_count != 0) {
        while (stolen_count != 0)
            pool_page_free(&pool, stolen[--stolen_count]);
        return HV_STATUS_SUCCESS;
    }
    while (stolen_count < ARRAY_SIZE(stolen) &&
           pool_page_alloc(&pool, &stolen[stolen_count]) == HV_STATUS_SUCCESS)
        stolen_count++;
    return HV_STATUS_SUCCESS;
}

static hv_status random_change(void)
{
    uint64_t kind = fake_random(&seed, 100);

    if (kind < 30)
        return random_map();
    if (kind < 33)
        return random_fill();
    if (kind < 62)
        return random_unmap();
    if (kind < 75)
        return random_protect();
    if (kind < 97)
        return random_overlay();
    return random_shortage();
}

static void destroy_all(void)
{
    for (int i = 0; i < OVERLAYS; i++) {
        overlay_clear(&slat, &overlay[i], &g);
        slat_gather_end(&g);
        pool_page_free(&pool, overlay_page[i]);
    }
    while (!slat_destroy(&slat, 100))
        ;
    assert_int_equal(pfn_mappings(), 0);
    assert_int_equal(pool_balance(&pool).in_use, stolen_count);
}

static void random_changes_match_the_model(void **state)
{
    unsigned short_of_memory = 0;

    for (uint64_t first = 1; first <= 3; first++) {
        machine(state);
        seed = first;
        for (int step = 0; step < STEPS; step++) {
            hv_status st = random_change();

            if (st != HV_STATUS_SUCCESS) {
                assert_int_equal(st, HV_STATUS_INSUFFICIENT_MEMORY);
                short_of_memory++;
            }
            slat_gather_end(&g);
            for (int i = 0; i < 16; i++)
                check_page(fake_random(&seed, PAGES));
            if (step % 50 == 0 || st != HV_STATUS_SUCCESS)
                check_all();
        }
        check_all();
        destroy_all();
    }
    assert_true(short_of_memory > 20); /* the shortages were real */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
