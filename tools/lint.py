#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the house rules that a compiler does not.

  tools/lint.py [FOLDER]    the tree at FOLDER, by default the one this file is in

Prints one `file:line: rule: explanation` for each breach; exit status 1 if there is any.
"""
import os
import re
import sys

SKIPPED_FOLDERS = {".git", "build", "corpus", "__pycache__"}
CODE = (".c", ".h", ".asm")
CHECKED = CODE + (".py", ".cmake", ".ld", ".txt", ".in")

FUNCTION_LINES = 100
FILE_LINES = 700
LINE_LENGTH = 110  # clang-format breaks at 100; not in tables and the like

# Inline assembly lives here and nowhere else.
ASM_FILES = {"lib/x86/include/x86/insn.h", "lib/rt/mem.c"}

# Where #include looks, relative to the tree; the including file's folder comes first.
INCLUDE_FOLDERS = ["hypercall/include", "hypercall/client/include", "lib/rt/include",
                   "lib/x86/include", "lib/kern/include", "vmbus/include", "vsp/include",
                   "hypervisor", "root", "root/user", "efi", "."]

# Files below the first may include files below these and no others of this tree.
MAY_INCLUDE = [
    ("lib/rt/", ["lib/rt/"]),
    ("lib/x86/", ["lib/rt/", "lib/x86/"]),
    ("lib/kern/", ["lib/", "hypercall/include/"]),
    ("hypercall/include/", ["hypercall/include/"]),
    ("hypercall/", ["hypercall/", "lib/rt/", "lib/x86/"]),
    ("efi/", ["efi/", "hypercall/include/", "lib/rt/", "lib/x86/"]),
    ("hypervisor/", ["hypervisor/", "hypercall/include/", "lib/rt/", "lib/x86/"]),
    ("vmbus/", ["vmbus/", "hypercall/include/", "lib/rt/"]),
    ("root/user/definition/", ["root/user/definition/"]),
    ("root/user/vmwp/boot/", ["root/user/vmwp/boot/", "root/user/vmwp/ram.h", "hypercall/include/",
                              "lib/x86/"]),
    ("vsp/include/", ["vsp/include/", "hypercall/include/"]),
    ("vsp/", ["vsp/", "vmbus/", "hypercall/include/", "lib/rt/"]),
    ("vsc/", ["vsc/", "vsp/include/", "vmbus/", "hypercall/include/", "lib/rt/"]),
]

# Files below the first never include files below these.
NEVER_INCLUDES = [
    ("hypervisor/core/", ["hypervisor/virt/svm/", "hypervisor/virt/vmx/"]),
    ("hypervisor/hcall/", ["hypervisor/virt/svm/", "hypervisor/virt/vmx/"]),
    ("hypervisor/synic/", ["hypervisor/virt/svm/", "hypervisor/virt/vmx/"]),
    ("hypervisor/emul/", ["hypervisor/virt/svm/", "hypervisor/virt/vmx/"]),
    ("hypervisor/mm/", ["hypervisor/virt/svm/", "hypervisor/virt/vmx/"]),
    ("hypervisor/virt/svm/", ["hypervisor/virt/vmx/", "hypervisor/hcall/"]),
    ("hypervisor/virt/vmx/", ["hypervisor/virt/svm/", "hypervisor/hcall/"]),
    ("root/", ["hypervisor/", "efi/"]),
    ("tests/guests/", ["hypervisor/", "efi/", "root/", "vsp/storvsp/"]),
]

ASM = re.compile(r"\b(?:__asm__|__asm|asm)\b")
CONDITIONAL = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif|else|endif)\b")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
IS_INCLUDE = re.compile(r"\s*#\s*include\b")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
COMMENT_OR_LITERAL = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def without_comments(text):
    """@text with comments, strings and characters blanked; the lines stay where they are."""
    return COMMENT_OR_LITERAL.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


class File:
    """One file and what is wrong with it: a list of (line, rule, explanation)."""

    def __init__(self, tree, path):
        self.tree, self.path = tree, path
        with open(os.path.join(tree, path), encoding="utf-8") as f:
            self.text = f.read()
        self.lines = self.text.splitlines()
        self.breaches = []
        self.guard = None

    def report(self, line, rule, explanation):
        self.breaches.append((line, rule, explanation))

    def check(self):
        self.check_text()
        if self.path.endswith(CODE + (".py",)) and self.lines:
            self.check_file()
        if self.path.endswith((".c", ".h")):
            self.check_c()

    def check_text(self):
        for number, line in enumerate(self.lines, 1):
            if UNFINISHED.search(line):
                self.report(number, "unfinished", "finish it, or file an issue")
            if line != line.rstrip() or "\r" in line:
                self.report(number, "blanks", "blanks at the end of the line")
            if self.path.endswith(CODE):
                if "\t" in line:
                    self.report(number, "blanks", "a tabulator")
                if len(line) > LINE_LENGTH:
                    self.report(number, "line-length", f"{len(line)} characters")

    def check_file(self):
        if not any("SPDX-License-Identifier: MIT" in line for line in self.lines[:2]):
            self.report(1, "licence", "no SPDX line at the top")
        if len(self.lines) > FILE_LINES:
            self.report(1, "file-length", f"{len(self.lines)} lines, {FILE_LINES} at most")

    def check_c(self):
        code = without_comments(self.text).splitlines()
        for number, line in enumerate(code, 1):
            if ASM.search(line) and self.path not in ASM_FILES and not self.path.endswith("/offsets.c"):
                self.report(number, "asm", "inline assembly belongs into lib/x86's insn.h")
            if CONDITIONAL.match(line) and self.path.endswith(".c"):
                self.report(number, "conditional", "twin files or constants, no #if in .c")
            if IS_INCLUDE.match(line) and INCLUDE.match(self.lines[number - 1]):
                self.check_include(number, INCLUDE.match(self.lines[number - 1]).group(1))
        self.check_functions(code)
        if self.path.endswith(".h"):
            self.check_guard(code)

    def check_functions(self, code):
        start = None
        for number, line in enumerate(code, 1):
            if line.rstrip() == "{":
                start = number
            elif line.startswith("}") and start is not None:
                length = number - start - 1
                if length > FUNCTION_LINES:
                    self.report(start, "function-length",
                                f"{length} lines, {FUNCTION_LINES} at most")
                start = None

    def check_guard(self, code):
        lines = [line.split() for line in code if line.strip()]
        if (len(lines) < 3 or lines[0][:1] != ["#ifndef"] or lines[1][:1] != ["#define"]
                or lines[0][1:2] != lines[1][1:2] or lines[-1][0] != "#endif"):
            self.report(1, "guard", "no include guard around the whole header")
        else:
            self.guard = lines[0][1]

    def resolve(self, name):
        """The file of this tree that #include of @name means, None if it is none of it."""
        if "/" not in name and not os.path.isfile(
                os.path.join(self.tree, os.path.dirname(self.path), name)):
            return None  # <elf.h>: a bare name is the system's, or in the same folder
        for folder in [os.path.dirname(self.path)] + INCLUDE_FOLDERS:
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(os.path.join(self.tree, path)):
                return path
        return None

    def check_include(self, number, name):
        target = self.resolve(name)
        if target is None:
            return
        for folder, allowed in MAY_INCLUDE:
            if self.path.startswith(folder):
                if not target.startswith(tuple(allowed)):
                    self.report(number, "layering", f"{folder} may not include {target}")
                break
        for folder, refused in NEVER_INCLUDES:
            if self.path.startswith(folder) and target.startswith(tuple(refused)):
                self.report(number, "layering", f"{folder} may not include {target}")


def files_of(tree):
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith(CHECKED):
                yield os.path.relpath(os.path.join(folder, name), tree)


def check_tree(tree):
    """All breaches of the tree at @tree, as printed lines."""
    found, guards = [], {}
    for path in files_of(tree):
        file = File(tree, path)
        file.check()
        if file.guard is not None and guards.setdefault(file.guard, path) != path \
                and "/fakes/" not in path:
            file.report(1, "guard", f"{file.guard} is also that of {guards[file.guard]}")
        found += [f"{path}:{line}: {rule}: {explanation}"
                  for line, rule, explanation in file.breaches]
    return found


def main():
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    found = check_tree(os.path.normpath(sys.argv[1] if len(sys.argv) > 1 else default))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
