#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the frame of the boot tests, tests/boot/boottest."""
import os
import sys
import unittest

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TREE, "tests", "boot"), os.path.join(TREE, "tools")]
from boottest import hostile_rows, vm  # noqa: E402
from boottest.counts import difference  # noqa: E402


class Console(unittest.TestCase):
    """What of a console that two write to is one line."""

    def setUp(self):
        self.vm = vm.Vm([], "", [], 10)

    def feed(self, *chunks):
        for chunk in chunks:
            self.vm._append(chunk)  # pylint: disable=protected-access
        return self.vm.text

    def test_lines_of_the_hypervisor_stay(self):
        self.assertEqual(self.feed("a\nhv: b\n", "c\n"), "a\nhv: b\nc\n")

    def test_a_line_that_is_cut_is_whole_again(self):
        self.assertEqual(self.feed("root> [", "hv: x\ncrash] starts\n"), "hv: x\nroot> [crash] starts\n")

    def test_a_line_may_be_cut_twice_and_come_in_pieces(self):
        self.assertEqual(self.feed("ab", "hv: 1", "2\ncd", "hv: 3\ne\n"), "hv: 12\nhv: 3\nabcde\n")

    def test_what_was_expected_in_it_stays_behind(self):
        self.feed("root> ")
        self.vm.expect("> ")
        self.feed("hv: x\nls\n")
        self.assertEqual(self.vm.expect(r"\w+").group(), "ls")

    def test_what_was_expected_in_the_line_that_cuts_goes_with_it(self):
        self.feed("root> hv: x denied ")
        self.vm.expect("denied ")
        self.feed("(y)\npanic\n")
        self.assertEqual(self.vm.expect(r"\S+").group(), "(y)")
        self.vm.expect("panic")


class Counts(unittest.TestCase):
    """What is back, and what is not."""

    def test_equal_counts_do_not_differ(self):
        self.assertEqual(difference({"free": 9, "ports": 2}, {"ports": 2, "free": 9}, {}), "")

    def test_one_page_less_is_a_difference(self):
        self.assertEqual(difference({"free": 9, "ports": 2}, {"free": 5, "ports": 2}, {}), "free 9 -> 5")

    def test_slack_is_a_bound(self):
        self.assertEqual(difference({"free": 9}, {"free": 5}, {"free": 4}), "")
        self.assertEqual(difference({"free": 9}, {"free": 4}, {"free": 4}), "free 9 -> 4")

    def test_what_is_missing_differs(self):
        self.assertEqual(difference({"free": 0}, {}, {"free": 4}), "free 0 -> None")


class Rows(unittest.TestCase):
    """Reasons in root's log, before the results of a hostile child."""
    good = [f"child bad: VMBus: {hostile_rows.PROBE}", "child bad: channel 1: a packet that wants no answer",
            "[bad] hostile: srb-kinds: a request without completion: no answer",
            "child bad: channel 1: a packet that wants no answer",
            "[bad] hostile: srb-kinds: a completion of nothing: no answer",
            "child bad: channel 1: a packet of a wrong kind or length",
            "[bad] hostile: srb-kinds: a request of 8 bytes: refused"]
    for row in ("operation 0", "operation 14", "operation 2^32-1", "an operation of root's"):
        good += ["child bad: channel 1: an operation that is none", f"[bad] hostile: srb-kinds: {row}: refused"]
    good.append("[bad] hostile: srb-kinds: afterwards: the controller reads its disk as before")

    def check(self, lines):
        hostile_rows.check_rows("srb-kinds", "\n".join(lines) + "\n")

    def test_each_row_has_its_reason(self):
        self.check(self.good)

    def test_a_row_without_its_reason_fails(self):
        with self.assertRaises(vm.Failure):
            self.check(self.good[:3] + self.good[4:])

    def test_a_reason_of_another_row_fails(self):
        with self.assertRaises(vm.Failure):
            self.check([self.good[5]] + self.good)

    def test_a_missing_row_fails(self):
        with self.assertRaises(vm.Failure):
            self.check(self.good[:-1])


if __name__ == "__main__":
    unittest.main()
