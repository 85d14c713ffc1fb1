# SPDX-License-Identifier: MIT
"""Machines of all sizes: processors, memory and disks, under the hypervisor and without it."""
import re

from boottest import Blank, Failure, Fill, Mixed, Test


def disks(name, loader, launch, **fields):
    """Root's SHA-256 of disks with random content and an ext4 equals the host's, on both buses, and
    what root writes is on the disks when the machine is off. Loader and root say what runs root."""
    fill = Fill("nvme1", "ahci2", first=2)
    return Test(name, disks=[Mixed("nvme"), Mixed("ahci"), Blank("nvme", 8), Blank("ahci", 8)],
                commands="disks --hash nvme0 ahci1; " + fill.commands,
                expect=[loader, rf"root: launched by {launch}$", r"^{disk0}  nvme0$",
                        r"^{disk1}  ahci1$", r"^exec: 4 commands, 0 failed$"],
                after=fill.check, **fields)


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
    disks("disks-under-hypervisor", LAUNCHED, "hypervisor", group="quick"),
    disks("disks-on-bare-machine", BARE, "bare machine, because boot.cfg says so", launchtype="off"),
    disks("disks-without-svm", r"^hypervisor: not launched: the processor has neither .*SVM",
          "bare machine, because the processor has no SVM or VMX", cpu="qemu64,-svm"),
    disks("disks-without-nested-paging", r"^hypervisor: not launched: .* no nested paging",
          "bare machine, because the processor has no nested paging", cpu="qemu64,+svm"),
    Test("exec-failure-is-counted", commands="lps; nosuchcommand; lps",
         expect=[r"^exec: 3 commands, 1 failed"]),
] + [size(smp, memory, "auto", "normal") for smp, memory in SIZES] \
  + [size(smp, memory, "off", "long") for smp, memory in SIZES]
