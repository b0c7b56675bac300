# SPDX-License-Identifier: BSD-2-Clause
"""Disks that fail, hang or are empty: a clean error for each request, and the other disks go on."""
import re

from suite import Disk, case

PLACEMENT_MATTERS = False

MIB = 1 << 20


def _other_disk_works(test, guest, name, disk):
    said = guest.writes(disk, 8, 100, 256) or guest.verifies(disk, 8, 100, 256)
    test.check(name, not said, said)


@case(drivers=("ahci",))
def disk_that_fails_every_read(test):
    images = [test.image(name, 16 * MIB) for name in ("sick.img", "sound.img")]
    with test.boot(disks=[Disk(images[0], 16 * MIB, broken="read", options="model=SICK"),
                          Disk(images[1], 16 * MIB, options="model=SOUND")]) as guest:
        guest.wait_prompt()
        names = guest.disks()
        test.require("both_are_listed", set(names) == {"SICK", "SOUND"}, names)
        test.check_lines("list_says_what_cannot_be_read", guest.command("disk list"), r"^  partitions: .*(error|medium)")
        said = guest.reads(names["SICK"], 5)
        test.check("read_fails_in_one_line",
                   re.fullmatch(rf"disk read: {names['SICK']}: (the device reported an error|the medium cannot be read or written there); `log` has the details", said), said)
        log = guest.command("log error")
        test.check_lines("log_names_disk_and_block", log, r"port 0: read of \d+ blocks from block \d+ on: ")
        _other_disk_works(test, guest, "other_disk_works", names["SOUND"])
        said = guest.writes(names["SICK"], 8, 100, 16)
        test.check("sick_disk_can_be_written", not said, said)
        test.end(guest)


@case(drivers=("ahci",))
def disk_that_does_not_answer(test):
    """By instructions the guest's limit of 20 s comes at once; QEMU's answer comes 3 s later, to nobody."""
    image = test.image("sound.img", 16 * MIB)
    with test.boot(smp=1, icount=True, disks=[
            Disk("", 16 * MIB, latency_ns=3_000_000_000, options="model=DEAF"),
            Disk(image, 16 * MIB, options="model=SOUND")]) as guest:
        guest.wait_prompt()
        said = guest.reads("disk0", 5)
        test.check("read_ends_in_one_line",
                   re.fullmatch(r"disk read: disk0: the time is over; `log` has the details", said), said)
        test.check_lines("log_names_disk_and_remedy", guest.command("log error"), r"port 0: no answer to commands 0x")
        _other_disk_works(test, guest, "other_disk_works", "disk1")
        test.end(guest)


@case(drivers=("ahci",))
def disk_without_blocks(test):
    image = test.image("sound.img", 16 * MIB)
    with test.boot(disks=[Disk(test.image("empty.img", 0), 0, options="model=EMPTY"),
                          Disk(image, 16 * MIB, options="model=SOUND")]) as guest:
        guest.wait_prompt()
        names = guest.disks()
        test.check("only_the_other_is_listed", set(names) == {"SOUND"}, names)
        test.check_lines("log_names_it", guest.command("log warning"), r"port 0: .*no blocks")
        _other_disk_works(test, guest, "other_disk_works", "disk0")
        test.end(guest)
