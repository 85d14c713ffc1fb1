/* SPDX-License-Identifier: MIT */
/* tests/unit/test_definition.c - definitions of children, well-formed and not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "definition/definition.h"

#define REPORTS_MAX 64

static struct {
    struct definition d;
    bool fine;
    unsigned count;
    unsigned lines[REPORTS_MAX];
    char texts[REPORTS_MAX][400];
} t;

static void record(void *context, unsigned line, const char *text)
{
    assert_ptr_equal(context, &t);
    assert_true(t.count < REPORTS_MAX);
    t.lines[t.count] = line;
    snprintf(t.texts[t.count++], sizeof(t.texts[0]), "%s", text);
}

static void parse_in(const char *text, const struct definition_world *world)
{
    t.count = 0;
    t.fine = definition_parse(&t.d, text, strlen(text), world, record, &t);
    assert_int_equal(t.fine, t.count == 0);
}

static void assert_fine(const char *text)
{
    parse_in(text, NULL);
    if (!t.fine)
        fail_msg("line %u: %s", t.lines[0], t.texts[0]);
}

#define LINUX     "name = a\nmemory = 512M\nkernel = vmlinuz\n" /* 3 lines that are enough */
#define MULTIBOOT "name = a\nmemory = 512M\nmultiboot = test.flat\n"

static void assert_reported(unsigned index, unsigned line, const char *text)
{
    assert_true(index < t.count);
    assert_string_equal(t.texts[index], text);
    assert_int_equal(t.lines[index], line);
}

/* @lines after the three of LINUX give one report, of line 4. */
static void assert_wrong(const char *lines, const char *text)
{
    char all[8192];

    snprintf(all, sizeof(all), LINUX "%s", lines);
    parse_in(all, NULL);
    assert_reported(0, 4, text);
    assert_int_equal(t.count, 1);
}

/* ---- what is taken ---- */

static void three_lines_are_enough(void **state)
{
    (void)state;
    assert_fine(LINUX);
    assert_string_equal(t.d.name, "a");
    assert_int_equal(t.d.memory, 512ull << 20);
    assert_int_equal(t.d.boot, DEFINITION_BOOT_LINUX);
    assert_string_equal(t.d.image, "vmlinuz");
    assert_string_equal(t.d.initrd, "");
    assert_string_equal(t.d.command_line, "");
    assert_int_equal(t.d.vps, 1);
    assert_int_equal(t.d.weight, 100);
    assert_int_equal(t.d.cap, 100);
    assert_int_equal(t.d.reserve, 0);
    assert_int_equal(t.d.disk_count, 0);
    assert_true(t.d.com1);
    assert_false(t.d.autostart || t.d.exit_port);
    assert_int_equal(t.d.restart, DEFINITION_RESTART_NEVER);
}

static void all_keys_of_a_linux_child_are_taken(void **state)
{
    (void)state;
    assert_fine("# my child\n"
                "name = debian-12\n"
                "vps = 4\n"
                "memory = 1.5 GiB   # enough\n"
                "weight = 200\n"
                "cap = 75%\n"
                "reserve = 40 %\n"
                "kernel = vmlinuz\n"
                "initrd = initrd.img\n"
                "cmdline = root=/dev/sda1 console=ttyS0 init=\"/bin/sh -c x#y\"\n"
                "disk = nvme0p1\n"
                "disk = ahci0, ro\n"
                "network = none\n"
                "console = none\n"
                "restart = on-crash\n"
                "autostart = yes\n");
    assert_string_equal(t.d.name, "debian-12");
    assert_int_equal(t.d.vps, 4);
    assert_int_equal(t.d.memory, 1536ull << 20);
    assert_int_equal(t.d.weight, 200);
    assert_int_equal(t.d.cap, 75);
    assert_int_equal(t.d.reserve, 40);
    assert_string_equal(t.d.initrd, "initrd.img");
    assert_string_equal(t.d.command_line, "root=/dev/sda1 console=ttyS0 init=\"/bin/sh -c x#y\"");
    assert_int_equal(t.d.disk_count, 2);
    assert_string_equal(t.d.disks[0].name, "nvme0p1");
    assert_false(t.d.disks[0].read_only);
    assert_string_equal(t.d.disks[1].name, "ahci0");
    assert_true(t.d.disks[1].read_only);
    assert_false(t.d.com1);
    assert_int_equal(t.d.restart, DEFINITION_RESTART_ON_CRASH);
    assert_true(t.d.autostart);
}

static void all_keys_of_a_multiboot_child_are_taken(void **state)
{
    (void)state;
    assert_fine(MULTIBOOT
                "cmdline = a b\nmodule = env NR_CPUS=1  x\nmodule = more\nexit-port = on\n"
                "restart = always\nautostart = no\nconsole = com1\n");
    assert_int_equal(t.d.boot, DEFINITION_BOOT_MULTIBOOT);
    assert_string_equal(t.d.image, "test.flat");
    assert_int_equal(t.d.module_count, 2);
    assert_string_equal(t.d.modules[0].file, "env");
    assert_string_equal(t.d.modules[0].arguments, "NR_CPUS=1  x");
    assert_string_equal(t.d.modules[1].file, "more");
    assert_string_equal(t.d.modules[1].arguments, "");
    assert_true(t.d.exit_port);
    assert_int_equal(t.d.restart, DEFINITION_RESTART_ALWAYS);
}

static void sizes_are_taken_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        uint64_t mib;
    } sizes[] = {
        {"2M", 2},    {"512", 512},     {"512m", 512},   {"512MB", 512},     {"512 MiB", 512},
        {"1G", 1024}, {"1g", 1024},     {"1 GiB", 1024}, {"0.5G", 512},      {"2.25 GB", 2304},
        {"4096K", 4}, {"1.000G", 1024}, {"1T", 1 << 20}, {"0.125T", 131072},
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(text, sizeof(text), "name=a\nkernel=k\nmemory=%s\n", sizes[i].text);
        assert_fine(text);
        assert_int_equal(t.d.memory, sizes[i].mib << 20);
    }
}

static void lines_of_dos_and_a_byte_order_mark_are_taken(void **state)
{
    (void)state;
    assert_fine("\xef\xbb\xbfname = a\r\n\r\nmemory = 512M\r\nkernel = vmlinuz");
    assert_string_equal(t.d.image, "vmlinuz");
}

static void partitions_of_one_disk_are_two_disks(void **state)
{
    (void)state;
    assert_fine(LINUX
                "disk = nvme0p12\ndisk = nvme0p1\ndisk = nvme0p2\ndisk = nvme0p22\ndisk = nvme1\n"
                "disk = nvme10p1\n");
    assert_int_equal(t.d.disk_count, 6);
}

/* ---- lines ---- */

static void unknown_keys_are_named_with_what_was_meant(void **state)
{
    (void)state;
    assert_wrong("weigth = 1\n", "unknown key \"weigth\": did you mean weight?");
    assert_wrong("autstart = yes\n", "unknown key \"autstart\": did you mean autostart?");
    assert_wrong("exit_port = on\n", "unknown key \"exit_port\": did you mean exit-port?");
    assert_wrong("vp = 1\n",
                 "unknown key \"vp\": the keys are name, vps, memory, weight, cap, reserve, "
                 "kernel, initrd, cmdline, multiboot, module, disk, network, console, "
                 "exit-port, restart, autostart");
}

static void lines_that_are_no_pair_are_refused(void **state)
{
    (void)state;
    assert_wrong("autostart\n", "\"autostart\" is not of the form key = value");
    assert_wrong("weight =  # 3\n",
                 "weight: nothing follows the =: write a value, or leave the line out");
    assert_wrong("cmdline =#quiet\n",
                 "cmdline: \"#quiet\" looks like a comment: those come after a blank");
    assert_wrong("cmdline = a\x01"
                 "b\n",
                 "cmdline: the value has control characters");
    assert_wrong("= 3\n", "unknown key \"\": the keys are name, vps, memory, weight, cap, reserve, "
                          "kernel, initrd, cmdline, multiboot, module, disk, network, console, "
                          "exit-port, restart, autostart");
}

static void reports_have_no_control_characters(void **state)
{
    (void)state;
    assert_wrong("\x1b[2J = 1\n", "unknown key \"?[2J\": the keys are name, vps, memory, weight, "
                                  "cap, reserve, kernel, initrd, cmdline, multiboot, module, disk, "
                                  "network, console, exit-port, restart, autostart");
}

static void key_that_is_set_twice_is_refused(void **state)
{
    (void)state;
    assert_wrong("memory = 1G\n", "memory: line 2 has it already: leave one of them out");
    assert_int_equal(t.d.memory, 512ull << 20);
}

static void all_that_is_wrong_is_reported(void **state)
{
    (void)state;
    parse_in("name = \nvps = 0\nmemori = 1G\nkernel = vmlinuz\nweight = heavy\n", NULL);
    assert_int_equal(t.count, 5);
    assert_reported(0, 1, "name: nothing follows the =: write a value, or leave the line out");
    assert_reported(1, 2, "vps: \"0\" is not a number from 1 to 240");
    assert_reported(2, 3, "unknown key \"memori\": did you mean memory?");
    assert_reported(3, 5, "weight: \"heavy\" is not a number from 1 to 10000");
    assert_reported(4, 5, "the size of its memory is missing: write memory = 512M");
}

static void missing_keys_are_named_at_the_end(void **state)
{
    (void)state;
    parse_in("# nothing\n\n", NULL);
    assert_int_equal(t.count, 3);
    assert_reported(0, 2, "there is no name: write name = NAME");
    assert_reported(1, 2, "the size of its memory is missing: write memory = 512M");
    assert_reported(2, 2, "there is nothing to start: write kernel = FILE or multiboot = FILE");
    parse_in("", NULL);
    assert_int_equal(t.lines[0], 1);
}

/* ---- values ---- */

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    assert_wrong("vps = 241\n", "vps: \"241\" is not a number from 1 to 240");
    assert_wrong("vps = 2x\n", "vps: \"2x\" is not a number from 1 to 240");
    assert_wrong("vps = -1\n", "vps: \"-1\" is not a number from 1 to 240");
    assert_wrong("vps = 18446744073709551617\n",
                 "vps: \"18446744073709551617\" is not a number from 1 to 240");
    assert_wrong("weight = 10001\n", "weight: \"10001\" is not a number from 1 to 10000");
}

static void assert_wrong_memory(const char *value, const char *text)
{
    char all[200];

    snprintf(all, sizeof(all), "name=a\nkernel=k\n\nmemory=%s\n", value);
    parse_in(all, NULL);
    assert_reported(0, 4, text);
    assert_int_equal(t.count, 1);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    assert_wrong_memory("lots", "memory: \"lots\" is not a size: write 512M or 2G");
    assert_wrong_memory("1.0001G", "memory: \"1.0001G\" is not a size: write 512M or 2G");
    assert_wrong_memory("1.G", "memory: \"1.G\" is not a size: write 512M or 2G");
    assert_wrong_memory("512X", "memory: \"512X\" is not a size: write 512M or 2G");
    assert_wrong_memory("512MM", "memory: \"512MM\" is not a size: write 512M or 2G");
    assert_wrong_memory("17592186044416T",
                        "memory: \"17592186044416T\" is not a size: write 512M or 2G");
    assert_wrong_memory("1025G", "memory: 1025G is more than the 1 TiB that a child can have");
    assert_wrong_memory(
        "512K", "memory: 512K is less than the 2 MiB that a child needs: is the unit right?");
    assert_wrong_memory("3M", "memory: 3M is not a multiple of 2 MiB: write 4M");
    assert_wrong_memory("0.001G", "memory: \"0.001G\" is not a size: write 512M or 2G");
}

static void parts_of_a_processor_are_percentages(void **state)
{
    (void)state;
    assert_fine(LINUX "cap = 100\nreserve = 100%\n");
    assert_int_equal(t.d.reserve, 100);
    assert_fine(LINUX "cap = 1%\nreserve = 0%\n");
    assert_int_equal(t.d.cap, 1);
    assert_wrong("cap = 0%\n",
                 "cap: \"0%\" is not a part of a processor from 1% to 100%: write 50%");
    assert_wrong("cap = %\n", "cap: \"%\" is not a part of a processor from 1% to 100%: write 50%");
    assert_wrong("cap = 0.5\n",
                 "cap: \"0.5\" is not a part of a processor from 1% to 100%: write 50%");
    assert_wrong("reserve = 101%\n",
                 "reserve: \"101%\" is not a part of a processor from 0% to 100%: write 50%");
    assert_wrong("reserve = 5%%\n",
                 "reserve: \"5%%\" is not a part of a processor from 0% to 100%: write 50%");
    assert_wrong("resreve = 10%\n", "unknown key \"resreve\": did you mean reserve?");
}

static void reserve_is_no_more_than_the_cap(void **state)
{
    (void)state;
    assert_fine(LINUX "reserve = 60%\ncap = 60%\n");
    parse_in(LINUX "reserve = 60%\ncap = 59%\n", NULL);
    assert_int_equal(t.count, 1);
    assert_reported(0, 5,
                    "reserve: 60% is more than cap lets it have, 59% in line 5: raise cap or "
                    "lower reserve");
    parse_in(LINUX "cap = 10%\nvps = 2\nreserve = 11%\n", NULL);
    assert_int_equal(t.count, 1);
    assert_reported(0, 6,
                    "reserve: 11% is more than cap lets it have, 10% in line 4: raise cap or "
                    "lower reserve");
}

static void words_are_those_of_the_key(void **state)
{
    (void)state;
    assert_wrong("restart = allways\n",
                 "restart: \"allways\" is none of never, on-crash, always: did you mean always?");
    assert_wrong("restart = true\n", "restart: \"true\" is none of never, on-crash, always");
    assert_wrong("autostart = on\n", "autostart: \"on\" is none of yes, no");
    assert_wrong("console = com2\n", "console: \"com2\" is none of com1, none: did you mean com1?");
}

static void cards_are_ports_of_switches(void **state)
{
    static const uint8_t address[] = {2, 0, 0, 0xab, 0, 1};

    (void)state;
    assert_fine(LINUX "network = switch0\n"
                      "network = switch1, mac=02:00:00:AB:00:01, vlan=9, rate=100\n");
    assert_int_equal(t.d.network_count, 2);
    assert_string_equal(t.d.networks[0].name, "switch0");
    assert_memory_equal(t.d.networks[1].address, address, sizeof(address));
    assert_int_equal(t.d.networks[1].vlan, 9);
    assert_int_equal(t.d.networks[1].rate, 100);
    assert_wrong("network = /dev/tap0\n",
                 "network: \"/dev/tap0\" is no name of a switch: write switch0, or none");
    assert_wrong("network = a,mac=01:00:00:00:00:01\n",
                 "network: \"01:00:00:00:00:01\" is no card's address: write "
                 "mac=02:00:00:00:00:01");
    assert_wrong("network = a,mac=02:00:00:00:00\n",
                 "network: \"02:00:00:00:00\" is no card's address: write mac=02:00:00:00:00:01");
    assert_wrong("network = a,vlan=4095\n",
                 "network: vlan \"4095\" is not a number from 1 to 4094");
    assert_wrong("network = a,rate=0\n",
                 "network: rate \"0\" is not a number of Mbit a second from 1 to 100000");
    assert_wrong("network = a,mtu=9000\n",
                 "network: \"mtu=9000\" is no option of a card: they are mac=, vlan= and rate=");
}

static void names_that_are_none_are_refused_with_one(void **state)
{
    (void)state;
    parse_in("memory=2M\nkernel=k\nname = my child!\n", NULL);
    assert_reported(0, 3,
                    "name: \"my child!\" is not made of letters, digits and - _ . with a letter, a "
                    "digit or _ first: write my-child");
    parse_in("memory=2M\nkernel=k\nname = ...\n", NULL);
    assert_reported(
        0, 3,
        "name: \"...\" is not made of letters, digits and - _ . with a letter, a digit or "
        "_ first: write child");
    parse_in("memory=2M\nkernel=k\n"
             "name = a123456789012345678901234567890123456789012345678901234567890123\n",
             NULL);
    assert_reported(0, 3, "name: it has 64 characters, of 63 that fit");
}

static void files_are_boot_modules(void **state)
{
    (void)state;
    assert_wrong("initrd = /boot/initrd.img\n",
                 "initrd: \"/boot/initrd.img\" has a folder, and boot modules are in none: write "
                 "initrd.img");
    assert_wrong(
        "initrd = a,b\n",
        "initrd: \"a,b\" is no name of a boot module: they have letters, digits and - _ .");
    assert_wrong(
        "initrd = boot/\n",
        "initrd: \"boot/\" is no name of a boot module: they have letters, digits and - _ .");
}

static void disks_are_named_as_root_names_them(void **state)
{
    (void)state;
    assert_wrong("disk = /dev/sda\n",
                 "disk: \"/dev/sda\" is no name of a disk or a partition: write "
                 "nvme0 or nvme0p1");
    assert_wrong("disk = nvme0p\n",
                 "disk: \"nvme0p\" is no name of a disk or a partition: write nvme0 or nvme0p1");
    assert_wrong("disk = 0\n",
                 "disk: \"0\" is no name of a disk or a partition: write nvme0 or nvme0p1");
    assert_wrong("disk = nvme0,rw\n", "disk: \"rw\" is no option of a disk: ro is the only one");
    assert_wrong("disk = nvme0,\n", "disk: \"\" is no option of a disk: ro is the only one");
    parse_in(LINUX "disk = nvme0p1\ndisk = nvme0\ndisk = nvme0p1,ro\n", NULL);
    assert_int_equal(t.count, 2);
    assert_reported(0, 5, "disk: nvme0 is given already, as disk 0, nvme0p1");
    assert_reported(1, 6, "disk: nvme0p1 is given already, as disk 0, nvme0p1");
}

static void lists_have_an_end(void **state)
{
    (void)state;
    parse_in(LINUX
             "disk=a0\ndisk=a1\ndisk=a2\ndisk=a3\ndisk=a4\ndisk=a5\ndisk=a6\ndisk=a7\ndisk=a8\n",
             NULL);
    assert_int_equal(t.count, 1);
    assert_reported(0, 12, "disk: there are more than 8");
    parse_in(MULTIBOOT
             "module=a\nmodule=a\nmodule=a\nmodule=a\nmodule=a\nmodule=a\nmodule=a\nmodule=a\n"
             "module=a\n",
             NULL);
    assert_int_equal(t.count, 1);
    assert_reported(0, 12, "module: there are more than 8");
}

/* "key = aaa...", @length characters of value. */
static const char *long_line(char *buffer, const char *key, size_t length)
{
    size_t n = (size_t)sprintf(buffer, "%s = ", key);

    memset(buffer + n, 'a', length);
    strcpy(buffer + n + length, "\n");
    return buffer;
}

static void texts_have_an_end(void **state)
{
    static char line[4200], all[8192];

    (void)state;
    snprintf(all, sizeof(all), LINUX "%s", long_line(line, "cmdline", 2047));
    assert_fine(all);
    assert_int_equal(strlen(t.d.command_line), 2047);
    assert_wrong(long_line(line, "cmdline", 2048),
                 "cmdline: it has 2048 characters, of 2047 that fit");
    memset(all, 0, sizeof(all));
    strcpy(all, MULTIBOOT "module = m ");
    memset(all + strlen(all), 'a', 256);
    parse_in(all, NULL);
    assert_reported(0, 4, "module: its arguments have 256 characters, of 255 that fit");
}

/* A worker's argument has room for this much. */
static void definition_that_is_too_long_to_hand_on_is_refused(void **state)
{
    static char all[8192], line[4200];

    (void)state;
    snprintf(all, sizeof(all), MULTIBOOT "%s", long_line(line, "cmdline", 2047));
    for (int i = 0; i < 8; i++) {
        strcat(all, "module = m ");
        memset(line, 'b', 250);
        line[250] = '\0';
        strcat(strcat(all, line), "\n");
    }
    parse_in(all, NULL);
    assert_int_equal(t.count, 1);
    assert_reported(0, 12,
                    "all this is more than 4095 characters: shorten cmdline or the modules' lines");
}

static void file_that_is_too_long_to_be_one_is_refused(void **state)
{
    static const char text[(64 << 10) + 1];

    (void)state;
    t.count = 0;
    assert_false(definition_parse(&t.d, text, sizeof(text), NULL, record, &t));
    assert_reported(0, 1, "this is no definition: it has more than 64 KiB");
}

/* ---- what lines say together ---- */

static void linux_and_multiboot_exclude_each_other(void **state)
{
    (void)state;
    assert_wrong(
        "multiboot = test.flat\n",
        "a child starts from a kernel or from a multiboot image, and line 3 has the other: "
        "leave one of them out");
    assert_wrong("module = a\n",
                 "module: it goes with multiboot: a Linux kernel has initrd = FILE");
    assert_wrong("exit-port = on\n", "exit-port: it goes with multiboot: Linux powers off by ACPI");
    parse_in(MULTIBOOT "initrd = a\n", NULL);
    assert_int_equal(t.count, 1);
    assert_reported(0, 4, "initrd: it goes with kernel: a multiboot image has module = FILE");
}

/* ---- what there is ---- */

static const char *const FILES[] = {"vmlinuz-6.1", "initrd.img-6.1", "test.flat", NULL};
static const char *const DISKS[] = {"nvme0", "nvme0p1", "ahci0", NULL};

static const char *file(void *context, size_t index)
{
    assert_ptr_equal(context, &t);
    return FILES[index];
}

static const char *disk(void *context, size_t index)
{
    assert_ptr_equal(context, &t);
    return DISKS[index];
}

static const struct definition_world world = {file, disk, &t, "/boot"};

static void files_and_disks_that_are_there_are_fine(void **state)
{
    (void)state;
    parse_in("name=a\nmemory=1G\nkernel=vmlinuz-6.1\ninitrd=initrd.img-6.1\ndisk=nvme0p1\ndisk="
             "ahci0,ro\n",
             &world);
    assert_true(t.fine);
}

static void missing_files_are_named_with_what_is_there(void **state)
{
    (void)state;
    parse_in("name=a\nmemory=1G\nkernel=vmlinux-6.1\ninitrd=ramdisk\n", &world);
    assert_int_equal(t.count, 2);
    assert_reported(0, 3,
                    "kernel: there is no \"vmlinux-6.1\" in /boot: did you mean vmlinuz-6.1?");
    assert_reported(1, 4,
                    "initrd: there is no \"ramdisk\" in /boot: it has vmlinuz-6.1, "
                    "initrd.img-6.1, test.flat");
    parse_in("name=a\nmemory=1G\nmultiboot=test.flat\nmodule = tset.flat x\n", &world);
    assert_reported(0, 4, "module: there is no \"tset.flat\" in /boot: did you mean test.flat?");
}

static void missing_disks_are_named_with_what_is_there(void **state)
{
    (void)state;
    parse_in("name=a\nmemory=1G\nkernel=vmlinuz-6.1\ndisk = nvme1\n", &world);
    assert_int_equal(t.count, 1);
    assert_reported(0, 4, "disk: root has no disk \"nvme1\": it has nvme0, nvme0p1, ahci0");
}

static const char *nothing(void *context, size_t index)
{
    (void)context;
    (void)index;
    return NULL;
}

static void empty_world_has_nothing(void **state)
{
    const struct definition_world empty = {nothing, nothing, NULL, "/boot"};

    (void)state;
    parse_in(LINUX "disk = nvme0\n", &empty);
    assert_int_equal(t.count, 2);
    assert_reported(0, 3, "kernel: there is no \"vmlinuz\" in /boot: it has nothing");
    assert_reported(1, 4, "disk: root has no disk \"nvme0\": it has nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_lines_are_enough),
        cmocka_unit_test(all_keys_of_a_linux_child_are_taken),
        cmocka_unit_test(all_keys_of_a_multiboot_child_are_taken),
        cmocka_unit_test(sizes_are_taken_as_people_write_them),
        cmocka_unit_test(lines_of_dos_and_a_byte_order_mark_are_taken),
        cmocka_unit_test(partitions_of_one_disk_are_two_disks),
        cmocka_unit_test(unknown_keys_are_named_with_what_was_meant),
        cmocka_unit_test(lines_that_are_no_pair_are_refused),
        cmocka_unit_test(reports_have_no_control_characters),
        cmocka_unit_test(key_that_is_set_twice_is_refused),
        cmocka_unit_test(all_that_is_wrong_is_reported),
        cmocka_unit_test(missing_keys_are_named_at_the_end),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(parts_of_a_processor_are_percentages),
        cmocka_unit_test(reserve_is_no_more_than_the_cap),
        cmocka_unit_test(words_are_those_of_the_key),
        cmocka_unit_test(names_that_are_none_are_refused_with_one),
        cmocka_unit_test(files_are_boot_modules),
        cmocka_unit_test(disks_are_named_as_root_names_them),
        cmocka_unit_test(cards_are_ports_of_switches),
        cmocka_unit_test(lists_have_an_end),
        cmocka_unit_test(texts_have_an_end),
        cmocka_unit_test(definition_that_is_too_long_to_hand_on_is_refused),
        cmocka_unit_test(file_that_is_too_long_to_be_one_is_refused),
        cmocka_unit_test(linux_and_multiboot_exclude_each_other),
        cmocka_unit_test(files_and_disks_that_are_there_are_fine),
        cmocka_unit_test(missing_files_are_named_with_what_is_there),
        cmocka_unit_test(missing_disks_are_named_with_what_is_there),
        cmocka_unit_test(empty_world_has_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
