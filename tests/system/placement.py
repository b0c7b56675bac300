# SPDX-License-Identifier: BSD-2-Clause
"""One image, every placement: the command line decides, rule 5 holds, nonsense is refused."""
import itertools

from suite import Disk, case


def _needs_movable(test):
    if not test.build.movable():
        test.skip("without MOVABLE_DRIVERS a driver has one ring")


def _check_works(test, guest, name, rings):
    live = guest.driver_rings()
    for driver, ring in rings.items():
        test.check(f"{name}_{driver}_is_in_{ring}", live.get(driver) == {ring}, live)
    said = guest.writes("disk0", 9, 100, 256) or guest.verifies("disk0", 9, 100, 256)
    test.check(f"{name}_disk_works", not said, said)


def _flip(test, pci):
    """Every choice that rule 5 allows with the bus in one ring."""
    _needs_movable(test)
    rings = ("kernel", "user")
    image = test.image("disk.img", 16 << 20)
    for ahci, uart in itertools.product(rings if pci == "kernel" else ("user",), rings):
        name = f"ahci_{ahci}_uart_{uart}"
        with test.boot(name, cmdline=f"pci={pci} ahci={ahci} uart={uart}", disks=[Disk(image)]) as guest:
            guest.wait_prompt()
            _check_works(test, guest, name, {"pci": pci, "ahci": ahci, "uart": uart})
            test.end(guest, f"{name}_ends_well")


@case(drivers=("pci", "ahci", "uart"))
def bus_in_the_kernel(test):
    _flip(test, "kernel")


@case(drivers=("pci", "ahci", "uart"))
def bus_in_a_process(test):
    _flip(test, "user")


@case(drivers=("pci", "ahci"))
def ring_0_never_depends_on_ring_3(test):
    _needs_movable(test)
    image = test.image("disk.img", 16 << 20)
    with test.boot(cmdline="pci=user ahci=kernel", disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        test.check_lines("log_says_that_ahci_follows_its_bus", guest.command("log"), r"ahci.*(pci|user|ring)")
        _check_works(test, guest, "forced", {"pci": "user", "ahci": "user"})
        test.end(guest)


@case(drivers=("pci", "ahci"))
def driver_can_be_off(test):
    with test.boot(cmdline="ahci=off") as guest:
        guest.wait_prompt()
        rings = guest.driver_rings()
        test.check("no_device_has_it", "ahci" not in rings and "pci" in rings, rings)
        test.check_lines("drivers_shows_it_off", guest.command("drivers"), r"^ahci +\w+ +- +off ")
        test.check_lines("no_disks", guest.command("disk list"), r"no disks")
        test.end(guest)


@case(drivers=("ahci",))
def nonsense_is_refused_in_one_line(test):
    with test.boot(cmdline="ahci=sideways floppy=user") as guest:
        guest.wait_prompt()
        log = guest.command("log warning")
        for word in ("sideways", "floppy"):
            lines = [line for line in log if word in line]
            test.check(f"{word}_is_refused_once", len(lines) == 1, lines or log[:10])
        rings = guest.driver_rings()
        test.check("configuration_holds_instead", rings.get("ahci") == {test.build.placement("ahci")}, rings)
        test.end(guest)
