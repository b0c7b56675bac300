#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The contract's implementations have equal file lists: backend/ and class/ of both rings, and the
files of both, side by side, in tests/fake/. Models of devices stand beside them as tests/fake/fake_*.c."""
import glob
import os

from common import expect, main


def names(folder):
    return {os.path.basename(path) for path in glob.glob(f"{folder}/*.c")}


def check(tree, _build):
    found = []
    both = set()
    for part in ("backend", "class"):
        kernel, user = names(f"{tree}/drivers-kernel/{part}"), names(f"{tree}/drivers-user/{part}")
        both |= kernel | user
        found += [f"drivers-kernel/{part}/{name} has no counterpart in drivers-user/{part}" for name in kernel - user]
        found += [f"drivers-user/{part}/{name} has no counterpart in drivers-kernel/{part}" for name in user - kernel]
        if not kernel and not user:
            found.append(f"no files in either ring's {part}/")
    fake = {name for name in names(f"{tree}/tests/fake") if not name.startswith("fake_")}
    found += [f"tests/fake/{name} is missing" for name in both - fake]
    found += [f"tests/fake/{name} has no counterpart in either ring" for name in fake - both]
    return sorted(found)


def self_test():
    good = {path: "" for path in ("drivers-kernel/backend/io.c", "drivers-user/backend/io.c", "tests/fake/io.c",
                                  "drivers-kernel/class/block.c", "drivers-user/class/block.c",
                                  "tests/fake/block.c", "tests/fake/fake_ahci.c")}
    expect(check, good, [
        ({"drivers-user/backend/io.c": None}, "drivers-kernel/backend/io.c has no counterpart"),
        ({"drivers-user/class/net.c": ""}, "drivers-user/class/net.c has no counterpart"),
        ({"tests/fake/io.c": None}, "tests/fake/io.c is missing"),
        ({"tests/fake/extra.c": ""}, "tests/fake/extra.c has no counterpart"),
        ({path: None for path in good}, "no files"),
    ])


if __name__ == "__main__":
    main(check, self_test)
