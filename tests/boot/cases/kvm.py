# SPDX-License-Identifier: MIT
"""Verdigris as a guest of KVM, itself in an emulated Linux: a stricter judge of control blocks than
the emulator is. The packages are those of `./verdigris setup --children`."""
from boottest import Test

TESTS = [
    Test("kvm-hello", group="long", smp=1, first_guest=True, timeout=1800,
         commands="lps; start hello vps=2 nonce={nonce}; wait hello 60",
         expect=[r"^hv: 1 LPs, TSC ", r"root: launched by hypervisor$", r"^1 LPs, up \d+ ms$",
                 r"\[hello\] hello: VP \d APIC \d nonce {nonce}$",
                 r"\[hello\] hello: VP \d APIC \d nonce {nonce}$",
                 r"\[hello\] hello: 2 VPs done$", r"child hello: ended: it ended itself with 0$",
                 r"^exec: 3 commands, 0 failed$", r"root: power off$"]),
]
