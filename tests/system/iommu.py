# SPDX-License-Identifier: BSD-2-Clause
"""With an IOMMU in the machine, disks still work from either ring."""
from suite import Disk, case


def _with_iommu(test, cmdline):
    image = test.image("disk.img", 32 << 20)
    with test.boot(cmdline=cmdline, devices=["intel-iommu,intremap=on,caching-mode=on"],
                   disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        test.check_lines("log_tells_of_it", guest.command("log"), r"(?i)iommu|vt-d|dmar")
        said = guest.writes("disk0", 11, 0, 4096) or guest.verifies("disk0", 11, 0, 4096)
        test.check("disk_works", not said, said)
        warnings = guest.command("log warning")
        test.check("nobody_complains", not warnings, warnings)
        test.end(guest)


@case(drivers=("ahci",))
def disk_driven_where_configured(test):
    _with_iommu(test, "")


@case(drivers=("ahci",))
def disk_driven_from_the_other_ring(test):
    if not test.build.movable():
        test.skip("without MOVABLE_DRIVERS a driver has one ring")
    other = "ahci=user" if test.build.placement("ahci") == "kernel" else "pci=kernel ahci=kernel"
    _with_iommu(test, other)
