# SPDX-License-Identifier: MIT
"""The root kernel by itself: processors, memory, threads, disks, ring 3 and the shell."""
import re
import time

from boottest import Blank, Failure, Mixed, Random, Test, monitor, screen_text

FACTS = [rf"^PASS {fact}$" for fact in (
    "every CPU runs its threads", "a busy thread is preempted", "a mutex excludes",
    "sleepers wake in order", "a timed wait ends", "no wake-up is lost",
    "the heap gives all back")]
HYPERCALL_FACTS = [rf"^PASS {fact}$" for fact in (
    "a partition is made", "a parent finds its child", "a balance counts what was deposited",
    "translation tells pages and their absence", "an asserted interrupt reaches its VP",
    "a deleted VP is gone", "an unmapped page is gone", "a connection ends",
    "a partition gives all back")]
STOPPED = r"root: stopped$"
PANIC_ALLOWED = [r"(?i)^(\[[ \d.]+\] )?(\w+: )?\W*panic\b"]


def selftest(name, facts=FACTS, **fields):
    return Test(f"root-selftest-{name}", options={"selftest": "yes"}, commands="lps",
                expect=facts + [r"^exec: 1 commands, 0 failed$"], **fields)


def cpus_and_memory(cpus, mib):
    return (rf"root: [0-9a-f]{{40}}, {cpus} CPUs, {mib} MiB memory$")


def bare(name, cpus, memory, mib, **fields):
    return Test(f"root-bare-{name}", launchtype="off", smp=cpus, memory=memory,
                disks=[Mixed("nvme"), Mixed("ahci")],
                commands="lps; memory; disks; disks --hash nvme0 ahci1",
                expect=[cpus_and_memory(cpus, mib),
                        r"root: launched by bare machine, because boot\.cfg says so$",
                        rf"^{cpus} LPs, up \d+ ms$",
                        r"^{disk0}  nvme0$", r"^{disk1}  ahci1$",
                        r"^exec: 4 commands, 0 failed$", r"root: power off$"], **fields)


def dies(kind, *expect, **fields):
    def stopped(vm):
        vm.expect(STOPPED)
    return Test("root-dies-" + kind.replace(",lp=", "-"), options={"rootdebug": kind},
                launchtype="off", expect=list(expect), script=stopped, exits=False,
                allow=PANIC_ALLOWED, **fields)


def type_lines(vm):
    """The shell as a person uses it."""
    vm.expect(r"^root> $|^root> \Z")
    vm.type("ech\t one  two\r")
    vm.expect(r"^one two$")
    vm.type("\x1b[A\x1b[D\x1b[D\x1b[D\x7f\x7f & \r")  # history, cursor, erase
    vm.expect(r"^one & two$")
    vm.type("nonsense\x15echo \x01\x05done\r")  # Ctrl-U, Ctrl-A, Ctrl-E
    vm.expect(r"^done$")
    vm.type("ec\x03")
    vm.expect(r"\^C")
    vm.send("nonsense")
    vm.expect(r"^nonsense: no such command, try help$")
    vm.send("partitions")
    vm.expect(r"^partitions: no hypervisor$")
    vm.send("st\t")
    vm.expect(r"^stats  start  stop")
    vm.send("\x15log")
    vm.expect(r"root: launched by bare machine")
    vm.send("poweroff")


def shows_the_console(vm):
    """The screen says what the serial console says: the answer to a command, and the prompt."""
    vm.expect(r"^root> $|^root> \Z")
    vm.send(f"echo {vm.nonce}")
    vm.expect(rf"^{vm.nonce}$")
    wanted = [f"root> echo {vm.nonce}", vm.nonce, "root>"]
    while wanted != [line.rstrip() for line in screen_text(vm) if line.strip()][-3:]:
        time.sleep(1)  # the screen is drawn in the background; the test's own time ends this
        vm.check_time()
    vm.send("poweroff")


def polls(vm):
    """No processor halts while it has nothing to do, which QEMU's monitor would say."""
    vm.expect(r"^root> $|^root> \Z")
    for _ in range(3):
        halted = re.findall(r"\bHLT=(\d)", monitor.ask(vm, "info registers -a"))
        if halted != ["0"] * 2:
            raise Failure(f"processors that have halted: {halted}")
        time.sleep(0.5)
    vm.send("poweroff")


def restarts(vm):
    vm.expect(r"^root> reboot$")
    vm.expect(r"root: reset$")


def no_failures(vm):
    if vm.text.count("process: shell: ") != 17:
        raise Failure("not every attack has ended the program")


def libc(name, launchtype="off", **fields):
    """An ordinary static C program, and another one that it talks to and kills."""
    return Test(f"root-libc-{name}", launchtype=launchtype, timeout=300,
                modules=["tests/libc/shell.elf", "tests/libc/vmms.elf"],
                expect=[r"^written in pieces$", r"process: vmms \(\d+\): killed$",
                        r"root: the vmms ended with status 137$",
                        r"process: vmms \(\d+\): exit status 3$",
                        r"process: vmms: page fault at ", r"root: the vmms ended with status 128$",
                        r"^PASS all \d+ facts hold$", r"root: power off$"],
                forbid=[r"^FAIL"], **fields)


TESTS = [
    selftest("bare", launchtype="off", smp=2, group="quick"),
    selftest("bare-1", launchtype="off", smp=1),
    selftest("bare-4", launchtype="off", smp=4, timeout=240),
    selftest("icount", launchtype="off", smp=1, icount=True),
    selftest("under", FACTS + HYPERCALL_FACTS, smp=2, timeout=240),
    selftest("under-1", FACTS + HYPERCALL_FACTS, smp=1, timeout=240),
    bare("1", 1, "512M", 511),
    bare("2", 2, "2G", 2047),
    bare("4-6g", 4, "6G", 6143),
    Test("root-qemu64", cpu="qemu64,-svm", commands="lps; memory",
         expect=[r"root: launched by bare machine, because the processor has no SVM or VMX$",
                 r"^exec: 2 commands, 0 failed$"]),
    Test("root-idle-poll", launchtype="off", options={"idle": "poll"}, script=polls),
    Test("root-failed-commands", launchtype="off", commands="echo; nonsense;; start hello; lps 1 ;",
         expect=[r"^nonsense: no such command, try help$", r"^hello: no hypervisor$",
                 r"^exec: 4 commands, 2 failed$"]),
    Test("root-long-exec", launchtype="off",
         commands="; ".join([f"echo {'x' * 400}{i}" for i in range(30)] +
                            ["echo " + "y" * 507, "echo " + "w " * 32, "echo {nonce}"]),
         expect=[*(rf"^x{{400}}{i}$" for i in range(30)),
                 r"^not run: a command has at most 511 characters, this one 512$",
                 r"^echo: more than 32 words$", r"^{nonce}$", r"^exec: 33 commands, 2 failed$"]),
    Test("root-startup", launchtype="off", startup="echo {nonce}; memory", commands="echo end",
         expect=[r"^root> echo {nonce}\n{nonce}\nroot> memory\ntotal", r"^exec: 1 commands, 0 failed$"]),
    Test("root-late-cpu", launchtype="off", smp=3, options={"rootdebug": "late", "selftest": "yes"},
         commands="lps", expect=[r"cpu: the processor with APIC ID 1 does not start$",
                                 cpus_and_memory(2, 511), *FACTS, r"^2 LPs, up",
                                 r"^exec: 1 commands, 0 failed$"]),
    Test("root-shell", launchtype="off", group="quick", script=type_lines),
    Test("root-screen", smp=1, script=shows_the_console),
    Test("root-reboot", launchtype="off", commands="reboot", script=restarts),
    Test("root-ring3", launchtype="off", smp=2, modules=["tests/ring3/shell.elf"], timeout=240,
         expect=[r"^PASS a system call ignores the stack pointer$",
                 r"^PASS a system call ignores odd flags$", r"^PASS a kernel address is no buffer$",
                 r"^PASS an unmapped address is no buffer$",
                 r"^PASS 17 attacks ended only the program$"], after=no_failures),
    libc("1", smp=1),
    libc("2", smp=2),
    libc("under", smp=2, launchtype="auto"),
    Test("root-disk-sizes", launchtype="off", disks=[Random("nvme", 3), Random("ahci", 1)],
         options={"memdisk": "2"}, commands="disks --hash",
         expect=[r"^{disk0}  nvme0$", r"^{disk1}  ahci1$",
                 r"^5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee  mem0$"]),
    Test("root-disk-discard", launchtype="off", disks=[Blank("nvme", 4), Blank("ahci", 4), Blank("virtio", 4)],
         options={"memdisk": "2"},
         commands="disks --fill 1 mem0; disks --discard mem0; disks --hash mem0; "
                  "disks --fill 1 nvme0; disks --discard nvme0; disks --fill 1 ahci1; "
                  "disks --discard ahci1; disks --fill 1 virtio0; disks --discard virtio0; disks",
         expect=[r"^mem0: 2097152 bytes discarded$",
                 r"^5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee  mem0$",
                 r"^nvme0: 4194304 bytes discarded$", r"^ahci1: 4194304 bytes discarded$",
                 r"^virtio0: 4194304 bytes discarded$", r"^exec: 10 commands, 0 failed$"], forbid=[r" [1-9]\d* errors"]),
    dies("panic", r"root: PANIC: provoked$", r"build [0-9a-f]{40}, CPU 0 ",
         r"#0 [0-9a-f]{16} provoke_panic\+0x", r"thread_begin\+0x", r"thread_start_stub\+0x"),
    dies("assert,lp=1", r"root: PANIC: .*provoke\.c:\d+: cpu_count\(\) != 0$", r"CPU 1 ",
         r"#0 [0-9a-f]{16} provoke_assert\+0x"),
    dies("fault,lp=1", r"root: PANIC: page fault at [0-9a-f]{16}$", r"CPU 1 ",
         r"cr2 ffffdead00000000", r"#0 [0-9a-f]{16} provoke_fault\+0x"),
    dies("frame", r"root: PANIC: provoked$", r"#0 [0-9a-f]{16} provoke_frame\+0x", forbid=["once more"]),
    dies("dump,lp=1", r"root: PANIC: provoked$", r"root: PANIC: once more, inside the dump$"),
    dies("overflow", r"root: PANIC: kernel stack overflow at ", r"#5 [0-9a-f]{16} deeper\+0x"),
]
