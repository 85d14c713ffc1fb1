# SPDX-License-Identifier: MIT
"""Linux as a child; and, without Verdigris, on the emulated machine itself, of the same images."""
import re
import time

from boottest import (ChildShell, Failure, LinuxChild, LinuxDisk, Random, Test, counts, counts_return, first_data_disk,
                      judge_log)
from vmachine import qemu
from boottest.linux import LOUD, PROMPT, QUIET

ROOT_PROMPT = r"^root> "
ROOT_MIB = 768  # of a machine, beside its child's

# Written and read back: one request at a time and 32, of 4 KiB to 1 MiB, in order and at random.
VERIFY = ("fio --directory=/root --size=8M --bsrange=4k-1M --direct=1 --ioengine=libaio --verify=crc32c "
          "--stonewall --minimal " +
          " ".join(f"--name={rw[0]}{depth} --rw={rw} --iodepth={depth}"
                   for rw in ("write", "randwrite") for depth in (1, 32)) + " >/tmp/fio")
MOUNTED = [r"EXT4-fs \(\w+\): mounted filesystem "]


def power_off(vm):
    vm.send("poweroff")
    vm.expect(r"reboot: Power down$")


def direct(disk, release):
    """The shell answers, the disk takes writes, and the log is clean."""
    def script(vm):
        shell = ChildShell(vm, direct=True)
        vm.expect(PROMPT)
        if release not in shell.run("uname -r"):
            raise Failure(f"the kernel is no {release}")
        shell.run(f"grep '^/dev/{disk} / ext4 rw' /proc/mounts")
        shell.run(VERIFY)
        judge_log(shell.log(), MOUNTED)
        power_off(vm)
    return script


def debian(vm):
    """systemd has started everything and logged root in; all drivers are there for it."""
    vm.expect(r"^debian login: root \(automatic login\)$")
    vm.expect(PROMPT)
    shell = ChildShell(vm, direct=True)
    shell.run("systemctl is-system-running --wait | grep running")
    shell.run("modprobe -n -v hv_netvsc | grep hv_vmbus")
    judge_log(shell.log(), MOUNTED)
    power_off(vm)


def clean(vm):
    wrong = vm.disks[0].check_ext4()
    if wrong:
        raise Failure(wrong)


def direct_test(kernel, bus, disk, partitioned=False):
    release = {"standard": "-amd64", "cloud": "-cloud-amd64"}[kernel]
    return Test(f"linux-direct-{kernel}-{bus}", group="long", direct=True,
                children=[LinuxChild(kernel=kernel)], disks=[LinuxDisk(bus, partitioned)],
                script=direct(disk, release), after=clean, forbid=[r"^initramfs: "],
                timeout=240)


def over(vm, shell, name="linux"):
    """Its system is shut down, so that its disk is whole."""
    shell.run("dmesg -n 1; poweroff")  # the kernel's lines would come amidst the shell's
    vm.send(f"wait {name}")
    vm.expect(rf"^{name}: it switched itself off$")


# Linux has one for four processors, if it is not told otherwise.
SUB_CHANNELS = " hv_storvsc.storvsc_vcpus_per_sub_channel=1"


def channels(vps):
    return vps if vps == 4 else 1


def spread(vm, count):
    """Each of the disk's channels interrupts another VP."""
    vm.send("channels")
    vps = {vm.expect(rf"^linux +\d+\.{number} +storvsp +open +VP (\d+)$").group(1) for number in range(count)}
    if len(vps) != count:
        raise Failure(f"{count} channels interrupt the VPs {vps}")


def break_key(vm):
    """Ctrl-^ at an attached console is a break, for which the kernel takes the key behind it as SysRq."""
    vm.send("vm console linux")
    vm.expect(PROMPT)
    vm.type("\x1e")
    vm.type("h")
    vm.expect(r"sysrq: HELP : .*\n")
    vm.type("\x1d")
    vm.expect(ROOT_PROMPT)


def child(vps):
    """Hyper-V is found, the disk is storvsc's and takes writes, and the log is clean."""
    def script(vm):
        shell = ChildShell(vm)
        vm.expect(ROOT_PROMPT)
        shell.run(f"nproc | grep -x {vps}")
        shell.run("grep '^/dev/sda1* / ext4 rw' /proc/mounts")
        spread(vm, channels(vps))
        if vps == 1:
            break_key(vm)
        shell.run(VERIFY)
        judge_log(shell.log())
        over(vm, shell)
        vm.send("poweroff")
    return script


def child_test(kernel, vps, memory, group):
    """Every other disk is in a GPT, and then the child gets the partition alone every other time. Those of two
    VPs have all the kernel says on their consoles."""
    partitioned = vps > 1
    return Test(f"linux-{kernel}-{vps}-vps-{memory}", group=group, smp=2,
                memory=f"{qemu.size_mib(memory) + ROOT_MIB}M",
                children=[LinuxChild(kernel=kernel, vps=vps, memory=memory,
                                     cmdline=(LOUD if vps == 2 else QUIET) + (SUB_CHANNELS if channels(vps) > 1 else ""),
                                     disks=["nvme0p1" if vps == 4 else "nvme0"])],
                disks=[LinuxDisk("nvme", partitioned)], script=child(vps), after=clean, timeout=900)


# ---- again and again ----

def typed(vm, commands):
    """For commands whose end nobody sees: the child is over."""
    vm.send(f"vm console linux --exec '{commands}'")


def wait_again(vm, how):
    """The child has ended, so that it starts again, and is all there again."""
    vm.expect(rf"child linux: ended: {how}$")
    shell = ChildShell(vm)
    shell.run("grep '^/dev/sda / ext4 rw' /proc/mounts")
    return shell


REBOOTS = 10  # by root, and as many by itself


def reboot(vm, shell):
    """By root, and by itself: what the last of its shells is."""
    shell.run("true")
    for _ in range(REBOOTS):
        vm.send("vm reset linux")
        wait_again(vm, "it was reset")
        typed(vm, "reboot")
        shell = wait_again(vm, "it reset itself")
    return shell


def crash(vm, shell):
    """Root's log has what the kernel said, and the child starts again."""
    shell.run("echo 1 >/proc/sys/kernel/sysrq")
    typed(vm, "(sleep 5; echo c >/proc/sysrq-trigger) & true")  # its console is then attached no more: root's log has it
    vm.expect(r"\[linux\] .*Kernel panic - not syncing: sysrq triggered crash")
    return wait_again(vm, "its system crashed")


def again(vm):
    """Root and hypervisor have no more for all that than before."""
    vm.expect(ROOT_PROMPT)
    over(vm, ChildShell(vm))
    before = counts(vm)
    vm.send("vm start linux")
    shell = reboot(vm, ChildShell(vm))
    judge_log(shell.log())
    shell = crash(vm, shell)
    judge_log(shell.log())
    vm.send("vm list")
    vm.expect(rf"^linux +running +1 +384 MiB +{2 * REBOOTS + 1}  ")
    over(vm, shell)
    counts_return(vm, before)
    vm.send("poweroff")


# ---- several ----

def exits(vm, name):
    """Of a child's VPs, by reason."""
    begin = len(vm.text)
    vm.send(f"stats {name}.")
    vm.send(f"echo exits of {name}")
    vm.expect(rf"^exits of {name}$")
    found = re.findall(rf"^{name}\.\d+\.exits\.\w+ +\d+$", vm.text[begin:], re.MULTILINE)
    if not found:
        raise Failure(f"there are no exits of {name}")
    return found


def hold(vm, name, other):
    """Paused amidst its I/O, a child does nothing, while the other goes on; then it goes on too."""
    ChildShell(vm, name).run("test ! -e /tmp/verified")
    vm.send(f"vm pause {name}")
    vm.expect(rf"^{name}: paused$")
    vm.send("vm list")
    vm.expect(rf"^{name} +paused ")
    before = exits(vm, name), exits(vm, other)
    ChildShell(vm, other).run("true")
    vm.send(f"vm stats {name}")
    vm.expect(r"^io +\d+ +0 in the last second$")
    vm.type("q")
    vm.expect(ROOT_PROMPT)
    after = exits(vm, name), exits(vm, other)
    if before[0] != after[0] or before[1] == after[1]:
        raise Failure(f"{name} is paused, and {other} not, but {before} became {after}")
    vm.send(f"vm resume {name}")
    vm.expect(rf"^{name}: resumed$")


def exchange(server, client):
    """By their cards at root's switch, the one fetches a file of the other."""
    for shell, address in ((server, 1), (client, 2)):
        shell.run(f"modprobe hv_netvsc; ip addr add 10.9.8.{address}/24 dev eth0; ip link set eth0 up")
    has = server.run("head -c 16777216 /dev/urandom >/root/file; httpd -h /root; sha256sum </root/file")
    got = client.run("ping -c 5 10.9.8.1 | grep -q ' 5 packets received' && wget -q -O - http://10.9.8.1/file | sha256sum")
    sums = [re.findall(r"^[0-9a-f]{64}(?=  -$)", text, re.MULTILINE) for text in (has, got)]
    if len(sums[0]) != 1 or sums[0] != sums[1]:  # a kernel may say something meanwhile
        raise Failure(f"the file is {has}, and what was fetched {got}")
    for shell in (server, client):
        shell.run("grep eth0: /proc/net/dev | awk '{print $4 + $5 + $12 + $13}' | grep -x 0")


def together(vm):
    """Two Linux children write to their disks while a toy guest reads its own; then they talk."""
    vm.expect(ROOT_PROMPT)
    shells = [ChildShell(vm, name) for name in ("one", "two")]
    for shell in shells:
        shell.run("true")
    vm.send(f"start disk disk={first_data_disk('ahci')},ro vps=2 ledger=1")
    for shell in shells:
        shell.run(f"({VERIFY}; echo $? >/tmp/verified) & true")
    hold(vm, "one", "two")
    for shell in shells:
        shell.run("wait; grep -x 0 /tmp/verified; grep . /tmp/fio | wc -l | grep -x 4")
    exchange(*shells)
    for shell in shells:
        judge_log(shell.log())
    vm.send("wait disk")
    vm.expect(r"^disk: ended with status 0$")
    if not re.search(rf"\[disk\] disk: sha256={vm.disks[2].sha256_before} ", vm.text):
        raise Failure("the toy guest has read something else than its disk")
    for name, shell in zip(("one", "two"), shells):
        over(vm, shell, name)
    vm.send("poweroff")


def all_clean(vm):
    for disk in vm.disks[:2]:
        wrong = disk.check_ext4()
        if wrong:
            raise Failure(f"{disk.path}: {wrong}")


# ---- Debian ----

def debian_child(vm):
    """systemd logs root in at the console, and what it started is all right."""
    vm.expect(ROOT_PROMPT)
    began = time.monotonic()
    vm.send("vm console linux")
    vm.expect(r"^debian login: root \(automatic login\)$")
    vm.expect(PROMPT)
    print(f"linux-debian: logged in after {time.monotonic() - began:.0f} s", flush=True)
    vm.type("\x1d")  # what is typed behind it is for root's shell at once
    shell = ChildShell(vm)
    shell.run("systemctl is-system-running --wait | grep running")
    shell.run("until ip route | grep ^default; do sleep 1; done; ip -4 -o addr show eth0 | grep \"inet 10.0.2.15/24\"")
    vm.send("vm info linux")  # its daemons have come, or the system did not run
    vm.expect(r"^# vss: version 5\.0$")
    vm.expect(r"^# OSName = Debian GNU/Linux")
    judge_log(shell.log())
    over(vm, shell)
    vm.send("poweroff")


def guest_of_kvm(vm):
    """The child's kernel and its disk are all right where Verdigris is a guest itself."""
    vm.expect(ROOT_PROMPT)
    shell = ChildShell(vm)
    shell.run("grep '^/dev/sda / ext4 rw' /proc/mounts")
    judge_log(shell.log())
    over(vm, shell)
    vm.send("poweroff")


# Each kernel with each number of VPs, and with each size, once.
PAIRS = [("standard", 1, "384M"), ("standard", 2, "1G"), ("standard", 4, "5G"),
         ("cloud", 1, "1G"), ("cloud", 2, "5G"), ("cloud", 4, "384M")]

PRODUCT = [(kernel, vps, memory) for kernel in ("standard", "cloud") for vps in (1, 2, 4)
           for memory in ("384M", "1G", "5G")]

TESTS = [child_test(*machine, "normal" if machine in PAIRS else "long") for machine in PRODUCT] + [
    Test("linux-again", smp=1, memory=f"{384 + ROOT_MIB}M", disks=[LinuxDisk("nvme")], script=again, after=clean, timeout=1800,
         children=[LinuxChild(kernel="cloud", restart="on-crash")]),
    Test("linux-two", memory=f"{2 * 384 + ROOT_MIB}M", disks=[LinuxDisk("nvme"), LinuxDisk("virtio"),
         Random("ahci", 64)], script=together, after=all_clean, timeout=900,
         children=[LinuxChild("one", kernel="cloud", disks=["nvme0"], networks=["switch0"]),
                   LinuxChild("two", kernel="cloud", disks=["virtio0"],
                              networks=["switch0"])]),
    Test("linux-debian", group="long", memory=f"{512 + ROOT_MIB}M", disks=[LinuxDisk("nvme", debian=True)],
         qemu=qemu.Network().args(),
         children=[LinuxChild(vps=2, memory="512M", cmdline=LOUD, networks=["switch0"])], script=debian_child, after=clean, timeout=1800),
    Test("linux-kvm", group="long", smp=1, first_guest=True, memory=f"{384 + ROOT_MIB}M", disks=[LinuxDisk("nvme")],
         children=[LinuxChild(kernel="cloud")], script=guest_of_kvm, timeout=3600),
    direct_test("standard", "ahci", "sda"),
    direct_test("standard", "virtio", "vda1", partitioned=True),
    direct_test("cloud", "virtio", "vda"),
    direct_test("cloud", "nvme", "nvme0n1p1", partitioned=True),  # it has no driver for AHCI
    Test("linux-direct-debian", group="long", direct=True, children=[LinuxChild(memory="512M", cmdline=LOUD)],
         disks=[LinuxDisk("virtio", debian=True)], script=debian, after=clean, timeout=900),
]
