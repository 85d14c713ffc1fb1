# SPDX-License-Identifier: MIT
"""What a file of tests/boot/cases needs: Test, disks, errors, and what a script may look at.

A case file defines TESTS, a list of Test. See docs/testing.md.
"""
from . import monitor
from .catalogue import Test
from .children import ALL_BACK, first_data_disk
from .counts import COUNTING, counts, counts_in, counts_return, difference
from .disks import Blank, LinuxDisk, Mixed, Program, Random, bad_flush, bad_sector
from .fill import Fill, sequence
from .guests import every_vp_once, hello_lines
from .hostile_rows import PROBE, check_rows
from .linux import ChildShell, LinuxChild, judge_log
from .lan import Lan, cable, checksum
from .multiboot import MultibootChild, ToyChild
from .screen import screen_text
from .vm import Failure
from .web import WebFile

__all__ = ["ALL_BACK", "COUNTING", "PROBE", "Test", "Blank", "LinuxDisk", "Mixed", "Program", "Random", "Fill", "Failure", "Lan",
           "ChildShell", "LinuxChild", "MultibootChild", "ToyChild", "WebFile", "bad_flush", "bad_sector",
           "cable", "check_rows", "checksum", "counts", "counts_in", "counts_return", "difference", "every_vp_once", "first_data_disk", "hello_lines",
           "judge_log", "monitor", "screen_text", "sequence"]
