# SPDX-License-Identifier: MIT
"""What the console says of toy guests."""
import re

from .vm import Failure


def hello_lines(vps):
    """Patterns: hello with so many VPs runs to its end."""
    return [r"\[hello\] hello: VP \d+ APIC \d+ nonce {nonce}$"] * vps + [
        rf"\[hello\] hello: {vps} VPs done$", r"child hello: ended: it ended itself with 0$"]


def every_vp_once(vm):
    """Each VP of hello printed its line once, with its own APIC ID and this run's nonce."""
    found = re.findall(r"hello: VP (\d+) APIC (\d+) nonce " + vm.nonce, vm.text)
    if len(found) != len(set(found)) or any(vp != apic for vp, apic in found):
        raise Failure(f"VPs and APIC ids: {found}")
