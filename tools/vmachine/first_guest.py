# SPDX-License-Identifier: MIT
"""A Linux with KVM and QEMU as the machine's first guest, which runs another machine in turn.

Its parts are Debian's: the kernel and busybox of packages that `./verdigris setup --long` unpacks,
QEMU and its firmware as installed here. They go into an initramfs; nothing else is on a disk.
"""
import os
import re
import shlex
import stat
import subprocess

QEMU = "/usr/bin/qemu-system-x86_64"
FIRMWARE = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/seabios/vgabios-stdvga.bin",
            "/usr/share/qemu/kvmvapic.bin"]
MODULES = ["virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko"]
ENDED = "first guest: QEMU ended with status "
INIT = """#!/bin/busybox sh
export PATH=/bin:/usr/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
for module in {modules}; do busybox insmod /modules/$module || echo "first guest: no $module"; done
{command}
echo "{ended}$?"
busybox poweroff -f
"""


class Initramfs:
    """A cpio archive, format newc (Documentation/driver-api/early-userspace/buffer-format)."""

    def __init__(self, file):
        self._file = file
        self._inode = 0
        self._made = set()

    def _entry(self, name, mode, size, rdev=(0, 0)):
        self._inode += 1
        fields = [self._inode, mode, 0, 0, 1, 0, size, 0, 0, *rdev, len(name) + 1, 0]
        self._file.write(b"070701" + "".join(f"{f:08x}" for f in fields).encode())
        self._file.write(name.encode() + b"\0")
        self._pad()

    def _pad(self):
        self._file.write(bytes(-self._file.tell() % 4))

    def folder(self, path):
        path = path.strip("/")
        if path and path not in self._made:
            self.folder(os.path.dirname(path))
            self._made.add(path)
            self._entry(path, stat.S_IFDIR | 0o755, 0)

    def device(self, path, major, minor):
        self.folder(os.path.dirname(path))
        self._entry(path.strip("/"), stat.S_IFCHR | 0o600, 0, (major, minor))

    def text(self, path, text):
        self._content(path, text.encode())

    def file(self, path, source):
        with open(source, "rb") as f:
            self._content(path, f.read())

    def _content(self, path, content):
        self.folder(os.path.dirname(path))
        self._entry(path.strip("/"), stat.S_IFREG | 0o755, len(content))
        self._file.write(content)
        self._pad()

    def end(self):
        self._entry("TRAILER!!!", 0, 0)


def _libraries(program):
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


def _one(folder, pattern):
    """The only file below folder whose path matches; ValueError: it is not there."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if re.search(pattern, path):
                return path
    raise ValueError(f"{folder} has no {pattern}: ./verdigris setup --long")


def _make_initramfs(path, packages, command, files):
    with open(path, "wb") as f:
        archive = Initramfs(f)
        for folder in ("/dev", "/proc", "/tmp", "/var/tmp"):
            archive.folder(folder)
        archive.device("/dev/console", 5, 1)
        archive.file("/bin/busybox", _one(packages, r"/bin/busybox$"))
        for module in MODULES:
            archive.file("/modules/" + os.path.basename(module),
                         _one(packages, re.escape("/kernel/" + module) + "$"))
        for source in [QEMU] + _libraries(QEMU) + FIRMWARE + files:
            archive.file(source, source)
        archive.text("/init", INIT.format(modules=" ".join(map(os.path.basename, MODULES)),
                                          command=command, ended=ENDED))
        archive.end()


def command(machine, packages, initramfs, memory="4G"):
    """The command line that runs machine as a guest of KVM in a Linux. packages: what setup has
    unpacked; initramfs: the file to make.

    What is odd about it is QEMU 7.2's. It ignores that KVM intercepts XSETBV, so there is no XSAVE.
    It aborts when a guest writes CR8 while an interrupt waits for it, as OVMF does on leaving its
    timer handler: by instruction counts the next tick is never so soon, however busy the host."""
    inner = shlex.join(machine.command())
    files = [machine.esp, machine.vars] + [d.path for d in machine.disks]
    _make_initramfs(initramfs, packages, inner, files)
    return [QEMU, "-name", "first-guest", "-nodefaults", "-no-user-config", "-machine", "q35",
            "-accel", "tcg", "-cpu", "max,+svm,-xsave", "-icount", "shift=0,sleep=off,align=off",
            "-smp", "1", "-m", memory, "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", _one(packages, r"/boot/vmlinuz-"), "-initrd", initramfs, "-append",
            "console=ttyS0 mitigations=off nokaslr tsc=reliable quiet"]
