# SPDX-License-Identifier: MIT
"""The hypervisor's own bugs, provoked (hypervisor/debug/provoke.h): the dump tells the truth. And
root's death: docs/security.md."""
import os
import re
import subprocess

from boottest import Failure, Test

PANIC_ALLOWED = [r"(?i)^(\[[ \d.]+\] )?(\w+: )?\W*panic\b"]
DENIAL_ALLOWED = r"root VP \d+: rip .* denied"
CHILD = "start spin vps=4 rounds=0"
HEX = "[0-9a-f]{16}"
CR4_SMEP_SMAP = 3 << 20
REGISTERS = ("rax rcx rdx rbx rsp rbp rsi rdi " + " ".join(f"r{n}" for n in range(8, 16))).split()
# What the compiler adds to the name of a part or a copy of a function; DWARF names the function.
CLONE = re.compile(r"\.(constprop|part|isra|cold|lto_priv|llvm)\b.*")

# Each kind: the first line of the dump, and the function at the top of the backtrace.
KINDS = {
    "panic": (r"PANIC: provoked by hvdebug", "provoke_panic"),
    "assert": (r"PANIC: \S*provoke\.c:\d+: provoke_armed", "provoke_assert"),
    "fault": (rf"PANIC: exception in the hypervisor: page fault, vector 14 error 2 at {HEX}",
              "provoke_fault"),
    "lock": (rf"PANIC: lock 0x{HEX}: waited 2000 ms for ticket 1, ticket 0 holds it", "spin_wait"),
}


def check(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: {found!r}, not {wanted!r}")


def image(vm):
    return os.path.join(vm.images, "hvax64.elf")


def tool(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def build_id(vm):
    return re.search(r"Build ID: ([0-9a-f]{40})", tool("readelf", "-n", image(vm))).group(1)


def function_at(vm, address):
    """By addr2line: the function whose code it is, not one that was inlined there."""
    return tool("addr2line", "-f", "-i", "-e", image(vm), address).splitlines()[-2]


def field(text, pattern):
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise Failure(f"the dump has no {pattern!r}")
    return found.group(1)


def registers(text, prefix):
    """{name: value} of the lines that begin with hv: and prefix; host and guest have 16 and RIP."""
    lines = re.findall(rf"^hv: {prefix}((?:r\w+ +{HEX} ?)+)", text, re.MULTILINE)
    found = dict(pair for line in lines for pair in re.findall(rf"(r\w+) +({HEX})", line))
    missing = [name for name in REGISTERS + ["rip"] if name not in found]
    if missing:
        raise Failure(f"{prefix or 'host '}registers without {missing}")
    return found


def check_backtrace(vm, text, lp):
    """Every address: its symbol is the one that addr2line gives."""
    body = field(text, r"^hv: backtrace:\n((?:hv:   .*\n)+)")
    lines = re.findall(rf"^hv:   ({HEX}) (\S+)\+0x[0-9a-f]+$", body, re.MULTILINE)
    check("lines of the backtrace with a symbol", len(lines), body.count("\n"))
    for address, name in lines:
        check(f"the symbol of {address}", CLONE.sub("", name), function_at(vm, address))
    check("the outermost function", lines[-1][1], "lp_main" if lp else "stack_switch")
    return lines


def check_control_block(text, guest):
    """In words, and of the exit at which the bug was provoked."""
    field(text, r"^hv: VMCB at [0-9a-f]+: (consistent)$")
    field(text, r"^hv:   exit [0-9a-f]+ \((exception \d+|[A-Z][A-Za-z0-9 ]+)\) exitinfo1 ")
    for event in ("exitintinfo", "eventinj"):
        field(text, rf"^hv:   {event} [0-9a-f]+ \((none|\w+ \d+.*)\)$")
    field(text, r"^hv:   intercepts: (INTR NMI .*IOIO MSR.*), others 0$")
    field(text, r"^hv:   intercepts: (VMRUN VMMCALL.*), others 0$")
    save = re.search(rf"^hv:   rip ({HEX}) rsp ({HEX}) rax ({HEX})", text, re.MULTILINE)
    check("the VMCB's RIP, RSP, RAX", list(save.groups()), [guest[r] for r in ("rip", "rsp", "rax")])
    trace = re.findall(r"^hv: +\d+ (\w+) .* ([0-9a-f]+)$", text, re.MULTILINE)
    check("the last event of the trace", trace[-1], ("exit", f"{int(guest['rip'], 16):x}"))


def check_dump(vm, text, lp, context, top):
    check("build id", field(text, r"^hv: build id ([0-9a-f]{40}), AMD-V, LP "), build_id(vm))
    check("LP", field(text, r"^hv: build id .*, LP (\d+ \(APIC id \d+\)) of 2$"),
          f"{lp} (APIC id {lp})")
    place = field(text, r"^hv: (partition [0-9a-f]+.* VP \d+)$")
    if context == "root":
        check("partition and VP", place, f"partition 400 (root) VP {lp}")
    elif not re.match(r"partition [0-9a-f]+ VP [0-3]$", place):
        raise Failure(f"no child: {place}")
    cr4 = int(field(text, r"^hv: cr0 .* cr4 ([0-9a-f]+)$"), 16)
    check("SMEP and SMAP in CR4", cr4 & CR4_SMEP_SMAP, CR4_SMEP_SMAP)
    host = registers(text, "")
    lines = check_backtrace(vm, text, lp)
    check("the function at the top", CLONE.sub("", lines[0][1]), top)
    if int(host["rip"], 16) - int(lines[0][0], 16) not in (0, 1):  # of the instruction, or after it
        raise Failure(f"RIP {host['rip']}, but the backtrace begins at {lines[0][0]}")
    check_control_block(text, registers(text, "guest "))
    field(text, rf"^hv: (LP {1 - lp}: stopped).*, at:\nhv:   {HEX} \w+")


def provoked(kind, lp, context, group="normal"):
    first, top = KINDS[kind]

    def dumped(vm):
        begin = vm.expect(rf"^hv: {first}$").start()
        end = vm.expect(r"^hv: stopped$").end()
        check_dump(vm, vm.text[begin:end], lp, context, top)
    return Test(f"panic-{kind}-{context}-lp{lp}", group=group, smp=2, startup=CHILD,
                options={"hvdebug": f"{kind},lp={lp},context={context}"}, script=dumped,
                exits=False, allow=PANIC_ALLOWED)


def harder(kind, *expect):
    """Bugs that hit the dump itself: it goes on as far as it can."""
    return Test(f"panic-{kind}", smp=2, options={"hvdebug": f"{kind},lp=1"}, exits=False,
                expect=list(expect) + [r"^hv: LP 0: stopped", r"^hv: trace", r"^hv: stopped$"],
                allow=PANIC_ALLOWED)


def root_dies(name, kind, *expect, **fields):
    """With children running on both LPs; everything stops, and (by default) the machine resets,
    which ends QEMU."""
    options = {"rootdebug": f"{kind},lp=1,child=spin", **fields.pop("options", {})}
    return Test(f"root-dies-{name}", smp=2, startup=CHILD, options=options,
                expect=list(expect) + [r"^hv: partition 400 \(root\) VP 1$",
                                       r"^hv: guest rip [0-9a-f]{16} ", r"^hv: VMCB at ",
                                       r"^hv: LP 0: stopped"],
                allow=PANIC_ALLOWED + ([DENIAL_ALLOWED] if kind == "intrude" else []), **fields)


def ends(word):
    def script(vm):
        vm.expect(rf"^hv: {word}$")
    return script


QUICK = {("panic", 0, "root"), ("fault", 1, "child")}

TESTS = [provoked(kind, lp, context, "quick" if (kind, lp, context) in QUICK else "normal")
         for kind in KINDS for lp in (0, 1) for context in ("root", "child")] + [
    harder("overflow", r"^hv: PANIC: exception in the hypervisor: stack overflow, vector 8 ",
           r"^hv:   [0-9a-f]{16} deeper\+0x"),
    harder("log", r"^hv: PANIC: exception in the hypervisor: page fault,",
           r"^hv:   [0-9a-f]{16} hv_log\+0x"),
    harder("dump", r"^hv: PANIC: provoked by hvdebug, with a broken VP$",
           r"^hv: within the dump: page fault, vector 14 "),
    root_dies("in-panic", "panic", r"root: PANIC: provoked$", r"root: stopped$",
              r"^hv: root died: VP 1: it says so: 100 ", script=ends("reset")),
    root_dies("in-dump", "dump", r"root: PANIC: provoked$", r"root: PANIC: once more",
              r"^hv: root died: VP 1: it says so: ", script=ends("reset")),
    root_dies("in-triple-fault", "triple", r"^hv: root died: VP 1: triple fault, or reset$",
              r"^hv: build id [0-9a-f]{40}, AMD-V, LP 1 ", script=ends("reset")),
    # It may die of this, but must not see what the hypervisor keeps.
    root_dies("of-intruding", "intrude",
              r"hv: root VP 1: rip [0-9a-f]+ rsp [0-9a-f]+: access 0 to [0-9a-f]+00000 denied ",
              r"root: PANIC: general protection", r"^hv: root died: VP 1: it says so: ",
              script=ends("reset"), forbid=["nobody denied it"]),
    root_dies("and-stops", "triple", r"^hv: root died: VP 1: triple fault, or reset$",
              options={"rootdeath": "stop"}, script=ends("stopped"), exits=False),
]
