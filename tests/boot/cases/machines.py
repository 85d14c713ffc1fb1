# SPDX-License-Identifier: MIT
"""Machines of all sizes: processors, memory and disks, under the hypervisor and without it."""
import re
import struct

from boottest import Blank, Failure, Mixed, Test

SEED = 20240229
MASK = (1 << 64) - 1
HASHES = [r"^{disk0}  nvme0$", r"^{disk1}  ahci1$", r"^exec: \d+ commands, 0 failed"]


def split_mix(seed, count):
    """The first outputs of SplitMix64, as rootabi/disk.h says that a disk is filled."""
    out = bytearray()
    for _ in range(count):
        seed = (seed + 0x9e3779b97f4a7c15) & MASK
        z = ((seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
        out += struct.pack("<Q", z ^ (z >> 31))
    return bytes(out)


def written_on_the_host(vm):
    for disk in vm.disks:
        with open(disk.path, "rb") as f:
            content = f.read()
        if content != split_mix(SEED, len(content) // 8):
            raise Failure(f"{disk.bus}: the host does not read what root wrote")


def hashes(name, launched, **fields):
    """Root's SHA-256 of disks with random content and an ext4 equals the host's, on both buses."""
    return Test(name, disks=[Mixed("nvme"), Mixed("ahci")], commands="disks --hash nvme0 ahci1",
                expect=[launched] + HASHES, **fields)


def writes(name, **fields):
    return Test(name, disks=[Blank("nvme", 8), Blank("ahci", 8)],
                commands=f"disks --fill {SEED} nvme0; disks --fill {SEED} ahci1; disks --hash nvme0 ahci1",
                expect=[r"^exec: 3 commands, 0 failed"], after=written_on_the_host, **fields)


def number(vm, pattern):
    found = re.search(pattern, vm.text, re.MULTILINE)
    if not found:
        raise Failure(f"the console does not say {pattern!r}")
    return int(found.group(1))


def processors_and_memory(vm):
    """Every processor is root's and has run; no page of the firmware's map is lost."""
    lps = re.findall(r"^ *\d+ +\d+ +\d+ +(\d+) +\d+  \w+", vm.text, re.MULTILINE)
    if len(lps) != number(vm, r"^machine: (\d+) processors") or "0" in lps:
        raise Failure(f"task switches of the processors: {lps}")
    kept = re.search(r"^hypervisor: keeps (\d+) KiB", vm.text, re.MULTILINE)
    kept_kib = int(kept.group(1)) if kept else 0
    total = number(vm, r"^total +(\d+) KiB")
    ram = number(vm, r"^machine: \d+ processors, (\d+) KiB of memory")
    if total + kept_kib != ram:
        raise Failure(f"root has {total} KiB, the hypervisor {kept_kib}, the machine {ram}")


def size(smp, memory, launchtype, group):
    return Test(f"root-{smp}-lps-{memory}-{launchtype}", group=group, smp=smp, memory=memory,
                launchtype=launchtype, commands="sleep 1; lps; memory",
                expect=[rf"^{smp} LPs, up", r"^exec: 3 commands, 0 failed"],
                after=processors_and_memory)


SIZES = [(smp, memory) for smp in (1, 2, 4) for memory in ("512M", "2G", "6G")]
LAUNCHED = r"^starting the hypervisor$"
BARE = r"^starting root on the bare machine$"

TESTS = [
    hashes("disks-under-hypervisor", LAUNCHED, group="quick"),
    hashes("disks-on-bare-machine", BARE, launchtype="off"),
    hashes("disks-without-svm", r"^hypervisor: not launched: the processor has neither",
           cpu="qemu64,-svm"),
    hashes("disks-without-nested-paging", r"^hypervisor: not launched: .* no nested paging",
           cpu="qemu64,+svm"),
    writes("writes-under-hypervisor"),
    writes("writes-on-bare-machine", launchtype="off"),
    Test("exec-failure-is-counted", commands="lps; nosuchcommand; lps",
         expect=[r"^exec: 3 commands, 1 failed"]),
] + [size(smp, memory, "auto", "normal") for smp, memory in SIZES] \
  + [size(smp, memory, "off", "long") for smp, memory in SIZES]
