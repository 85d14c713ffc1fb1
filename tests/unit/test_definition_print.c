/* SPDX-License-Identifier: MIT */
/* tests/unit/test_definition_print.c - a definition printed, and what its text parses to. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "definition/definition.h"
#include "definition/text.h"

#define MEMORY_UNITS (DEFINITION_MEMORY_MAX / DEFINITION_MEMORY_UNIT)

static void must_not_be_called(void *context, unsigned line, const char *text)
{
    (void)context;
    fail_msg("line %u: %s", line, text);
}

static struct definition parsed(const char *text)
{
    struct definition d;

    memset(&d, 0x5a, sizeof(d));
    assert_true(definition_parse(&d, text, strlen(text), NULL, must_not_be_called, NULL));
    return d;
}

static void assert_printed(const char *text, const char *expected)
{
    const struct definition d = parsed(text);
    char buffer[DEFINITION_TEXT_MAX];

    assert_int_equal(definition_print(&d, buffer, sizeof(buffer)), strlen(expected));
    assert_string_equal(buffer, expected);
}

static void defaults_are_left_out(void **state)
{
    (void)state;
    assert_printed(
        "autostart = no\nconsole = com1\nkernel=k\nmemory=1024M\nname=a\nvps=1\nweight=100\n"
        "cap=100%\nreserve=0\nnetwork = none\nrestart=never\n",
        "name = a\nmemory = 1G\nkernel = k\n");
}

static void keys_come_in_one_order(void **state)
{
    (void)state;
    assert_printed(
        "autostart = yes\nrestart = on-crash\nconsole = none\ndisk = nvme0 , ro\ndisk=a1\n"
        "cmdline=x  y # z\ninitrd=i\nkernel=k\nreserve=2\ncap=50%\nweight=7\n"
        "memory=1.5G\nvps=3\nname=a\n",
        "name = a\nvps = 3\nmemory = 1536M\nweight = 7\ncap = 50%\nreserve = 2%\n"
        "kernel = k\ninitrd = i\ncmdline = x  y\ndisk = nvme0,ro\ndisk = a1\n"
        "console = none\nrestart = on-crash\nautostart = yes\n");
    assert_printed(
        "exit-port=on\nmodule=m  1 2\nmodule=n\nmultiboot=i\nmemory=2\nname=a\nrestart=always\n",
        "name = a\nmemory = 2M\nmultiboot = i\nmodule = m 1 2\nmodule = n\n"
        "exit-port = on\nrestart = always\n");
}

/* As snprintf: whatever the room, a text that ends, and the length of the whole. */
static void short_buffers_get_the_beginning(void **state)
{
    const struct definition d = parsed("name = abc\nmemory = 1G\nkernel = vmlinuz\ndisk = nvme0\n");
    char whole[DEFINITION_TEXT_MAX];
    size_t length = definition_print(&d, whole, sizeof(whole));

    (void)state;
    assert_int_equal(definition_print(&d, NULL, 0), length);
    for (size_t size = 1; size <= length + 1; size++) {
        char *exact = malloc(size);
        assert_int_equal(definition_print(&d, exact, size), length);
        assert_int_equal(strlen(exact), size - 1);
        assert_memory_equal(exact, whole, size - 1);
        free(exact);
    }
}

/* ---- any definition: printed and parsed it is the same ---- */

static uint64_t seed = 1;

/* SplitMix64 */
static uint64_t random_below(uint64_t limit)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (z ^ z >> 31) % limit;
}

static void random_text(char *to, size_t length_max, const char *from)
{
    size_t length = 1 + random_below(length_max);

    for (size_t i = 0; i < length; i++)
        to[i] = from[random_below(strlen(from))];
}

static void random_name(char *to, size_t size)
{
    random_text(to, size - 1, "abcXYZ019._-");
    to[0] = 'n';
}

/* A text as it comes out of a line: with nothing to trim, and no comment in it. */
static void random_line(char *to, size_t length_max)
{
    size_t length;

    random_text(to, length_max, "abc =#,%\"'\t\\\xc3\xa4;$ 123");
    length = strlen(to);
    to[0] = 'l';
    if (to[length - 1] == ' ' || to[length - 1] == '\t')
        to[length - 1] = 'l';
    for (size_t i = 1; i < length; i++)
        if (to[i] == '#' && (to[i - 1] == ' ' || to[i - 1] == '\t'))
            to[i] = '=';
}

static void random_boot(struct definition *d)
{
    random_name(d->image, sizeof(d->image));
    if (random_below(2) == 0)
        random_line(d->command_line, random_below(10) == 0 ? 2047 : 40);
    if (random_below(2) == 0) {
        d->boot = DEFINITION_BOOT_LINUX;
        if (random_below(2) == 0)
            random_name(d->initrd, sizeof(d->initrd));
        return;
    }
    d->boot = DEFINITION_BOOT_MULTIBOOT;
    d->exit_port = random_below(2);
    d->module_count = (uint32_t)random_below(DEFINITION_MODULES_MAX + 1);
    for (uint32_t i = 0; i < d->module_count; i++) {
        random_name(d->modules[i].file, sizeof(d->modules[i].file));
        if (random_below(2) == 0)
            random_line(d->modules[i].arguments, random_below(10) == 0 ? 255 : 20);
    }
}

static void random_card(struct definition_network *n, uint32_t number)
{
    snprintf(n->name, sizeof(n->name), "switch%u", number % 10);
    if (random_below(2) == 0)
        memcpy(n->address, (const uint8_t[]){2, 0, 0, 0, 0xfe, (uint8_t)random_below(256)},
               sizeof(n->address));
    n->vlan = (uint16_t)random_below(DEFINITION_VLAN_MAX + 1);
    n->rate = (uint32_t)random_below(DEFINITION_RATE_MAX + 1);
}

static void random_definition(struct definition *d)
{
    memset(d, 0, sizeof(*d));
    random_name(d->name, sizeof(d->name));
    d->vps = 1 + (uint32_t)random_below(DEFINITION_VPS_MAX);
    d->weight = 1 + (uint32_t)random_below(DEFINITION_WEIGHT_MAX);
    d->cap = 1 + (uint32_t)random_below(100);
    d->reserve = (uint32_t)random_below(d->cap + 1);
    d->memory =
        (1 + random_below(random_below(2) == 0 ? 1000 : MEMORY_UNITS)) * DEFINITION_MEMORY_UNIT;
    random_boot(d);
    d->disk_count = (uint32_t)random_below(DEFINITION_DISKS_MAX + 1);
    for (uint32_t i = 0; i < d->disk_count; i++) {
        struct definition_disk *disk = &d->disks[i];
        if (random_below(2) == 0)
            snprintf(disk->name, sizeof(disk->name), "nvme%u", i);
        else
            snprintf(disk->name, sizeof(disk->name), "sd%up%u", i, 1 + (unsigned)random_below(128));
        d->disks[i].read_only = random_below(2);
    }
    d->network_count = (uint32_t)random_below(DEFINITION_NETWORKS_MAX + 1);
    for (uint32_t i = 0; i < d->network_count; i++)
        random_card(&d->networks[i], i);
    d->restart = (enum definition_restart)random_below(3);
    d->com1 = random_below(2);
    d->autostart = random_below(2);
}

static void printed_definition_parses_to_itself(void **state)
{
    unsigned tried = 0;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        static struct definition d, again;
        char text[DEFINITION_TEXT_MAX];

        random_definition(&d);
        if (definition_print(&d, text, sizeof(text)) >= sizeof(text))
            continue;
        memset(&again, 0x5a, sizeof(again));
        assert_true(definition_parse(&again, text, strlen(text), NULL, must_not_be_called, NULL));
        assert_memory_equal(&again, &d, sizeof(d));
        tried++;
    }
    assert_true(tried > 2500);
}

/* ---- what was probably meant ---- */

static unsigned distance(const char *a, const char *b)
{
    return text_distance((struct slice){a, strlen(a)}, (struct slice){b, strlen(b)});
}

static void distance_counts_slips(void **state)
{
    char longest[TEXT_DISTANCE_LENGTH_MAX + 2];

    (void)state;
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("memory", "memory"), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("abc", ""), 3);
    assert_int_equal(distance("memry", "memory"), 1);
    assert_int_equal(distance("memoryy", "memory"), 1);
    assert_int_equal(distance("mamory", "memory"), 1);
    assert_int_equal(distance("mmeory", "memory"), 1);
    assert_int_equal(distance("kitten", "sitting"), 3);
    assert_int_equal(distance("ca", "abc"), 3); /* no two changes to one place */
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(distance(longest, longest + 1), TEXT_FAR);
    assert_int_equal(distance(longest + 1, longest + 1), 0);
}

/* By the definition, recursively: the oracle. */
static unsigned slow_distance(const char *a, size_t i, const char *b, size_t j)
{
    unsigned best;

    if (i == 0 || j == 0)
        return (unsigned)(i + j);
    best = slow_distance(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]);
    if (slow_distance(a, i - 1, b, j) + 1 < best)
        best = slow_distance(a, i - 1, b, j) + 1;
    if (slow_distance(a, i, b, j - 1) + 1 < best)
        best = slow_distance(a, i, b, j - 1) + 1;
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
        slow_distance(a, i - 2, b, j - 2) + 1 < best)
        best = slow_distance(a, i - 2, b, j - 2) + 1;
    return best;
}

static void distance_is_that_of_the_definition(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        char a[7] = "", b[7] = "";

        random_text(a, 5, "ab");
        random_text(b, 5, "abc");
        assert_int_equal(distance(a, b), slow_distance(a, strlen(a), b, strlen(b)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_left_out),
        cmocka_unit_test(keys_come_in_one_order),
        cmocka_unit_test(short_buffers_get_the_beginning),
        cmocka_unit_test(printed_definition_parses_to_itself),
        cmocka_unit_test(distance_counts_slips),
        cmocka_unit_test(distance_is_that_of_the_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
