# SPDX-License-Identifier: BSD-2-Clause
"""From 64 MiB to beyond 4 GiB: boots, sees it all, and reads a disk with it."""
import re

from suite import Disk, case


def _with(test, memory_mib):
    image = test.image("disk.img", 16 << 20)
    with test.boot(memory_mib=memory_mib, disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        shown = guest.command("mem")[0]
        match = re.match(r"memory +(\d+) MiB, (\d+) MiB free", shown)
        test.require("mem_answers", match, shown)
        seen_mib = int(match[1])
        test.check("all_memory_is_seen", memory_mib * 0.9 - 8 <= seen_mib <= memory_mib, shown)
        if test.build.placement("ahci") != "off":
            said = guest.writes("disk0", 1, 0, 2048) or guest.verifies("disk0", 1, 0, 2048)
            test.check("disk_works", not said, said)
        test.end(guest)


@case()
def memory_64_mib(test):
    _with(test, 64)


@case()
def memory_512_mib(test):
    _with(test, 512)


@case()
def memory_5_gib(test):
    with open("/proc/meminfo", encoding="ascii") as file:
        available = int(re.search(r"MemAvailable: +(\d+)", file.read())[1]) // 1024
    if available < 2048:
        test.skip(f"the host has only {available} MiB to spare")
    _with(test, 5120)
