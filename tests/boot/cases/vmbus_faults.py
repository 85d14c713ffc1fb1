# SPDX-License-Identifier: MIT
"""Disks that fail, are slow or leave, as a child sees them: sense data, delay, and one answer each.

The toy guest disk keeps the ledger: each request that went out was answered once.
"""
import hashlib
import re
import time

from boottest import Failure, Random, Test, bad_flush, bad_sector, first_data_disk, monitor

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
    name = first_data_disk(bus)
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


def unflushed(bus, device, sense):
    """What was written cannot be made to stay."""
    name = first_data_disk(bus)
    return Test(f"vmbus-bad-flush-{bus}", qemu=[*bad_flush("bad"), "-device", device],
                commands=f"start bad disk disk={name} errors=1 ledger=1 vps=2 write={4 * MIB},"
                         f"{2 * MIB},1; wait bad 60; disks {name}",
                expect=[r"\[bad\] disk: failed offset=0 bytes=0 opcode=0x35 status=0 "
                        rf"srb=0x84 scsi=0x2 sense={sense}$",
                        rf"\[bad\] disk: sha256={hashlib.sha256(bytes(16 * MIB)).hexdigest()} ",
                        r"\[bad\] disk: errors=1$", ledger("bad"), r"^bad: ended with status 0$",
                        r", 0 flushes, 0 copied, 1 errors, ", r"^exec: 3 commands, 0 failed$"],
                forbid=[r"disk: wrote "])


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
    name = first_data_disk(bus)

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

# Slots that root serves itself, not the firmware's tables, each with a disk.
SLOTS = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
READ_MIB, WRITTEN_MIB = 64, 32  # of the disk that leaves while it is read; while it is written


DEVICES = {"nvme": "nvme,serial={name},mdts=10", "virtio": "virtio-blk-pci"}


def slot(bus, name, number, mib):
    return ["-device", f"pcie-root-port,id=slot{number},chassis={number},slot={number}",
            "-drive", f"if=none,id={name},format=raw,file.driver=null-co,file.read-zeroes=on,"
            f"file.size={mib}M",
            "-device", f"{DEVICES[bus].replace('{name}', name)},drive={name},bus=slot{number},"
            f"id={name}-disk"]


def disk_name(vm, mib):
    vm.send("disks")
    return vm.expect(rf"^((?:nvme|virtio)\d) +{mib} MiB").group(1)


def pull(vm, drive):
    """Slow down, so that requests are under way, and take the disk out."""
    monitor.ask(vm, f"block_set_io_throttle {drive} 0 0 0 4 0 0")
    time.sleep(1)
    answer = monitor.ask(vm, f"device_del {drive}-disk")
    if "Error" in answer:
        raise Failure(f"QEMU does not take the disk out: {answer}")


def check_pulled(vm, child, opcode):
    """Requests under way, of this kind, and later ones failed as they should."""
    lines = re.findall(rf"\[{child}\] disk: failed .* opcode=(\S+) status=0 srb=(\S+) scsi=(\S+) "
                       r"sense=(\S+)$", vm.text, re.MULTILINE)
    kinds = {line[1:] for line in lines}
    if kinds != {("0x84", "0x2", "5/25/00"), ("0x20", "0", "0/00/00")}:
        raise Failure(f"{child}: requests under way and later ones failed as {kinds}")
    if {line[0] for line in lines if line[1] == "0x84"} != {opcode}:
        raise Failure(f"{child}: {opcode} was not what was under way, or not only")


def remove(vm, child, mib, opcode, arguments):
    name = disk_name(vm, mib)
    vm.send(f"start {child} disk disk={name} errors=1 ledger=1 vps=2 {arguments}")
    vm.expect(rf"\[{child}\] disk: size=")
    pull(vm, child)
    vm.expect(r"pci: slot of \S+: asked to let go of what is in it$")
    vm.expect(r"(?:nvme|virtio)-\S+: was removed$")
    vm.expect(r"pci: slot of \S+: switched off$")
    vm.send(f"wait {child} 60")
    vm.expect(rf"^{child}: ended with status 0$")
    check_pulled(vm, child, opcode)
    for pattern in (rf"\[{child}\] disk: the controller's disks have changed$", ledger(child)):
        if not re.search(pattern, vm.text, re.MULTILINE):
            raise Failure(f"the console does not say {pattern!r}")
    vm.send(f"disks --hash {name}")
    vm.expect(rf"block: {name}: .* device gone$")


def removed(vm):
    vm.expect(r"^root> $|^root> \Z")
    vm.send(f"start good disk disk={disk_name(vm, 8)},ro ledger=1 forever=1")
    vm.expect(r"\[good\] disk: size=")
    remove(vm, "read", READ_MIB, "0x28", "")
    remove(vm, "written", WRITTEN_MIB, "0x2a", f"write=0,{WRITTEN_MIB * MIB},1")
    right = rf"\[good\] disk: sha256={vm.disks[0].sha256_before} bytes={8 * MIB}$"
    for _ in range(2):  # the second was begun after all that
        vm.expect(r"\[good\] disk: sha256=")
    vm.expect(ledger("good"))
    if vm.text.count("[good] disk: sha256=") != len(re.findall(right, vm.text, re.MULTILINE)):
        raise Failure("the neighbour has read something else than its disk")
    vm.send("poweroff")


def removal(name, bus):
    return Test(name, disks=[Random("nvme", 8)], script=removed, qemu=SLOTS +
                slot(bus, "read", 1, READ_MIB) + slot(bus, "written", 2, WRITTEN_MIB))


TESTS = [
    bad("nvme", "nvme,drive=bad,serial=bad,mdts=10", "3/11/00", "3/0c/00"),
    bad("ahci", "ide-hd,drive=bad,bus=ide.3", "4/44/00", "4/44/00"),
    bad("virtio", "virtio-blk-pci,drive=bad", "4/44/00", "4/44/00"),
    unflushed("nvme", "nvme,drive=bad,serial=bad,mdts=10", "3/0c/00"),
    unflushed("ahci", "ide-hd,drive=bad,bus=ide.3", "4/44/00"),
    unflushed("virtio", "virtio-blk-pci,drive=bad", "4/44/00"),
    full_queue("nvme", 2 * 63), full_queue("ahci", 32), full_queue("virtio", 2 * 63),
    Test("vmbus-4k-sectors", qemu=[
        "-drive", "if=none,id=ns0,format=raw,file.driver=null-co,file.read-zeroes=on,file.size=16M",
        "-device", "nvme,drive=ns0,serial=ns0,logical_block_size=4096,physical_block_size=4096"],
         commands="start disk disk=nvme0 vps=2 ledger=1; wait disk 60; "
                  "start b disk disk=nvme0 write=512,4096,1; wait b 60", expect=[
             r"\[disk\] disk: size=16777216 sector=4096 ",
             rf"\[disk\] disk: sha256={hashlib.sha256(bytes(16 * MIB)).hexdigest()} bytes=16777216$", ledger("disk"),
             r"\[b\] disk: what is to be written is not whole sectors of the disk$",
             r"child b: ended: it ended itself with 2$"]),
    removal("vmbus-removed-disk", "nvme"), removal("vmbus-removed-virtio", "virtio"),
]
