# SPDX-License-Identifier: MIT
"""Hostile children: each does its worst beside a sibling that finds out its own share of the
processors, and root's shell answers meanwhile. docs/testing.md says what a share is."""
import dataclasses
import re

from boottest import Failure, Test

SHARE_TICKS = 120_000_000  # of the TSC: 30 time slices under icount, where it counts 1 GHz
REAL_TICKS = 5_000_000_000  # where the host may take whole slices away from everybody
REQUIRED = 0.8  # of the weighted share
WEIGHT = 100  # the default
ACCESS_VP_REGISTERS = 1 << 49  # hvabi/partition.h


@dataclasses.dataclass
class Attack:
    """What is tried, and the exits that show, by their number, that it was."""
    name: str
    exits: str
    least: int = 1000
    vps: int = 1
    competing: int = -1  # VPs that want to run all the time; -1: all
    weight: int = WEIGHT
    sibling_weight: int = WEIGHT
    ticks: int = SHARE_TICKS  # to measure over, under icount
    privileges: int = 0  # beyond those of every child
    says: str = ""  # a line of the attacker that must come: a pattern
    absent: str = ""  # the one that means: this processor has not what makes those exits

    def due(self, lps):
        """The share of one LP, in thousandths, that each of a sibling's lps VPs must be able to get."""
        competing = self.vps if self.competing < 0 else self.competing
        weights = competing * self.weight + lps * self.sibling_weight
        return min(1000, 1000 * lps * self.sibling_weight / weights)


def shell_answers(vm, word):
    vm.send(f"echo {word} {vm.nonce}")
    vm.expect(rf"^{word} {vm.nonce}$")


SHARE = r"\[share\] share: VP \d+ permille=(\d+) accounted=(\d+)\n"


def check_shares(attack, icount, shares):
    """The VPs of a sibling, one for each LP, got what is due to them. Without icount time passes
    that no guest sees, so that only what the hypervisor accounts says something."""
    due = attack.due(len(shares))
    for what, column in (("counts", 0), ("has accounted", 1))[0 if icount else 1:]:
        got = sum(int(share[column]) for share in shares) / len(shares)
        if got < REQUIRED * due:
            raise Failure(f"{attack.name}: the sibling {what} {got:.0f} of 1000, of the {due:.0f} "
                          "that are its share")


def measure(vm, attack, lps, icount):
    ticks = attack.ticks if icount else REAL_TICKS
    vm.send(f"start share vps={lps} weight={attack.sibling_weight} ticks={ticks}")
    check_shares(attack, icount, [vm.expect(SHARE).groups() for _ in range(lps)])
    vm.expect(r"child share: ended: it ended itself with 0$")


def check_exits(vm, attack):
    vm.send("stats crash")
    made = sum(int(vm.expect(rf"^crash\.{vp}\.exits\.{attack.exits} +(\d+)\n").group(1))
               for vp in range(attack.vps))
    if made < attack.least:
        raise Failure(f"{attack.name}: the attacker made only {made} exits by {attack.exits}")


def contain(vm, attack, lps, icount):
    vm.send(f"start crash vps={attack.vps} weight={attack.weight} privileges={attack.privileges:#x} "
            f"attack={attack.name} forever=1")
    vm.expect(rf"\[crash\] crash: {attack.name} starts$")
    if attack.says:
        said = vm.expect(rf"\[crash\] crash: ({attack.says})$").group(1)
        if said == attack.absent:
            print(f"attack-{attack.name}: this machine does not show it ({said}): only that the loop "
                  "is contained", flush=True)
            attack = dataclasses.replace(attack, exits="interrupt", least=5)
    measure(vm, attack, lps, icount)
    shell_answers(vm, attack.name)
    check_exits(vm, attack)
    vm.send("stop crash")
    vm.expect(r"child crash: \d+ exits, \d+% of them \w+$")
    vm.expect(r"child crash: ended: it was stopped$")
    vm.send("wait crash 60")  # its name is free a little after that line
    shell_answers(vm, "after")


def contained(name, *attacks, smp=1, icount=True, **fields):
    """Attacks that go on until they are stopped, one after the other."""
    def script(vm):
        vm.expect(r"^root> $")
        for attack in attacks:
            contain(vm, attack, smp, icount)
        vm.send("poweroff")
    return Test(f"attack-{name}", smp=smp, icount=icount, timeout=120 + 60 * len(attacks),
                script=script, forbid=[r"crash: .* wanted ", r"\[crash\] guest: "], **fields)


def one(name, *arguments, label="", **more):
    fields = {k: more.pop(k) for k in ("smp", "icount", "group") if k in more}
    return contained(name + label, Attack(name, *arguments, **more), **fields)


LINES = 400  # of the attackers together: each may log 100 at once and 10 a second


def not_flooded(vm):
    lines = len(re.findall(r"\[crash\]", vm.text)) + len(re.findall(r"guest crash", vm.text))
    if lines > LINES:
        raise Failure(f"the attackers got {lines} lines into the log")


DEATHS = 7  # each costs root a start, which is nobody's but its own


def fatal(name, reason):
    """Attacks that end their child: it is started again and again, each time with the reason."""
    once = f"start crash memory=2 attack={name}; wait crash 60; "

    def check(vm):
        check_shares(Attack(name, ""), True, re.findall(SHARE, vm.text))
    return Test(f"attack-{name}", smp=1, icount=True,
                commands=f"start share memory=2 ticks={SHARE_TICKS}; {once * DEATHS}wait share 60",
                expect=[rf"child crash: ended: {reason}$"] * DEATHS +
                [rf"^exec: {2 + 2 * DEATHS} commands, {DEATHS} failed"], after=check)


TESTS = [
    fatal("triple", r"VP 0: triple fault at [0-9a-f]+"),
    fatal("nomem", r"VP 0: read at guest physical 200000, where nothing is; RIP [0-9a-f]+"),
    fatal("stringio", r"VP 0: string access to port 402 at [0-9a-f]+"),
    one("cpuidloop", "cpuid"),
    one("cpuidloop", "cpuid", label="-heavy", weight=400),
    one("cpuidloop", "cpuid", label="-light", sibling_weight=300),
    one("pauseloop", "interrupt", 5),
    one("debugloop", "exception"),
    one("acloop", "exception", says="alignment checks: (?:yes|no)", absent="alignment checks: no"),
    one("svm", "undefined"),
    one("badcalls", "hypercall", privileges=ACCESS_VP_REGISTERS, says="rep counts: checked"),
    one("msgflood", "hypercall"),
    one("eventflood", "hypercall"),
    one("eomflood", "msr_write"),
    one("ipiflood", "msr_write", vps=2),
    one("flushflood", "hypercall", vps=2),
    one("clusterflood", "hypercall", vps=2),
    one("msrsweep", "msr_write"),
    one("portsweep", "io"),
    contained("floods", *(Attack(name, exits, 200, vps=2) for name, exits in (
        ("nmiflood", "msr_write"), ("initflood", "msr_write"), ("timerflood", "msr_write"),
        ("reportflood", "msr_write"))), smp=1, icount=False, after=not_flooded),
    # Root shows a burst of lines on its screen, which nobody pays for.
    contained("consoles", Attack("printflood", "io", vps=2, ticks=4 * SHARE_TICKS),
              Attack("consoleflood", "io", vps=2), after=not_flooded),
    # Root is busy for the attackers on one of two LPs, for up to two thirds of the time.
    contained("floods-everywhere", *(Attack(name, exits, 200, vps=4) for name, exits in (
        ("msgflood", "hypercall"), ("eventflood", "hypercall"), ("ipiflood", "msr_write"),
        ("flushflood", "hypercall"), ("clusterflood", "hypercall"), ("printflood", "io"), ("consoleflood", "io"))), smp=2, icount=False, after=not_flooded),
    contained("instructions", Attack("haltoff", "halt", 1, competing=0),
              Attack("longinsns", "cpuid"), Attack("ring3", "hypercall"),
              Attack("overlays", "msr_write"), smp=1, icount=False),
    contained("races", Attack("doublefetch", "hypercall", vps=2),
              Attack("pagerace", "hypercall", vps=2), smp=2, icount=False),
]
