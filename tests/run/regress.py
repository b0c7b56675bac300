#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the system suites for several configurations, each built out of tree, and print one table.

Left behind: OUT/CONFIG/SUITE/{.config,serial.log,qemu.cmd,result.ktap}, OUT/CONFIG/build (the
build), OUT/results.json, OUT/junit.xml.
"""
import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import ktap  # noqa: E402
import suite  # noqa: E402
from build import Build, read_config  # noqa: E402
from system import JOBS_MAX, chosen_suites, run_suites  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICK = ("phase1", "phase2", "phase3", "minimal")
ORDER = ("phase1", "phase2", "phase2-fixed", "phase3", "phase3-fixed", "all-kernel", "all-user", "minimal")
BUILD = "build"  # the column that tells whether a configuration could be built


def configurations():
    """Every configuration of the tree, the phases first."""
    names = sorted(name[:-len("_defconfig")] for name in os.listdir(os.path.join(TREE, "configs"))
                   if name.endswith("_defconfig"))
    return [name for name in ORDER if name in names] + [name for name in names if name not in ORDER]


def chosen_configurations(text, quick):
    known = configurations()
    names = QUICK if quick else known if text == "all" else [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            sys.exit(f"no configuration '{name}'; there are: {' '.join(known)}")
    return list(names)


def command_for(config, name):
    """The one command that reproduces a cell of the table."""
    return f"make regress CONFIG={config}" + (f" SUITE={name}" if name != BUILD else "")


class Progress:
    """A line a finished cell, with the time that is probably left."""

    def __init__(self, cells):
        self.cells, self.done = cells, 0
        self.started = time.monotonic()

    def tell(self, config, name, text):
        self.done += 1
        spent = time.monotonic() - self.started
        left = spent / self.done * (self.cells - self.done)
        print(f"[{self.done:3}/{self.cells}] {config:<13} {name:<10} {text}"
              + (f", about {left:.0f} s left" if self.done < self.cells else ""), flush=True)


class Row:
    """Results of one configuration."""

    def __init__(self, config, out):
        self.config, self.folder = config, os.path.join(out, config)
        self.build_folder = os.path.join(self.folder, BUILD)
        self.same_as = ""
        self.cells = {}

    def make(self, *goals):
        """Run make for this configuration; a Result that holds the end of what it said."""
        os.makedirs(self.build_folder, exist_ok=True)
        started = time.monotonic()
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "CONFIG", "SUITE")}
        log_path = os.path.join(self.folder, f"{goals[0]}.log")
        with open(log_path, "w", encoding="utf-8") as log:
            status = subprocess.call(["make", "-C", TREE, "-j2", f"O={self.build_folder}", *goals],
                                     stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                     env=environment)
        seconds = time.monotonic() - started
        if status == 0:
            return ktap.Result(BUILD, ktap.PASSED, "", seconds)
        with open(log_path, encoding="utf-8", errors="replace") as log:
            last = [line.strip() for line in log if line.strip()][-3:]
        return ktap.Result(BUILD, ktap.ERROR, f"make {goals[0]} failed: {' | '.join(last)}", seconds)

    def complete(self, names):
        return all(name in self.cells for name in [BUILD, *names])

    def content(self):
        """What is configured, without the configuration's name: equal content, equal image."""
        config = read_config(os.path.join(self.build_folder, ".config"))
        config.pop("CONFIGURATION", None)
        return tuple(sorted(config.items()))


def summary(result):
    """Text of one cell: checks that passed, + those skipped; FAIL with failed of all; ERROR."""
    counts = result.count()
    total = sum(counts.values())
    if result.status == ktap.ERROR:
        return "ERROR"
    if result.status == ktap.FAILED:
        return f"FAIL {counts[ktap.FAILED]}/{total}"
    if result.status == ktap.SKIPPED:
        return "skipped"
    return f"{counts[ktap.PASSED]} ok" + (f" +{counts[ktap.SKIPPED]}" if counts[ktap.SKIPPED] else "")


def run_row(row, rows, names, arguments, progress):
    """Configure, build and test one configuration, or take over an equal one's results."""
    built = row.make(f"{row.config}_defconfig")
    if built.status == ktap.PASSED:
        twin = next((other for other in rows if not other.same_as
                     and other.cells[BUILD].status == ktap.PASSED and other.content() == row.content()), None)
        if twin:
            row.same_as, row.cells = twin.config, dict(twin.cells)
            progress.done += len(names)
            progress.tell(row.config, "all", f"same configuration as {twin.config}: its results hold")
            return
        built = row.make("all")
        if built.status == ktap.PASSED and not os.path.exists(os.path.join(row.build_folder, "eft.iso")):
            built = ktap.Result(BUILD, ktap.ERROR, "make all left no eft.iso", built.seconds)
        if built.status == ktap.PASSED:  # which drivers' code is in the kernel, and how much code there is
            built = row.make("checks", "T=ring0")
    row.cells = {BUILD: built, **row.cells}
    progress.tell(row.config, BUILD, f"{built.status}, {built.seconds:.0f} s")
    if built.status != ktap.PASSED:
        for name in names:
            row.cells[name] = ktap.Result(name, ktap.ERROR, "not built")
        progress.done += len(names)
        return
    wanted = [name for name in names if name not in row.cells]

    def on_suite(name, result):
        progress.tell(row.config, name, f"{summary(result)}, {result.seconds:.0f} s")

    row.cells.update(run_suites(Build(row.build_folder), wanted, row.folder, arguments.jobs,
                                arguments.timeout, on_suite=on_suite))


def print_table(rows, names):
    columns = [BUILD, *names]
    width = max(len(name) for name in [*columns, "FAIL 99/999"]) + 1
    print("\n" + f"{'configuration':<14}" + "".join(f"{name:<{width}}" for name in columns))
    for row in rows:
        if row.same_as:
            print(f"{row.config:<14}= {row.same_as} (identical but for its name; run once)")
            continue
        cells = [summary(row.cells[name]) if name in row.cells else "-" for name in columns]
        print(f"{row.config:<14}" + "".join(f"{cell:<{width}}" for cell in cells).rstrip())
    print()


def print_failures(rows):
    """For each cell that is not as it should be: what, and the command that shows it again."""
    for row in rows:
        if row.same_as:
            continue
        for name, result in row.cells.items():
            if result.status not in (ktap.FAILED, ktap.ERROR) or result.reason == "not built":
                continue
            bad = result.bad()
            print(f"{row.config} {name}: {command_for(row.config, name)}")
            for path, leaf in bad[:5]:
                print(f"    {leaf.status}: {path}: {leaf.reason}"[:400])
            if len(bad) > 5:
                print(f"    and {len(bad) - 5} more in {row.folder}/{name}/result.ktap")


def earlier_cells(out):
    """What results.json holds from the last run."""
    try:
        with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
            return json.load(file)["cells"]
    except (FileNotFoundError, ValueError, KeyError):
        return []


def write_results(rows, out, seconds):
    """results.json, where cells that did not run now keep what they were; junit.xml of this run."""
    records = []
    for row in rows:
        for name, result in row.cells.items():
            records.append({"configuration": row.config, "suite": name, "same_as": row.same_as or None,
                            "status": result.status, "seconds": round(result.seconds, 3),
                            "counts": result.count(), "command": command_for(row.config, name),
                            "result": result.as_dict()})
    ran = {(record["configuration"], record["suite"]) for record in records}
    records += [cell for cell in earlier_cells(out) if (cell["configuration"], cell["suite"]) not in ran]
    with open(os.path.join(out, "results.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 1, "seconds": round(seconds, 1), "cells": records}, file, indent=1)
    ktap.write_junit(os.path.join(out, "junit.xml"),
                     [(f"regress.{row.config}.{name}", result) for row in rows if not row.same_as
                      for name, result in row.cells.items()])


def keep_passed(rows, names, out):
    """Give each row what passed in the last run, so that only the rest runs."""
    cells = earlier_cells(out)
    if not cells:
        sys.exit(f"--only-failed needs an earlier run, and {out}/results.json holds none")
    for row in rows:
        row.cells = {cell["suite"]: ktap.Result.from_dict(cell["result"]) for cell in cells
                     if cell["configuration"] == row.config and not cell["same_as"]
                     and cell["suite"] in [BUILD, *names] and cell["status"] in (ktap.PASSED, ktap.SKIPPED)}
        if not row.complete(names):
            row.cells.pop(BUILD, None)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", default="all", help="names, separated by commas, or all")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--suite", "--suites", default="all", help="names, separated by commas, or all")
    parser.add_argument("--jobs", type=int, default=JOBS_MAX, help="virtual machines at once, at most 2")
    parser.add_argument("--out", default="build/regress", help="where everything goes")
    parser.add_argument("--timeout", type=float, default=1.0, help="factor on every time limit")
    parser.add_argument("--only-failed", action="store_true", help="run again what failed last time")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    out = os.path.abspath(arguments.out)
    names = chosen_suites(arguments.suite)
    rows = [Row(config, out) for config in chosen_configurations(arguments.configs, arguments.quick)]
    if arguments.only_failed:
        keep_passed(rows, names, out)
    os.makedirs(out, exist_ok=True)
    started = time.monotonic()
    progress = Progress(sum(1 + len(names) - len(row.cells) for row in rows))
    for row in rows:
        if not row.complete(names):
            run_row(row, rows[:rows.index(row)], names, arguments, progress)
    seconds = time.monotonic() - started
    print_table(rows, names)
    print_failures(rows)
    write_results(rows, out, seconds)
    print(f"{seconds:.0f} s; everything is in {os.path.relpath(out)}")
    results = [result for row in rows if not row.same_as for result in row.cells.values()]
    print(ktap.closing_line(results))
    return 1 if any(result.status in (ktap.FAILED, ktap.ERROR) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
