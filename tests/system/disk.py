# SPDX-License-Identifier: BSD-2-Clause
"""What one ring writes the other reads back in the next boot, and the host on the image."""
import pattern
from suite import Disk, case

MIB = (1 << 20) // 512  # in sectors
SEED = 20261
CMDLINE = {"user": "ahci=user", "kernel": "pci=kernel ahci=kernel", "": ""}


def _boot(test, name, image, ring):
    return test.boot(name, cmdline=CMDLINE[ring], disks=[Disk(image)], smp=1)


def _check_ring(test, name, guest, ring):
    rings = guest.driver_rings()
    test.check(name, rings.get("ahci") == {ring or test.build.placement("ahci")}, rings)


def _write_and_read_back(test, writer, reader, sectors=64 * MIB):
    image = test.image("disk.img", sectors * 512)
    with _boot(test, "write", image, writer) as guest:
        guest.wait_prompt()
        _check_ring(test, "writer_is_in_its_ring", guest, writer)
        said = guest.writes("disk0", SEED, 0, sectors, 90)
        test.require("pattern_is_written", not said, said)
        test.end(guest, "writing_boot_ends_well")
    found, wanted = pattern.image_hashes(image, SEED, 0, sectors)
    if not test.check("host_finds_the_patterns_hash_on_the_image", found == wanted, f"{found}, not {wanted}"):
        test.check("image_holds_the_pattern", False,
                   f"sector {pattern.image_difference(image, SEED, 0, sectors)} is the first that differs")
    with _boot(test, "read", image, reader) as guest:
        guest.wait_prompt()
        _check_ring(test, "reader_is_in_its_ring", guest, reader)
        said = guest.verifies("disk0", SEED, 0, sectors, 90)
        test.check("pattern_is_read_back", not said, said)
        said = guest.verifies("disk0", SEED + 1, 0, 8)
        test.check("wrong_pattern_is_noticed", "differ" in said, said)
        test.end(guest, "reading_boot_ends_well")


@case(drivers=("ahci",), timeout_s=180)
def written_in_ring_3_reads_back_in_ring_0(test):
    if not test.build.movable():
        test.skip("without MOVABLE_DRIVERS a driver has one ring")
    _write_and_read_back(test, "user", "kernel")


@case(drivers=("ahci",), timeout_s=180)
def written_in_ring_0_reads_back_in_ring_3(test):
    if not test.build.movable():
        test.skip("without MOVABLE_DRIVERS a driver has one ring")
    _write_and_read_back(test, "kernel", "user")


@case(drivers=("ahci",))
def written_and_read_back_where_configured(test):
    _write_and_read_back(test, "", "", 8 * MIB)
