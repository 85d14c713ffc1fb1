#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of hypercalls in docs/hypercalls.md, from the one that dispatches them.

  tools/hypercalls.py            print it
  tools/hypercalls.py --check    exit status 1 and the differences, if the page has another one
  tools/hypercalls.py --update   put it into the page
"""
import difflib
import os
import re
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(TREE, "docs", "hypercalls.md")
BEGIN, END = "<!-- tools/hypercalls.py -->\n", "<!-- end -->\n"
HEAD = "| Code | Call | Privilege | Input | Output | Rep | Fast |\n|---|---|---|---|---|---|---|\n"


def read(*path):
    with open(os.path.join(TREE, *path), encoding="utf-8") as f:
        return f.read()


def hvabi():
    folder = os.path.join("hypercall", "include", "hvabi")
    return "\n".join(read(folder, name) for name in sorted(os.listdir(os.path.join(TREE, folder))))


class Sizes:
    """What the layouts' assertions say of the expressions that the dispatch table uses."""

    def __init__(self, headers):
        self.sizes = dict(re.findall(r"ABI_SIZE\((struct \w+), (\d+)\)", headers))
        self.offsets = {(s, m): n for s, m, n in
                        re.findall(r"ABI_OFFSET\((struct \w+), (\w+), (\d+)\)", headers)}

    def of(self, expression):
        named = re.fullmatch(r"(IN|OUT)\((\w+)\)", expression)
        if named:
            kind = {"IN": "input", "OUT": "output"}[named.group(1)]
            return self.sizes[f"struct hv_{kind}_{named.group(2)}"]
        measured = re.fullmatch(r"sizeof\((struct \w+)\)", expression)
        if measured:
            return self.sizes[measured.group(1)]
        member = re.fullmatch(r"offsetof\((struct \w+), (\w+)\)", expression)
        return self.offsets[member.groups()] if member else str(int(expression))


def block(sizes, fields, header, element):
    """ "24 + 8 a bank + 8 each": the bytes of a header, of its variable part and of each element of its list."""
    parts = [sizes.of(fields[header])] if header in fields else []
    if header == "in" and "variable" in fields:
        parts.append("8 a bank")
    if element in fields:
        parts.append(sizes.of(fields[element]) + " each")
    return " + ".join(parts) or "-"


def table():
    source, headers = read("hypervisor", "hcall", "dispatch.c"), hvabi()
    sizes = Sizes(headers)
    codes = {name: int(code, 16) for name, code in re.findall(r"\b(HvCall\w+) = (0x[0-9a-f]+)", headers)}
    short = dict(re.findall(r"#define (\w+) +\(?(HV_PRIVILEGE_[\w |]+)\)?$", source, re.MULTILINE))
    lines = []
    for name, body in re.findall(r"\[(HvCall\w+)\] = \{(.*?)\},\n(?=    \[|\};)", source, re.DOTALL):
        handler, privilege, *rest = re.split(r",\s*", body, maxsplit=2)
        fields = dict(re.findall(r"\.(\w+) = ((?:\w+\(.*?\))|\w+)", rest[0] if rest else ""))
        privilege = short.get(privilege, privilege).replace("HV_PRIVILEGE_", "")
        privilege = privilege.replace(" | ", " or ")
        del handler
        lines.append((codes[name], f"| {codes[name]:#06x} | {name} | {'-' if privilege == '0' else privilege} "
                      f"| {block(sizes, fields, 'in', 'in_rep')} | {block(sizes, fields, 'out', 'out_rep')} "
                      f"| {'yes' if 'rep' in fields else '-'} | {'yes' if 'fast' in fields else '-'} |\n"))
    return HEAD + "".join(line for _, line in sorted(lines))


def main():
    if sys.argv[1:] not in ([], ["--check"], ["--update"]):
        sys.exit(__doc__)
    if not sys.argv[1:]:
        print(table(), end="")
        return 0
    page = read(PAGE)
    before, rest = page.split(BEGIN)
    old, after = rest.split(END)
    if sys.argv[1] == "--update":
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(before + BEGIN + table() + END + after)
        return 0
    differences = list(difflib.unified_diff(old.splitlines(), table().splitlines(), PAGE,
                                            "hcall/dispatch.c", lineterm=""))
    print("\n".join(differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
