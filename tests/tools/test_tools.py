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


def reads(hypervisor, root, exits=2.0):
    """A figure that is split."""
    return [{"name": "x", "instructions": 30, "exits": exits, "split": {},
             "by": {"child": 1, "hypervisor": hypervisor, "root": root}}]


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

    def test_lines_of_the_guest_are_read(self):
        line = ("[nvme] bench: storvsc_y instructions=30 child=1 hypervisor=9 root=20 exits=2.00 "
                "root_exits=3.50 io=2.00\n")
        figures = [self.bench.figure(*match) for match in self.bench.LINE.findall(line)]
        self.assertEqual(figures, [{"name": "nvme_y", "instructions": 30, "exits": 2.0,
                                    "by": {"child": 1, "hypervisor": 9, "root": 20},
                                    "root_exits": 3.5, "split": {"io": 2.0}}])

    def test_parts_of_the_instructions_are_compared(self):
        self.assertEqual(list(self.bench.compare(reads(9, 20), reads(9, 20))), [])
        self.assertEqual(list(self.bench.compare(reads(10, 19), reads(9, 20))),
                         ["x: 10 instructions of hypervisor, the baseline has 9",
                          "x: 19 instructions of root, the baseline has 20"])

    def test_fractions_of_exits_may_differ_by_their_rounding(self):
        self.assertEqual(list(self.bench.compare(reads(9, 20, 0.06), reads(9, 20, 0.07))), [])
        self.assertEqual(list(self.bench.compare(reads(9, 20, 0.06), reads(9, 20, 0.08))),
                         ["x: 0.06 exits, the baseline has 0.08"])

    def test_exits_and_service_have_limits(self):
        limits = {"limit_exits": 0.24, "limit_service": 29}
        baseline = [{**reads(9, 20)[0], **limits}]
        self.assertEqual(list(self.bench.beyond_limits(reads(9, 20, 0.24), baseline)), [])
        self.assertEqual(list(self.bench.beyond_limits(reads(10, 20, 0.25), baseline)),
                         ["x: 0.25 exits, the limit is 0.24",
                          "x: 30 instructions of root and hypervisor, the limit is 29"])
        self.assertEqual(self.bench.with_limits(reads(8, 20), baseline),
                         [{**reads(8, 20)[0], **limits}])

    def test_exits_with_those_of_root_have_a_limit(self):
        baseline = [{**reads(9, 20)[0], "limit_all_exits": 0.1}]
        measured = [{**reads(9, 20, 0.03)[0], "root_exits": 0.07}]
        self.assertEqual(list(self.bench.beyond_limits(measured, baseline)), [])
        measured[0]["root_exits"] = 0.08
        self.assertEqual(list(self.bench.beyond_limits(measured, baseline)),
                         ["x: 0.11 exits with root's, the limit is 0.1"])

    def test_reads_without_a_figure_are_missing(self):
        names = [f"nvme_read_{kind}" for kind in self.bench.READS]
        figures = [{**reads(9, 20)[0], "name": name} for name in names]
        self.assertEqual(self.bench.unmeasured(figures, ["nvme"]), [])
        self.assertEqual(self.bench.unmeasured(figures[1:], ["nvme"]), names[:1])
        figures[2]["by"]["root"] = 0
        self.assertEqual(self.bench.unmeasured(figures, ["nvme"]), names[2:3])

    def test_what_is_not_split_keeps_no_limit_of_a_part(self):
        baseline = [{**reads(9, 20)[0], "limit_service": 29}]
        self.assertEqual(len(list(self.bench.beyond_limits(figure(9), baseline))), 1)

    def test_updates_keep_limits(self):
        self.assertEqual(self.bench.with_limits(figure(340), figure(349, limit=350)),
                         figure(340, limit=350))


CONSOLE = """root> stats linux.0.exits.
linux.0.exits.io                 900
linux.0.exits.halt               100
root> disks --read mem0
mem0: 67108864 bytes read in 12800000 ns
root> disks --read mem0
mem0: 67108864 bytes read in 6400000 ns
linux.0.exits.io                 900
linux.0.exits.halt               400
linux.0.exits.io                 960
linux.0.exits.halt               460
"""


class LinuxBench(unittest.TestCase):
    bench = load("bench")
    linux = bench.linux_bench

    def figures(self):
        counts = [self.linux.Counts(n * 6400000, n * 640000, n * 128) for n in (0, 30, 40, 41, 42, 44)]
        return self.linux.figures(CONSOLE, dict(enumerate(counts)), 96000000)

    def test_costs_are_divided_by_those_without_a_child(self):
        boot, read, scattered, _ = self.figures()
        self.assertEqual((boot["instructions"], boot["ratio"]), (192000000, 2.0))
        self.assertEqual((read["instructions"], read["direct"], read["ratio"]), (100000, 100000, 1.0))
        self.assertEqual((read["by"], read["host_ratio"]), ({"child": 90000, "host": 10000}, 0.1))
        self.assertEqual(scattered["ratio"], 2.0)

    def test_exits_of_a_boot_and_of_an_idle_minute_are_told_apart(self):
        boot, _, _, idle = self.figures()
        self.assertEqual(boot["split"], {"io": 900, "halt": 100})
        self.assertEqual((idle["exits"], idle["split"]), (2.0, {"io": 1.0, "halt": 1.0}))

    def test_limits_of_a_linux_hold_or_are_named(self):
        limits = {"linux_boot": {"ratio": 1.9}, "linux_idle": {"exits": 2}, "y": {"ratio": 1}}
        self.assertEqual(list(self.bench.beyond_linux_limits(self.figures(), limits)),
                         ["linux_boot: ratio 2.0, the limit is 1.9",
                          "y: its ratio was not measured, and there is a limit of 1"])

    def test_marks_count_when_they_are_reached_first(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "marks")
            with open(path, "w", encoding="ascii") as f:
                f.write("1 10 2 1\n1 20 4 2\n")
            self.assertEqual(self.linux.read_marks(path), {1: self.linux.Counts(10, 2, 1)})

    def test_addresses_of_an_image_are_those_of_its_segments(self):
        begin, end = self.linux.addresses(sys.executable).split("-")
        self.assertLess(int(begin, 16), int(end, 16))


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
        self.assertEqual(self.outcomes(self.tool.fuzz, 1), [False] * 2)
        self.assertEqual(self.outcomes(self.tool.boot, "quick"), [False] * 3)

    def fuzz_seconds(self, name, seconds):
        self.run_.command = lambda _name, arguments: arguments
        with unittest.mock.patch.object(self.tool.os, "makedirs"):
            return self.tool.fuzz_one(self.run_, name, seconds)[1]

    def test_those_that_everything_rests_on_are_fuzzed_for_30_seconds(self):
        for name in self.tool.FUZZ_FIRST:
            self.assertTrue(os.path.exists(os.path.join(TREE, "tests", "fuzz", name + ".c")), name)
            self.assertEqual(self.fuzz_seconds(name, 20), "-max_total_time=30")
            self.assertEqual(self.fuzz_seconds(name, 60), "-max_total_time=60")
        self.assertEqual(self.fuzz_seconds("fuzz_elf", 20), "-max_total_time=20")

    def test_summary_repeats_the_reasons(self):
        self.run_.results = [self.tool.Result("a", False, 1.0, "nobody came"),
                             self.tool.Result("b", True, 1.0)]
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(self.run_.summary(), 1)
        self.assertEqual(said.getvalue().splitlines()[-2:],
                         ["failed: a: nobody came", "1 passed, 1 failed"])


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

    def test_arguments_for_a_linux_need_one(self):
        for wrong in (["--append", "x"], ["--vps", "2"], ["--child-memory", "1G"]):
            self.assertIn(f"{wrong[0]} has no effect without --guest linux",
                          self.refused("--exec", "lps", *wrong))
            self.assertIn(f"{wrong[0]} has no effect", self.refused("--guest", "toy", *wrong))
        self.assertIn("--initrd has no effect without --kernel", self.refused("--initrd", "x"))
        self.assertIn("--initrd has no effect", self.refused("--guest", "linux", "--initrd", "x"))
        self.assertIn("--guest has no effect with --kernel",
                      self.refused("--guest", "linux", "--kernel", "x"))

    def test_a_linux_needs_a_hypervisor_and_our_boot_cfg(self):
        for guest in (["--guest", "linux"], ["--kernel", "x"]):
            for wrong in (["--esp", "x"], ["--boot-cfg", "x"], ["--launchtype", "off"]):
                self.assertIn(f"{guest[0]} has no effect with {wrong[0]}", self.refused(*guest, *wrong))

    def test_a_size_must_be_one(self):
        self.assertIn("--child-memory: 'lots' is no size",
                      self.refused("--guest", "linux", "--child-memory", "lots"))

    def parsed(self, *arguments):
        with unittest.mock.patch.object(sys, "argv", ["run-qemu", *arguments]):
            return self.tool.arguments()

    def test_a_linux_runs_unless_something_else_is_asked_for(self):
        for words in ([], ["--vps", "2"], ["--disk", "/dev/null"], ["--guest", "linux"]):
            self.assertEqual(self.parsed(*words).guest, "linux", words)
        for words in (["--exec", "lps"], ["--launchtype", "off"], ["--boot-cfg", "x"], ["--esp", "x"],
                      ["--kernel", "x"], ["--gdb", "1"]):
            self.assertIsNone(self.parsed(*words).guest, words)

    def test_a_linux_has_a_network_unless_it_is_told_otherwise(self):
        for words, card in ((["--kernel", "x"], "virtio-net"), ([], "virtio-net"), (["--net", "e1000e"], "e1000e"),
                            (["--net", "none"], "none"), (["--guest", "toy"], "none"), (["--esp", "x"], "none"),
                            (["--guest", "toy", "--net", "e1000e"], "e1000e")):
            self.assertEqual(self.parsed(*words).net, card, words)
        for words, networks in (([], ["switch0"]), (["--net", "none"], [])):
            made, _ = self.tool.linux_child(self.parsed("--kernel", "x", *words))
            self.assertEqual(made.networks, networks)

    def test_a_forward_is_two_ports_of_a_network(self):
        self.assertIn("--forward has no effect", self.refused("--net", "none", "--forward", "8080:80"))
        self.assertIn("--forward has no effect", self.refused("--guest", "toy", "--forward", "8080:80"))
        for wrong in ("80", "80:", "0:80", "80:65536", "80:x", "1:2:3"):
            self.assertIn(f"--forward: '{wrong}' is no pair of ports", self.refused("--forward", wrong))
        network = self.tool.qemu.Network("e1000e", self.parsed("--forward", "8080:80", "--forward", "2222:22").forward)
        self.assertIn("user,id=net0,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.1:2222-:22", network.args())

    def test_a_linux_of_ours_has_its_packages_downloaded(self):
        for words, downloads in (([], 1), (["--guest", "debian"], 1), (["--kernel", "x"], 0)):
            with unittest.mock.patch.object(self.tool.subprocess, "run") as run, \
                    unittest.mock.patch.object(self.tool.linux_guest, "LinuxGuest"), \
                    unittest.mock.patch.object(self.tool.debian_guest, "root_disk"):
                self.tool.linux_child(self.parsed(*words))
            asked = [call.args[0][1:] for call in run.call_args_list]
            self.assertEqual(asked, [["setup", "--children"]] * downloads, words)

    def test_what_cannot_start_ends_before_the_machine_begins(self):
        with tempfile.TemporaryDirectory() as work:
            with open(os.path.join(work, "bzImage"), "wb"):
                pass
            images = os.path.join(work, "images")
            os.makedirs(os.path.join(work, "tools"))
            os.mkdir(images)
            for name in ("hvloader.efi", "vmms.elf", "vmwp.elf"):
                with open(os.path.join(images, name), "wb"):
                    pass
            checker = os.path.join(work, "tools", "check-definition")
            with open(checker, "w", encoding="ascii") as f:
                f.write("#!/bin/sh\ngrep vps $1 >&2; ls bzImage >&2; exit 1\n")
            os.chmod(checker, 0o755)
            args = self.parsed("--images", images, "--kernel", f"{work}/bzImage", "--vps", "0")
            with self.assertRaisesRegex(ValueError, "^vps = 0\nbzImage$"):
                self.tool.machine(args, work)
            self.assertNotIn("esp.img", os.listdir(work))

    def test_ones_own_kernel_gets_ones_own_disks(self):
        with tempfile.NamedTemporaryFile() as image:
            args = self.parsed("--kernel", "/x/bzImage", "--initrd", "/x/rd", "--append", "quiet root=/dev/sda",
                               "--disk", image.name + ",bus=ahci", "--vps", "3", "--child-memory", "2G")
            made, disks = self.tool.linux_child(args)
            self.assertEqual([d.path for d in disks], [image.name])
        self.assertEqual(made.definition().splitlines(), [
            "name = linux", "vps = 3", "memory = 2G", "kernel = bzImage", "initrd = rd",
            "cmdline = console=ttyS0 quiet root=/dev/sda", "disk = ahci1", "network = switch0",
            "console = com1", "autostart = yes", "restart = never"])
        self.assertEqual(self.tool.memory(args, made), "2560M")

    def test_a_machine_has_memory_for_its_child_unless_told(self):
        args = self.parsed()
        self.assertEqual(self.tool.memory(args, None), "1024M")
        args.memory = "3G"
        self.assertEqual(self.tool.memory(args, None), "3G")

    def test_a_linux_is_on_the_volume_and_its_console_is_attached(self):
        with tempfile.TemporaryDirectory() as images:
            names = ("hvloader.efi", "root.elf", "shell.elf", "vmms.elf", "vmwp.elf")
            for name in names:
                with open(os.path.join(images, name), "wb"):
                    pass
            args = self.parsed("--images", images, "--kernel", "/x/bzImage")
            guest, example, _ = self.tool.children(args, images)
            files = self.tool.volume_files(args, images, guest, example)
            folder = "EFI/verdigris/modules/"
            self.assertEqual({n.removeprefix(folder) for n in files if n.startswith(folder)},
                             {"shell.elf", "vmms.elf", "vmwp.elf", "bzImage", "linux.vm"})
            with open(files["EFI/verdigris/boot.cfg"], encoding="utf-8") as f:
                lines = f.read().splitlines()
            self.assertIn("startup = vm console linux", lines)
            self.assertIn("module = /EFI/verdigris/modules/linux.vm", lines)
            os.unlink(os.path.join(images, "vmms.elf"))
            with self.assertRaisesRegex(ValueError, "^vmms.elf, which start such a child, are not in"):
                self.tool.volume_files(args, images, guest, example)

    def test_file_names_may_have_commas(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a,bus=b.img")
            with open(path, "wb"):
                pass
            for bus in ("nvme", "virtio", "ahci"):
                disk = self.tool.qemu.Disk.parse(f"{path},bus={bus}")
                self.assertEqual((disk.path, disk.bus), (path, bus))
            with self.assertRaisesRegex(ValueError, "^disk option 'bus=scsi': bus=nvme, bus=ahci, bus=virtio"):
                self.tool.qemu.Disk.parse(path + ",bus=scsi")
        command = self.tool.qemu.Machine(esp="/x,y/esp.img", vars="/x,y/vars.fd", disks=[disk]).command()
        files = [word.split("file=")[1].removesuffix(",snapshot=on") for word in command
                 if "file=" in word and "OVMF" not in word]
        self.assertEqual(files, ["/x,,y/vars.fd", "/x,,y/esp.img", path.replace(",", ",,")])


if __name__ == "__main__":
    unittest.main()
