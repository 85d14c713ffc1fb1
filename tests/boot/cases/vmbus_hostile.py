# SPDX-License-Identifier: MIT
"""A child that does to root's bus and disks what no driver does, beside one that just reads.

The toy guest hostile judges what comes back to it. Here is judged what it does to others: a
neighbour reads a disk of its own before, during and after each case, and reads the right bytes,
each request answered once; root's shell answers meanwhile; root's log has the reasons of the case,
and no others; and all that is counted is as it was before. A case that fails does not keep the
others from being tried.
"""
import re
from dataclasses import dataclass

from boottest import PROBE, Failure, Random, Test, check_rows, counts, counts_return, monitor

MIB = 1 << 20
NEIGHBOUR_MIB = 2
NEIGHBOUR_REQUESTS = 120  # a second: it reads all of its disk in some 0.3 s
WARM_UP = "step=50"  # of the lengths of messages


@dataclass
class Case:
    name: str
    reasons: tuple = ()  # in root's log; none: it may do this, and just gets no further
    arguments: str = "least=700"  # so long, that the neighbour reads all of its disk meanwhile
    may: tuple = ()  # reasons that depend on who is faster


# Messages of all kinds, cut off: what root takes the rest for; and its log has not all of it.
TRUNCATED = ("posts a message that is cut off", "posts before contact, or while the bus is reset",
             "requests offers twice", "wants messages on another SINT",
             "wants messages on a VP that does not exist",
             "opens a channel that is not there, or not closed",
             "closes a channel that is not open", "modifies a channel that is not open",
             "modifies a channel for a VP that does not exist",
             "releases a relid that is not its to release",
             "tears memory down that it does not share", "its monitor pages cannot be used",
             "shares memory for a channel that is not there",
             "shares more pages of memory that is complete, or unknown")

GPADL = [
    Case("gpadl-header", ("shares memory of more than one range, or none",
                          "shares memory whose bytes and pages do not match",
                          "shares no bytes, or not from the first page on",
                          "shares more pages than it said, or parts of page numbers")),
    Case("gpadl-body", ("shares more pages than it said, or parts of page numbers",
                        "shares more pages of memory that is complete, or unknown")),
    Case("gpadl-half", ("shares more memory than it may",), "least=700 count=500"),
    Case("gpadl-pages", ("shares pages that cannot be mapped",
                         "the write index is outside of the ring")),
    Case("gpadl-life", ("shares memory under a number that is in use",
                        "tears memory down that it does not share",
                        "shares memory for a channel that is not there")),
]
CHANNEL = [
    Case("channel-open", ("opens a channel that is not there, or not closed",
                          "opens a channel without two rings of whole pages",
                          "opens a channel for a VP that does not exist",
                          "an index of a new ring is outside of it")),
    Case("channel-states", ("closes a channel that is not open",
                            "modifies a channel that is not open",
                            "modifies a channel for a VP that does not exist",
                            "releases a relid that is not its to release",
                            "requests offers twice")),
    Case("channel-unload"),
    Case("channel-contact", ("posts before contact, or while the bus is reset",
                             "wants messages on another SINT",
                             "wants messages on a VP that does not exist",
                             "its monitor pages cannot be used")),
    Case("channel-contacts"),
    # Each seventh length only. --long and test_guest_hostile have all.
    Case("channel-truncated", ("posts a message of an unknown type",
                               "posts a message that is too short or too long to be one"),
         "step=7", TRUNCATED),
    Case("channel-rescinded", ("opens a channel that is not there, or not closed",
                               "releases a relid that is not its to release")),
    Case("channel-monitor", ("no monitor page: status 5", "no memory for a doorbell",
                             "releases a relid that is not its to release"), "--echo least=700"),
]
OUTSIDE = "the write index is outside of the ring"
RING = [
    Case("ring-indices", ("the write index is outside of the ring",
                          "a packet's payload begins outside of it",
                          "less than a packet was written",
                          "the read index is outside of the ring",
                          "the read index moved back, or beyond what was written",
                          "the writer changed the read index",
                          "the reader changed the write index")),
    Case("ring-packets", ("a packet's type is unknown",
                          "a packet is longer than what was written",
                          "a packet's ranges are cut off",
                          "a packet's ranges and their pages do not match",
                          "a packet's payload begins outside of it")),
    Case("ring-deaf"),
]
# The rows of the guest's table, by what may come of them: VP 1 changes a word while root works, and
# root sees either form.
RACES = (
    ((0,), ("a packet's type is unknown",), ()),
    ((2,), ("a packet's payload begins outside of it",), ()),
    ((3,), ("a packet is longer than what was written",), ()),
    ((4, 5, 7), ("a packet's ranges and their pages do not match",), ()),
    ((1, 6, 10), ("a request's data is not as long as it says",), ()),
    ((8,), ("a request's data is not in RAM",), ()),
    ((9, 11, 12, 18, 19), (), ()),
    ((13,), ("an operation that is none",), ()),
    ((14,), (OUTSIDE,), ()),
    ((15,), (), ("the write index moved back", "a packet's payload begins outside of it")),
    ((16,), ("the writer changed the read index",), ()),
    ((17,), ("the read index moved back, or beyond what was written",), ()),
)


def races(count):
    return [Case("ring-race", reasons, f"rows={sum(1 << row for row in rows):#x} count={count}", may)
            for rows, reasons, may in RACES]


SRB = [
    Case("srb-early", ("a request before initialisation is over", "an operation out of order")),
    Case("srb-wrong", ("a request's CDB has a wrong length",
                       "a request's data goes the wrong way",
                       "a request's data is shorter than its CDB says",
                       "a request's data is not as long as it says")),
    Case("srb-pages", ("a request's data is not in RAM",
                       "a request's data is not as long as it says")),
    Case("srb-kinds", ("a packet that wants no answer", "an operation that is none",
                       "a packet of a wrong kind or length")),
    Case("srb-same"),
    Case("sub-channels", ("more sub-channels than there may be are asked for",)),
]

FLOODS = [
    Case("gpadl-half", ("shares more memory than it may",), "count=100000"),
    Case("channel-contacts", (), "count=20000"),
    Case("channel-truncated", ("posts a message of an unknown type",
                               "posts a message that is too short or too long to be one"),
         "step=1", TRUNCATED),
    Case("srb-same", (), "count=20000"),
]


# ---- the neighbour ----

def good_hash(vm):
    return rf"\[good\] disk: sha256={vm.disks[0].sha256_before} bytes={NEIGHBOUR_MIB * MIB}$"


def start_neighbour(vm):
    """Its disk is slow, so that it waits for requests nearly all the time, and leaves the processors
    to the other."""
    monitor.ask(vm, f"block_set_io_throttle disk1 0 0 0 {NEIGHBOUR_REQUESTS} 0 0")
    vm.send("start good disk disk=nvme0,ro piece=65536 ledger=1 forever=1")
    vm.expect(good_hash(vm))


def neighbour_reads_all(vm):
    """From now on: what it has begun before ends first."""
    vm.expect(r"\[good\] disk: sha256=")
    vm.expect(good_hash(vm))


def check_neighbour(vm, case, text):
    hashes = text.count("[good] disk: sha256=")
    if hashes != len(re.findall(good_hash(vm), text, re.MULTILINE)):
        raise Failure("the neighbour has read something else than its disk")
    even = re.findall(r"\[good\] disk: ledger requests=(\d+) answers=\1 stray=0$", text,
                      re.MULTILINE)
    if len(even) != text.count("[good] disk: ledger "):
        raise Failure("the neighbour's ledger is not even")
    during = text[text.index(f"hostile: {case.name} starts"):text.index(f"hostile: {case.name} ok")]
    if not re.search(good_hash(vm), during, re.MULTILINE):
        raise Failure("the neighbour has not read its disk meanwhile")


# ---- root ----

def shell_answers(vm, case):
    vm.send(f"echo {vm.nonce} {case.name}")
    vm.expect(rf"^{vm.nonce} {case.name}$")
    vm.send("channels")
    vm.expect(r"^good +1\.0 +storvsp +open ")


def check_reasons(case, text):
    found = set(re.findall(r"child bad: (?:channel \d+|VMBus): (.*)$", text, re.MULTILINE))
    missing = set(case.reasons) - found
    odd = {reason for reason in found - set(case.reasons) - set(case.may) - {PROBE}
           if not re.fullmatch(r"\d+ lines dropped", reason)}  # more than a child has
    if missing or odd:
        raise Failure(f"root's log has no {sorted(missing)}, but {sorted(odd)}")


# ---- cases ----

def start_bad(vm, case, arguments):
    vm.send(f"start bad hostile disk=ahci1 vps=2 case={case.name} {arguments}")
    vm.expect(rf"\[bad\] hostile: {case.name} starts$")


def warm_up(vm, case):
    """Once, and short: root's own memory finds its size, and its log has a reason for each row that
    hostile_rows.py knows."""
    begin = len(vm.text)
    words = [w for w in case.arguments.split() if not w.startswith(("least=", "count=", "step="))]
    start_bad(vm, case, " ".join([*words, WARM_UP]))
    vm.send("wait bad 300")
    ended = vm.expect(r"^bad: (?!started)(.*)\n").group(1)
    if ended != "ended with status 0":
        raise Failure(f"warming up: {ended}")
    check_rows(case.name, vm.text[begin:])


def run_case(vm, case):
    begin = len(vm.text)
    before = counts(vm)
    start_bad(vm, case, case.arguments)
    shell_answers(vm, case)
    vm.send("wait bad 300")
    ended = vm.expect(r"^bad: (.*)\n").group(1)
    text = vm.text[begin:]
    wrong = re.findall(r"\[bad\] hostile: (.*WRONG.*)$", text, re.MULTILINE)
    if wrong or ended != "ended with status 0" or f"[bad] hostile: {case.name} ok\n" not in text:
        raise Failure(f"{ended}; {wrong}")
    neighbour_reads_all(vm)
    text = vm.text[begin:].rpartition("\n")[0] + "\n"  # a line may be on its way
    check_neighbour(vm, case, text)
    check_reasons(case, text)
    counts_return(vm, before)


def try_cases(vm, cases):
    """What is wrong, case by case."""
    failures, warm = [], set()
    for case in cases:
        try:
            if case.name not in warm:
                warm_up(vm, case)
            warm.add(case.name)
            run_case(vm, case)
        except Failure as failure:
            failures.append(f"{case.name} {case.arguments}: {failure}")
            vm.send("stop bad")
            vm.send(f"echo {vm.nonce} next")
            try:
                vm.expect(rf"^{vm.nonce} next$")
            except Failure:
                break  # the machine does not answer any more
    return failures


def disks_are_unchanged(vm):
    for disk in vm.disks:
        if disk.sha256() != disk.sha256_before:
            raise Failure(f"{disk.path} was written to")


def hostile(part, cases, **fields):
    def script(vm):
        vm.expect(r"^root> ")
        start_neighbour(vm)
        failures = try_cases(vm, cases)
        vm.send("stop good")
        if failures:
            raise Failure("\n".join(failures))
        vm.send("poweroff")
    return Test(f"vmbus-hostile-{part}", disks=[Random("nvme", NEIGHBOUR_MIB), Random("ahci", 8)],
                script=script, after=disks_are_unchanged, **fields)


TESTS = [hostile(part, cases, timeout=900) for part, cases in (
    ("gpadl", GPADL), ("channel", CHANNEL), ("ring", RING), ("race", races(60)), ("srb", SRB))] + [
    hostile("floods", FLOODS + races(1000), timeout=2400, group="long")]
