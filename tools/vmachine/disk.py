# SPDX-License-Identifier: MIT
"""Disk images with content for storage tests: host-random data and an ext4 of real files."""
import hashlib
import os
import subprocess

from . import gpt

MIB = 1 << 20
PART = MIB // gpt.SECTOR  # sectors of a MiB


def _make_ext4(path, folder, size_mib):
    mke2fs = "/usr/sbin/mke2fs" if os.path.exists("/usr/sbin/mke2fs") else "mke2fs"
    subprocess.run([mke2fs, "-q", "-F", "-t", "ext4", "-d", folder, path, f"{size_mib}M"],
                   check=True, stdout=subprocess.DEVNULL)


def make_mixed(path, folder, size_mib=64):
    """A GPT disk: partition 1 an ext4 with the files of folder, partition 2 random bytes."""
    ext4_mib = size_mib // 2
    ext4 = path + ".ext4"
    _make_ext4(ext4, folder, ext4_mib)
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


def check_ext4(path, size_mib=64):
    """What e2fsck finds wrong with the ext4 of a make_mixed() disk, or None. Changes nothing."""
    e2fsck = "/usr/sbin/e2fsck" if os.path.exists("/usr/sbin/e2fsck") else "e2fsck"
    ext4 = path + ".ext4"
    with open(path, "rb") as whole, open(ext4, "wb") as part:
        whole.seek(MIB)
        part.write(whole.read(size_mib // 2 * MIB))
    done = subprocess.run([e2fsck, "-fn", ext4], capture_output=True, text=True, check=False)
    os.unlink(ext4)
    return None if done.returncode == 0 else done.stdout + done.stderr
