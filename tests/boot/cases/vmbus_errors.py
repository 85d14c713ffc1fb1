# SPDX-License-Identifier: MIT
"""What a child with a disk on VMBus gets when the disk fails, is slow, or is not like others. Each
request is answered once: the child keeps a ledger (docs/guests.md)."""
import hashlib

from boottest import Random, Test, bad_sector

MIB = 1 << 20
ZEROS = hashlib.sha256(bytes(16 * MIB)).hexdigest()
LEDGER = r"\] disk: ledger requests=(\d+) answers=\1 stray=0$"


def failing(name, disk, sense, *qemu):
    """The piece with the bad sector fails with this sense data, twice, and all others are read."""
    return Test(name, qemu=[*bad_sector("bad"), *qemu],
                commands=f"start disk disk={disk},ro vps=2 piece=65536 errors=1 ledger=1 loops=2; wait disk 60; "
                         f"start b disk disk={disk},ro; wait b 60",
                expect=[rf"\[disk\] disk: failed offset=2031616 bytes=65536 opcode=0x28 .* scsi=0x2 sense={sense}$",
                        rf"\[disk\] disk: sha256=[0-9a-f]{{64}} bytes={16 * MIB - 65536}$",
                        r"\[disk\] disk: errors=2$", r"\[disk" + LEDGER,
                        rf"\[b\] disk: failed offset=1048576 .* sense={sense}$",
                        r"child b: ended: it ended itself with 1$"])


TESTS = [
    failing("vmbus-bad-sector-nvme", "nvme0", "3/11/00", "-device", "nvme,drive=bad,serial=bad,mdts=10"),
    failing("vmbus-bad-sector-ahci", "ahci1", "4/44/00", "-device", "ide-hd,drive=bad,bus=ide.3"),
    # More requests than the disk's 32 slots, and than the controller takes from a channel.
    Test("vmbus-full-queue", disks=[Random("ahci", 16)],
         commands="start disk disk=ahci1,ro vps=3 depth=250 piece=4096 ledger=1; wait disk 90", expect=[
             r" channels=3 depth=250 piece=4096 ", r"\[disk\] disk: sha256={disk0} bytes=16777216$",
             r"\[disk" + LEDGER, r"^exec: 2 commands, 0 failed$"]),
    Test("vmbus-4k-sectors", qemu=[
        "-drive", "if=none,id=ns0,format=raw,file.driver=null-co,file.read-zeroes=on,file.size=16M",
        "-device", "nvme,drive=ns0,serial=ns0,logical_block_size=4096,physical_block_size=4096"],
         commands="start disk disk=nvme0 vps=2 ledger=1; wait disk 60; "
                  "start b disk disk=nvme0 write=512,4096,1; wait b 60", expect=[
             r"\[disk\] disk: size=16777216 sector=4096 ", rf"\[disk\] disk: sha256={ZEROS} bytes=16777216$",
             r"\[disk" + LEDGER, r"\[b\] disk: what is to be written is not whole sectors of the disk$",
             r"child b: ended: it ended itself with 2$"]),
]
