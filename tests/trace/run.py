#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""make trace-diff DRIVER=ahci: does a driver do the same to its device in ring 0, in ring 3 and on the
host? README.md tells how. Status 0: the same; 1: different, the first difference is printed; 2: no
answer. Left behind in BUILD/trace: kernel.trace, user.trace, host.trace, and one folder a boot.
"""
import argparse
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TREE, "tests", "run")]
sys.dont_write_bytecode = True

from qemu import Disk, Guest, GuestError, Machine  # noqa: E402

DISK_BYTES = 1 << 30  # TRACE_DISK_BYTES of trace_script.h
DEVICES = {"ahci": "0000:00:1f.2"}
FOLDERS = {"ahci": "block/ahci"}
MODELS = {"ahci": ("fake_ahci.c",)}
LINE = re.compile(r"(~[rwai] .*)$")
PERIOD_MAX = 4  # register reads that one poll is made of, at most
CONTEXT = 6
# Includes of the traced host build; the first that has a header wins.
INCLUDES = ("shim/trace/include", "tests/fake/include", "shim/include", "shim/lib/include", "kernel/include",
            "shim", "drivers-user/runtime/include", "tests/fake", "drivers-user/programs/systest")


class TraceError(Exception):
    """There is no trace to compare, and why."""


def events(text, device=None):
    """The trace's lines in a log; of one device, where the log has several."""
    found = [LINE.search(line) for line in text.splitlines() if not device or f"{device}: ~" in line]
    return [match[1] for match in found if match]


def collapse(trace):
    """Identical consecutive polls count as one: a poll is up to PERIOD_MAX register reads."""
    out = []
    for event in trace:
        out.append(event)
        for period in range(1, PERIOD_MAX + 1):
            last = out[-period:]
            if len(out) >= 2 * period and last == out[-2 * period:-period] and all(e.startswith("~r") for e in last):
                del out[-period:]
                break
    return out


def first_difference(one, other):
    """Index of the first event that differs, or None."""
    for index in range(max(len(one), len(other))):
        if one[index:index + 1] != other[index:index + 1]:
            return index
    return None


def explain(names, traces, index):
    """The first difference, with what was before and after it."""
    lines = [f"event {index + 1} differs:"]
    for at in range(max(0, index - CONTEXT), index):
        lines.append(f"          {traces[0][at]}")
    for name, trace in zip(names, traces):
        for at in range(index, index + 3):
            lines.append(f"  {name:<7} {trace[at] if at < len(trace) else '(end)'}")
    return "\n".join(lines)


def command(arguments, log, **options):
    """Run a tool; what it says goes to a file."""
    with open(log, "a", encoding="utf-8") as file:
        if subprocess.run(arguments, stdout=file, stderr=subprocess.STDOUT, check=False, **options).returncode:
            raise TraceError(f"{arguments[0]} failed: {log}")


def build(tree, out):
    """The trace configuration of phase 2."""
    log = f"{out}/build.log"
    os.makedirs(out, exist_ok=True)
    make = ["make", "-C", tree, f"O={out}", "--no-print-directory"]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "O")}
    command([*make, "phase2_defconfig"], log, env=environment)
    with open(f"{out}/.config", encoding="utf-8") as file:
        config = file.read()
    with open(f"{out}/.config", "w", encoding="utf-8") as file:
        file.write(config.replace("CONFIG_DEBUG_NONE=y", "CONFIG_DEBUG_TRACE=y")
                   .replace("# CONFIG_DEBUG_TRACE is not set\n", ""))
    command([*make, "olddefconfig"], log, env=environment)
    command([*make, "-j2", "iso"], log, env=environment)


def host_trace(tree, out, generated, driver):
    """Compile driver and fake with tracing, and run the script."""
    program = f"{out}/{driver}.host"
    sources = sorted(glob.glob(f"{tree}/shim/drivers/{FOLDERS[driver]}/*.c"))
    sources += [path for path in sorted(glob.glob(f"{tree}/tests/fake/*.c"))
                if not os.path.basename(path).startswith("fake_") or os.path.basename(path) in MODELS[driver]]
    sources += [f"{tree}/shim/trace/trace.c", f"{tree}/tests/trace/host.c"]
    includes = [f"-I{tree}/{folder}" for folder in INCLUDES] + [f"-I{generated}/include"]
    command(["gcc", "-std=gnu11", "-g", "-Wall", *includes, "-o", program, *sources], f"{out}/host.log")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TraceError(f"{program}: {done.stderr.strip()}")
    return collapse(events(done.stdout))


def ring_trace(out, iso, driver, ring):
    """Boot with the driver in one ring, and run the script."""
    machine = Machine(iso=iso, cmdline=f"{driver}={ring} run=systest,scratch,trace", smp=1,
                      disks=[Disk(size_bytes=DISK_BYTES)])
    directory = f"{out}/boot-{ring}"
    os.makedirs(directory, exist_ok=True)
    with Guest(machine, directory, f"trace of {driver} in ring {ring}") as guest:
        outcome = guest.finish()
    if "\nok 1 script_runs" not in outcome.debugcon:
        raise TraceError(f"the script did not run to its end: {directory}/debugcon.log")
    return collapse(events(outcome.debugcon, DEVICES[driver]))


def save(out, name, trace):
    with open(f"{out}/{name}.trace", "w", encoding="utf-8") as file:
        file.write("\n".join(trace) + "\n")


def compare(traces):
    """Text about the first of several named traces that differs from the first one, or None."""
    names = list(traces)
    for other in names[1:]:
        pair = (traces[names[0]], traces[other])
        index = first_difference(*pair)
        if index is not None:
            return explain((names[0], other), pair, index)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build folder; BUILD/trace is used")
    parser.add_argument("--driver", default="ahci", choices=sorted(DEVICES))
    parser.add_argument("--user-tree", help="take ring 3 from another source tree (for seeded differences)")
    arguments = parser.parse_args()
    out = os.path.abspath(f"{arguments.build}/trace")
    try:
        build(TREE, out)
        traces = {"kernel": ring_trace(out, f"{out}/eft.iso", arguments.driver, "kernel")}
        user = out
        if arguments.user_tree:
            user = f"{out}/other"
            build(os.path.abspath(arguments.user_tree), user)
        traces["user"] = ring_trace(out, f"{user}/eft.iso", arguments.driver, "user")
        traces["host"] = host_trace(TREE, out, out, arguments.driver)
    except (TraceError, GuestError) as error:
        print(f"trace-diff {arguments.driver}: {error}")
        return 2
    for name, trace in traces.items():
        save(out, name, trace)
    if not traces["kernel"]:
        print(f"trace-diff {arguments.driver}: the trace is empty: {out}/boot-kernel/debugcon.log")
        return 2
    difference = compare(traces)
    print(f"trace-diff {arguments.driver}: " + (difference or
          f"{len(traces['kernel'])} events, the same in ring 0, in ring 3 and on the host"))
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
