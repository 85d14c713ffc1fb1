# SPDX-License-Identifier: MIT
"""Children: each of their VPs runs, and they end by themselves."""
from boottest import Test, every_vp_once, hello_lines


def hello(smp, vps, group="normal", **fields):
    return Test(f"hello-{smp}-lps-{vps}-vps", smp=smp, group=group,
                commands=f"start hello vps={vps} nonce={{nonce}}; wait hello 60",
                expect=hello_lines(vps) + [r"^exec: 2 commands, 0 failed"], after=every_vp_once,
                **fields)


TESTS = [hello(1, 1), hello(1, 4), hello(2, 2, group="quick"), hello(4, 4)]
