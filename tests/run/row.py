#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""row.py ROWS NAME: build one configuration, run its suites, print one line `@cell {json}` a cell.

What regress.py starts, here or on another machine. ROWS is its list of what to run. The build happens in
OUT/lane-N: rows that follow each other there compile again only what their configuration changes.
"""
import argparse
import json
import glob
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import ktap  # noqa: E402
from build import Build  # noqa: E402
from events import BUILD, tell  # noqa: E402
from system import run_suites  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEPT = ("eft.iso", ".config", "kernel.elf", "kernel.map", "drivers.list")
OURS = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "T", "CONFIG", "SUITE", "SEED", "JOBS", "VERSION")


class Row:
    """One configuration while it is built."""

    def __init__(self, record, version, arguments):
        self.name, self.kind, self.text = record["name"], record["kind"], record["text"]
        self.seed = record["seed"]
        self.folder = os.path.join(arguments.out, self.name)
        self.lane = os.path.join(arguments.out, f"lane-{arguments.lane}")
        self.version, self.jobs = version, arguments.jobs
        self.seconds = 0.0

    def make(self, *goals, **environment):
        """Run make in the lane; "" or what it said last."""
        started = time.monotonic()
        path = os.path.join(self.folder, f"{goals[0]}.log")
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        with open(path, "w", encoding="utf-8") as log:
            status = subprocess.call(["make", "-C", TREE, f"-j{self.jobs}", f"O={self.lane}", f"VERSION={self.version}",
                                      *goals], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                     env={**kept, **environment})
        self.seconds += time.monotonic() - started
        if status == 0:
            return ""
        with open(path, encoding="utf-8", errors="replace") as log:
            said = [line.strip() for line in log if line.strip() and not line.startswith("make: ")]
        return f"make {goals[0]} failed: {' | '.join(said[-3:])}"

    def configure(self):
        if self.kind == "config":
            return self.make(f"{self.name}_defconfig")
        if self.kind == "randconfig":
            return self.make("randconfig", KCONFIG_SEED=str(self.seed))
        with open(os.path.join(self.lane, ".config"), "w", encoding="utf-8") as file:
            file.write(self.text)
        return ""

    def programs(self):
        """Each has a map beside it; with their symbols, for debuggers."""
        maps = glob.glob("drivers-user/*/*.map", root_dir=self.lane)
        return [name[:-len(".map")] for name in sorted(maps)]

    def build(self):
        """Result of the build; its products are then in OUT/NAME/build."""
        os.makedirs(self.folder, exist_ok=True)
        os.makedirs(self.lane, exist_ok=True)
        iso = os.path.join(self.lane, "eft.iso")
        if os.path.exists(iso):  # the last row's: what is there afterwards is of this one
            os.unlink(iso)
        said = self.configure() or self.make("all")
        if not said and not os.path.exists(iso):
            said = "make all left no eft.iso"
        # Which drivers' code is in the kernel, and how much code there is.
        said = said or self.make("checks", "T=ring0")
        if not said:
            folder = os.path.join(self.folder, BUILD)
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            for name in (*KEPT, *self.programs()):
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                shutil.copyfile(os.path.join(self.lane, name), os.path.join(folder, name))
        return ktap.Result(BUILD, ktap.ERROR if said else ktap.PASSED, said, self.seconds)


def run(record, version, arguments):
    row = Row(record, version, arguments)
    built = row.build()
    tell(row.name, BUILD, built)
    for name in record["suites"]:
        if built.status != ktap.PASSED:
            tell(row.name, name, ktap.Result(name, ktap.ERROR, "not built"))
    if built.status == ktap.PASSED:
        run_suites(Build(os.path.join(row.folder, BUILD)), record["suites"], row.folder, arguments.jobs,
                   arguments.timeout, on_suite=lambda name, result: tell(row.name, name, result))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", help="list of rows, written by regress.py")
    parser.add_argument("name", help="the one to run")
    parser.add_argument("--out", required=True, help="where everything goes")
    parser.add_argument("--lane", type=int, default=1, help="number of the build folder")
    parser.add_argument("--jobs", type=int, default=1, help="virtual machines at once")
    parser.add_argument("--timeout", type=float, default=1.0, help="factor on every time limit")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    arguments.out = os.path.abspath(arguments.out)
    with open(arguments.rows, encoding="utf-8") as file:
        listed = json.load(file)
    run(next(record for record in listed["rows"] if record["name"] == arguments.name), listed["version"], arguments)


if __name__ == "__main__":
    main()
