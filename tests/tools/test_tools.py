#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the tools that judge and boot: tools/bench, tools/run-tests, tools/run-qemu."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
import unittest
import unittest.mock

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True


def load(name):
    """A tool as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  os.path.join(TREE, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def figure(instructions, limit=None, **split):
    entry = {"name": "x", "instructions": instructions, "exits": sum(split.values()), "split": split}
    return [entry if limit is None else {**entry, "limit": limit}]


class Bench(unittest.TestCase):
    bench = load("bench")

    def test_counts_within_a_hundredth_are_equal(self):
        self.assertEqual(list(self.bench.compare(figure(1010, io=1), figure(1000, io=1))), [])

    def test_other_counts_are_different(self):
        self.assertEqual(list(self.bench.compare(figure(1011, io=1), figure(1000, io=1))),
                         ["x: 1011 instructions, the baseline has 1000"])

    def test_other_reasons_of_exits_are_different(self):
        self.assertEqual(list(self.bench.compare(figure(9, io=1, msr=1), figure(9, io=2))),
                         ["x: 1 exits by io, the baseline has 2",
                          "x: 1 exits by msr, the baseline has 0"])

    def test_missing_and_new_figures_are_different(self):
        self.assertEqual(list(self.bench.compare([], figure(1))), ["x: only in the baseline"])
        self.assertEqual(list(self.bench.compare(figure(1), [])), ["x: only measured"])

    def test_limits_have_no_tolerance(self):
        self.assertEqual(list(self.bench.beyond_limits(figure(350), figure(349, limit=350))), [])
        self.assertEqual(list(self.bench.beyond_limits(figure(351), figure(349, limit=350))),
                         ["x: 351 instructions, the limit is 350"])
        self.assertEqual(len(list(self.bench.beyond_limits([], figure(349, limit=350)))), 1)

    def test_updates_keep_limits(self):
        self.assertEqual(self.bench.with_limits(figure(340), figure(349, limit=350)),
                         figure(340, limit=350))


class RunTests(unittest.TestCase):
    tool = load("run-tests")

    def setUp(self):
        self.run_ = self.tool.Run([])
        self.run_.add = lambda name, passed, *_: self.run_.results.append(
            self.tool.Result(name, passed, 0.0))
        for name in ("ctest_names", "boot_names"):
            patch = unittest.mock.patch.object(self.tool, name, lambda *_: [])
            patch.start()
            self.addCleanup(patch.stop)

    def outcomes(self, stage, *arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            stage(self.run_, *arguments)
        return [r.passed for r in self.run_.results]

    def test_stages_without_tests_fail(self):
        self.assertEqual(self.outcomes(self.tool.ctest, "gcc", "unit|lint"), [False])
        self.assertEqual(self.outcomes(self.tool.fuzz), [False] * 2)
        self.assertEqual(self.outcomes(self.tool.boot, "quick"), [False] * 3)


class RunQemu(unittest.TestCase):
    tool = load("run-qemu")

    def refused(self, *arguments):
        said = io.StringIO()
        with unittest.mock.patch.object(sys, "argv", ["run-qemu", *arguments]), \
                contextlib.redirect_stderr(said), self.assertRaises(SystemExit):
            self.tool.arguments()
        return said.getvalue()

    def test_arguments_without_effect_are_refused(self):
        for wrong in (["--exec", "lps"], ["--exec", ""], ["--launchtype", "auto"]):
            self.assertIn(f"{wrong[0]} has no effect with --boot-cfg",
                          self.refused("--boot-cfg", "x", *wrong))
        for wrong in (["--exec", "lps"], ["--module", "x"], ["--boot-cfg", "x"]):
            self.assertIn(f"{wrong[0]} has no effect with --esp", self.refused("--esp", "x", *wrong))

    def test_file_names_may_have_commas(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a,bus=b.img")
            with open(path, "wb"):
                pass
            disk = self.tool.qemu.Disk.parse(path + ",bus=ahci")
            self.assertEqual((disk.path, disk.bus), (path, "ahci"))
        command = self.tool.qemu.Machine(esp="/x,y/esp.img", vars="/x,y/vars.fd", disks=[disk]).command()
        files = [word.split("file=")[1].removesuffix(",snapshot=on") for word in command
                 if "file=" in word and "OVMF" not in word]
        self.assertEqual(files, ["/x,,y/vars.fd", "/x,,y/esp.img", path.replace(",", ",,")])


if __name__ == "__main__":
    unittest.main()
