# SPDX-License-Identifier: MIT
"""Machines of all sizes: processors, memory and disks, under the hypervisor and without it."""
import re

from boottest import Blank, Failure, Fill, Mixed, Random, Test, every_vp_once, hello_lines


def disks(name, loader, launch, **fields):
    """Root's SHA-256 of disks with random content and an ext4 equals the host's, on each bus, and
    what root writes is on the disks when the machine is off. Loader and root say what runs root."""
    fill = Fill("nvme1", "ahci2", "virtio1", first=3)
    return Test(name, disks=[Mixed("nvme"), Mixed("ahci"), Random("virtio", 16), Blank("nvme", 8),
                             Blank("ahci", 8), Blank("virtio", 8)],
                commands="disks --hash nvme0 virtio0 ahci1; " + fill.commands,
                expect=[loader, rf"root: launched by {launch}$", r"^{disk0}  nvme0$",
                        r"^{disk2}  virtio0$", r"^{disk1}  ahci1$", r"^exec: 5 commands, 0 failed$"],
                after=fill.check, **fields)


def number(vm, pattern):
    found = re.search(pattern, vm.text, re.MULTILINE)
    if not found:
        raise Failure(f"the console does not say {pattern!r}")
    return int(found.group(1))


def processors_and_memory(vm):
    """Every processor is root's and has run, be it only interrupt handlers: a machine of four has
    nothing for the last one to do, mostly. No page of the firmware's map is lost."""
    lps = re.findall(r"^ *\d+ +\d+ +\d+ +(\d+) +(\d+)  \w+", vm.text, re.MULTILINE)
    if len(lps) != number(vm, r"^machine: (\d+) processors") or ("0", "0") in lps:
        raise Failure(f"task switches and interrupts of the processors: {lps}")
    kept = re.search(r"^hv: (\d+) KiB of memory kept", vm.text, re.MULTILINE)
    kept_kib = int(kept.group(1)) if kept else 0
    total = number(vm, r"^total +(\d+) KiB")
    ram = number(vm, r"^machine: \d+ processors, (\d+) KiB of memory")
    if total + kept_kib != ram:
        raise Failure(f"root has {total} KiB, the hypervisor {kept_kib}, the machine {ram}")


def root_and_child_everywhere(vm):
    """As above, and by the hypervisor's accounts root and a child have run on every LP."""
    processors_and_memory(vm)
    every_vp_once(vm)
    times = re.findall(r", root (\d+) us, children (\d+) us$", vm.text, re.MULTILINE)
    if len(times) != number(vm, r"^hv: (\d+) LPs") or any("0" in pair for pair in times):
        raise Failure(f"run times of root and children on each LP: {times}")


def bare_size(smp, memory):
    return Test(f"root-{smp}-lps-{memory}-off", group="long", smp=smp, memory=memory,
                launchtype="off", commands="sleep 1; lps; memory",
                expect=[rf"^{smp} LPs, up", r"^exec: 3 commands, 0 failed"],
                after=processors_and_memory)


def size(smp, memory, apic, group):
    """Children with a VP for each LP: hello counts them, spin keeps all of them busy at once, for
    long enough that a host which runs one LP after the other has come to each."""
    return Test(f"size-{smp}-lps-{memory}-apic-{apic}", group=group, smp=smp, memory=memory,
                commands=f"start hello vps={smp} apic={apic} nonce={{nonce}}; wait hello; "
                         f"start spin vps={smp} apic={apic} rounds=1000000000; sleep 2; lps; "
                         f"stop spin; memory",
                expect=hello_lines(smp) + [rf"^{smp} LPs, up", r"^exec: 7 commands, 0 failed"],
                after=root_and_child_everywhere, timeout=180)


# All pairs of processors, memory and the child's APIC mode; the rest of the product is long.
CPUS, MEMORIES, APICS = (1, 2, 4), ("512M", "2G", "6G"), ("x", "x2")
PRODUCT = [(smp, memory, apic) for smp in CPUS for memory in MEMORIES for apic in APICS]


def in_pairs(smp, memory, apic):
    return (CPUS.index(smp) + MEMORIES.index(memory) + APICS.index(apic)) % 2 == 0


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
] + [size(*of, group="normal" if in_pairs(*of) else "long") for of in PRODUCT] \
  + [bare_size(smp, memory) for smp in CPUS for memory in MEMORIES]
