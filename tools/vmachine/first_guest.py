# SPDX-License-Identifier: MIT
"""A Linux with KVM and QEMU as the machine's first guest, which runs another machine in turn.

Its parts are Debian's: the kernel and busybox of packages that `./verdigris setup --children` unpacks,
QEMU and its firmware as installed here. They go into an initramfs; nothing else is on a disk.
"""
import os
import re
import shlex
import subprocess

from .initramfs import Initramfs
from .packages import Packages

QEMU = "/usr/bin/qemu-system-x86_64"
FIRMWARE = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/seabios/vgabios-stdvga.bin",
            "/usr/share/qemu/kvmvapic.bin"]
KERNEL = "linux-image-cloud-amd64"
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


def _libraries(program):
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


def _make_initramfs(path, packages, command, files):
    modules = os.path.join("lib/modules", packages.kernel(KERNEL)[1], "kernel")
    with open(path, "wb") as f:
        archive = Initramfs(f)
        for folder in ("/dev", "/proc", "/tmp", "/var/tmp"):
            archive.folder(folder)
        archive.device("/dev/console", 5, 1)
        archive.file("/bin/busybox", packages.file("busybox-static", "bin/busybox"))
        for module in MODULES:
            archive.file("/modules/" + os.path.basename(module),
                         packages.file(KERNEL, os.path.join(modules, module)))
        for source in [QEMU] + _libraries(QEMU) + FIRMWARE + files:
            archive.file(source, source)
        archive.text("/init", INIT.format(modules=" ".join(map(os.path.basename, MODULES)),
                                          command=command, ended=ENDED))
        archive.end()


def command(machine, build, initramfs, memory="4G"):
    """The command line that runs machine as a guest of KVM in a Linux. build: the folder in which
    setup has unpacked packages; initramfs: the file to make.

    What is odd about it is QEMU 7.2's. It ignores that KVM intercepts XSETBV, so there is no XSAVE.
    It aborts when a guest writes CR8 while an interrupt waits for it, as OVMF does on leaving its
    timer handler: by instruction counts the next tick is never so soon, however busy the host."""
    packages = Packages(build)
    inner = shlex.join(machine.command())
    files = [machine.esp, machine.vars] + [d.path for d in machine.disks]
    _make_initramfs(initramfs, packages, inner, files)
    return [QEMU, "-name", "first-guest", "-nodefaults", "-no-user-config", "-machine", "q35",
            "-accel", "tcg", "-cpu", "max,+svm,-xsave", "-icount", "shift=0,sleep=off,align=off",
            "-smp", "1", "-m", memory, "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", packages.kernel(KERNEL)[0], "-initrd", initramfs, "-append",
            "console=ttyS0 mitigations=off nokaslr tsc=reliable quiet"]
