# SPDX-License-Identifier: BSD-2-Clause
"""The in-guest test program: kernel objects, IPC, timers, sessions, as ring 3 sees them."""
from suite import Disk, case


@case(shell=False, timeout_s=180)
def systest(test):
    image = test.image("disk.img", 64 << 20)
    with test.boot(cmdline="run=systest", disks=[Disk(image, options="serial=scratch0")]) as guest:
        test.adopt("systest", guest.finish())
