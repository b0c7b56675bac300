#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A missing tool, a broken one, and a configuration edited wrong each get one clear line with the remedy."""
import os
import re
import shutil
import subprocess
import tempfile

from common import main, write_tree

SETUP = r'run "make setup"'
PATHS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# What make and Kconfig add of their own.
NOISE = re.compile(r"make(\[\d+\])?: |Makefile:\d+: .*No such file or directory$|  [A-Z]+ +\[|        +")
GOOD = 'CONFIG_CONFIGURATION="x"\nCONFIG_DRIVER_PCI=y\nCONFIG_DRIVER_AHCI=m\nCONFIG_DRIVER_UART=m\n'


def judge(name, output, status, wanted, lines=1):
    """What is wrong with an answer: it must fail, in so many lines, of which one says what is wanted."""
    said = [line for line in output.splitlines() if line.strip() and not NOISE.match(line)]
    if status == 0:
        return [f"{name}: passes as if nothing were wrong"]
    if "Traceback" in output or not any(re.search(wanted, line) for line in said) or len(said) > lines:
        return [f"{name}: not {lines} clear line(s) with '{wanted}', but: {' | '.join(said)[:500]}"]
    return []


class Place:
    """A copy of what make reads of the tree, and a folder of tools from which some are missing."""

    def __init__(self, tree, folder):
        self.folder, self.tree = folder, os.path.join(folder, "tree")
        shutil.copytree(tree, self.tree, symlinks=True, ignore=lambda path, names: [
            name for name in names if name == ".git" or path == tree and name.startswith("build")])
        self.tools = os.path.join(folder, "tools")
        os.mkdir(self.tools)
        for path in PATHS:
            for name in os.listdir(path) if os.path.isdir(path) else ():
                if not os.path.lexists(os.path.join(self.tools, name)):
                    os.symlink(os.path.join(path, name), os.path.join(self.tools, name))
        self.out = os.path.join(folder, "out")
        os.makedirs(self.out)

    def run(self, *command, without="", config=None, tool=""):
        """(output, status) of a command; `tool`: text of the script that `without` is instead of missing."""
        if config is not None:
            write_tree(self.out, {".config": config})
        hidden = os.path.join(self.tools, without)
        if without:
            os.rename(hidden, hidden + ".hidden")
        if tool:
            write_tree(self.tools, {without: tool})
            os.chmod(hidden, 0o755)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        try:
            done = subprocess.run(command, cwd=self.tree, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, env={**environment, "PATH": self.tools}, timeout=120)
            return done.stdout, done.returncode
        finally:
            if tool:
                os.unlink(hidden)
            if without:
                os.rename(hidden + ".hidden", hidden)


def configurations(place):
    """Files of Kconfig edited wrong."""
    make = ("make", f"O={place.out}", "syncconfig")
    for name, change, wanted in (
            ("unknown symbol", ("UART=m", "UARTT=m"), r"\.config:4: CONFIG_DRIVER_UARTT: .*no such symbol; remove"),
            ("unmet dependency", ("PCI=y", "PCI=m\nCONFIG_DRIVER_AHCI=y"), r"\.config:3: CONFIG_DRIVER_AHCI: .*needs DRIVER_PCI"),
            ("value out of range", ("PCI=y", "PCI=y\nCONFIG_LOG_LEVEL=99"), r"\.config:3: .*range is 0 to 5"),
            ("value of the wrong kind", ("UART=m", "UART=x"), r"\.config:4: CONFIG_DRIVER_UART: .*it is y, m or n"),
            ("broken line", ("CONFIG_DRIVER_UART=m", "DRIVER_UART=m"), r"\.config:4: 'DRIVER_UART=m' means nothing")):
        text = GOOD.replace(*change)
        if name == "unmet dependency":
            text = text.replace("CONFIG_DRIVER_AHCI=m\n", "")
        yield name, *place.run(*make, config=text), wanted, 2  # the second line: how to settle the file
    kconfig = os.path.join(place.tree, "Kconfig")
    with open(kconfig, encoding="utf-8") as file:
        text = file.read()
    write_tree(place.tree, {"Kconfig": text.replace('\tint "Log level', '\tintt "Log level')})
    yield "syntax error in Kconfig", *place.run(*make, config=GOOD), r"Kconfig:\d+: .*intt.*correct that line", 1
    yield ("syntax error in Kconfig, regress", *place.run("make", f"O={place.out}", "regress", "LIST=1"),
           r"Kconfig:\d+: .*intt.*correct that line", 1)
    write_tree(place.tree, {"Kconfig": text})
    yield "configuration that is not there", *place.run("make", f"O={place.out}", "phase9_defconfig"), "phase9.*there are", 1


def tools(place):
    """Tools that are missing, and a compiler that is for something else."""
    make = ("make", f"O={place.out}")
    made = [f"{place.out}/{name}" for name in ("kernel.elf", "archive.cpio", "eft.iso")]
    write_tree(place.out, {os.path.basename(path): "" for path in made})
    iso = (*make, "-W", "kernel/boot/grub.cfg", *(word for path in made[:2] for word in ("-o", path)), made[2])
    missing = "%s is missing: " + SETUP
    yield "kconfig-conf", *place.run(*make, "phase2_defconfig", without="kconfig-conf"), missing % "kconfig-conf", 1
    yield "kconfig-mconf", *place.run(*make, "menuconfig", without="kconfig-mconf"), missing % "kconfig-mconf", 1
    yield ("python3-kconfiglib", *place.run(*make, "phase2_defconfig", "PYTHON=/usr/bin/python3 -S"),
           missing % "python3-kconfiglib", 1)
    place.run(*make, "phase2_defconfig")
    for tool in ("grub-mkrescue", "xorriso", "mformat"):
        yield tool, *place.run(*iso, without=tool), missing % tool, 1
    for tool, goal in (("qemu-system-x86_64", "run"), ("qemu-system-x86_64", "debug"), ("gdb", "gdb")):
        done = [*made, f"{place.out}/disk.img", f"{place.out}/eft.gdb"]
        write_tree(place.out, {os.path.basename(path): "" for path in done})
        assumed = [word for path in done for word in ("-o", path)]
        yield f"{tool}, {goal}", *place.run(*make, *assumed, goal, without=tool), missing % tool, 1
    yield ("qemu-system-x86_64, system", *place.run("/usr/bin/python3", "tests/run/system.py", "--build", place.out,
                                                    without="qemu-system-x86_64"), missing % "qemu-system-x86_64", 1)
    yield ("qemu-system-x86_64, regress", *place.run(*make, "regress", "CONFIG=phase2", without="qemu-system-x86_64"),
           missing % "qemu-system-x86_64", 1)
    yield ("parallel", *place.run(*make, "regress", "CONFIG=phase2", "SSHLOGINS=1/:",
                                  **({"without": "parallel"} if shutil.which("parallel") else {})),
           'parallel, which is missing: ' + SETUP, 1)
    yield "spin", *place.run("/usr/bin/python3", "tests/models/run.py", "--build", place.out, without="spin"), \
        'spin is missing: "make setup"', 2
    yield "clang-format", *place.run("/usr/bin/python3", "tests/check/format.py", without="clang-format"), \
        missing % "clang-format", 1
    probe = (*make, f"{place.out}/include/stamp/probe")
    yield "no compiler", *place.run(*probe, "CROSS_COMPILE=none-"), "none-gcc.*no such compiler|none-.* is missing", 3
    for tool in ("x86_64-linux-gnu-gcc", "x86_64-linux-gnu-objcopy"):
        yield tool, *place.run(*probe, without=tool), f"{tool}.*(no such compiler|is missing)", 3
    yield ("compiler for another machine", *place.run(
        *probe, without="x86_64-linux-gnu-gcc", tool="#!/bin/sh\necho \"cc: bad value '-mcmodel=kernel'\" >&2\nexit 1\n"),
           'x86_64-linux-gnu-gcc: cannot compile for the kernel', 3)


def check(tree, _build):
    found = []
    with tempfile.TemporaryDirectory() as folder:
        place = Place(tree, folder)
        for part in (configurations, tools):
            for name, output, status, wanted, lines in part(place):
                found += judge(name, output, status, wanted, lines)
    return found


def self_test():
    assert not judge("t", 'make: *** x\nspin is missing: run "make setup"\n', 1, "spin is missing: " + SETUP)
    for output, status in (("spin is missing: run it", 1), ('spin is missing: run "make setup"', 0), ("", 1),
                           ('Traceback\nspin is missing: run "make setup"', 1),
                           ('sh: spin: not found\nspin is missing: run "make setup"', 1)):
        assert judge("t", output, status, "spin is missing: " + SETUP), output


if __name__ == "__main__":
    main(check, self_test)
