# SPDX-License-Identifier: MIT
"""A Linux that runs as a child: kernel, initramfs and root disk, made without root rights of Debian
packages that `./verdigris setup --children` unpacks. They are kept in build/linux-guest and made anew
when what they are made of is newer."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile

from . import disk
from .initramfs import Initramfs
from .kernel_modules import KernelModules
from .packages import Packages

FILES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "guest")
SOURCES = os.path.dirname(os.path.abspath(__file__))

FLAVOURS = {"standard": "linux-image-amd64", "cloud": "linux-image-cloud-amd64"}
CMDLINE = "console=ttyS0"
LABEL = "VERDIGRIS"
ROOT_MIB = 512

# What a child's disk needs (ext4 asks for crc32c only when it mounts); and other disks, so that the same
# initramfs boots without Verdigris.
CHILD_DRIVERS = ["hv_storvsc", "sd_mod", "crc32c_generic", "ext4"]
OTHER_DRIVERS = ["crc32c_intel", "ahci", "nvme", "virtio_pci", "virtio_blk"]
# Not needed to boot, on the root disk for modprobe.
ROOT_DRIVERS = CHILD_DRIVERS + OTHER_DRIVERS + [
    "hv_netvsc", "hv_utils", "hv_balloon", "hv_sock", "hyperv_keyboard", "hid_hyperv", "uio_hv_generic",
    "loop", "msr", "evdev"]
INITRAMFS_LINKS = ["sh", "mount", "cat", "echo", "ls", "sed", "grep", "findfs", "mkdir",
                   "modprobe", "setsid", "sleep", "switch_root"]
PROGRAMS = {"fio": ["usr/bin/fio"],
            "e2fsprogs": ["sbin/e2fsck", "sbin/mke2fs", "sbin/dumpe2fs", "sbin/resize2fs"],
            "ethtool": ["sbin/ethtool"],
            "iperf3": ["usr/bin/iperf3"],
            "hyperv-daemons": ["usr/sbin/hv_kvp_daemon", "usr/sbin/hv_vss_daemon"]}
MERGED = ("bin", "sbin", "lib", "lib64")  # of /, which Debian links to those of /usr
FOLDERS = ["dev", "proc", "sys", "run", "tmp", "root", "mnt", "var/lib", "var/log", "var/tmp", "etc"]


def say(text):
    print(f"guest: {text}", flush=True)


def newer(path, inputs):
    """Is an input newer than the file, or the file not there?"""
    return not os.path.exists(path) or any(os.path.getmtime(i) > os.path.getmtime(path) for i in inputs)


@contextlib.contextmanager
def made_whole(path):
    """A name for the file in the making: it gets its own when all went well."""
    part = path + ".part"
    try:
        yield part
        os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


class LinuxGuest:
    """The files of such children, below the folder build/ of a tree."""

    def __init__(self, build):
        self.folder = os.path.join(build, "linux-guest")
        self.packages = Packages(build)

    def kernel(self, flavour):
        return self.made(f"vmlinuz-{flavour}", [FLAVOURS[flavour]], [],
                          lambda path: shutil.copyfile(self.packages.kernel(FLAVOURS[flavour])[0], path))

    def initrd(self, flavour):
        return self.made(f"initrd-{flavour}.img", [FLAVOURS[flavour], "busybox-static"], _own_files(),
                          lambda path: self._make_initrd(path, flavour))

    def root_disk(self):
        """An ext4 without a partition table. Nobody may write to it: it is what copies are made of."""
        return self.made("root.img", [*FLAVOURS.values(), *PROGRAMS, "busybox-static"], _own_files(),
                          self._make_root_disk)

    def made(self, name, packages, sources, make):
        """The file of this name in the folder. make(path) makes it, of these packages and files."""
        path = os.path.join(self.folder, name)
        inputs = [self.packages.unpacked(p) for p in packages] + list(sources)
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if newer(path, inputs):
                say(f"making {os.path.relpath(path)}")
                with made_whole(path) as part:
                    make(part)
        return path

    def kernel_modules(self, flavour):
        package = FLAVOURS[flavour]
        return KernelModules(self.packages.unpacked(package), self.packages.kernel(package)[1])

    def _make_initrd(self, path, flavour):
        modules = self.kernel_modules(flavour)
        names = CHILD_DRIVERS + [n for n in OTHER_DRIVERS if n in modules]
        with open(path, "wb") as f:
            archive = Initramfs(f)
            for made in ("dev", "proc", "sys", "root", "sbin"):
                archive.folder(made)
            archive.device("dev/console", 5, 1)
            archive.file("init", os.path.join(FILES, "init"))
            archive.file("bin/busybox", self.packages.file("busybox-static", "bin/busybox"))
            for applet in INITRAMFS_LINKS:
                archive.link("bin/" + applet, "busybox")
            archive.link("sbin/modprobe", "../bin/busybox")  # where the kernel looks for it
            archive.text("etc/modules", "".join(n + "\n" for n in names if n in modules))
            add_modules(archive, modules, names)
            archive.end()

    def _make_root_disk(self, path):
        with tempfile.TemporaryDirectory(dir=self.folder) as staging:
            for folder in MERGED:
                os.makedirs(os.path.join(staging, "usr", folder))
                os.symlink("usr/" + folder, os.path.join(staging, folder))
            for folder in FOLDERS:
                os.makedirs(os.path.join(staging, folder))
            shutil.copytree(os.path.join(FILES, "root"), staging, dirs_exist_ok=True)
            self._copy_programs(staging)
            for flavour in FLAVOURS:
                copy_modules(staging, self.kernel_modules(flavour))
            disk.make_ext4(path, staging, ROOT_MIB, LABEL)

    def _copy_programs(self, staging):
        programs = {path: self.packages.file(package, path)
                    for package, paths in PROGRAMS.items() for path in paths}
        libraries = self.packages.libraries(programs.values())
        loader = {"lib64/ld-linux-x86-64.so.2":
                  self.packages.file("libc6", "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")}
        busybox = self.packages.file("busybox-static", "bin/busybox")
        for path, source in {**programs, **libraries, **loader, "bin/busybox": busybox}.items():
            target = os.path.join(staging, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
        for applet in subprocess.run([busybox, "--list-full"], check=True, capture_output=True,
                                     text=True).stdout.split():
            target = os.path.join(staging, applet)
            if not os.path.lexists(target) and os.path.isdir(os.path.dirname(target)):
                os.symlink("/bin/busybox", target)


def _own_files():
    """What is written here of the images."""
    for name in ("linux_guest.py", "initramfs.py", "kernel_modules.py", "packages.py", "disk.py"):
        yield os.path.join(SOURCES, name)
    yield os.path.join(FILES, "init")
    for folder, _, names in os.walk(os.path.join(FILES, "root")):
        yield from (os.path.join(folder, n) for n in names)


def _module_files(modules, names):
    """(path below the folder of modules, file) of these and what they depend on."""
    return [(modules.path(n), os.path.join(modules.folder, modules.path(n)))
            for n in modules.closure(names)]


def _module_lists(modules, names):
    """(name, text) of what modprobe reads."""
    closure = modules.closure(names)
    return [("modules.dep", modules.dep(closure)), ("modules.alias", modules.aliases(closure))]


def add_modules(archive, modules, names):
    """Those, which are there, and what they depend on, to an initramfs."""
    folder = os.path.join("lib/modules", os.path.basename(modules.folder))
    for name, source in _module_files(modules, names):
        archive.file(os.path.join(folder, name), source)
    for name, text in _module_lists(modules, names):
        archive.text(os.path.join(folder, name), text)


def copy_modules(staging, modules):
    """Those of ROOT_DRIVERS that are there, to the folder lib/modules of staging."""
    names = [n for n in ROOT_DRIVERS if n in modules]
    folder = os.path.join(staging, "lib/modules", os.path.basename(modules.folder))
    for name, source in _module_files(modules, names):
        target = os.path.join(folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)
    for name, text in _module_lists(modules, names):
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)
