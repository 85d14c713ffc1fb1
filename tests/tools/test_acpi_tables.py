#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A child's ACPI tables, judged by ACPICA, whose code Linux has too.

  test_acpi_tables.py ACPI_DUMP    the program that writes the tables
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

IASL = shutil.which("iasl")
DUMP = None
HEADER = 36  # bytes: who made it, and the checksum over that
# Not as it would write it itself, and not that a _HID has 7 or 8 characters: Linux wants "VMBus".
AS_IT_IS = ["-oa", "-vw", "6033"]


def iasl(*arguments):
    done = subprocess.run([IASL, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def field(text, name):
    """The values of a field of a table without AML."""
    return [v.strip() for v in re.findall(rf"(?m)^(?:\[.*\])? +{re.escape(name)} : (.*)$", text)]


@unittest.skipUnless(IASL, "iasl is not there: ./verdigris setup installs acpica-tools")
class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def disassembled(self, name, vps=2):
        """The table's source, as iasl makes it out of the bytes."""
        subprocess.run([DUMP, self.folder, str(vps)], check=True)
        status, output = iasl("-d", self.path(name + ".dat"))
        self.assertEqual(status, 0, output)
        self.assertNotRegex(output, r"(?i)\b(warning|error|invalid|incorrect)\b")
        with open(self.path(name + ".dsl"), encoding="ascii") as f:
            text = f.read()
        self.assertNotRegex(text, r"(?i)\b(warning|error|invalid|incorrect|truncated)\b")
        return text

    def assert_compiles_to_itself(self, name):
        status, output = iasl(*AS_IT_IS, "-p", self.path("again"), self.path(name + ".dsl"))
        self.assertEqual(status, 0, output)
        with open(self.path("again.aml"), "rb") as f, open(self.path(name + ".dat"), "rb") as g:
            self.assertEqual(f.read()[HEADER:], g.read()[HEADER:])

    def test_dsdt_compiles_to_itself(self):
        self.disassembled("DSDT")
        self.assert_compiles_to_itself("DSDT")

    def test_dsdt_has_the_devices(self):
        text = re.sub(r"//.*", "", self.disassembled("DSDT"))
        text = " ".join(text.split())
        for part in (
                r"Name \(_S5, Package \(0x04\) { 0x05, Zero, Zero, Zero }\)",
                r'Device \(VMOD\) { Name \(_HID, "ACPI0004"',
                r"QWordMemory \(ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, "
                r"ReadWrite, 0x0{16}, 0x00000000F8000000, 0x00000000FBFFFFFF, 0x0{16}, "
                r"0x0000000004000000,",
                r'Device \(VMBS\) { Name \(_HID, "VMBus"\)',
                r'Name \(_HID, EisaId \("PNP0501"\)',
                r"IO \(Decode16, 0x03F8, 0x03F8, 0x01, 0x08, \) "
                r"Interrupt \(ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, \) { 0x00000004, }",
                r'Name \(_HID, EisaId \("PNP0B00"\)',
                r"IO \(Decode16, 0x0070, 0x0070, 0x01, 0x02, \) "
                r"Interrupt \(ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, \) { 0x00000008, }"):
            self.assertRegex(text, part)

    def test_fadt_is_understood(self):
        text = self.disassembled("FACP")
        for name, value in (("Hardware Reduced (V5)", "1"), ("Reset Register Supported (V2)", "1"),
                            ("Legacy Devices Supported (V2)", "1"), ("VGA Not Present (V4)", "1"),
                            ("8042 Present on ports 60/64 (V2)", "0"),
                            ("CMOS RTC Not Present (V5)", "0"), ("Value to cause reset", "06"),
                            ("RTC wake not in fixed reg space (V1)", "1"),
                            ("Revision", "06"), ("FADT Minor Revision", "04")):
            self.assertEqual(field(text, name), [value], name)
        for register, address in (("Reset Register", "0CF9"), ("Sleep Control Register", "0600"),
                                  ("Sleep Status Register", "0604")):
            block = text[text.index(register + " :"):]
            self.assertEqual(field(block, "Space ID")[0], "01 [SystemIO]")
            self.assertEqual(field(block, "Address")[0], "000000000000" + address)
        self.assert_compiles_to_itself("FACP")

    def test_madt_is_understood(self):
        text = self.disassembled("APIC", vps=300)
        kinds = [v[:2] for v in field(text, "Subtable Type")]
        self.assertEqual(kinds, ["00"] * 255 + ["09"] * 45 + ["01"])
        self.assertEqual(field(text, "Local Apic ID")[-1], "FE")
        self.assertEqual(field(text, "Processor x2Apic ID")[0], "000000FF")
        self.assert_compiles_to_itself("APIC")

    def test_xsdt_is_understood(self):
        self.assertEqual(len(re.findall("ACPI Table Address", self.disassembled("XSDT"))), 2)


if __name__ == "__main__":
    DUMP = os.path.abspath(sys.argv.pop(1))
    unittest.main()
