# SPDX-License-Identifier: BSD-2-Clause
"""Drivers move between the rings and die under load: no request fails, no byte is lost or doubled.

LONG=1 in the environment: a thousand moves each way, a thousand deaths.
"""
import os
import re
import struct
import time

from suite import Disk, case

LONG = bool(os.environ.get("LONG"))
TIMEOUT_S = 3600 if LONG else 120
MIB = 1 << 20
DISK_BYTES = 64 * MIB

# What the load writes: see drivers-user/runtime/client_verify.c.
LOAD_BYTES = 4 * MIB
LOAD_PLACES = 1024
BLOCK_WORDS = 512 // 8
MASK = (1 << 64) - 1


def _times(lean, long=1000):
    return long if LONG else lean


def _needs_both_rings(test):
    if not test.build.movable():
        test.skip("without MOVABLE_DRIVERS a driver has one ring")


def _scratch(test, **options):
    return Disk(test.image("disk.img", DISK_BYTES), DISK_BYTES, options="serial=scratch0", **options)


# --- The load's blocks, as the host finds them ---

def _block(place, sequence, client):
    words = [place, sequence, client]
    seed = (client << 56 ^ place << 32 ^ sequence) & MASK
    words += [(seed + index) * 0x9E3779B97F4A7C15 & MASK for index in range(3, BLOCK_WORDS - 1)]
    total = 0
    for word in words:
        total = (total << 1 & MASK | total >> 63) ^ word
    return struct.pack(f"<{BLOCK_WORDS}Q", *words, total)


def _check_image(test, path):
    """Every block is empty, or one that the load wrote there, whole; and nothing lies elsewhere."""
    with open(path, "rb") as image:
        data = image.read()
    start, step = len(data) - LOAD_BYTES, BLOCK_WORDS * 8
    written, wrong = 0, []
    for place in range(LOAD_PLACES):
        block = data[start + place * step:start + (place + 1) * step]
        if any(block):
            written += 1
            _, sequence, client = struct.unpack_from("<3Q", block)
            if sequence >> 32 or client >> 8 or block != _block(place, sequence, client):
                wrong.append(place)
    test.check("host_finds_blocks_of_the_load", written > 0, "the disk is empty")
    test.check("host_finds_every_block_right", not wrong, f"{len(wrong)} of {written} are wrong: {wrong[:8]}")
    elsewhere = data.count(0, 0, start) == start and not any(data[start + LOAD_PLACES * step:])
    test.check("host_finds_nothing_elsewhere", elsewhere)


# --- Storms ---

def _storm(test, cpus, count):
    """The guest's suite storm, on a disk that is slow enough to have requests in flight at any time."""
    disk = _scratch(test, iops=1000 // cpus)
    pci = "pci=kernel " if test.build.movable() else ""
    with test.boot(cmdline=f"{pci}run=systest,storm,{count}", disks=[disk], smp=cpus) as guest:
        outcome = guest.finish()
    test.adopt("systest", outcome)
    if "load:" in outcome.debugcon:
        _check_image(test, test.images[0])


@case(drivers=("ahci",), shell=False, timeout_s=TIMEOUT_S)
def storm_on_one_processor(test):
    _storm(test, 1, _times(20))


@case(drivers=("ahci",), shell=False, timeout_s=TIMEOUT_S)
def storm_on_four_processors(test):
    _storm(test, 4, _times(10))


def _start_load(test, guest):
    said = guest.command("bench verify &")
    if any("has no bin/bench" in line for line in said):
        test.skip("the image has no bench")
    if said:
        test.require("load_starts", False, said)


def _end_load(test, guest, name):
    """The load was answered in full: how many requests, and how long the longest took, in microseconds."""
    lines = guest.command("bench verify stop", 60)
    match = re.search(r"good, (\d+) operations, 0 mismatches, 0 failures, longest (\d+) us", " ".join(lines))
    test.check(name, match and int(match[1]) > 0, lines)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _disk_requests(guest):
    """Reads and writes that QEMU's disk has carried out."""
    for one in guest.qmp().call("query-blockstats"):
        if "disk0" in (one.get("node-name", ""), one.get("device", "")) or "disk0" in one.get("qdev", ""):
            return one["stats"]["rd_operations"] + one["stats"]["wr_operations"]
    raise KeyError(f"no disk0 in {guest.qmp().call('query-blockstats')}")


def _repeat(test, guest, name, count, command, *patterns):
    """`repeat`: each time says one of these, and they take turns."""
    lines = guest.command(f"repeat {count} {command}", TIMEOUT_S)
    wrong = [line for at, line in enumerate(lines) if not re.fullmatch(patterns[at % len(patterns)], line)]
    test.check(name, len(lines) == count and not wrong, f"{len(lines)} lines, wrong: {wrong[:5]}")


WAITED = r" to ring {}, its clients waited [0-9.]+ [mu]?s"
HOT = [r"ahci: moved hot" + WAITED.format(ring) for ring in (0, 3)]
COLD = [r"ahci: moved cold" + WAITED.format(ring) for ring in (0, 3)]
DIED = r"ahci: killed and started afresh, its clients waited [0-9.]+ [mu]?s"


@case(drivers=("pci", "ahci"), timeout_s=TIMEOUT_S)
def orders_by_the_shell_under_load(test):
    """On a disk as fast as it can be."""
    _needs_both_rings(test)
    count = _times(10, 100)
    with test.boot(cmdline="pci=kernel ahci=user", disks=[_scratch(test)]) as guest:
        guest.wait_prompt()
        _start_load(test, guest)
        _repeat(test, guest, "hot_moves_are_hot", 2 * count, "driver move --hot ahci other", *HOT)
        _repeat(test, guest, "cold_moves_are_cold", 2 * count, "driver move --cold ahci other", *COLD)
        _repeat(test, guest, "deaths_are_survived", count, "kill driver ahci", DIED)
        _end_load(test, guest, "load_loses_nothing")
        test.check_lines("drivers_counts_them", guest.command("drivers"),
                         rf"^ahci +block +user .* {count} +{4 * count} +[0-9.]+ [mu]?s$")
        test.end(guest)
    _check_image(test, test.images[0])


# --- Requests held in flight ---

@case(drivers=("pci", "ahci"))
def held_request_completes_in_the_other_ring(test):
    _needs_both_rings(test)
    with test.boot(cmdline="pci=kernel ahci=user", disks=[_scratch(test, held=True)]) as guest:
        guest.wait_prompt()
        for kind, event in (("write", "pwritev"), ("read", "read_aio")):
            for ring in ("kernel", "user"):
                _start_load(test, guest)
                guest.hold(event)
                test.check_lines(f"{ring}_takes_over_a_{kind}_in_flight", guest.command(f"driver move --hot ahci {ring}"),
                                 r"^ahci: moved hot")
                time.sleep(0.3)
                guest.release()
                _, longest_us = _end_load(test, guest, f"{kind}_completes_in_ring_of_{ring}")
                test.check(f"{kind}_was_held_until_{ring}_had_it", longest_us > 300000, f"{longest_us} us")
        test.check_lines("nobody_died", guest.command("drivers"), r"^ahci .* 1 +5 +0 +4 ")
        test.end(guest)
    _check_image(test, test.images[0])


@case(drivers=("pci", "ahci"))
def requests_held_by_the_disk_outlive_the_driver(test):
    """32 are in the hardware when it dies, held back by QEMU's throttle: the next instance asks for them again.
    (One that blkdebug holds would hang QEMU: see tests/README.md.)"""
    if not test.build.movable() and test.build.placement("ahci") != "user":
        test.skip("the driver is in ring 0, and cannot move")
    with test.boot(cmdline="ahci=user", disks=[_scratch(test, iops=100)], smp=1) as guest:
        guest.wait_prompt()
        before = _disk_requests(guest)
        _start_load(test, guest)
        time.sleep(0.5)
        test.check_lines("driver_dies", guest.command("kill driver ahci"), DIED)
        answered, longest_us = _end_load(test, guest, "its_requests_are_answered")
        carried_out = _disk_requests(guest) - before
        test.check("they_were_in_flight_for_long", longest_us > 300000, f"{longest_us} us")
        test.check("disk_was_asked_twice_for_what_was_in_flight", 24 <= carried_out - answered <= 32,
                   f"{carried_out} requests for {answered} answers")
        test.check_lines("drivers_counts_one_death", guest.command("drivers"), r"^ahci .* 1 +2 +1 +0 ")
        test.end(guest)
    _check_image(test, test.images[0])


# --- The serial line ---

@case(drivers=("uart",), timeout_s=TIMEOUT_S)
def typed_at_while_it_moves(test):
    """Both directions at once: the host types while the shell tells of each move."""
    _needs_both_rings(test)
    with test.boot(cmdline="uart=user") as guest:
        guest.wait_prompt()
        for turn in range(_times(3, 50)):
            lines = [f"{turn}.{number}." + "abcdefghijklmnopqrstuvwxyz"[number:] for number in range(7)]
            guest.send("repeat 20 driver move --hot uart other\r")
            for line in lines:
                for piece in re.findall(r".{1,9}", f"echo {line}"):
                    guest.send(piece)
                    time.sleep(0.005)
                guest.send("\r")
            guest.expect(re.escape(lines[-1]) + r"\s+^eft> $")
            shown = [line.strip() for line in guest.text.split("repeat 20 ")[-1].splitlines()[1:-1]]
            moves = [r"uart: moved hot" + WAITED.format(ring) for ring in (0, 3)] * 10
            echoes = [text for line in lines for text in (rf"eft> echo {re.escape(line)}", re.escape(line))]
            wanted = moves + echoes
            wrong = [(text, pattern) for text, pattern in zip(shown, wanted) if not re.fullmatch(pattern, text)]
            test.check(f"every_byte_arrives_once_{turn}", len(shown) == len(wanted) and not wrong,
                       f"{len(shown)} lines, not {len(wanted)}; {wrong[:2]}")
        test.check_lines("it_dies_and_comes_back", guest.command("kill driver uart"), r"uart: killed and started afresh")
        test.check_lines("line_works_after_it", guest.command("echo here"), r"^here$")
        test.check_lines("cold_is_said", guest.command("driver move --cold uart kernel"), r"uart: moved cold to ring 0")
        test.end(guest)


# --- The bus, and what is refused ---

@case(drivers=("pci", "ahci", "uart"))
def bus_moves_below_live_devices(test):
    """Cold, for it has no check; what sits on it goes on. Rule 5 holds both ways."""
    _needs_both_rings(test)
    with test.boot(cmdline="pci=kernel ahci=kernel uart=kernel", disks=[_scratch(test)]) as guest:
        guest.wait_prompt()
        rule_5 = r"denied: a driver in the kernel never stands on a bus in ring 3"
        test.check_lines("no_bus_leaves_a_driver_in_ring_0_behind", guest.command("driver move pci user"), rule_5)
        test.check_lines("log_names_the_device", guest.command("log -n 3"), r"not to ring 3: 0000:\S+ below it is in ring 0")
        _start_load(test, guest)
        test.check_lines("ahci_goes_first", guest.command("driver move --hot ahci user"), HOT[1])
        said = guest.command("driver move --hot pci user")
        test.check_lines("bus_does_not_move_hot", said, r"^driver move pci: .*log")
        test.check_lines("log_says_why", guest.command("log -n 3"), r"pci does not move hot: ")
        test.check("refused_bus_stays", guest.driver_rings().get("pci") == {"kernel"}, guest.driver_rings())
        test.check_lines("else_it_moves_cold_and_says_so", guest.command("driver move pci user"),
                         r"^pci: moved cold to ring 3.*could not move hot")
        test.check_lines("ahci_was_not_started_again", guest.command("drivers"), r"^ahci +block +user .* 1 +2 +0 +1 ")
        test.check_lines("no_driver_gets_into_ring_0_above_it", guest.command("driver move ahci kernel"), rule_5)
        test.check_lines("log_says_so", guest.command("log -n 3"), r"not to ring 0: its bus is in ring 3")
        test.check_lines("killed_bus_comes_back", guest.command("kill driver pci"), r"^pci: killed and started afresh")
        test.check_lines("ahci_still_dies_and_lives", guest.command("kill driver ahci"), DIED)
        test.check_lines("bus_moves_back", guest.command("driver move --cold pci kernel"), r"^pci: moved cold to ring 0")
        test.check_lines("then_ahci_may", guest.command("driver move --hot ahci kernel"), HOT[0])
        test.check_lines("load_sees_rings_change", guest.command("devices"), r"pci +kernel +live", r"ahci +kernel +live")
        _end_load(test, guest, "load_loses_nothing")
        test.end(guest)
    _check_image(test, test.images[0])


@case(drivers=("pci", "ahci"))
def refusals_give_the_reason(test):
    _needs_both_rings(test)
    with test.boot(cmdline="pci=kernel ahci=kernel", disks=[_scratch(test)]) as guest:
        guest.wait_prompt()
        test.check_lines("nothing_is_killed_in_the_kernel", guest.command("kill driver ahci"),
                         r"runs in the kernel, where nothing can be killed")
        test.check_lines("where_it_is_it_stays", guest.command("driver move --hot ahci kernel"), r"it is there already")
        test.check_lines("unknown_driver_is_refused", guest.command("driver move floppy user"), r"no driver 'floppy'")
        test.check_lines("unknown_ring_is_refused", guest.command("driver move ahci up"), r"expected the ring")
        test.check_lines("unknown_way_shows_usage", guest.command("driver move --warm ahci user"), r"^usage: driver ")
        test.check("driver_is_stopped", guest.command("driver stop ahci") == [])
        said = guest.command("driver move --hot ahci user")
        test.check_lines("what_is_stopped_does_not_move", said, r"^driver move ahci: ")
        test.check("driver_is_started", guest.command("driver start ahci kernel") == [])
        said = guest.writes("disk0", 1, 0, 64) or guest.verifies("disk0", 1, 0, 64)
        test.check("disk_serves_after_it_all", not said, said)
        test.end(guest)
