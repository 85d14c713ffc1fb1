#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the house rules that no compiler checks; one line of output for each breach.

  tools/lint.py           the whole tree
  tools/lint.py FILE...   single files
"""
import os
import re
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES_MAX = 600
COLUMNS_MAX = 100
FUNCTION_MAX = 100
ASM_ALLOWED = ("lib/x86/include/x86/insn.h", "lib/rt/mem.c")
SPDX = "SPDX-License-Identifier: MIT"
SOURCE = re.compile(r"\.(c|h|asm|py|sh|ld)$")

FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "unfinished work does not go in"),
    (re.compile(r"[ \t]+$"), "white space at the end"),
]


def tracked_files():
    """Files of git, or where there is no git, all files outside build/."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TREE,
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [f for f in listed.stdout.splitlines() if os.path.isfile(os.path.join(TREE, f))]
    found = []
    for folder, folders, names in os.walk(TREE):
        folders[:] = [d for d in folders if d not in ("build", ".git")]
        found += [os.path.relpath(os.path.join(folder, n), TREE) for n in names]
    return found


def is_checked(path):
    if "/corpus/" in path:
        return False
    return bool(SOURCE.search(path)) or path in ("verdigris", ".ci/run") or path.startswith("tools/")


def check_lines(path, lines):
    limit = COLUMNS_MAX if re.search(r"\.(c|h|asm)$", path) else None
    for number, line in enumerate(lines, 1):
        if limit and len(line) > limit:
            yield number, f"longer than {limit} columns"
        if "\t" in line and not path.endswith(".md"):
            yield number, "a tab"
        for pattern, why in FORBIDDEN:
            if pattern.search(line) and path != "tools/lint.py":
                yield number, why


def check_opening(path, lines):
    head = lines[:3]
    if not any(SPDX in line for line in head):
        yield 1, f"does not begin with {SPDX}"
    if not path.endswith((".c", ".h")) or len(lines) < 2:
        return
    opening = lines[1]
    if not opening.startswith("/* ") or not re.search(r"\S+\.(c|h)\b", opening):
        yield 2, "the second line does not name the file and its purpose"


def check_c(path, lines):
    if len(lines) > LINES_MAX:
        yield LINES_MAX, f"the file is longer than {LINES_MAX} lines"
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(__asm__|asm)\b\s*(volatile|\()", line) and path not in ASM_ALLOWED:
            yield number, "inline assembly belongs in x86/insn.h"
        if path.endswith(".c") and re.match(r"\s*#\s*(if|ifdef|ifndef)\b", line):
            yield number, "conditional compilation in a .c file"
    if path.endswith(".h") and not path.startswith("tests/unit/fakes/"):
        text = "\n".join(lines)
        if not re.search(r"^#ifndef (\w+_H)\n#define \1$", text, re.MULTILINE) \
                and "#pragma once" not in text:
            yield 1, "no include guard"


def check_functions(lines):
    """A function's body is between a '{' and a '}' in the first column."""
    began = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            began = number
        elif line.startswith("}") and began is not None:
            if number - began - 1 > FUNCTION_MAX:
                yield began, f"the function is longer than {FUNCTION_MAX} lines"
            began = None


def check_file(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        lines = f.read().split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        yield len(lines), "no line end at the end of the file"
    yield from check_lines(path, lines)
    yield from check_opening(path, lines)
    if path.endswith((".c", ".h")):
        yield from check_c(path, lines)
        yield from check_functions(lines)


def main():
    paths = [os.path.relpath(os.path.abspath(p), TREE) for p in sys.argv[1:]] or tracked_files()
    breaches = 0
    for path in sorted(p for p in paths if is_checked(p)):
        for number, why in check_file(path):
            print(f"{path}:{number}: {why}")
            breaches += 1
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
