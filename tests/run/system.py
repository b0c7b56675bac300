#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run system suites against one build: `system.py --build build --suite boot,disk`.

Prints KTAP and, as its last line, what passed, failed and was skipped. Everything that a case left
behind is in BUILD/tests/SUITE/CASE/.
"""
import argparse
import concurrent.futures
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import ktap  # noqa: E402
import suite  # noqa: E402
from build import Build  # noqa: E402
from qemu import need_qemu  # noqa: E402

JOBS_MAX = 2  # virtual machines at once: more only disturb each other's timing
WAITING_MAX = 3  # beside them, of cases that mostly wait


def chosen_suites(text):
    """Names of suites from 'a,b' or 'all'; SystemExit tells which name is unknown."""
    known = suite.suite_names()
    if text == "all":
        return known
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            sys.exit(f"no suite '{name}'; there are: {' '.join(known)}")
    return names


def run_suites(build, names, out, jobs=JOBS_MAX, timeout_scale=1.0, case_filter="", on_case=None,
               on_suite=None):
    """Run suites; list of (name, Result) in the order asked for."""
    results = {}
    with concurrent.futures.ThreadPoolExecutor(min(jobs, JOBS_MAX)) as pool, \
            concurrent.futures.ThreadPoolExecutor(WAITING_MAX) as waiting_pool:
        waiting = []
        for name in names:
            _, cases = suite.load(name)
            cases = [case for case in cases if case_filter in f"{name}.{case.name}"]
            if not cases and case_filter:
                continue
            waiting.append((name, cases, [
                (waiting_pool if case.waits else pool).submit(
                    suite.run_case, build, name, case, os.path.join(out, name, case.name),
                            timeout_scale) for case in cases]))
        for name, cases, futures in waiting:
            finished = []
            for case, future in zip(cases, futures):
                finished.append(future.result())
                if on_case:
                    on_case(name, finished[-1])
            results[name] = suite.finish_suite(build, name, finished, os.path.join(out, name))
            if on_suite:
                on_suite(name, results[name])
    return [(name, results[name]) for name in names if name in results]


def _list(names):
    for name in names:
        description, cases = suite.load(name)
        print(f"{name:<10} {description}")
        for case in cases:
            needs = f"  (needs {', '.join(case.drivers)})" if case.drivers else ""
            print(f"    {case.name}{needs}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build folder")
    parser.add_argument("--suite", default="all", help="names, separated by commas, or all")
    parser.add_argument("--case", default="", help="only cases that have this in SUITE.CASE")
    parser.add_argument("--out", help="where results go; default BUILD/tests")
    parser.add_argument("--jobs", type=int, default=JOBS_MAX, help="virtual machines at once, at most 2")
    parser.add_argument("--timeout", type=float, default=1.0, help="factor on every time limit")
    parser.add_argument("--list", action="store_true", help="list suites and their cases")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    names = chosen_suites(arguments.suite)
    if arguments.list:
        _list(names)
        return 0
    need_qemu()
    try:
        build = Build(arguments.build)
        os.stat(build.iso)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing: build first (make O={arguments.build})")
    out = os.path.abspath(arguments.out or os.path.join(build.directory, "tests"))

    def progress(name, result):
        print(f"# {name}: {result.name}: {result.status}, {result.seconds:.1f} s", file=sys.stderr, flush=True)

    os.makedirs(out, exist_ok=True)
    started = time.monotonic()
    results = run_suites(build, names, out, max(1, arguments.jobs), arguments.timeout, arguments.case, progress)
    print(ktap.write([result for _, result in results]), end="")
    ktap.write_junit(os.path.join(out, "junit.xml"), [(f"system.{name}", result) for name, result in results])
    for _, result in results:
        for path, leaf in result.bad():
            print(f"# {leaf.status}: {path}: {leaf.reason}"[:600])
    print(f"# logs and QEMU commands in {os.path.relpath(out)}, {time.monotonic() - started:.0f} s")
    print(ktap.closing_line([result for _, result in results]))
    bad = any(result.status in (ktap.FAILED, ktap.ERROR) for _, result in results)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
