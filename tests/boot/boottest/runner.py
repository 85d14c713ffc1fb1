# SPDX-License-Identifier: MIT
"""Run one boot test: make its disks, start its machine, judge it."""
import os
import re
import secrets
import shutil
import subprocess
import time
import traceback
from dataclasses import dataclass

from vmachine import child, esp, firmware, first_guest, qemu

from . import disks, monitor, vm

SHOWN_LINES = 60
# A busy machine may be given more time: VERDIGRIS_TIMEOUT_FACTOR=3.
TIMEOUT_FACTOR = float(os.environ.get("VERDIGRIS_TIMEOUT_FACTOR", "1"))


@dataclass
class Place:
    tree: str
    build: str
    keep: bool = False

    @property
    def images(self):
        return os.path.join(self.build, "images")

    @property
    def shared_build(self):
        """Where packages and what is made of them are, for all presets."""
        return os.path.join(self.tree, "build")

    def folder(self, test):
        return os.path.join(self.build, "boot-tests", test.name)


@dataclass
class Outcome:
    name: str
    passed: bool
    seconds: float
    reason: str = ""
    console: str = ""
    log: str = ""
    cpu_seconds: float = 0.0  # of the host's processors that the machine took

    def line(self):
        reason = self.reason.partition("\n")[0]
        return f"{'PASS' if self.passed else 'FAIL'} {self.name} {self.seconds:.1f} {reason}".rstrip()

    def text(self):
        if self.passed:
            return f"PASS {self.name} ({self.seconds:.1f} s, {self.cpu_seconds:.0f} s of a processor)"
        shown = "\n".join("    | " + line for line in self.console.splitlines()[-SHOWN_LINES:])
        return (f"FAIL {self.name} ({self.seconds:.1f} s): {self.reason}\n{shown}\n"
                f"    the whole console: {self.log}")


def _image(place, name):
    if name is None:
        return None
    path = os.path.join(place.images, name)
    if not os.path.exists(path):
        raise vm.Failure(f"the image {name} is not built")
    return path


def _modules(test, place):
    if test.modules is None:
        return esp.default_modules(place.images)
    return [_image(place, m) for m in test.modules]


def _substitute(text, nonce, made):
    text = text.replace("{nonce}", nonce)
    for i, disk in enumerate(made):
        text = text.replace("{disk_path%d}" % i, disk.path)
        text = text.replace("{disk%d}" % i, disk.sha256_before)
    return text


def _boot_cfg(test, modules):
    if test.boot_cfg is not None:
        return test.boot_cfg
    return esp.boot_cfg(modules, hypervisorlaunchtype=test.launchtype, startup=test.startup,
                        exec=test.commands, **test.options)


def _make_esp(test, place, folder, nonce, made):
    modules = _modules(test, place) + child.modules(
        [c.make(place, folder) for c in test.children], folder)
    cfg = os.path.join(folder, "boot.cfg")
    with open(cfg, "w", encoding="utf-8") as f:
        f.write(_substitute(_boot_cfg(test, modules), nonce, made))
    files = esp.loader_files(place.images, cfg, modules, _image(place, test.hypervisor),
                             _image(place, test.root))
    if test.boot_cfg == "":
        del files["EFI/verdigris/boot.cfg"]
    path = os.path.join(folder, "esp.img")
    esp.make(path, files)
    return path


def _firmware(test, place):
    """The lean one, but where a test says no, is of what people type, or has a Linux around it."""
    if test.front_end or test.first_guest or not test.lean:
        return qemu.OVMF_CODE
    return firmware.lean(place.shared_build)


def _run_command(test, place, folder, nonce, made):
    with open(os.path.join(folder, "boot.cfg"), "w", encoding="utf-8") as f:
        f.write(_substitute(test.boot_cfg or "", nonce, made))
    words = [_substitute(w, nonce, made).replace("{work}", folder)
             .replace("{firmware}", _firmware(test, place)) for w in test.run]
    if test.front_end:
        return [os.path.join(place.tree, "verdigris"), "run"] + words
    return [os.path.join(place.tree, "tools", "run-qemu"), "--images", place.images] + words


def _make_image(place, folder):
    """By ./verdigris image."""
    done = subprocess.run([os.path.join(place.tree, "verdigris"), "image", "image.img"], cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise vm.Failure(f"./verdigris image:\n{done.stdout}{done.stderr}")
    return os.path.join(folder, "image.img")


def _monitored(machine, folder):
    socket = qemu.quoted(os.path.relpath(os.path.join(folder, "monitor")))
    machine.monitor = f"unix:{socket},server=on,wait=off"
    return machine.command()


def _direct_command(test, place, folder, _nonce, made):
    machine = test.children[0].direct(place.shared_build, [d.attach() for d in made])
    machine.icount, machine.extra = test.icount, test.qemu
    return _monitored(machine, folder)


def _qemu_command(test, place, folder, nonce, made):
    machine = qemu.Machine(
        esp=(_make_image(place, folder) if test.front_end
             else _make_esp(test, place, folder, nonce, made)),
        vars=qemu.make_vars(os.path.join(folder, "vars.fd")), smp=test.smp, memory=test.memory,
        cpu=test.cpu, icount=test.icount, one_thread=bool(test.children), kvm=test.first_guest, disks=[d.attach() for d in made],
        esp_bus=test.esp_bus, firmware=_firmware(test, place),
        extra=[word.replace("{work}", qemu.quoted(os.path.relpath(folder))) for word in test.qemu])
    if test.first_guest:
        return first_guest.command(machine, place.shared_build,
                                   os.path.join(folder, "initramfs.img"))
    return _monitored(machine, folder)


def _command(test):
    if test.direct:
        return _direct_command
    return _qemu_command if test.run is None else _run_command


def _make_vm(test, place, folder):
    nonce = secrets.token_hex(8)
    made = disks.make_all(test.disks, folder, place.tree)
    made_vm = vm.Vm(_command(test)(test, place, folder, nonce, made), os.path.join(folder, "serial.log"),
                    test.forbidden(), test.timeout * TIMEOUT_FACTOR)
    made_vm.nonce, made_vm.disks, made_vm.work = nonce, made, folder
    made_vm.monitor_path = os.path.join(folder, "monitor")
    made_vm.images = place.images
    return made_vm


def _judge(test, machine):
    for pattern in test.expect:
        machine.expect(_substitute(pattern, machine.nonce, machine.disks))
    if test.script:
        test.script(machine)
    if test.first_guest:
        machine.expect(f"^{first_guest.ENDED}{test.status}$")
    if test.exits:
        status = machine.wait_end()
        if status != (0 if test.first_guest else test.status):
            raise vm.Failure(f"QEMU ended with status {status}, not {test.status}")
    machine.check_forbidden()
    machine.stop()
    if test.after:
        test.after(machine)


def _last_words(machine):
    """The console, with all of a dump that has only begun, and where the processors are."""
    machine.wait_silence()
    return machine.text + "\n" + monitor.registers(machine)


def _attempt(test, place, folder):
    """(reason of failure or "", console, seconds of the host's processors)"""
    machine = None
    try:
        machine = _make_vm(test, place, folder)
        machine.start()
        _judge(test, machine)
        return "", machine.text, machine.cpu_seconds
    except vm.Failure as failure:
        return str(failure), _last_words(machine) if machine else "", 0.0
    except Exception:  # a bug in a test is that test's failure, not the end of the run
        return traceback.format_exc(), machine.text if machine else "", 0.0
    finally:
        if machine:
            machine.stop()


def _clean(folder):
    for name in os.listdir(folder):
        if re.search(r"\.(img|fd)$", name):
            os.unlink(os.path.join(folder, name))


def run_test(test, place):
    folder = place.folder(test)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    began = time.monotonic()
    reason, console, cpu_seconds = _attempt(test, place, folder)
    if not reason and not place.keep:
        _clean(folder)
    return Outcome(test.name, not reason, time.monotonic() - began, reason, console,
                   os.path.join(folder, "serial.log"), cpu_seconds)
