# SPDX-License-Identifier: MIT
"""Modules of an unpacked kernel package, what they depend on, and the files that modprobe reads.

The package has no modules.dep: installing it would make one. What depmod would find out stands in
each module's section .modinfo, as NUL-terminated texts `key=value`."""
import os
import re

INFO = {key: re.compile(rb"(?<=\0)" + key.encode() + rb"=([^\0]*)\0") for key in ("depends", "alias")}


def _name(text):
    """A module's name as the kernel spells it."""
    return text.replace("-", "_")


class KernelModules:
    """Those below lib/modules/RELEASE of the folder of a package."""

    def __init__(self, package, release):
        self.folder = os.path.join(package, "lib", "modules", release)
        self._paths = {}
        for at, _, names in os.walk(self.folder):
            for name in names:
                if name.endswith(".ko"):
                    path = os.path.relpath(os.path.join(at, name), self.folder)
                    self._paths[_name(name.removesuffix(".ko"))] = path
        with open(os.path.join(self.folder, "modules.builtin"), encoding="ascii") as f:
            self._builtin = {_name(os.path.basename(line.strip()).removesuffix(".ko")) for line in f}

    def __contains__(self, name):
        return _name(name) in self._paths

    def path(self, name):
        """Below the folder. ValueError: there is no such module."""
        if name not in self:
            raise ValueError(f"{self.folder} has no module {name}")
        return self._paths[_name(name)]

    def _info(self, name, key):
        with open(os.path.join(self.folder, self.path(name)), "rb") as f:
            return [text.decode("ascii", "replace") for text in INFO[key].findall(f.read())]

    def depends(self, name):
        return [_name(d) for text in self._info(name, "depends") for d in text.split(",") if d]

    def closure(self, names):
        """The modules and all that they depend on, what is needed first; without what is built into
        the kernel. ValueError: one is neither there nor built in."""
        ordered = []

        def add(name):
            if _name(name) not in ordered and _name(name) not in self._builtin:
                for other in self.depends(name):
                    add(other)
                ordered.append(_name(name))
        for name in names:
            add(name)
        return ordered

    def dep(self, names):
        """The text of modules.dep for these modules: each with all that it depends on, what is
        needed first at the end."""
        def line(name):
            needed = reversed(self.closure([name])[:-1])
            return " ".join([self.path(name) + ":", *map(self.path, needed)]) + "\n"
        return "".join(map(line, names))

    def aliases(self, names):
        """The text of modules.alias for these modules."""
        return "".join(f"alias {alias} {_name(n)}\n" for n in names for alias in self._info(n, "alias"))
