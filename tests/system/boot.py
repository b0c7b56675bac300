# SPDX-License-Identifier: BSD-2-Clause
"""Boots to the shell: banner, prompt, devices settled, nothing to complain about."""
from suite import case


@case()
def reaches_the_prompt(test):
    with test.boot() as guest:
        guest.wait_prompt()
        booted = guest.text
        test.check("banner_names_eft", "Eft" in booted, booted[:300])
        test.check("log_has_no_panic", "panic" not in booted.lower(), booted[-600:])
        test.check("second_prompt_follows_empty_line", guest.command("") == [])
        test.end(guest)


@case()
def takes_the_command_line(test):
    with test.boot(cmdline="loglevel=debug nonsense=1") as guest:
        guest.wait_prompt()
        log = "\n".join(guest.command("log"))
        test.check("unknown_word_gets_one_warning", log.count("nonsense") == 1, log[-600:])
        test.end(guest)


@case()
def reboots_on_request(test):
    with test.boot() as guest:
        guest.wait_prompt()
        guest.send("reboot\r")
        outcome = guest.finish()  # -no-reboot turns a reset into an end
        test.check("machine_resets", outcome.status == 0 and not outcome.problems(), outcome.problems())
