# SPDX-License-Identifier: BSD-2-Clause
"""The watchdog resets the machine if nobody pets it, whatever happens to its driver; and only then."""
import time

from suite import case

DEVICE = {"devices": ["i6300esb"], "extra": ["-action", "watchdog=none"]}
SECONDS = 4  # its time-out: longer than any command takes
PETTED = r"^Intel 6300ESB watchdog, driver i6300esb in ring \d: resets the machine 4\.\d+ s after the last pet$"


def _expired(guest):
    """How often QEMU's device has run out so far."""
    guest.qmp().call("query-status")  # takes in what has come
    return sum(event["event"] == "WATCHDOG" for event in guest.qmp().events)


def _wait_expired(guest, seconds):
    """Wait for the event; the seconds it took, or None."""
    began = time.monotonic()
    while not _expired(guest):
        if time.monotonic() - began > seconds:
            return None
        time.sleep(0.05)
    return time.monotonic() - began


def _pet(test, guest, name):
    test.check_lines(name, guest.command("watchdog pet"), PETTED)


def _outlive(test, guest, name, change=None):
    """Pet, change, pet ... until the time-out would have passed twice."""
    end, turn, said = time.monotonic() + 2 * SECONDS, 0, []
    while time.monotonic() < end:
        if change:
            said += guest.command(change)
        said += guest.command("watchdog pet")
        turn += 1
        time.sleep(0.3)
    test.check(name, turn > 2 and not _expired(guest), f"{turn} turns; {said[-3:]}")
    test.check_lines(f"{name}_and_it_still_runs", guest.command("watchdog"), PETTED)


@case(drivers=("pci", "i6300esb"), timeout_s=120.0)
def resets_unless_petted(test):
    with test.boot(**DEVICE) as guest:
        guest.wait_prompt()
        test.check_lines("devices_shows_it", guest.command("devices"), r" i6300esb +(kernel|user) +live", r"watchdog unit 0")
        test.check_lines("drivers_shows_it", guest.command("drivers"), r"^i6300esb +watchdog ")
        test.check_lines("it_begins_stopped", guest.command("watchdog"), r": stopped$")
        test.check_lines("a_time_that_cannot_be_is_refused", guest.command("watchdog start 9999"), r"cannot be set to 9999 s")
        test.check_lines("usage_is_shown", guest.command("watchdog start"), r"^usage: watchdog ")
        test.check_lines("it_starts", guest.command(f"watchdog start {SECONDS}"), PETTED)
        _outlive(test, guest, "petted_it_is_quiet")
        test.check_lines("it_stops", guest.command("watchdog stop"), r": stopped$")
        time.sleep(SECONDS + 1)
        test.check("stopped_it_is_quiet", not _expired(guest))
        guest.command(f"watchdog start {SECONDS}")
        waited = _wait_expired(guest, 3 * SECONDS)
        test.check("forgotten_it_runs_out", waited is not None and waited > SECONDS - 1.5, f"{waited} s")
        test.check_lines("status_asks_the_device", guest.command("watchdog"), r": stopped$")
        test.end(guest)


@case(drivers=("pci", "i6300esb"), timeout_s=180.0)
def moves_do_not_stop_it(test):
    if not test.build.movable():
        test.skip("without MOVABLE_DRIVERS a driver has one ring")
    with test.boot(cmdline="pci=kernel i6300esb=kernel", **DEVICE) as guest:
        guest.wait_prompt()
        guest.command(f"watchdog start {SECONDS}")
        _outlive(test, guest, "hot_moves_leave_it_to_its_client", "driver move --hot i6300esb other")
        test.check_lines("they_were_hot", guest.command("drivers"), r"^i6300esb .* 1 +[0-9]+ +0 +([2-9]|\d\d) ")
        _outlive(test, guest, "cold_moves_start_it_again", "driver move --cold i6300esb other")
        guest.command("driver move --hot i6300esb user")
        waited = _wait_expired(guest, 3 * SECONDS)
        test.check("moved_and_forgotten_it_runs_out", waited is not None, "no event")
        test.end(guest)


@case(drivers=("pci", "i6300esb"), timeout_s=120.0)
def deaths_do_not_stop_it(test):
    if not test.build.movable() and test.build.placement("i6300esb") != "user":
        test.skip("the driver is in ring 0, and cannot move")
    with test.boot(cmdline="i6300esb=user", **DEVICE) as guest:
        guest.wait_prompt()
        guest.command(f"watchdog start {SECONDS}")
        _outlive(test, guest, "killed_and_petted_it_is_quiet", "kill driver i6300esb")
        test.check_lines("nothing_was_restarted_by_hand", guest.command("drivers"), r"^i6300esb +watchdog +user ")
        guest.command("kill driver i6300esb")
        waited = _wait_expired(guest, 3 * SECONDS)
        test.check("killed_and_forgotten_it_runs_out", waited is not None, "no event")
        test.end(guest)


@case(drivers=("pci", "i6300esb"), timeout_s=120.0)
def stopped_driver_leaves_it_running(test):
    with test.boot(**DEVICE) as guest:
        guest.wait_prompt()
        guest.command(f"watchdog start {SECONDS}")
        test.check("driver_stops", guest.command("driver stop i6300esb") == [])
        waited = _wait_expired(guest, 3 * SECONDS)
        test.check("nobody_pets_it_so_it_runs_out", waited is not None, "no event")
        test.end(guest)


@case(drivers=("pci", "i6300esb"), timeout_s=120.0)
def reset_is_real_and_is_told(test):
    """The machine ends (-no-reboot); nothing that the guest does could do that."""
    with test.boot(devices=["i6300esb"], extra=["-action", "watchdog=reset"]) as guest:
        guest.wait_prompt()
        guest.send("watchdog start 1\r")
        outcome = guest.finish(30)
        test.check("machine_is_reset", outcome.status == 0 and not outcome.timed_out, outcome.problems())
