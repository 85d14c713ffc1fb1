# SPDX-License-Identifier: MIT
"""A child that does to root's bus and disks what no driver does, beside one that just reads.

The toy guest hostile judges what comes back to it. Here is judged what it does to others: its
neighbour, at work on a disk of its own, reads on and reads the right bytes, each request answered
once; root's shell answers meanwhile; and root's log has the reason of each containment.
"""
import re
from dataclasses import dataclass

from boottest import Failure, Random, Test

MIB = 1 << 20
NEIGHBOUR_MIB = 4
BAD = r"child bad: (channel \d+|VMBus): "


@dataclass
class Case:
    name: str
    reasons: tuple = ()  # in root's log; none: it may do this, and just gets no further
    arguments: str = ""
    loops: int = 3  # of the neighbour, which is to be at work as long


GPADL = [
    Case("gpadl-header", ("shares memory of more than one range, or none",
                          "shares memory whose bytes and pages do not match",
                          "shares no bytes, or not from the first page on",
                          "shares more pages than it said, or parts of page numbers")),
    Case("gpadl-body", ("shares more pages than it said, or parts of page numbers",
                        "shares more pages of memory that is complete, or unknown")),
    Case("gpadl-half", ("shares more memory than it may",)),
    Case("gpadl-pages", ("shares pages that cannot be mapped",)),
    Case("gpadl-life", ("shares memory under a number that is in use",
                        "tears memory down that it does not share",
                        "shares memory for a channel that is not there")),
]
CHANNEL = [
    Case("channel-open", ("opens a channel that is not there, or not closed",
                          "opens a channel without two rings of whole pages",
                          "an index of a new ring is outside of it")),
    Case("channel-states", ("closes a channel that is not open",
                            "modifies a channel that is not open",
                            "modifies a channel for a VP that does not exist",
                            "releases a relid that is not its to release",
                            "requests offers twice")),
    Case("channel-unload"),
    Case("channel-contact", ("posts before contact, or while the bus is reset",
                             "wants messages on another SINT",
                             "wants messages on a VP that does not exist")),
    Case("channel-contacts"),
    Case("channel-truncated", ("posts a message of an unknown type",
                               "posts a message that is too short or too long to be one"),
         "step=3", loops=8),
    Case("channel-rescinded", ("opens a channel that is not there, or not closed",
                               "releases a relid that is not its to release")),
]
RING = [
    Case("ring-indices", ("the write index is outside of the ring",
                          "the read index is outside of the ring",
                          "the read index moved back, or beyond what was written",
                          "the writer changed the read index",
                          "the reader changed the write index")),
    Case("ring-packets", ("a packet's type is unknown",
                          "a packet is longer than what was written",
                          "a packet's ranges and their pages do not match",
                          "a packet's payload begins outside of it")),
    # VP 1 changes the packet all the while: which of its forms root sees is chance.
    Case("ring-race", ("a .*",), loops=12),
    Case("ring-deaf"),
]
SRB = [
    Case("srb-early", ("a request before initialisation is over", "an operation out of order")),
    Case("srb-wrong", ("a request's data is not as long as it says",)),
    Case("srb-pages", ("a request's data is not in RAM",
                       "a request's data is not as long as it says")),
    Case("srb-kinds", ("a packet that wants no answer", "an operation that is none",
                       "a packet of a wrong kind or length")),
    Case("srb-same"),
    Case("sub-channels"),
]

FLOODS = [
    Case("gpadl-half", ("shares more memory than it may",), "count=100000", loops=8),
    Case("channel-contacts", (), "count=20000", loops=8),
    Case("ring-race", ("a .*",), "count=1000", loops=16),
    Case("srb-same", (), "count=20000", loops=8),
]


def start(vm, case):
    """The neighbour is at work when the case begins."""
    vm.send(f"start good disk disk=nvme0,ro ledger=1 loops={case.loops}")
    vm.expect(r"\[good\] disk: size=")
    vm.send(f"start bad hostile disk=ahci1 vps=2 case={case.name} {case.arguments}")
    vm.expect(rf"\[bad\] hostile: {case.name} starts$")


def shell_answers(vm, case):
    vm.send(f"echo {vm.nonce} {case.name}")
    vm.expect(rf"^{vm.nonce} {case.name}$")
    vm.send("channels")
    vm.expect(r"^good +1\.0 +storvsp +open ")


def check_hashes(vm, case, text):
    hashes = re.findall(r"\[good\] disk: sha256=([0-9a-f]+) bytes=(\d+)$", text, re.MULTILINE)
    if hashes != [(vm.disks[0].sha256_before, str(NEIGHBOUR_MIB * MIB))] * case.loops:
        raise Failure(f"the neighbour has read {hashes}")
    if text.index("[good] disk: done") < text.index(f"[bad] hostile: {case.name} starts"):
        raise Failure("the neighbour was done before it began")
    if not re.search(r"\[good\] disk: ledger requests=(\d+) answers=\1 stray=0$", text,
                     re.MULTILINE):
        raise Failure("the neighbour's ledger is not even")


def check_reasons(case, text):
    for reason in case.reasons:
        if not re.search(rf"{BAD}{reason}$", text, re.MULTILINE):
            raise Failure(f"root's log has no {reason!r}")


def run_case(vm, case):
    begin = len(vm.text)
    start(vm, case)
    shell_answers(vm, case)
    for child in ("bad", "good"):
        vm.send(f"wait {child} 60")
        vm.expect(rf"^{child}: ended with status 0$")
    text = vm.text[begin:]
    if f"[bad] hostile: {case.name} ok\n" not in text:
        raise Failure("it does not say that all is well")
    check_hashes(vm, case, text)
    check_reasons(case, text)


def hostile(part, cases, **fields):
    def script(vm):
        vm.expect(r"^root> ")
        for case in cases:
            try:
                run_case(vm, case)
            except Failure as failure:
                raise Failure(f"case {case.name}: {failure}") from failure
        vm.send("poweroff")
    return Test(f"vmbus-hostile-{part}", disks=[Random("nvme", NEIGHBOUR_MIB), Random("ahci", 8)],
                script=script, forbid=[r"hostile: .*WRONG"], **fields)


TESTS = [hostile(part, cases, timeout=240) for part, cases in (
    ("gpadl", GPADL), ("channel", CHANNEL), ("ring", RING), ("srb", SRB))] + [
    hostile("floods", FLOODS, timeout=1200, group="long")]
