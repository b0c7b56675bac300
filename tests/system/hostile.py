# SPDX-License-Identifier: BSD-2-Clause
"""Hostile processes call the kernel by chance, and take what they can: nobody else is harmed.

SEED and SECONDS in the environment, as `make fuzz` sets them: another chance, for longer.
"""
import os

from suite import Disk, case

SEED = int(os.environ.get("SEED") or 1)
SECONDS = int(os.environ.get("SECONDS") or 0)
TIMEOUT_S = 180 + 4 * SECONDS


def _fuzz(test, cpus, seed):
    disk = Disk(test.image("disk.img", 64 << 20), options="serial=scratch0")
    seconds = f",{SECONDS}" if SECONDS else ""
    with test.boot(cmdline=f"run=fuzz,{seed}{seconds}", smp=cpus, disks=[disk], devices=["edu"]) as guest:
        test.adopt("fuzz", guest.finish())


@case(shell=False, timeout_s=TIMEOUT_S)
def calls_by_chance_on_four_processors(test):
    _fuzz(test, 4, SEED)


@case(shell=False, timeout_s=TIMEOUT_S)
def calls_by_chance_on_one_processor(test):
    _fuzz(test, 1, SEED + 1)
