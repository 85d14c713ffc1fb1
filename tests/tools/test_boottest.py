#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the frame of the boot tests, tests/boot/boottest."""
import os
import sys
import time
import unittest
import unittest.mock

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TREE, "tests", "boot"), os.path.join(TREE, "tools")]
from boottest import catalogue, hostile_rows, vm  # noqa: E402
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

    def test_a_line_that_a_log_cuts_is_whole_again(self):
        self.assertEqual(self.feed("root> \nmultib", "[   22.239513] [disk] x\noot: 43 checks\n"),
                         "root> \n[   22.239513] [disk] x\nmultiboot: 43 checks\n")

    def test_a_line_of_a_log_that_quotes_one_stays(self):
        text = "[ 1256.950763] [linux] [    7.198474] EXT4-fs\n"
        self.assertEqual(self.feed(text), text)

    def test_a_line_of_a_log_may_be_cut_by_the_hypervisor_only(self):
        self.assertEqual(self.feed("a[    1.000000] bhv: x\nc\nd\n"), "hv: x\n[    1.000000] bc\nad\n")

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

    def test_a_line_that_cuts_is_there_behind_what_was_expected_before_both(self):
        self.feed("[    1.000000] share: VP 0\nroot> ")
        self.vm.expect(r"VP \d\n")
        self.feed("[    2.000000] share: ended\n")
        self.vm.expect("ended$")
        self.vm.expect("^root> ")

    def test_a_line_that_is_still_coming_is_not_taken_for_whole(self):
        self.feed("replies=52")
        with self.vm.part_of_time(1000):
            with self.assertRaisesRegex(vm.Failure, "did not come in time"):
                self.vm.expect(r"replies=(\d+)$")
        self.feed("2\nroot> ")
        self.assertEqual(self.vm.expect(r"replies=(\d+)$").group(1), "522")
        self.vm.expect(r"> $")  # a prompt, which no newline follows

    def test_a_part_may_take_its_part_of_the_time(self):
        whole = self.vm._deadline  # pylint: disable=protected-access
        with self.vm.part_of_time(1000):
            with self.assertRaisesRegex(vm.Failure, "did not come in time"):
                self.vm.expect("never")
        self.assertEqual(self.vm._deadline, whole)  # pylint: disable=protected-access
        self.assertLess(time.monotonic(), whole)


class Attacks(unittest.TestCase):
    """What becomes of attacks that share a machine."""
    cases = catalogue.load_file(os.path.join(TREE, "tests", "boot", "cases", "attacks.py"))

    def failures(self, contain, answers=True):
        attacks = [self.cases.Attack(name, "io", label="-x") for name in ("a", "b", "c")]
        with unittest.mock.patch.object(self.cases, "contain", contain), \
                unittest.mock.patch.object(self.cases, "clear_away", return_value=answers):
            return self.cases.try_attacks(vm.Vm([], "", [], 10), attacks, 1, True)

    @staticmethod
    def fails_of(*names):
        def contain(_vm, attack, _lps, _icount):
            if attack.name in names:
                raise vm.Failure("why")
        return contain

    def test_each_that_fails_is_named(self):
        self.assertEqual(self.failures(self.fails_of()), [])
        self.assertEqual(self.failures(self.fails_of("a", "c")), ["a-x: why", "c-x: why"])

    def test_none_is_tried_on_a_machine_that_does_not_answer(self):
        self.assertEqual(self.failures(self.fails_of("b"), answers=False),
                         ["b-x: why", "c-x: not tried"])

    def test_a_sibling_may_get_no_less_than_its_part(self):
        attack = self.cases.Attack("a", "io")
        self.cases.check_shares(attack, True, [("400", "400")])
        for share in (("399", "400"), ("400", "399")):
            with self.assertRaisesRegex(vm.Failure, "the sibling .* 399 of 1000, of the 500 that are"):
                self.cases.check_shares(attack, True, [share])

    def test_counts_must_be_the_same(self):
        self.cases.same_counts({"x": 1}, {"x": 1})
        with self.assertRaisesRegex(vm.Failure, "x 1 -> 2"):
            self.cases.same_counts({"x": 1}, {"x": 2})

    def test_a_word_of_the_attacker_is_seen(self):
        self.cases.check_refused("[crash] crash: svm starts\n")
        for line in ("[crash] crash: svm 1: got 0, wanted 1", "[crash] guest: #UD"):
            with self.assertRaisesRegex(vm.Failure, "it says"):
                self.cases.check_refused(f"x\n[ 1.0] {line}\n")


class Deaths(unittest.TestCase):
    """Attacks that end their child, by their part of the console."""
    cases = Attacks.cases

    def console(self, deaths=7, share=500, pages="1", ended="0"):
        return ("b begins\nx\na begins\nroot.ports 1\n" + "[ 1.0] child crash: ended: VP 0: why\n" * deaths +
                f"[ 1.0] [share] share: VP 0 permille={share} accounted={share}\n"
                f"[ 1.0] child share: ended: it ended itself with {ended}\n"
                f"a measured\nroot.ports {pages}\nc begins\nroot.ports 3\n")

    def judge(self, **what):
        self.cases.check_deaths("a", "VP [0-9]: why", self.console(**what))

    def test_what_is_right_passes(self):
        self.judge()

    def test_what_is_wrong_is_said(self):
        for what, words in (({"deaths": 6}, "it ended so"), ({"share": 399}, "of 1000"),
                            ({"pages": "2"}, "counted before and after"), ({"ended": "1"}, "to its end")):
            with self.assertRaisesRegex(vm.Failure, words):
                self.judge(**what)
        with self.assertRaisesRegex(vm.Failure, "not tried to the end"):
            self.cases.check_deaths("d", "why", self.console())


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

    def test_a_case_that_is_not_known_fails(self):
        with self.assertRaises(vm.Failure):
            hostile_rows.check_rows("srb-kind", "")

    def test_a_missing_row_fails(self):
        with self.assertRaises(vm.Failure):
            self.check(self.good[:-1])


if __name__ == "__main__":
    unittest.main()
