#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of an operation, a move or a restart go: by part of the system, and by function.

    tests/bench/profile.py [--build BUILD] [LOAD...]     LOAD: "read 1 user", "call", "hot user", ...

Without LOAD: a few of each. Runs the counted boots with the plugin's profile, and names each address by the
symbols of the kernel and of every program (their addresses do not overlap). By part, an inlined function
counts where it was written; by function, for its caller.
"""
import argparse
import bisect
import collections
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import counts  # noqa: E402
from run import (TREE, Bench, BenchError, Disk, DISK_BYTES, FileDisk, LATENCY_NS, LINGER_US,  # noqa: E402
                 SlowDisk, machine)

DEFAULT = ("read 1 kernel", "read 1 user", "read 32 kernel", "read 32 user", "syscall", "call", "notify",
           "page-fault", "hot kernel", "hot user")
IDLE = ("idle_poll", "idle_halt")
PARTS = (  # the first that a source file's path begins with
    ("drivers-user/programs/", "client"), ("drivers-user/services/", "manager"), ("shim/session/", "session"),
    ("shim/drivers/", "driver"), ("shim/", "shim"), ("drivers-user/runtime/include/runtime/syscall.h", "entry and exit"),
    ("drivers-user/runtime/client", "client"), ("drivers-", "backend and class"),
    ("kernel/cpu/", "entry and exit"), ("kernel/syscall/", "entry and exit"),
    ("kernel/include/kernel/sched.h", "scheduling"), ("kernel/sched/", "scheduling"), ("kernel/mm/", "memory"),
    ("kernel/device/", "device and interrupt"), ("kernel/ipc/", "waiting and waking"), ("", "kernel, other"))


class Symbols:
    """Function names by address, over all images of a build."""

    def __init__(self, folder):
        self.found = []
        self.parts = {}
        images = [os.path.join(folder, "kernel.elf")]
        for where, _, names in os.walk(os.path.join(folder, "drivers-user")):
            images += [os.path.join(where, name) for name in names if name + ".map" in names]
        for image in images:
            owner = "kernel" if image == images[0] else os.path.basename(image)
            for line in subprocess.run(["nm", image], capture_output=True, text=True, check=False).stdout.splitlines():
                words = line.split()
                if len(words) == 3 and words[1] in "tT":
                    self.found.append((int(words[0], 16), owner, words[2], image))
        self.found.sort()
        self.starts = [one[0] for one in self.found]

    def name(self, vaddr):
        at = bisect.bisect_right(self.starts, vaddr) - 1
        return self.found[at][1:3] if at >= 0 else ("?", hex(vaddr))

    def locate(self, places):
        """Find the part of each address, inlined functions where they were written."""
        of_image = collections.defaultdict(list)
        for vaddr in places:
            at = bisect.bisect_right(self.starts, vaddr) - 1
            if at >= 0 and vaddr not in self.parts:
                of_image[self.found[at][3]].append(vaddr)
        for image, all_of_it in of_image.items():
            lines = subprocess.run(["addr2line", "-e", image], input="\n".join(map(hex, all_of_it)),
                                   capture_output=True, text=True, check=False).stdout.splitlines()
            for vaddr, line in zip(all_of_it, lines):
                path = os.path.relpath(line, TREE) if line.startswith("/") else line
                self.parts[vaddr] = next(part for prefix, part in PARTS if path.startswith(prefix))


def label(line):
    words = [line["name"]] + [str(line[key]) for key in ("queue_depth", "placement") if key in line]
    return " ".join(words)


def read_places(path):
    """(segment, vaddr) -> count."""
    found = collections.defaultdict(dict)
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.startswith("place "):
                words = dict(word.split("=") for word in line.split()[1:])
                found[int(words["segment"])][int(words["vaddr"], 16)] = int(words["count"])
    return found


def show(name, lines, places, symbols):
    operations = sum(line["samples"] * line.get("per_sample", 1) for line in lines)
    functions, parts = collections.Counter(), collections.Counter()
    for line in lines:
        symbols.locate(places[line["segment"]])
        for vaddr, count in places[line["segment"]].items():
            if symbols.name(vaddr)[1] not in IDLE:
                functions[symbols.name(vaddr)] += count
                parts[symbols.parts.get(vaddr, "?")] += count
    total = sum(functions.values()) / operations
    print(f"\n{name}: {total:.1f} instructions {'a pause' if 'pause_ns' in lines[0] else 'an operation'}")
    for part, count in parts.most_common():
        print(f"  {count / operations:9.1f}  {part}")
    print()
    for (owner, function), count in functions.most_common():
        if count / operations >= total / 200:
            print(f"  {count / operations:9.1f}  {owner:<8} {function}")


def boots(bench):
    """What to run: name, suites, disk, options of QEMU, of the plugin, whether by icount."""
    yield ("block", "block", Disk(size_bytes=DISK_BYTES, latency_ns=LATENCY_NS), (), f"profile=on,linger={LINGER_US}",
           False)
    yield "kernel", "kernel", None, (), "profile=on", True
    yield "hot", "hot", SlowDisk(bench.image), SlowDisk.OPTIONS, "profile=pauses", False
    yield "restarts", "cold,recovery", FileDisk(bench.image), (), "profile=pauses", False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(TREE, "build"), help="build folder")
    parser.add_argument("loads", nargs="*", default=DEFAULT)
    options = parser.parse_args(namespace=argparse.Namespace(repeat=False, quick=True))
    bench = Bench(options)
    bench.make_all()
    bench.make_image()
    symbols = Symbols(bench.folder_of("phase2"))
    try:
        for name, suites, disk, more, how, icount in boots(bench):
            plugin, prefix = bench.plugged("profile-" + name, mmio=False)
            lines = bench.boot("profile-" + name, machine(
                bench.iso, f"idle=poll run=bench,counted{bench.word},{suites}", disk, f"{plugin},{how}", icount, more))
            places, loads = read_places(prefix + ".txt"), collections.defaultdict(list)
            for line in lines:
                loads[label(line)].append(line)
            for load in loads:
                if load in options.loads:
                    show(load, loads[load], places, symbols)
    except BenchError as error:
        sys.exit(str(error))
    finally:
        os.unlink(bench.image)


if __name__ == "__main__":
    main()
