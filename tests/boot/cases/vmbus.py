# SPDX-License-Identifier: MIT
"""Children with disks on VMBus: what they read is what the host wrote, and the other way round."""
import os
import re
import secrets

from boottest import Blank, Failure, Mixed, Random, Test, sequence

from vmachine import disk

MIB = 1 << 20
SEED = int(os.environ.get("VERDIGRIS_SEED") or secrets.randbelow(1 << 32))
WRITE_AT, WRITE_BYTES = 40 * MIB, 2 * MIB  # in Mixed's partition of random bytes


def reads(bus, vps, **fields):
    """The child's hash is the host's; every byte came from the driver, in the child's own pages."""
    name = "nvme0" if bus == "nvme" else "ahci1"
    return Test(f"vmbus-read-{bus}-{vps}-vps", smp=2, disks=[Mixed(bus)],
                commands=f"start disk vps={vps} ledger=1; wait disk 100; disks {name}; channels",
                expect=[rf"\[disk\] disk: size=67108864 .* vps={vps} ",
                        r"\[disk\] disk: sha256={disk0} bytes=67108864$",
                        r"\[disk\] disk: ledger requests=(\d+) answers=\1 stray=0$",
                        r"^ +\d+ reads of (6553[6-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}) KiB, "
                        r"0 writes of 0 KiB, 0 errors, [1-9]\d* interrupts$",
                        r"^exec: 4 commands, 0 failed$"], **fields)


def written(seed):
    def check(vm):
        """What the child wrote is on the disk after power-off, and nothing else has changed."""
        path = vm.disks[0].path
        with open(path, "rb") as f:
            f.seek(WRITE_AT)
            if f.read(WRITE_BYTES) != sequence(seed, WRITE_AT, WRITE_BYTES):
                raise Failure(f"{path} does not hold what the child says it wrote")
        wrong = disk.check_ext4(path)
        if wrong:
            raise Failure(f"e2fsck: {wrong}")
    return check


def writes(bus, vps, **fields):
    seed = secrets.randbits(40)
    return Test(f"vmbus-write-{bus}-{vps}-vps", smp=2, disks=[Mixed(bus)],
                commands=f"start disk --write vps={vps} write={WRITE_AT},{WRITE_BYTES},{seed}; wait disk 100",
                expect=[rf"\[disk\] disk: wrote offset={WRITE_AT} bytes={WRITE_BYTES} seed={seed}$",
                        r"^exec: 2 commands, 0 failed$"], after=written(seed), **fields)


def io_stops(name, count, **fields):
    def check(vm):
        hashes = re.findall(r"disk: sha256=([0-9a-f]{64}) bytes=\d+$", vm.text, re.MULTILINE)
        if not hashes or any(h != vm.disks[0].sha256_before for h in hashes):
            raise Failure(f"the reader's hashes: {hashes}")
    return Test(name, disks=[Random("nvme", 16), Blank("ahci", 16)], memory="1G",
                modules=["tests/cycles/shell.elf", "guests/disk.elf", "guests/still.elf"],
                commands=f"io {count} {SEED}",
                expect=[rf"^io: {count} children, seed {SEED}$", r"^PASS root\.deposited_pages: ",
                        r"^PASS hypervisor\.partitions: ", r"^PASS hypervisor\.total_pages: ",
                        r"^PASS hypervisor\.virtual_processors: ", r"^PASS hypervisor\.mapped_pages: ",
                        r"^PASS hypervisor\.ports: ", r"^PASS hypervisor\.connections: ",
                        r"^PASS hypervisor\.root_pages_in_use: ", r"^PASS root\.memory_free: ",
                        r"^PASS the sibling's \d+ bytes are as they were$",
                        rf"^PASS {count} children made and ended$"], after=check, **fields)


def monitored(vm):
    """Thousands of packets went without a hypercall for each batch."""
    packets = int(re.search(r"ring    in (\d+) packets", vm.text).group(1))
    calls = int(re.search(r"^echo\.0\.exits\.hypercall +(\d+)$", vm.text, re.MULTILINE).group(1))
    if packets < 1000 or calls > 20:
        raise Failure(f"{packets} packets, {calls} hypercalls")


TESTS = [
    Test("vmbus-echo", commands="start echo --echo packets=5000; wait echo 60",
         expect=[r"\[echo\] echo: 5000 packets came back$", r"^exec: 2 commands, 0 failed$"]),
    Test("vmbus-monitored", after=monitored,
         commands="start echo --echo packets=100000000; sleep 4; channels; stats echo.0.exits.hypercall; "
                  "stop echo; wait echo 60; stats hypervisor.ports; stats hypervisor.connections",
         expect=[r"^hypervisor\.ports +0$", r"^hypervisor\.connections +0$", r"^exec: 8 commands, 0 failed$"]),
    reads("nvme", 1, group="quick"), reads("ahci", 2), reads("nvme", 4),
    writes("ahci", 1), writes("nvme", 2, group="quick"), writes("ahci", 4),
    io_stops("vmbus-stops", 100, smp=2, timeout=400),
    io_stops("vmbus-stops-1000", 1000, smp=4, timeout=3000, group="long"),
    Test("vmbus-one-writer", disks=[Random("nvme", 16)],
         commands="start a disk disk=nvme0 forever=1; start b disk disk=nvme0,ro; start c disk disk=nvme9; "
                  "stop a; wait a; start b disk disk=nvme0,ro; wait b 60",
         expect=[r"child b: disk nvme0: another child has it, and one of the two writes$",
                 r"child c: disk nvme9: there is none of that name$",
                 r"\[b\] disk: sha256={disk0} ", r"^exec: 7 commands, 2 failed$"]),
]
