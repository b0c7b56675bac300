#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the benchmark's host side: that figures are computed right, and that a missing one is noticed."""
import array
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import counts  # noqa: E402
import report  # noqa: E402
from run import Bench  # noqa: E402


def complete():
    """A set of records in which nothing is missing."""
    numbers = {field: 1.0 for field in report.FIELDS if field.endswith(("_ns", "_op", "_instructions"))}
    records = [report.record(suite="kernel", name=name, samples=1, **numbers) for name in report.KERNEL]
    records += [report.record(suite="kernel", name="interrupt", placement=ring, **numbers) for ring in report.RINGS]
    for name, depth, size in report.LOADS:
        cell = {"queue_depth": depth, "block_bytes": size, "direction": name.split("-")[-1], "samples": 1}
        records += [report.record(suite="block", name=name, placement=ring, **cell, **numbers)
                    for ring in report.RINGS]
        records.append(report.record(suite="block", name="ceiling", **cell, **numbers))
    records += [report.record(suite="net", name=f"{name}-{card}", placement=ring, samples=1, **numbers)
                for name in report.NET for card in report.CARDS for ring in report.RINGS]
    for name, ring in report.MOVES:
        records.append(report.record(suite="move", name=name, placement=ring, direction=f"to-{ring}", samples=1,
                                     **numbers))
    for name in ("share", "in-flight"):
        records.append(report.record(suite="move", name=name, value=0.5, unit="of something"))
    records.append(report.record(suite="recovery", name="restart", placement="user", samples=1, **numbers))
    records.append(report.record(suite="boot", name="prompt", **numbers))
    for name in report.CONFIGURATIONS:
        records.append(report.record(suite="image", name="ring0", configuration=name, value=1, unit="bytes"))
    records.append(report.record(suite="image", name="driver", driver="ahci", configuration="phase2", value=1,
                                 unit="bytes"))
    return records


class Report(unittest.TestCase):
    def test_complete_records_lack_nothing(self):
        self.assertEqual(report.missing(complete()), [])

    def test_every_record_is_missed(self):
        for index in range(len(complete())):
            records = complete()
            gone = records.pop(index)
            self.assertTrue(report.missing(records), gone)

    def test_a_null_figure_is_missed(self):
        records = complete()
        report.find(records, suite="block", name="write", placement="user", queue_depth=32)["p99_instructions"] = None
        self.assertEqual(report.missing(records), ["block write user 32 4096: p99_instructions is missing"])

    def test_an_unknown_field_is_refused(self):
        self.assertRaises(KeyError, report.record, suit="kernel")

    def test_share_is_of_the_ceiling_with_the_same_load(self):
        records = complete()
        one = report.find(records, name="write", placement="kernel", queue_depth=4)
        one["ns_per_op"] = 4.0
        self.assertEqual(report.share(records, one), 0.25)

    def test_table_and_picture_have_every_load(self):
        records = complete()
        pauses = {("hot", ring): {"ns": [1000, 4000], "instructions": [9000]} for ring in report.RINGS}
        text, picture = report.table(records, {}, pauses), report.picture(records, pauses)
        xml.fromstring(picture)
        self.assertIn("Pause of a hot move", picture)
        self.assertIn("hot move to ring 3: pause in us", text)
        for name, depth, _ in report.LOADS:
            self.assertIn(f"{name} depth {depth}", text)
            self.assertIn(f"{name}, depth {depth}", picture)


class Figures(unittest.TestCase):
    def test_mode_ignores_what_is_rare(self):
        self.assertEqual(counts.mode([650] * 50 + [651] * 30 + [900] * 20 + [5000]), 650)

    def test_buckets_cover_all_values(self):
        found = report.buckets([1000, 2000, 2000, 1000000])
        self.assertEqual((sum(count for _, count in found), found[0], found[-1]), (4, (512, 1), (524288, 1)))
        self.assertLessEqual(len(found), report.BARS)
        self.assertEqual(report.buckets([]), [])

    def test_groups_are_whole(self):
        self.assertEqual(counts.grouped([1, 3, 5, 7, 9], 2), [2, 6])

    def test_percentile_of_few(self):
        self.assertEqual((counts.percentile([3, 1, 2], 500), counts.percentile([3, 1, 2], 999)), (2, 3))
        self.assertIsNone(counts.percentile([], 500))

    def test_plugin_output_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix = os.path.join(folder, "counts")
            with open(prefix + ".txt", "w", encoding="ascii") as file:
                file.write("point number=0 user=4 kernel=0\nsegment index=0 operations=2 interrupts=1 pauses=1 "
                           "offset=0 user=10 kernel=20 mmio=6 switches=4\npoint number=0 user=9 kernel=9\n")
            with open(prefix + ".samples", "wb") as file:
                array.array("I", [14, 16, 5, 77]).tofile(file)
            seen = counts.Counts(prefix)
        self.assertEqual(list(seen.operations(seen.segments[0])), [14, 16])
        self.assertEqual(list(seen.interrupts(seen.segments[0])), [5])
        self.assertEqual(list(seen.pauses(seen.segments[0])), [77])
        self.assertEqual(seen.points[0]["user"], 4)
        fields = Bench.counted_fields([{"segment": 0, "queue_depth": 2}], seen)
        self.assertEqual((fields["instructions_per_op"], fields["mmio_per_op"], fields["switches_per_op"]),
                         (15, 3, 2))

    def test_quantiles_belong_to_their_segment(self):
        text = "bench: quantiles segment=4 ns=1:80,500:120\nbench: suite=block name=read segment=4\n"
        self.assertEqual(counts.quantiles(text), {4: [(1, 80), (500, 120)]})
        self.assertEqual(len(counts.data_lines(text)[0]), 1)
        rounds = [{"quantiles": [(500, ns)]} for ns in (3, 9, 4)] + [{"quantiles": None}]
        self.assertEqual(Bench.typical_quantiles(rounds), [(500, 4)])

    def test_a_skip_has_its_reason(self):
        self.assertEqual(counts.skips('bench: skip suite=move text="one ring"\n'), {"move": "one ring"})

    def test_guest_that_gives_up_says_why(self):
        text = 'bench: suite=kernel name=call samples=3\n[    1.0] log\nbench: error text="no disk0: gone"\n'
        self.assertEqual(counts.guest_error(text), "no disk0: gone")
        lines, ended = counts.data_lines(text)
        self.assertEqual((lines, ended), ([{"suite": "kernel", "name": "call", "samples": 3}], False))


if __name__ == "__main__":
    unittest.main()
