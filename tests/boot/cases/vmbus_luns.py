# SPDX-License-Identifier: MIT
"""A child with three disks: one it writes past the cache, one it may only read, one it gives up in part. And
children that speak older versions of the bus."""
import hashlib
import os
import re
import secrets

from boottest import Failure, Mixed, Random, Test, monitor, sequence

MIB = 1 << 20
FORCED_AT, FORCED_PIECES, PIECE = 2 * MIB, 16, 65536
UNMAPPED_AT, UNMAPPED_BYTES = 3 * MIB, 2 * MIB
PARTITION_AT, PARTITION_BYTES = 13 * MIB, 10 * MIB  # of Mixed's random bytes, in 24 MiB
OLD_VERSIONS = ("20004", "30000", "40000", "40001", "50000", "50001", "50002")
LUNS = "disk=virtio0 disk=ahci1p2,ro disk=nvme0"


def flushes(vm, drive):
    """That the emulator was asked for."""
    return int(re.search(rf"^{drive}:.* flush_operations=(\d+) ", monitor.ask(vm, "info blockstats"),
                         re.MULTILINE).group(1))


def run_lun(vm, lun, arguments, expect):
    vm.send(f"start luns disk {LUNS} vps=2 ledger=1 lun={lun} {arguments}")
    for pattern in [*expect, r"\[luns\] disk: ledger requests=(\d+) answers=\1 stray=0$",
                    r"\[luns\] disk: done$"]:
        vm.expect(pattern)
    vm.send("wait luns 60")
    vm.expect(r"^luns: ended with status 0$")


def write_forced(vm, seed):
    """A device that cannot write past its cache is asked to flush it after each write."""
    before = flushes(vm, "disk3")
    written = FORCED_PIECES * PIECE
    run_lun(vm, 0, f"write={FORCED_AT},{written},{seed} forced=1 piece={PIECE}",
            [rf"\[luns\] disk: wrote offset={FORCED_AT} bytes={written} seed={seed}$"])
    made = flushes(vm, "disk3") - before
    if made != FORCED_PIECES:
        raise Failure(f"{FORCED_PIECES} forced writes, {made} flushes")


def write_protected(vm):
    """A partition that it may only read."""
    with open(vm.disks[1].path, "rb") as f:
        f.seek(PARTITION_AT)
        due = hashlib.sha256(f.read(PARTITION_BYTES)).hexdigest()
    run_lun(vm, 1, f"write=0,{2 * PIECE},1 piece={PIECE} errors=1", [
        rf"\[luns\] disk: size={PARTITION_BYTES} ",
        rf"\[luns\] disk: failed offset=(?:0|{PIECE}) bytes={PIECE} opcode=0x[28]a status=0 srb=0x84 "
        r"scsi=0x2 sense=7/27/00$", rf"\[luns\] disk: sha256={due} bytes={PARTITION_BYTES}$",
        r"\[luns\] disk: errors=2$"])


def unmap(vm):
    run_lun(vm, 2, f"unmap={UNMAPPED_AT},{UNMAPPED_BYTES}",
            [rf"\[luns\] disk: unmapped offset={UNMAPPED_AT} bytes={UNMAPPED_BYTES}$"])


def same_but(made, at, content):
    """The disk is what it was, but for this."""
    with open(made.before, "rb") as before, open(made.path, "rb") as now:
        due = bytearray(before.read())
        due[at:at + len(content)] = content
        if now.read() != due:
            raise Failure(f"{made.path} is not what it should be now")


def one_writer(vm):
    """Of two children at a time."""
    for line in ("start a disk disk=nvme0 forever=1", "start b disk disk=nvme0,ro",
                 "start c disk disk=nvme9", "stop a", "wait a", "start b disk disk=nvme0,ro", "wait b 60"):
        vm.send(line)
    for pattern in (r"child b: disk nvme0: another child has it, and one of the two writes$",
                    r"child c: disk nvme9: there is none of that name$",
                    rf"\[b\] disk: sha256={vm.disks[0].sha256_before} ", r"^b: ended with status 0$"):
        vm.expect(pattern)


def old_versions(vm):
    """Each version is what they agree upon, and the disk is read over two channels."""
    for version in OLD_VERSIONS:
        vm.send(f"start old disk disk=nvme0,ro vps=2 ledger=1 vmbus=0x{version}")
        vm.expect(rf"\[old\] disk: size=\d+ sector=512 vps=2 channels=2 .* version={version}/602$")
        vm.expect(rf"\[old\] disk: sha256={vm.disks[0].sha256_before} bytes={8 * MIB}$")
        vm.expect(r"\[old\] disk: ledger requests=(\d+) answers=\1 stray=0$")
        vm.send("wait old 60")
        vm.expect(r"^old: ended with status 0$")


def many_disks():
    seed = secrets.randbits(40)

    def script(vm):
        vm.expect(r"^root> ")
        one_writer(vm)
        old_versions(vm)
        write_forced(vm, seed)
        write_protected(vm)
        unmap(vm)
        vm.send("poweroff")

    def after(vm):
        discarded, partitioned, written = vm.disks
        same_but(written, FORCED_AT, sequence(seed, FORCED_AT, FORCED_PIECES * PIECE))
        same_but(partitioned, 0, b"")
        same_but(discarded, UNMAPPED_AT, bytes(UNMAPPED_BYTES))
        with open(discarded.path, "rb") as f:
            if os.lseek(f.fileno(), UNMAPPED_AT, os.SEEK_DATA) != UNMAPPED_AT + UNMAPPED_BYTES:
                raise Failure("what the child gave up is not a hole")
    return Test("vmbus-disks", script=script, after=after, disks=[
        Random("nvme", 8, snapshot=True, discard=True), Mixed("ahci", 24, snapshot=True),
        Random("virtio", 8, snapshot=True)])


TESTS = [many_disks()]
