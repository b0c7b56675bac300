# SPDX-License-Identifier: BSD-2-Clause
"""A fault in ring 3 kills one process, with a report that names the place; the system goes on."""
import re

from suite import case


@case(shell=False)
def crashed_program_is_reported(test):
    with test.boot(cmdline="run=systest,crash-user") as guest:
        outcome = guest.finish()
    log = outcome.debugcon
    test.check("machine_went_on_and_ended_by_test_exit", outcome.status in (1, 3) and not outcome.problems(),
               f"status {outcome.status}; {outcome.problems()}")
    test.check("report_names_the_process", re.search(r"systest|crash", log), log[-1500:])
    for register in ("rip", "rsp", "rax", "rbp"):
        test.check(f"report_shows_{register}", re.search(rf"(?i)\b{register}\b", log), log[-1500:])
    test.check("backtrace_names_functions", re.search(r"\b\w+\+0x[0-9a-f]+", log), log[-1500:])
