# SPDX-License-Identifier: BSD-2-Clause
"""What a system suite is made of. tests/README.md tells how to add one.

A suite is a module of tests/system; each function in it marked @case boots a machine once or a few
times and makes named checks. The function's name and the checks' names are sentences.
"""
import importlib.util
import os
import re
import shutil
import time
from dataclasses import dataclass

import ktap
from qemu import Disk, Guest, GuestError, Machine, judge_session, judge_tests

SYSTEM_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system")
PROMPT = r"^eft> $"
FAST_FIRST = ("boot", "shell", "guest")


class Skip(Exception):
    """This case cannot say anything here, and why."""


class Stop(Exception):
    """A check failed that the rest of the case stands on."""


@dataclass
class Case:
    """One function of a suite."""

    name: str
    run: object
    drivers: tuple
    timeout_s: float
    waits: bool = False


def case(drivers=(), timeout_s=120.0, shell=True, waits=False):
    """Mark a function as a case.

    It is skipped where one of `drivers` is off; `shell`: it types, so it needs the serial driver too. `waits`:
    its machine mostly waits for seconds that a specification demands, so it may run beside those that compute.
    """
    def mark(function):
        needs = dict.fromkeys([*drivers, *(("uart",) if shell else ())])
        function.case = Case(function.__name__, function, tuple(needs), timeout_s, waits)
        return function
    return mark


def suite_names():
    names = sorted(name[:-3] for name in os.listdir(SYSTEM_FOLDER)
                   if name.endswith(".py") and not name.startswith("_"))
    return [n for n in FAST_FIRST if n in names] + [n for n in names if n not in FAST_FIRST]


def _module(name):
    spec = importlib.util.spec_from_file_location("system_" + name, os.path.join(SYSTEM_FOLDER, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def placement_matters(name):
    """Whether the suite has something to say about each configuration, or about one of them only."""
    return getattr(_module(name), "PLACEMENT_MATTERS", True)


def load(name):
    """(first line of the suite's description, its cases in the order of the file)."""
    module = _module(name)
    cases = [value.case for value in vars(module).values()
             if callable(value) and isinstance(getattr(value, "case", None), Case)]
    return (module.__doc__ or "").strip().splitlines()[0], cases


class Session(Guest):
    """A guest that runs the shell: type a line, get what it answered."""

    def wait_prompt(self, timeout_s=60.0):
        self.expect(PROMPT, timeout_s)

    def command(self, line, timeout_s=30.0):
        """Run one shell command; the lines it printed."""
        with self.changed:
            self.cursor = len(self.text)
        self.send(line + "\r")
        self.expect(r"\n", timeout_s)  # the line editor answers Enter by a new line
        begin = self.cursor
        self.expect(PROMPT, timeout_s)
        lines = self.text[begin:self.cursor].split("\n")[:-1]
        return [text.rstrip().split("\r")[-1] for text in lines]  # \r: progress, overwritten

    def writes(self, disk, seed, start, count, timeout_s=30.0):
        """Have the guest write the pattern: "" if it did, else what it said."""
        lines = self.command(f"disk write {disk} pattern {seed} {start} {count}", timeout_s)
        return "" if lines and lines[-1].endswith("written and flushed") else " | ".join(lines) or "nothing"

    def verifies(self, disk, seed, start, count, timeout_s=30.0):
        """Have the guest compare with the pattern: "" if it is there, else what it said."""
        lines = self.command(f"disk verify {disk} pattern {seed} {start} {count}", timeout_s)
        return "" if lines and lines[-1].endswith("all hold the pattern") else " | ".join(lines) or "nothing"

    def reads(self, disk, block):
        """Have the guest read a block: "" if it showed one, else what it said."""
        lines = self.command(f"disk read {disk} {block}")
        return "" if any(re.match(r"[0-9a-f]{10,}  ", line) for line in lines) else " | ".join(lines) or "nothing"

    def disks(self):
        """Names of the disks by their model."""
        found = (re.match(r"(disk\d+) .* blocks of \d+  (.*?)  serial ", line) for line in self.command("disk list"))
        return {match[2]: match[1] for match in found if match}

    def driver_rings(self):
        """Where each driver's live instances are: {driver: {rings}}."""
        rings = {}
        for line in self.command("devices"):
            match = re.search(r" ([a-z][a-z0-9]*) +(kernel|user) +live ", line)
            if match:
                rings.setdefault(match[1], set()).add(match[2])
        return rings

    def poweroff(self):
        """Leave by the shell; the Outcome."""
        self.send("poweroff\r")
        return self.finish()


class Test:
    """What a case works with."""

    def __init__(self, build, suite, name, directory, timeout_s):
        self.build, self.suite, self.name = build, suite, name
        self.directory, self.timeout_s = directory, timeout_s
        self.results = []
        self.boots = 0
        self.images = []
        self.mark = time.monotonic()

    # Checks

    def record(self, name, status, reason=""):
        now = time.monotonic()
        if any(result.name == name for result in self.results):
            name, status, reason = f"{name} (again)", ktap.ERROR, "a check of this name was made already"
        self.results.append(ktap.Result(name, status, reason, now - self.mark))
        self.mark = now

    def check(self, name, condition, reason=""):
        """One claim. Says whether it held, so that a case can stop early."""
        self.record(name, ktap.PASSED if condition else ktap.FAILED, "" if condition else str(reason))
        return bool(condition)

    def require(self, name, condition, reason=""):
        """A claim without which the rest of the case makes no sense."""
        if not self.check(name, condition, reason):
            raise Stop()

    def check_lines(self, name, lines, *patterns):
        """Every pattern is found in some line."""
        missing = [p for p in patterns if not any(re.search(p, line) for line in lines)]
        shown = " | ".join(line for line in lines if line)
        return self.check(name, not missing, f"nothing matches '{'|'.join(missing)}' in: {shown[:600]}")

    def skip_check(self, name, reason):
        self.record(name, ktap.SKIPPED, reason)

    def skip(self, reason):
        raise Skip(reason)

    # Machines

    def folder(self, name=""):
        path = os.path.join(self.directory, name) if name else self.directory
        os.makedirs(path, exist_ok=True)
        return path

    def image(self, name, size_bytes):
        """Path of a fresh, sparse disk image in the case's folder."""
        path = os.path.join(self.folder(), name)
        with open(path, "wb") as file:
            file.truncate(size_bytes)
        self.images.append(path)
        return path

    def boot(self, name="", **options):
        """A Session on this build's image. `name` makes a folder of its own for its logs."""
        machine = Machine(**{"iso": self.build.iso, **options})
        title = " ".join(filter(None, (self.build.name, self.suite, self.name, name)))
        directory = self.folder(name)
        for disk in machine.disks:
            if disk.image:
                disk.image = os.path.relpath(disk.image, directory)
        self.boots += 1
        return Session(machine, directory, title, self.timeout_s)

    def end(self, guest, name="powers_off_with_nothing_to_complain_about"):
        """Power off by the shell and judge the whole run."""
        problems = judge_session(guest.poweroff())
        if problems:
            self.record(name, ktap.ERROR, "; ".join(problems))
        else:
            self.record(name, ktap.PASSED)
        return guest.outcome

    def adopt(self, name, outcome):
        """Take over what the guest's own tests (run=systest) reported in a finished run."""
        self.results.append(judge_tests(name, outcome))
        self.mark = time.monotonic()


def _run_case(case_, test):
    for driver in case_.drivers:
        if test.build.placement(driver) == "off":
            raise Skip(f"driver {driver} is off in configuration {test.build.name}")
    case_.run(test)
    if not test.results:
        raise GuestError("the case checked nothing")


def run_case(build, suite, case_, directory, timeout_scale=1.0):
    """Run one case in its folder; a Result, whatever happens."""
    shutil.rmtree(directory, ignore_errors=True)
    test = Test(build, suite, case_.name, directory, case_.timeout_s * timeout_scale)
    started = time.monotonic()
    try:
        _run_case(case_, test)
        result = ktap.group(case_.name, test.results)
    except Skip as reason:
        result = (ktap.group(case_.name, test.results) if test.results
                  else ktap.Result(case_.name, ktap.SKIPPED, str(reason)))
    except Stop:
        result = ktap.group(case_.name, test.results)
    except GuestError as error:
        result = ktap.error_in(case_.name, str(error), children=test.results)
    except Exception as error:  # a defect of the test itself must not pass for a result
        result = ktap.error_in(case_.name, f"the test broke: {error!r}", children=test.results)
    result.seconds = time.monotonic() - started
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "result.ktap"), "w", encoding="utf-8") as file:
        file.write(ktap.write([result]))
    if result.status in (ktap.PASSED, ktap.SKIPPED):
        for path in test.images:
            os.unlink(path)
    return result


def _join(directory, name, comment):
    """Join the files of this name of all boots of a suite into one, for reading."""
    with open(os.path.join(directory, name), "w", encoding="utf-8") as joined:
        for folder, _, files in sorted(os.walk(directory)):
            if folder != directory and name in files:
                joined.write(f"{comment} {os.path.relpath(folder, directory)}\n")
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    joined.write(file.read() + "\n")


def finish_suite(build, name, results, directory):
    """Result of a suite; writes .config, result.ktap, serial.log and qemu.cmd into its folder."""
    result = ktap.group(name, results, sum(result.seconds for result in results))
    os.makedirs(directory, exist_ok=True)
    shutil.copyfile(build.config_path, os.path.join(directory, ".config"))
    with open(os.path.join(directory, "result.ktap"), "w", encoding="utf-8") as file:
        file.write(ktap.write(results))
    _join(directory, "serial.log", "#### boot")
    with open(os.path.join(directory, "qemu.cmd"), "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\n# All boots of this suite, one after the other.\ncd "$(dirname "$0")" || exit\n')
        for folder, _, files in sorted(os.walk(directory)):
            if folder != directory and "qemu.cmd" in files:
                file.write(f"sh {os.path.relpath(folder, directory)}/qemu.cmd\n")
    return result


__all__ = ["Disk", "GuestError", "Machine", "Session", "Skip", "Test", "case"]
