# SPDX-License-Identifier: BSD-2-Clause
"""The report of a panic or of a driver's fault is enough to find the line, in either ring."""
import os
import re
import subprocess
import sys

from suite import case

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CROSS_COMPILE = os.environ.get("CROSS_COMPILE", "x86_64-linux-gnu-")
GDB_SECONDS = 40
IN_GDB = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+) \(.*\) at (\S+:\d+)$", re.M)
IN_REPORT = re.compile(r"^ +(\S+) at (\S+:\d+)$", re.M)


def _spoil_next_interrupt(test, guest):
    """Have the driver's next interrupt find no device, by gdb; what gdb says, with the callers."""
    guest.qmp().monitor("gdbserver unix:gdb.sock,server=on,wait=off")
    commands = ["set confirm off", "set pagination off", "set backtrace past-main on", f"file {test.build.directory}/kernel.elf",
                f"add-symbol-file {test.build.directory}/drivers-user/serial/uart", "target remote gdb.sock",
                "break uart_interrupt", "echo armed\\n", "continue", "backtrace", "set $rdi = 8", "delete", "detach"]
    words = [word for command in commands for word in ("-ex", command)]
    with subprocess.Popen(["gdb", "-nx", "-q", "-batch", *words], cwd=guest.directory, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as gdb:
        said = ""
        for line in gdb.stdout:
            said += line
            if line == "armed\n":
                guest.send("x")
                break
        try:
            said += gdb.communicate(timeout=GDB_SECONDS)[0]
        except subprocess.TimeoutExpired:
            gdb.kill()
            said += f"(gdb was still waiting after {GDB_SECONDS} s)"
    with open(guest.path("gdb.log"), "w", encoding="utf-8") as log:
        log.write(said)
    return said


def _where(test, log, build=None):
    run = subprocess.run([sys.executable, f"{TREE}/.ci/where.py", build or test.build.directory, CROSS_COMPILE, log],
                         cwd=TREE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout


def _after(function, frames):
    names = [name for name, _ in frames]
    return frames[names.index(function) + 1:] if function in names else []


def _check_report(test, said, log):
    """The driver's function has its file, and its callers are on the lines that gdb saw them on."""
    status, text = _where(test, log)
    test.check("every_address_is_of_this_build", status == 0, text[-1500:])
    test.check("place_of_the_fault_is_in_the_driver",
               re.search(r"^ +uart_interrupt at shim/drivers/serial/uart/uart\.c:\d+$", text, re.M), text)
    # A function that makes no frame hides its direct caller. gdb says <signal handler called> for the kernel's entries.
    seen, reported = _after("uart_interrupt", IN_GDB.findall(said)), _after("uart_interrupt", IN_REPORT.findall(text))
    reported = [(name, place) for name, place in reported if "/entry.S" not in place]
    test.check("callers_are_on_the_right_lines",
               len(reported) >= 2 and reported in (seen[skip:][:len(reported)] for skip in range(3)),
               f"gdb: {seen}; report: {reported}; {said[-1000:]}")


@case(drivers=("uart",))
def fault_of_a_driver_process_is_found(test):
    if not test.build.movable() and test.build.placement("uart") != "user":
        test.skip("the driver is in ring 0, and cannot move")
    with test.boot(cmdline="uart=user") as guest:
        guest.wait_prompt()
        said = _spoil_next_interrupt(test, guest)
        guest.expect(r"driver uart died", 30)
        guest.expect(r"uart is live", 30)
        guest.send("\r")
        guest.wait_prompt()
        test.end(guest)
    _check_report(test, said, guest.path("debugcon.log"))


@case(drivers=("uart",))
def panic_is_found(test):
    if not test.build.movable() and test.build.placement("uart") != "kernel":
        test.skip("the driver is in ring 3, and cannot move")
    with test.boot(cmdline="uart=kernel") as guest:
        guest.wait_prompt()
        said = _spoil_next_interrupt(test, guest)
        guest.expect(r"panic:\s+.*page fault in the kernel", 30)
        guest.expect(r"panic: the system is stopped", 30)
        outcome = guest.finish(5)
    test.check("machine_is_stopped", outcome.status not in (0, 1), f"exit status {outcome.status}")
    _check_report(test, said, guest.path("serial.log"))
    text = outcome.serial.replace(" uart_interrupt+", " uart_probe+")
    with open(guest.path("foreign.log"), "w", encoding="utf-8") as log:
        log.write(text)
    status, said = _where(test, log.name)
    test.check("log_of_another_build_is_refused", status != 0 and "not of this build" in said, said)
