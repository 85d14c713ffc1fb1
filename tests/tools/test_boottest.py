#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the frame of the boot tests, tests/boot/boottest."""
import os
import sys
import unittest

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TREE, "tests", "boot"), os.path.join(TREE, "tools")]
from boottest import vm  # noqa: E402


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


if __name__ == "__main__":
    unittest.main()
