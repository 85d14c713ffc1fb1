# SPDX-License-Identifier: MIT
"""GUID partition tables (UEFI Specification 2.10, 5.3), written to image files."""
import os
import struct
import uuid
import zlib
from dataclasses import dataclass

SECTOR = 512
ENTRIES = 128
ENTRY_SIZE = 128
TABLE_SECTORS = ENTRIES * ENTRY_SIZE // SECTOR
FIRST_USABLE = 2048  # sectors: 1 MiB, as partitioning tools do
TYPE_ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
TYPE_LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


@dataclass
class Partition:
    first: int  # sector
    last: int  # sector, included
    name: str
    type: uuid.UUID = TYPE_LINUX


def _header(lba, other_lba, table_lba, last_usable, disk_guid, table_crc):
    def pack(crc):
        return struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x00010000, 92, crc, 0, lba, other_lba,
            2 + TABLE_SECTORS, last_usable, disk_guid.bytes_le, table_lba, ENTRIES, ENTRY_SIZE,
            table_crc)
    return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")


def _protective_mbr(sectors):
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1,
                        min(sectors - 1, 0xffffffff))
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def write(path, partitions):
    """Write the table over both ends of the existing image at path."""
    sectors = os.path.getsize(path) // SECTOR
    last = sectors - 1
    disk_guid = uuid.uuid4()
    table = b"".join(
        struct.pack("<16s16sQQQ72s", p.type.bytes_le, uuid.uuid4().bytes_le, p.first, p.last, 0,
                    p.name.encode("utf-16-le")) for p in partitions)
    table = table.ljust(ENTRIES * ENTRY_SIZE, b"\0")
    common = (last - TABLE_SECTORS - 1, disk_guid, zlib.crc32(table))
    with open(path, "r+b") as f:
        f.write(_protective_mbr(sectors))
        f.write(_header(1, last, 2, *common))
        f.write(table)
        f.seek((last - TABLE_SECTORS) * SECTOR)
        f.write(table)
        f.write(_header(last, 1, last - TABLE_SECTORS, *common))
