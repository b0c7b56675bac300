# SPDX-License-Identifier: BSD-2-Clause
"""A fault in ring 3 kills one process, with a report that names the place; the system goes on."""
import re
import time

from ktap import PASSED
from qemu import connect_unix
from suite import Disk, case

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


@case(drivers=("ahci",))
def killed_driver_comes_back(test):
    if not test.build.movable() and test.build.placement("ahci") != "user":
        test.skip("the driver is in ring 0, and cannot move")
    image = test.image("disk.img", 32 << 20)
    with test.boot(cmdline="ahci=user", disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        said = guest.writes("disk0", 21, 0, 4096)
        test.check("disk_works_before", not said, said)
        test.check_lines("driver_is_killed", guest.command("kill driver ahci"), r"^ahci: killed and started afresh")
        rings = guest.driver_rings()
        for _ in range(20):
            if "ahci" in rings:
                break
            rings = guest.driver_rings()
        test.check("driver_is_live_again", rings.get("ahci") == {"user"}, rings)
        said = guest.verifies("disk0", 21, 0, 4096)
        test.check("what_was_written_is_there", not said, said)
        test.check_lines("drivers_counts_the_death", guest.command("drivers"), r"^ahci .* 1 +2 +1 ")
        test.end(guest)


def _take_the_stack_away(guest):
    """Leave the only processor, which idles in the kernel, no stack, by QEMU's gdb stub."""
    guest.qmp().monitor("gdbserver unix:gdb.sock,server=on,wait=off")
    answer = b""
    with connect_unix(guest.path("gdb.sock")) as connection:
        connection.settimeout(10)
        # Registers have numbers once their description was asked for; 7 is rsp, little-endian.
        for packet, done in ((b"qXfer:features:read:target.xml:0,8", rb"\$[lm]"),
                             (b"P7=1000000000000000", rb"\$(OK|E..)?#")):
            connection.sendall(b"+$%s#%02x" % (packet, sum(packet) % 256))
            answer = b""
            while not re.search(done + rb".*[0-9a-f]{2}$", answer, re.S):
                answer += connection.recv(4096)
        connection.sendall(b"+$c#63")
        time.sleep(0.2)
    return answer


@case()
def fault_in_ring_0_stops_the_machine(test):
    with test.boot(smp=1) as guest:
        guest.wait_prompt()
        time.sleep(0.5)  # now it idles
        answer = _take_the_stack_away(guest)
        test.require("debugger_takes_the_stack_away", b"$OK#" in answer, answer)
        guest.send("x")  # an interrupt has nowhere to push
        guest.expect(r"panic", 10)
        guest.expect(r"double fault", 10)
        guest.expect(r"rip ffffffff8[0-9a-f]{7} +rsp 00000000000000", 10)
        guest.expect(r"#0 +ffffffff8[0-9a-f]{7} \w+\+0x", 10)
        guest.expect(r"panic: the system is stopped", 10)
        test.record("report_has_registers_and_backtrace", PASSED)
        outcome = guest.finish(5)
    test.check("machine_is_stopped", outcome.status not in (0, 1), f"exit status {outcome.status}")
