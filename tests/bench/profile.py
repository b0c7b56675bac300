#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of an operation go, function by function.

    tests/bench/profile.py [--build BUILD] [LOAD...]     LOAD: "read 1 user", "call", ...; default: a few

Runs the counted boots with the plugin's profile, and names each address by the symbols of the kernel and
of every program (their addresses do not overlap). Inlined functions count for their callers.
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
from run import TREE, Bench, BenchError, Disk, DISK_BYTES, LATENCY_NS, LINGER_US, machine  # noqa: E402

DEFAULT = ("read 1 kernel", "read 1 user", "read 32 kernel", "read 32 user", "syscall", "call", "notify",
           "page-fault")


class Symbols:
    """Function names by address, over all images of a build."""

    def __init__(self, folder):
        self.found = []
        images = [os.path.join(folder, "kernel.elf")]
        for where, _, names in os.walk(os.path.join(folder, "drivers-user")):
            images += [os.path.join(where, name) for name in names if name + ".map" in names]
        for image in images:
            owner = "kernel" if image == images[0] else os.path.basename(image)
            for line in subprocess.run(["nm", image], capture_output=True, text=True, check=False).stdout.splitlines():
                words = line.split()
                if len(words) == 3 and words[1] in "tT":
                    self.found.append((int(words[0], 16), owner, words[2]))
        self.found.sort()
        self.starts = [one[0] for one in self.found]

    def name(self, vaddr):
        at = bisect.bisect_right(self.starts, vaddr) - 1
        return self.found[at][1:] if at >= 0 else ("?", hex(vaddr))


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


def show(line, places, symbols):
    operations = line["samples"] * line.get("per_sample", 1)
    sums = collections.Counter()
    for vaddr, count in places.items():
        sums[symbols.name(vaddr)] += count
    for idle in ("idle_poll", "idle_halt"):
        sums.pop(("kernel", idle), None)
    total = sum(sums.values()) / operations
    print(f"\n{label(line)}: {total:.1f} instructions an operation")
    for (owner, name), count in sums.most_common():
        if count / operations >= total / 200:
            print(f"  {count / operations:9.1f}  {owner:<8} {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(TREE, "build"), help="build folder")
    parser.add_argument("loads", nargs="*", default=DEFAULT)
    options = parser.parse_args(namespace=argparse.Namespace(repeat=False, quick=True))
    bench = Bench(options)
    bench.make_all()
    symbols = Symbols(bench.folder_of("phase2"))
    for name, disk in (("block", Disk(size_bytes=DISK_BYTES, latency_ns=LATENCY_NS)), ("kernel", None)):
        plugin, prefix = bench.plugged("profile-" + name, mmio=False)
        plugin += f",profile=on,linger={LINGER_US if disk else 0}"
        try:
            lines = bench.boot("profile-" + name, machine(
                bench.iso, f"idle=poll run=bench,counted{bench.word},{name}", disk, plugin, icount=disk is None))
        except BenchError as error:
            sys.exit(str(error))
        places = read_places(prefix + ".txt")
        for line in lines:
            if label(line) in options.loads:
                show(line, places[line["segment"]], symbols)


if __name__ == "__main__":
    main()
