#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does ./verdigris gdb stop at the entry points of the hypervisor and of root, with symbols?"""
import os
import socket
import subprocess
import sys

TREE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SECONDS = 300 * float(os.environ.get("VERDIGRIS_TIMEOUT_FACTOR", "1"))
ENTRIES = {"hypervisor": "entry in section .text", "root": "root_entry in section .text"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def stops(image):
    """gdb's transcript of one start, in which the machine is killed at the first stop."""
    return subprocess.run(
        [os.path.join(TREE, "verdigris"), "gdb", image, "--no-kvm"], check=False,
        input="info symbol $pc\nkill\nquit\n", capture_output=True, text=True, timeout=SECONDS,
        env={**os.environ, "VERDIGRIS_GDB_PORT": free_port()}).stdout


def main():
    failed = False
    for image, entry in ENTRIES.items():
        transcript = stops(image)
        if f"(gdb) {entry}\n" not in transcript:
            print(f"{image}: no stop at its entry:\n{transcript}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
