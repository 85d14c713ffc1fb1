# SPDX-License-Identifier: MIT
"""What is done against speculation, as far as an emulator can show it: the choice itself is
tests/unit/test_speculation.c's."""
from boottest import Test

# QEMU without its name in CPUID: the hypervisor must take it for a processor that speculates.
ANONYMOUS = "max,+svm,tcg-cpuid=off"
HELLO = ["start hello vps={vps} nonce={{nonce}}", "wait hello 60"]


def hello(name, vps, says, **fields):
    return Test(name, commands="; ".join(HELLO).format(vps=vps),
                expect=says + [rf"\[hello\] hello: {vps} VPs done$", r"^exec: 2 commands, 0 failed"],
                **fields)


def threads(name, children, **fields):
    """Four LPs on two cores."""
    return hello(name, 4, [rf"^hv: LPs share cores: {children} of 4 run children"],
                 smp="4,cores=2,threads=2", **fields)


TESTS = [
    hello("speculation-interpreter", 2, [r"^hv: speculation: nothing to guard against"],
          forbid=[r"^hv: LPs share cores"]),
    hello("speculation-guards", 2,
          [r"^hv: speculation: no IBPB, return stack refilled after exits",
           r"^hv: speculation: this is not enough: .*microcode"], cpu=ANONYMOUS),
    threads("smt-isolated", 2),
    threads("smt-shared", 4, options={"smt": "shared"}),
    hello("smt-unknown-value", 4, [r"^hv: boot.cfg: smt is isolated or shared: using isolated",
                                   r"^hv: LPs share cores: 2 of 4 run children"],
          smp="4,cores=2,threads=2", options={"smt": "share"}),
]
