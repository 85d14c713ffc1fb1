# SPDX-License-Identifier: MIT
"""Disk images and emulated machines: shared by tools/mkesp, tools/run-qemu and tests/boot/run."""
