# SPDX-License-Identifier: MIT
"""Integration services of a Linux child: heartbeat, shutdown, time, key-value pairs, snapshots."""
import re
import struct

from boottest import ChildShell, Failure, LinuxChild, LinuxDisk, Program, Test, judge_log

ROOT_PROMPT = r"^root> "
ROOT_MIB = 768  # of the machine, beside its child's
TRIES = 60  # a second each

SERVICES = {"heartbeat": "57164f39-9115-4e78-ab55-382f3bd5422d", "shutdown": "0e0b6031-5213-4934-818b-38d90ced39db",
            "time": "9527e630-d0ae-497b-adce-e80ab0175caf", "kvp": "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6",
            "vss": "35fa2e29-ea23-4236-96ae-3a6ebacba440"}


def clean(vm):
    wrong = vm.disks[0].check_ext4()
    if wrong:
        raise Failure(wrong)


def bound(vm, shell):
    """Linux' driver has all services, in the newest version that both know."""
    for name, guid in SERVICES.items():
        found = shell.run(f"grep -l {guid} /sys/bus/vmbus/devices/*/class_id")
        device = found.strip().rsplit("/", 1)[0]
        shell.run(f"readlink {device}/driver | grep /hv_utils$")
        vm.send("channels")
        vm.expect(rf"^linux +\d+\.0 +{name} +open ")
        vm.expect(ROOT_PROMPT)
    log = shell.run("dmesg | grep IC.version")
    for line in ("Heartbeat IC version 3.0", "Shutdown IC version 3.2", "TimeSync IC version 4.0"):
        if line not in log:
            raise Failure(f"the kernel does not say {line!r} but:\n{log}")


def informed(vm, *patterns):
    """vm info shows all of this, as soon as the child's daemons have come and said it."""
    said = ""
    for _ in range(TRIES):
        begin = len(vm.text)
        vm.send("vm info linux")
        vm.send("echo info is complete")
        vm.expect(r"^info is complete$")
        said = vm.text[begin:].replace("\r", "")
        if all(re.search(pattern, said, re.MULTILINE) for pattern in patterns):
            return
        vm.send("sleep 1")
    raise Failure(f"vm info has not all of {patterns}:\n{said}")


def services(vm):
    vm.expect(ROOT_PROMPT)
    shell = ChildShell(vm)
    bound(vm, shell)
    release = shell.run("uname -r").strip()
    informed(vm, r"^# heartbeat: OK, [0-9] s ago$", r"^# shutdown: version 3\.2$", r"^# time: version 4\.0$",
             r"^# kvp: version 4\.0$", r"^# vss: version 5\.0$", rf"^# OSBuildNumber = {re.escape(release)}$")
    judge_log(shell.log())
    vm.send("vm shutdown linux")
    vm.expect(r"^linux: it switched itself off$")
    vm.expect(ROOT_PROMPT)
    vm.send("vm shutdown linux")
    vm.expect(r"^linux: it does not run$")
    vm.send("poweroff")


# ---- key-value pairs ----

def pairs(vm):
    """What root says is in the child's files, and what programs there say is root's to see."""
    vm.expect(ROOT_PROMPT)
    shell = ChildShell(vm)
    for key, value in (("HostName", "Verdigris"), ("VirtualMachineName", "linux")):
        shell.run(f"until tr -s \\\\0 : </var/lib/hyperv/.kvp_pool_3 | grep {key}:{value}: ; do sleep 1; done")
    vm.send("vm set linux role 'web server 1'")
    vm.expect(r"^linux: told$")
    shell.run("tr -s \\\\0 : </var/lib/hyperv/.kvp_pool_0 | grep 'role:web server 1:'")
    vm.send("vm set linux role")
    vm.expect(r"^linux: forgotten$")
    shell.run("! grep role /var/lib/hyperv/.kvp_pool_0")
    vm.send("vm set linux role")
    vm.expect(r"^linux: its system refused \(status [0-9a-f]+\)$")
    shell.run("{ printf colour; head -c 506 /dev/zero; printf green; head -c 2043 /dev/zero; } >/var/lib/hyperv/.kvp_pool_1")
    informed(vm, r"^# guest: colour = green$")
    shell.run("killall hv_kvp_daemon")
    vm.send("vm set linux role db")
    vm.expect(r"^linux: its system (refused \(status 80004005\)|does not answer)$")
    vm.send("vm shutdown linux")
    vm.expect(r"^linux: it switched itself off$")
    vm.send("poweroff")


# ---- snapshots ----

def freeze(vm):
    """A write waits while the child is frozen, and is done when it is thawed."""
    vm.expect(ROOT_PROMPT)
    shell = ChildShell(vm)
    shell.run("until pidof hv_vss_daemon; do sleep 1; done")
    informed(vm, r"^# vss: version 5\.0$")
    vm.send("vm freeze linux")
    vm.expect(r"^linux: frozen: ")
    shell.run("(echo written >/root/file; sync; echo done >/tmp/done) & sleep 5; ls /tmp; ! test -e /tmp/done")
    vm.send("vm info linux")
    vm.expect(r"^# heartbeat: OK")
    vm.expect(r"^# frozen: ")
    vm.send("vm shutdown linux")
    vm.expect(r"^linux: it is frozen \(vm thaw\), or asked already$")
    before = vm.disks[0].sha256()
    shell.run("sleep 5; ! test -e /tmp/done")
    if vm.disks[0].sha256() != before:
        raise Failure("the disk has changed while the child was frozen")
    vm.send("vm thaw linux")
    vm.expect(r"^linux: thawed$")
    shell.run("until test -e /tmp/done; do sleep 1; done; grep written /root/file")
    judge_log(shell.log())
    shell.run("killall hv_vss_daemon; sleep 1")
    vm.send("vm freeze linux")
    vm.expect(r"^linux: its system (refused|does not answer)")
    # It was not shut down when it was asked to, so that this is its own doing.
    shell.run("dmesg -n 1; poweroff")
    vm.expect(r"child linux: ended: it switched itself off$")
    ChildShell(vm).run("until pidof hv_kvp_daemon; do sleep 1; done")
    vm.send("vm shutdown linux")
    vm.expect(r"^linux: it switched itself off$")
    vm.send("poweroff")


# ---- keyboard ----

EVENT = struct.Struct("<16xHHi")  # struct input_event
EV_KEY, SHIFT = 1, 42
TYPED = [(SHIFT, 1), (35, 1), (35, 0), (SHIFT, 0), (23, 1), (23, 0), (28, 1), (28, 0)]  # "Hi", Enter
WORDS = ["the", "quick", "brown", "fox"]


def keys(shell):
    """What the child's keyboard has done since it was asked first: (key, pressed or let go)."""
    bytes_ = bytes.fromhex(shell.run("od -An -v -tx1 /tmp/keys"))
    return [(code, value) for kind, code, value in EVENT.iter_unpack(bytes_) if kind == EV_KEY]


def keyboard(vm):
    vm.expect(ROOT_PROMPT)
    shell = ChildShell(vm)
    shell.run("rmmod hyperv_keyboard")
    vm.send("vm keys linux x")
    vm.expect(r"^linux: its system has no driver for its keyboard ")
    shell.run("modprobe hyperv_keyboard; modprobe evdev; until ls /dev/input/event0; do sleep 1; done")
    shell.run("cat /dev/input/event0 >/tmp/keys & sleep 1")
    vm.send("vm keys linux Hi --enter")
    vm.expect(ROOT_PROMPT)
    shell.run("sleep 2")
    if keys(shell) != TYPED:
        raise Failure(f"typed was {keys(shell)}")
    for word in WORDS:  # the child keeps 64 events, three for each of ours, for who is slow to read them
        vm.send(f"vm keys linux '{word} '")
        vm.expect(ROOT_PROMPT)
        shell.run("sleep 1")
    typed = keys(shell)[len(TYPED):]
    length = sum(len(word) + 1 for word in WORDS)
    if len(typed) != 2 * length or [k for k, down in typed if down] != [k for k, down in typed if not down]:
        raise Failure(f"typed was {typed}")
    judge_log(shell.log())
    vm.send("vm keys linux --ctrl-alt-delete")
    vm.expect(r"child linux: ended: it reset itself$")  # as its init has it
    ChildShell(vm).run("true")
    vm.send("vm shutdown linux")
    vm.expect(r"^linux: it switched itself off$")
    vm.send("poweroff")


# ---- time ----

CLOCK_LIMIT_NS = 10_000_000
SKEW_PPM = 500  # of the child's clock, as far as Linux lets a program go
SKEWED_SECONDS = 60  # in which it is then beyond the limit


def clocks(vm, shell, seconds=0):
    """How far the child's clock is off root's, and how far what root's messages say (/dev/ptp0) is, in
    ns: both compared at one moment of the child's reference time. seconds: what root's clock says at
    least."""
    child = re.search(r"clock=(\d+) reference=(\d+) .*ahead=(-?\d+)$", shell.run("/tmp/clock"), re.MULTILINE)
    clock, reference, ahead = map(int, child.groups())
    vm.send("vm info linux")
    root = vm.expect(r"^# at its reference time (\d+) ns it was (\d+) ns after 1970$")
    vm.expect(ROOT_PROMPT)
    off = clock + int(root.group(1)) - reference * 100 - int(root.group(2))
    print(f"integration-time: the child's clock is {off / 1e6:+.3f} ms off root's, what root says "
          f"{(off + ahead) / 1e6:+.3f}", flush=True)
    if int(root.group(2)) < seconds * 10**9:
        raise Failure("root's clock was not set")
    return off, off + ahead


def agrees(off):
    return abs(off) < CLOCK_LIMIT_NS


def agree_soon(vm, shell, seconds):
    for _ in range(5):
        if all(map(agrees, clocks(vm, shell, seconds))):
            return
        shell.run("sleep 1")
    raise Failure("the child's clock is not root's")


def moved(vm, shell):
    """Root's clock is set, and the child's with it; the child's alone does not move what root says."""
    shell.run("date -s @1000000000")
    clock, said = clocks(vm, shell)
    if agrees(clock):
        raise Failure("the child's clock cannot be moved")
    if not agrees(said):
        raise Failure("what root says moves with the child's clock")
    vm.send("date 2038-01-20 03:14:07")  # beyond 32 bits
    vm.expect(r"^2038-01-20 03:14:07\.\d+ UTC$")
    agree_soon(vm, shell, 2**31)
    shell.run("date | grep 2038")
    vm.send("date 2031-02-29 00:00:00")
    vm.expect(r"^date: \[YYYY-MM-DD HH:MM:SS\], which is UTC$")
    vm.send("date 2031-02-28 23:59:50")
    vm.expect(r"^2031-02-28 23:59:50\.\d+ UTC$")


def pass_by(vm, seconds):
    """Seconds of root's own time."""
    vm.send(f"sleep {seconds}")
    vm.expect(ROOT_PROMPT, timeout=10 * seconds)


def skewed(vm, shell):
    """The child's clock, which nobody looks after, runs too fast; somebody has it follow root's from now on."""
    agree_soon(vm, shell, 1930089590)
    shell.run(f"/tmp/clock skew {SKEW_PPM}")
    pass_by(vm, SKEWED_SECONDS)
    clock, said = clocks(vm, shell)
    if agrees(clock) or not agrees(said):
        raise Failure("the child's clock cannot be made to run too fast")
    shell.run("/tmp/clock follow >/tmp/follow 2>&1 & sleep 1")


def follows(wait):
    """The child's clock is root's whenever that is set, and then for so many seconds, though it runs
    too fast: by root's samples."""
    def script(vm):
        vm.expect(ROOT_PROMPT)
        shell = ChildShell(vm)
        shell.run("modprobe msr; head -c 1048576 /dev/sdb >/tmp/clock; chmod +x /tmp/clock")
        agree_soon(vm, shell, 0)
        moved(vm, shell)
        skewed(vm, shell)
        for _ in range(10):
            pass_by(vm, wait // 10)
            if not all(map(agrees, clocks(vm, shell, 1930089590))):
                raise Failure("the child's clock has left root's: " + shell.run("cat /tmp/follow"))
        shell.run("pidof clock")
        judge_log(shell.log())
        vm.send("vm shutdown linux")
        vm.expect(r"^linux: it switched itself off$")
        vm.send("poweroff")
    return script


def test(name, script, group="normal", disks=(), **machine):
    """Of a child that would start anew whenever it switches itself off, unless root asked for it."""
    names = ["nvme0"] + [f"{d.bus}0" for d in disks]
    return Test(name, group=group, memory=f"{384 + ROOT_MIB}M", disks=[LinuxDisk("nvme"), *disks], script=script,
                after=clean, children=[LinuxChild(kernel="cloud", restart="always", disks=names)], timeout=900, **machine)


TESTS = [
    test("integration-services", services),
    test("integration-pairs", pairs),
    test("integration-freeze", freeze),
    test("integration-keyboard", keyboard),
    # A second of an idle machine that counts instructions takes no time; the other one's threads lose their
    # processors whenever the host likes.
    test("integration-time", follows(1000), disks=[Program("clock")], smp=1, icount=True),
    test("integration-time-real", follows(60), group="long", disks=[Program("clock")]),
]
