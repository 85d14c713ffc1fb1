#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program behind ./verdigris check, and that the definitions in docs/ are fine; definitions that
./verdigris image puts on a volume.

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
from vmachine import child, esp  # noqa: E402

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
        done = self.run_it(self.write("a.conf", FINE + "\nvpz = 2\nweight = no\nreserve = 60%\ncap = 50%\n"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines(), [
            'a.conf:5: unknown key "vpz": did you mean vps?',
            'a.conf:6: weight: "no" is not a number from 1 to 10000',
            "a.conf:8: reserve: 60% is more than cap lets it have, 50% in line 8: raise cap or lower reserve"])

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

    def test_examples_of_the_documents_are_fine(self):
        examples = []
        for page in ("children.md", "machines.md"):
            with open(os.path.join(TREE, "docs", page), encoding="utf-8") as f:
                examples += re.findall(r"(?ms)^```conf\n(.*?)^```$", f.read())
        self.assertGreaterEqual(len(examples), 4)
        for number, text in enumerate(examples):
            for name in re.findall(r"(?m)^(?:kernel|initrd|multiboot|module) = (\S+)", text):
                self.write(name, "")
            done = self.run_it(self.write(f"example{number}.conf", text))
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class Image(unittest.TestCase):
    """tools/mkesp with images that are names only, and the real check-definition."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("images/hvloader.efi", "images/root.elf", "images/shell.elf", "images/vmms.elf",
                     "images/vmwp.elf", "mine/vmlinuz", "mine/initrd.img"):
            self.write(name, name)
        os.mkdir(os.path.join(self.folder, "tools"))
        os.symlink(CHECK, os.path.join(self.folder, "tools", "check-definition"))
        self.write("mine/linux.vm", FINE + " initrd=initrd.img # both\nautostart = yes\n")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def make(self, *arguments):
        return subprocess.run([sys.executable, os.path.join(TREE, "tools", "mkesp"), "esp.img", *arguments],
                              cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)

    def content(self, path):
        """Of a file on the volume."""
        image = f"{self.folder}/esp.img@@{esp.gpt.FIRST_USABLE * esp.gpt.SECTOR}"
        return subprocess.run(["mtype", "-i", image, "::/EFI/verdigris/" + path], check=True,
                              env=dict(os.environ, MTOOLS_SKIP_CHECK="1"), capture_output=True,
                              text=True).stdout

    def modules(self):
        prefix = "module = /EFI/verdigris/modules/"
        lines = self.content("boot.cfg").splitlines()
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]

    def test_a_child_is_on_the_volume_with_what_it_names(self):
        done = self.make("--images", "images", "--child", "mine/linux.vm")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.modules(), ["shell.elf", "vmms.elf", "vmwp.elf", "linux.vm", "vmlinuz", "initrd.img"])
        self.assertIn("autostart = yes\n", self.content("modules/linux.vm"))
        for name in ("vmlinuz", "initrd.img"):
            self.assertEqual(self.content("modules/" + name), "mine/" + name)

    def test_a_child_is_added_to_ones_own_boot_cfg(self):
        self.write("my.cfg", "smt = shared\nmodule = /a")
        done = self.make("--images", "images", "--boot-cfg", "my.cfg", "--child", "mine/linux.vm")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(self.content("boot.cfg").startswith("smt = shared\nmodule = /a\nmodule = /EFI/"))
        self.assertEqual(self.modules(), ["linux.vm", "vmlinuz", "initrd.img"])
        self.assertEqual(self.make("--images", "images", "--boot-cfg", "my.cfg").returncode, 0)
        self.assertEqual(self.content("boot.cfg"), "smt = shared\nmodule = /a")

    def assert_refused(self, wrong, *arguments):
        done = self.make(*arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(wrong, done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "esp.img")))

    def test_a_child_that_cannot_start_makes_no_image(self):
        here = ("--images", "images", "--child")
        self.write("mine/wrong.vm", FINE + "vps = 500\n")
        self.assert_refused('mine/wrong.vm:4: vps: "500" is not a number from 1 to 240', *here, "mine/wrong.vm")
        self.write("alone/linux.vm", FINE)
        self.assert_refused('alone/linux.vm:3: kernel: there is no "vmlinuz"', *here, "alone/linux.vm")
        self.write("mine/a.conf", FINE)
        self.assert_refused("mine/a.conf: root takes files for definitions whose names end with .vm",
                            *here, "mine/a.conf")
        self.write("mine/shell.elf", "")
        self.write("mine/clash.vm", FINE.replace("vmlinuz", "shell.elf"))
        self.assert_refused("would be boot modules of one name", *here, "mine/clash.vm")
        self.assert_refused("--child has no effect without --images", "--child", "mine/linux.vm")

    def test_more_modules_than_the_loader_takes_make_no_image(self):
        self.write("mine/many.vm", "name = a\nmemory = 64M\nmultiboot = vmlinuz\n" +
                   "".join(f"module = m{i}\n" for i in range(8)))
        for i in range(8):
            self.write(f"mine/m{i}", "")
        for i in range(20):
            self.write(f"images/guests/g{i}.elf", "")
        self.assert_refused("there are 33 boot modules, and the loader takes 32",
                            "--images", "images", "--child", "mine/many.vm")
        with open(os.path.join(TREE, "efi", "config.h"), encoding="utf-8") as f:
            self.assertIn(f"#define CONFIG_MODULES_MAX {esp.MODULES_MAX}\n", f.read())


if __name__ == "__main__":
    CHECK = os.path.abspath(sys.argv.pop(1))
    unittest.main()
