#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the tools that judge and boot: tools/bench, tools/run-tests, tools/run-qemu."""
import importlib.machinery
import importlib.util
import os
import sys
import unittest

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


if __name__ == "__main__":
    unittest.main()
