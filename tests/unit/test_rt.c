/* SPDX-License-Identifier: MIT */
/* test_rt.c - lib/rt against the host's C library, a sorted array and an array of list members.
 * mem.c is compiled with its C library names prefixed by rt_ (see CMakeLists.txt), so that both
 * versions are here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/format.h>
#include <rt/list.h>
#include <rt/pairing_heap.h>

void *rt_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *rt_memmove(void *dst, const void *src, size_t n);
void *rt_memset(void *dst, int c, size_t n);
int rt_memcmp(const void *a, const void *b, size_t n);
size_t rt_strlen(const char *s);
int rt_strcmp(const char *a, const char *b);
int rt_strncmp(const char *a, const char *b, size_t n);
size_t rt_strlcpy(char *dst, const char *src, size_t size);

static uint64_t random_state;

/* xorshift64* */
static uint64_t random_u64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)(random_u64() >> 32) % limit;
}

static int reseed(void **state)
{
    (void)state;
    random_state = 0x9e3779b97f4a7c15ull;
    return 0;
}

/* --- format --- */

/* A random conversion specification of @kind with @length, in brackets. */
static void random_spec(char *format, size_t size, const char *kind, const char *length)
{
    static const char *const flags[] = {"", "-", "0", "+", "-+", "0+", "-0"};
    bool is_base16 = *kind == 'x' || *kind == 'X';
    bool is_signed = *kind == 'd' || *kind == 'i';
    const char *flag = flags[random_below(sizeof(flags) / sizeof(flags[0]))];
    char width[8] = "", precision[8] = "";

    if (random_below(2) != 0)
        snprintf(width, sizeof(width), "%u", 1 + random_below(30));
    if (random_below(3) == 0)
        snprintf(precision, sizeof(precision), ".%u", random_below(25));
    if (!is_signed && strchr(flag, '+') != NULL)
        flag = "";
    if ((*kind == 's' || *kind == 'c') && strchr(flag, '0') != NULL)
        flag = "-";
    if (*kind == 'c')
        precision[0] = '\0';
    snprintf(format, size, "<%%%s%s%s%s%s%s>", is_base16 && random_below(2) != 0 ? "#" : "", flag,
             width, precision, length, kind);
}

#define ASSERT_SAME_TEXT(format, ...)                                                              \
    do {                                                                                           \
        char ours[128], theirs[128];                                                               \
        size_t n = rt_snprintf(ours, sizeof(ours), format, __VA_ARGS__);                           \
        assert_int_equal(n, snprintf(theirs, sizeof(theirs), format, __VA_ARGS__));                \
        if (strcmp(ours, theirs) != 0)                                                             \
            fail_msg("%s gives %s and not %s", format, ours, theirs);                              \
    } while (0)

/* Numbers of all magnitudes. */
static uint64_t random_number(void)
{
    uint64_t v = random_u64() >> random_below(64);

    return random_below(8) == 0 ? 0 : random_below(2) != 0 ? v : 0 - v;
}

static void integers_are_formatted_as_by_the_c_library(void **state)
{
    static const char *const kinds[] = {"d", "i", "u", "x", "X"};
    static const char *const narrow[] = {"", "h", "hh"}, *const wide[] = {"l", "ll", "j", "z", "t"};

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        const char *kind = kinds[random_below(5)];
        char format[64];
        uint64_t v;

        random_spec(format, sizeof(format), kind, narrow[random_below(3)]);
        v = random_number();
        ASSERT_SAME_TEXT(format, (unsigned)v);
        random_spec(format, sizeof(format), kind, wide[random_below(5)]);
        ASSERT_SAME_TEXT(format, v);
    }
}

static void texts_are_formatted_as_by_the_c_library(void **state)
{
    static const char *const texts[] = {"", "a", "verdigris", "a longer text with blanks"};

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char format[64];

        random_spec(format, sizeof(format), "s", "");
        ASSERT_SAME_TEXT(format, texts[i % 4]);
        random_spec(format, sizeof(format), "c", "");
        ASSERT_SAME_TEXT(format, 'A' + (int)(i % 26));
    }
}

static void stars_take_width_and_precision_from_arguments(void **state)
{
    (void)state;
    for (int width = -12; width <= 12; width++)
        for (int precision = -3; precision <= 9; precision++) {
            ASSERT_SAME_TEXT("<%*.*d>", width, precision, 4711);
            ASSERT_SAME_TEXT("<%*.*s>", width, precision, "copper");
        }
    ASSERT_SAME_TEXT("%d%%%s", 90, "!");
    ASSERT_SAME_TEXT("%p", (void *)&random_state);
}

static void a_short_buffer_gets_what_fits_and_a_nul(void **state)
{
    (void)state;
    for (size_t size = 0; size < 12; size++) {
        char ours[16], theirs[16];

        memset(ours, '#', sizeof(ours));
        memset(theirs, '#', sizeof(theirs));
        assert_int_equal(rt_snprintf(ours, size, "%s-%04x", "abc", 0x2fu), 8);
        assert_int_equal(snprintf(theirs, size, "%s-%04x", "abc", 0x2fu), 8);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

/* --- memory and strings --- */

#define ARENA 96u

static void random_fill(uint8_t *p, size_t n, unsigned values)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)random_below(values);
}

static void memory_is_moved_and_set_as_by_the_c_library(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        uint8_t ours[ARENA], theirs[ARENA], source[ARENA];
        size_t n = random_below(ARENA / 2), to = random_below(ARENA / 2),
               from = random_below(ARENA / 2);

        random_fill(ours, ARENA, 256);
        random_fill(source, ARENA, 256);
        memcpy(theirs, ours, ARENA);
        assert_ptr_equal(rt_memmove(ours + to, ours + from, n), ours + to);
        memmove(theirs + to, theirs + from, n);
        assert_memory_equal(ours, theirs, ARENA);
        assert_ptr_equal(rt_memcpy(ours + to, source + from, n), ours + to);
        memcpy(theirs + to, source + from, n);
        assert_memory_equal(ours, theirs, ARENA);
        assert_ptr_equal(rt_memset(ours + from, (int)i, n), ours + from);
        memset(theirs + from, (int)i, n);
        assert_memory_equal(ours, theirs, ARENA);
    }
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

/* Few different bytes, so that long equal beginnings occur; all signs of char. */
static void comparisons_have_the_c_librarys_sign(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char a[12] = "", b[12] = "";
        size_t n = random_below(sizeof(a));

        for (unsigned k = 0; k < sizeof(a) - 1; k++) {
            a[k] = (char)(random_below(5) * 0x3f);
            b[k] = a[k];
            if (random_below(6) == 0)
                b[k] = (char)(random_below(5) * 0x3f);
        }
        assert_int_equal(rt_memcmp(a, b, n), sign(memcmp(a, b, n)));
        assert_int_equal(sign(rt_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(rt_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        assert_int_equal(rt_strlen(a), strlen(a));
    }
}

static void strlcpy_terminates_and_returns_the_whole_length(void **state)
{
    (void)state;
    for (size_t size = 0; size < 12; size++) {
        char dst[12];

        memset(dst, '#', sizeof(dst));
        assert_int_equal(rt_strlcpy(dst, "patina", size), 6);
        if (size != 0)
            assert_int_equal(strlen(dst), size <= 6 ? size - 1 : 6);
        assert_memory_equal(dst, "patina", size != 0 ? strlen(dst) : 0);
        for (size_t i = size < 7 ? size : 7; i < sizeof(dst); i++)
            assert_int_equal(dst[i], '#');
    }
}

/* --- pairing heap --- */

#define NODES 200u

static uint64_t smallest_queued(const struct heap_node *nodes, unsigned *queued)
{
    uint64_t smallest = UINT64_MAX;

    *queued = 0;
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].queued) {
            ++*queued;
            smallest = nodes[i].key < smallest ? nodes[i].key : smallest;
        }
    return smallest;
}

static void heap_first_is_always_the_smallest(void **state)
{
    static struct heap_node nodes[NODES];
    struct heap h = {.root = NULL};

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        struct heap_node *n = &nodes[random_below(NODES)];
        unsigned queued;
        uint64_t smallest;

        if (random_below(3) == 0 && heap_first(&h) != NULL)
            heap_remove(&h, h.root);
        else if (n->queued)
            heap_remove(&h, n);
        else
            heap_insert(&h, n, random_below(2) != 0 ? random_below(50) : random_u64());
        smallest = smallest_queued(nodes, &queued);
        assert_int_equal(heap_first(&h) == NULL, queued == 0);
        if (queued != 0) {
            assert_true(heap_first(&h)->queued);
            assert_int_equal(heap_first(&h)->key, smallest);
        }
    }
}

static void an_emptied_heap_gave_every_node_in_order(void **state)
{
    static struct heap_node nodes[NODES];
    struct heap h = {.root = NULL};
    uint64_t last = 0;

    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        heap_insert(&h, &nodes[i], random_u64());
    for (unsigned i = 0; i < NODES; i++) {
        struct heap_node *n = h.root;

        assert_non_null(n);
        assert_true(n->key >= last);
        last = n->key;
        heap_remove(&h, n);
        assert_false(n->queued);
    }
    assert_null(h.root);
}

static void removing_an_unqueued_node_is_harmless(void **state)
{
    struct heap_node a = {.queued = false}, b = {.queued = false};
    struct heap h = {.root = NULL};

    (void)state;
    heap_insert(&h, &a, 1);
    heap_remove(&h, &b);
    assert_ptr_equal(heap_first(&h), &a);
    heap_remove(&h, &a);
    heap_remove(&h, &a);
    assert_null(heap_first(&h));
}

/* --- list --- */

struct member {
    struct list node;
    unsigned value;
};

/* An array that is kept beside the list. */
struct shadow {
    struct member *at[NODES];
    unsigned count;
};

static void shadow_insert(struct shadow *s, unsigned place, struct member *m)
{
    for (unsigned i = s->count; i > place; i--)
        s->at[i] = s->at[i - 1];
    s->at[place] = m;
    s->count++;
}

static struct member *shadow_remove(struct shadow *s, unsigned place)
{
    struct member *m = s->at[place];

    s->count--;
    for (unsigned i = place; i < s->count; i++)
        s->at[i] = s->at[i + 1];
    return m;
}

static void assert_list_is(const struct list *head, const struct shadow *s)
{
    const struct list *node = head->next;

    for (unsigned i = 0; i < s->count; i++, node = node->next) {
        assert_ptr_equal(node, &s->at[i]->node);
        assert_ptr_equal(node->prev->next, node);
    }
    assert_ptr_equal(node, head);
    assert_int_equal(list_empty(head), s->count == 0);
}

static void list_insert_somewhere(struct list *head, struct shadow *s, struct member *m)
{
    unsigned place = random_below(s->count + 1);

    switch (random_below(3)) {
    case 0:
        list_push_front(head, &m->node);
        shadow_insert(s, 0, m);
        break;
    case 1:
        list_push_back(head, &m->node);
        shadow_insert(s, s->count, m);
        break;
    default:
        list_insert_before(place == s->count ? head : &s->at[place]->node, &m->node);
        shadow_insert(s, place, m);
        break;
    }
}

static struct member *list_take_some(struct list *head, struct shadow *s)
{
    struct member *m;

    if (random_below(2) != 0) {
        m = shadow_remove(s, 0);
        assert_ptr_equal(list_pop_front(head), &m->node);
    } else {
        m = shadow_remove(s, random_below(s->count));
        list_remove(&m->node);
    }
    assert_true(list_empty(&m->node));
    list_remove(&m->node); /* harmless */
    return m;
}

static void list_has_the_order_of_its_operations(void **state)
{
    static struct member members[NODES];
    struct member *unlisted[NODES];
    unsigned free = NODES;
    struct shadow s = {.count = 0};
    struct list head;

    (void)state;
    list_init(&head);
    assert_null(list_pop_front(&head));
    for (unsigned i = 0; i < NODES; i++)
        unlisted[i] = &members[i];
    for (unsigned i = 0; i < 20000; i++) {
        if (s.count == 0 || (free > 1 && random_below(2) != 0))
            list_insert_somewhere(&head, &s, unlisted[--free]);
        else
            unlisted[free++] = list_take_some(&head, &s);
        assert_list_is(&head, &s);
    }
}

static void a_safe_walk_may_remove_what_it_stands_on(void **state)
{
    struct member members[6];
    struct list head;
    unsigned seen = 0, left = 0;

    (void)state;
    list_init(&head);
    for (unsigned i = 0; i < 6; i++) {
        members[i].value = i;
        list_push_back(&head, &members[i].node);
    }
    LIST_FOR_EACH_SAFE(node, &head)
    {
        struct member *m = container_of(node, struct member, node);

        assert_int_equal(m->value, seen++);
        if (m->value % 2 == 0)
            list_remove(node);
    }
    assert_int_equal(seen, 6);
    LIST_FOR_EACH(node, &head)
    {
        assert_int_equal(container_of(node, struct member, node)->value, 2 * left + 1);
        left++;
    }
    assert_int_equal(left, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(integers_are_formatted_as_by_the_c_library, reseed),
        cmocka_unit_test_setup(texts_are_formatted_as_by_the_c_library, reseed),
        cmocka_unit_test(stars_take_width_and_precision_from_arguments),
        cmocka_unit_test(a_short_buffer_gets_what_fits_and_a_nul),
        cmocka_unit_test_setup(memory_is_moved_and_set_as_by_the_c_library, reseed),
        cmocka_unit_test_setup(comparisons_have_the_c_librarys_sign, reseed),
        cmocka_unit_test(strlcpy_terminates_and_returns_the_whole_length),
        cmocka_unit_test_setup(heap_first_is_always_the_smallest, reseed),
        cmocka_unit_test_setup(an_emptied_heap_gave_every_node_in_order, reseed),
        cmocka_unit_test(removing_an_unqueued_node_is_harmless),
        cmocka_unit_test_setup(list_has_the_order_of_its_operations, reseed),
        cmocka_unit_test(a_safe_walk_may_remove_what_it_stands_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
