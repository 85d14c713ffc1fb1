# SPDX-License-Identifier: MIT
"""The loader: boot.cfg, the decision about the hypervisor, the hand-off.

tests/handoff.elf takes the place of the hypervisor and of root; it checks what it was handed and
powers off. See tests/boot/payload/handoff.c.
"""
from boottest import Failure, Test

PAYLOAD = "tests/handoff.elf"


def handoff(name, expect, **fields):
    """The payload in both places: it is entered as the one that the loader starts."""
    fields.setdefault("group", "normal")
    fields.setdefault("modules", [])
    return Test(name, root=PAYLOAD, hypervisor=PAYLOAD, expect=expect + [r"^handoff: done$"],
                **fields)


def once(vm):
    """The firmware's console reaches the serial line, so the loader must not send there as well."""
    if vm.text.count("Verdigris hvloader") != 1:
        raise Failure("the loader's lines are not on the console exactly once")


def not_launched(name, reason, code, **fields):
    return handoff(name, [rf"^hypervisor: not launched: {reason}$",
                          r"^starting root on the bare machine$",
                          r"^PASS nothing is kept$", rf"^handoff: launch {code},"], **fields)


TESTS = [
    handoff("handoff", [
        r"^Verdigris hvloader \d+\.\d+",
        r"^machine: 2 processors, 52\d{4} KiB of memory, ACPI$",
        r"^hypervisor: \\EFI\\verdigris\\hvax64\.elf, build id [0-9a-f]{40}, \d+ KiB at 0x",
        r"^hypervisor: keeps \d+ KiB at 0x[0-9a-f]+00000,",
        r"^module: handoff\.elf, \d+ bytes$",
        r"^starting the hypervisor$",
        r"^PASS CR3 is the image's$",
        r"^PASS the map knows a module$",
        r"^PASS image, file and page tables are in the used part",
        r"^handoff: launch 0,",
        r"^handoff: LPs 2, APIC IDs 0 1$",
        r"^handoff: RSDP RSD PTR",
        r"^handoff: frame buffer \d+x\d+ format [12]$",
        r"^handoff: module handoff\.elf, \d+ bytes, sum \d+$",
        r"^handoff: options\nstartup=start hello nonce={nonce}\nhvdebug=x y\n"
        r"handoff: end of options$",
    ], group="quick", lean=False, modules=[PAYLOAD], startup="start hello nonce={nonce}",
        options={"hvdebug": "x y # a comment"}, after=once),
    handoff("handoff-6g", [r"^machine: 4 processors, 629\d{4} KiB", r"^handoff: LPs 4,"],
            smp=4, memory="6G"),
    handoff("handoff-no-gib-pages", [r"^starting the hypervisor$", r"^handoff: launch 0,"],
            cpu="max,+svm,-pdpe1gb", smp=1, memory="3G"),
    Test("handoff-under-hypervisor", group="quick", root=PAYLOAD, modules=[PAYLOAD], expect=[
        r"^hypervisor: \\EFI\\verdigris\\hvax64\.elf, build id [0-9a-f]{40},",
        r"^starting the hypervisor$",
        r"^handoff: entered as root$",
        r"^PASS the map knows root's file$",
        r"^handoff: LPs 2, APIC IDs 0 1$",
        r"^handoff: done$"]),
    not_launched("launchtype-off", "boot.cfg says hypervisorlaunchtype = off", 1,
                 group="quick", launchtype="off"),
    not_launched("no-svm", r"the processor has neither AMD-V \(SVM\) nor VT-x \(VMX\)", 2,
                 cpu="qemu64,-svm"),
    not_launched("no-nested-paging", r"the processor has AMD-V \(SVM\) but no nested paging", 3,
                 cpu="qemu64,+svm"),
    not_launched("hypervisor-image-malformed", "its image cannot be used", 5,
                 options={"hypervisor": "/EFI/BOOT/BOOTX64.EFI"}),
    not_launched("no-memory-for-hypervisor",
                 "there is not enough contiguous memory for it", 6, smp=1, memory="64M", lean=False,
                 cpu="max,+svm", qemu=["-vga", "none"]),  # the firmware takes more for more address bits
    handoff("boot-cfg-absent", [r"^boot\.cfg: it is not there: using the defaults$",
                                r"^handoff: launch 0,",
                                r"^handoff: options\nhandoff: end of options$"], boot_cfg=""),
    handoff("boot-cfg-bad-lines", [
        r'^\\EFI\\verdigris\\boot\.cfg:1: hypervisorlaunchtype: "maybe" is neither auto nor off: '
        r'using auto$',
        r'^\\EFI\\verdigris\\boot\.cfg:3: unknown key "hypervisorlaunch": ignored$',
        r'^\\EFI\\verdigris\\boot\.cfg:4: "just words" is not of the form key = value: ignored$',
        r"^module: \\no\\such\\module: it is not there: left out$",
        r"^handoff: launch 0,"],
        boot_cfg="hypervisorlaunchtype = maybe\n\nhypervisorlaunch = off # old\njust words\n"
                 "module = /no/such/module\n"),
    Test("root-image-absent", boot_cfg="root = /EFI/verdigris/nothing.elf\n", modules=[],
         expect=[r"^\\EFI\\verdigris\\nothing\.elf: it is not there: cannot boot$"],
         allow=[r"cannot boot"], exits=False),
]
