# SPDX-License-Identifier: MIT
"""Children: they start, are seen, end, and give everything back."""
import re

from boottest import Failure, Test


def hello_lines(vps):
    return [rf"\[hello\] hello: VP \d+ APIC \d+ nonce {{nonce}}$"] * vps + [
        rf"\[hello\] hello: {vps} VPs done$", r"child hello: ended: it ended itself with 0$"]


def every_vp_once(vm):
    found = re.findall(r"hello: VP (\d+) APIC (\d+) nonce " + vm.nonce, vm.text)
    if len(found) != len(set(found)) or any(vp != apic for vp, apic in found):
        raise Failure(f"VPs and APIC ids: {found}")


def hello(smp, vps, group="normal", **fields):
    return Test(f"hello-{smp}-lps-{vps}-vps", smp=smp, group=group,
                commands=f"start hello vps={vps} nonce={{nonce}}; wait hello 60",
                expect=hello_lines(vps) + [r"^exec: 2 commands, 0 failed"], after=every_vp_once,
                **fields)


CYCLES = 10


def nothing_leaked(vm):
    free = re.findall(r"^free +(\d+) KiB", vm.text, re.MULTILINE)
    pages = re.findall(r"root\.deposited_pages +(\d+)", vm.text)
    if len(free) != 2 or pages[-1:] != ["0"]:
        raise Failure(f"free memory {free}, deposited pages {pages}")


def cycles(name, command, **fields):
    """The first cycle warms root's caches up; after it memory is the same."""
    line = "; ".join([command] * CYCLES)
    return Test(name, timeout=240, commands=f"{command}; memory; {line}; memory; stats root",
                expect=[r"^exec: \d+ commands, 0 failed"], after=nothing_leaked, **fields)


def attack(name, vps=1, group="normal", reason=None, sibling=False, **fields):
    """The attacker does its worst while a sibling runs; then root's shell answers."""
    start = f"start crash vps={vps} attack={name}"
    return Test(f"attack-{name}", group=group, smp=2, timeout=240,
                commands=f"{start}; start hello vps=2 nonce={{nonce}}; wait hello 60; "
                         f"sleep 1; stop crash; wait crash 30; lps",
                expect=hello_lines(2) + ([reason] if reason else []) + [r"^2 LPs, up"],
                **fields)


TESTS = [
    hello(1, 1), hello(1, 4), hello(2, 2, group="quick"), hello(4, 4),
    cycles("cycles-to-the-end", "start hello vps=2 nonce=x; wait hello 60"),
    cycles("cycles-stopped", "start spin vps=2 rounds=0; stop spin; wait spin 60"),
]
