# SPDX-License-Identifier: BSD-2-Clause
"""Disks behind bridges: root ports, a conventional bridge, one below another; cards that come and go."""
import re
import time

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


NATIVE = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
ROUNDS = 3


def _kernel_memory(guest):
    """What objects and processes hold: equal before and after, if nothing leaks."""
    shown = "\n".join(guest.command("mem"))
    return re.findall(r"processes +\d+, \d+ threads, \d+ objects|kernel .* objects", shown)


def _controller_comes_and_goes(test, cmdline):
    """A card with a disk leaves a root port while the disk is read; cards come and go after it."""
    image = test.image("FAR.img", 32 * MIB)
    with test.boot(cmdline=cmdline, devices=[PORT.format("port1", 1)], controllers=["far,bus=port1"],
                   disks=[Disk(image, 32 * MIB, controller="far", options="model=FAR")], extra=NATIVE) as guest:
        guest.wait_prompt()
        disk = guest.disks().get("FAR")
        test.require("disk_is_there_at_first", disk, guest.command("devices"))
        qmp = guest.qmp()
        qmp.call("device_del", id="far")
        said = ""
        for _ in range(100):
            said = guest.reads(disk, 7)
            if said:
                break
            time.sleep(0.2)
        test.check("disk_is_gone", re.search(r"gone|there is no", said), said or "it can be read for ever")
        test.require("first_card_leaves", _event(guest, "DEVICE_DELETED", "far"), guest.command("log -n 20"))
        before = None
        for number in range(ROUNDS):
            qmp.call("device_add", driver="ich9-ahci", id=f"card{number}", bus="port1")
            live = _wait(lambda: any(re.search(r"01:00\.0 .* ahci +\w+ +live", line)
                                     for line in guest.command("devices")))
            test.require(f"card_{number}_gets_its_driver", live, guest.command("devices"))
            qmp.call("device_del", id=f"card{number}")
            test.require(f"card_{number}_leaves", _event(guest, "DEVICE_DELETED", f"card{number}"),
                         guest.command("log -n 20"))
            gone = _wait(lambda: not any("01:00.0" in line for line in guest.command("devices")))
            test.require(f"card_{number}_is_forgotten", gone, guest.command("devices"))
            before = before or _kernel_memory(guest)
        test.require("mem_answers", len(before) == 2, before)
        test.check("nothing_leaks", _kernel_memory(guest) == before, f"{before}, then {_kernel_memory(guest)}")
        test.end(guest)


def _wait(condition, limit_s=20):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True


def _event(guest, kind, device, limit_s=20):
    """Wait for QEMU's news of a device."""
    def seen():
        guest.qmp().call("query-status")  # reads what news there is
        return any(event["event"] == kind and event["data"].get("device") == device
                   for event in guest.qmp().events)
    return _wait(seen, limit_s)


def _needs_ring(test, **rings):
    """Skip where the image cannot put these drivers there."""
    for driver, ring in rings.items():
        if not test.build.movable() and test.build.placement(driver) != ring:
            test.skip(f"without MOVABLE_DRIVERS {driver} is in the other ring for good")


@case(drivers=("pci", "ahci"), waits=True)  # a slot waits 6 s before it lets a card go
def controller_in_ring_0_comes_and_goes(test):
    _needs_ring(test, ahci="kernel")
    if test.build.placement("pci") == "user":
        test.skip("the bus is in ring 3, so is what sits on it")
    _controller_comes_and_goes(test, "ahci=kernel")


@case(drivers=("pci", "ahci"), waits=True)  # a slot waits 6 s before it lets a card go
def controller_in_ring_3_comes_and_goes(test):
    _needs_ring(test, ahci="user")
    _controller_comes_and_goes(test, "ahci=user")


@case(drivers=("pci", "ahci"), waits=True)  # a slot waits 6 s before it lets a card go
def controller_on_a_bus_in_ring_3_comes_and_goes(test):
    _needs_ring(test, pci="user", ahci="user")
    _controller_comes_and_goes(test, "pci=user ahci=user")
