# SPDX-License-Identifier: MIT
"""Definitions of children (docs/children.md), and what they name, as boot modules."""
import os
import re
from dataclasses import dataclass, field

SERVICE = ("vmms.elf", "vmwp.elf")  # images that start children by definitions
SUFFIX = ".vm"  # of a definition among the boot modules


@dataclass
class Child:
    """Kernel and initrd are files of the host; disks are names that root gives."""
    name: str
    kernel: str
    initrd: str = ""
    cmdline: str = ""
    vps: int = 1
    memory: str = "512M"
    disks: list = field(default_factory=list)
    autostart: bool = True
    restart: str = "never"

    def definition(self):
        """ValueError: a part of the command line would be taken for something else."""
        if re.search(r"(^|\s)#|\n", self.cmdline):
            raise ValueError(f"{self.cmdline!r}: a definition cannot say this: '#' begins a comment")
        lines = [("name", self.name), ("vps", self.vps), ("memory", self.memory),
                 ("kernel", os.path.basename(self.kernel)),
                 ("initrd", os.path.basename(self.initrd)), ("cmdline", self.cmdline)]
        lines += [("disk", name) for name in self.disks]
        lines += [("console", "com1"), ("autostart", "yes" if self.autostart else "no"),
                  ("restart", self.restart)]
        return "".join(f"{key} = {value}\n" for key, value in lines if value != "")

    def files(self):
        return [self.kernel] + ([self.initrd] if self.initrd else [])


@dataclass
class MultibootChild:
    """A child of a Multiboot image, with an exit port; modules are pairs: a file of the host and its
    arguments."""
    name: str
    image: str
    cmdline: str = ""
    vps: int = 1
    memory: str = "64M"
    modules: list = field(default_factory=list)
    disks: list = field(default_factory=list)
    autostart: bool = False
    restart: str = "never"

    def definition(self):
        lines = [("name", self.name), ("vps", self.vps), ("memory", self.memory),
                 ("multiboot", os.path.basename(self.image)), ("cmdline", self.cmdline)]
        lines += [("module", f"{os.path.basename(f)} {text}".strip()) for f, text in self.modules]
        lines += [("disk", name) for name in self.disks]
        lines += [("console", "com1"), ("exit-port", "on"),
                  ("autostart", "yes" if self.autostart else "no"), ("restart", self.restart)]
        return "".join(f"{key} = {value}\n" for key, value in lines if value != "")

    def files(self):
        return [self.image] + [f for f, _ in self.modules]


def modules(children, folder):
    """The boot modules of children: definitions, which are written to folder, and what they name.
    ValueError: files of different content would have one name, or a name has blanks."""
    files = []
    for child in children:
        path = os.path.join(folder, child.name + SUFFIX)
        with open(path, "w", encoding="utf-8") as f:
            f.write(child.definition())
        files += [path] + child.files()
    by_name = {}
    for path in files:
        name = os.path.basename(path)
        if name.split() != [name]:
            raise ValueError(f"{path}: a boot module's name has no blanks")
        if os.path.abspath(by_name.setdefault(name, path)) != os.path.abspath(path):
            raise ValueError(f"{path} and {by_name[name]} would be boot modules of one name")
    return list(by_name.values())


def disk_names(disks):
    """What root calls these of its disks (qemu.Disk), in their order. The boot volume is ahci0."""
    count = {"nvme": 0, "ahci": 1, "virtio": 0}
    names = []
    for disk in disks:
        names.append(f"{disk.bus}{count[disk.bus]}")
        count[disk.bus] += 1
    return names
