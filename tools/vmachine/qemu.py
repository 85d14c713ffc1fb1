# SPDX-License-Identifier: MIT
"""QEMU command lines: one place that knows how an emulated machine for Verdigris looks."""
import os
import shutil
from dataclasses import dataclass, field

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
DEBUG_EXIT_PORT = 0xf4  # isa-debug-exit: QEMU ends with status 2 * value + 1
KVM_NESTED = "/sys/module/kvm_amd/parameters/nested"


def quoted(path):
    """A file name as part of an option: a comma would end it."""
    return path.replace(",", ",,")


def size_mib(text):
    """The MiB of a size as QEMU and definitions of children take it: 512, 512M, 1G. ValueError: it
    is none."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in ("M", "G") else (text, "M")
    if not number.isdecimal() or int(number) == 0:
        raise ValueError(f"{text!r} is no size: 512M, 1G")
    return int(number) * (1024 if unit == "G" else 1)


BUSES = ("nvme", "ahci", "virtio")


@dataclass
class Disk:
    path: str
    bus: str = "nvme"  # one of BUSES
    format: str = "raw"
    snapshot: bool = False  # writes are thrown away at the end
    discard: bool = False  # what is discarded becomes a hole in the file

    @classmethod
    def parse(cls, text):
        """FILE[,bus=nvme|ahci|virtio][,format=F]; there may be commas in FILE"""
        path, options = text, []
        while "," in path and not os.path.exists(path):
            path, _, option = path.rpartition(",")
            options.append(option)
        disk = cls(path)
        for option in options:
            key, _, value = option.partition("=")
            if key == "bus" and value in BUSES:
                disk.bus = value
            elif key == "format" and value:
                disk.format = value
            else:
                raise ValueError(f"disk option {option!r}: bus=nvme, bus=ahci, bus=virtio or format=F")
        if not os.path.exists(path):
            raise ValueError(f"disk {path}: no such file")
        return disk


def disk_args(index, disk, boot=False):
    drive = f"if=none,id=disk{index},format={disk.format},file={quoted(disk.path)}"
    if disk.snapshot:
        drive += ",snapshot=on"
    if disk.discard:
        drive += ",discard=unmap"
    device = {"nvme": f"nvme,drive=disk{index},serial=verdigris{index},mdts=10",
              "ahci": f"ide-hd,drive=disk{index},bus=ide.{index}",
              "virtio": f"virtio-blk-pci,drive=disk{index},serial=verdigris{index}"}[disk.bus]
    return ["-drive", drive, "-device", device + (",bootindex=0" if boot else "")]


CARDS = {"virtio-net": "virtio-net-pci", "e1000e": "e1000e"}  # and the devices that they are


@dataclass
class Network:
    """A card in QEMU's user network: DHCP gives 10.0.2.15 and more, 10.0.2.2 is the host's loopback.
    forwards: "PORT:PORT" each, a port of the host's loopback and that of whoever has 10.0.2.15."""
    card: str = "virtio-net"  # one of CARDS
    forwards: list = field(default_factory=list)

    def args(self):
        user = "user,id=net0" + "".join(f",hostfwd=tcp:127.0.0.1:{host}-:{child}" for host, child in
                                        map(self.ports, self.forwards))
        # Nothing starts from the network, so its option ROM is left out.
        return ["-netdev", user, "-device", f"{CARDS[self.card]},netdev=net0,romfile="]

    @staticmethod
    def ports(text):
        """The two of a forward. ValueError: it is none."""
        ports = text.split(":")
        if len(ports) != 2 or not all(p.isdecimal() and 0 < int(p) < 65536 for p in ports):
            raise ValueError(f"{text!r} is no pair of ports: 8080:80")
        return ports


@dataclass
class Direct:
    """A Linux on the emulated machine itself, to compare with. It has what a child would have."""
    kernel: str
    initrd: str
    cmdline: str
    smp: int = 1
    memory: str = "512M"
    cpu: str = "max"
    disks: list = field(default_factory=list)
    icount: bool = False
    monitor: str = ""
    extra: list = field(default_factory=list)

    def command(self):
        args = ["qemu-system-x86_64", "-name", "linux", "-nodefaults", "-no-user-config",
                "-machine", "q35", "-accel", "tcg", "-cpu", self.cpu, "-smp", str(self.smp),
                "-m", self.memory, "-display", "none", "-serial", "stdio", "-no-reboot",
                "-kernel", self.kernel, "-initrd", self.initrd, "-append", self.cmdline]
        if self.icount:
            args += ["-icount", "shift=0,sleep=off,align=off"]
        if self.monitor:
            args += ["-monitor", self.monitor]
        for index, disk in enumerate(self.disks):
            args += disk_args(index, disk)
        return args + list(self.extra)


@dataclass
class Machine:
    esp: str  # disk image to boot from
    vars: str  # private copy of OVMF's variables, see make_vars()
    smp: int = 2
    memory: str = "512M"
    cpu: str = "max,+svm"
    disks: list = field(default_factory=list)
    icount: bool = False
    one_thread: bool = False  # of the host emulates all processors: docs/testing.md, Troubles of the emulator
    kvm: bool = False
    serial: str = "stdio"
    monitor: str = ""  # a chardev for the monitor; empty: none
    display: str = "none"
    esp_bus: str = "ahci"
    firmware: str = OVMF_CODE
    network: Network = None
    extra: list = field(default_factory=list)

    def command(self):
        args = ["qemu-system-x86_64", "-name", "verdigris", "-nodefaults", "-no-user-config",
                "-machine", "q35", "-smp", str(self.smp), "-m", self.memory,
                "-drive", f"if=pflash,format=raw,readonly=on,file={quoted(self.firmware)}",
                "-drive", f"if=pflash,format=raw,file={quoted(self.vars)}",
                "-vga", "std", "-display", self.display, "-serial", self.serial, "-no-reboot",
                "-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"]
        if self.kvm:
            args += ["-accel", "kvm", "-cpu", "host"]
        else:
            args += ["-accel", "tcg,thread=single" if self.one_thread else "tcg", "-cpu", self.cpu]
        if self.icount:
            args += ["-icount", "shift=0,sleep=off,align=off"]
        if self.monitor:
            args += ["-monitor", self.monitor]
        args += disk_args(0, Disk(self.esp, self.esp_bus, snapshot=True), boot=True)
        for index, disk in enumerate(self.disks, 1):
            args += disk_args(index, disk)
        if self.network:
            args += self.network.args()
        return args + list(self.extra)


def make_vars(path):
    """Copy OVMF's variable store, which QEMU writes to."""
    shutil.copyfile(OVMF_VARS, path)
    return path


def kvm_state():
    """(usable, words): can /dev/kvm run Verdigris, which needs nested AMD-V?"""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False, "no usable /dev/kvm: emulating (TCG)"
    try:
        with open(KVM_NESTED, encoding="ascii") as f:
            nested = f.read().strip() in ("1", "Y")
    except OSError:
        return False, "/dev/kvm is there, but not on AMD-V: emulating (TCG)"
    if not nested:
        return False, "/dev/kvm is there, but kvm_amd nested is off: emulating (TCG)"
    return True, "using /dev/kvm with nested AMD-V"
