# SPDX-License-Identifier: MIT
"""What a file of tests/boot/cases needs: Test, the disks, and the errors a script may raise.

A case file defines TESTS, a list of Test. See docs/testing.md.
"""
from .catalogue import Test
from .disks import Blank, Mixed, Random
from .fill import Fill
from .vm import Failure

__all__ = ["Test", "Blank", "Mixed", "Random", "Fill", "Failure"]
