# SPDX-License-Identifier: MIT
"""EFI system partitions: a GPT disk image with one FAT file system, made without root rights.

The FAT part is mtools' work; the partition table is written here (UEFI Specification 2.10, 5.3).
"""
import os
import struct
import subprocess
import uuid
import zlib

SECTOR = 512
PARTITION_START = 2048  # sectors: 1 MiB
GPT_ENTRIES = 128
GPT_ENTRY_SIZE = 128
GPT_TABLE_SECTORS = GPT_ENTRIES * GPT_ENTRY_SIZE // SECTOR
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
MIB = 1 << 20


def _header(lba, other_lba, table_lba, last_usable, disk_guid, table_crc):
    def pack(crc):
        return struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x00010000, 92, crc, 0, lba, other_lba,
            2 + GPT_TABLE_SECTORS, last_usable, disk_guid.bytes_le, table_lba,
            GPT_ENTRIES, GPT_ENTRY_SIZE, table_crc)
    return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")


def _protective_mbr(sectors):
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1,
                        min(sectors - 1, 0xffffffff))
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def write_gpt(path, first, last, type_guid=ESP_TYPE, name="EFI system"):
    """Write a GPT with one partition of sectors first..last over the image at path."""
    sectors = os.path.getsize(path) // SECTOR
    last_usable = sectors - GPT_TABLE_SECTORS - 2
    disk_guid, part_guid = uuid.uuid4(), uuid.uuid4()
    entry = struct.pack("<16s16sQQQ72s", type_guid.bytes_le, part_guid.bytes_le, first, last, 0,
                        name.encode("utf-16-le"))
    table = entry.ljust(GPT_ENTRIES * GPT_ENTRY_SIZE, b"\0")
    crc = zlib.crc32(table)
    with open(path, "r+b") as f:
        f.write(_protective_mbr(sectors))
        f.write(_header(1, sectors - 1, 2, last_usable, disk_guid, crc))
        f.write(table)
        f.seek((sectors - 1 - GPT_TABLE_SECTORS) * SECTOR)
        f.write(table)
        f.write(_header(sectors - 1, 1, sectors - 1 - GPT_TABLE_SECTORS, last_usable, disk_guid,
                        crc))


def _mtools(*args):
    env = dict(os.environ, MTOOLS_SKIP_CHECK="1")
    subprocess.run(args, check=True, env=env, stdout=subprocess.DEVNULL)


def _fill(image, files):
    made = set()
    for target in sorted(files):
        folder = ""
        for part in target.split("/")[:-1]:
            folder += "/" + part
            if folder not in made:
                _mtools("mmd", "-i", image, "::" + folder)
                made.add(folder)
        _mtools("mcopy", "-i", image, "-m", files[target], "::/" + target)


def make(path, files, size_mib=None):
    """Make the disk image path; files maps paths on the volume ("EFI/BOOT/BOOTX64.EFI") to files
    of the host."""
    content = sum(os.path.getsize(f) for f in files.values())
    fat_mib = size_mib or max(40, content * 9 // 8 // MIB + 8)
    fat_sectors = fat_mib * MIB // SECTOR
    with open(path, "wb") as f:
        f.truncate((fat_mib + 2) * MIB)
    image = f"{path}@@{PARTITION_START * SECTOR}"
    _mtools("mformat", "-i", image, "-T", str(fat_sectors), "-F", "-v", "VERDIGRIS", "::")
    _fill(image, files)
    write_gpt(path, PARTITION_START, PARTITION_START + fat_sectors - 1)


def loader_files(images, boot_cfg, extra=None):
    """The files of a volume that boots Verdigris: the images of the folder images that exist, the
    file boot_cfg as boot.cfg, and extra, a map as in make()."""
    files = {"EFI/BOOT/BOOTX64.EFI": os.path.join(images, "hvloader.efi"),
             "EFI/verdigris/boot.cfg": boot_cfg}
    for name in ("hvax64.elf", "hvix64.elf", "root.elf"):
        if os.path.exists(os.path.join(images, name)):
            files["EFI/verdigris/" + name] = os.path.join(images, name)
    files.update(extra or {})
    return files
