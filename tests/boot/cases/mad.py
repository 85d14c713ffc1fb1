# SPDX-License-Identifier: MIT
"""Workers that go mad, and workers that are killed: root, the other children and their I/O live on.

tests/user/mad is a worker that makes every call with bad arguments if its child is called mad-..., and
then ends as the name says. Beside it run `calm`, whose worker is the same program in its right mind, and the
toy guest `disk`.
"""
import os
import re
import secrets
import time

from boottest import Failure, MultibootChild, Random, Test, ToyChild, counts, counts_return, monitor

SEED = int(os.environ.get("VERDIGRIS_SEED") or secrets.randbelow(1 << 32))
RAGE_MS = 800
PATIENCE = 120  # seconds
DISK_MIB = 8
FLOOD_LINES = 20000  # of the loud worker: tests/user/mad/console.c
FLOOD_SHOWN = 500  # at most; it is 20 at once, and 10 a second later
LEAVE = "\x1d"  # a child's console: Ctrl-]

FAULT = r"its worker has ended: .* at 0x[0-9a-f]+"
KILLED = r"its worker has ended: killed"
# How it ends, and why its child ends then. Those of BY_HAND would go on for ever.
ENDS = {"exit": r"its worker has ended with status 3", "kill": KILLED, "fs": FAULT, "fault": FAULT, "jump": FAULT,
        "unmap": FAULT, "cover": FAULT, "end": r"mad\?\?\[31m", "close": r"its worker has ended with status 3",
        "spin": KILLED, "sleep": KILLED, "next": KILLED}
BY_HAND = ("spin", "sleep", "next")


def mad_child(end, number):
    return ToyChild(f"mad-{end}", "disk-multiboot.elf", f"seed={SEED + number} ms={RAGE_MS} end={end}", memory="4M")


def worker_of(vm, name):
    """The worker's process."""
    vm.send(f"vm info {name}")
    return vm.expect(rf"^# {name}\.vm, running, worker (\d+)[;\n]", PATIENCE).group(1)


# What its worker writes to its console, as root shows it.
TAMED = (r"\?\]0;mad\?\?c\?\[\?1049h\?\[2J\?\[H mad title$", r"root> mad prompt$", r"\?root> mad return$",
         r"mad flood \.+$")


def flood(vm):
    """Nothing of it reaches the terminal as it was written, and of the flood only a little. Nobody else prints
    anything that is looked at before it is over: root's lines cut those of others."""
    begin = len(vm.text)
    vm.send("vm start mad-loud")
    vm.expect(r"PASS mad: loud: seed \d+, 0 calls, 0 did", PATIENCE)
    vm.send("wait mad-loud")
    vm.expect(rf"mad-loud: {ENDS['exit']}$", PATIENCE)
    text, said = vm.text[begin:], r"\[mad-loud\] vmwp: "
    for line in TAMED:
        if not re.search(said + line, text, re.MULTILINE):
            raise Failure(f"mad-loud has not said {line}")
    shown = len(re.findall(said + "mad flood", text))
    dropped = sum(int(n) for n in re.findall(rf"{said}(\d+) lines dropped$", text, re.MULTILINE))
    if shown > FLOOD_SHOWN or dropped < FLOOD_LINES - FLOOD_SHOWN:
        raise Failure(f"of the flood {shown} lines are in the log, and {dropped} were dropped")
    found = re.search(r"\x1b|\x07|^root> mad|^mad flood", text, re.MULTILINE)
    if found:
        raise Failure(f"{found.group()!r} of a worker is on the terminal")


def rage(vm, end):
    """Root's shell answers meanwhile."""
    vm.send(f"vm start mad-{end}")
    vm.expect(rf"mad-{end}: started$", PATIENCE)
    vm.send(f"echo alive beside {end}")
    vm.expect(rf"^alive beside {end}$", PATIENCE)
    vm.expect(rf"PASS mad: {end}: seed \d+, \d+ calls, 0 did", PATIENCE)
    if end in BY_HAND:
        vm.send(f"kill {worker_of(vm, 'mad-' + end)}")
    vm.send(f"wait mad-{end}")
    vm.expect(rf"mad-{end}: {ENDS[end]}$", PATIENCE)


def rage_wildly(vm):
    """With its child's registers too: that ends as it likes, or somebody stops it."""
    vm.send("vm start mad-wild")
    vm.expect(r"mad-wild: started$", PATIENCE)
    vm.send("echo alive beside wild")
    vm.expect(r"^alive beside wild$", PATIENCE)
    vm.send("wait mad-wild 5")
    vm.expect(r"^mad-wild: .+$", PATIENCE)
    vm.send("vm stop mad-wild")
    vm.expect(r"^mad-wild: (stopped|it does not run)$", PATIENCE)


def start_disk(vm):
    vm.send("start disk disk=nvme0 ledger=1 forever=1")
    vm.expect(r"\[disk\] disk: sha256=", PATIENCE)


def end_disk(vm):
    """It got on after everything else, and has read nothing wrong."""
    vm.expect(r"\[disk\] disk: sha256=", PATIENCE)
    vm.send("stop disk")
    vm.send("wait disk")
    vm.expect(r"^disk: it was stopped$", PATIENCE)
    hashes = set(re.findall(r"\[disk\] disk: sha256=([0-9a-f]+) bytes=(\d+)$", vm.text, re.MULTILINE))
    if hashes != {(vm.disks[0].sha256_before, str(DISK_MIB << 20))}:
        raise Failure(f"the neighbour has read {hashes}")
    ledgers = re.findall(r"\[disk\] disk: ledger requests=(\d+) answers=(\d+) stray=(\d+)$", vm.text, re.MULTILINE)
    if any(requests != answers or stray != "0" for requests, answers, stray in ledgers):
        raise Failure(f"the neighbour's ledgers are {ledgers}")


def start_calm(vm):
    vm.send("vm start calm")
    vm.expect(r"^calm: started$", PATIENCE)


def end_calm(vm):
    """A key ends its waiting; it looks at its whole machine then."""
    vm.send("vm console calm")
    vm.expect(r"^multiboot: round \d+$", PATIENCE)
    vm.type("q")
    vm.expect(r"^PASS timers end a halt$", PATIENCE)
    vm.expect(r"^multiboot: \d+ checks, 0 failed$", PATIENCE)
    vm.expect(r"^\[calm: it ended itself with 0\]$", PATIENCE)
    vm.expect(r"^root> ", PATIENCE)  # before that, keys are the child's


def warm_up(vm):
    """What is made once and kept is made."""
    vm.expect(r"^root> ", PATIENCE)
    start_disk(vm)
    start_calm(vm)
    rage(vm, "exit")
    vm.send("vm stop calm")
    vm.expect(r"^calm: stopped$", PATIENCE)
    end_disk(vm)


def mad(vm):
    warm_up(vm)
    before = counts(vm)
    start_disk(vm)
    start_calm(vm)
    for end in ENDS:
        rage(vm, end)
    flood(vm)
    rage_wildly(vm)
    end_calm(vm)
    end_disk(vm)
    counts_return(vm, before)
    vm.send("poweroff")


# ---- a worker is killed ----

KILLS = 3
VICTIM_REQUESTS = 8  # a second, of its disk: there are always some under way
VICTIM = ToyChild("victim", "disk-multiboot.elf", f"depth=8 piece=65536 write=1048576,262144,{SEED} ledger=1 forever=1",
                  vps=2, disks=["nvme1"])


def victim_hash(vm):
    """Start it; what it reads when it has written."""
    vm.send("vm start victim")
    vm.expect(r"^victim: started$", PATIENCE)
    vm.send("vm console victim")
    found = vm.expect(r"^disk: sha256=([0-9a-f]{64}) bytes=(\d+)\n", PATIENCE)
    if int(found.group(2)) != DISK_MIB << 20:
        raise Failure(found.group(0))
    vm.type(LEAVE)
    vm.expect(r"^root> ", PATIENCE)
    return found.group(1)


def under_way(vm, number):
    """Its requests that root has not answered."""
    vm.send("channels")
    vm.send(f"echo asked {number}")
    text = vm.expect(rf"(?s)(.*?)^asked {number}$", PATIENCE).group(1)
    return sum(int(n) for n in re.findall(r" requests, (\d+) under way", text[text.find("\nvictim "):]))


def kill_victim(vm):
    """Amidst its requests."""
    monitor.ask(vm, f"block_set_io_throttle disk2 0 0 0 {VICTIM_REQUESTS} 0 0")
    for number in range(PATIENCE):
        time.sleep(0.5)
        if under_way(vm, number) != 0:
            break
    else:
        raise Failure("there was never a request under way")
    vm.send(f"kill {worker_of(vm, 'victim')}")
    vm.send("echo alive")
    vm.expect(r"^alive$", PATIENCE)
    monitor.ask(vm, "block_set_io_throttle disk2 0 0 0 0 0 0")
    vm.send("wait victim")
    vm.expect(rf"^victim: {KILLED}$", PATIENCE)


def killed(vm):
    vm.expect(r"^root> ", PATIENCE)
    start_disk(vm)
    hashes = {victim_hash(vm)}
    kill_victim(vm)
    end_disk(vm)
    before = counts(vm)
    start_disk(vm)
    for _ in range(KILLS):
        hashes.add(victim_hash(vm))
        kill_victim(vm)
    if len(hashes) != 1:
        raise Failure(f"the child whose worker was killed has read {hashes}")
    end_disk(vm)
    counts_return(vm, before)
    vm.send("poweroff")


CALM = MultibootChild("calm", "flat", arguments="wait=1")
MODULES = ["shell.elf", "vmms.elf", "guests/disk.elf"]

TESTS = [
    Test("worker-mad", smp=2, modules=MODULES + ["tests/mad/vmwp.elf"], disks=[Random("nvme", DISK_MIB)],
         children=[CALM] + [mad_child(end, i) for i, end in enumerate([*ENDS, "wild", "loud"])], script=mad, timeout=600),
    Test("worker-killed", smp=2, modules=MODULES + ["vmwp.elf"],
         disks=[Random("nvme", DISK_MIB), Random("nvme", DISK_MIB)], children=[VICTIM], script=killed, timeout=300),
]
