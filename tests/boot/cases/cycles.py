# SPDX-License-Identifier: MIT
"""Children made and ended hundreds of times: everything is back, and a sibling is untouched.

tests/user/cycles.c takes the shell's place. The seed is on the console; VERDIGRIS_SEED=N sets it.
"""
import os
import re
import secrets

from boottest import ALL_BACK, Failure, Test

SEED = int(os.environ.get("VERDIGRIS_SEED") or secrets.randbelow(1 << 32))
MODULES = ["tests/cycles/shell.elf"] + [f"guests/{n}.elf" for n in ("hello", "churn", "still")]
STOPPED = (r"hvdebug: partition [0-9a-f]+ of (\d) VPs: stopped (all|one) at exit (\d+) "
           r"\((\w+) of VP \d\): mid-rep (\d), intercepts (\d), INIT or SIPI (\d)")
MAX_EXIT = 600
LEAST_PAGES = 40  # that a child of 4 VPs needs
LEAST_SHARE = 100  # one of so many stops must be of each kind


def cycles(name, mode, count, **fields):
    return Test(name, modules=MODULES, commands=f"{mode} {count} {SEED}",
                expect=[rf"^{mode}: {count} children, seed {SEED}$"] + ALL_BACK +
                [rf"^PASS {count} children made and ended$"], **fields)


def stopped_everywhere(count):
    def check(vm):
        stops = re.findall(STOPPED, vm.text)
        kinds = {"of 1 VP": sum(s[0] == "1" for s in stops), "of 4 VPs": sum(s[0] == "4" for s in stops),
                 "of all VPs": sum(s[1] == "all" for s in stops),
                 "of one VP": sum(s[1] == "one" for s in stops),
                 "in mid-rep hypercall": sum(s[4] != "0" for s in stops),
                 "with a pending intercept": sum(s[5] != "0" for s in stops),
                 "during INIT/SIPI": sum(s[6] != "0" for s in stops)}
        rare = [f"{kind}: {n}" for kind, n in kinds.items() if n * LEAST_SHARE < count]
        # The program in the shell's place counts every stop; a line on the console may be cut by root's.
        if len(stops) * 10 < count * 9 or rare:
            raise Failure(f"{len(stops)} stops; too few {rare}")
    return check


def stops(name, count, **fields):
    return cycles(name, "stops", count, after=stopped_everywhere(count),
                  options={"hvdebug": f"stop,seed={SEED},max={MAX_EXIT}"}, **fields)


def ran_short(vm):
    """Each page was a deposit of its own, after a call that wanted it: of the child, and of root. The
    child's came back, root's stay. The child's statistics page was one of the calls."""
    deposits = int(re.search(r"^root\.deposits +(\d+)$", vm.text, re.MULTILINE).group(1))
    pages = [int(n) for n in re.findall(r"(\d+) pages deposited$", vm.text, re.MULTILINE)]
    held = [int(n) for n in re.findall(r"^root\.deposited_pages +(\d+)$", vm.text, re.MULTILINE)]
    exits = int(re.search(r"^spin\.0\.exits\.cpuid +(\d+)$", vm.text, re.MULTILINE).group(1))
    if not pages or pages[-1] < LEAST_PAGES or deposits != held[0] or deposits <= sum(pages):
        raise Failure(f"{deposits} deposits, pages of partitions {pages}, held {held}")
    if held[0] - held[1] != pages[-1] or exits == 0:
        raise Failure(f"held {held}, partitions {pages}, exits {exits}")


TESTS = [
    cycles("cycles-1-lp", "cycles", 100, smp=1, timeout=240),
    cycles("cycles-2-lps", "cycles", 100, smp=2, timeout=240),
    cycles("cycles-4-lps", "cycles", 100, smp=4, timeout=240),
    stops("stops-2-lps", 400, smp=2, timeout=300),
    stops("stops-4-lps", 100, smp=4, timeout=300),
    stops("stops-4-lps-500", 500, smp=4, timeout=1800, group="long"),
    cycles("short-cycles", "cycles", 30, smp=2, timeout=240, options={"deposit": "page"}),
    Test("short-deposits", options={"deposit": "page"},
         commands="start spin vps=4 rounds=0; partitions; stats root; stats spin.0; stop spin; wait spin; "
                  "stats root",
         expect=[r"pool: root's own is empty, with \d+ ports$", r"^ *\d+  spin .* 4 VPs",
                 r"^exec: 7 commands, 0 failed$"], after=ran_short,
         forbid=["no statistics", "page cannot be mapped"]),
]
