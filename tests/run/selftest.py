#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the harness itself: of the KTAP parser, and that no bad run passes for a good one.

Fake machines stand in for QEMU: shell scripts that write what a guest would, and leave as it would.
"""
import os
import shlex
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import ktap  # noqa: E402
import pattern  # noqa: E402
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

    def test_every_cell_has_one_command(self):
        self.assertEqual(regress.command_for("phase3", "disk"), "make regress CONFIG=phase3 SUITE=disk")


if __name__ == "__main__":
    unittest.main()
