# SPDX-License-Identifier: MIT
"""What the hypervisor and root count of partitions and of what belongs to them."""
import re


def counts(vm):
    """What the hypervisor and root count, as text."""
    begin = len(vm.text)
    for prefix in ("hypervisor.", "root.gpadls", "root.channels"):
        vm.send(f"stats {prefix}")
        vm.expect(rf"^{re.escape(prefix)}\w* +\d+$")
    vm.send(f"echo {vm.nonce} counted")
    vm.expect(rf"^{vm.nonce} counted$")
    return sorted(re.findall(r"^(?:hypervisor|root)\.\w+ +\d+$", vm.text[begin:], re.MULTILINE))
