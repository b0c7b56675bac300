# SPDX-License-Identifier: BSD-2-Clause
"""AHCI beyond the one good disk: several, huge, failing and thin ones, a drive with another set."""
import os
import re

import pattern
from suite import Disk, case

MIB = 1 << 20
COUNT = 64  # sectors a check writes


def _write_and_verify(test, guest, name, disk, seed, start):
    said = guest.writes(disk, seed, start, COUNT)
    test.check(f"{name}_is_written", not said, said)
    said = guest.verifies(disk, seed, start, COUNT)
    test.check(f"{name}_is_read_back", not said, said)


def _several_disks(test, machine):
    """One disk on the first controller, two on another, one of these on its fourth port."""
    sizes = {"EFT-A": 32 * MIB, "EFT-B": 48 * MIB, "EFT-C": 80 * MIB}
    images = {model: test.image(f"{model}.img", size) for model, size in sizes.items()}
    disks = [Disk(images[model], sizes[model], options=f"model={model}",
                  controller="" if model == "EFT-A" else "card1", port=3 if model == "EFT-C" else -1)
             for model in sizes]
    with test.boot(machine=machine, disks=disks, controllers=["card1"]) as guest:
        guest.wait_prompt()
        names = guest.disks()
        test.require("every_disk_is_found", set(names) == set(sizes), f"found {names}")
        for seed, model in enumerate(sizes, 1):
            _write_and_verify(test, guest, model, names[model], seed, 1000)
        if machine == "q35":  # the CD drive is on the first controller
            log = "\n".join(guest.command("log"))
            test.check("atapi_drive_is_refused_politely", re.search(r"(?i)atapi", log), log[-800:])
        test.end(guest)
    for seed, model in enumerate(sizes, 1):
        different = pattern.image_difference(images[model], seed, 1000, COUNT)
        test.check(f"image_of_{model}_holds_its_own_pattern", different < 0, f"sector {different} differs")


@case(drivers=("ahci",))
def several_disks_and_controllers(test):
    _several_disks(test, "q35")


@case(drivers=("ahci",))
def controller_card_on_an_old_machine(test):
    _several_disks(test, "pc")


@case(drivers=("ahci",))
def disk_beyond_2_tib(test):
    size, start = 3 << 40, (5 << 40) // 2 // 512 + 1
    try:
        image = test.image("huge.img", size)
    except OSError as error:
        test.skip(f"the host cannot make a sparse file of 3 TiB: {error}")
    with test.boot(disks=[Disk(image, size)]) as guest:
        guest.wait_prompt()
        test.check_lines("size_is_right", guest.command("disk list"), r"3\.0 TiB  6442450944 blocks of 512")
        _write_and_verify(test, guest, "block_beyond_32_bits", "disk0", 7, start)
        said = guest.reads("disk0", size // 512 - 1)
        test.check("last_block_is_read", not said, said)
        test.end(guest)
    different = pattern.image_difference(image, 7, start, COUNT)
    test.check("image_holds_it_where_it_belongs", different < 0, f"sector {different} differs")
    with open(image, "rb") as file:
        file.seek(start % (1 << 32) * 512)
        test.check("block_with_the_same_low_32_bits_is_untouched", not any(file.read(COUNT * 512)))


@case(drivers=("ahci",))
def bad_sectors_give_clean_errors(test):
    image = test.image("disk.img", 64 * MIB)
    with test.boot(disks=[Disk(image, bad_reads=(1000,), bad_writes=(3000,))]) as guest:
        guest.wait_prompt()
        clean = r"reported an error|medium cannot"
        said = guest.reads("disk0", 1000)
        test.check("bad_sector_cannot_be_read", re.search(clean, said), said)
        said = guest.writes("disk0", 3, 3000, 1)
        test.check("bad_sector_cannot_be_written", re.search(clean, said), said)
        _write_and_verify(test, guest, "good_sector_after_errors", "disk0", 3, 5000)
        said = guest.reads("disk0", 1000)
        test.check("bad_sector_fails_again", re.search(clean, said), said)
        said = guest.verifies("disk0", 3, 960, 256)
        test.check("deep_queue_with_one_bad_sector_ends", re.search(clean, said), said)
        said = guest.reads("disk0", 1001)
        test.check("sector_beside_it_is_read", not said, said)
        test.end(guest)


@case(drivers=("ahci",))
def discarded_blocks_are_freed_on_the_host(test):
    image = test.image("thin.img", 64 * MIB)
    with test.boot(disks=[Disk(image, discard=True)]) as guest:
        guest.wait_prompt()
        said = guest.writes("disk0", 5, 0, 16384)
        test.require("8_mib_are_written", not said, said)
        before = os.stat(image).st_blocks
        test.check("host_has_allocated_them", before >= 16384, f"{before} blocks")
        said = guest.command("disk discard disk0 0 8192")
        test.check("half_is_discarded", not said, said)
        said = guest.verifies("disk0", 5, 8192, 8192)
        test.check("other_half_is_untouched", not said, said)
        test.end(guest)
    after = os.stat(image).st_blocks
    test.check("host_has_freed_half", after <= before - 8192, f"{before} blocks before, {after} after")
