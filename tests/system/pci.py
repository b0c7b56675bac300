# SPDX-License-Identifier: BSD-2-Clause
"""Disks behind bridges: root ports, a conventional bridge, one below another."""
from suite import Disk, case

MIB = 1 << 20
PORT = "pcie-root-port,id={0},chassis={1},slot={1}"


def _behind(test, devices, bus, machine="q35"):
    """One disk on a controller on `bus`, one on the machine's own: both work, neither is the other."""
    images = {model: test.image(f"{model}.img", 32 * MIB) for model in ("NEAR", "FAR")}
    disks = [Disk(images["NEAR"], 32 * MIB, options="model=NEAR"),
             Disk(images["FAR"], 32 * MIB, controller="far", options="model=FAR")]
    with test.boot(machine=machine, devices=devices, controllers=[f"far,bus={bus}"], disks=disks) as guest:
        guest.wait_prompt()
        names = guest.disks()
        test.require("both_disks_are_found", set(names) == {"NEAR", "FAR"}, names or guest.command("devices"))
        for seed, name in enumerate(sorted(names.values())):
            said = guest.writes(name, seed, 0, 2048)
            test.check(f"{name}_is_written", not said, said)
        for seed, name in enumerate(sorted(names.values())):
            said = guest.verifies(name, seed, 0, 2048)
            test.check(f"{name}_is_read_back", not said, said)
        warnings = [line for line in guest.command("log warning") if "pci" in line or ":00." in line]
        test.check("bus_driver_has_no_complaint", not warnings, warnings)
        test.end(guest)


@case(drivers=("pci", "ahci"))
def controller_behind_a_root_port(test):
    _behind(test, [PORT.format("port1", 1), PORT.format("port2", 2)], "port2")


@case(drivers=("pci", "ahci"))
def controller_behind_a_conventional_bridge(test):
    _behind(test, ["pci-bridge,id=bridge1,chassis_nr=1"], "bridge1,addr=3", machine="pc")


@case(drivers=("pci", "ahci"))
def controller_behind_bridges_behind_a_root_port(test):
    _behind(test, [PORT.format("port1", 1), "pcie-pci-bridge,id=bridge1,bus=port1",
                   "pci-bridge,id=bridge2,bus=bridge1,addr=1,chassis_nr=2"], "bridge2,addr=4")
