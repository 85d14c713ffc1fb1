# SPDX-License-Identifier: MIT
"""Linux children of a test: how they are described, typed to, and judged by their kernel's log."""
import base64
import binascii
import gzip
import os
import re
import zlib
from dataclasses import dataclass, field

from vmachine import child, linux_guest, qemu

from .vm import Failure

LINE_MAX = 511  # of root's shell
PROMPT = r"^\S+@\S+:\S+# "  # of a child's shell
# A byte on a child's serial port takes the emulator half a millisecond. So the kernel's log stays in the
# kernel, but for warnings, unless a test wants it there as well (LOUD), and is packed where it is asked for.
LOUD = linux_guest.CMDLINE
QUIET = LOUD + " quiet loglevel=5"
LOG_TRIES = 3

# What a healthy kernel's log has not.
BAD = (r"\bcut here\b", r"\bWARNING: CPU:", r"\bBUG:", r"\bkernel BUG at\b", r"\bOops\b", r"Call Trace:",
       r"\brcu\b.*\b(detected|self-detected) stall", r"\brcu\b.*kthread (timer wakeup|starved)",
       r"\bsoft lockup\b", r"\bhard LOCKUP\b", r"blocked for more than \d+ seconds",
       r"I/O error", r"EXT4-fs (error|warning)", r"Aborting journal", r"general protection fault",
       r"\bsegfault\b", r"unchecked MSR access", r"Kernel panic", r"Unknown symbol",
       r"Marking clocksource .* as unstable")
# What that of a child has, in this order.
CHILD = (r"Hypervisor detected: Microsoft Hyper-V$", r"hv_vmbus: Vmbus version:5\.3$",
         r"scsi host\d+: storvsc_host_t$", r"sd \d+:0:0:0: \[sda\] ",
         r"EXT4-fs \(sda\d*\): mounted filesystem .*with ordered data mode")
CLOCKSOURCE = r"clocksource: Switched to clocksource hyperv_clocksource_tsc_page$"


@dataclass
class LinuxChild:
    """A child of the images that tools/vmachine/linux_guest.py makes."""
    name: str = "linux"
    kernel: str = "standard"  # or cloud
    vps: int = 1
    memory: str = "384M"
    cmdline: str = QUIET
    disks: list = field(default_factory=lambda: ["nvme0"])  # as root names them
    networks: list = field(default_factory=list)
    autostart: bool = True
    restart: str = "never"

    def files(self, build):
        """The child with its files, which are made if they are not there. build: the tree's."""
        guest = linux_guest.LinuxGuest(build)
        return child.Child(self.name, guest.kernel(self.kernel), guest.initrd(self.kernel),
                           self.cmdline, self.vps, self.memory, self.disks, self.networks,
                           self.autostart, self.restart)

    def make(self, place, _folder):
        """What boots as a child in a test at place."""
        return self.files(place.shared_build)

    def direct(self, build, disks):
        """The machine on which the same kernel runs without Verdigris, with what the child has."""
        files = self.files(build)
        return qemu.Direct(files.kernel, files.initrd, self.cmdline, self.vps, self.memory,
                           disks=disks)


def complaints(log, expected=CHILD + (CLOCKSOURCE,)):
    """What is wrong with a kernel's log: lines that are in none, and expected ones that are not there
    (each is looked for after the one before, but for the clocksource's: when it is switched to is a
    matter of time)."""
    found = [line.strip() for line in log.splitlines() if any(re.search(p, line) for p in BAD)]
    position = 0
    for pattern in expected:
        match = re.compile(pattern, re.MULTILINE).search(log, 0 if pattern == CLOCKSOURCE else position)
        if match is None:
            found.append(f"no line has {pattern!r}")
        elif pattern != CLOCKSOURCE:
            position = match.end()
    return found


def judge_log(log, expected=CHILD + (CLOCKSOURCE,)):
    """Failure, if there are complaints."""
    found = complaints(log, expected)
    if found:
        raise Failure("the child's kernel says:\n" + "\n".join(found))


def unpacked(said):
    """What gzip and base64 have made of it, between which the kernel may have said something; None: or amidst."""
    lines = (line.strip() for line in said.splitlines())
    packed = "".join(line for line in lines if re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", line))
    try:
        return gzip.decompress(base64.b64decode(packed, validate=True)).decode("utf-8", "replace") or None
    except (binascii.Error, EOFError, OSError, zlib.error):
        return None


class ChildShell:
    """The shell of a child, or with direct=True that of a machine which is a Linux itself."""

    def __init__(self, vm, name="linux", direct=False):
        self._vm, self._name, self._direct = vm, name, direct
        self._count = 0

    def _type(self, commands):
        if self._direct:
            self._vm.send(commands)
            return
        quote = '"' if "'" in commands else "'"
        line = f"vm console {self._name} --exec {quote}{commands}{quote}"
        if quote in commands or len(line) > LINE_MAX:
            raise ValueError(f"root's shell does not take {line!r}")
        self._vm.send(line)

    def run(self, commands, timeout=None):
        """What the commands print; Failure if the last one fails."""
        self._count += 1
        begin, end = f"begin-{self._count}", f"end-{self._count}"
        self._type(f"echo {begin}; {commands}; echo {end} $?")
        self._vm.expect(f"^{begin}$", timeout)  # not what is typed, where more is in the line
        answer = self._vm.expect(rf"(?s)\n(.*?)^{end} (\d+)$", timeout)
        if answer.group(2) != "0":
            raise Failure(f"in the child, {commands!r} ended with {answer.group(2)}:\n{answer.group(1)}")
        return answer.group(1)

    def log(self):
        """Its kernel's. It is kept in the test's folder, too."""
        for _ in range(LOG_TRIES):
            text = unpacked(self.run("dmesg | gzip | base64"))
            if text is not None:
                with open(os.path.join(self._vm.work, f"dmesg-{self._name}.log"), "w", encoding="utf-8") as f:
                    f.write(text)
                return text
        raise Failure("the kernel's log does not arrive whole")
