# SPDX-License-Identifier: MIT
"""Children that a ring-3 worker serves: how they end, and that nothing is left of them.

tests/user/worker/service.c takes the shell's place, worker.c is the worker.
"""
from boottest import Test

MODULES = ["tests/worker/shell.elf", "tests/worker/worker.elf", "root.elf"]
COUNTS = [r"^PASS root\.deposited_pages: ", r"^PASS hypervisor\.partitions: ",
          r"^PASS hypervisor\.total_pages: ", r"^PASS hypervisor\.virtual_processors: ",
          r"^PASS hypervisor\.mapped_pages: ", r"^PASS hypervisor\.ports: ",
          r"^PASS hypervisor\.connections: ", r"^PASS hypervisor\.root_pages_in_use: ",
          r"^PASS root\.memory_free: "]
WORKER = r"\[[\w-]+\] vmwp: "  # goes before its lines
SERVED = [rf"{WORKER}PASS worker: the guest reads 5a where no RAM is$",
          rf"{WORKER}PASS worker: 1000 of 1000 reads came back$", rf"{WORKER}PASS worker: 1 ends of interrupts$",
          rf"{WORKER}PASS hostile: 0 of \d+ calls did what they should not$"]


def workers(name, rounds, **fields):
    return Test(name, modules=MODULES, commands=str(rounds),
                expect=SERVED + COUNTS + [rf"^PASS workers: {rounds} rounds, 0 failures$"],
                forbid=[r"^FAIL"], **fields)


TESTS = [
    workers("workers-1-lp", 3, smp=1, timeout=240),
    workers("workers-2-lps", 3, smp=2, timeout=240),
    workers("workers-4-lps", 3, smp=4, timeout=240),
]
