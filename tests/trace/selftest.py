#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of trace-diff: polls are collapsed, differences are found; and a driver that is patched in one
register, in a copy of the source, has another trace. On the host alone, so it takes seconds; --rings
does the same with ring 3 in QEMU.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import run  # noqa: E402

PORT = "shim/drivers/block/ahci/ahci_port.c"
REQUEST = "shim/drivers/block/ahci/ahci_request.c"
# Each changes one register access: file, text, other text, and what the first difference must name.
SEEDS = (
    (PORT, "PORT_ENABLE, PORT_STATUS_ALL)", "PORT_ENABLE, PORT_STATUS_ALL & ~PORT_STATUS_PIO)", "+0x114/32"),
    (PORT, "signature = port_read(device, port, PORT_SIGNATURE);",
     "signature = port_read(device, port, PORT_TASK_FILE); signature = port_read(device, port, PORT_SIGNATURE);",
     "+0x120/32"),
    (REQUEST, "queued ? PORT_STATUS_SDB : PORT_STATUS_D2H)",
     "queued ? PORT_STATUS_SDB | PORT_STATUS_D2H : PORT_STATUS_D2H)", "+0x110/32"),
    (REQUEST, "shim_mmio_write32(mmio, PORT_BASE(port) + PORT_ISSUE, batch);",
     "shim_mmio_write32(mmio, PORT_BASE(port) + PORT_ISSUE, batch); (void)port_read(device, port, PORT_ISSUE);", "+0x138/32"),
)


def copy_tree(to):
    """The sources, without what git ignores."""
    listed = subprocess.run(["git", "-C", run.TREE, "ls-files", "-co", "--exclude-standard"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    for name in listed:
        if os.path.exists(f"{run.TREE}/{name}"):
            os.makedirs(os.path.dirname(f"{to}/{name}") or to, exist_ok=True)
            shutil.copy2(f"{run.TREE}/{name}", f"{to}/{name}")


def patch(tree, seed):
    path, old, new, _ = seed
    with open(f"{tree}/{path}", encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        raise AssertionError(f"{path} does not hold this once: {old}")
    with open(f"{tree}/{path}", "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def generated():
    """A folder with generated headers: any finished build."""
    for path in (os.environ.get("BUILD", ""), "build", *sorted(glob.glob("build*"))):
        if path and os.path.exists(f"{path}/include/generated/autoconf.h"):
            return os.path.abspath(path)
    raise unittest.SkipTest("there is no build")


class Comparing(unittest.TestCase):
    def test_identical_polls_count_as_one(self):
        self.assertEqual(run.collapse(["~r 1", "~r 1", "~r 1", "~w 1"]), ["~r 1", "~w 1"])
        self.assertEqual(run.collapse(["~r 1", "~r 2", "~r 1", "~r 2", "~r 3"]), ["~r 1", "~r 2", "~r 3"])

    def test_writes_and_interrupts_all_count(self):
        for event in ("~w 1", "~i 0", "~a b0+0x0"):
            self.assertEqual(run.collapse([event, event]), [event, event])

    def test_first_difference_is_named_with_what_was_before(self):
        text = run.compare({"kernel": ["~r a", "~w b", "~w c"], "user": ["~r a", "~w b", "~w c"],
                            "host": ["~r a", "~w x", "~w c"]})
        self.assertIn("event 2", text)
        self.assertLess(text.index("~r a"), text.index("kernel  ~w b"))
        self.assertIn("host    ~w x", text)

    def test_a_trace_that_ends_early_differs(self):
        self.assertIn("(end)", run.compare({"kernel": ["~r a", "~w b"], "user": ["~r a"]}))
        self.assertIsNone(run.compare({"kernel": ["~r a"], "user": ["~r a"]}))

    def test_lines_of_other_devices_do_not_count(self):
        log = "[    0.1] 0000:00:1f.2: ~w 1\n[    0.2] com1: ~w 2\n[    0.3] 0000:00:1f.2: text\n"
        self.assertEqual(run.events(log, "0000:00:1f.2"), ["~w 1"])


class Seeds(unittest.TestCase):
    def test_a_seeded_difference_of_one_register_is_found(self):
        headers = generated()
        with tempfile.TemporaryDirectory() as out:
            good = run.host_trace(run.TREE, out, headers, "ahci")
            self.assertGreater(len(good), 100)
            for number, seed in enumerate(SEEDS):
                tree = f"{out}/tree{number}"
                for part in ("shim", "tests/fake", "tests/trace", "kernel/include", "drivers-user"):
                    shutil.copytree(f"{run.TREE}/{part}", f"{tree}/{part}")
                patch(tree, seed)
                bad = run.host_trace(tree, out, headers, "ahci")
                index = run.first_difference(good, bad)
                self.assertIsNotNone(index, seed)
                self.assertIn(seed[3], " ".join(good[index:index + 1] + bad[index:index + 1]))


@unittest.skipUnless("--rings" in sys.argv, "two builds and two boots: --rings")
class Rings(unittest.TestCase):
    def test_a_seeded_difference_in_ring_3_is_found(self):
        with tempfile.TemporaryDirectory() as tree:
            copy_tree(tree)
            patch(tree, SEEDS[0])
            done = subprocess.run([sys.executable, f"{run.HERE}/run.py", "--build", f"{tree}/build",
                                   "--user-tree", tree], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(SEEDS[0][3], done.stdout)
            print(done.stdout)


if __name__ == "__main__":
    os.chdir(run.TREE)
    unittest.main(argv=[word for word in sys.argv if word != "--rings"])
