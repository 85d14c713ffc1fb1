# SPDX-License-Identifier: MIT
"""Firmware for machines that are started often: OVMF without drivers that none of them needs.

Where a machine has no TPM, OVMF waits 1.5 s for it at each start, in 50,000 steps of 30 us: under
-icount nine tenths of what the emulator does until the loader starts. Then it unpacks a shell and a
network stack for nobody. The formats are those of the UEFI PI specification, volume 3."""
import lzma
import os
import re
import struct
import tempfile
import threading
import uuid

from . import qemu

DROPPED = re.compile(
    "Tcg(2|2Config|2Platform|)(Pei|Dxe)|SecureBootConfigDxe|Shell|LinuxInitrdDynamicShellCommand|"
    "(tftp|http)DynamicCommand|(Arp|Dhcp[46]|Dns|Dpc|Http|HttpBoot|HttpUtilities|IScsi|Ip[46]|Mnp|Mtftp[46]|Snp|"
    "Tcp|Tls|TlsAuthConfig|Udp[46]|UefiPxeBc|VirtioNet|VlanConfig)Dxe")
LZMA = uuid.UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf").bytes_le  # an encapsulating section of
SECTION_GUIDED, SECTION_NAME, SECTION_VOLUME = 0x02, 0x15, 0x17
FILE_WITHOUT_SECTIONS, FILE_PAD = (0x01, 0xf0), 0xf0
FILE_HEADER, VOLUME_SIZE, VOLUME_SIGNATURE = 24, 32, 40  # offsets, or sizes
LZMA_SIZE = 5  # where a stream has the size of what it unpacks to
ERASED = b"\xff"

making = threading.Lock()


class UnknownFirmware(Exception):
    """It is not laid out as Debian's is."""


def size24(data, offset):
    return int.from_bytes(data[offset:offset + 3], "little")


def align(offset, power):
    return (offset + power - 1) & -power


def volume_files(data, begin, end):
    """(offset, size) of each file of a volume."""
    if data[begin + VOLUME_SIGNATURE:begin + VOLUME_SIGNATURE + 4] != b"_FVH":
        raise UnknownFirmware("no firmware volume")
    header, _, extended = struct.unpack_from("<HHH", data, begin + 48)
    at = begin + (align(extended + struct.unpack_from("<I", data, begin + extended + 16)[0], 8) if extended
                  else header)
    while at + FILE_HEADER <= end and data[at:at + FILE_HEADER] != ERASED * FILE_HEADER:
        size = size24(data, at + 20)
        if size < FILE_HEADER or at + size > end:
            raise UnknownFirmware("a file's size")
        yield at, size
        at = begin + align(at - begin + size, 8)


def sections(data, begin, end):
    """(type, offset of the content, its end)"""
    at = begin
    while at + 4 <= end:
        size, header = size24(data, at), 4
        if size == 0xffffff:
            size, header = struct.unpack_from("<I", data, at + 4)[0], 8
        if size < header or at + size > end:
            raise UnknownFirmware("a section's size")
        yield data[at + 3], at + header, at + size
        at = begin + align(at - begin + size, 4)


def file_name(data, at, size):
    if data[at + 18] in FILE_WITHOUT_SECTIONS:
        return ""
    for kind, begin, end in sections(data, at + FILE_HEADER, at + size):
        if kind == SECTION_NAME:
            return data[begin:end].decode("utf-16-le").rstrip("\0")
    return ""


def named_files(volumes):
    """(name, offset, size) of the files of all volumes that were packed into one section."""
    for kind, begin, end in sections(volumes, 0, len(volumes)):
        if kind == SECTION_VOLUME:
            for at, size in volume_files(volumes, begin, end):
                yield file_name(volumes, at, size), at, size


def empty_file(volumes, at, size):
    """A file becomes one that only fills space, without a checksum of its content."""
    volumes[at + 18], volumes[at + 19] = FILE_PAD, volumes[at + 19] & ~0x40
    volumes[at + 17] = 0xaa
    volumes[at + 16] = -(sum(volumes[at:at + 16]) + sum(volumes[at + 18:at + 23])) & 0xff
    volumes[at + FILE_HEADER:at + size] = ERASED * (size - FILE_HEADER)


def packed_section(image):
    """(offset, end) of the LZMA stream in which all but the very first code is."""
    size, = struct.unpack_from("<Q", image, VOLUME_SIZE)
    for at, file_size in volume_files(image, 0, size):
        for kind, begin, end in sections(image, at + FILE_HEADER, at + file_size):
            if kind == SECTION_GUIDED and image[begin:begin + 16] == LZMA:
                return begin - 4 + struct.unpack_from("<H", image, begin + 16)[0], end
    raise UnknownFirmware("no packed volumes")


def unpack(image):
    """What is packed in it."""
    begin, end = packed_section(image)
    return bytearray(lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(bytes(image[begin:end])))


def pack(image, volumes):
    """Put them in place of what was packed."""
    begin, end = packed_section(image)
    properties, dictionary = struct.unpack_from("<BI", image, begin)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": properties % 9,
                "lp": properties // 9 % 5, "pb": properties // 45, "preset": 6}]
    packed = bytearray(lzma.compress(bytes(volumes), lzma.FORMAT_ALONE, filters=filters))
    struct.pack_into("<Q", packed, LZMA_SIZE, len(volumes))
    if len(packed) > end - begin:
        raise UnknownFirmware("there is no room")
    image[begin:end] = packed + bytes(end - begin - len(packed))


def make_lean(image):
    """The image without the files of DROPPED. UnknownFirmware: it cannot be done."""
    try:
        volumes = unpack(image)
        for name, at, size in list(named_files(volumes)):
            if DROPPED.fullmatch(name):
                empty_file(volumes, at, size)
        pack(image, volumes)
    except (struct.error, IndexError, ValueError, lzma.LZMAError) as error:
        raise UnknownFirmware(str(error)) from error
    return image


def is_newer(path, *others):
    return os.path.exists(path) and all(os.path.getmtime(path) > os.path.getmtime(o) for o in others)


def lean(build):
    """The path of a lean OVMF in the folder build, where it is made if need be; of OVMF itself, if
    that is not laid out as it is known here."""
    path = os.path.join(build, "firmware", os.path.basename(qemu.OVMF_CODE))
    with making:
        if is_newer(path, qemu.OVMF_CODE, __file__):
            return path
        with open(qemu.OVMF_CODE, "rb") as f:
            image = bytearray(f.read())
        try:
            image = make_lean(image)
        except UnknownFirmware:
            return qemu.OVMF_CODE
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as made:
            made.write(image)
        os.replace(made.name, path)
        return path
