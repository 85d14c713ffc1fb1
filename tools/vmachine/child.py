# SPDX-License-Identifier: MIT
"""Definitions of children (docs/children.md), and what they name, as boot modules."""
import os
import re
import subprocess
import tempfile
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
    networks: list = field(default_factory=list)  # switches of root's, with options
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
        lines += [("network", name) for name in self.networks]
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
    networks: list = field(default_factory=list)  # switches of root's, with options
    autostart: bool = False
    restart: str = "never"

    def definition(self):
        lines = [("name", self.name), ("vps", self.vps), ("memory", self.memory),
                 ("multiboot", os.path.basename(self.image)), ("cmdline", self.cmdline)]
        lines += [("module", f"{os.path.basename(f)} {text}".strip()) for f, text in self.modules]
        lines += [("disk", name) for name in self.disks]
        lines += [("network", name) for name in self.networks]
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
    return one_of_each(files)


def one_of_each(files):
    """These boot modules, each once. ValueError: two would have one name, or a name has blanks."""
    by_name = {}
    for path in files:
        name = os.path.basename(path)
        if name.split() != [name]:
            raise ValueError(f"{path}: a boot module's name has no blanks")
        if os.path.abspath(by_name.setdefault(name, path)) != os.path.abspath(path):
            raise ValueError(f"{path} and {by_name[name]} would be boot modules of one name")
    return list(by_name.values())


def _judge(program, definitions, folder=None):
    """ValueError: what check-definition finds wrong with these files, named as from this folder."""
    if not os.path.isfile(program):
        raise ValueError(f"{program} is missing: ./verdigris build")
    done = subprocess.run([os.path.abspath(program), *definitions], cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr.strip())


def defined(program, definitions):
    """The boot modules of children whose definitions are these files: they, and what they name, which
    is beside them. ValueError: a definition is wrong, or would not be taken for one."""
    for path in definitions:
        if not path.endswith(SUFFIX):
            raise ValueError(f"{path}: root takes files for definitions whose names end with {SUFFIX}")
    _judge(program, [os.path.join(".", path) for path in definitions])
    files = []
    for path in definitions:
        with open(path, encoding="utf-8-sig", errors="replace") as f:
            named = re.findall(r"(?m)^\s*(?:kernel|initrd|multiboot|module)\s*=\s*(\S+)", f.read())
        files += [path] + [os.path.join(os.path.dirname(path), name) for name in named]
    return one_of_each(files)


def check(program, files):
    """Let check-definition judge the definitions among these boot modules, each of which may name the
    others. ValueError: what is wrong with them."""
    names = [os.path.basename(f) for f in files if f.endswith(SUFFIX)]
    if not names:
        return
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            os.symlink(os.path.abspath(path), os.path.join(folder, os.path.basename(path)))
        _judge(program, names, folder)


def checker(images):
    """check-definition, where a build has it that has its images in the folder images; or gcc's."""
    tree = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beside = os.path.join(os.path.dirname(os.path.abspath(images)), "tools", "check-definition")
    return beside if os.path.isfile(beside) else os.path.join(tree, "build/gcc/tools/check-definition")


def disk_names(disks):
    """What root calls these of its disks (qemu.Disk), in their order. The boot volume is ahci0."""
    count = {"nvme": 0, "ahci": 1, "virtio": 0}
    names = []
    for disk in disks:
        names.append(f"{disk.bus}{count[disk.bus]}")
        count[disk.bus] += 1
    return names
