#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of ./verdigris: a copy of it in an empty folder, with fakes of what it calls."""
import os
import shutil
import subprocess
import tempfile
import unittest

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
COMMANDS = ("setup", "build", "run", "test", "bench", "image", "gdb", "check", "clean")
INSTALL = "sudo apt-get update && sudo apt-get install -y --no-install-recommends "


class FrontEnd(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.bin = os.path.join(self.folder, "bin")
        os.mkdir(self.bin)
        shutil.copy(os.path.join(TREE, "verdigris"), self.folder)
        shutil.copytree(os.path.join(TREE, "tools"), os.path.join(self.folder, "tools"))

    def fake(self, name, script, folder="bin"):
        path = os.path.join(self.folder, folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def fake_packages(self, *missing):
        """dpkg knows all packages but these, and apt-get writes down what it is asked for."""
        cases = "".join(f"*{name}) exit 1;;\n" for name in missing)
        self.fake("dpkg-query", f'case "$*" in\n{cases}*) echo install ok installed;;\nesac')
        self.fake("apt-get", f'echo "$*" >>{self.folder}/installed')

    def run_it(self, *arguments, path=None, cwd=None):
        return subprocess.run([os.path.join(self.folder, "verdigris"), *arguments], cwd=cwd,
                              env={**os.environ, "PATH": path or f"{self.bin}:{os.environ['PATH']}"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def installed(self):
        path = os.path.join(self.folder, "installed")
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as f:
            return f.read().splitlines()

    def test_each_command_has_help(self):
        self.fake_packages("cmake")  # help needs nothing
        for command in COMMANDS:
            for option in ("--help", "-h"):
                done = self.run_it(command, option)
                self.assertEqual(done.returncode, 0, command)
                self.assertTrue(done.stdout.startswith(f"usage: ./verdigris {command}"), done.stdout)
        self.assertEqual(self.installed(), [])

    def test_each_command_has_help_without_python(self):
        path = os.path.join(self.folder, "minimal")
        os.mkdir(path)
        for name in ("cat", "dirname", "sed"):
            os.symlink(shutil.which(name), os.path.join(path, name))
        for command in COMMANDS:
            done = self.run_it(command, "--help", path=path)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            self.assertTrue(done.stdout.startswith(f"usage: ./verdigris {command}"), done.stdout)
            self.assertGreater(done.stdout.count("\n"), 2, done.stdout)

    def test_file_names_are_relative_to_the_caller(self):
        self.fake_packages()
        self.fake("cmake", "exit 0")
        for tool in ("run-qemu", "mkesp"):
            self.fake(tool, 'echo "in $(pwd)"; printf "%s\\n" "$@"', folder="tools")
        here = os.path.join(self.folder, "else where")
        os.mkdir(here)
        done = self.run_it("run", "--disk", "d.img", cwd=here)
        self.assertEqual(done.stdout.splitlines()[-3:], [f"in {here}", "--disk", "d.img"])
        images = os.path.join(self.folder, "build/gcc/images")
        done = self.run_it("image", "out.img", "--boot-cfg", "x.cfg", cwd=here)
        self.assertEqual(done.stdout.splitlines()[1:], [
            f"in {here}", "out.img", "--images", images, "--boot-cfg", "x.cfg", "image: out.img"])

    def test_check_hands_files_to_the_program(self):
        self.fake_packages()
        self.fake("cmake", "exit 0")
        os.makedirs(os.path.join(self.folder, "build/gcc/tools"))
        self.fake("check-definition", 'echo "in $(pwd)"; printf "%s\\n" "$@"; exit 1',
                  folder="build/gcc/tools")
        here = os.path.join(self.folder, "else where")
        os.mkdir(here)
        done = self.run_it("check", "--dir", "d", "a child.conf", cwd=here)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines(), [f"in {here}", "--dir", "d", "a child.conf"])

    def test_help_names_each_command(self):
        text = self.run_it("--help").stdout
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)^  {command} ")

    def test_unknown_command_is_refused(self):
        done = self.run_it("bild")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no command is called bild", done.stderr)

    def test_setup_with_nothing_missing_does_nothing(self):
        self.fake_packages()
        for _ in range(2):
            done = self.run_it("setup")
            self.assertEqual((done.returncode, done.stdout), (0, "setup: nothing is missing\n"))
        self.assertEqual(self.installed(), [])

    def test_setup_installs_what_is_missing(self):
        self.fake_packages("nasm", "ovmf")
        self.fake("id", "echo 0")
        self.assertEqual(self.run_it("setup").returncode, 0)
        self.assertEqual(self.installed(), [
            "-q update", "-q install -y --no-install-recommends nasm ovmf"])

    def test_setup_without_root_rights_prints_one_command(self):
        self.fake_packages("nasm", "ovmf")
        self.fake("id", "echo 1000")
        done = self.run_it("setup")
        self.assertEqual(done.returncode, 1)
        commands = [line.strip() for line in done.stdout.splitlines() if "apt-get" in line]
        self.assertEqual(commands, [INSTALL + "nasm ovmf"])
        self.assertEqual(self.installed(), [])

    def fake_downloads(self):
        """apt-get makes packages, and dpkg-deb unpacks them to a file with their names."""
        self.fake("apt-get", f'''echo "$*" >>{self.folder}/installed
            while [ "${{1:-}}" ] && [ "$1" != download ]; do shift; done
            [ $# -eq 0 ] || shift
            for name in "$@"; do touch "${{name}}_1_amd64.deb"; done''')
        self.fake("apt-cache", "printf '%s\\n  Depends: linux-image-6.1-amd64\\n' \"$2\"")
        self.fake("dpkg-deb", 'basename "$2" >"$3/content"')
        self.fake("id", "echo 1000")

    def test_packages_of_children_are_unpacked_and_not_installed(self):
        self.fake_packages()
        self.fake_downloads()
        done = self.run_it("setup", "--children")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^setup: downloading into build/packages, not installing:$")
        self.assertRegex(done.stdout, r"(?m)^  fio: ")
        for name, package in (("fio", "fio"), ("linux-image-amd64", "linux-image-6.1-amd64"), ("libc6", "libc6")):
            with open(os.path.join(self.folder, "build/packages", name, "content"), encoding="ascii") as f:
                self.assertEqual(f.read(), package + "_1_amd64.deb\n")
        self.assertEqual([line for line in self.installed() if "install " in line], [])
        self.assertEqual(len(self.installed()), 1)

    def test_packages_of_children_are_downloaded_once(self):
        self.fake_packages()
        self.fake_downloads()
        self.run_it("setup", "--children")
        shutil.rmtree(os.path.join(self.folder, "build/packages/fio"))
        self.assertEqual(self.run_it("setup", "--children").returncode, 0)
        self.assertEqual(self.run_it("setup", "--children").returncode, 0)
        self.assertEqual([line.split("download ")[1] for line in self.installed()[1:]], ["fio"])

    def test_a_failed_download_is_told_and_leaves_no_package(self):
        self.fake_packages()
        self.fake_downloads()
        self.fake("apt-get", "exit 100")
        self.assertNotEqual(self.run_it("setup", "--children").returncode, 0)
        self.assertEqual(os.listdir(os.path.join(self.folder, "build/packages")), [])

    def test_tests_of_a_linux_have_its_packages_downloaded(self):
        self.fake_packages()
        self.fake_downloads()
        self.fake("run-tests", "exit 0", folder="tools")
        for words in (["test", "--quick"], ["test", "shell-*"]):
            self.run_it(*words)
            self.assertEqual(self.installed(), [], words)
        for words in (["test"], ["test", "--long"], ["test", "linux-*"]):
            self.run_it(*words)
            self.assertEqual(len(self.installed()), 1, words)
            os.unlink(os.path.join(self.folder, "installed"))
            shutil.rmtree(os.path.join(self.folder, "build/packages"))

    def test_build_without_packages_stops_at_setup(self):
        self.fake_packages("cmake")
        self.fake("id", "echo 1000")
        done = self.run_it("build")
        self.assertEqual(done.returncode, 1)
        self.assertIn(INSTALL + "cmake", done.stdout)

    def test_clean_removes_what_was_made(self):
        os.makedirs(os.path.join(self.folder, "build", "gcc"))
        for _ in range(2):
            self.assertEqual(self.run_it("clean").returncode, 0)
            self.assertFalse(os.path.exists(os.path.join(self.folder, "build")))


if __name__ == "__main__":
    unittest.main()
