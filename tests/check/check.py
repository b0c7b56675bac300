#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""check.py --build BUILD [--filter TEXT] PART...: run unit tests, checks and system suites; count them.

unit    every BUILD/tests/unit/*_test whose source is in the tree, with its TAP output in BUILD/check/
fuzzers every fuzz target (tests/unit/*_fuzz_test.c) with libFuzzer, for a fixed number of runs of a fixed seed
checks  every script below that has a check() and a self_test(), first the self-test, then the tree; and
        the self-tests of tests/run, tests/bench and tests/trace
page    tests/bench/pagetest.py: report, reference and picture in a browser, if there is one
models  tests/models/run.py: the protocols in Spin, and the bugs that it must find
system  tests/run/system.py, all suites
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECKS = ("rule1", "ring0", "rule2", "backends", "folders", "state", "config", "format", "reference", "links", "protocol",
          "incremental", "debugger", "errors", "sparse")
HARNESSES = {"harness": "tests/run/selftest.py", "bench": "tests/bench/selftest.py",
             "trace": "tests/trace/selftest.py"}
SKIPPED = 4  # exit status: what a test needs is not installed, its last line says what
UNIT_SECONDS = 120
FUZZ_RUNS = 10000
PLAN = re.compile(r"1\.\.(\d+)")
RESULT = re.compile(r"(not ok|ok) \d+(?: - | # )?(.*)")
CLOSING = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")


class Counts:
    """What passed, failed and was skipped so far, and a line for each file."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, kind, name, passed, failed, skipped, details=()):
        self.passed, self.failed, self.skipped = self.passed + passed, self.failed + failed, self.skipped + skipped
        word = "FAIL" if failed else "ok" if passed else "skip"
        numbers = f"{passed} passed" + f", {failed} failed" * (failed > 0) + f", {skipped} skipped" * (skipped > 0)
        print(f"  {word:<7} {kind} {name}: {numbers}", flush=True)
        for line in details:
            print("          " + line, flush=True)


def judge_tap(text, status):
    """(passed, failed, skipped, names of what failed) of a test program's output and exit status.

    A skip is "not ok 2 # SKIP name" to cmocka 1.1.5. Tests that were announced and did not report, no
    plan at all, and a bad status without a failed test count as one failure: a crash is not a pass.
    """
    planned = sum(int(number) for number in PLAN.findall(text))
    passed = skipped = 0
    failures = []
    for word, rest in RESULT.findall(text):
        if "SKIP" in rest:
            skipped += 1
        elif word == "ok":
            passed += 1
        else:
            failures.append(rest)
    reported = passed + skipped + len(failures)
    if reported != planned or planned == 0:
        failures.append(f"{planned} tests announced, {reported} reported, exit status {status}")
    elif status != 0 and not failures:
        failures.append(f"exit status {status}, though no test failed")
    return passed, len(failures), skipped, failures


def run_unit(build, text, counts):
    """One line a test program; sanitizer reports and failed assertions are shown."""
    log_folder = os.path.join(build, "check")
    os.makedirs(log_folder, exist_ok=True)
    for source in sorted(glob.glob(os.path.join(TREE, "tests/unit/*_test.c"))):
        name = os.path.basename(source)[:-2]
        if text not in name:
            continue
        environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="tap", ASAN_OPTIONS="detect_leaks=1",
                           UBSAN_OPTIONS="print_stacktrace=1")
        try:
            run = subprocess.run([os.path.join(build, "tests/unit", name)], cwd=TREE, env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=UNIT_SECONDS)
            output, status = run.stdout.decode(errors="replace"), run.returncode
        except FileNotFoundError:
            output, status = "", "none: not built"
        except subprocess.TimeoutExpired as late:
            output, status = (late.stdout or b"").decode(errors="replace"), f"none after {UNIT_SECONDS} s"
        with open(os.path.join(log_folder, name + ".log"), "w", encoding="utf-8") as log:
            log.write(output)
        passed, failed, skipped, failures = judge_tap(output, status)
        details = [f"{os.path.relpath(log.name)}:", *failures] if failed else ()
        notes = [line for line in output.splitlines() if failed and not RESULT.match(line) and line.strip()]
        counts.add("unit", name, passed, failed, skipped, [*details, *notes[-30:]])


def run_fuzzers(build, text, counts):
    """One line a target. The corpus begins with the target's own seeds, and lasts for the run."""
    for source in sorted(glob.glob(os.path.join(TREE, "tests/unit/*_fuzz_test.c"))):
        name = os.path.basename(source)[:-len("_fuzz_test.c")]
        if text not in name:
            continue
        if not shutil.which("clang"):
            counts.add("fuzzer", name, 0, 0, 1, ["clang is missing: sh .ci/setup clang libclang-rt-14-dev"])
            continue
        folder = os.path.join(build, "check", "fuzz-" + name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "corpus"))
        command = [os.path.join(build, "tests/fuzz", name), "-seed=1", f"-runs={FUZZ_RUNS}", "-max_len=2048",
                   "-timeout=20", "corpus"]
        try:
            run = subprocess.run(command, cwd=folder, text=True, errors="replace", timeout=UNIT_SECONDS,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output, status = run.stdout, run.returncode
        except FileNotFoundError:
            output, status = "", "none: not built"
        except subprocess.TimeoutExpired:
            output, status = "", f"none after {UNIT_SECONDS} s"
        passed = status == 0 and f"Done {FUZZ_RUNS} runs" in output
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            log.write(output)
        details = [] if passed else [f"{os.path.relpath(log.name)}: exit status {status}", *output.splitlines()[-30:]]
        counts.add("fuzzer", name, int(passed), int(not passed), 0, details)


def run_checks(build, text, counts):
    jobs = []
    for name in CHECKS:
        jobs += [("self-test of", name, f"tests/check/{name}.py", "--self-test", "--build", build),
                 ("check", name, f"tests/check/{name}.py", "--build", build)]
    jobs += [("self-test of", name, script) for name, script in HARNESSES.items()]
    for kind, name, *command in jobs:
        if text not in name:
            continue
        run = subprocess.run([sys.executable, *command], cwd=TREE, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        failed = run.returncode != 0
        counts.add(kind, name, int(not failed), int(failed), 0, run.stdout.splitlines()[-30:] if failed else ())


def run_page(_build, text, counts):
    if text not in "page":
        return
    run = subprocess.run([sys.executable, "tests/bench/pagetest.py"], cwd=TREE, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    failed = run.returncode not in (0, SKIPPED)
    counts.add("page", "report.html", int(run.returncode == 0), int(failed), int(run.returncode == SKIPPED),
               run.stdout.splitlines()[-30 if failed else -1:] if run.returncode else ())


def run_counting(kind, command, counts):
    """A runner that prints its own results; its closing line is what is counted."""
    run = subprocess.Popen([sys.executable, *command], cwd=TREE, text=True, stdout=subprocess.PIPE)
    last = ""
    for line in run.stdout:
        print(line, end="", flush=True)
        last = line if CLOSING.search(line) else last
    status = run.wait()
    if not last:
        counts.add(kind, "all", 0, 1, 0, [f"no closing line, exit status {status}"])
        return
    passed, failed, skipped = (int(number) for number in CLOSING.search(last).groups())
    counts.add(kind, "all", passed, failed or int(status != 0), skipped)


def run_models(build, text, counts):
    run_counting("models", ["tests/models/run.py", "--build", build, "--filter", text], counts)


def run_system(build, text, counts):
    run_counting("system", ["tests/run/system.py", "--build", build, "--case", text], counts)


PARTS = {"unit": run_unit, "fuzzers": run_fuzzers, "checks": run_checks, "page": run_page, "models": run_models,
         "system": run_system}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build folder")
    parser.add_argument("--filter", default="", help="only what has this in its name")
    parser.add_argument("parts", nargs="+", choices=PARTS, help="what to run")
    arguments = parser.parse_args()
    counts = Counts()
    for part in arguments.parts:
        PARTS[part](os.path.abspath(arguments.build), arguments.filter, counts)
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 1 if counts.failed or counts.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
