#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py [--build BUILD] [--filter TEXT]: check the models exhaustively with Spin, then each seeded bug,
which must be found. README.md says what they stand for.

A model passes if Spin searched all of it without an error; a bug passes if Spin found it. Models, traces
of what went wrong (spin -t -p -g in that folder) and logs: BUILD/models/NAME.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 300  # for one run
MEGABYTES = 3000
LIAR = ("LIAR=1", "SLOTS=2", "FIRST=3", "SECOND=0")  # safety alone: nobody promises progress of a liar

# name, model, what is defined
MODELS = (
    ("session", "session", ("FIRST=4", "SECOND=1")),
    ("session, both clients busy", "session", ("FIRST=2", "SECOND=2")),
    ("session, lying driver", "session", LIAR),
    ("recovery", "recovery", ("FIRST=3", "SECOND=1")),
    ("recovery, slots used again, two deaths", "recovery", ("FIRST=4", "SECOND=0", "DEATHS=2")),
    ("move", "move", ()),
)
ONE = ("FIRST=4", "SECOND=0")
# The same, with an error that must be found.
BUGS = (
    ("client sleeps without the double check", "session", ("BUG_CLIENT_CHECK", *ONE)),
    ("client checks before it says that it sleeps", "session", ("BUG_CLIENT_FENCE", *ONE)),
    ("driver sleeps without the double check", "session", ("BUG_DRIVER_CHECK", *ONE)),
    ("driver checks before it says that it sleeps", "session", ("BUG_DRIVER_FENCE", *ONE)),
    ("doorbell decided before the tail is published", "session", ("BUG_DOORBELL_FENCE", *ONE)),
    ("wake-up decided before the completion is published", "session", ("BUG_FLUSH_FENCE", *ONE)),
    ("tail published before the slot is filled", "session", ("BUG_PUBLISH_FIRST", *ONE)),
    ("tail advanced before the completion is written", "session", ("BUG_TAIL_FIRST", *ONE)),
    ("completion accepted whatever its generation", "session", ("BUG_NO_GENERATION", "LIAR=2", *ONE)),
    ("completion of a free slot accepted", "session", ("BUG_FREE_SLOT", "LIAR=2", *ONE)),
    ("slot in use before its generation is written", "recovery", ("BUG_FILL_ORDER", *ONE)),
    ("client not woken after a death", "recovery", ("BUG_NO_WAKE", *ONE)),
    ("answered request replayed", "recovery", ("BUG_REPLAY_ANSWERED", *ONE)),
    ("replay out of order", "recovery", ("BUG_REPLAY_ORDER", *ONE)),
    ("nothing replayed", "recovery", ("BUG_NO_REPLAY", *ONE)),
    ("no quarantine after a death", "recovery", ("BUG_NO_QUARANTINE", *ONE)),
    ("submissions counted after the slots were searched", "recovery", ("BUG_TAIL_LATE", *ONE)),
    ("posted completions forgotten", "recovery", ("BUG_TAIL_FORGOTTEN", *ONE)),
    ("dead instance keeps its mappings", "recovery", ("BUG_MAPPINGS_KEPT", *ONE)),
    ("no look at everything after the resume", "move", ("BUG_NO_REAP",)),
    ("switch before the old mappings are gone", "move", ("BUG_KEEPS_MAPPINGS",)),
    ("records of what is in flight forgotten", "move", ("BUG_RECORDS_FORGOTTEN",)),
    ("request in flight replayed", "move", ("BUG_REPLAY_IN_FLIGHT",)),
    ("no quarantine after a failed move", "move", ("BUG_NO_QUARANTINE",)),
    ("session let go before it has drained", "move", ("BUG_NO_DRAIN",)),
    ("rolled back after the switch", "move", ("BUG_ROLL_BACK_LATE",)),
)


def command(arguments, folder, log):
    """Exit status of a command in a folder, its output added to a log."""
    with open(os.path.join(folder, log), "a", encoding="utf-8") as file:
        try:
            return subprocess.call(arguments, cwd=folder, stdout=file, stderr=subprocess.STDOUT, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            file.write(f"no end after {SECONDS} s\n")
            return -1


def search(build, name, model, defined, bug):
    """(error found, searched to the end, what came out in words) of one run."""
    folder = os.path.join(build, "models", re.sub(r"\W+", "-", name))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    shutil.copy(os.path.join(HERE, f"{model}.pml"), folder)
    flags = [f"-D{word}" for word in defined]
    safety = ["-E"] if any(word.startswith("LIAR") for word in defined) else []
    for step in (["spin", *flags, "-a", f"{model}.pml"],
                 ["gcc", "-O1" if bug else "-O2", "-w", "-DSAFETY", f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"],
                 ["./pan", "-n", "-m1000000", *safety]):
        if command(step, folder, "log") != 0:
            return False, False, f"{step[0]} failed: {folder}/log"
    with open(os.path.join(folder, "log"), encoding="utf-8") as file:
        text = file.read()
    errors, states = re.search(r"errors: (\d+)", text), re.search(r"(\d+) states, stored", text)
    problem = re.search(r"pan:1: (.*)", text)
    whole = bool(errors) and not re.search(r"Search not completed|max search depth too small|reached -DMEMLIM", text)
    words = f"{states[1] if states else '?'} states" + (f", {problem[1]}" if problem else "")
    for name in ("pan", *(file for file in os.listdir(folder) if file.startswith("pan."))):
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    return bool(problem), whole, words


def judge(build, name, model, defined, bug):
    """(passed, words): a model must be whole and right, a bug must be found as an error of the protocol."""
    started = time.monotonic()
    found, whole, words = search(build, name, model, defined, bug)
    seconds = f"{time.monotonic() - started:.1f} s"
    if bug:
        return found, f"{words}, {seconds}" if found else f"not found: {words}, {seconds}"
    return whole and not found, f"{words}, {seconds}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build folder")
    parser.add_argument("--filter", default="", help="only what has this in its name")
    arguments = parser.parse_args()
    if not shutil.which("spin"):
        print("not ok 1 spin is missing: \"make setup\" installs it\n0 passed, 1 failed, 0 skipped")
        return 1
    jobs = [(f"model: {name}", model, defined, False) for name, model, defined in MODELS] + \
           [(f"bug found: {name}", model, defined, True) for name, model, defined in BUGS]
    jobs = [job for job in jobs if arguments.filter in job[0] or arguments.filter == job[1]]
    build = os.path.abspath(arguments.build)
    failed = 0
    print(f"KTAP version 1\n1..{len(jobs)}", flush=True)
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(judge, build, *job) for job in jobs]
        for number, (job, result) in enumerate(zip(jobs, results), 1):
            passed, words = result.result()
            failed += not passed
            print(f"{'ok' if passed else 'not ok'} {number} {job[0]}\n# {words}", flush=True)
    print(f"{len(jobs) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
