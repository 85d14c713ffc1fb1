# SPDX-License-Identifier: MIT
"""Disks that fail, are slow or leave, as a child sees them: sense data, delay, and one answer each.

The toy guest disk keeps the ledger: each request that went out was answered once.
"""
import hashlib
import re
import time

from boottest import Failure, Random, Test, bad_sector, monitor

MIB = 1 << 20
LEDGER = r"\[{child}\] disk: ledger requests=(\d+) answers=\1 stray=0$"


def ledger(child):
    return LEDGER.replace("{child}", child)


def failed(child, offset, opcode, sense):
    """The child's line for a request of a MiB: an error, CHECK CONDITION, sense data."""
    return (rf"\[{child}\] disk: failed offset={offset} bytes={MIB} opcode={opcode} status=0 "
            rf"srb=0x84 scsi=0x2 sense={sense}$")


# ---- errors of the medium ----

def bad(bus, device, read_sense, write_sense):
    """A MiB cannot be read and another one not be written; all else can."""
    name = {"nvme": "nvme0", "ahci": "ahci1"}[bus]
    zeros = hashlib.sha256(bytes(15 * MIB)).hexdigest()
    return Test(f"vmbus-bad-sector-{bus}",
                qemu=[*bad_sector("bad", write=10000), "-device", device],
                commands=f"start bad disk disk={name} errors=1 ledger=1 vps=2 write={4 * MIB},"
                         f"{2 * MIB},1; wait bad 60; disks {name}",
                expect=[failed("bad", 4 * MIB, "0x2a", write_sense),
                        failed("bad", MIB, "0x28", read_sense),
                        rf"\[bad\] disk: sha256={zeros} bytes={15 * MIB}$",
                        r"\[bad\] disk: errors=2$", ledger("bad"),
                        r"^bad: ended with status 0$", r"^exec: 3 commands, 0 failed$"])


# ---- a device whose queue is full ----

CHANNELS = 4


def under_way(vm):
    """Requests of the child that root has not answered, over all its channels."""
    begin = len(vm.text)
    vm.send("channels")
    vm.expect(r"^root> \Z")
    counts = re.findall(r" requests, (\d+) under way", vm.text[begin:])
    return sum(int(n) for n in counts[-CHANNELS:])


def full_queue(bus, depth, **fields):
    """More requests than the device's queue holds, and the device is slow."""
    name = {"nvme": "nvme0", "ahci": "ahci1"}[bus]

    def script(vm):
        vm.expect(r"^root> $|^root> \Z")
        monitor.ask(vm, "block_set_io_throttle disk1 0 0 0 250 0 0")
        vm.send(f"start full disk disk={name},ro vps={CHANNELS} depth=256 piece=4096 ledger=1")
        vm.expect(r"\[full\] disk: size=.* channels=4 depth=256 piece=4096 ")
        most = 0
        while most <= depth:
            most = max(most, under_way(vm))
            if "[full] disk: sha256" in vm.text:
                raise Failure(f"there were never more than {most} requests under way")
        monitor.ask(vm, "block_set_io_throttle disk1 0 0 0 0 0 0")
        vm.send("wait full 60")
        vm.expect(rf"\[full\] disk: sha256={vm.disks[0].sha256_before} bytes={4 * MIB}$")
        vm.expect(ledger("full"))
        vm.expect(r"^full: ended with status 0$")
        vm.send("poweroff")
    return Test(f"vmbus-full-queue-{bus}", disks=[Random(bus, 4)], script=script,
                forbid=[r"disk: failed", r"reset$"], **fields)


# ---- a disk that leaves ----

# A slot that root serves itself, not the firmware's tables; its disk is the second NVMe disk.
SLOT = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
        "-device", "pcie-root-port,id=slot1,chassis=1,slot=1",
        "-drive", "if=none,id=pulled,format=raw,file.driver=null-co,file.read-zeroes=on,"
        "file.size=64M",
        "-device", "nvme,drive=pulled,serial=pulled,mdts=10,bus=slot1,id=pulled-disk"]


def pulled_name(vm):
    vm.send("disks")
    return vm.expect(r"^(nvme\d) +64 MiB").group(1)


def pull(vm):
    """Slow down, so that requests are under way, and take the disk out."""
    monitor.ask(vm, "block_set_io_throttle pulled 0 0 0 4 0 0")
    time.sleep(1)
    answer = monitor.ask(vm, "device_del pulled-disk")
    if "Error" in answer:
        raise Failure(f"QEMU does not take the disk out: {answer}")


def check_pulled(vm):
    lines = re.findall(r"\[pulled\] disk: failed .* srb=(\S+) scsi=(\S+) sense=(\S+)$", vm.text,
                       re.MULTILINE)
    kinds = {("0x84", "0x2", "5/25/00"), ("0x20", "0", "0/00/00")}
    if set(lines) != kinds:
        raise Failure(f"requests under way and later ones failed as {set(lines)}")


def removed(vm):
    vm.expect(r"^root> $|^root> \Z")
    name = pulled_name(vm)
    kept = "nvme0" if name == "nvme1" else "nvme1"
    vm.send(f"start pulled disk disk={name} errors=1 ledger=1 vps=2")
    vm.expect(r"\[pulled\] disk: size=")
    vm.send(f"start good disk disk={kept},ro ledger=1 loops=3")
    vm.expect(r"\[good\] disk: size=")
    pull(vm)
    vm.expect(r"pci: slot of \S+: asked to let go of what is in it$")
    vm.expect(r"nvme-\S+: was removed$")
    vm.expect(r"pci: slot of \S+: switched off$")
    for child in ("pulled", "good"):
        vm.send(f"wait {child} 60")
        vm.expect(rf"^{child}: ended with status 0$")
    check_pulled(vm)
    for pattern in (r"\[pulled\] disk: the controller's disks have changed$", ledger("pulled"),
                    ledger("good"),
                    rf"(?s)(\[good\] disk: sha256={vm.disks[0].sha256_before} .*){{3}}"):
        if not re.search(pattern, vm.text, re.MULTILINE):
            raise Failure(f"the console does not say {pattern!r}")
    vm.send(f"disks --hash {name}")
    vm.expect(rf"block: {name}: .* device gone$")
    vm.send("poweroff")


TESTS = [
    bad("nvme", "nvme,drive=bad,serial=bad,mdts=10", "3/11/00", "3/0c/00"),
    bad("ahci", "ide-hd,drive=bad,bus=ide.3", "4/44/00", "4/44/00"),
    full_queue("nvme", 2 * 63), full_queue("ahci", 32),
    Test("vmbus-4k-sectors", qemu=[
        "-drive", "if=none,id=ns0,format=raw,file.driver=null-co,file.read-zeroes=on,file.size=16M",
        "-device", "nvme,drive=ns0,serial=ns0,logical_block_size=4096,physical_block_size=4096"],
         commands="start disk disk=nvme0 vps=2 ledger=1; wait disk 60; "
                  "start b disk disk=nvme0 write=512,4096,1; wait b 60", expect=[
             r"\[disk\] disk: size=16777216 sector=4096 ",
             rf"\[disk\] disk: sha256={hashlib.sha256(bytes(16 * MIB)).hexdigest()} bytes=16777216$", ledger("disk"),
             r"\[b\] disk: what is to be written is not whole sectors of the disk$",
             r"child b: ended: it ended itself with 2$"]),
    Test("vmbus-removed-disk", disks=[Random("nvme", 8)], qemu=SLOT, script=removed),
]
