# SPDX-License-Identifier: MIT
"""The description of a boot test, and finding the descriptions."""
import fnmatch
import importlib.util
import os
from dataclasses import dataclass, field
from typing import Callable, Optional

GROUPS = ("quick", "normal", "long")
# OVMF makes page tables of 2 MiB for all that a processor could address, which takes a quarter of its time
# where that is 1 TiB, as otherwise with this one. It is a quarter of that here.
CPU = "max,+svm,phys-bits=38"

# What no test wants to see unless it says so (Test.allow).
ALWAYS_FORBIDDEN = (r"(?i)^(\[[ \d.]+\] )?(\w+: )?\W*panic\b", r"^FAIL\b", r"\] vmwp: FAIL\b", r"X64 Exception Type", r"cannot boot",
                    r"root VP \d+: rip .* denied")


class UnknownTest(Exception):
    pass


@dataclass
class Test:
    """One machine from power-on to its end. In texts, {nonce} becomes a random number that the test
    and its machine share, {disk0} the SHA-256 of the first disk before the start, and so on."""
    name: str
    group: str = "normal"
    # The machine.
    smp: int = 2
    memory: str = "512M"
    cpu: str = CPU
    icount: bool = False
    first_guest: bool = False  # as a guest of KVM in a Linux on one CPU, by instruction counts
    disks: list = field(default_factory=list)  # Mixed(), Random(), Blank()
    esp_bus: str = "ahci"  # of the disk that it starts from
    lean: bool = True  # OVMF without what only takes time, not as Debian has it
    qemu: list = field(default_factory=list)  # more QEMU arguments; {work} is the test's folder
    children: list = field(default_factory=list)  # LinuxChild(), MultibootChild()
    direct: bool = False  # not Verdigris, but the only one of children on the machine itself
    # What it boots: build/<preset>/images, or these files of that folder instead.
    hypervisor: Optional[str] = None
    root: Optional[str] = None
    modules: Optional[list] = None  # names below images/; None: the shell and the toy guests
    launchtype: str = "auto"
    startup: Optional[str] = None
    commands: Optional[str] = None  # exec = ...
    options: dict = field(default_factory=dict)  # more keys of boot.cfg
    boot_cfg: Optional[str] = None  # the whole file instead of all of the above; "" for none at all
    # Not that, but what tools/run-qemu (./verdigris run) boots with these arguments, in which
    # {work} is the test's folder with boot.cfg in it, {disk_path0} the first disk, {firmware} a lean OVMF.
    run: Optional[list] = None
    # The same by ./verdigris run; or, without run, what ./verdigris image makes. Both build first.
    front_end: bool = False
    # What must happen: the patterns of expect in this order, then script(vm), then the end.
    expect: list = field(default_factory=list)
    script: Optional[Callable] = None
    forbid: list = field(default_factory=list)
    allow: list = field(default_factory=list)  # patterns of ALWAYS_FORBIDDEN that may appear
    exits: bool = True  # the machine must end by itself ...
    status: int = 0  # ... with this exit status of QEMU
    after: Optional[Callable] = None  # after(vm), when the machine has ended
    timeout: float = 120  # seconds, for everything

    def __post_init__(self):
        if self.group not in GROUPS:
            raise ValueError(f"{self.name}: no group {self.group!r}")
        if not (self.expect or self.script or self.after):
            raise ValueError(f"{self.name}: nothing must happen")
        if self.direct and len(self.children) != 1:
            raise ValueError(f"{self.name}: direct, but not one child")

    def forbidden(self):
        return [p for p in ALWAYS_FORBIDDEN if p not in self.allow] + list(self.forbid)


def load_file(path):
    """A case file as a module."""
    spec = importlib.util.spec_from_file_location("cases_" + os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(folder):
    """All tests of the case files in folder."""
    tests = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            tests += load_file(os.path.join(folder, name)).TESTS
    names = [t.name for t in tests]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise ValueError(f"boot tests of the same name: {', '.join(sorted(twice))}")
    return tests


def select(tests, names, group):
    """The tests that the names match, or without names those of the group."""
    for pattern in names:
        if not any(fnmatch.fnmatch(t.name, pattern) for t in tests):
            raise UnknownTest(f"no test is called {pattern}")
    if names:
        return [t for t in tests if any(fnmatch.fnmatch(t.name, n) for n in names)]
    return [t for t in tests if GROUPS.index(t.group) <= GROUPS.index(group)]
