#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make debug` and gdb: a breakpoint stops in the kernel, and in a driver whichever ring it is in, with
the names of the callers; a backtrace goes on from the kernel into the program that called it or that it
interrupted; eft-ps and eft-where know the processes, also those that no CPU runs."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from common import TREE, drivers, main, read

DRIVER = "uart"
SECONDS = 60
CALLER = {"kernel": "kernel_main", "user": "_start"}  # who called, in the end


def wait_for(path, process):
    end = time.monotonic() + SECONDS
    while not os.path.exists(path):
        if process.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def attach(build, script, seconds):
    """What gdb says when it attaches by `script` to a fresh machine, and runs to the two breakpoints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    with tempfile.TemporaryDirectory() as folder:
        machine = subprocess.Popen(["make", "-s", f"O={build}", f"DISK={folder}/disk.img", "debug"], cwd=TREE,
                                   env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            if not wait_for(f"{build}/gdb.sock", machine):
                return "the machine did not start: " + machine.communicate(timeout=SECONDS)[0]
            commands = ["break kernel_main", f"break {DRIVER}_probe", "continue", "delete 1", "continue",
                        "backtrace", "print $cs & 3", "delete",
                        "break sys_log_write", "continue", "echo [call]\\n", "backtrace", "delete",
                        "break page_fault_resolve", "continue", "echo [trap]\\n", "backtrace",
                        "echo [ps]\\n", "eft-ps", "echo [manager]\\n", "eft-where manager", "echo [again]\\n", "backtrace"]
            words = [word for command in commands for word in ("-ex", command)]
            done = subprocess.run(["gdb", "-q", "-batch", "-x", script, *words], text=True, timeout=seconds,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.stdout
        except subprocess.TimeoutExpired:
            return f"no answer for {seconds} s"
        finally:
            if machine.poll() is None:
                os.killpg(machine.pid, signal.SIGTERM)
                machine.wait()
            if os.path.exists(f"{build}/gdb.sock"):
                os.unlink(f"{build}/gdb.sock")


# What gdb says in each part of its output, in this order.
ENTRY = r"<signal handler called>"
WANTED = {
    "call": r"\n#0 +sys_log_write .*" + ENTRY + r".* _start \(\)",
    "trap": r"\n#0 .* trap_user .*" + ENTRY + r".* _start \(\)",
    "ps": rf"\n +\d+ manager .* \w+ \(.*\.[ch]:\d+\).*\n +\d+ {DRIVER} ",
    "manager": r"manager \(pid 1\), thread \d+, \w+:.* main \(.* _start \(\)",
    "again": r"\n#0 .* trap_user .*" + ENTRY + r".* _start \(\)",
}


def examine(build, script, seconds=SECONDS):
    driver = next((driver for driver in drivers(build) if driver.name == DRIVER), None)
    if driver is None:
        return []
    ring = {"y": "kernel", "m": "user"}[driver.configured]
    said = attach(build, script, seconds)
    wanted = ("kernel_main (", f"{DRIVER}_probe (", CALLER[ring], f"= {3 if ring == 'user' else 0}\n")
    missing = [f"'{words.strip()}'" for words in wanted if words not in said]
    for part, pattern in WANTED.items():
        text = said.partition(f"[{part}]")[2].partition("\n[")[0]
        if not re.search(pattern, text, re.S):
            missing.append(f"/{pattern}/ in part {part}")
    return [f"gdb did not say {words}: {said[-6000:]}" for words in missing][:1]


def check(_tree, build):
    return examine(build, f"{build}/eft.gdb")


def self_test():
    """Without the drivers' symbols it must not pass."""
    build = os.path.abspath(sys.argv[sys.argv.index("--build") + 1] if "--build" in sys.argv else "build")
    if not drivers(build):
        return
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as script:
        script.write(read(f"{build}/eft.gdb").replace(f"{build}/kernel.elf", "/bin/true").replace("add-symbol-file", "#"))
        script.flush()
        assert examine(build, script.name, 8), "a debugger without symbols was accepted"


if __name__ == "__main__":
    main(check, self_test)
