# SPDX-License-Identifier: MIT
"""Debian packages that `./verdigris setup --children` has unpacked into build/packages, each into a
folder of the name it was asked for by. None of them is installed here."""
import os
import re
import subprocess

SETUP = "./verdigris setup --children"
LIBRARY_FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu",
                   "usr/lib/x86_64-linux-gnu/ceph")  # where librados looks, which fio needs
NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")


class Packages:
    """The folder build/packages of a build."""

    def __init__(self, build):
        self.folder = os.path.join(build, "packages")

    def unpacked(self, name):
        """The folder of a package. ValueError: it is not there."""
        path = os.path.join(self.folder, name)
        if not os.path.isdir(path):
            raise ValueError(f"the package {name} is not there: {SETUP}")
        return path

    def file(self, name, path):
        """A file of a package. ValueError: it is not there."""
        found = os.path.join(self.unpacked(name), path)
        if not os.path.isfile(found):
            raise ValueError(f"the package {name} has no {path}")
        return found

    def kernel(self, name):
        """(image, release) of a kernel package."""
        boot = os.path.join(self.unpacked(name), "boot")
        images = [n for n in sorted(os.listdir(boot)) if n.startswith("vmlinuz-")]
        if not images:
            raise ValueError(f"the package {name} has no kernel")
        return os.path.join(boot, images[-1]), images[-1].removeprefix("vmlinuz-")

    def _library(self, soname):
        for package in sorted(os.listdir(self.folder)):
            for folder in LIBRARY_FOLDERS:
                path = os.path.join(self.folder, package, folder, soname)
                if os.path.exists(path):
                    return path, os.path.join(folder, soname)
        raise ValueError(f"no package of {self.folder} has {soname}: {SETUP}")

    def libraries(self, programs):
        """{path on the system: file} of the shared libraries that the programs, files, need."""
        found, open_ = {}, list(programs)
        while open_:
            listed = subprocess.run(["readelf", "-d", open_.pop()], check=True, capture_output=True,
                                    text=True, env={**os.environ, "LC_ALL": "C"}).stdout
            for soname in NEEDED.findall(listed):
                source, target = self._library(soname)
                if target not in found:
                    found[target] = source
                    open_.append(source)
        return found
