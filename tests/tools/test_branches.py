#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No indirect branch of a hypervisor's image can be steered by what a guest taught the predictors.

  test_branches.py OBJDUMP IMAGE [traps]

Every indirect call and jump goes through a thunk; with `traps`, a trap follows each return. Exit
status 1 and the places, if it is not so."""
import re
import subprocess
import sys

# Once, before there is a guest.
BEFORE_GUESTS = {"stack_switch"}
FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(.*\S)\s*$")
INDIRECT = re.compile(r"^(?:notrack )?(?:call|jmp)q? +\*")
RETURN = re.compile(r"^(?:repz? )?retq?\b")


def breaches(listing, traps):
    """What is wrong with the disassembly @listing, line by line; how many returns it has."""
    found, returns, function, after = [], 0, "?", None
    for line in listing.splitlines():
        name = FUNCTION.match(line)
        if name:
            function = name.group(1)
            continue
        instruction = INSTRUCTION.match(line)
        if not instruction:
            continue
        address, text = instruction.groups()
        if traps and after and text != "int3":
            found.append(f"{after}: a return without a trap behind it")
        after = None
        if INDIRECT.match(text) and function not in BEFORE_GUESTS:
            found.append(f"{address} <{function}>: {text}")
        if RETURN.match(text):
            returns += 1
            after = f"{address} <{function}>"
    return found, returns


def main():
    objdump, image = sys.argv[1:3]
    listing = subprocess.run([objdump, "-d", "--no-show-raw-insn", image], check=True,
                             capture_output=True, text=True).stdout
    found, returns = breaches(listing, sys.argv[3:] == ["traps"])
    print("\n".join(found))
    return 1 if found or returns == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
