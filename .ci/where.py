#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""where.py BUILD CROSS_COMPILE [LOG]: the reports of panics and faults in a log, with file and line under each address.

Kernel and programs all have addresses of their own, so that an address says whose it is. Without LOG, the
standard input is read.
"""
import glob
import os
import re
import subprocess
import sys

from elftools.elf.elffile import ELFFile

LEVEL = re.compile(r"#(\d+) +([0-9a-f]{16})(?: (\S+)\+0x[0-9a-f]+)?")


class Image:
    """The kernel or a program: its code's addresses, and who knows its lines."""

    def __init__(self, path, cross):
        self.path = path
        with open(path, "rb") as file:
            elf = ELFFile(file)
            self.code = [range(part["p_vaddr"], part["p_vaddr"] + part["p_memsz"])
                         for part in elf.iter_segments("PT_LOAD") if part["p_flags"] & 1]
            table = elf.get_section_by_name(".symtab")
            functions = [symbol for symbol in table.iter_symbols() if symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE")]
            self.names = sorted((symbol["st_value"], symbol.name) for symbol in functions if symbol.name)
        self.tool = [cross + "addr2line", "-f", "-i", "-e", path]

    def __contains__(self, vaddr):
        return any(vaddr in part for part in self.code)

    def names_at(self, vaddr):
        """All names of the nearest symbol at or below an address."""
        below = [value for value, _ in self.names if value <= vaddr]
        return {name for value, name in self.names if below and value == below[-1]}

    def lines_at(self, vaddr):
        """[(function, file:line)], the innermost first: what was inlined, and into what."""
        said = subprocess.check_output([*self.tool, f"{vaddr:#x}"], text=True).splitlines()
        return [(function, place.split(" (")[0]) for function, place in zip(said[::2], said[1::2])]


def images(build, cross):
    paths = [f"{build}/kernel.elf"] + [path for path in sorted(glob.glob(f"{build}/drivers-user/*/*"))
                                       if "." not in os.path.basename(path)]
    return [Image(path, cross) for path in paths if os.path.isfile(path)]


def explain(log, known, tree):
    """The lines of the reports in a log, each followed by where it is; and how many were foreign to this build."""
    shown, foreign, reason = [], 0, False
    for line in log:
        found = LEVEL.search(line)
        if not found:
            if reason or re.search(r"panic:|the process is ended|on behalf of", line):
                shown.append(line.rstrip())
            reason = line.rstrip().endswith("panic:")
            continue
        level, vaddr, name = int(found[1]), int(found[2], 16), found[3]
        shown.append(line.rstrip())
        vaddr -= level > 0  # a return address may lie behind the call's line
        image = next((image for image in known if vaddr in image), None)
        if image is None or (name and name not in image.names_at(vaddr)):
            foreign += 1
            continue
        shown += [f"        {function} at {re.sub(f'^{re.escape(tree)}/', '', place)}"
                  for function, place in image.lines_at(vaddr)]
    return shown, foreign


def main():
    build, cross, *log = sys.argv[1:]
    with open(log[0], encoding="utf-8", errors="replace") if log else sys.stdin as lines:
        shown, foreign = explain(lines, images(build, cross), os.getcwd())
    print("\n".join(shown))
    if not any(LEVEL.search(line) for line in shown):
        sys.exit("where: no report of a panic or fault in " + (log[0] if log else "the standard input"))
    if foreign:
        sys.exit(f"where: {foreign} addresses are not of this build; O=folder names the one that the log is of")


if __name__ == "__main__":
    main()
