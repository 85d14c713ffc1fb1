# SPDX-License-Identifier: MIT
"""What is done against speculation, as far as an emulator can show it: the choice itself is
tests/unit/test_speculation.c's."""
from boottest import Failure, Test

# QEMU without its name in CPUID: the hypervisor must take it for a processor that speculates.
ANONYMOUS = "max,+svm,tcg-cpuid=off"
HELLO = ["start hello vps={vps} nonce={{nonce}}", "wait hello 60"]


def hello(name, vps, says, **fields):
    return Test(name, commands="; ".join(HELLO).format(vps=vps),
                expect=says + [rf"\[hello\] hello: {vps} VPs done$", r"^exec: 2 commands, 0 failed"],
                **fields)


def threads(name, children, *says, **fields):
    """Four LPs on two cores: so many run children, as soon as the host has come to each, and by the
    hypervisor's accounts no other has."""
    def script(vm):
        for line in (*says, rf"^hv: LPs share cores: {children} of 4 run children"):
            vm.expect(line)
        vm.expect(r"^root> ")
        vm.send("start spin vps=4 rounds=0")
        ran = []
        while sum(us != "0" for us in ran) < children:
            vm.send("lps")
            ran = [vm.expect(r", root \d+ us, children (\d+) us$").group(1) for _ in range(4)]
        if sum(us != "0" for us in ran) != children:
            raise Failure(f"run times of children on each LP: {ran}")
        vm.send("stop spin")
        vm.send("poweroff")
    return Test(name, smp="4,cores=2,threads=2", script=script, **fields)


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
