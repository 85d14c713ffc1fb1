# SPDX-License-Identifier: MIT
"""Children of the Multiboot images of tests/guests/multiboot."""
import hashlib
import os
import secrets
from dataclasses import dataclass, field

from vmachine import child, qemu

MIB = 1 << 20


@dataclass
class MultibootChild:
    """The image that judges itself. It is told on its command line what it has to find; its module is random bytes."""
    name: str
    kind: str = "elf"  # or flat
    vps: int = 1
    memory: str = "64M"
    module_bytes: int = 100003
    arguments: str = ""  # go before these
    restart: str = "never"

    def make(self, place, folder):
        """What boots as a child in a test at place."""
        content, text = secrets.token_bytes(self.module_bytes), secrets.token_hex(8)
        module = os.path.join(folder, self.name + ".module")
        with open(module, "wb") as f:
            f.write(content)
        image = os.path.join(place.images, "tests", "multiboot", "multiboot." + self.kind)
        words = [self.arguments, f"name={os.path.basename(image)}", f"vps={self.vps}",
                 f"memory={qemu.size_mib(self.memory) * MIB}", f"module={os.path.basename(module)}",
                 f"text={text}", f"bytes={len(content)}",
                 f"sha256={hashlib.sha256(content).hexdigest()}"]
        return child.MultibootChild(self.name, image, " ".join(words).strip(), self.vps, self.memory,
                                    [(module, text)], restart=self.restart)


@dataclass
class ToyChild:
    """A toy guest with a worker."""
    name: str
    image: str  # the name of its file
    arguments: str = ""
    vps: int = 1
    memory: str = "16M"
    disks: list = field(default_factory=list)
    networks: list = field(default_factory=list)
    restart: str = "never"

    def make(self, place, _folder):
        """What boots as a child in a test at place."""
        image = os.path.join(place.images, "tests", "multiboot", self.image)
        return child.MultibootChild(self.name, image, f"vps={self.vps} {self.arguments}".strip(), self.vps,
                                    self.memory, disks=self.disks, networks=self.networks, restart=self.restart)
