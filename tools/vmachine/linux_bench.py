# SPDX-License-Identifier: MIT
"""What a Linux costs as a child, and directly on the emulated machine (docs/testing.md, Measuring): one
processor, deterministic time, and the instructions that are executed between marks
(tests/bench/marks.c). The same kernel, initramfs and command line run either way."""
import os
import re
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from . import child, esp, firmware, linux_guest, qemu
from .initramfs import Initramfs

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGES = os.path.join(TREE, "build", "gcc", "images")
PROGRAMS = os.path.join(IMAGES, "tests", "bench")
MARKS = os.path.join(PROGRAMS, "marks.so")

ENTRY, INIT, READS_BEGIN, READS_END, SCATTERED_BEGIN, SCATTERED_END = range(6)  # marks
KERNEL = "standard"
MEMORY = "512M"
MACHINE_MEMORY = "1536M"
CMDLINE = "console=ttyS0 nokaslr"
DRIVERS = ["hv_storvsc", "sd_mod", "hv_utils"]
GUARDS = "grep . /sys/devices/system/cpu/vulnerabilities/*"
DISK_MIB = 64
MIB = 1 << 20
BOOT_SECONDS = 60  # the child's clock: by then it has been idle for long
IDLE_SECONDS = 60
SECONDS = 3000 * float(os.environ.get("VERDIGRIS_TIMEOUT_FACTOR", "1"))

STATISTIC = re.compile(r"^linux\.0\.exits\.(\w+) +(\d+)$", re.MULTILINE)
GUARD = re.compile(r"/cpu/vulnerabilities/(\w+:.*\S)\s*$", re.MULTILINE)
ROOT_READS = re.compile(r"^mem0: (\d+) bytes read in (\d+) ns$", re.MULTILINE)


class Broken(Exception):
    """The measurement did not run to its end; with what the machine printed."""


def entry_bytes(kernel):
    """How the 64-bit entry point of a bzImage begins: 0x200 bytes into what is behind the sectors of its
    setup code (Linux, Documentation/x86/boot.rst)."""
    with open(kernel, "rb") as f:
        image = f.read()
    begin = (image[0x1f1] + 1) * 512 + 0x200
    return image[begin:begin + 16]


def make_initrd(path, guest):
    """busybox, the drivers of a child's disk, and tests/bench/init.c as the first program."""
    modules = guest.kernel_modules(KERNEL)
    with open(path, "wb") as f:
        archive = Initramfs(f)
        for folder in ("dev", "proc", "sys", "sbin"):
            archive.folder(folder)
        archive.device("dev/console", 5, 1)
        archive.file("init", os.path.join(PROGRAMS, "init"))
        archive.file("bin/busybox", guest.packages.file("busybox-static", "bin/busybox"))
        for applet in ("sh", "modprobe", "sleep", "cat", "grep"):
            archive.link("bin/" + applet, "busybox")
        linux_guest.add_modules(archive, modules, [n for n in DRIVERS if n in modules])
        archive.end()


def addresses(image):
    """"FIRST-END" of what an ELF64 image is linked to."""
    with open(image, "rb") as f:
        content = f.read()
    headers, = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    first, end = 1 << 64, 0
    for at in range(headers, headers + size * count, size):
        kind, = struct.unpack_from("<I", content, at)
        address, = struct.unpack_from("<Q", content, at + 0x10)
        length, = struct.unpack_from("<Q", content, at + 0x28)
        if kind == 1:  # PT_LOAD
            first, end = min(first, address), max(end, address + length)
    return f"{first:x}-{end:x}"


def plugin(out, kernel, images=()):
    """QEMU's options; instructions of these images are counted by themselves."""
    hosts = "".join(f",host={addresses(i)}" for i in images)
    return ["-plugin", f"{MARKS},out={qemu.quoted(out)},entry={entry_bytes(kernel).hex()}{hosts}"]


@dataclass
class Counts:
    """Since the machine began."""
    instructions: int
    host: int  # those of hypervisor and root
    entries: int  # into guests

    def __sub__(self, before):
        return Counts(*(getattr(self, f) - getattr(before, f) for f in ("instructions", "host", "entries")))


def read_marks(path):
    """{mark: Counts}, of the first time that each was reached."""
    marks = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            mark, *counts = map(int, line.split())
            marks.setdefault(mark, Counts(*counts))
    return marks


def run(command, out):
    """(console, marks) of a machine that ends by itself."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Broken((error.stdout or b"").decode("utf-8", "replace")) from error
    text = done.stdout.replace("\r", "")
    if done.returncode:
        raise Broken(text + done.stderr)
    return text, read_marks(out)


def run_direct(kernel, initrd, work):
    """(console, instructions from the kernel's entry to its first program)"""
    out = os.path.join(work, "direct")
    machine = qemu.Direct(kernel, initrd, CMDLINE + " bench.end", memory=MEMORY, cpu="max", icount=True,
                          extra=plugin(out, kernel))
    text, marks = run(machine.command(), out)
    if ENTRY not in marks or INIT not in marks:
        raise Broken(text)
    return text, (marks[INIT] - marks[ENTRY]).instructions


def commands():
    """What root is told: the child has booted; reads; a minute of nothing."""
    load = "; ".join(f"modprobe {d}" for d in DRIVERS) + "; echo 1 >/proc/sys/vm/nr_hugepages"
    return "; ".join([
        f"sleep {BOOT_SECONDS}", "stats linux.0.exits.",
        f"vm console linux --exec '{load}; /init reads /dev/sda {DISK_MIB}; "
        f"/init scattered /dev/sda {DISK_MIB}; {GUARDS}; sleep 20'",
        "sleep 10", "disks --read mem0", "disks --read mem0", "disks --read mem0", "sleep 10",
        "stats linux.0.exits.", f"sleep {IDLE_SECONDS}", "stats linux.0.exits."])


def run_child(kernel, initrd, work):
    """(console, marks) of a machine with one child."""
    out = os.path.join(work, "child")
    linux = child.Child("linux", kernel, initrd, CMDLINE, memory=MEMORY, disks=["mem0"])
    modules = [os.path.join(IMAGES, n) for n in ("shell.elf", *child.SERVICE)]
    modules += child.modules([linux], work)
    cfg, volume = os.path.join(work, "boot.cfg"), os.path.join(work, "esp.img")
    with open(cfg, "w", encoding="utf-8") as f:
        f.write(esp.boot_cfg(modules, memdisk=f"{DISK_MIB}M", exec=commands()))
    esp.make(volume, esp.loader_files(IMAGES, cfg, modules))
    hosts = [os.path.join(IMAGES, n) for n in ("hvax64.elf", "root.elf")]
    # No screen: root draws on it what it has printed when there is time, amidst its reads.
    machine = qemu.Machine(volume, qemu.make_vars(os.path.join(work, "vars.fd")), smp=1,
                           memory=MACHINE_MEMORY, icount=True, firmware=firmware.lean(os.path.join(TREE, "build")),
                           extra=["-vga", "none", *plugin(out, kernel, hosts)])
    text, marks = run(machine.command(), out)
    if len(marks) != 6 or not re.search(r"^exec: \d+ commands, 0 failed", text, re.MULTILINE):
        raise Broken(text)
    return text, marks


def exits(text):
    """[{reason: count}] as root said it each time."""
    found = []
    for reason, count in STATISTIC.findall(text):
        if not found or reason in found[-1]:
            found.append({})
        found[-1][reason] = int(count)
    return found


def less(after, before):
    return {reason: n - before.get(reason, 0) for reason, n in after.items() if n != before.get(reason, 0)}


def read_figure(name, cost, in_root):
    """Of DISK_MIB reads; with those of the same reads in root, and what hypervisor and root alone took
    beside that."""
    host = cost.host // DISK_MIB
    instructions = cost.instructions // DISK_MIB
    return {"name": name, "instructions": instructions, "direct": in_root,
            "by": {"child": instructions - host, "host": host},
            "ratio": round(instructions / in_root, 3), "host_ratio": round(host / in_root, 3),
            "exits": round(cost.entries / DISK_MIB, 2), "split": {}}


def figures(text, marks, direct):
    """As those of tools/bench; with what they are compared with, and the ratio."""
    booted, before, after = exits(text)
    idle = less(after, before)
    boot = marks[INIT] - marks[ENTRY]
    in_root = min(int(ns) * MIB // int(size) for size, ns in ROOT_READS.findall(text))
    booted = {reason: n for reason, n in booted.items() if n}
    return [
        {"name": "linux_boot", "instructions": boot.instructions, "direct": direct,
         "ratio": round(boot.instructions / direct, 3), "exits": sum(booted.values()), "split": booted},
        read_figure("linux_read_1m", marks[READS_END] - marks[READS_BEGIN], in_root),
        read_figure("linux_read_1m_scattered", marks[SCATTERED_END] - marks[SCATTERED_BEGIN], in_root),
        {"name": "linux_idle", "instructions": 0, "exits": round(sum(idle.values()) / IDLE_SECONDS, 2),
         "split": {reason: round(n / IDLE_SECONDS, 2) for reason, n in idle.items()}},
    ]


def measure():
    """The figures. Broken: they could not be had."""
    guest = linux_guest.LinuxGuest(os.path.join(TREE, "build"))
    kernel = guest.kernel(KERNEL)
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as work:
        initrd = os.path.join(work, "initrd.img")
        make_initrd(initrd, guest)
        console, direct = run_direct(kernel, initrd, work)
        print(f"bench: directly: {direct} instructions from the kernel's entry to /init",
              file=sys.stderr)
        text, marks = run_child(kernel, initrd, work)
    different = sorted(set(GUARD.findall(console)) ^ set(GUARD.findall(text)))
    if different or not GUARD.search(text):
        raise Broken("the two kernels guard against different things:\n" + "\n".join(different))
    return figures(text, marks, direct)
