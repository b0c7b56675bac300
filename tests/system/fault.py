# SPDX-License-Identifier: BSD-2-Clause
"""A fault in ring 3 kills one process, with a report that names the place; the system goes on."""
import re

from suite import case

# See dereference_null() of drivers-user/programs/systest/child.c. The direct caller of a function that
# makes no frame (the compiler's choice) is not in a backtrace: forget_to_check may be missing.
CALLERS = ("write_through", "dereference_null", "child_main")


@case(shell=False)
def crashed_program_is_reported(test):
    with test.boot(cmdline="run=systest,crash-user") as guest:
        outcome = guest.finish()
    test.adopt("systest", outcome)
    log = outcome.debugcon
    shown = log[log.find("systest"):][:1500]
    test.check("report_names_process_and_cause", re.search(r"systest.* \(pid \d+\): .*ended", log), shown)
    for register in ("rip", "rsp", "rax", "rbp", "cr2"):
        test.check(f"report_shows_{register}", re.search(rf"\b{register} +[0-9a-f]{{16}}", log), shown)
    frames = re.findall(r"#\d+ +[0-9a-f]{16} (\w+)\+0x", log)
    test.check("backtrace_names_the_callers", all(name in frames for name in CALLERS),
               f"expected {CALLERS}, found {frames}")


@case()
def killed_program_is_the_only_loss(test):
    """A child of the shell crashes; the shell goes on."""
    with test.boot() as guest:
        guest.wait_prompt()
        answer = guest.command("run systest child crash 0")
        test.check("shell_says_how_it_ended", any("ended" in line for line in answer), answer)
        test.check_lines("log_has_the_report", guest.command("log error"), r"rip [0-9a-f]{16}", r"write_through")
        test.check_lines("shell_goes_on", guest.command("echo still here"), r"^still here$")
        test.end(guest)
