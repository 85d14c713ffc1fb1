# SPDX-License-Identifier: MIT
"""Children: each of their VPs runs, and they end by themselves."""
import re

from boottest import Failure, Test, every_vp_once, hello_lines


def hello(smp, vps, group="normal", **fields):
    return Test(f"hello-{smp}-lps-{vps}-vps", smp=smp, group=group,
                commands=f"start hello vps={vps} nonce={{nonce}}; wait hello 60",
                expect=hello_lines(vps) + [r"^exec: 2 commands, 0 failed"], after=every_vp_once,
                **fields)


MANY = 80  # more than a record each of the first table had


def none_is_lost(vm):
    """The list shows all of them at once, and all VPs of the largest."""
    children = len(re.findall(r"^ *\d+  c\d+ +running ", vm.text, re.MULTILINE))
    vps = len(re.findall(r"^ *\d+  wide +VP ", vm.text, re.MULTILINE))
    if children != MANY or vps != 240:
        raise Failure(f"{children} children of {MANY}, {vps} VPs of 240")


TESTS = [hello(1, 1), hello(1, 4), hello(2, 2, group="quick"), hello(4, 4),
         Test("children-many", memory="2G",
              commands="; ".join(f"start c{i} still memory=2" for i in range(MANY)) + "; partitions; start wide still vps=240; vps; stop wide; wait wide; " +
                       "; ".join(f"stop c{i}; wait c{i}" for i in range(MANY)),
              expect=[rf"^exec: {3 * MANY + 5} commands, 0 failed$"], after=none_is_lost)]
