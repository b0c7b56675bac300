#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the harness itself: of the KTAP parser, and that no bad run passes for a good one.

Fake machines stand in for QEMU: shell scripts that write what a guest would, and leave as it would.
"""
import itertools
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import engine  # noqa: E402
import events  # noqa: E402
import ktap  # noqa: E402
import pattern  # noqa: E402
import placements  # noqa: E402
import qemu  # noqa: E402
import regress  # noqa: E402
import suite  # noqa: E402
from ktap import ERROR, FAILED, PASSED, SKIPPED  # noqa: E402

END = ktap.END_MARKER + "\n"
GOOD = "KTAP version 1\n1..2\nok 1 first\nok 2 second\n" + END


def status_of(text):
    return ktap.parse("t", text).status


class Parser(unittest.TestCase):
    def test_good_report_passes(self):
        result = ktap.parse("t", GOOD)
        self.assertEqual((result.status, result.count()[PASSED]), (PASSED, 2))

    def test_log_lines_between_are_ignored(self):
        text = "[    0.001000] ok 9 no\n" + GOOD.replace("ok 2", "[   12.345678] 1..7\nok 2")
        self.assertEqual(status_of(text), PASSED)

    def test_failure_fails(self):
        self.assertEqual(status_of(GOOD.replace("ok 2", "not ok 2")), FAILED)

    def test_diagnostics_before_a_failure_are_its_reason(self):
        text = GOOD.replace("ok 2", "# x.c:3: found 1\n# 17 us\nnot ok 2")
        self.assertEqual(ktap.parse("t", text).leaves()[1].reason, "x.c:3: found 1")

    def test_skip_is_neither_pass_nor_failure(self):
        result = ktap.parse("t", GOOD.replace("second", "second # SKIP no disk"))
        self.assertEqual(result.count(), {PASSED: 1, FAILED: 0, ERROR: 0, SKIPPED: 1})
        self.assertEqual(result.leaves()[1].reason, "no disk")

    def test_skipped_failure_line_is_skipped(self):
        self.assertEqual(ktap.parse("t", GOOD.replace("ok 2 second", "not ok 2 # SKIP second")).leaves()[1].status,
                         SKIPPED)

    def test_all_skipped_plan_is_skipped(self):
        self.assertEqual(status_of("KTAP version 1\n1..0 # SKIP off\n" + END), SKIPPED)

    def test_dash_before_name_is_allowed(self):
        self.assertEqual(ktap.parse("t", GOOD.replace("ok 1 first", "ok 1 - first")).leaves()[0].name, "first")

    def test_empty_report_is_error(self):
        for text in ("", END, "KTAP version 1\n" + END, "KTAP version 1\n1..0\n" + END, "hello\n"):
            self.assertEqual(status_of(text), ERROR, text)

    def test_missing_version_is_error(self):
        self.assertEqual(status_of(GOOD.replace("KTAP version 1\n", "")), ERROR)

    def test_missing_plan_is_error(self):
        self.assertEqual(status_of(GOOD.replace("1..2\n", "")), ERROR)

    def test_late_plan_is_error(self):
        self.assertEqual(status_of("KTAP version 1\nok 1 first\n1..1\n" + END), ERROR)

    def test_two_plans_are_error(self):
        self.assertEqual(status_of(GOOD.replace("ok 2", "1..2\nok 2")), ERROR)

    def test_too_few_and_too_many_are_error(self):
        self.assertEqual(status_of(GOOD.replace("1..2", "1..3")), ERROR)
        self.assertEqual(status_of(GOOD.replace("1..2", "1..1")), ERROR)

    def test_wrong_and_double_numbers_are_error(self):
        self.assertEqual(status_of(GOOD.replace("ok 2", "ok 3")), ERROR)
        self.assertEqual(status_of(GOOD.replace("ok 2", "ok 1")), ERROR)

    def test_double_name_is_error(self):
        self.assertEqual(status_of(GOOD.replace("second", "first")), ERROR)

    def test_missing_end_is_error(self):
        self.assertEqual(status_of(GOOD.replace(END, "")), ERROR)

    def test_results_after_end_are_error(self):
        self.assertEqual(status_of(GOOD + "ok 3 third\n"), ERROR)

    def test_second_report_is_error(self):
        self.assertEqual(status_of(GOOD.replace(END, "") + GOOD), ERROR)

    def test_malformed_line_is_error(self):
        self.assertEqual(status_of(GOOD.replace("ok 2 second", "ok two second")), ERROR)

    def test_nested_report_is_read(self):
        text = ("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a\n  ok 2 b\n"
                "ok 1 both\n" + END)
        result = ktap.parse("t", text)
        self.assertEqual((result.status, [leaf.name for leaf in result.leaves()]), (PASSED, ["a", "b"]))

    def test_parent_that_contradicts_children_is_error(self):
        text = "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 both\n" + END
        self.assertEqual(status_of(text), ERROR)

    def test_nested_report_cut_short_is_error(self):
        text = "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a\nok 1 both\n" + END
        self.assertEqual(status_of(text), ERROR)
        text = "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ok 1 a\n" + END
        self.assertEqual(status_of(text), ERROR)

    def test_odd_indentation_is_error(self):
        self.assertEqual(status_of(GOOD.replace("ok 2", " ok 2")), ERROR)


class Writer(unittest.TestCase):
    def tree(self):
        inner = ktap.group("group", [ktap.Result("a"), ktap.Result("b", FAILED, "2 is not 3"),
                                     ktap.Result("c", SKIPPED, "no disk"), ktap.Result("d", ERROR, "hung")])
        return [inner, ktap.Result("alone")]

    def test_written_report_reads_back(self):
        result = ktap.parse("t", ktap.write(self.tree()))
        self.assertEqual(result.count(), {PASSED: 2, FAILED: 1, ERROR: 1, SKIPPED: 1})

    def test_junit_keeps_statuses_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "junit.xml")
            ktap.write_junit(path, [("s", ktap.group("s", self.tree()))])
            found = xml.parse(path).getroot().find("testsuite").attrib
        self.assertEqual([found[key] for key in ("tests", "failures", "errors", "skipped")], ["5", "1", "1", "1"])

    def test_closing_line_counts_errors_as_failed(self):
        self.assertEqual(ktap.closing_line(self.tree()),
                         "2 passed, 2 failed, 1 skipped (1 of the failed are errors)")

    def test_results_survive_json(self):
        result = ktap.group("s", self.tree())
        self.assertEqual(ktap.Result.from_dict(result.as_dict()).count(), result.count())

    def test_group_of_nothing_is_error(self):
        self.assertEqual(ktap.group("g", []).status, ERROR)


class Judgement(unittest.TestCase):
    """Whole runs of fake machines."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def fake(self, body):
        path = os.path.join(self.folder.name, "fake-qemu")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n: >guest_errors.log\n" + body + "\n")
        os.chmod(path, 0o755)
        return qemu.Machine(iso="/nowhere.iso", qemu=path)

    def run_tests(self, report, status=1, body="", timeout_s=20.0):
        machine = self.fake(f"printf %s {shlex.quote(report)} >debugcon.log\n{body}\nexit {status}")
        with qemu.Guest(machine, os.path.join(self.folder.name, "run"), timeout_s=timeout_s) as guest:
            return qemu.judge_tests("t", guest.finish())

    def test_good_run_passes(self):
        self.assertEqual(self.run_tests(GOOD).status, PASSED)

    def test_failed_test_fails(self):
        self.assertEqual(self.run_tests(GOOD.replace("ok 1", "not ok 1"), 3).status, FAILED)

    def test_hang_is_error(self):
        result = self.run_tests(GOOD, body="exec sleep 30", timeout_s=0.5)
        self.assertEqual(result.status, ERROR)
        self.assertIn("hung", result.leaves()[-1].reason)

    def test_early_end_is_error(self):
        self.assertEqual(self.run_tests("KTAP version 1\n1..2\nok 1 first\n", 0).status, ERROR)

    def test_silent_end_is_error(self):
        self.assertEqual(self.run_tests("", 0).status, ERROR)

    def test_missing_plan_is_error(self):
        self.assertEqual(self.run_tests(GOOD.replace("1..2\n", "")).status, ERROR)

    def test_wrong_count_is_error(self):
        self.assertEqual(self.run_tests(GOOD.replace("1..2", "1..5")).status, ERROR)

    def test_missing_end_marker_is_error(self):
        self.assertEqual(self.run_tests(GOOD.replace(END, "")).status, ERROR)

    def test_power_off_instead_of_test_exit_is_error(self):
        self.assertEqual(self.run_tests(GOOD, 0).status, ERROR)

    def test_exit_status_that_contradicts_the_report_is_error(self):
        self.assertEqual(self.run_tests(GOOD, 3).status, ERROR)
        self.assertEqual(self.run_tests(GOOD.replace("ok 1", "not ok 1"), 1).status, ERROR)

    def test_guest_error_is_error(self):
        result = self.run_tests(GOOD, body="echo 'ahci: bad port offset' >>guest_errors.log")
        self.assertEqual(result.status, ERROR)
        self.assertEqual(result.count()[PASSED], 2)

    def test_model_noise_is_no_guest_error(self):
        self.assertEqual(self.run_tests(GOOD, body="echo 'ahci: IRQ#2 level:1' >>guest_errors.log").status, PASSED)

    def test_killed_machine_is_error(self):
        self.assertEqual(self.run_tests(GOOD, body="kill -9 $$").status, ERROR)

    def test_machine_that_cannot_start_is_error(self):
        result = self.run_tests("", 1, body="echo 'no such device' >&2")
        self.assertEqual(result.status, ERROR)
        self.assertIn("no such device", result.leaves()[-1].reason)

    def session(self, body, case_, timeout_s=20.0):
        """Run a case against a fake shell."""
        machine = self.fake(body)

        class FakeBuild:
            name, iso, config_path, directory = "fake", "/nowhere.iso", os.devnull, self.folder.name

            @staticmethod
            def placement(driver):
                return "off" if driver == "absent" else "kernel"

        original = suite.Machine
        suite.Machine = lambda **options: machine
        try:
            return suite.run_case(FakeBuild, "s", case_, os.path.join(self.folder.name, "case"))
        finally:
            suite.Machine = original

    SHELL = ("printf 'booted\\r\\neft> '; while read line; do printf '%s\\r\\n' \"$line\"; "
             "case $line in poweroff*) exit 0;; esac; printf 'hello %s\\r\\neft> ' \"$line\"; done")

    @staticmethod
    def talk(test):
        with test.boot() as guest:
            guest.wait_prompt()
            test.check("answers", guest.command("x") == ["hello x"])
            test.end(guest)

    def case(self, function, drivers=()):
        return suite.Case("c", function, drivers, 5.0)

    def test_session_passes(self):
        self.assertEqual(self.session(self.SHELL, self.case(self.talk_newline)).status, PASSED)

    @staticmethod
    def talk_newline(test):
        with test.boot() as guest:
            guest.wait_prompt()
            guest.send("x\n")
            test.check("answers", guest.expect("^hello (.*)\r$")[1] == "x")
            guest.wait_prompt()
            guest.send("poweroff\n")
            problems = qemu.judge_session(guest.finish())
            test.check("powers_off", not problems, problems)

    def test_session_without_prompt_is_error(self):
        result = self.session("echo nothing; exec sleep 30", suite.Case("c", self.talk, (), 0.5))
        self.assertEqual(result.status, ERROR)

    def test_session_that_ends_early_is_error(self):
        self.assertEqual(self.session("printf 'eft> '; exit 0", self.case(self.talk)).status, ERROR)

    def test_case_without_checks_is_error(self):
        self.assertEqual(self.session("exit 0", self.case(lambda test: None)).status, ERROR)

    def test_case_that_raises_is_error(self):
        self.assertEqual(self.session("exit 0", self.case(lambda test: 1 // 0)).status, ERROR)

    def test_case_whose_driver_is_off_is_skipped(self):
        result = self.session("exit 0", self.case(self.talk, ("absent",)))
        self.assertEqual(result.status, SKIPPED)
        self.assertIn("absent", result.reason)


def _splitmix64(x):
    """As pattern.h has it, a word at a time."""
    mask = (1 << 64) - 1
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & mask
    return x ^ x >> 31


class Pattern(unittest.TestCase):
    def test_vectors_agree_with_the_definition(self):
        for lba in (0, 7, 6 << 30):
            words = [_splitmix64(0xDEADBEEFCAFEF00D ^ (lba * 64 + i)) for i in range(300 * 64)]
            wanted = b"".join(word.to_bytes(8, "little") for word in words)
            self.assertEqual(b"".join(pattern.chunks(0xDEADBEEFCAFEF00D, lba, 300)), wanted)

    def test_first_different_sector_is_told(self):
        with tempfile.NamedTemporaryFile() as image:
            data = bytearray(b"".join(pattern.chunks(1, 0, 600)))
            image.write(data)
            image.flush()
            self.assertEqual(pattern.image_difference(image.name, 1, 0, 600), -1)
            image.seek(513 * 512 + 5)
            image.write(b"\0" if data[513 * 512 + 5] else b"\1")
            image.flush()
            self.assertEqual(pattern.image_difference(image.name, 1, 0, 600), 513)


class Machines(unittest.TestCase):
    def test_command_line_commas_are_doubled(self):
        line = qemu.Machine(iso="/x/eft.iso", cmdline="run=systest,block").command("/x")
        self.assertIn("type=11,value=run=systest,,block", line)

    def test_script_is_a_whole_command(self):
        disk = qemu.Disk("disk.img", 1 << 20, bad_reads=(7,))
        text = qemu.Machine(iso="/x/eft.iso", disks=[disk]).script("/x/y", "t")
        self.assertIn("truncate -s 1048576 disk.img", text)
        self.assertIn("../eft.iso", text)
        self.assertIn('"sector": 7', text)


KCONFIG = """
config CONFIGURATION
	string "name"
	default "custom"
config USER_DRIVERS
	bool "m"
	option modules
	default y
config MOVABLE_DRIVERS
	bool "both"
	depends on USER_DRIVERS
	default y
config DRIVER_BUS
	tristate "bus"
	default y
config DRIVER_HUB
	tristate "hub"
	depends on DRIVER_BUS
	default m
config DRIVER_DISK
	tristate "disk"
	depends on DRIVER_HUB && DRIVER_BUS
	default m
config DRIVER_NET
	tristate "net"
	depends on DRIVER_BUS!=n
config DRIVER_KERNEL_ONLY
	bool "only ever in the kernel"
config LEVEL
	int "level"
	range 0 7
	default 3
"""


def tree_in(folder, files):
    """A made-up source tree."""
    for path, text in {"Kconfig": KCONFIG, "configs/phase2_defconfig": 'CONFIG_CONFIGURATION="phase2"\n', **files}.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return folder


class Placements(unittest.TestCase):
    """The cover is complete, for the tree's Kconfig and for one with deeper dependencies."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.made_up = placements.Kconfig(tree_in(folder.name, {}))
        self.trees = (self.made_up, placements.Kconfig(regress.TREE))

    def test_every_tristate_is_a_driver_that_is_placed(self):
        for kconfig in self.trees:
            tristates = {symbol.name for symbol in kconfig.kconfig.unique_defined_syms
                         if symbol.orig_type == placements.kconfiglib.TRISTATE}
            self.assertLessEqual(tristates, set(kconfig.factors))
        self.assertEqual(self.made_up.factors["DRIVER_KERNEL_ONLY"], ("y", "n"))

    def test_pairs_are_all_that_exhaustion_finds(self):
        """Against every combination there is, each as Kconfig settles it."""
        for kconfig in self.trees:
            if len(kconfig.factors) > 7:
                continue
            found = set()
            for values in itertools.product(*kconfig.factors.values()):
                placement = dict(zip(kconfig.factors, values))
                if kconfig._stands(placement):
                    found.update(map(frozenset, itertools.combinations(placement.items(), 2)))
            self.assertEqual(set(kconfig.pairs()), found)

    def test_cover_has_every_pair_and_nothing_that_kconfig_would_change(self):
        for kconfig in self.trees:
            covered = set()
            cover = kconfig.pairwise()
            for placement in cover:
                self.assertEqual(set(placement), set(kconfig.factors))
                self.assertTrue(kconfig._stands(placement), placement)
                covered.update(map(frozenset, itertools.combinations(placement.items(), 2)))
            self.assertEqual(covered, set(kconfig.pairs()))
            self.assertEqual(cover, kconfig.pairwise())
            self.assertLess(len(cover), 24)

    def test_seed_decides_and_seeds_differ(self):
        kconfig = self.made_up
        self.assertEqual(kconfig.random(7), kconfig.random(7))
        placed = [kconfig.random(seed) for seed in range(60)]
        self.assertGreater(len({tuple(placement.values()) for placement in placed}), 30)
        for placement in placed:
            self.assertTrue(kconfig._stands(placement), placement)
        for name, values in kconfig.factors.items():
            self.assertEqual({placement[name] for placement in placed}, set(values))

    def test_fragment_comes_to_its_placement(self):
        kconfig = self.made_up
        placement = kconfig.random(3)
        content = dict(kconfig.content(kconfig.fragment("x", placement)))
        self.assertEqual({name: content[name] for name in placement}, placement)

    def test_names_do_not_make_a_difference_values_do(self):
        kconfig = self.made_up
        a, b = kconfig.random(1), kconfig.random(2)
        self.assertNotEqual(a, b)
        self.assertEqual(kconfig.content(kconfig.fragment("x", a)), kconfig.content(kconfig.fragment("y", a)))
        self.assertNotEqual(kconfig.content(kconfig.fragment("x", a)), kconfig.content(kconfig.fragment("x", b)))

    def test_broken_kconfig_is_told_in_one_line(self):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # kconfiglib leaves the file open
            with self.assertRaises(SystemExit) as caught:
                placements.Kconfig(tree_in(folder, {"Kconfig": KCONFIG + "\tdepnds on X\n"}))
        self.assertRegex(str(caught.exception), "^[^\n]*Kconfig:[0-9]+[^\n]*depnds[^\n]*$")


PARALLEL = all(map(shutil.which, ("parallel", "rsync", "ssh", "ssh-keygen")))
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")

# A row that behaves as its name says, in place of tests/run/row.py.
ROW = """
import os, signal, sys, time
sys.path.insert(0, %r)
import events, ktap
name = sys.argv[2]
out = sys.argv[sys.argv.index("--out") + 1]
os.makedirs(os.path.join(out, name), exist_ok=True)
open(os.path.join(out, name, "left.log"), "w").write(name)
open(os.path.join(out, name, "big.img"), "w").write(name)
assert open(os.path.join(os.path.dirname(__file__), "../../with space")).read() == "here"
events.tell(name, "build", ktap.Result("build"))
if name == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if name == "hung":
    time.sleep(600)
if name == "raises":
    raise ValueError("why")
if name == "liar":
    print("@cell {", flush=True)
    print("@cell []", flush=True)
status = {"fails": ktap.FAILED, "skips": ktap.SKIPPED}.get(name, ktap.PASSED)
events.tell(name, "boot", ktap.group("boot", [ktap.Result("a", status, "so")]))
if name != "short":
    events.tell(name, "disk", ktap.group("disk", [ktap.Result("a")]))
events.tell("other", "disk", ktap.group("disk", [ktap.Result("a")]))
"""


class Engines(unittest.TestCase):
    """Rows that run here, over GNU parallel, and over ssh: what is cut short is never a pass."""

    NAMES = ["good", "fails", "skips", "killed", "hung", "raises", "short", "liar"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.tree = tree_in(os.path.join(self.folder, "tree"), {
            engine.COMMAND: ROW % os.path.dirname(os.path.abspath(__file__)), "with space": "here"})
        subprocess.run(["git", "-C", self.tree, "init", "-q"], check=True)
        self.out = os.path.join(self.folder, "out")
        os.makedirs(self.out)
        self.rows = [regress.Row(placements.Configuration(name, placements.FRAGMENT, name, f"CONFIG={name}"),
                                 ["boot", "disk"]) for name in self.NAMES]
        self.rows_path = os.path.join(self.folder, "rows.json")
        with open(self.rows_path, "w", encoding="utf-8") as file:
            file.write("{}")

    def statuses(self, machines):
        by_name = {row.name: row for row in self.rows}

        def on_line(line):
            event = events.read(line)
            if event and event[0] in by_name:
                by_name[event[0]].results[event[1]] = event[2]
        regress.complete(self.rows, machines.run(on_line))
        return {row.name: [row.results[name].status for name in ("boot", "disk")] for row in self.rows}

    WANTED = {"good": [PASSED, PASSED], "fails": [FAILED, PASSED], "skips": [SKIPPED, PASSED],
              "killed": [ERROR, ERROR], "raises": [ERROR, ERROR], "short": [PASSED, ERROR], "liar": [PASSED, PASSED]}

    def reason(self, name):
        return next(row for row in self.rows if row.name == name).results["disk"].reason

    def only(self, *names):
        self.rows = [row for row in self.rows if row.name in names]
        return names

    def hang(self, kind, *more):
        found = self.statuses(kind(self.tree, self.rows_path, self.only("hung"), self.out, [], *more, limit_s=3))
        self.assertEqual(found, {"hung": [ERROR, ERROR]})
        self.assertIn("hung", self.reason("hung"))

    def test_here(self):
        names = self.only(*self.WANTED)
        self.assertEqual(self.statuses(engine.Here(self.tree, self.rows_path, names, self.out, [], 4)), self.WANTED)
        self.assertIn("signal 9", self.reason("killed"))
        self.assertIn("ValueError: why", self.reason("raises"))
        self.assertIn("cut short", self.reason("short"))

    def test_hung_row_here(self):
        self.hang(engine.Here, 1)

    def spread(self, sshlogins):
        names = self.only("good", "fails", "killed", "short")
        found = self.statuses(engine.Spread(self.tree, self.rows_path, names, self.out, [], sshlogins))
        self.assertEqual(found, {name: self.WANTED[name] for name in names})
        self.assertRegex(self.reason("killed"), "on .* (signal 9|status 137)")
        with open(os.path.join(self.out, "good", "left.log"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "good")
        self.assertFalse(os.path.exists(os.path.join(self.out, "spread")))

    @unittest.skipUnless(PARALLEL, "parallel, rsync or ssh is missing")
    def test_parallel_on_this_machine(self):
        self.spread("4/:")

    @unittest.skipUnless(PARALLEL, "parallel, rsync or ssh is missing")
    def test_hung_row_by_parallel(self):
        self.hang(engine.Spread, "1/:")

    @unittest.skipUnless(PARALLEL and SSHD, "parallel or sshd (Debian package openssh-server) is missing")
    def test_parallel_over_ssh_and_here(self):
        with Sshd(SSHD, self.folder) as home:
            self.spread("3/eft-loopback,1/:")
            mine = f"eft-regress-{os.uname().nodename}-{os.getpid()}"  # others may be at work in this home
            self.assertNotIn(mine, os.listdir(home))

    @unittest.skipUnless(PARALLEL and SSHD, "parallel or sshd (Debian package openssh-server) is missing")
    def test_host_that_does_not_answer_is_an_error(self):
        server = Sshd(SSHD, self.folder)
        with server:
            pass  # and gone again
        self.addCleanup(server.forget)
        server.settings()
        names = self.only("good", "fails")
        with open(os.path.join(self.folder, "stderr"), "w", encoding="utf-8") as file:
            saved = os.dup(2)
            os.dup2(file.fileno(), 2)
            try:
                found = self.statuses(engine.Spread(self.tree, self.rows_path, names, self.out, [],
                                                    "2/eft-loopback"))
            finally:
                os.dup2(saved, 2)
                os.close(saved)
        self.assertEqual({status for row in found.values() for status in row}, {ERROR})


class Sshd:
    """An ssh server of one's own, on a free port of 127.0.0.1, with keys that nobody else has."""

    def __init__(self, program, folder):
        self.program, self.folder = program, os.path.join(folder, "ssh")
        os.makedirs(self.folder, mode=0o700)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.saved = os.environ.get("PARALLEL_SSH")

    def settings(self):
        os.environ["PARALLEL_SSH"] = f"ssh -F {self.folder}/client"

    def forget(self):
        if self.saved is None:
            os.environ.pop("PARALLEL_SSH", None)
        else:
            os.environ["PARALLEL_SSH"] = self.saved

    def __enter__(self):
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.folder}/{key}"], check=True)
        with open(f"{self.folder}/server", "w", encoding="utf-8") as file:
            file.write(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\n"
                       f"AuthorizedKeysFile {self.folder}/user.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
                       f"PasswordAuthentication no\nMaxStartups 100\n")
        with open(f"{self.folder}/client", "w", encoding="utf-8") as file:
            file.write(f"Host eft-loopback\n\tHostName 127.0.0.1\n\tPort {self.port}\n\tIdentityFile {self.folder}/user\n"
                       "\tIdentitiesOnly yes\n\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n"
                       "\tLogLevel ERROR\n\tBatchMode yes\n")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.process = subprocess.Popen([self.program, "-D", "-e", "-f", f"{self.folder}/server"],
                                        stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening" in line:
                break
        else:
            raise unittest.SkipTest("sshd does not start here")
        self.drain = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.drain.start()
        self.settings()
        return os.path.expanduser("~")

    def __exit__(self, kind, value, traceback):
        self.process.terminate()
        self.process.wait()
        self.drain.join()
        self.process.stderr.close()
        self.forget()


class Regress(unittest.TestCase):
    """The table, its files, and the command for each cell."""

    def rows(self):
        matrix = placements.Matrix(regress.TREE)
        return [regress.Row(configuration, ["boot", "guest"])
                for configuration in matrix.chosen(["phase3", "pairwise-2", "random", "randconfig"], [77], [78])]

    def test_rows_that_differ_by_their_name_alone_run_once(self):
        matrix = placements.Matrix(regress.TREE)
        rows = [regress.Row(configuration, []) for configuration in matrix.configs(["phase1", "phase2", "phase2-fixed"])]
        twin = matrix.configs(["phase1"])[0]
        twin.name = "another"
        rows += [regress.Row(twin, []), *(regress.Row(row, []) for row in matrix.randconfig([1, 2]))]
        regress.find_twins(rows, matrix.kconfig.content)
        self.assertEqual([row.name for row in rows if row.twin], ["another"])
        self.assertIs(rows[3].twin, rows[0])

    def test_the_command_for_a_cell_runs_that_cell_and_no_other(self):
        """Each as it is printed, pasted into a shell; LIST=1 says what would run."""
        with tempfile.TemporaryDirectory() as folder:
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
            for row in self.rows():
                for suite_name in ("guest",) if row.name != "phase3" else ("build", "guest"):
                    done = subprocess.run(f"{row.command(suite_name)} LIST=1 O={folder}", shell=True, text=True,
                                          cwd=regress.TREE, env=environment, stdout=subprocess.PIPE)
                    only_built = row.configuration.kind == placements.RANDCONFIG or suite_name == "build"
                    self.assertEqual(done.stdout, f"{row.name} build{'' if only_built else ' guest'}\n")

    def test_suites_to_which_placement_does_not_matter_run_in_one_row(self):
        for names, twin in ((("phase3", "phase2", "phase1"), False), (("phase3", "phase1"), False),
                            (("phase2", "phase3"), True)):
            rows = [regress.Row(configuration, ["boot", "acpi"])
                    for configuration in placements.Matrix(regress.TREE).chosen(names, [], [])]
            if twin:
                next(row for row in rows if row.name == "phase2").twin = next(row for row in rows if row.name == "phase3")
            regress.run_once(rows, lambda name: name != "acpi")
            runs = [row.name for row in rows if not row.twin and "acpi" in row.suites]
            self.assertEqual(len(runs), 1)
            self.assertTrue(all("boot" in row.suites for row in rows))
            if "phase2" in names and not twin:
                self.assertEqual(runs, ["phase2"])

    def test_what_is_unknown_is_told_in_one_line(self):
        for arguments, word in ((["--configs", "phase9"], "phase9"), (["--configs", "pairwise-999"], "pairwise-999"),
                                (["--suite", "disc"], "disc"), (["--seed", "x"], "SEED=x"), (["--jobs", "1x"], "JOBS=1x")):
            done = subprocess.run([sys.executable, regress.__file__, "--list", *arguments], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(word, done.stderr)

    def test_results_keep_statuses_apart(self):
        rows = self.rows()
        rows[0].results = {"build": ktap.Result("build"), "boot": ktap.group("boot", [
            ktap.Result("a"), ktap.Result("b", FAILED, "2 is not 3"), ktap.Result("c", SKIPPED, "no disk")])}
        rows[1].results = {"build": ktap.Result("build"), "boot": ktap.Result("boot", SKIPPED, "driver uart is off"),
                           "guest": ktap.group("guest", [ktap.Result("a")])}
        rows[2].twin = rows[1]
        rows[3].suites, rows[3].results = [], {"build": ktap.Result("build")}
        regress.complete(rows, {rows[0].name: "it was cut"})
        with tempfile.TemporaryDirectory() as out:
            regress.write_results(rows, ["boot", "guest"], out, 1.0, True)
            with open(f"{out}/table.txt", encoding="utf-8") as file:
                text = file.read()
            with open(f"{out}/results.ktap", encoding="utf-8") as file:
                report = ktap.parse("all", file.read())
            junit = [case.tag for suite_ in xml.parse(f"{out}/junit.xml").getroot() for test in suite_ for case in test]
            cells = {(cell["configuration"], cell["suite"]): cell["status"] for cell in regress.earlier_cells(out)}
        self.assertRegex(text, r"phase3 +1 ok +FAIL 1/3 +ERROR\n")
        self.assertRegex(text, r"pairwise-2 +1 ok +skipped +1 ok\n")
        self.assertRegex(text, r"random-77 += pairwise-2\n")
        self.assertRegex(text, r"randconfig-78 +1 ok +- +-\n")
        self.assertIn("make regress CONFIG=phase3 SUITE=boot\n", text)
        self.assertIn("it was cut", text)
        self.assertIn("pairwise-2 skips boot: driver uart is off\n", text)
        self.assertEqual(report.count(), {PASSED: 5, FAILED: 1, ERROR: 1, SKIPPED: 3})
        self.assertEqual(sorted(junit), ["error", "failure", "skipped", "skipped"])
        self.assertEqual(cells[("phase3", "boot")], FAILED)
        self.assertEqual(cells[("phase3", "guest")], ERROR)
        self.assertEqual(cells[("random-77", "boot")], SKIPPED)


if __name__ == "__main__":
    unittest.main()
