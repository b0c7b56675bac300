# SPDX-License-Identifier: BSD-2-Clause
"""Boots to the shell: banner, prompt, devices settled, nothing to complain about."""
import re

from suite import case


@case()
def reaches_the_prompt(test):
    with test.boot(devices=["i6300esb", "e1000"]) as guest:
        guest.wait_prompt()
        test.check("banner_names_eft", "Eft" in guest.text, guest.text[:300])
        rings = guest.driver_rings()
        for driver in test.build.drivers():
            if driver not in ("ahci", "e1000") or "pci" in test.build.drivers():
                ring = test.build.placement(driver)
                test.check(f"{driver}_is_live_where_configured", rings.get(driver) == {ring}, rings)
        bad = guest.command("log warning")
        test.check("log_has_no_warning", not bad, " | ".join(bad))
        test.check("empty_line_brings_a_prompt", guest.command("") == [])
        test.check_lines("uptime_names_the_configuration", guest.command("uptime"), rf"\({test.build.name}\)")
        test.end(guest)


@case()
def takes_the_command_line(test):
    with test.boot(cmdline="nonsense=1 loglevel=debug", smp=1) as guest:
        guest.wait_prompt()
        warnings = [line for line in guest.command("log warning") if "nonsense" in line]
        test.check("unknown_word_gets_one_warning", len(warnings) == 1, warnings)
        test.check_lines("uptime_shows_it", guest.command("uptime"), r"nonsense=1 loglevel=debug")
        test.end(guest)


@case()
def boots_on_other_processor_models(test):
    """Without SMEP and SMAP, and with all that TCG has."""
    for cpu in ("qemu64", "max"):
        with test.boot(cpu, cpu=cpu) as guest:
            guest.wait_prompt()
            test.check(f"{cpu}_answers", guest.command("echo here") == ["here"])
            test.end(guest, f"{cpu}_ends_well")


@case()
def uses_fewer_processors_on_request(test):
    with test.boot(cmdline="maxcpus=2 idle=poll", smp=4) as guest:
        guest.wait_prompt()
        test.check_lines("two_of_four_run", guest.command("uptime"), r"\b2 CPUs")
        test.end(guest)


@case(shell=False)
def log_reaches_both_consoles_from_the_start(test):
    with test.boot(cmdline="run=systest,devices", smp=1) as guest:
        outcome = guest.finish()
    first = re.search(r"\[ *\d+\.\d{6}\] .*", outcome.debugcon)
    test.require("debug_console_has_the_log", first, outcome.debugcon[:300])
    test.check("serial_line_has_it_too", first[0].rstrip() in outcome.serial, outcome.serial[:300])


@case()
def reboots_on_request(test):
    with test.boot(smp=1) as guest:
        guest.wait_prompt()
        guest.send("reboot\r")
        outcome = guest.finish()  # -no-reboot turns a reset into an end
        test.check("machine_resets", outcome.status == 0 and not outcome.problems(), outcome.problems())
