#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of tools/vmachine/firmware.py, with the firmware of this machine."""
import os
import sys
import tempfile
import unittest
import unittest.mock

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TREE, "tools"))
sys.dont_write_bytecode = True
from vmachine import firmware, qemu  # noqa: E402


def read(path):
    with open(path, "rb") as f:
        return bytearray(f.read())


def files(image):
    """{name: bytes} of what is packed in it, and the number of all files, those without a name too."""
    volumes = firmware.unpack(image)
    listed = list(firmware.named_files(volumes))
    return {name: bytes(volumes[at:at + size]) for name, at, size in listed if name}, len(listed)


class Lean(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.was, cls.count_was = files(read(qemu.OVMF_CODE))
        with tempfile.TemporaryDirectory() as build:
            path = firmware.lean(build)
            cls.same = path == qemu.OVMF_CODE
            cls.image = read(path)
        cls.now, cls.count_now = files(cls.image)

    def test_this_firmware_is_known(self):
        self.assertFalse(self.same)
        self.assertIn("Tcg2ConfigPei", self.was)  # which waits for a TPM
        self.assertIn("Shell", self.was)

    def test_only_what_no_test_needs_is_left_out(self):
        gone = self.was.keys() - self.now.keys()
        self.assertEqual(gone, {name for name in self.was if firmware.DROPPED.fullmatch(name)})
        self.assertEqual({n: self.was[n] for n in self.now}, self.now)
        self.assertEqual(self.count_now, self.count_was)

    def test_each_header_has_its_checksum(self):
        volumes = firmware.unpack(self.image)
        for _, at, _ in firmware.named_files(volumes):
            header = volumes[at:at + firmware.FILE_HEADER - 1]  # but for the state
            self.assertEqual((sum(header) - header[17]) & 0xff, 0)  # and the content's checksum

    def test_everything_else_is_as_it_was(self):
        was = read(qemu.OVMF_CODE)
        begin, end = firmware.packed_section(was)
        self.assertEqual(firmware.packed_section(self.image), (begin, end))
        self.assertEqual((self.image[:begin], self.image[end:]), (was[:begin], was[end:]))


class Unknown(unittest.TestCase):
    def test_other_firmware_is_taken_as_it_is(self):
        whole = read(qemu.OVMF_CODE)
        begin, end = firmware.packed_section(whole)
        damaged = whole[:begin] + bytes(end - begin) + whole[end:]
        for image in (b"", bytes(1 << 20), whole[:begin], damaged):
            with tempfile.TemporaryDirectory() as build:
                path = os.path.join(build, "OVMF.fd")
                with open(path, "wb") as f:
                    f.write(image)
                with unittest.mock.patch.object(qemu, "OVMF_CODE", path):
                    self.assertEqual(firmware.lean(build), path)


class Kept(unittest.TestCase):
    def test_it_is_made_once_and_again_when_it_is_outdated(self):
        with tempfile.TemporaryDirectory() as build:
            path = firmware.lean(build)
            with unittest.mock.patch.object(firmware, "make_lean", side_effect=AssertionError):
                self.assertEqual(firmware.lean(build), path)
            os.utime(path, (0, 0))
            with self.assertRaises(AssertionError), \
                    unittest.mock.patch.object(firmware, "make_lean", side_effect=AssertionError):
                firmware.lean(build)


if __name__ == "__main__":
    unittest.main()
