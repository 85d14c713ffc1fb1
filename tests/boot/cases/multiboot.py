# SPDX-License-Identifier: MIT
"""Multiboot 1 images as children: how they are started, the machine that they find, how they end.

The image is tests/guests/multiboot, which judges itself; a child whose end is to be a failure shows that
failures are seen.
"""
import re

from boottest import Failure, MultibootChild, Test

CHECKS = 43  # of the image


def report(vm, name, wanted):
    """The child's console, after its end, and the status that root shows."""
    vm.send(f"vm start {name}")
    vm.expect(rf"^{name}: started$")
    vm.send(f"wait {name}")
    vm.expect(rf"^{name}: ended with status {wanted}$")
    vm.send("vm list")
    vm.expect(rf"^{name} +off +.* it ended itself with {wanted}$")
    vm.send(f"vm console {name}")
    text = vm.expect(rf"(?s)\n(PASS .*?)^\[{name} does not run; last: it ended itself with {wanted}\]$").group(1)
    vm.expect(r"^root> ")  # before that, keys are the child's
    return re.findall(r"^PASS (.*)$", text, re.MULTILINE), text


def passes(*children):
    """All checks of each child pass, and its status is 0."""
    def script(vm):
        vm.expect(r"^root> ")
        for child in children:
            passed, text = report(vm, child.name, 0)
            if len(set(passed)) != CHECKS or f"multiboot: {CHECKS} checks, 0 failed\n" not in text:
                raise Failure(f"{child.name}: {len(set(passed))} checks:\n{text}")
        vm.send("poweroff")
    return script


def fails(vm):
    """A status of its own is shown as it is, and a check that fails is told and makes status 1."""
    vm.expect(r"^root> ")
    report(vm, "status", 77)
    _, text = report(vm, "wrong", 1)
    failed = re.findall(r"^FAIL (.*)$", text, re.MULTILINE)
    if failed != ["the MADT has all processors: 0x2, not 0x3",
                  "processors that INIT and SIPI start: 0x2, not 0x3",
                  "processors whose APIC ID is their number: 0x2, not 0x3"]:
        raise Failure(f"these checks failed: {failed}")
    ends_again(vm)
    answers_nothing(vm)
    vm.send("poweroff")


def ends_again(vm):
    """A child that ends at once, always, is made to wait for its next start."""
    vm.send("vm start again")
    vm.expect(r"^again: started$")
    vm.send("vm console again")
    vm.expect(r"^\[again: it ended itself with 5; it starts again in a while\]$")
    vm.type("\x1d")
    vm.expect(r"^root> ")
    vm.send("vm stop again")
    vm.expect(r"^again: stopped$")
    vm.send("vm list")
    vm.expect(r"^again +off ")


def answers_nothing(vm):
    """Commands for a child without a shell wait for one until a key ends that."""
    vm.send("vm start silent")
    vm.expect(r"^silent: started$")
    for key in ("\x03", "\x1d"):
        vm.send("vm console silent --exec true")
        vm.type(key)
        vm.expect(r"^vm: no more of the child's console; what was typed there goes on$")
        vm.expect(r"^root> ")


def multiboot(name, *children, **fields):
    return Test(name, children=list(children), script=passes(*children), **fields)


TESTS = [
    multiboot("multiboot-elf", MultibootChild("one", "elf"), MultibootChild("four", "elf", vps=4, memory="96M"),
              group="quick"),
    multiboot("multiboot-flat", MultibootChild("one", "flat"), MultibootChild("two", "flat", vps=2, module_bytes=1)),
    multiboot("multiboot-high", MultibootChild("high", "elf", vps=2, memory="4G"), memory="5G", group="long"),
    Test("multiboot-fails", children=[MultibootChild("status", "flat", arguments="status=77"),
                                      MultibootChild("wrong", "elf", vps=2, arguments="vps=3"),
                                      MultibootChild("again", "flat", arguments="status=5", restart="always"),
                                      MultibootChild("silent", "flat", arguments="wait=1")],
         script=fails, allow=[r"^FAIL\b"]),
]
