# SPDX-License-Identifier: BSD-2-Clause
"""Drivers that move and die under a load that checks itself."""
from suite import Disk, case

COUNT = 20  # of moves each way, and of deaths; by hand: run=systest,storm,1000


@case(drivers=("ahci",), shell=False, timeout_s=240)
def storm_of_moves_and_deaths(test):
    # Slow enough that requests are in the hardware when the driver changes hands.
    disk = Disk(test.image("disk.img", 64 << 20), options="serial=scratch0", iops=1000)
    with test.boot(cmdline=f"run=systest,storm,{COUNT}", smp=1, disks=[disk]) as guest:
        test.adopt("systest", guest.finish())


@case(drivers=("ahci",))
def shell_moves_and_kills_under_load(test):
    disk = Disk(test.image("disk.img", 64 << 20), options="serial=scratch0", iops=1000)
    with test.boot(disks=[disk]) as guest:
        guest.wait_prompt()
        said = "\n".join(guest.command("bench verify &"))
        if "has no bin/bench" in said:
            test.skip("the image has no bench")
        for command in ("repeat 5 driver move ahci other", "repeat 3 driver kill ahci", "drivers"):
            guest.command(command)
        test.check_lines("load_has_lost_nothing", guest.command("bench verify stop"),
                         r"bench verify: good, [1-9][0-9]* operations, 0 mismatches, 0 failures")
        test.end(guest)
