# SPDX-License-Identifier: MIT
"""Root's disks: NVMe, AHCI, virtio and the memory disk, on the bare machine.

What root reads is compared with what the host wrote by its hash; what root writes, by Fill.
"""
import hashlib

from boottest import Blank, Fill, Mixed, Random, Test, bad_sector

MIB = 1 << 20


def read(name, **fields):
    """Three disks as the host made them, read in requests of a MiB; the partitions of one."""
    return Test(name, launchtype="off", disks=[Mixed("nvme"), Random("ahci"), Random("virtio")],
                commands="disks --hash nvme0 virtio0 ahci1; disks ahci1; disks virtio0; "
                         "disks nvme0p1 nvme0p2", expect=[
                    r"^{disk0}  nvme0$", r"^{disk2}  virtio0$", r"^{disk1}  ahci1$",
                    r"^ +65 reads of 65536 KiB, 0 writes of 0 KiB, 0 flushes, 0 copied, 0 errors, [1-9]\d* interrupts$",
                    r"^virtio0 +64 MiB, 131072 sectors of 512 bytes, depth \d+, virtio disk verdigris3$",
                    r"^ +65 reads of 65536 KiB, 0 writes of 0 KiB, 0 flushes, 0 copied, 0 errors, [1-9]\d* interrupts$",
                    r"^nvme0p1 +32 MiB, 65536 sectors of 512 bytes",
                    r"^nvme0p2 +30 MiB, 61440 sectors of 512 bytes",
                    r"^exec: 4 commands, 0 failed$"], **fields)


def write(name, **fields):
    fill = Fill("nvme0", "ahci1", "virtio0")
    return Test(name, launchtype="off", disks=[Blank("nvme", 16), Blank("ahci", 16), Blank("virtio", 16)],
                commands=fill.commands, expect=[r"^exec: 4 commands, 0 failed$"], after=fill.check,
                **fields)


LEGACY = "disable-modern=on"


def virtio_drives(name, *devices, expect=(), **fields):
    """Disks of zeros: devices of these options, and after them one as most people give it to QEMU."""
    drive = "format=raw,file.driver=null-co,file.read-zeroes=on,file.size=16M"
    qemu = ["-drive", f"if=virtio,{drive}"]
    for i, options in enumerate(devices):
        qemu += ["-drive", f"if=none,id=vd{i},{drive}", "-device", f"virtio-blk-pci,drive=vd{i},{options}"]
    names = [f"virtio{i}" for i in range(1 + len(devices) - devices.count(LEGACY))]
    zeros = hashlib.sha256(bytes(16 * MIB)).hexdigest()
    return Test(f"storage-virtio-{name}", launchtype="off", qemu=qemu + fields.pop("qemu", []),
                commands=f"disks --fill 1 {names[0]}; disks --hash {' '.join(names)}; disks {names[0]}",
                expect=[*expect, *(rf"^{zeros}  {name}$" for name in names),
                        r" 0 copied, 0 errors, [1-9]\d* interrupts$", r"^exec: 3 commands, 0 failed$"],
                **fields)


# A controller of its own for AHCI: that of this older machine is not one.
WITHOUT_ECAM = ["-machine", "pc", "-device", "ahci,id=sata", "-drive",
                "if=none,id=zeros,format=raw,file.driver=null-co,file.read-zeroes=on,file.size=16M",
                "-device", "ide-hd,drive=zeros,bus=sata.0"]

TESTS = [
    read("storage-read", group="quick", smp=4),
    read("storage-read-smp1", smp=1, memory="6G"),
    write("storage-write", group="quick", smp=1),
    write("storage-write-smp4", smp=4, memory="6G"),
    Test("storage-bad-sector", launchtype="off", qemu=[
        *bad_sector("bad0"), "-device", "nvme,drive=bad0,serial=bad0,mdts=10",
        *bad_sector("bad1"), "-device", "ide-hd,drive=bad1,bus=ide.3",
        *bad_sector("bad2"), "-device", "virtio-blk-pci,drive=bad2",
    ], commands="disks --hash nvme0; disks --hash ahci1; disks --hash virtio0; disks --hash mem0", expect=[
        r"block: nvme0: 2048 sectors at 2048: medium error$", r"^nvme0: ",
        r"block: ahci1: 2048 sectors at 2048: device error$", r"^ahci1: ",
        r"virtio-\S+: virtio0: operation 0 at sector 2048 fails with status 1$",
        r"block: virtio0: 2048 sectors at 2048: device error$", r"^virtio0: ",
        r"^" + hashlib.sha256(bytes(16 * MIB)).hexdigest() + "  mem0$",
        r"^exec: 4 commands, 3 failed$"]),
    Test("storage-4k-sectors", launchtype="off", disks=[Random("ahci", 8)], qemu=[
        "-drive", "if=none,id=ns0,format=raw,file.driver=null-co,file.read-zeroes=on,"
        "file.size=16M", "-device",
        "nvme,drive=ns0,serial=ns0,logical_block_size=4096,physical_block_size=4096",
        "-drive", "if=none,id=vd0,format=raw,file.driver=null-co,file.read-zeroes=on,file.size=16M",
        "-device", "virtio-blk-pci,drive=vd0,logical_block_size=4096,physical_block_size=4096",
    ], commands="disks nvme0; disks --fill 1 nvme0; disks --hash nvme0 ahci1; disks virtio0; "
                "disks --fill 1 virtio0; disks --hash virtio0", expect=[
        r"^nvme0 +16 MiB, 4096 sectors of 4096 bytes",
        r"^nvme0: 16777216 bytes written$",
        r"^" + hashlib.sha256(bytes(16 * MIB)).hexdigest() + "  nvme0$", r"^{disk0}  ahci1$",
        r"^virtio0 +16 MiB, 4096 sectors of 4096 bytes", r"^virtio0: 16777216 bytes written$",
        r"^" + hashlib.sha256(bytes(16 * MIB)).hexdigest() + "  virtio0$",
        r"^exec: 6 commands, 0 failed$"]),
    Test("storage-pci-by-ports", disks=[Mixed("nvme")], qemu=WITHOUT_ECAM,
         commands="disks; disks --hash nvme0 ahci0; disks nvme0", expect=[
             r"pci: no MCFG, using ports$", r"^{disk0}  nvme0$",
             r"^" + hashlib.sha256(bytes(16 * MIB)).hexdigest() + "  ahci0$",
             r"0 errors, [1-9]\d* interrupts$", r"^exec: 3 commands, 0 failed$"]),
    # On a PC of 1996 as on a Q35. Without indirect descriptors and event indices; with a short queue
    # and limits of its own; and one for which there is no driver.
    virtio_drives("pc", "serial=abc,num-queues=1", qemu=["-machine", "pc"], smp=1, expect=[
        r"virtio-\S+: 1 queues, requests of up to 254 pieces$",
        r"block: virtio0: virtio disk, serial abc, 32768 sectors of 512 bytes, queue depth 63$",
        r"block: virtio1: virtio disk, serial , "]),
    virtio_drives("features", "indirect_desc=off,event_idx=off", "queue-size=16,num-queues=3", LEGACY,
                  smp=4, expect=[
                      r"virtio-\S+: 4 queues, requests of up to 30 pieces$",
                      r"virtio-\S+: 3 queues, requests of up to 14 pieces$",
                      r"virtio-\S+: has the legacy interface of virtio only, which is not supported$",
                      r"virtio-\S+: 4 queues, requests of up to 254 pieces$"]),
    # No disk but virtio, in the machine that QEMU makes unless told.
    Test("storage-virtio-only", disks=[Random("virtio", 16)], esp_bus="virtio", qemu=["-machine", "pc"],
         commands="disks --hash virtio1; disks virtio0p1",
         expect=[r"root: launched by hypervisor$", r"^{disk0}  virtio1$", r"^virtio0p1 ",
                 r"^exec: 2 commands, 0 failed$"], forbid=[r"block: (nvme|ahci)"]),
    Test("storage-memdisk", launchtype="off", options={"memdisk": "40M"},
         commands="disks --hash mem0; disks mem0; disks --read mem0; disks mem0", expect=[
             r"^" + hashlib.sha256(bytes(40 * MIB)).hexdigest() + "  mem0$",
             r"^mem0 +40 MiB, 81920 sectors of 512 bytes, depth 256, memory disk mem0$",
             r"^mem0: 41943040 bytes read in [1-9]\d* ns$", r"^ +\d+ reads of 819\d\d KiB,",
             r"^exec: 4 commands, 0 failed$"]),
]
