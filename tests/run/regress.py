#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build many configurations, run the system suites for each, and print one table.

Rows: configs/, a pairwise cover of all placements, random ones (placements.py); columns: suites. Left behind
in OUT: table.txt, results.json, results.ktap, junit.xml, CONFIG/build, and
CONFIG/SUITE/{.config,serial.log,qemu.cmd,result.ktap}.
"""
import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import engine  # noqa: E402
import events  # noqa: E402
import ktap  # noqa: E402
import suite  # noqa: E402
from events import BUILD  # noqa: E402
from placements import RANDCONFIG, Matrix  # noqa: E402
from qemu import need_qemu  # noqa: E402
from system import chosen_suites  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICK = ("phase1", "phase2", "phase3", "minimal")
SEEDS, BUILD_SEEDS = 8, 2  # of random placements, and of configurations that are only built
ONCE_IN = "phase2"         # where suites run to which placement does not matter, if it is among the rows
NO_RESULT = "no result"
GUESS_S = 5.0              # for a cell nobody has timed yet


class Row:
    """Results of one configuration."""

    def __init__(self, configuration, suites):
        self.configuration, self.name = configuration, configuration.name
        self.suites = suites
        self.twin = None  # an earlier row that is the same but for its name: its results hold
        self.results = {}

    @property
    def cells(self):
        return self.twin.cells if self.twin else {name: self.results[name] for name in [BUILD, *self.suites]
                                                  if name in self.results}

    def command(self, suite):
        """The one command that reproduces a cell of the table."""
        return f"make regress {self.configuration.arguments} SUITE={suite}"


def find_twins(rows, content):
    """Rows that Kconfig makes the same of run once."""
    known = {}
    for row in rows:
        if row.configuration.text:
            first = known.setdefault(content(row.configuration.text), row)
            row.twin = first if first is not row else None


def run_once(rows, placement_matters):
    """Keep the suites that say the same of every configuration in one row."""
    candidates = [row for row in rows if not row.twin and row.suites]
    chosen = next((row for row in candidates if row.name == ONCE_IN), candidates[0] if candidates else None)
    for row in candidates:
        row.suites = [name for name in row.suites if row is chosen or placement_matters(name)]


class Progress:
    """A line a finished cell; on a terminal one line that changes. Both with the time probably left."""

    def __init__(self, rows, out, width):
        self.rows, self.width = [row for row in rows if not row.twin], width
        self.seconds = {(cell["configuration"], cell["suite"]): cell["seconds"] for cell in earlier_cells(out)}
        self.terminal = sys.stdout.isatty()
        self.started = time.monotonic()
        self.cells = sum(1 + len(row.suites) for row in self.rows)
        self.known = sum(len(row.results) for row in self.rows)

    def _left(self):
        """Seconds: what the cells that are missing took the last time, at the speed of this run."""
        by_suite = {}
        for row in self.rows:
            for name, result in row.results.items():
                by_suite.setdefault(name, []).append(result.seconds)

        def expected(row, name):
            seen = by_suite.get(name)
            return self.seconds.get((row.name, name), sum(seen) / len(seen) if seen else GUESS_S)
        done = sum(expected(row, name) for row in self.rows for name in row.results)
        missing = sum(expected(row, name) for row in self.rows for name in [BUILD, *row.suites]
                      if name not in row.results)
        return (time.monotonic() - self.started) * missing / max(done, 1.0)

    def tell(self, row, name, result):
        finished = sum(len(row.results) for row in self.rows)
        left = f", about {self._left():.0f} s left" if finished < self.cells else ""
        line = f"[{finished:3}/{self.cells}] {row.name:<{self.width}} {name:<10} {summary(result)}, " \
               f"{result.seconds:.0f} s{left}"
        if not self.terminal:
            print(line, flush=True)
        elif result.status in (ktap.FAILED, ktap.ERROR):
            print(f"\r\033[K{line}", flush=True)
        else:
            print(f"\r\033[K{line}"[:110], end="", flush=True)

    def close(self):
        if self.terminal:
            print("\r\033[K", end="")


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


def table(rows, suites):
    columns = [BUILD, *suites]
    lines = [["configuration", *columns]]
    for row in rows:
        lines.append([row.name] + ([f"= {row.twin.name}"] if row.twin else
                                   [summary(row.cells[name]) if name in row.cells else "-" for name in columns]))
    widths = [max(len(line[column]) for line in lines if column < len(line) and not line[column].startswith("= "))
              for column in range(len(columns) + 1)]
    return "".join("  ".join(f"{word:<{width}}" for word, width in zip(line, widths)).rstrip() + "\n" for line in lines)


def explanations(rows, out):
    """Below the table: what each row is, which suites it skips and why; what is wrong, with its command."""
    lines = []
    for row in rows:
        if row.twin:
            continue
        if row.configuration.kind == RANDCONFIG:
            lines.append(f"{row.name} is only built: whether it can run, chance does not know")
        reasons = {}
        for name, result in row.cells.items():
            if result.status == ktap.SKIPPED:
                reason = "; ".join(dict.fromkeys(leaf.reason for leaf in result.leaves()))
                reasons.setdefault(reason, []).append(name)
        lines += [f"{row.name} skips {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    for row in rows:
        missing = [name for name, result in row.results.items() if result.reason.startswith(NO_RESULT)]
        if len(missing) > 1:  # one line for all that the row did not come to
            lines.append(f"{row.name}, {len(missing)} cells: make regress {row.configuration.arguments}")
            lines.append(f"    {ktap.ERROR}: {row.results[missing[0]].reason}"[:400])
        for name, result in row.results.items():
            if (result.status not in (ktap.FAILED, ktap.ERROR) or result.reason == "not built"
                    or len(missing) > 1 and name in missing):
                continue
            bad = result.bad()
            lines.append(f"{row.name} {name}: {row.command(name)}")
            lines += [f"    {leaf.status}: {path}: {leaf.reason}"[:400] for path, leaf in bad[:5]]
            if len(bad) > 5:
                lines.append(f"    and {len(bad) - 5} more in {out}/{row.name}/{name}/result.ktap")
    return "".join(line + "\n" for line in lines)


def earlier_cells(out):
    """What results.json holds from the last run."""
    try:
        with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
            return json.load(file)["cells"]
    except (FileNotFoundError, ValueError, KeyError):
        return []


def write_results(rows, suites, out, seconds, whole):
    """table.txt, results.ktap, junit.xml; results.json, where what did not run now stays if not all ran."""
    records = []
    for row in rows:
        for name, result in row.cells.items():
            records.append({"configuration": row.name, "suite": name, "same_as": row.twin.name if row.twin else None,
                            "arguments": row.configuration.arguments, "text": row.configuration.text,
                            "status": result.status, "seconds": round(result.seconds, 3),
                            "counts": result.count(), "command": row.command(name),
                            "result": result.as_dict()})
    if not whole:
        ran = {(record["configuration"], record["suite"]) for record in records}
        records += [cell for cell in earlier_cells(out) if (cell["configuration"], cell["suite"]) not in ran]
    with open(os.path.join(out, "results.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 1, "seconds": round(seconds, 1), "cells": records}, file, indent=1)
    with open(os.path.join(out, "table.txt"), "w", encoding="utf-8") as file:
        file.write(table(rows, suites) + "\n" + explanations(rows, os.path.relpath(out)))
    with open(os.path.join(out, "results.ktap"), "w", encoding="utf-8") as file:
        file.write(ktap.write([
            ktap.Result(row.name, ktap.SKIPPED, f"the same configuration as {row.twin.name}") if row.twin else
            ktap.group(row.name, list(row.cells.values())) for row in rows]))
    ktap.write_junit(os.path.join(out, "junit.xml"),
                     [(f"regress.{row.name}.{name}", result) for row in rows for name, result in row.results.items()])


def complete(rows, lost):
    """A cell without a result proves nothing, and is no pass: what became of its row is its error."""
    for row in rows:
        for name in [BUILD, *row.suites]:
            if not row.twin and name not in row.results:
                row.results[name] = ktap.Result(name, ktap.ERROR, f"{NO_RESULT}: {lost.get(row.name) or 'cut short'}")


def version():
    done = subprocess.run(["git", "-C", TREE, "describe", "--always", "--dirty", "--tags"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.strip() or "unknown"


def run_rows(rows, arguments, out):
    """Run what is missing: the largest configurations first, last those that have nothing in common."""
    width = max(len(row.name) for row in rows)
    progress = Progress(rows, out, width)
    by_name = {row.name: row for row in rows}
    todo = [row for row in rows if not row.twin and any(name not in row.results for name in row.suites or [BUILD])]
    for row in todo:
        row.results.pop(BUILD, None)
    todo.sort(key=lambda row: (row.configuration.kind == RANDCONFIG, row.configuration.text.count(" is not set")))
    rows_path = os.path.join(out, "rows.json")
    with open(rows_path, "w", encoding="utf-8") as file:
        json.dump({"version": version(), "rows": [
            {"name": row.name, "kind": row.configuration.kind, "text": row.configuration.text,
             "seed": row.configuration.seed, "suites": [name for name in row.suites if name not in row.results]}
            for row in todo]}, file, indent=1)

    def on_line(line):
        event = events.read(line)
        row = by_name.get(event[0]) if event else None
        if row and event[1] in [BUILD, *row.suites]:
            row.results[event[1]] = event[2]
            progress.tell(row, event[1], event[2])

    options = ["--timeout", str(arguments.timeout)]
    what = (TREE, rows_path, [row.name for row in todo], out, options)
    machines = (engine.Spread(*what, arguments.sshlogins) if arguments.sshlogins else
                engine.Here(*what, arguments.jobs))
    lost = {}
    try:
        if todo:
            lost = machines.run(on_line)
    except KeyboardInterrupt:
        lost = {row.name: "interrupted" for row in rows}
    progress.close()
    complete(rows, lost)


def select(arguments, out):
    """(rows, whether they are all there are)."""
    seeds = arguments.seed or [random.SystemRandom().randrange(1, 10**6) for _ in range(SEEDS)]
    words = [word for word in arguments.configs.split(",") if word]
    suites = [] if arguments.suite == BUILD else chosen_suites(arguments.suite)
    matrix = Matrix(TREE)
    whole = not (words or arguments.quick or arguments.seed or arguments.only_failed) and arguments.suite == "all"
    earlier = earlier_cells(out) if arguments.only_failed else []
    if arguments.only_failed and not earlier:
        sys.exit(f"ONLY_FAILED needs an earlier run, and {os.path.relpath(out)}/results.json holds none")
    if arguments.only_failed and not words and not arguments.quick and not arguments.seed:
        found = {}
        for text in dict.fromkeys(cell["arguments"] for cell in earlier):
            again = dict(word.split("=") for word in text.split())
            number = [int(again["SEED"])] if "SEED" in again else []
            found.update((row.name, row) for row in matrix.chosen([again["CONFIG"]], number, number))
        configurations = list(found.values())
    else:
        words = words or (QUICK if arguments.quick else ["random"] if arguments.seed else ["all"])
        configurations = matrix.chosen(words, seeds, arguments.seed or seeds[:BUILD_SEEDS])
    rows = [Row(configuration, [] if configuration.kind == RANDCONFIG else suites) for configuration in configurations]
    find_twins(rows, matrix.kconfig.content)
    run_once(rows, suite.placement_matters)
    for cell in earlier:  # what passed in the last run need not run again
        for row in rows:
            if (row.name == cell["configuration"] and not row.twin and cell["text"] == row.configuration.text
                    and cell["suite"] in [BUILD, *row.suites] and cell["status"] in (ktap.PASSED, ktap.SKIPPED)):
                row.results[cell["suite"]] = ktap.Result.from_dict(cell["result"])
    return rows, suites, whole


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", default="", help="all, pairwise, random, randconfig, names; separated by commas")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--suite", "--suites", default="all", help="names, separated by commas, all, or build: none")
    parser.add_argument("--seed", default="", help="of random configurations, instead of fresh ones")
    parser.add_argument("--jobs", default=str(len(os.sched_getaffinity(0))), help="rows at once on this machine")
    parser.add_argument("--sshlogins", default="", help="machines, as GNU parallel spells them: 2/:,4/user@host")
    parser.add_argument("--out", default="build/regress", help="where everything goes")
    parser.add_argument("--timeout", type=float, default=1.0, help="factor on every time limit")
    parser.add_argument("--only-failed", action="store_true", help="run again what failed last time")
    parser.add_argument("--list", action="store_true", help="say what would run")
    arguments = parser.parse_args()
    arguments.seed = numbers("SEED", arguments.seed)
    arguments.jobs = max(numbers("JOBS", arguments.jobs))
    return arguments


def numbers(name, text):
    """[1, 2] from '1,2'."""
    if not re.fullmatch(r"(\d+(,\d+)*)?", text):
        sys.exit(f"{name}={text} is no number; {name}= takes one, or several as 1,2")
    return [int(word) for word in text.split(",") if word]


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = parse_arguments()
    out = os.path.abspath(arguments.out)
    rows, suites, whole = select(arguments, out)
    if arguments.list:
        for row in rows:
            print(row.name, f"= {row.twin.name}" if row.twin else " ".join(
                name for name in [BUILD, *row.suites] if name not in row.results))
        return 0
    if not arguments.sshlogins:
        need_qemu()
    os.makedirs(out, exist_ok=True)
    chance = sorted({row.configuration.seed for row in rows if row.configuration.seed is not None})
    if chance:
        print(f"seeds: {' '.join(map(str, chance))} (SEED=N repeats one)", flush=True)
    started = time.monotonic()
    run_rows(rows, arguments, out)
    seconds = time.monotonic() - started
    write_results(rows, suites, out, seconds, whole)
    print("\n" + table(rows, suites) + "\n" + explanations(rows, os.path.relpath(out)), end="")
    print(f"{seconds:.0f} s; everything is in {os.path.relpath(out)}")
    results = [result for row in rows for result in row.results.values()]
    print(ktap.closing_line(results))
    return 1 if any(result.status in (ktap.FAILED, ktap.ERROR) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
