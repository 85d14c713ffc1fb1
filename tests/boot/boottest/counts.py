# SPDX-License-Identifier: MIT
"""What the hypervisor and root count of partitions and of what belongs to them."""
import re
import time

from .vm import Failure

SINCE_START = ("root.deposits", "root.ends_amidst_io")  # these only grow
LEAST = 12  # numbers
PATIENCE = 60  # seconds, until what has ended has given all back
COUNTING = ("stats hypervisor.", "stats root.", "memory")  # what root's shell is asked


def counts_in(text):
    """What COUNTING has printed, by name."""
    found = re.findall(r"^((?:hypervisor|root)\.\w+|free) +(\d+)(?: KiB)?$", text, re.MULTILINE)
    return {name: int(value) for name, value in found if name not in SINCE_START}


def counts(vm):
    """What the hypervisor and root count, and root's free memory in KiB."""
    begin = len(vm.text)
    for line in (*COUNTING, f"echo {vm.nonce} counted"):
        vm.send(line)
    vm.expect(rf"^{vm.nonce} counted$")
    return counts_in(vm.text[begin:])


def difference(before, after, slack):
    """Of two counts, as text; empty: there is none. Those of slack may have moved by so much."""
    return ", ".join(f"{name} {before.get(name)} -> {after.get(name)}" for name in sorted(before | after)
                     if name not in before or name not in after or
                     abs(after[name] - before[name]) > slack.get(name, 0))


def counts_return(vm, before, slack=None):
    """All that is counted is as it was before, now or soon."""
    if len(before) < LEAST:
        raise Failure(f"only this is counted: {before}")
    deadline = time.monotonic() + PATIENCE
    while found := difference(before, counts(vm), slack or {}):
        if time.monotonic() > deadline:
            raise Failure(f"counted before and after: {found}")
        time.sleep(0.2)
