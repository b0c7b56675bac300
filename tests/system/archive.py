# SPDX-License-Identifier: BSD-2-Clause
"""Damaged initial archives and programs: one line says what is wrong; what is sound still runs."""
import os
import re
import shutil
import struct
import subprocess
import tempfile

from suite import Disk, GuestError, case

PLACEMENT_MATTERS = False

PROGRAM_BYTES, PROGRAM_OFFSET = 56, 64  # a program header; the first one follows the ELF header
VADDR = 16                              # in a program header
KERNEL_VADDR = 0xffffffff80100000
CRASH = b"\xf4\xf4"                     # hlt, not for ring 3


def _extract(build, folder, *names):
    """Copy files of /boot out of the build's image, to folder/boot."""
    command = ["xorriso", "-osirrox", "on", "-indev", build.iso]
    for name in names:
        command += ["-extract", f"/boot/{name}", f"{folder}/boot/{name}"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    for name in names:
        os.chmod(f"{folder}/boot/{name}", 0o644)


class Archive:
    """The build's initial archive as a list of files. Source: cpio(5), "New ASCII Format"."""

    def __init__(self, build):
        self.files = {}
        with tempfile.TemporaryDirectory() as folder:
            _extract(build, folder, "archive.cpio")
            with open(os.path.join(folder, "boot", "archive.cpio"), "rb") as file:
                data = file.read()
        at = 0
        while True:
            mode, size, name_size = (int(data[at + field:at + field + 8], 16) for field in (14, 54, 94))
            name = data[at + 110:at + 110 + name_size - 1].decode()
            if name == "TRAILER!!!":
                break
            body = (at + 110 + name_size + 3) & ~3
            self.files[name] = (mode, data[body:body + size])
            at = (body + size + 3) & ~3

    def change(self, name, edit):
        mode, data = self.files[name]
        self.files[name] = (mode, edit(data))

    def bytes(self):
        """The archive, and where each file's header begins."""
        out, begin = b"", {}
        for name, (mode, data) in [*self.files.items(), ("TRAILER!!!", (0, b""))]:
            begin[name] = len(out)
            fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
            out += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
            out += bytes(-len(out) % 4) + data
            out += bytes(-len(out) % 4)
        return out, begin


def _program(data, index, field, value):
    """An ELF file with one field of one of its loadable segments changed."""
    at = PROGRAM_OFFSET + PROGRAM_BYTES * index + field
    return data[:at] + struct.pack("<Q", value) + data[at + 8:]


def _vaddr(data, index):
    return struct.unpack_from("<Q", data, PROGRAM_OFFSET + PROGRAM_BYTES * index + VADDR)[0]


def _crashing(data):
    """The same program, but its first instruction is forbidden."""
    entry = struct.unpack_from("<Q", data, 24)[0]
    for index in range(struct.unpack_from("<H", data, 56)[0]):
        offset, vaddr, _, size = struct.unpack_from("<4Q", data, PROGRAM_OFFSET + PROGRAM_BYTES * index + 8)
        if vaddr <= entry < vaddr + size:
            at = offset + entry - vaddr
            return data[:at] + CRASH + data[at + 2:]
    raise ValueError("the entry is in no segment")


def _boot(test, name, archive, **options):
    """Boot the build's image with another initial archive."""
    tree, iso = os.path.join(test.folder(name), "iso"), os.path.join(test.folder(name), "eft.iso")
    _extract(test.build, tree, "kernel.elf", "grub/grub.cfg")
    with open(os.path.join(tree, "boot", "archive.cpio"), "wb") as file:
        file.write(archive)
    made = subprocess.run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", iso, tree], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.rmtree(tree)
    if made.returncode:
        raise GuestError("grub-mkrescue made no image: " + made.stdout.strip().splitlines()[-1])
    test.images.append(iso)
    return test.boot(name, iso=iso, **options)


def _stops(test, name, archive, pattern):
    """The kernel cannot go on: it says why in one line, and ends."""
    with _boot(test, name, archive, smp=1) as guest:
        outcome = guest.finish()
    lines = [line for line in outcome.serial.splitlines() if re.search(pattern, line)]
    test.check(f"{name}_is_named_in_one_line", len(lines) == 1, outcome.serial[-600:])
    test.check(f"{name}_is_a_panic", "panic:" in outcome.serial and outcome.status == 255,
               f"status {outcome.status}")


def _no_shell(test, name, archive, pattern):
    """There is nobody to type to: the console, the kernel's again, says why."""
    with _boot(test, name, archive, smp=1) as guest:
        guest.expect(rf"manager: there is no shell: {pattern}; boot an image", 30)
        test.check(f"{name}_is_told_on_the_console", True)
        guest.qmp().call("quit")
        problems = guest.finish(10).problems()
    test.check(f"{name}_leaves_a_quiet_machine", not problems, problems)


@case()
def archive_is_cut_short(test):
    data, begin = Archive(test.build).bytes()
    _stops(test, "before_the_manager", data[:begin["bin/manager"] + 50],
           r"boot: the initial archive has no bin/manager: build the image again")
    _no_shell(test, "before_the_shell", data[:begin["bin/shell"] + 2000], "the data is malformed")


@case()
def archive_is_damaged_in_the_middle(test):
    """What lies behind is lost, and said to be: here a driver's program, and the list of drivers."""
    archive = Archive(test.build)
    data, begin = archive.bytes()
    at = begin["bin/systest"]
    data = data[:at] + b"X" + data[at + 1:]
    lost = [name for name in archive.files if begin[name] >= at]
    with _boot(test, "", data) as guest:
        guest.expect(rf"boot: the initial archive is damaged or cut short at byte {at} of \d+: the files behind are lost")
        guest.expect(r"manager: no drivers.manifest: the data is malformed")
        guest.expect(r"shell: no serial line to talk on")
        test.check("each_loss_is_told", True)
        guest.qmp().call("quit")
        test.check("machine_goes_on", not guest.finish(10).problems(), lost)


@case()
def archive_is_nonsense(test):
    _stops(test, "noise", bytes(range(256)) * 64, r"boot: the initial archive has no bin/manager")
    _stops(test, "nothing", b"0", r"boot: the initial archive has no bin/manager")


@case()
def manager_is_no_program(test):
    archive = Archive(test.build)
    archive.change("bin/manager", lambda data: b"#!/bin/sh\n" + data[10:])
    _stops(test, "script", archive.bytes()[0], r"boot: bin/manager of the initial archive does not start")


@case()
def shell_lies_over_the_kernel(test):
    archive = Archive(test.build)
    archive.change("bin/shell", lambda data: _program(data, 0, VADDR, KERNEL_VADDR + _vaddr(data, 0) % 4096))
    _no_shell(test, "kernel_address", archive.bytes()[0], r"the data is malformed")


@case()
def shell_lies_over_itself(test):
    archive = Archive(test.build)
    archive.change("bin/shell", lambda data: _program(data, 1, VADDR, _vaddr(data, 0) + _vaddr(data, 1) % 4096))
    _no_shell(test, "overlap", archive.bytes()[0], r"the data is malformed")


@case()
def shell_ends_at_once(test):
    archive = Archive(test.build)
    archive.change("bin/shell", _crashing)
    _no_shell(test, "crash", archive.bytes()[0], r"it ended right after its start, time and again")


@case(drivers=("ahci",))
def driver_is_no_program(test):
    """The disk is lost, and said to be; the serial line is not."""
    if test.build.placement("ahci") != "user":
        test.skip("the driver is in the kernel's own image")
    archive = Archive(test.build)
    archive.change("drivers/block/ahci", lambda data: data[:100])
    image = test.image("disk.img", 16 << 20)
    with _boot(test, "", archive.bytes()[0], disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        test.check("prompt_counts_what_went_wrong",
                   re.search(r"^\d+ errors and \d+ warnings so far: `log warning` shows them", guest.text, re.M),
                   guest.text[-300:])
        warnings = guest.command("log warning")
        test.check_lines("log_says_why", warnings, r"ahci: not a program: ")
        test.check_lines("log_says_what_is_lost", warnings, r"1f\.2: driver ahci failed in ring 3: the data is malformed")
        test.check_lines("no_disks", guest.command("disk list"), r"no disks; `devices` shows")
        test.end(guest)


@case()
def program_of_the_command_line_is_none(test):
    with test.boot(cmdline="run=nosuch", smp=1) as guest:
        guest.wait_prompt()
        test.check("prompt_counts_it", re.search(r"^1 errors and 0 warnings so far", guest.text, re.M), guest.text[-300:])
        test.check_lines("log_names_it", guest.command("log error"),
                         r"cannot start nosuch of run=: there is no such thing; the shell comes instead")
        test.end(guest)
