#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the documents of this tree point to is there: targets of links, and paths in code spans that
begin with one of the tree's folders (wildcards match something)."""
import glob
import os
import re
import sys
import unittest

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SKIPPED = {".git", "build"}
FOLDERS = "cmake docs efi hypercall hypervisor lib root tests tools vmbus vsc vsp".split()
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)")
CODE = re.compile(r"`([^`\s]+/[^`\s]*)`")
BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def documents():
    for folder, folders, names in os.walk(TREE):
        folders[:] = [f for f in folders if f not in SKIPPED]
        yield from (os.path.join(folder, n) for n in names if n.endswith(".md"))


def spelled_out(pattern):
    braces = BRACES.search(pattern)
    if not braces:
        return [pattern]
    return [p for part in braces.group(1).split(",")
            for p in spelled_out(pattern[:braces.start()] + part + pattern[braces.end():])]


def missing(path, text):
    """What @text, the document at @path, points to in vain."""
    found = [m for m in LINK.findall(text)
             if not os.path.exists(os.path.join(os.path.dirname(path), m))]
    for span in CODE.findall(text):
        if span.split("/")[0] in FOLDERS:
            found += [p for p in spelled_out(span) if not glob.glob(os.path.join(TREE, p))]
    return found


class LinksTest(unittest.TestCase):
    def test_every_document_points_to_what_is_there(self):
        self.assertTrue(any(documents()))
        for path in documents():
            with self.subTest(os.path.relpath(path, TREE)), open(path, encoding="utf-8") as f:
                self.assertEqual(missing(path, f.read()), [])

    def test_a_dead_link_and_a_dead_path_are_found(self):
        here = os.path.join(TREE, "docs", "x.md")
        self.assertEqual(missing(here, "[a](nowhere.md) [b](boot.md#c) [c](https://a/b)"), ["nowhere.md"])
        self.assertEqual(missing(here, "`docs/{boot,none}.md` `tests/unit/nothing_*` `a/b` `docs/boot.md`"),
                         ["docs/none.md", "tests/unit/nothing_*"])


if __name__ == "__main__":
    sys.exit(unittest.main())
