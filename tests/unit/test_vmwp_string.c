/* SPDX-License-Identifier: MIT */
/* test_vmwp_string.c - string instructions between devices or ports and RAM: pieces, directions,
 * address sizes, page faults; and plain port instructions. */
#include <hvabi/management.h>
#include <x86/cr.h>
#include "fakes/test.h"
#include "fakes/vmwp_child.h"

#define DEVICE  0xffff800000000000ull
#define BUFFER  0x0000400000002000ull /* two pages that are not neighbours in RAM: */
#define FIRST   0x5000u
#define SECOND  0x3000u
#define PORT    0x3f8
#define PENDING 0x00000000000e0017ull /* exception 14 with an error code */

static const uint8_t rep_movsb[] = {0xf3, 0xa4}, rep_movsd[] = {0xf3, 0xa5}, movsw[] = {0x66, 0xa5};
static const uint8_t rep_stosd[] = {0xf3, 0xab}, lodsd[] = {0xad}, rep_lodsb[] = {0xf3, 0xac};
static const uint8_t rep_outsb[] = {0xf3, 0x6e}, outsd[] = {0x6f}, rep_insb[] = {0xf3, 0x6c};
static const uint8_t rep_insd[] = {0xf3, 0x6d};

static struct vmwp_child c;

static int setup(void **state)
{
    (void)state;
    vmwp_child_init(&c, X86_MODE_64);
    vmwp_child_map(&c, DEVICE, CHILD_DEVICE_GPA);
    c.pages[0].result = HvTranslateGvaGpaUnmapped;
    vmwp_child_map(&c, BUFFER, FIRST);
    vmwp_child_map(&c, BUFFER + 0x1000, SECOND);
    for (unsigned i = 0; i < sizeof(c.device); i++)
        c.device[i] = (uint8_t)(i * 7);
    for (unsigned i = 0; i < CHILD_RAM; i++)
        c.memory[i] = (uint8_t)(i * 13 + 1);
    return 0;
}

static void point(uint64_t rsi, uint64_t rdi, uint64_t rcx)
{
    c.gprs[X86_RSI] = rsi;
    c.gprs[X86_RDI] = rdi;
    c.gprs[X86_RCX] = rcx;
}

#define MMIO(code, offset, write)                                                                  \
    vmwp_child_mmio(&c, (code), sizeof(code), CHILD_DEVICE_GPA + (offset), (write))
#define STRING(code, size, write) vmwp_child_string(&c, (code), sizeof(code), PORT, (size), (write))

static void assert_at(uint64_t rsi, uint64_t rdi, uint64_t rcx, uint64_t rip)
{
    assert_int_equal(c.gprs[X86_RSI], rsi);
    assert_int_equal(c.gprs[X86_RDI], rdi);
    assert_int_equal(c.gprs[X86_RCX], rcx);
    assert_int_equal(c.rip, rip);
}

/* ---- devices ---- */

static void copy_from_a_device(void **state)
{
    (void)state;
    point(DEVICE + 0x40, BUFFER + 0x10, 8);
    assert_true(MMIO(rep_movsd, 0x40, false));
    assert_at(DEVICE + 0x60, BUFFER + 0x30, 0, 0x1002);
    assert_memory_equal(c.memory + FIRST + 0x10, c.device + 0x40, 32);
    assert_int_equal(c.device_reads, 8);
    assert_int_equal(c.translations, 1);
    assert_int_equal(c.sets, 1);
}

static void copy_to_a_device(void **state)
{
    (void)state;
    point(BUFFER + 0xff0, DEVICE + 0x80, 32);
    assert_true(MMIO(rep_movsb, 0x80, true));
    assert_at(BUFFER + 0x1010, DEVICE + 0xa0, 0, 0x1002);
    assert_memory_equal(c.device + 0x80, c.memory + FIRST + 0xff0, 16);
    assert_memory_equal(c.device + 0x90, c.memory + SECOND, 16);
    assert_int_equal(c.device_writes, 32);
}

static void element_may_lie_in_two_pages_of_ram(void **state)
{
    (void)state;
    point(DEVICE, BUFFER + 0xffe, 2);
    assert_true(MMIO(rep_movsd, 0, false));
    assert_memory_equal(c.memory + FIRST + 0xffe, c.device, 2);
    assert_memory_equal(c.memory + SECOND, c.device + 2, 6);
    point(BUFFER + 0xfff, DEVICE + 0x10, 7);
    assert_true(MMIO(movsw, 0x10, true));
    assert_int_equal(c.device[0x10], c.memory[FIRST + 0xfff]);
    assert_int_equal(c.device[0x11], c.memory[SECOND]);
    assert_at(BUFFER + 0x1001, DEVICE + 0x12, 7, 0x1004);
}

static void direction_flag_goes_down(void **state)
{
    (void)state;
    c.rflags |= RFLAGS_DF;
    point(DEVICE + 0x4c, BUFFER + 0x1004, 3);
    assert_true(MMIO(rep_movsd, 0x4c, false));
    assert_at(DEVICE + 0x40, BUFFER + 0xff8, 0, 0x1002);
    assert_memory_equal(c.memory + SECOND + 4, c.device + 0x4c, 4);
    assert_memory_equal(c.memory + SECOND, c.device + 0x48, 4);
    assert_memory_equal(c.memory + FIRST + 0xffc, c.device + 0x44, 4);
}

static void long_strings_are_done_in_pieces(void **state)
{
    (void)state;
    point(DEVICE, BUFFER, 600);
    assert_true(MMIO(rep_movsb, 0, false));
    assert_at(DEVICE + 256, BUFFER + 256, 344, 0x1000);
    assert_true(MMIO(rep_movsb, 256, false));
    assert_at(DEVICE + 512, BUFFER + 512, 88, 0x1000);
    assert_true(MMIO(rep_movsb, 512, false));
    assert_at(DEVICE + 600, BUFFER + 600, 0, 0x1002);
    assert_memory_equal(c.memory + FIRST, c.device, 600);
}

/* REP MOVS with a count of 2^64 - 1 across the device's end. */
static void string_stops_at_the_end_of_the_devices_page(void **state)
{
    (void)state;
    point(BUFFER, DEVICE + 0xff8, UINT64_MAX);
    assert_true(MMIO(rep_movsd, 0xff8, true));
    assert_at(BUFFER + 8, DEVICE + 0x1000, UINT64_MAX - 2, 0x1000);
    assert_int_equal(c.device_writes, 2);
    point(BUFFER, DEVICE + 0xffe, 5);
    assert_false(MMIO(rep_movsd, 0xffe, true));
    assert_non_null(strstr(c.answer.reason, "crosses a page"));
}

static void store_and_load_strings(void **state)
{
    (void)state;
    c.gprs[X86_RAX] = 0x1122334455667788;
    point(0, DEVICE + 0x20, 3);
    assert_true(MMIO(rep_stosd, 0x20, true));
    assert_at(0, DEVICE + 0x2c, 0, 0x1002);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_equal(c.device + 0x20 + 4 * i, "\x88\x77\x66\x55", 4);
    point(DEVICE + 0x20, 0, 3);
    assert_true(MMIO(lodsd, 0x20, false));
    assert_int_equal(c.gprs[X86_RAX], 0x55667788);
    assert_at(DEVICE + 0x24, 0, 3, 0x1003);
    assert_true(MMIO(rep_lodsb, 0x24, false));
    assert_at(DEVICE + 0x27, 0, 0, 0x1005);
    assert_int_equal(c.gprs[X86_RAX], 0x55667766);
    assert_int_equal(c.translations, 0);
}

static void count_of_zero_does_nothing(void **state)
{
    (void)state;
    point(DEVICE, BUFFER, 0);
    assert_true(MMIO(rep_movsb, 0, false));
    assert_at(DEVICE, BUFFER, 0, 0x1002);
    assert_int_equal(c.device_reads, 0);
}

static void address_size_cuts_registers(void **state)
{
    static const uint8_t rep_movsb_32[] = {0x67, 0xf3, 0xa4};

    (void)state;
    vmwp_child_map(&c, 0x7000, CHILD_DEVICE_GPA);
    vmwp_child_map(&c, 0x9000, FIRST);
    point(0xaaaaaaaa00007010, 0xbbbbbbbb00009020, 0xcccccccc00000004);
    assert_true(MMIO(rep_movsb_32, 0x10, false));
    assert_at(0x7014, 0x9024, 0, 0x1003);
    assert_memory_equal(c.memory + FIRST + 0x20, c.device + 0x10, 4);
}

static void code_of_16_bits_wraps_its_offsets(void **state)
{
    (void)state;
    vmwp_child_init(&c, X86_MODE_16);
    c.bases[X86_DS] = 0xfec00000 - 0x8000;
    c.bases[X86_ES] = 0x1000;
    vmwp_child_map(&c, 0x10000, 0x6000);
    vmwp_child_map(&c, 0x1000, 0x7000);
    c.device[0] = 'a';
    c.device[1] = 'b';
    c.device[2] = 'c';
    point(0x55558000, 0x6666ffff, 0x77770003);
    assert_true(MMIO(rep_movsb, 0, false));
    assert_at(0x55558003, 0x66660002, 0x77770000, 0x1002);
    assert_int_equal(c.memory[0x6fff], 'a');
    assert_int_equal(c.memory[0x7000], 'b');
    assert_int_equal(c.memory[0x7001], 'c');
}

/* ---- what stands in the way ---- */

static void page_fault_comes_after_what_could_be_done(void **state)
{
    (void)state;
    point(DEVICE, BUFFER + 0x1ffc, 3);
    c.cpl = 3;
    assert_true(MMIO(rep_movsd, 0, false));
    assert_at(DEVICE + 4, BUFFER + 0x2000, 2, 0x1000);
    assert_int_equal(c.device_reads, 1);
    assert_int_equal(c.cr2, BUFFER + 0x2000);
    assert_int_equal(c.pending, PENDING | 6ull << 32); /* not present, written, by a user */
}

static void page_fault_at_once_changes_nothing_else(void **state)
{
    (void)state;
    point(BUFFER + 0x2000, DEVICE, 3);
    assert_true(MMIO(rep_movsd, 0, true));
    assert_at(BUFFER + 0x2000, DEVICE, 3, 0x1000);
    assert_int_equal(c.device_writes, 0);
    assert_int_equal(c.cr2, BUFFER + 0x2000);
    assert_int_equal(c.pending, PENDING);
}

static void page_fault_in_the_second_half_of_an_element(void **state)
{
    (void)state;
    point(DEVICE, BUFFER + 0x1ffe, 1);
    assert_true(MMIO(rep_movsd, 0, false));
    assert_int_equal(c.device_reads, 0);
    assert_int_equal(c.cr2, BUFFER + 0x2000);
    assert_int_equal(c.pending, PENDING | 2ull << 32);
}

static void faults_tell_what_is_wrong(void **state)
{
    (void)state;
    c.pages[1].read_only = true;
    point(DEVICE, BUFFER, 1);
    assert_true(MMIO(rep_movsd, 0, false));
    assert_int_equal(c.pending, PENDING | 3ull << 32);
    vmwp_child_deny(&c, 0x10000, HvTranslateGvaInvalidPageTableFlags);
    point(0x10000, DEVICE, 1);
    assert_true(MMIO(rep_movsd, 0, true));
    assert_int_equal(c.pending, PENDING | 9ull << 32);
}

static void other_obstacles_are_refused(void **state)
{
    (void)state;
    point(DEVICE, DEVICE + 0x100, 1);
    assert_false(MMIO(rep_movsd, 0, false));
    assert_non_null(strstr(c.answer.reason, "between two devices"));
    vmwp_child_map(&c, 0x20000, CHILD_RAM); /* the page behind its RAM */
    point(0x20000, DEVICE, 1);
    assert_false(MMIO(rep_movsd, 0, true));
    assert_non_null(strstr(c.answer.reason, "no RAM"));
    point(DEVICE + 1, BUFFER, 1);
    assert_false(MMIO(rep_movsd, 0, false));
    assert_non_null(strstr(c.answer.reason, "does not access what was accessed"));
    assert_false(vmwp_child_mmio(&c, "\xa7", 1, CHILD_DEVICE_GPA, false)); /* cmpsd */
    assert_false(vmwp_child_mmio(&c, "\x6d", 1, CHILD_DEVICE_GPA, true));  /* insd */
    assert_non_null(strstr(c.answer.reason, "string instruction on a device is not emulated"));
    assert_int_equal(c.device_reads + c.device_writes + c.sets, 0);
}

/* The next look at the instruction refuses it, with the registers where it stands. */
static void obstacle_in_the_middle_shows_at_the_next_look(void **state)
{
    (void)state;
    c.pages[2].result = HvTranslateGvaGpaUnmapped;
    point(DEVICE, BUFFER + 0xffc, 3);
    assert_true(MMIO(rep_movsd, 0, false));
    assert_at(DEVICE + 4, BUFFER + 0x1000, 2, 0x1000);
    assert_false(MMIO(rep_movsd, 4, false));
}

/* ---- ports ---- */

static void strings_go_out(void **state)
{
    (void)state;
    memcpy(c.memory + FIRST + 0x100, "hello, world", 12);
    point(BUFFER + 0x100, 0, 12);
    assert_true(STRING(rep_outsb, 1, true));
    assert_at(BUFFER + 0x10c, 0, 0, 0x1002);
    assert_memory_equal(c.port_log, "hello, world", 12);
    assert_int_equal(c.ports, 12);
    assert_int_equal(c.port_last, PORT);
    point(BUFFER + 0x100, 0, 12);
    assert_true(STRING(outsd, 4, true));
    assert_at(BUFFER + 0x104, 0, 12, 0x1003);
    assert_memory_equal(c.port_log + 12, "hell", 4);
    assert_int_equal(c.ports, 13);
}

static void strings_come_in_in_pieces(void **state)
{
    (void)state;
    point(0, BUFFER + 0xf80, 300);
    assert_true(STRING(rep_insb, 1, false));
    assert_at(0, BUFFER + 0x1080, 44, 0x1000);
    assert_true(STRING(rep_insb, 1, false));
    assert_at(0, BUFFER + 0x10ac, 0, 0x1002);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(c.memory[i < 0x80 ? FIRST + 0xf80 + i : SECOND + i - 0x80], i & 0xff);
}

/* A device must not lose what there is no room for. */
static void page_fault_keeps_what_the_port_has(void **state)
{
    (void)state;
    point(0, BUFFER + 0x1ffc, 2);
    assert_true(STRING(rep_insd, 4, false));
    assert_at(0, BUFFER + 0x2000, 1, 0x1000);
    assert_int_equal(c.ports, 1);
    assert_int_equal(c.pending, PENDING | 2ull << 32);
    assert_true(STRING(rep_insd, 4, false));
    assert_int_equal(c.ports, 1);
}

static void segments_of_port_strings(void **state)
{
    static const uint8_t fs_outsb[] = {0x64, 0x6e}, es_outsb[] = {0x26, 0x6e}, insb[] = {0x6c};

    (void)state;
    vmwp_child_init(&c, X86_MODE_16);
    for (unsigned segment = 0; segment < X86_SEGMENT_COUNT; segment++) {
        c.bases[segment] = 0x1000 * (1 + segment);
        c.memory[0x1000 * (1 + segment)] = (uint8_t)('0' + segment);
        vmwp_child_map(&c, 0x1000 * (1 + segment), 0x1000 * (1 + segment));
    }
    assert_true(vmwp_child_string(&c, "\x6e", 1, PORT, 1, true));
    c.gprs[X86_RSI] = 0;
    assert_true(STRING(es_outsb, 1, true));
    assert_int_equal(c.gets, 0); /* DS and ES are in the message */
    c.gprs[X86_RSI] = 0;
    assert_true(STRING(fs_outsb, 1, true));
    assert_int_equal(c.gets, 1);
    assert_int_equal(c.port_log[0], '0' + X86_DS);
    assert_int_equal(c.port_log[1], '0' + X86_ES);
    assert_int_equal(c.port_log[2], '0' + X86_FS);
    assert_true(STRING(insb, 1, false));
    assert_int_equal(c.memory[0x1000], 3);
}

static void other_instructions_at_a_port_are_refused(void **state)
{
    (void)state;
    point(BUFFER, BUFFER, 1);
    assert_false(STRING(rep_outsb, 1, false)); /* it was to be an INS, */
    assert_false(STRING(rep_insb, 1, true));   /* an OUTS, */
    assert_false(STRING(rep_outsb, 4, true));  /* and of 4 bytes */
    assert_false(STRING(rep_movsb, 1, true));
    assert_non_null(strstr(c.answer.reason, "does not access the port (rip"));
    assert_false(vmwp_child_port(&c, 1, PORT, 3, false));
    assert_non_null(strstr(c.answer.reason, "impossible size"));
    assert_false(vmwp_child_port(&c, 0, PORT, 1, false));
    assert_non_null(strstr(c.answer.reason, "unknown length"));
    point(DEVICE, DEVICE, 1);
    assert_false(STRING(rep_outsb, 1, true));
    assert_int_equal(c.ports + c.sets, 0);
    assert_true(vmwp_child_string(&c, "", 0, PORT, 1, true)); /* its code has gone */
    assert_int_equal(c.rip, 0x1000);
}

static void plain_port_instructions(void **state)
{
    (void)state;
    c.gprs[X86_RAX] = 0x1122334455667788;
    assert_true(vmwp_child_port(&c, 2, 0x80, 1, true));
    assert_true(vmwp_child_port(&c, 2, 0x80, 2, true));
    assert_true(vmwp_child_port(&c, 1, PORT, 4, true));
    assert_memory_equal(c.port_log, "\x88\x88\x77\x88\x77\x66\x55", 7);
    assert_int_equal(c.rip, 0x1005);
    c.port_bytes = 0xa0;
    assert_true(vmwp_child_port(&c, 1, PORT, 1, false));
    assert_int_equal(c.gprs[X86_RAX], 0x11223344556677a0);
    assert_true(vmwp_child_port(&c, 1, PORT, 2, false));
    assert_int_equal(c.gprs[X86_RAX], 0x112233445566a2a1);
    assert_true(vmwp_child_port(&c, 1, PORT, 4, false));
    assert_int_equal(c.gprs[X86_RAX], 0xa6a5a4a3);
    assert_int_equal(c.sets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(copy_from_a_device, setup),
        cmocka_unit_test_setup(copy_to_a_device, setup),
        cmocka_unit_test_setup(element_may_lie_in_two_pages_of_ram, setup),
        cmocka_unit_test_setup(direction_flag_goes_down, setup),
        cmocka_unit_test_setup(long_strings_are_done_in_pieces, setup),
        cmocka_unit_test_setup(string_stops_at_the_end_of_the_devices_page, setup),
        cmocka_unit_test_setup(store_and_load_strings, setup),
        cmocka_unit_test_setup(count_of_zero_does_nothing, setup),
        cmocka_unit_test_setup(address_size_cuts_registers, setup),
        cmocka_unit_test_setup(code_of_16_bits_wraps_its_offsets, setup),
        cmocka_unit_test_setup(page_fault_comes_after_what_could_be_done, setup),
        cmocka_unit_test_setup(page_fault_at_once_changes_nothing_else, setup),
        cmocka_unit_test_setup(page_fault_in_the_second_half_of_an_element, setup),
        cmocka_unit_test_setup(faults_tell_what_is_wrong, setup),
        cmocka_unit_test_setup(other_obstacles_are_refused, setup),
        cmocka_unit_test_setup(obstacle_in_the_middle_shows_at_the_next_look, setup),
        cmocka_unit_test_setup(strings_go_out, setup),
        cmocka_unit_test_setup(strings_come_in_in_pieces, setup),
        cmocka_unit_test_setup(page_fault_keeps_what_the_port_has, setup),
        cmocka_unit_test_setup(segments_of_port_strings, setup),
        cmocka_unit_test_setup(other_instructions_at_a_port_are_refused, setup),
        cmocka_unit_test_setup(plain_port_instructions, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
