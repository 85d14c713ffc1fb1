# SPDX-License-Identifier: MIT
"""What the hypervisor and root count of partitions and of what belongs to them."""
import re

PREFIXES = ("hypervisor.", "root.gpadls", "root.channels")


def counts_in(text):
    """What is counted in what `stats` of each prefix has printed."""
    return sorted(re.findall(r"^(?:hypervisor|root)\.\w+ +\d+$", text, re.MULTILINE))


def counts(vm):
    """What the hypervisor and root count, as text."""
    begin = len(vm.text)
    for prefix in PREFIXES:
        vm.send(f"stats {prefix}")
        vm.expect(rf"^{re.escape(prefix)}\w* +\d+$")
    vm.send(f"echo {vm.nonce} counted")
    vm.expect(rf"^{vm.nonce} counted$")
    return counts_in(vm.text[begin:])
