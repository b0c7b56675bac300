# SPDX-License-Identifier: BSD-2-Clause
"""The in-guest test program: kernel objects, IPC, timers, sessions, as ring 3 sees them."""
from suite import Disk, case


@case(shell=False, timeout_s=180)
def systest(test):
    image = test.image("disk.img", 64 << 20)
    with test.boot(cmdline="run=systest", disks=[Disk(image, options="serial=scratch0")]) as guest:
        test.adopt("systest", guest.finish())


@case(shell=False, timeout_s=60)
def greed_on_one_processor(test):
    """Where whoever waits for a processor waits for the greedy, and their turns can be counted."""
    image = test.image("disk.img", 64 << 20)
    disk = Disk(image, options="serial=scratch0")
    with test.boot(cmdline="run=systest,budget", smp=1, disks=[disk]) as guest:
        test.adopt("budget", guest.finish())
