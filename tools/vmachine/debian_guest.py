# SPDX-License-Identifier: MIT
"""The root disk of `--guest debian`: a minimal Debian with systemd, made by mmdebstrap, which
`./verdigris setup --children` unpacks. Without root rights it needs newuidmap (package uidmap)."""
import os
import shutil
import subprocess
import tarfile
import tempfile

from . import disk, linux_guest

SUITE = "bookworm"
SIZE_MIB = 2048
INCLUDED = ["systemd-sysv", "systemd-resolved", "udev", "dbus", "kmod", "procps", "iproute2", "e2fsprogs", "less",
            "hyperv-daemons"]  # what it tells root of itself, and freezing it
LEFT_OUT = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*"]
FILES = os.path.join(linux_guest.FILES, "debian")
# Devices are the running kernel's; an unprivileged user could not make them anyway.
UNPACK = """set -e
tar --numeric-owner --exclude='./dev/*' -xpf "$1" -C "$2"
shift
folder=$1
shift
"$@"
rm -rf "$folder"
"""


def root_disk(guest):
    """The disk of guest (linux_guest.LinuxGuest); its kernel's flavour is standard. It takes minutes
    to make. ValueError: something that makes it is missing."""
    sources = [os.path.abspath(__file__)]
    for folder, _, names in os.walk(FILES):
        sources += [os.path.join(folder, n) for n in names]
    return guest.made("debian.img", ["mmdebstrap", linux_guest.FLAVOURS["standard"]], sources,
                      lambda path: _make(path, guest))


def _root_rights():
    """What to put before a command that is to run as root, or as if."""
    if os.geteuid() == 0:
        return []
    if shutil.which("newuidmap") is None:
        raise ValueError("without root rights mmdebstrap needs newuidmap: sudo apt-get install uidmap")
    return ["unshare", "--map-auto", "--map-root-user", "--"]


def _own(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _make_additions(path, guest, staging):
    """An archive of what is not from packages that are installed in there."""
    linux_guest.copy_modules(os.path.join(staging, "usr"), guest.kernel_modules("standard"))
    with tarfile.open(path, "w") as archive:
        archive.add(staging, ".", filter=_own)
        archive.add(FILES, ".", filter=_own)


def _bootstrap(path, guest, additions):
    programs = os.path.join(guest.packages.unpacked("mmdebstrap"), "usr/bin")
    release = os.path.basename(guest.kernel_modules("standard").folder)
    linux_guest.say(f"mmdebstrap downloads and installs a minimal {SUITE}")
    subprocess.run(
        ["perl", os.path.join(programs, "mmdebstrap"), "--variant=minbase", "--include=" + ",".join(INCLUDED),
         *[f"--dpkgopt=path-exclude={left_out}" for left_out in LEFT_OUT],
         f"--customize-hook=tar-in {additions} /",
         f'--customize-hook=chroot "$1" depmod {release}',
         '--customize-hook=chroot "$1" systemctl enable systemd-networkd',
         '--customize-hook=chroot "$1" passwd --delete root', SUITE, path], check=True,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:{programs}"})


def _make(path, guest):
    rights = _root_rights()
    with tempfile.TemporaryDirectory(dir=guest.folder) as work:
        additions, whole, staging, root = (os.path.join(work, n) for n in
                                           ("additions.tar", "root.tar", "staging", "root"))
        os.makedirs(staging)
        os.makedirs(root)
        _make_additions(additions, guest, staging)
        _bootstrap(whole, guest, additions)
        linux_guest.say("making the file system")
        disk.make_blank(path, SIZE_MIB)
        subprocess.run(rights + ["sh", "-c", UNPACK, "sh", whole, root,
                                 *disk.ext4_command(path, root, SIZE_MIB, linux_guest.LABEL)],
                       check=True, stdout=subprocess.DEVNULL)
