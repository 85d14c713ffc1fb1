# SPDX-License-Identifier: MIT
"""Initial RAM file systems of Linux, written without root rights."""
import os
import stat


class Initramfs:
    """A cpio archive, format newc (Documentation/driver-api/early-userspace/buffer-format), not
    compressed. The same content makes the same bytes."""

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

    def link(self, path, target):
        self._content(path, target.encode(), stat.S_IFLNK | 0o777)

    def text(self, path, text):
        self._content(path, text.encode())

    def file(self, path, source):
        with open(source, "rb") as f:
            self._content(path, f.read())

    def _content(self, path, content, mode=stat.S_IFREG | 0o755):
        self.folder(os.path.dirname(path))
        self._entry(path.strip("/"), mode, len(content))
        self._file.write(content)
        self._pad()

    def end(self):
        self._entry("TRAILER!!!", 0, 0)
