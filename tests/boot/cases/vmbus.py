# SPDX-License-Identifier: MIT
"""Children with disks on VMBus: what they read is what the host wrote, and the other way round."""
import os
import re
import secrets

from boottest import (ALL_BACK, Blank, Failure, Mixed, Random, Test, first_data_disk, monitor,
                      sequence)

from vmachine import disk

MIB = 1 << 20
SEED = int(os.environ.get("VERDIGRIS_SEED") or secrets.randbelow(1 << 32))
WRITE_AT, WRITE_BYTES = 40 * MIB, 2 * MIB  # in Mixed's partition of random bytes


# What the shell says of a disk that a child has hashed: every byte was read, into the child's pages.
HASHED = (r"^ +\d+ reads of (6553[6-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}) KiB, 0 writes of 0 KiB, "
          r"0 flushes, 0 copied, 0 errors, [1-9]\d* interrupts$")


def reads(bus, vps, **fields):
    """The child's hash is the host's; every byte came from the driver, in the child's own pages; its
    channels are seen at work."""
    def script(vm):
        vm.expect(r"^root> ")
        vm.send(f"start disk vps={vps} ledger=1")
        vm.expect(rf"\[disk\] disk: size=67108864 .* vps={vps} channels={vps} ")
        vm.send("channels")
        for channel in range(vps):
            vm.expect(rf"^disk +\d+\.{channel} +storvsp +open +VP {channel}$")
            vm.expect(r"^ +I/O +\d+ requests, ")
        vm.send("wait disk 100")
        vm.expect(rf"\[disk\] disk: sha256={vm.disks[0].sha256_before} bytes=67108864$")
        vm.expect(r"\[disk\] disk: ledger requests=(\d+) answers=\1 stray=0$")
        vm.expect(r"^disk: ended with status 0$")
        vm.send(f"disks {first_data_disk(bus)}")
        vm.expect(HASHED)
        vm.send("poweroff")
    return Test(f"vmbus-read-{bus}-{vps}-vps", smp=2, disks=[Mixed(bus)], script=script, **fields)


def written(seed):
    def check(vm):
        """What the child wrote is on the disk after power-off, nothing else has changed, and that is
        what the child has hashed."""
        made = vm.disks[0]
        with open(made.before, "rb") as f:
            due = bytearray(f.read())
        due[WRITE_AT:WRITE_AT + WRITE_BYTES] = sequence(seed, WRITE_AT, WRITE_BYTES)
        with open(made.path, "rb") as f:
            if f.read() != due:
                raise Failure(f"{made.path} is not what it was and what the child wrote")
        if f"[disk] disk: sha256={made.sha256()} bytes={len(due)}\n" not in vm.text:
            raise Failure("the child has hashed something else")
        wrong = disk.check_ext4(made.path)
        if wrong:
            raise Failure(f"e2fsck: {wrong}")
    return check


def writes(bus, vps, **fields):
    seed = secrets.randbits(40)
    return Test(f"vmbus-write-{bus}-{vps}-vps", smp=2, disks=[Mixed(bus, snapshot=True)],
                commands=f"start disk --write vps={vps} ledger=1 write={WRITE_AT},{WRITE_BYTES},{seed}; "
                         f"wait disk 100; disks {first_data_disk(bus)}",
                expect=[rf"\[disk\] disk: wrote offset={WRITE_AT} bytes={WRITE_BYTES} seed={seed}$",
                        r"\[disk\] disk: ledger requests=(\d+) answers=\1 stray=0$",
                        rf"^ +\d+ reads of \d+ KiB, [1-9]\d* writes of {WRITE_BYTES // 1024} KiB, "
                        r"[1-9]\d* flushes, 0 copied, 0 errors, ",
                        r"^exec: 3 commands, 0 failed$"], after=written(seed), **fields)


READER_MIB, WRITER_MIB = 8, 16
WRITERS_BUSES = ("nvme", "ahci", "virtio")
BESIDE_READER = 80  # percent of the stops; a reader ends by itself now and then
WRITER_REQUESTS = 40  # a second: those under way last longer than it takes to stop their child
READER_REQUESTS = 200  # a second: it waits most of the time, and leaves the processors to the writers


def check_readers(vm, readers, loops):
    """Each has read all of its disk as often as it was told, each request answered once."""
    hashes = re.findall(r"\[reader\] disk: sha256=([0-9a-f]+) bytes=(\d+)$", vm.text, re.MULTILINE)
    if hashes != [(vm.disks[0].sha256_before, str(READER_MIB * MIB))] * (readers * loops):
        raise Failure(f"{readers} readers, {loops} loops each, and these hashes: {hashes}")
    even = re.findall(r"\[reader\] disk: ledger requests=(\d+) answers=\1 stray=0$", vm.text,
                      re.MULTILINE)
    if len(even) != vm.text.count("[reader] disk: ledger ") or len(even) < readers:
        raise Failure(f"of {readers} readers' ledgers, {len(even)} are even")


def io_stops(name, count, **fields):
    """So many stops that fell amidst I/O, on each bus some."""
    def script(vm):
        vm.expect(rf"^io: {count} children, seed {SEED}$")
        for i, limit in enumerate([READER_REQUESTS] + [WRITER_REQUESTS] * len(WRITERS_BUSES)):
            monitor.ask(vm, f"block_set_io_throttle disk{i + 1} 0 0 0 {limit} 0 0")
        vm.expect(r"^io: \d+ readers, ")  # of the warm-up
        stops, beside = map(int, vm.expect(r"^io: (\d+) stops, (\d+) beside a reader at work$").groups())
        amidst = [int(vm.expect(rf"^io: {bus}\d: (\d+) amidst I/O$").group(1)) for bus in WRITERS_BUSES]
        readers, loops = vm.expect(r"^io: (\d+) readers, (\d+) loops each$").groups()
        for pattern in ALL_BACK + [rf"^PASS {count} children made and ended$"]:
            vm.expect(pattern)
        check_readers(vm, int(readers), int(loops))
        if sum(amidst) != count or min(amidst) * 10 < count or beside * 100 < stops * BESIDE_READER:
            raise Failure(f"of {stops} stops, {amidst} amidst I/O, {beside} beside a reader at work")
    return Test(name, disks=[Random("nvme", READER_MIB)] + [Blank(bus, WRITER_MIB) for bus in WRITERS_BUSES],
                memory="1G", modules=["tests/cycles/shell.elf", "guests/disk.elf", "guests/still.elf"],
                commands=f"io {count} {SEED}", script=script, **fields)


def monitored(vm):
    """Thousands of packets went without a hypercall for each batch."""
    packets = int(re.search(r"ring    in (\d+) packets", vm.text).group(1))
    calls = int(re.search(r"^echo\.0\.exits\.hypercall +(\d+)$", vm.text, re.MULTILINE).group(1))
    if packets < 1000 or calls > 20:
        raise Failure(f"{packets} packets, {calls} hypercalls")


TESTS = [
    Test("vmbus-echo", commands="start echo --echo packets=5000; wait echo 60; start roam --echo vps=4; wait roam 60; "
                                "start roam --echo vps=2 vmbus=0x40001; wait roam 60",
         expect=[r"\[echo\] echo: 5000 packets came back$", r"^echo: ended with status 0$",
                 *[line for version, vps in (("50003", 4), ("40001", 2)) for line in (
                     rf"\[roam\] roam: version {version}$",
                     *[rf"\[roam\] roam: VP {vp} took [1-9]\d* packets$" for vp in range(vps)],
                     r"\[roam\] roam: 6000 packets came back, [1-9]\d turns$", r"^roam: ended with status 0$")],
                 r"^exec: 6 commands, 0 failed$"]),
    Test("vmbus-monitored", after=monitored,
         commands="start echo --echo packets=100000000; sleep 4; channels; stats echo.0.exits.hypercall; "
                  "stop echo; wait echo 60; stats hypervisor.ports; stats hypervisor.connections",
         expect=[r"^hypervisor\.ports +0$", r"^hypervisor\.connections +0$", r"^exec: 8 commands, 0 failed$"]),
    reads("nvme", 1, group="quick"), reads("ahci", 2), reads("nvme", 4), reads("virtio", 2),
    writes("ahci", 1), writes("nvme", 2, group="quick"), writes("ahci", 4), writes("virtio", 2),
    io_stops("vmbus-stops", 100, smp=2, timeout=400),
    io_stops("vmbus-stops-1000", 1000, smp=4, timeout=3000, group="long"),
]
