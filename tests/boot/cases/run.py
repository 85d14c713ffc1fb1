# SPDX-License-Identifier: MIT
"""./verdigris run, as people use it, and the shell under the hypervisor."""
import re

from boottest import Failure, Random, Test, WebFile
from boottest.linux import PROMPT as CHILD_PROMPT

ACCELERATOR = r"^run: (using /dev/kvm|no usable /dev/kvm: emulating|/dev/kvm is there, but|emulating)"
PROMPT = r"^root> \Z"
COMMANDS = ("help partitions vps lps stats memory disks start stop wait log reboot poweroff").split()


def first_impression(vm):
    """What the README says one sees, in this order."""
    for line in (ACCELERATOR, r"^Verdigris hvloader \d+\.\d+", r"^boot\.cfg: ",
                 r"^machine: 2 processors, ", r"^hypervisor: .*hvax64\.elf, build id [0-9a-f]{40}",
                 r"^hypervisor: keeps \d+ KiB", r"^starting the hypervisor$",
                 r"^hv: Verdigris hypervisor for AMD-V, build id [0-9a-f]{40}$", r"^hv: 2 LPs",
                 r"^hv: \d+ KiB of memory kept", r"pci: 0000:00:",
                 r"root: [0-9a-f]{40}, 2 CPUs, \d+ MiB memory$", r"root: launched by hypervisor$",
                 r"block: ahci0: "):
        vm.expect(line)


def linux(vm):
    """A shell of Linux; Ctrl-] leads to root's, and the way back; both end as one expects."""
    first_impression(vm)
    vm.expect(r"^root> vm console linux$")
    vm.expect(r"^\(Ctrl-\] leaves this console\)$")
    vm.expect(r"Hypervisor detected: Microsoft Hyper-V$")
    vm.expect(r"hv_vmbus: Vmbus version:5\.3$")
    vm.expect(CHILD_PROMPT)
    vm.send("grep -c ^processor /proc/cpuinfo; grep ' / ' /proc/mounts; uname -r")
    vm.expect(r"^1$")
    vm.expect(r"^/dev/sda / ext4 rw")
    vm.expect(r"^6\.\S+-amd64$")
    with WebFile(64 << 20) as file:  # the network is there without anybody's doing
        vm.send(f"until ip route | grep -q ^default; do sleep 1; done; wget -q -O - {file.url} | sha256sum")
        vm.expect(rf"^{file.sha256}  -$")
    vm.type("\x1d")
    vm.expect(PROMPT)
    vm.send("channels")
    vm.expect(r"^linux +1\.0 +storvsp ")
    vm.expect(r"^linux +\d+\.0 +netvsp +open ")
    vm.send("vm console linux")
    vm.expect(r"^\(Ctrl-\] leaves this console\)$")
    vm.send("poweroff")
    vm.expect(r"reboot: Power down$")
    vm.expect(r"child linux: ended: ")
    vm.expect(PROMPT)
    vm.send("poweroff")


def toys(vm):
    """Children print what they were given, and the shell works."""
    sha256 = vm.expect(r"^run: a disk to try it with: .* SHA-256 ([0-9a-f]{64})$").group(1)
    first_impression(vm)
    vm.nonce = vm.expect(r"^root> start hello vps=2 nonce=([0-9a-f]{16})$").group(1)
    vm.expect(r"child hello: ended: it ended itself with 0$")
    vm.expect(r"^root> channels$")
    vm.expect(r"^disk +1\.0 +storvsp ")
    vm.expect(rf"\[disk\] disk: sha256={sha256} bytes=67108864$")
    vm.expect(r"child disk: ended: it ended itself with 0$")
    vm.expect(PROMPT)
    found = re.findall(r"hello: VP (\d+) APIC (\d+) nonce (\w+)$", vm.text, re.MULTILINE)
    if sorted(found) != [(n, n, vm.nonce) for n in "01"]:
        raise Failure(f"hello's VPs: {found}")
    vm.send("disks")  # the driver's counters show what was read
    vm.expect(r"^ +\d+ reads of 6\d{4} KiB, 0 writes of 0 KiB, 0 flushes, 0 copied, 0 errors, ")
    vm.send("poweroff")


def all_commands(vm):
    """Each command of the shell, typed, with children to look at; completion and history."""
    vm.expect(PROMPT)
    vm.send("help")
    vm.expect("".join(rf"^  {c} [^\0]*?" for c in COMMANDS))
    vm.type("start sp\t vps=2 rounds=0\r")
    vm.expect(r"^spin\.elf: started, partition \d+$")
    vm.send("partitions")
    vm.expect(r"^ *\d+  root +running +2 VPs +[1-9]\d+ KiB memory")
    vm.expect(r"^ *\d+  spin\.elf +running +2 VPs +16384 KiB memory, 512 pages deposited$")
    vm.send("vps")
    vm.expect(r"^ *\d+  spin\.elf +VP   0  LP   - .* \d+ exits$")
    vm.expect(r"^ *\d+  spin\.elf +VP   1 .* \d+ exits$")
    vm.send("stats hypervisor.v")
    vm.expect(r"^hypervisor\.virtual_processors +4$")
    vm.send("stats spin.elf.1.exits.hyper")
    vm.expect(r"^spin\.elf\.1\.exits\.hypercall +\d+$")
    vm.send("lps")
    vm.expect(r"^ *1 +1 .*, root \d+ us, children \d+ us$")
    vm.expect(r"^2 LPs, up \d+ ms$")
    vm.send("memory")
    vm.expect(r"^hypervisor +\d+ KiB, not in the total$")
    vm.send("disks mem0")
    vm.expect(r"^mem0 +16 MiB, 32768 sectors")
    lines = [f"{i} " + str(i) * 300 for i in range(1, 5)]  # typed ahead, and looked through for Ctrl-C meanwhile
    vm.send("wait spin.elf 1")
    for line in lines:
        vm.send(f"echo {line}")
    vm.expect(r"^spin\.elf: timed out$")
    for line in lines:
        vm.expect(rf"^{line}$")
    vm.send("help wait")
    vm.expect(r"^  wait NAME .*Ctrl-C")
    vm.send("wait spin.elf")
    vm.type("ahead\x03echo of time\r")
    vm.expect(r"^\^C\nspin\.elf: goes on$")
    vm.expect(r"^of time$")
    vm.type("stop sp\t\r")
    vm.expect(r"^spin\.elf: stopped$")
    vm.type("wa\tspin.elf\r")
    vm.expect(r"^spin\.elf: it was stopped$")
    vm.type("\x1b[A\x1b[A\r")  # history: stop again, and it is gone
    vm.expect(r"^spin\.elf: no such ")
    vm.send("stats hypervisor.p")
    vm.expect(r"^hypervisor\.partitions +1$")
    vm.expect(r"^hypervisor\.ports +0$")
    vm.send("log")
    vm.expect(r"child spin\.elf: ended: it was stopped\n(?!\[spin)")
    vm.send("reboot")
    vm.expect(r"root: reset$")


def shell_of_image(vm):
    """No startup, no exec: the shell waits for somebody."""
    vm.expect(PROMPT)
    vm.send(f"start hello nonce={vm.nonce}")
    vm.expect(rf"\[hello\] hello: VP 0 APIC 0 nonce {vm.nonce}$")
    vm.send("modules")
    vm.expect(r"^hello\.elf +\d+ bytes$")
    vm.send("poweroff")


TESTS = [
    Test("run-default", run=[], script=linux, timeout=600),
    Test("run-toys", group="quick", run=["--guest", "toy"], script=toys),
    Test("run-options", disks=[Random("ahci", 2), Random("nvme", 3), Random("virtio", 1)],
         run=["--smp", "4", "--memory", "768M", "--disk", "{disk_path0},bus=ahci",
              "--disk", "{disk_path1}", "--disk", "{disk_path2},bus=virtio", "--module", "{work}/boot.cfg",
              "--exec", "lps; memory; disks --hash ahci1 nvme0; disks --hash virtio0; modules; partitions",
              "--", "-device", "e1000"],
         expect=[ACCELERATOR, r"pci: .* is 8086:100e,", r"^4 LPs, up", r"^{disk0}  ahci1$",
                 r"^{disk2}  virtio0$", r"^boot\.cfg +0 bytes$", r"^exec: 6 commands, 0 failed$"]),
    Test("run-icount-failure", status=1, timeout=300,
         run=["--smp", "1", "--launchtype", "off", "--icount", "--firmware", "{firmware}",
              "--exec", "lps; nosuchcommand"],
         expect=[r"^run: emulating \(TCG\)$", r"-icount shift=0",
                 r"root: launched by bare machine, because boot\.cfg says so$", r"^1 LPs, up",
                 r"^exec: 2 commands, 1 failed$"]),
    Test("run-boot-cfg", run=["--boot-cfg", "{work}/boot.cfg"],
         boot_cfg="# as written\nstartup = echo {nonce}; poweroff\n",
         expect=[r"^boot\.cfg: hypervisorlaunchtype = auto, .* 0 modules$", r"^{nonce}$",
                 r"root: power off$"]),
    Test("run-front-end", front_end=True, run=["--exec", "lps"],
         expect=[r"^run: building ", ACCELERATOR, r"root: launched by hypervisor$",
                 r"^2 LPs, up \d+ ms$", r"^exec: 1 commands, 0 failed$"]),
    Test("image-front-end", front_end=True, script=shell_of_image),
    Test("shell-under-hypervisor", script=all_commands),
]
