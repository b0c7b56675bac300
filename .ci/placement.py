#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""placement.py BUILD CROSS_COMPILE [CLASS/NAME,off...]: which driver is in which image, and its size."""
import signal
import subprocess
import sys

WORDS = {"y": "kernel", "m": "user", "off": "off"}


def code_bytes(cross, path):
    """Bytes that an object or program loads: text and constants, data, zeroed data."""
    line = subprocess.check_output([cross + "size", path], text=True).splitlines()[1].split()
    return sum(int(word) for word in line[:3])


def main():
    build, cross, *off = sys.argv[1:]
    row = "{:<12} {:<8} {:<11} {:>14} {:>14}".format
    print(row("driver", "class", "configured", "in kernel", "process"))
    for line in open(f"{build}/drivers.list").read().split() + off:
        path, configured, *images = line.split(",")
        klass, name = path.split("/")
        kernel = code_bytes(cross, f"{build}/shim/drivers/{path}/{name}.o") if "kernel" in images else "-"
        process = code_bytes(cross, f"{build}/drivers-user/{path}") if "user" in images else "-"
        print(row(name, klass, WORDS[configured], kernel, process))
    print("Sizes in bytes, loaded. The command line overrides: make run CMDLINE=\"NAME=kernel|user|off\".")


signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # make placement | head
main()
