# SPDX-License-Identifier: MIT
"""Questions to QEMU's monitor while a machine runs."""
import os
import re
import socket

PROMPT = b"(qemu) "
ANSWER_SECONDS = 20
REGISTERS = re.compile(r"^(CPU#\d+|RIP=.*)$", re.MULTILINE)


def _until_prompt(stream):
    seen = b""
    while not seen.endswith(PROMPT):
        byte = stream.read(1)
        if not byte:
            break
        seen += byte
    return seen.decode("utf-8", "replace").replace("\r", "")


def ask(vm, command):
    """What the monitor answers to the command."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(ANSWER_SECONDS)
        s.connect(os.path.relpath(vm.monitor_path))
        stream = s.makefile("rwb", buffering=0)
        _until_prompt(stream)
        stream.write(command.encode() + b"\n")
        return _until_prompt(stream)


def registers(vm):
    """Where each processor is. The whole answer goes to registers.log in the test's folder. Nothing
    if there is no monitor or it does not answer: the machine may have ended."""
    try:
        answer = ask(vm, "info registers -a")
    except OSError:
        return ""
    with open(os.path.join(vm.work, "registers.log"), "w", encoding="utf-8") as f:
        f.write(answer)
    return "\n".join(REGISTERS.findall(answer))
