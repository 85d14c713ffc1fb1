# SPDX-License-Identifier: MIT
"""What Linux uses of a hypervisor, on one to four VPs, with as many LPs and with fewer."""
from boottest import Test

PARTS = ["flushes", "interrupts", "assist", "timers", "idle", "bad sets"]


def lines(vps):
    return ([rf"\[enlighten\] enlighten: {part} ok$" for part in PARTS] +
            [rf"\[enlighten\] enlighten: {vps} VPs done$",
             r"child enlighten: ended: it ended itself with 0$"])


def enlighten(smp, vps, label="", options="", group="normal"):
    return Test(f"enlighten-{smp}-lps-{vps}-vps{label}", smp=smp, group=group, timeout=240,
                commands=f"start enlighten vps={vps}{options}; wait enlighten 200", expect=lines(vps))


TESTS = [enlighten(1, 1), enlighten(2, 2), enlighten(4, 4), enlighten(1, 4), enlighten(2, 4),
         enlighten(2, 2, "-xapic", " apic=x"),
         Test("enlighten-crash", smp=1, timeout=240,
              commands="start enlighten crash=1; wait enlighten 200",
              expect=[rf"\[enlighten\] enlighten: {part} ok$" for part in PARTS] + [r"guest crash"]),
         Test("enlighten-reset", smp=1, timeout=240,
              commands="start enlighten reset=1; wait enlighten 200",
              expect=[r"\[enlighten\] enlighten: 1 VPs done$",
                      r"child enlighten: ended: .*(triple fault|reset)"])]
