# SPDX-License-Identifier: MIT
"""Disks of a test: made fresh for each run, in the test's folder."""
import os
import shutil
from dataclasses import dataclass

from vmachine import debian_guest, disk, linux_guest, qemu


@dataclass
class Mixed:
    """A GPT with an ext4 of this tree's files and a partition of random bytes."""
    bus: str = "nvme"
    size_mib: int = 64
    snapshot: bool = False  # Made.before is wanted

    def make(self, path, tree):
        disk.make_mixed(path, os.path.join(tree, "lib"), self.size_mib)


@dataclass
class Random:
    """Random bytes, no partitions."""
    bus: str = "nvme"
    size_mib: int = 64
    snapshot: bool = False
    discard: bool = False  # what is discarded becomes a hole in the file

    def make(self, path, _tree):
        disk.make_random(path, self.size_mib)


@dataclass
class Blank:
    """Zeros."""
    bus: str = "nvme"
    size_mib: int = 64

    def make(self, path, _tree):
        disk.make_blank(path, self.size_mib)


@dataclass
class Program:
    """A program of images/tests/linux for a Linux child: the disk begins with it, and has nothing else."""
    name: str
    bus: str = "virtio"

    def make(self, path, tree):
        shutil.copyfile(os.path.join(tree, "build", "gcc", "images", "tests", "linux", self.name), path)
        os.truncate(path, disk.MIB)


@dataclass
class LinuxDisk:
    """The root disk of a Linux child, bare or as the only partition of a GPT."""
    bus: str = "nvme"
    partitioned: bool = False
    debian: bool = False  # with systemd; takes minutes to make the first time
    hashed = False  # half a GiB, which the child writes to

    def make(self, path, tree):
        guest = linux_guest.LinuxGuest(os.path.join(tree, "build"))
        root = debian_guest.root_disk(guest) if self.debian else guest.root_disk()
        disk.make_copy(path, root, self.partitioned)

    @property
    def ext4_offset(self):
        return disk.MIB if self.partitioned else 0


@dataclass
class Made:
    """A disk that is there: its file, and what it contained before the start."""
    path: str
    bus: str
    sha256_before: str
    ext4_offset: int = disk.MIB
    before: str = ""  # a copy of what it contained
    discard: bool = False

    def sha256(self):
        """Of the content now."""
        return disk.sha256(self.path)

    def attach(self):
        return qemu.Disk(self.path, self.bus, discard=self.discard)

    def check_ext4(self):
        """What e2fsck finds wrong with the file system now, or None."""
        return disk.check_ext4(self.path, self.ext4_offset)


def make_all(descriptions, folder, tree):
    made = []
    for i, description in enumerate(descriptions):
        path = os.path.join(folder, f"disk{i}.img")
        description.make(path, tree)
        before = disk.sha256(path) if getattr(description, "hashed", True) else "not hashed"
        made.append(Made(path, description.bus, before,
                         getattr(description, "ext4_offset", disk.MIB),
                         discard=getattr(description, "discard", False)))
        if getattr(description, "snapshot", False):
            made[-1].before = os.path.join(folder, f"before{i}.img")
            shutil.copyfile(path, made[-1].before)
    return made


def _failing(drive, rules):
    """QEMU options for a drive of 16 MiB of zeros with errors. What is written is forgotten."""
    errors = "".join(f",file.inject-error.{i}.errno=5,file.inject-error.{i}.{key}={value}"
                     for i, rule in enumerate(rules) for key, value in rule.items())
    return ["-drive", f"if=none,id={drive},format=raw,file.driver=blkdebug,"
            "file.image.driver=null-co,file.image.read-zeroes=on,file.image.size=16M" + errors]


def bad_sector(drive, write=None):
    """Reads of sector 4000 fail, for ever, and writes of the sector write."""
    rules = [{"event": "read_aio", "sector": 4000}]
    if write is not None:
        rules.append({"event": "write_aio", "sector": write})
    return _failing(drive, rules)


def bad_flush(drive):
    """Flushes fail, and nothing else."""
    return _failing(drive, [{"event": "flush_to_disk", "iotype": "flush"}])
