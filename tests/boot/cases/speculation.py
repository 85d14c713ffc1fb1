# SPDX-License-Identifier: MIT
"""What is done against speculation, as far as an emulator can show it: the choice itself is
tests/unit/test_speculation.c's."""
import re

from boottest import Failure, Test

# QEMU without its name in CPUID: the hypervisor must take it for a processor that speculates.
ANONYMOUS = "max,+svm,tcg-cpuid=off"
HELLO = ["start hello vps={vps} nonce={{nonce}}", "wait hello 60"]


def hello(name, vps, says, **fields):
    return Test(name, commands="; ".join(HELLO).format(vps=vps),
                expect=says + [rf"\[hello\] hello: {vps} VPs done$", r"^exec: 2 commands, 0 failed"],
                **fields)


def threads(name, children, *says, **fields):
    """Four LPs on two cores: so many run children, and by the hypervisor's accounts no other has. The
    child runs for long enough that a host which runs one LP after the other has come to each."""
    def check(vm):
        ran = re.findall(r", root \d+ us, children (\d+) us$", vm.text, re.MULTILINE)
        if len(ran) != 4 or sum(us != "0" for us in ran) != children:
            raise Failure(f"run times of children on each LP: {ran}")
    return Test(name, smp="4,cores=2,threads=2", after=check,
                commands="start spin vps=4 rounds=0; sleep 2; lps; stop spin",
                expect=[*says, rf"^hv: LPs share cores: {children} of 4 run children",
                        r"^exec: 4 commands, 0 failed"], **fields)


TESTS = [
    hello("speculation-interpreter", 2, [r"^hv: speculation: nothing to guard against"],
          forbid=[r"^hv: LPs share cores"]),
    hello("speculation-guards", 2,
          [r"^hv: speculation: no IBPB, return stack refilled after exits",
           r"^hv: speculation: this is not enough: .*microcode"], cpu=ANONYMOUS),
    threads("smt-isolated", 2),
    threads("smt-shared", 4, options={"smt": "shared"}),
    threads("smt-unknown-value", 2, r"^hv: boot.cfg: smt is isolated or shared: using isolated",
            options={"smt": "share"}),
]
