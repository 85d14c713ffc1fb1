# SPDX-License-Identifier: MIT
"""A running machine: its serial console as text to expect and a place to type."""
import contextlib
import os
import re
import subprocess
import threading
import time

ESCAPES = re.compile(r"\x1b(?:\[[0-9;=?]*[A-Za-z]|[()][A-Z0-9]|[=>])")
STOP_SECONDS = 10
SILENCE_SECONDS, LAST_WORDS_SECONDS = 5, 60
# The hypervisor, root's log and programs share the serial line. A line of the hypervisor may cut any
# other, one of a log (a kernel's in a child looks the same) what a program writes.
STAMP = r"\[ *\d+\.\d{6}\] "
CUTS = [re.compile(rf"^(?!{others})([^\n]+?)({own}[^\n]*\n)", re.MULTILINE)
        for others, own in (("hv: ", "hv: "), (f"hv: |{STAMP}", STAMP))]


class Failure(Exception):
    """The machine did not do what the test wants."""


class Vm:
    """Start it with start(); a reader thread collects the console until the machine ends."""

    def __init__(self, command, log_path, forbidden, deadline_seconds):
        self.command = command
        self.log_path = log_path
        self.nonce = ""
        self.disks = []  # of disks.Made
        self.work = ""  # the test's folder
        self.monitor_path = ""
        self.images = ""  # the folder that the machine's images are from
        self.cpu_seconds = 0.0  # of the host's processors, known at the end
        self._forbidden = [re.compile(p, re.MULTILINE) for p in forbidden]
        self._deadline = time.monotonic() + deadline_seconds
        self._seconds = deadline_seconds
        self._text = ""
        self._position = 0  # where expect() goes on
        self._ended = False
        self._changed = threading.Condition()
        self._process = None
        self._reader = None

    def start(self):
        self._process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        pending = ""
        with open(self.log_path, "wb") as log:
            while chunk := os.read(self._process.stdout.fileno(), 65536):
                log.write(chunk)
                log.flush()
                pending = pending + chunk.decode("utf-8", "replace").replace("\r", "")
                whole, pending = self._split_escape(pending)
                with self._changed:
                    self._append(ESCAPES.sub("", whole))
                    self._changed.notify_all()
        with self._changed:
            self._append(pending)
            self._ended = True
            self._changed.notify_all()

    def _append(self, text):
        """A line that cuts another goes before it."""
        start = self._text.rfind("\n") + 1
        line = self._text[start:] + text
        while cut := next(filter(None, (pattern.search(line) for pattern in CUTS)), None):
            if self._position > start + cut.start(2):  # what was expected is in the one that cuts
                self._position -= len(cut.group(1))
            elif self._position > start + cut.start(1):  # it is in the one that is cut
                self._position += len(cut.group(2))
            line = line[:cut.start(1)] + cut.group(2) + cut.group(1) + line[cut.end(2):]
        self._text = self._text[:start] + line

    @staticmethod
    def _split_escape(text):
        """Hold back an escape sequence that has not wholly arrived."""
        at = text.rfind("\x1b")
        if at >= 0 and len(text) - at < 16 and not ESCAPES.match(text, at):
            return text[:at], text[at:]
        return text, ""

    def _note_cpu(self):
        """While the process is there, if only as what its parent has not waited for yet."""
        with contextlib.suppress(OSError), open(f"/proc/{self._process.pid}/stat", encoding="ascii") as f:
            ticks = f.read().rpartition(")")[2].split()[11:15]  # its own in user and kernel mode, and its children's
            self.cpu_seconds = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def _check_forbidden(self):
        for pattern in self._forbidden:
            found = pattern.search(self._text)
            if found:
                end = self._text.find("\n", found.start())
                line = self._text[found.start():end if end >= 0 else None]
                raise Failure(f"the console says what it must not: {line.strip()!r}")

    @property
    def text(self):
        """Everything that the console has said so far."""
        with self._changed:
            return self._text

    def _limit(self, timeout):
        return self._deadline if timeout is None else min(self._deadline,
                                                          time.monotonic() + timeout)

    def _is_whole(self, pattern, found):
        """Not so if it goes to the end of a line that is still coming: more digits may. Prompts end otherwise."""
        coming = found.end() == len(self._text) and not self._ended
        return not (coming and pattern.endswith("$") and found.group()[-1:].isalnum())

    def expect(self, pattern, timeout=None):
        """Wait for the pattern (multi-line mode) after what was expected before; its match."""
        regex = re.compile(pattern, re.MULTILINE)
        limit = self._limit(timeout)
        with self._changed:
            while True:
                found = regex.search(self._text, self._position)
                if found and self._is_whole(pattern, found):
                    self._position = found.end()
                    return found
                self._check_forbidden()
                if self._ended:
                    raise Failure(f"the machine ended before {pattern!r}")
                left = limit - time.monotonic()
                if left <= 0:
                    raise Failure(f"{pattern!r} did not come in time")
                self._changed.wait(left)

    @contextlib.contextmanager
    def part_of_time(self, parts):
        """Within, what is expected may take one of so many parts of the time that is left."""
        whole, now = self._deadline, time.monotonic()
        self._deadline = now + (whole - now) / parts
        try:
            yield
        finally:
            self._deadline = whole

    def send(self, line):
        """Type a line into the serial console."""
        self.type(line + "\r")

    def type(self, text):
        try:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except BrokenPipeError as e:
            raise Failure(f"the machine ended before {text!r} was typed") from e

    def wait_end(self, timeout=None):
        """Wait until the machine ends by itself; QEMU's exit status."""
        limit = self._limit(timeout)
        with self._changed:
            while not self._ended:
                self._check_forbidden()
                left = limit - time.monotonic()
                if left <= 0:
                    raise Failure(f"the machine did not end by itself in {self._seconds:g} s")
                self._changed.wait(left)
            self._check_forbidden()
        self._note_cpu()
        return self._process.wait(STOP_SECONDS)

    def wait_silence(self):
        """Wait until the console says nothing more, or has said enough."""
        limit = time.monotonic() + LAST_WORDS_SECONDS
        with self._changed:
            while not self._ended and time.monotonic() < limit:
                if not self._changed.wait(SILENCE_SECONDS):
                    break

    def check_time(self):
        """For scripts that wait for something else than the console."""
        if time.monotonic() > self._deadline:
            raise Failure(f"what the test waits for did not happen in {self._seconds:g} s")

    def check_forbidden(self):
        with self._changed:
            self._check_forbidden()

    def stop(self):
        """End the machine if it still runs."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._note_cpu()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(STOP_SECONDS)
        with contextlib.suppress(BrokenPipeError):  # of what was typed when it had ended
            self._process.stdin.close()
        self._process.stdout.close()
