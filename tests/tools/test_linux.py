#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of what makes Linux children (tools/vmachine) and of what boot tests do with them."""
import base64
import gzip
import io
import os
import shutil
import sys
import tempfile
import unittest
import unittest.mock

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TREE, "tests", "boot"), os.path.join(TREE, "tools")]
from boottest import catalogue, linux, vm  # noqa: E402
from vmachine import child, disk, gpt, initramfs, kernel_modules, linux_guest, packages, qemu  # noqa: E402


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, path, content=b""):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path


class KernelModules(InFolder):
    RELEASE = "6.1.0-1-amd64"

    def module(self, path, depends="", *aliases):
        texts = ["license=GPL", "depends=" + depends, *("alias=" + a for a in aliases)]
        self.write(f"lib/modules/{self.RELEASE}/kernel/{path}.ko",
                   b"\x7fELF\0" + b"".join(t.encode() + b"\0" for t in texts) + b"code")

    def setUp(self):
        super().setUp()
        self.write(f"lib/modules/{self.RELEASE}/modules.builtin", b"kernel/crypto/built-in.ko\n")
        self.module("disk/top", "hv_bus,middle", "acpi*:X:*", "top-of-all")
        self.module("disk/middle", "hv_bus,built_in")
        self.module("bus/hv-bus")
        self.modules = kernel_modules.KernelModules(self.folder, self.RELEASE)

    def test_what_is_needed_comes_first_and_once(self):
        self.assertEqual(self.modules.closure(["top", "middle"]), ["hv_bus", "middle", "top"])

    def test_what_is_built_in_is_left_out(self):
        self.assertEqual(self.modules.closure(["built-in"]), [])
        self.assertNotIn("built_in", self.modules)

    def test_what_is_not_there_is_named(self):
        self.module("disk/broken", "nothing")
        modules = kernel_modules.KernelModules(self.folder, self.RELEASE)
        with self.assertRaisesRegex(ValueError, "no module nothing"):
            modules.closure(["broken"])

    def test_lists_are_those_of_modprobe(self):
        self.assertEqual(self.modules.dep(["hv_bus", "top"]),
                         "kernel/bus/hv-bus.ko:\n"
                         "kernel/disk/top.ko: kernel/disk/middle.ko kernel/bus/hv-bus.ko\n")
        self.assertEqual(self.modules.aliases(["top"]), "alias acpi*:X:* top\nalias top-of-all top\n")


class Archive(unittest.TestCase):
    def test_entries_are_found_with_their_folders_and_targets(self):
        file = io.BytesIO()
        archive = initramfs.Initramfs(file)
        archive.text("bin/x", "content")
        archive.link("bin/y", "x")
        archive.end()
        data, at, found = file.getvalue(), 0, []
        while at < len(data):
            fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
            name = data[at + 110:at + 110 + fields[11] - 1].decode()
            at += (110 + fields[11] + 3) & ~3
            found.append((name, oct(fields[1]), data[at:at + fields[6]]))
            at += (fields[6] + 3) & ~3
        self.assertEqual(found, [("bin", "0o40755", b""), ("bin/x", "0o100755", b"content"),
                                 ("bin/y", "0o120777", b"x"), ("TRAILER!!!", "0o0", b"")])


class Images(InFolder):
    """Of packages whose kernels and modules are empty."""

    def setUp(self):
        super().setUp()
        for flavour, package in linux_guest.FLAVOURS.items():
            modules = f"packages/{package}/lib/modules/6.1-{flavour}/"
            self.write(f"packages/{package}/boot/vmlinuz-6.1-{flavour}", flavour.encode())
            self.write(modules + "modules.builtin", b"")
            for name in linux_guest.CHILD_DRIVERS:
                self.write(modules + f"kernel/{name}.ko", b"\0depends=\0")
        self.write("packages/busybox-static/bin/busybox", b"box")
        self.guest = linux_guest.LinuxGuest(self.folder)
        self.said = io.StringIO()
        self.enterContext(unittest.mock.patch.object(linux_guest, "say", self.said.write))

    def test_a_kernel_is_that_of_its_package(self):
        with open(self.guest.kernel("cloud"), "rb") as f:
            self.assertEqual(f.read(), b"cloud")

    def test_images_are_made_once_and_when_something_is_newer(self):
        for _ in range(2):
            path = self.guest.initrd("standard")
        self.assertEqual(self.said.getvalue().count("making"), 1)
        with open(path, "rb") as f:
            first = f.read()
        later = os.path.getmtime(path) + 10
        os.utime(os.path.join(self.folder, "packages/busybox-static"), (later, later))
        with open(self.guest.initrd("standard"), "rb") as f:
            self.assertEqual(f.read(), first)
        self.assertEqual(self.said.getvalue().count("making"), 2)

    def test_what_could_not_be_made_is_not_there(self):
        os.unlink(os.path.join(self.folder, "packages/busybox-static/bin/busybox"))
        for _ in range(2):
            with self.assertRaisesRegex(ValueError, "busybox-static has no bin/busybox"):
                self.guest.initrd("cloud")
        self.assertEqual(sorted(os.listdir(self.guest.folder)), ["lock"])

    def test_a_missing_package_says_how_to_get_it(self):
        shutil.rmtree(os.path.join(self.folder, "packages/linux-image-amd64"))
        with self.assertRaisesRegex(ValueError, r"linux-image-amd64 is not there: \./verdigris setup --children"):
            self.guest.kernel("standard")

    def test_a_library_that_no_package_has_is_named(self):
        with self.assertRaisesRegex(ValueError, r"has libc\.so\.6"):
            packages.Packages(self.folder).libraries(["/bin/sh"])


class Disks(InFolder):
    def test_copies_have_the_bytes_where_they_belong_and_keep_holes(self):
        source = self.write("source")
        with open(source, "r+b") as f:
            f.truncate(8 * disk.MIB)
            f.seek(3 * disk.MIB)
            f.write(b"x" * 5000)
        with open(source, "rb") as f:
            content = f.read()
        for partitioned, offset in ((False, 0), (True, disk.MIB)):
            path = os.path.join(self.folder, "copy")
            disk.make_copy(path, source, partitioned)
            with open(path, "rb") as f:
                f.seek(offset)
                self.assertEqual(f.read(len(content)), content)
            self.assertEqual(os.path.getsize(path), len(content) + 2 * offset)
            self.assertLess(os.stat(path).st_blocks * 512, 2 * disk.MIB)

    def test_broken_file_systems_are_found_on_disks_of_both_kinds(self):
        ext4 = os.path.join(self.folder, "ext4")
        disk.make_ext4(ext4, os.path.join(TREE, "tools", "guest"), 8, "LABEL")
        for partitioned, offset in ((False, 0), (True, disk.MIB)):
            path = os.path.join(self.folder, "disk")
            disk.make_copy(path, ext4, partitioned)
            self.assertIsNone(disk.check_ext4(path, offset))
            with open(path, "r+b") as f:
                f.seek(offset + 4096)  # descriptors of groups
                f.write(bytes(range(64)))
            self.assertIn("e2fsck", disk.check_ext4(path, offset))

    def test_a_partition_has_the_size_of_its_file_system(self):
        ext4 = self.write("ext4", bytes(2 * disk.MIB))
        path = os.path.join(self.folder, "disk")
        disk.make_copy(path, ext4, True)
        with open(path, "rb") as f:
            f.seek(2 * gpt.SECTOR + 32)
            first, last = (int.from_bytes(f.read(8), "little") for _ in range(2))
        self.assertEqual((first * gpt.SECTOR, (last + 1) * gpt.SECTOR), (disk.MIB, 3 * disk.MIB))


class Children(InFolder):
    def test_a_definition_has_the_files_names_and_no_empty_keys(self):
        made = child.Child("a", "/x/vmlinuz", "", "console=ttyS0 quiet", 4, "1G", ["nvme0", "ahci1"],
                           ["switch0,vlan=9"], False)
        self.assertEqual(made.definition(), "name = a\nvps = 4\nmemory = 1G\nkernel = vmlinuz\n"
                         "cmdline = console=ttyS0 quiet\ndisk = nvme0\ndisk = ahci1\n"
                         "network = switch0,vlan=9\nconsole = com1\n"
                         "autostart = no\nrestart = never\n")

    def test_a_command_line_that_would_be_cut_is_refused(self):
        for wrong in ("a #b", "#b", "a\nname = b"):
            with self.assertRaisesRegex(ValueError, "cannot say this"):
                child.Child("a", "/x/vmlinuz", cmdline=wrong).definition()
        self.assertIn("a#b", child.Child("a", "/x/vmlinuz", cmdline="a#b").definition())

    def test_children_share_files(self):
        made = [child.Child(name, "/x/vmlinuz", "/x/initrd") for name in "ab"]
        names = [os.path.relpath(f, self.folder) for f in child.modules(made, self.folder)]
        self.assertEqual([os.path.basename(n) for n in names],
                         ["a.vm", "vmlinuz", "initrd", "b.vm"])
        with open(os.path.join(self.folder, "b.vm"), encoding="utf-8") as f:
            self.assertEqual(f.read(), made[1].definition())

    def test_two_files_of_one_name_are_refused(self):
        with self.assertRaisesRegex(ValueError, "one name"):
            child.modules([child.Child("a", "/x/same", "/y/same")], self.folder)

    def test_names_with_blanks_are_refused(self):
        with self.assertRaisesRegex(ValueError, "no blanks"):
            child.modules([child.Child("a", "/x/my kernel")], self.folder)

    def test_disks_are_numbered_by_their_bus(self):
        disks = [qemu.Disk("", bus) for bus in ("nvme", "ahci", "virtio", "nvme", "ahci")]
        self.assertEqual(child.disk_names(disks), ["nvme0", "ahci1", "virtio0", "nvme1", "ahci2"])

    def test_sizes(self):
        self.assertEqual([qemu.size_mib(t) for t in ("512", "384M", "5G")], [512, 384, 5120])
        for wrong in ("", "M", "0", "1.5G", "-1", "12K"):
            with self.assertRaisesRegex(ValueError, "is no size"):
                qemu.size_mib(wrong)


LOG = """\
[    0.000000] Hypervisor detected: Microsoft Hyper-V
[    1.000000] clocksource: Switched to clocksource hyperv_clocksource_tsc_page
[    2.000000] hv_vmbus: Vmbus version:5.3
[    2.100000] scsi host0: storvsc_host_t
[    2.200000] sd 0:0:0:0: [sda] 1048576 512-byte logical blocks: (537 MB/512 MiB)
[    2.300000] EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.
"""
BAD_LINES = """\
[    3.0] ------------[ cut here ]------------
[    3.0] WARNING: CPU: 1 PID: 7 at kernel/workqueue.c:1 worker+0x1/0x2
[    3.0] BUG: unable to handle page fault for address: ffff
[    3.0] kernel BUG at mm/slub.c:1!
[    3.0] Call Trace:
[    3.0] rcu: INFO: rcu_sched self-detected stall on CPU
[    3.0] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
[    3.0] rcu: rcu_sched kthread starved for 5250 jiffies! g1 f0x0
[    3.0] watchdog: BUG: soft lockup - CPU#0 stuck for 23s!
[    3.0] INFO: task fio:77 blocked for more than 120 seconds.
[    3.0] I/O error, dev sda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2
[    3.0] Buffer I/O error on dev sda, logical block 1, async page read
[    3.0] EXT4-fs error (device sda): ext4_lookup:1: inode #2
[    3.0] traps: sh[9] general protection fault ip:0 sp:0 error:0
[    3.0] sh[9]: segfault at 0 ip 0 sp 0 error 4 in busybox
[    3.0] unchecked MSR access error: WRMSR to 0x40000073 (tried to write 0x1)
[    3.0] hv_storvsc: Unknown symbol vmbus_open (err -2)
[    3.0] Kernel panic - not syncing: Attempted to kill init!
"""


class KernelLog(unittest.TestCase):
    def test_a_healthy_log_has_no_complaint(self):
        self.assertEqual(linux.complaints(LOG), [])
        linux.judge_log(LOG)

    def test_each_bad_line_is_a_complaint(self):
        for line in BAD_LINES.splitlines():
            self.assertEqual(linux.complaints(LOG + line + "\n"), [line])

    def test_each_missing_line_is_a_complaint(self):
        lines = LOG.splitlines(keepends=True)
        for i in range(len(lines)):
            self.assertEqual(len(linux.complaints("".join(lines[:i] + lines[i + 1:]))), 1, lines[i])

    def test_an_older_bus_is_a_complaint(self):
        with self.assertRaisesRegex(vm.Failure, "Vmbus version"):
            linux.judge_log(LOG.replace("5.3", "4.1"))

    def test_lines_in_another_order_are_a_complaint(self):
        lines = LOG.splitlines(keepends=True)
        self.assertNotEqual(linux.complaints("".join(lines[2:] + lines[:2])), [])


class FakeConsole(vm.Vm):
    """What is typed comes back, then what the child answers."""

    def __init__(self, answer):
        super().__init__([], "", [], 1)
        self.answer, self.typed = answer, []
        self._append("root> ")

    def send(self, line):
        self.typed.append(line)
        self._append(line + "\n" + self.answer)


class ChildShell(unittest.TestCase):
    def test_commands_go_through_the_console_and_their_output_comes_back(self):
        console = FakeConsole("root@child:~# echo begin-1; id -u; echo end-1 $?\nbegin-1\n0\nend-1 0\nroot> ")
        self.assertEqual(linux.ChildShell(console, "lx").run("id -u"), "0\n")
        self.assertEqual(console.typed, ["vm console lx --exec 'echo begin-1; id -u; echo end-1 $?'"])

    def test_quotes_go_into_the_other_ones(self):
        console = FakeConsole("begin-1\nx\nend-1 0\n")
        linux.ChildShell(console).run("echo 'x'")
        self.assertEqual(console.typed,
                         ["vm console linux --exec \"echo begin-1; echo 'x'; echo end-1 $?\""])

    def test_commands_without_output_are_over(self):
        console = FakeConsole("begin-1\nend-1 0\n")
        self.assertEqual(linux.ChildShell(console).run("true"), "")

    def test_a_failed_command_is_a_failure_with_its_output(self):
        console = FakeConsole("begin-1\nno such file\nend-1 2\n")
        with self.assertRaisesRegex(vm.Failure, "ended with 2:\nno such file"):
            linux.ChildShell(console).run("cat x")

    def test_each_run_waits_for_its_own_end(self):
        console = FakeConsole("begin-1\na\nend-1 0\nbegin-2\nb\nend-2 0\n")
        shell = linux.ChildShell(console)
        self.assertEqual(shell.run("x"), "a\n")
        console.answer = ""
        self.assertEqual(shell.run("y"), "b\n")

    def test_what_only_echoes_the_command_is_no_answer(self):
        with self.assertRaisesRegex(vm.Failure, "did not come in time"):
            linux.ChildShell(FakeConsole("> echo begin-1; id; echo end-1 $?\n")).run("id", timeout=0.1)

    def test_what_roots_shell_does_not_take_is_refused(self):
        for commands in ("""echo 'x' "y\"""", "x" * 500):
            with self.assertRaisesRegex(ValueError, "does not take"):
                linux.ChildShell(FakeConsole("")).run(commands)

    def test_a_log_arrives_whole_or_not_at_all(self):
        packed = base64.encodebytes(gzip.compress(LOG.encode())).decode()
        first, rest = packed.split("\n", 1)
        self.assertEqual(linux.unpacked(packed), LOG)
        self.assertEqual(linux.unpacked(f"{first}\n[    9.1] random: crng init done\n{rest}"), LOG)
        for said in (f"{first[:9]}[    9.1] random: crng init done\n{first[9:]}\n{rest}", first, rest, ""):
            self.assertIsNone(linux.unpacked(said), said)

    def test_a_log_that_does_not_arrive_is_asked_for_again(self):
        console = FakeConsole("")
        console.answer = "".join(f"begin-{i}\nnothing\nend-{i} 0\n" for i in range(1, linux.LOG_TRIES + 1))
        with self.assertRaisesRegex(vm.Failure, "does not arrive whole"):
            linux.ChildShell(console, direct=True).log()

    def test_a_linux_itself_is_typed_to_directly(self):
        console = FakeConsole("begin-1\nend-1 0\n")
        linux.ChildShell(console, direct=True).run("echo 'x'")
        self.assertEqual(console.typed, ["echo begin-1; echo 'x'; echo end-1 $?"])


class Description(unittest.TestCase):
    def test_a_direct_test_has_one_child(self):
        for count in (0, 2):
            with self.assertRaisesRegex(ValueError, "not one child"):
                catalogue.Test("x", direct=True, expect=["y"], children=[linux.LinuxChild()] * count)


if __name__ == "__main__":
    unittest.main()
