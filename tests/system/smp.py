# SPDX-License-Identifier: BSD-2-Clause
"""One to eight processors: all come up, and the guest's tests pass on them."""
from suite import Disk, case


def _on(test, cpus):
    image = test.image("disk.img", 64 << 20)
    with test.boot(cmdline="run=systest,kernel,process,block", smp=cpus, disks=[Disk(image, options="serial=scratch0")]) as guest:
        outcome = guest.finish()
    test.check("all_processors_run", f"smp: {cpus} of {cpus} processors run" in outcome.debugcon,
               outcome.debugcon[:800])
    test.adopt("systest", outcome)


@case(shell=False, timeout_s=180)
def one_processor(test):
    _on(test, 1)


@case(shell=False, timeout_s=180)
def two_processors(test):
    _on(test, 2)


@case(shell=False, timeout_s=180)
def four_processors(test):
    _on(test, 4)


@case(shell=False, timeout_s=180)
def eight_processors(test):
    _on(test, 8)
