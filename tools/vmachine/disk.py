# SPDX-License-Identifier: MIT
"""Disk images with content for storage tests: host-random data and an ext4 of real files."""
import hashlib
import os
import subprocess

from . import gpt

MIB = 1 << 20
PART = MIB // gpt.SECTOR  # sectors of a MiB


def _program(name):
    """Of e2fsprogs, which the search path of a user may leave out."""
    path = os.path.join("/usr/sbin", name)
    return path if os.path.exists(path) else name


def ext4_command(path, folder, size_mib, label=""):
    """What makes an ext4 with the files of folder of the existing file at path. Nothing of it is left
    to be initialised when it is mounted."""
    return [_program("mke2fs"), "-q", "-F", "-t", "ext4", "-L", label, "-m", "0", "-E",
            "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0", "-d", folder, path,
            f"{size_mib}M"]


def make_ext4(path, folder, size_mib, label=""):
    make_blank(path, size_mib)
    subprocess.run(ext4_command(path, folder, size_mib, label), check=True,
                   stdout=subprocess.DEVNULL)


def _copy_sparse(source, target, offset):
    """The content of one file over that of another, from offset on; holes are left out."""
    with open(source, "rb") as read, open(target, "r+b") as write:
        at, size = 0, os.path.getsize(source)
        while at < size:
            try:
                at = os.lseek(read.fileno(), at, os.SEEK_DATA)
            except OSError:  # only a hole is left
                return
            end = os.lseek(read.fileno(), at, os.SEEK_HOLE)
            read.seek(at)
            write.seek(offset + at)
            while at < end:
                block = read.read(min(MIB, end - at))
                write.write(block)
                at += len(block)


def make_copy(path, ext4, partitioned=False):
    """A disk of the file system in the file ext4: as it is, or as the only partition of a GPT."""
    size = os.path.getsize(ext4)
    offset = MIB if partitioned else 0
    with open(path, "wb") as f:
        f.truncate(size + 2 * offset)
    _copy_sparse(ext4, path, offset)
    if partitioned:
        gpt.write(path, [gpt.Partition(PART, PART + size // gpt.SECTOR - 1, "root")])


def make_mixed(path, folder, size_mib=64):
    """A GPT disk: partition 1 an ext4 with the files of folder, partition 2 random bytes."""
    ext4_mib = size_mib // 2
    ext4 = path + ".ext4"
    make_ext4(ext4, folder, ext4_mib)
    with open(path, "wb") as disk, open(ext4, "rb") as source:
        disk.write(os.urandom(size_mib * MIB))
        disk.seek(MIB)
        disk.write(source.read())
    os.unlink(ext4)
    random_first = (1 + ext4_mib) * PART
    gpt.write(path, [gpt.Partition(PART, random_first - 1, "files"),
                     gpt.Partition(random_first, (size_mib - 1) * PART - 1, "random")])


def make_random(path, size_mib):
    """A disk without partitions, full of random bytes."""
    with open(path, "wb") as f:
        for _ in range(size_mib):
            f.write(os.urandom(MIB))


def make_blank(path, size_mib):
    """A disk of zeros."""
    with open(path, "wb") as f:
        f.truncate(size_mib * MIB)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(MIB), b""):
            digest.update(block)
    return digest.hexdigest()


def check_ext4(path, offset=MIB):
    """What e2fsck finds wrong with the ext4 at the offset of a disk, by default that of its first
    partition; or None. Changes nothing."""
    done = subprocess.run([_program("e2fsck"), "-fn", f"{path}?offset={offset}"], capture_output=True,
                          text=True, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr
