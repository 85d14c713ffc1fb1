# SPDX-License-Identifier: MIT
"""Linux as a child; and, without Verdigris, on the emulated machine itself, of the same images."""
from boottest import ChildShell, Failure, LinuxChild, LinuxDisk, Test, judge_log
from vmachine import qemu
from boottest.linux import PROMPT

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


def child(vps):
    """Hyper-V is found, the disk is storvsc's and takes writes, and the log is clean."""
    def script(vm):
        shell = ChildShell(vm)
        vm.expect(ROOT_PROMPT)
        shell.run(f"nproc | grep -x {vps}")
        shell.run("grep '^/dev/sda1* / ext4 rw' /proc/mounts")
        shell.run(VERIFY)
        judge_log(shell.log())
        shell.run("poweroff")
        vm.send("wait linux")
        vm.expect(r"^linux: it switched itself off$")
        vm.send("poweroff")
    return script


def child_test(kernel, vps, memory, group="long"):
    """Every other disk is in a GPT, and then the child gets the partition alone every other time."""
    partitioned = vps > 1
    return Test(f"linux-{kernel}-{vps}-vps-{memory}", group=group, smp=2,
                memory=f"{qemu.size_mib(memory) + ROOT_MIB}M",
                children=[LinuxChild(kernel=kernel, vps=vps, memory=memory,
                                     disks=["nvme0p1" if vps == 4 else "nvme0"])],
                disks=[LinuxDisk("nvme", partitioned)], script=child(vps), after=clean, timeout=900)


# Each kernel with each number of VPs, and with each size, once.
PAIRS = [("standard", 1, "384M"), ("standard", 2, "1G"), ("standard", 4, "5G"),
         ("cloud", 1, "1G"), ("cloud", 2, "5G"), ("cloud", 4, "384M")]

TESTS = [child_test(*pair) for pair in PAIRS] + [
    direct_test("standard", "ahci", "sda"),
    direct_test("standard", "virtio", "vda1", partitioned=True),
    direct_test("cloud", "virtio", "vda"),
    direct_test("cloud", "nvme", "nvme0n1p1", partitioned=True),  # it has no driver for AHCI
    Test("linux-direct-debian", group="long", direct=True, children=[LinuxChild(memory="512M")],
         disks=[LinuxDisk("virtio", debian=True)], script=debian, after=clean, timeout=900),
]
