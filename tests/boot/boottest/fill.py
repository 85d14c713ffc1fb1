# SPDX-License-Identifier: MIT
"""Disks that root overwrites, and what the host must find on them afterwards."""
import hashlib
import os
import secrets
import struct

from .vm import Failure

MASK = (1 << 64) - 1
STEP = 0x9e3779b97f4a7c15
CHUNK = 1 << 17  # words hashed at a time


def _chunks(seed, size):
    """The first outputs of SplitMix64 from state seed, little-endian (rootabi/disk.h)."""
    left = size // 8
    while left:
        words = []
        for _ in range(min(left, CHUNK)):
            seed = (seed + STEP) & MASK
            z = ((seed ^ seed >> 30) * 0xbf58476d1ce4e5b9) & MASK
            z = ((z ^ z >> 27) * 0x94d049bb133111eb) & MASK
            words.append(z ^ z >> 31)
        yield struct.pack(f"<{len(words)}Q", *words)
        left -= len(words)


def sequence(seed, offset, size):
    """The bytes of a disk overwritten so, from offset on; both are multiples of 8."""
    return b"".join(_chunks((seed + offset // 8 * STEP) & MASK, size))


def _sequence_sha256(seed, size):
    digest = hashlib.sha256()
    for chunk in _chunks(seed, size):
        digest.update(chunk)
    return digest.hexdigest()


class Fill:
    """Root overwrites the disks that it calls names, each with a random sequence, and reads them.
    They are disks of the test from number first on."""

    def __init__(self, *names, first=0):
        self.first = first
        self.seeds = {name: secrets.randbits(40) for name in names}
        self.commands = "; ".join([f"disks --fill {seed} {name}" for name, seed in self.seeds.items()]
                                  + ["disks --hash " + " ".join(names)])

    def check(self, vm):
        """For Test.after: the host finds on the disks what root wrote, and root has found it too."""
        for made, (name, seed) in zip(vm.disks[self.first:], self.seeds.items()):
            expected = _sequence_sha256(seed, os.path.getsize(made.path))
            if made.sha256() != expected:
                raise Failure(f"{made.path} does not hold what root says it wrote to {name}")
            if f"\n{expected}  {name}\n" not in vm.text:
                raise Failure(f"root reads something else from {name} than it wrote")
