# SPDX-License-Identifier: MIT
"""Hostile children: each does its worst beside a sibling that finds out its own share of the
processors, and root's shell answers meanwhile. docs/testing.md says what a share is."""
import dataclasses
import re

from boottest import COUNTING, Failure, Test, ToyChild, counts, counts_in, difference

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
    label: str = ""  # tells it from others of the same name
    vps: int = 1
    competing: int = -1  # VPs that want to run all the time; -1: all
    weight: int = WEIGHT
    sibling_weight: int = WEIGHT
    ticks: int = SHARE_TICKS  # to measure over, under icount
    privileges: int = 0  # beyond those of every child
    says: str = ""  # a line of the attacker that must come: a pattern
    absent: str = ""  # the one that means: this processor has not what makes those exits
    child: str = "crash"  # its name; another one's has a worker

    @property
    def title(self):
        return self.name + self.label

    def due(self, lps):
        """The share of one LP, in thousandths, that each of a sibling's lps VPs must be able to get."""
        competing = self.vps if self.competing < 0 else self.competing
        weights = competing * self.weight + lps * self.sibling_weight
        return min(1000, 1000 * lps * self.sibling_weight / weights)


def shell_answers(vm, word):
    vm.send(f"echo {word} {vm.nonce}")
    vm.expect(rf"^{word} {vm.nonce}$")


SLACK = {"free": 1024, "root.deposited_pages": 512}  # what is kept for the next child: half of its RAM


def same_counts(before, after):
    if not before:
        raise Failure("nothing is counted")
    if found := difference(before, after, SLACK):
        raise Failure(f"counted before and after: {found}")


DRAWN = "sleep 1"  # root shows the lines of counts on its screen, which nobody pays for
SHARE = r"\[share\] share: VP \d+ permille=(\d+) accounted=(\d+)\n"


def check_shares(attack, icount, shares):
    """The VPs of a sibling, one for each LP, got what is due to them. Without icount time passes
    that no guest sees, so that only what the hypervisor accounts says something."""
    if not shares:
        raise Failure("the sibling has measured nothing")
    due = attack.due(len(shares))
    for what, column in (("counts", 0), ("has accounted", 1))[0 if icount else 1:]:
        got = sum(int(share[column]) for share in shares) / len(shares)
        if got < REQUIRED * due:
            raise Failure(f"the sibling {what} {got:.0f} of 1000, of the {due:.0f} that are its share")


def measure(vm, attack, lps, icount):
    ticks = attack.ticks if icount else REAL_TICKS
    vm.send(f"start share vps={lps} weight={attack.sibling_weight} ticks={ticks}")
    check_shares(attack, icount, [vm.expect(SHARE).groups() for _ in range(lps)])
    vm.expect(r"child share: ended: it ended itself with 0$")


def exits_made(vm, attack):
    vm.send(f"stats {attack.child}.")
    return sum(int(vm.expect(rf"^{attack.child}\.{vp}\.exits\.{attack.exits} +(\d+)\n").group(1))
               for vp in range(attack.vps))


def check_exits(vm, attack, before):
    made = exits_made(vm, attack) - before
    if made < attack.least:
        raise Failure(f"the attacker made only {made} exits by {attack.exits}")


def check_refused(text):
    odd = re.search(r".*(?:crash: .* wanted |\[crash\] guest: ).*", text)
    if odd:
        raise Failure(f"it says {odd.group()!r}")


def start_attack(vm, attack):
    if attack.child != "crash":  # its console is not in root's log: that it has begun, its exits show
        vm.send(f"vm start {attack.child}")
        vm.expect(rf"^{attack.child}: started$")
        while exits_made(vm, attack) < attack.least:
            pass
        return
    vm.send(f"start crash vps={attack.vps} weight={attack.weight} privileges={attack.privileges:#x} "
            f"attack={attack.name} forever=1")
    vm.expect(rf"\[crash\] crash: {attack.name} starts$")


def stop_attack(vm, attack):
    vm.send(f"stop {attack.child}")
    vm.expect(rf"child {attack.child}: \d+ exits, \d+% of them \w+$")
    vm.expect(rf"child {attack.child}: ended: it was stopped$")
    vm.send(f"wait {attack.child} 60")  # its name is free a little after that line


def attack_until_stopped(vm, attack, lps, icount):
    start_attack(vm, attack)
    if attack.says:
        said = vm.expect(rf"\[crash\] crash: ({attack.says})$").group(1)
        if said == attack.absent:
            print(f"attack {attack.name}: this machine does not show it ({said}): only that the loop "
                  "is contained", flush=True)
            attack = dataclasses.replace(attack, exits="interrupt", least=5)
    before = exits_made(vm, attack) if attack.child != "crash" else 0  # which has just said that it starts
    measure(vm, attack, lps, icount)
    shell_answers(vm, attack.name)
    check_exits(vm, attack, before)
    stop_attack(vm, attack)
    shell_answers(vm, "after")


def contain(vm, attack, lps, icount):
    begin = len(vm.text)
    before = counts(vm)
    vm.send(DRAWN)
    attack_until_stopped(vm, attack, lps, icount)
    check_refused(vm.text[begin:])
    same_counts(before, counts(vm))


def clear_away(vm, attack):
    """Does the machine still answer, and is it free for the next attack?"""
    try:
        for child in (attack.child, "share"):
            vm.send(f"stop {child}")
            vm.send(f"wait {child} 60")
        shell_answers(vm, "next")
        return True
    except Failure:
        return False


def try_attacks(vm, attacks, lps, icount):
    """What is wrong, attack by attack. None takes the time of those behind it."""
    failures = []
    for done, attack in enumerate(attacks):
        left = attacks[done + 1:]
        try:
            with vm.part_of_time(len(left) + 2):
                contain(vm, attack, lps, icount)
        except Failure as failure:
            failures.append(f"{attack.title}: {failure}")
            with vm.part_of_time(len(left) + 2):
                if not clear_away(vm, attack):
                    return failures + [f"{a.title}: not tried" for a in left]
    return failures


def contained(name, *attacks, smp=1, icount=True, **fields):
    """Attacks that go on until they are stopped, one after the other on one machine."""
    def script(vm):
        vm.expect(r"^root> $")
        failures = try_attacks(vm, attacks, smp, icount)
        if failures:
            raise Failure("; ".join(failures))
        vm.send("poweroff")
    return Test(f"attack-{name}", smp=smp, icount=icount, timeout=120 + 60 * len(attacks),
                script=script, **fields)


def worked(name, *attacks, **fields):
    """The same by children with workers."""
    children = [ToyChild(a.child, "crash-multiboot.elf", f"attack={a.name} forever=1", vps=a.vps) for a in attacks]
    return contained(name, *attacks, children=children, **fields)


RESTARTS = 4  # within the time that the sibling measures; three cost nothing, then each a second


def restless(vm):
    """A child that ends at once, always, starts again after a while only."""
    vm.expect(r"^root> $")
    before = counts(vm)
    vm.send(DRAWN)
    vm.send("vm start again")
    vm.expect(r"^again: started$")
    measure(vm, Attack("restarts", "", competing=0, ticks=RESTARTS * 8 * SHARE_TICKS), 1, True)
    vm.send("vm list")
    restarts = int(vm.expect(r"^again +\S+ +1 +16 MiB +(\d+)  VP 0: triple fault at ").group(1))
    if restarts < RESTARTS:
        raise Failure(f"it has started again {restarts} times only")
    vm.send("vm stop again")
    vm.expect(r"^again: stopped$")
    same_counts(before, counts(vm))
    vm.send("poweroff")


LINES = 400  # of the attackers together: each may log 100 at once and 10 a second


def not_flooded(vm):
    lines = len(re.findall(r"\[crash\]", vm.text)) + len(re.findall(r"guest crash", vm.text))
    if lines > LINES:
        raise Failure(f"the attackers got {lines} lines into the log")


DEATHS = 7  # each costs root a start, which is nobody's but its own


def die_often(name):
    """Commands: started again and again while the sibling measures."""
    count = list(COUNTING)
    return [f"echo {name} begins", *count, DRAWN, f"start share memory=2 ticks={SHARE_TICKS}",
            *[f"start crash memory=2 attack={name}", "wait crash 60"] * DEATHS,
            "wait share 60", f"echo {name} measured", *count]


def check_deaths(name, reason, text):
    halves = re.search(rf"(?ms)^{name} begins$(.*)^{name} measured$(.*?)(?=^\w+ begins$|\Z)", text)
    if not halves:
        raise Failure("it was not tried to the end")
    during, after = halves.groups()
    ends = re.findall(r"child crash: ended: (.*)$", halves.group(), re.MULTILINE)
    if len(ends) != DEATHS or not all(re.fullmatch(reason, end) for end in ends):
        raise Failure(f"it ended so: {ends}")
    if not re.search(r"child share: ended: it ended itself with 0$", during, re.MULTILINE):
        raise Failure("the sibling did not measure to its end")
    check_shares(Attack(name, ""), True, re.findall(SHARE, during))
    same_counts(counts_in(during), counts_in(after))


def deaths(name, **reasons):
    """Attacks that end their child, each time with the reason."""
    commands = [command for attack in reasons for command in die_often(attack)]

    def script(vm):
        failed = int(vm.expect(rf"^exec: {len(commands)} commands, (\d+) failed").group(1))
        failures = []
        for attack, reason in reasons.items():
            try:
                check_deaths(attack, reason, vm.text)
            except Failure as failure:
                failures.append(f"{attack}: {failure}")
        if failed != DEATHS * len(reasons):
            failures.append(f"{failed} commands failed")
        if failures:
            raise Failure("; ".join(failures))
    return Test(f"attack-{name}", smp=1, icount=True, timeout=120 + 60 * len(reasons),
                commands="; ".join(commands), script=script)


TESTS = [
    deaths("deaths", triple=r"VP 0: triple fault at [0-9a-f]+",
           nomem=r"VP 0: read at guest physical 200000, where nothing is; RIP [0-9a-f]+",
           stringio=r"VP 0: string access to port 402 at [0-9a-f]+"),
    contained("loops", Attack("cpuidloop", "cpuid"),
              Attack("cpuidloop", "cpuid", label="-heavy", weight=400),
              Attack("cpuidloop", "cpuid", label="-light", sibling_weight=300),
              Attack("pauseloop", "interrupt", 5),
              Attack("debugloop", "exception"),
              Attack("acloop", "exception", says="alignment checks: (?:yes|no)",
                     absent="alignment checks: no"),
              Attack("svm", "undefined"),
              Attack("badcalls", "hypercall", privileges=ACCESS_VP_REGISTERS,
                     says="rep counts: checked"),
              Attack("msrsweep", "msr_write"),
              Attack("portsweep", "io")),
    # The last two: root shows a burst of lines on its screen, which nobody pays for.
    contained("calls", Attack("msgflood", "hypercall"), Attack("eventflood", "hypercall"),
              Attack("eomflood", "msr_write"), Attack("ipiflood", "msr_write", vps=2),
              Attack("flushflood", "hypercall", vps=2), Attack("clusterflood", "hypercall", vps=2),
              Attack("printflood", "io", vps=2, ticks=4 * SHARE_TICKS),
              Attack("consoleflood", "io", vps=2), after=not_flooded),
    contained("floods", *(Attack(name, exits, 200, vps=2) for name, exits in (
        ("nmiflood", "msr_write"), ("initflood", "msr_write"), ("timerflood", "msr_write"),
        ("reportflood", "msr_write"))), smp=1, icount=False, after=not_flooded),
    # Root is busy for the attackers on one of two LPs, for up to two thirds of the time.
    contained("floods-everywhere", *(Attack(name, exits, 200, vps=4) for name, exits in (
        ("msgflood", "hypercall"), ("eventflood", "hypercall"), ("ipiflood", "msr_write"),
        ("flushflood", "hypercall"), ("clusterflood", "hypercall"), ("printflood", "io"),
        ("consoleflood", "io"))), smp=2, icount=False, after=not_flooded),
    contained("instructions", Attack("haltoff", "halt", 1, competing=0),
              Attack("longinsns", "cpuid"), Attack("ring3", "hypercall"),
              Attack("overlays", "msr_write"), smp=1, icount=False),
    worked("workers", Attack("portflood", "io", 200, vps=2, child="ports"),
           Attack("printflood", "io", 200, vps=2, child="prints")),
    Test("attack-restarts", smp=1, icount=True, script=restless, timeout=180,
         children=[ToyChild("again", "crash-multiboot.elf", "attack=triple", restart="always")]),
    contained("races", Attack("doublefetch", "hypercall", vps=2),
              Attack("pagerace", "hypercall", vps=2), smp=2, icount=False),
]
