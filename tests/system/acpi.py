# SPDX-License-Identifier: BSD-2-Clause
"""ACPI tables that are missing or lie: one line says which, and the rest of the machine works."""
import re

from debugger import Debugger, symbol
from ktap import PASSED
from suite import Disk, case

PLACEMENT_MATTERS = False

BIOS_AREA, BIOS_AREA_BYTES = 0xe0000, 0x20000  # where BIOS leaves the root pointer
LENGTH, CHECKSUM, ENTRIES = 4, 9, 36           # in a table's head; where its content begins
MADT_ENTRIES = 44
FADT_DSDT = 40


class Tables:
    """The machine's own tables, in its memory, while its processors stand at the kernel's first C."""

    def __init__(self, debugger):
        self.debugger = debugger
        area = debugger.read(BIOS_AREA, BIOS_AREA_BYTES)
        at = next(at for at in range(0, BIOS_AREA_BYTES, 16) if area[at:at + 8] == b"RSD PTR ")
        self.pointer = BIOS_AREA + at
        self.root = self.read(self.pointer + 16, 4)
        count = (self.read(self.root + LENGTH, 4) - ENTRIES) // 4
        self.entries = [self.root + ENTRIES + 4 * i for i in range(count)]
        self.table = {}
        for entry in self.entries:
            paddr = self.read(entry, 4)
            self.table[debugger.read(paddr, 4).decode()] = paddr
        self.table["DSDT"] = self.read(self.table["FACP"] + FADT_DSDT, 4)

    def read(self, paddr, size_bytes):
        return int.from_bytes(self.debugger.read(paddr, size_bytes), "little")

    def set(self, paddr, value, size_bytes):
        self.debugger.write(paddr, value.to_bytes(size_bytes, "little"))

    def seal(self, paddr):
        """Make a table's checksum right again."""
        data = self.debugger.read(paddr, self.read(paddr + LENGTH, 4))
        self.set(paddr + CHECKSUM, (data[CHECKSUM] - sum(data)) % 256, 1)

    def spoil(self, signature):
        """Make a table's checksum wrong."""
        paddr = self.table[signature]
        self.set(paddr + CHECKSUM, self.read(paddr + CHECKSUM, 1) ^ 0x55, 1)

    def resize(self, signature, size_bytes):
        self.set(self.table[signature] + LENGTH, size_bytes, 4)


def _boot(test, name, change, patterns, powers_off=True, cpus=2, **options):
    """Boot with tables that `change` has changed; the log has the patterns, and disk and shell work."""
    image = test.image(f"{name}.img", 16 << 20)
    with test.boot(name, stopped=True, disks=[Disk(image)], **options) as guest:
        with Debugger(guest) as debugger:
            debugger.run_to(symbol(test.build, "kernel_main"))
            change(Tables(debugger))
        guest.wait_prompt()
        log = guest.command("log")
        for number, (what, pattern) in enumerate(patterns.items()):
            test.check_lines(f"{name}_{what}", log if number else guest.text.split("eft> ")[0].splitlines(), pattern)
        test.check_lines(f"{name}_processors", guest.command("uptime"), rf"\b{cpus} CPUs?\b")
        if test.build.placement("ahci") != "off":
            said = guest.writes("disk0", 4, 0, 512) or guest.verifies("disk0", 4, 0, 512)
            test.check(f"{name}_disk_works", not said, said)
        if powers_off:
            test.end(guest, f"{name}_powers_off")
            return
        guest.send("poweroff\r")
        guest.expect(r"cannot switch itself off; it is halted", 15)
        test.record(f"{name}_says_that_it_cannot_power_off", PASSED)


@case()
def processor_table_has_a_wrong_checksum(test):
    _boot(test, "madt", lambda tables: tables.spoil("APIC"), {
        "table_is_named": r"acpi: APIC has a wrong checksum: ignored",
        "consequence_is_told": r"acpi: no table lists the processors: only the first one runs",
        "interrupts_are_looked_for": r"ioapic: none is listed: trying the usual place, 0xfec00000"}, cpus=1)


@case()
def fixed_table_is_too_short(test):
    _boot(test, "fadt", lambda tables: tables.resize("FACP", 60), {
        "table_is_named": r"acpi: FACP has 60 bytes, expected 116 to \d+: ignored",
        "consequence_is_told": r"power-off no"}, powers_off=False)


@case()
def other_tables_are_damaged(test):
    def change(tables):
        tables.spoil("HPET")
        tables.resize("MCFG", 0xffffffff)
        tables.spoil("DSDT")
    _boot(test, "others", change, {
        "hpet_is_named": r"acpi: HPET has a wrong checksum: ignored",
        "mcfg_is_named": r"acpi: MCFG has 4294967295 bytes, expected 44 to \d+: ignored",
        "dsdt_is_named": r"acpi: DSDT has a wrong checksum: ignored",
        "another_clock_is_taken": r"time: TSC at .* by the ACPI timer",
        "another_way_is_taken": r"pci: configuration space by ports"}, powers_off=False)


@case()
def entry_of_the_processor_table_has_no_length(test):
    def change(tables):
        madt = tables.table["APIC"]
        first = tables.read(madt + MADT_ENTRIES + 1, 1)
        tables.set(madt + MADT_ENTRIES + first + 1, 0, 1)
        tables.seal(madt)
    _boot(test, "entry", change, {"entry_is_named": r"acpi: APIC has an entry of 0 bytes at \d+: the rest is ignored"},
          cpus=1)


@case()
def root_table_lists_itself_and_nonsense(test):
    def change(tables):
        spare = tables.entries[-1]  # WAET: nobody needs it
        tables.set(spare, tables.root, 4)
        tables.seal(tables.root)
    _boot(test, "loop", change, {"tables_are_read_all_the_same": r"acpi: 2 processors, 1 I/O APICs"})

    def point_away(tables):
        tables.set(tables.entries[-1], 0xfffffff0, 4)
        tables.seal(tables.root)
    _boot(test, "away", point_away, {"address_is_named": r"acpi: the table at 0xfffffff0 cannot be reached"})


@case()
def root_table_is_damaged(test):
    def change(tables):
        tables.set(tables.root + CHECKSUM, tables.read(tables.root + CHECKSUM, 1) ^ 0x55, 1)
    _boot(test, "none", change, {
        "table_is_named": r"acpi: RSDT has a wrong checksum: ignored",
        "consequence_is_told": r"acpi: no table lists the processors: only the first one runs"},
        powers_off=False, cpus=1)


@case()
def tables_end_in_the_middle(test):
    def change(tables):
        tables.resize("APIC", 20)
        tables.set(tables.root + LENGTH, ENTRIES + 7, 4)
        tables.seal(tables.root)
    _boot(test, "cut", change, {"root_is_read_as_far_as_it_goes": r"power-off yes"}, cpus=1)
