# SPDX-License-Identifier: BSD-2-Clause
"""The same image starts from UEFI firmware."""
import os

from qemu import OVMF_CODE
from suite import Disk, case


@case(timeout_s=180)
def boots_from_uefi(test):
    if not os.path.exists(OVMF_CODE):
        test.skip(f"{OVMF_CODE} is not installed")
    image = test.image("disk.img", 16 << 20)
    with test.boot(uefi=True, disks=[Disk(image)]) as guest:
        guest.wait_prompt(150)
        if test.build.placement("ahci") != "off":
            said = guest.writes("disk0", 1, 0, 2048) or guest.verifies("disk0", 1, 0, 2048)
            test.check("disk_works", not said, said)
        rings = guest.driver_rings()
        test.check("serial_line_is_live", "uart" in rings, rings)
        test.end(guest)
