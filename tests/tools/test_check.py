#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program behind ./verdigris check, and that the definitions in docs/children.md are fine.

  test_check.py CHECK_DEFINITION    the program
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CHECK = None
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TREE, "tools"))
from vmachine import child  # noqa: E402

FINE = "name = a\nmemory = 512M\nkernel = vmlinuz\n"


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return name

    def run_it(self, *arguments):
        return subprocess.run([CHECK, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def test_definitions_that_run_writes_are_sound(self):
        made = child.Child("linux", self.write("vmlinuz", ""), self.write("initrd.img", ""),
                           "console=ttyS0 quiet", 4, "5G", ["nvme0", "ahci1"])
        done = self.run_it(self.write("linux.vm", made.definition()))
        self.assertEqual((done.stdout, done.stderr),
                         ("linux.vm: linux: 4 VPs, 5120 MiB, Linux vmlinuz with initrd.img, 2 disks\n", ""))

    def test_what_cannot_start_is_not_put_on_a_volume(self):
        kernel = os.path.join(self.folder, self.write("elsewhere/vmlinuz", ""))
        for vps, memory, wrong in ((0, "512M", 'linux.vm:2: vps: "0" is not a number from 1 to 240'),
                                   (500, "512M", 'linux.vm:2: vps: "500" is not a number from 1 to 240'),
                                   (-1, "512M", 'linux.vm:2: vps: "-1" is not a number from 1 to 240'),
                                   (1, "513M", "linux.vm:3: memory: 513M is not a multiple of 2 MiB: write 514M")):
            files = child.modules([child.Child("linux", kernel, vps=vps, memory=memory)], self.folder)
            with self.assertRaises(ValueError) as said:
                child.check(CHECK, files)
            self.assertEqual(str(said.exception), wrong)
        files = child.modules([child.Child("linux", kernel)], self.folder)
        child.check(CHECK, files)
        with self.assertRaisesRegex(ValueError, 'there is no "vmlinuz"'):
            child.check(CHECK, files[:1])
        with self.assertRaisesRegex(ValueError, "/none is missing"):
            child.check("/none", files)
        child.check("/none", files[1:])

    def test_sound_definition_is_described(self):
        self.write("vmlinuz", "")
        done = self.run_it(self.write("a.conf", FINE))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "a.conf: a: 1 VP, 512 MiB, Linux vmlinuz, 0 disks\n")

    def test_each_mistake_is_a_line(self):
        self.write("vmlinuz", "")
        done = self.run_it(self.write("a.conf", FINE + "\nvpz = 2\nweight = no\n"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines(), [
            'a.conf:5: unknown key "vpz": did you mean vps?',
            'a.conf:6: weight: "no" is not a number from 1 to 10000'])

    def test_files_are_looked_for_beside_the_definition(self):
        self.write("sub/vmlinuz", "")
        name = self.write("sub/a.conf", FINE)
        self.assertEqual(self.run_it(name).returncode, 0)
        done = self.run_it(self.write("b.conf", FINE))
        self.assertEqual(done.returncode, 1)
        self.assertIn('b.conf:3: kernel: there is no "vmlinuz" in .: it has ', done.stderr)

    def test_files_are_looked_for_in_dir(self):
        self.write("modules/vmlinux", "")
        done = self.run_it("--dir", "modules", self.write("a.conf", FINE))
        self.assertEqual(done.stderr,
                         'a.conf:3: kernel: there is no "vmlinuz" in modules: did you mean vmlinux?\n')

    def test_two_children_of_one_name_are_refused(self):
        self.write("vmlinuz", "")
        done = self.run_it(self.write("a.conf", FINE), self.write("b.conf", FINE))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "b.conf: the name a is also that of a.conf\n")

    def test_files_that_are_none_are_named(self):
        self.write("vmlinuz", "")
        fine = self.write("a.conf", FINE)
        os.mkdir(os.path.join(self.folder, "folder"))
        done = self.run_it("missing.conf", "folder", fine)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "missing.conf: .*\nfolder: ")
        self.assertIn("a.conf: a: ", done.stdout)
        self.assertEqual(self.run_it(self.write("big", "#" * 70000)).stderr,
                         "big:1: this is no definition: it has more than 64 KiB\n")

    def test_usage(self):
        for arguments in ((), ("--dir", "x"), ("--what", "y")):
            done = self.run_it(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage:", done.stderr)

    def test_examples_of_the_document_are_fine(self):
        with open(os.path.join(TREE, "docs", "children.md"), encoding="utf-8") as f:
            examples = re.findall(r"(?ms)^```conf\n(.*?)^```$", f.read())
        self.assertGreaterEqual(len(examples), 3)
        for number, text in enumerate(examples):
            for name in re.findall(r"(?m)^(?:kernel|initrd|multiboot|module) = (\S+)", text):
                self.write(name, "")
            done = self.run_it(self.write(f"example{number}.conf", text))
            self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    CHECK = os.path.abspath(sys.argv.pop(1))
    unittest.main()
