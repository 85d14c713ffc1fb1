# SPDX-License-Identifier: MIT
"""Children that are hostile to VMBus and to storvsp, one for each case of the guest hostile
(docs/guests.md), beside a sibling that goes on reading another disk."""
import re

from boottest import Failure, Random, Test

# Case with its arguments: the reason in root's log; empty where nothing is refused.
CASES = {
    "gpadl": {
        "gpadl-header": "shares memory whose bytes and pages do not match",
        "gpadl-body": "shares more pages of memory that is complete, or unknown",
        "gpadl-half": "shares more memory than it may",
        "gpadl-pages": "shares pages that cannot be mapped",
        "gpadl-life": "shares memory under a number that is in use",
    },
    "channel": {
        "channel-open": "opens a channel without two rings of whole pages",
        "channel-states": "closes a channel that is not open",
        "channel-rescinded": "opens a channel that is not there, or not closed",
        "channel-unload": "",
        "channel-contact": "posts before contact",
        "channel-contacts": "",
        "channel-truncated step=7": "posts a message of an unknown type",
    },
    "ring": {
        "ring-indices": "the write index is outside of the ring",
        "ring-packets": "a packet's type is unknown",
        "ring-race": "a packet",
        "ring-deaf": "",
    },
    "srb": {
        "srb-early": "a request before initialisation is over",
        "srb-wrong": "a request's data is not as long as it says",
        "srb-pages": "a request's data is not in RAM",
        "srb-kinds": "an operation that is none",
        "srb-same": "",
        "sub-channels": "",
    },
    "floods": {
        "gpadl-half count=100000": "shares more memory than it may",
        "channel-contacts count=20000": "",
        "channel-truncated": "posts a message of an unknown type",
        "ring-race count=1000": "a packet",
        "srb-same count=20000": "",
    },
}
READ = r"\[disk\] disk: sha256=([0-9a-f]{64}) bytes=\d+\n"


def attempt(vm, name, case, reason):
    """All that must be refused is, the controller works afterwards, and root says why it refused."""
    vm.send(f"start {name} hostile disk=ahci1,ro vps=2 case={case}")
    vm.expect(rf"\[{name}\] hostile: {case.split()[0]} ok$")
    vm.expect(rf"child {name}: ended: it ended itself with 0$")
    if reason and not re.search(rf"child {name}: (VMBus|channel \d+): {reason}", vm.text):
        raise Failure(f"{case}: root's log does not say: {reason}")


def contained(section, **fields):
    """The cases of a section one after the other; what the sibling reads is right all the time."""
    def script(vm):
        vm.expect(r"^root> $")
        vm.send("start disk disk=nvme0,ro vps=2 forever=1")
        vm.expect(READ)
        for number, (case, reason) in enumerate(CASES[section].items()):
            attempt(vm, f"h{number}", case, reason)
        vm.expect(READ)
        vm.send("stop disk")
        vm.expect(r"child disk: ended: it was stopped$")
        vm.send("poweroff")

    def check(vm):
        hashes = re.findall(READ, vm.text)
        if any(h != vm.disks[0].sha256_before for h in hashes):
            raise Failure(f"the sibling's hashes: {hashes}")
    return Test(f"hostile-{section}", smp=2, memory="1G",
                disks=[Random("nvme", 16), Random("ahci", 16)], script=script, after=check,
                forbid=[r"hostile: .*WRONG", r"hostile: .* failed$"], **fields)


TESTS = [contained(section, timeout=300) for section in ("gpadl", "channel", "ring", "srb")] + [
    contained("floods", timeout=1200, group="long")]
