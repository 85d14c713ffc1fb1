# SPDX-License-Identifier: MIT
"""The scheduler: shares of the LPs, and spinlocks whose holder does not run."""
import re
import statistics

from boottest import Failure, Test

BUSY = "start {name} spin rounds=0 notify=0"
RESULT = re.compile(r"\[(\w+)\] spin: handovers=(\d+) spin_permille=(\d+) ticks=(\d+) notifies=(\d+) vps=\d+ "
                    r"run_ms=(\d+)")


def results(vm, name):
    """Of each run of the child: handovers, permille, ticks, notifies, run_ms."""
    found = [tuple(map(int, values)) for child, *values in RESULT.findall(vm.text) if child == name]
    if not found:
        raise Failure(f"no result of {name}")
    return found


# A critical section is a quarter of a round: what makes the difference is a holder that lost its LP.
def spin(name, notify, ticks, load):
    return f"start {name} spin vps=4 rounds=0 notify={notify} ticks={ticks} {load}; wait {name}"


def handovers(vm):
    """Per million instructions: one tick is one instruction."""
    rate = {}
    for name in ("alone", "told"):
        (count, _, ticks, notifies, _), = results(vm, name)
        rate[name] = count * 1e6 / ticks
        if (notifies != 0) != (name == "told"):
            raise Failure(f"{name}: {notifies} notifications")
    if rate["told"] < 1.5 * rate["alone"]:
        raise Failure(f"hand-overs per million instructions: {rate}")


def spinning(vm):
    """Medians of several runs."""
    alone, told = (statistics.median(r[1] for r in results(vm, name)) for name in ("alone", "told"))
    if told > alone / 2:
        raise Failure(f"permille spent spinning: {alone} without notifications, {told} with them")


def shares(ticks, tolerance, **weights):
    """Children that compute for as many ticks, all at once, and what must be the result: each has
    its part of their run time."""
    def check(vm):
        ran = {name: results(vm, name)[0][-1] for name in weights}
        for name, weight in weights.items():
            expected = sum(ran.values()) * weight / sum(weights.values())
            if abs(ran[name] - expected) > expected * tolerance:
                raise Failure(f"run times in ms {ran}, weights {weights}")

    commands = [f"start {name} spin rounds=0 notify=0 ticks={ticks} weight={weight}"
                for name, weight in weights.items()] + [f"wait {name}" for name in weights]
    return {"commands": "; ".join(commands), "after": check}


# Of the time that they have: one tick is one instruction, and a nanosecond.
LIMITED = "start {name} spin rounds=0 notify=0 ticks=400000000 {limit}; wait {name}"
HEAVY = ("heavy1", "heavy2")


def gets(name, least, most):
    """The child has had that part of the LP, in permille."""
    def check(vm):
        (_, _, ticks, _, ran), = results(vm, name)
        part = ran * 10 ** 9 // ticks
        if not least <= part <= most:
            raise Failure(f"{name}: {part} permille of the LP, of {least} to {most}")
    return check


def capped(vm):
    """Beside nobody."""
    gets("capped", 245, 256)(vm)
    waits = re.search(r"^capped.0.cap_waits +(\d+)", vm.text, re.MULTILINE)
    if not waits or int(waits.group(1)) < 8:
        raise Failure("it has hardly waited because of its cap")


def in_turn(*measurements):
    """Measurements that share a machine, where the start of each under icount takes longer than they
    do: (what it is called, commands, check). Each is judged, whatever became of the others."""
    def check(vm):
        failures = []
        for name, _, check_one in measurements:
            try:
                check_one(vm)
            except Failure as failure:
                failures.append(f"{name}: {failure}")
        if failures:
            raise Failure("; ".join(failures))
    return {"commands": "; ".join(commands for _, commands, _ in measurements), "after": check}


WEIGHTS = shares(400000000, 0.1, light=100, heavy=300)

TESTS = [
    Test("scheduling-icount", smp=1, icount=True, timeout=600, expect=[r"^exec: \d+ commands, 0 failed"],
         **in_turn(("spin-notify", "; ".join([BUSY.format(name="busy"),
                                              spin("alone", 0, 100000000, "work=500 think=1500"),
                                              spin("told", 1, 100000000, "work=500 think=1500"),
                                              "stop busy", "wait busy"]), handovers),
                   ("weights-1-to-3", WEIGHTS["commands"], WEIGHTS["after"]),
                   ("cap-25", "; ".join([BUSY.format(name="capped") + " ticks=2000000000 cap=25%", "sleep 1",
                                         "stats capped.0.cap_waits", "wait capped"]), capped),
                   ("reserve-50", "; ".join([BUSY.format(name=name) + " weight=10000" for name in HEAVY] +
                                            [LIMITED.format(name="reserved", limit="weight=1 reserve=50")] +
                                            [f"stop {name}; wait {name}" for name in HEAVY]),
                    gets("reserved", 500, 540)))),
    # PAUSE costs an emulator dozens of times what it costs a processor: hence the small limit.
    Test("spin-notify-2-lps", smp=2, timeout=300,
         commands="; ".join([BUSY.format(name="busy")] +
                            [spin("alone", 0, 4000000000, "work=5000 think=20000"),
                             spin("told", 1, 4000000000, "work=5000 think=20000 limit=100")] * 3 +
                            ["stop busy", "wait busy"]),
         expect=[r"^exec: \d+ commands, 0 failed"], after=spinning),
    # Without turns one would have an LP for itself, half as much again as its part.
    Test("more-vps-than-lps", smp=2, timeout=300, expect=[r"^exec: \d+ commands, 0 failed"],
         **shares(12000000000, 0.2, one=100, two=100, three=100)),
]
