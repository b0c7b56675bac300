# SPDX-License-Identifier: BSD-2-Clause
"""Machines that lack something, or have much of it: what is missing is said in a line, the rest works."""
import os
import re

import pattern
from qemu import OVMF_CODE
from suite import Disk, case

PLACEMENT_MATTERS = False

MIB = 1 << 20
SECTORS = 64  # that are written to each disk


def _works(test, guest, name, disk="disk0"):
    said = guest.writes(disk, 6, 0, 512) or guest.verifies(disk, 6, 0, 512)
    test.check(f"{name}_works", not said, said)


@case(drivers=("pci", "ahci"))
def no_hpet(test):
    for machine in ("q35,hpet=off", "pc,hpet=off"):
        name = machine.split(",", maxsplit=1)[0]
        image = test.image(f"{name}.img", 16 * MIB)
        with test.boot(name, machine=machine, disks=[Disk(image)]) as guest:
            guest.wait_prompt()
            test.check(f"{name}_tells_its_clock", re.search(r"time: TSC at \d+\.\d+ MHz by the ACPI timer", guest.text),
                       guest.text[:600])
            _works(test, guest, f"{name}_disk")
            test.end(guest, f"{name}_ends_well")


@case(drivers=("pci", "ahci"))
def no_tables_of_qemu(test):
    """The firmware's own tables: processors, but no way to power off."""
    image = test.image("disk.img", 16 * MIB)
    with test.boot(machine="q35,acpi=off", disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        test.check("absence_is_told", "power-off no" in guest.text, guest.text[:600])
        _works(test, guest, "disk")
        guest.send("poweroff\r")
        guest.expect(r"cannot switch itself off; it is halted: switch it off by hand", 15)


@case(drivers=("pci",))
def no_disk_controller(test):
    """An IDE controller has no driver here, and is listed so."""
    with test.boot(machine="pc", ahci=False) as guest:
        guest.wait_prompt()
        test.check_lines("list_says_where_to_look", guest.command("disk list"), r"^no disks; `devices` shows what was found")
        test.check_lines("devices_shows_what_has_no_driver", guest.command("devices"), r"IDE controller +-$")
        test.check_lines("missing_disk_is_named", guest.command("disk read disk0 0"), r"there is no 'disk0'")
        test.end(guest)


@case(shell=False)
def no_serial_line(test):
    """Nobody can type: the log says so, and a program of the command line runs all the same."""
    with test.boot("program", cmdline="run=systest,devices", com1=False) as guest:
        outcome = guest.finish()
    test.check("absence_is_logged", re.search(r"platform: no serial port at 0x3f8", outcome.debugcon),
               outcome.debugcon[-600:])
    test.adopt("systest", outcome)


@case(shell=False)
def old_processor(test):
    """Without long mode or execute-disable nothing can run, and one line says so."""
    for cpu in ("qemu32", "qemu64,-nx"):
        name = cpu.replace(",-", "_without_")
        with test.boot(name, cpu=cpu, smp=1) as guest:
            outcome = guest.finish()
        test.check(f"{name}_is_refused_in_one_line",
                   outcome.serial.strip("\0\r\n ") == "Eft needs a processor with long mode and execute-disable (QEMU: -cpu qemu64).",
                   outcome.serial)
        test.check(f"{name}_ends_the_run", outcome.status == 255 and not outcome.problems(), outcome.status)


@case()
def more_processors_than_allowed(test):
    limit = int(test.build.config["MAX_CPUS"])
    with test.boot(smp=2 * limit) as guest:
        guest.wait_prompt()
        test.check("limit_is_told", re.search(rf"smp: {limit} of {2 * limit} processors run: no more than MAX_CPUS", guest.text),
                   guest.text[:900])
        test.check_lines("the_others_run", guest.command("uptime"), rf"\b{limit} CPUs")
        test.end(guest)


@case(shell=False)
def too_little_memory(test):
    with test.boot(memory_mib=8) as guest:
        outcome = guest.finish()
    test.check("need_is_told_in_one_line",
               re.search(r"mm: \d+ KiB of usable memory are too little: give the machine at least 32 MiB", outcome.serial),
               outcome.serial[-600:])
    test.check("run_ends", outcome.status == 255 and not outcome.problems(), outcome.status)


@case(drivers=("pci", "ahci"))
def least_memory(test):
    image = test.image("disk.img", 16 * MIB)
    with test.boot(memory_mib=32, disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        _works(test, guest, "disk")
        test.check("log_has_no_warning", not guest.command("log warning"), guest.text[-400:])
        test.end(guest)


def _many_disks(test, count, prompt_s=60, **options):
    """Disks over as many controllers as they need; each gets its own pattern, checked on the host."""
    images = [test.image(f"disk{i}.img", 8 * MIB) for i in range(count)]
    cards = [f"card{i}" for i in range((count - 5 + 5) // 6)]
    places = [("", port) for port in range(5)] + [(card, port) for card in cards for port in range(6)]
    disks = [Disk(image, 8 * MIB, controller=places[i][0], port=places[i][1], options=f"model=EFT-{i}")
             for i, image in enumerate(images)]
    with test.boot(disks=disks, controllers=cards, **options) as guest:
        guest.wait_prompt(prompt_s)
        names = guest.disks()
        test.require("every_disk_is_found", set(names) == {f"EFT-{i}" for i in range(count)}, names)
        said = [guest.writes(names[f"EFT-{i}"], 100 + i, 8 * i, SECTORS) for i in range(count)]
        test.check("every_disk_is_written", not any(said), said)
        said = [guest.verifies(names[f"EFT-{i}"], 100 + i, 8 * i, SECTORS) for i in range(count)]
        test.check("every_disk_is_read_back", not any(said), said)
        units = [line for line in guest.command("devices") if re.search(r"block unit \d: EFT-\d+, 8\.0 MiB", line)]
        test.check("devices_shows_them_all", len(units) == count, units)
        test.end(guest)
    wrong = [i for i in range(count) if pattern.image_difference(images[i], 100 + i, 8 * i, SECTORS) >= 0]
    test.check("each_image_holds_its_own_pattern", not wrong, wrong)


@case(drivers=("pci", "ahci"), timeout_s=240)
def uefi_with_much_of_everything(test):
    """Firmware that uses the machine before: bridges, several controllers, memory beyond 4 GiB, 4 processors."""
    if not os.path.exists(OVMF_CODE):
        test.skip(f"{OVMF_CODE} is not installed")
    _many_disks(test, 8, prompt_s=200, uefi=True, smp=4, memory_mib=5120, cpu="max")


@case(drivers=("pci", "ahci"), timeout_s=240)
def uefi_on_an_old_machine(test):
    if not os.path.exists(OVMF_CODE):
        test.skip(f"{OVMF_CODE} is not installed")
    image = test.image("disk.img", 16 * MIB)
    with test.boot(uefi=True, machine="pc", memory_mib=128, smp=1, disks=[Disk(image)]) as guest:
        guest.wait_prompt(200)
        _works(test, guest, "disk")
        test.end(guest)
