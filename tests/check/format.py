#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every C source is laid out as .clang-format says. --fix lays it out."""
import os
import subprocess
import sys

from common import TREE, expect, main


def sources(tree):
    paths = []
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if not name.startswith(("build", ".git")))
        paths += [os.path.join(folder, name) for name in sorted(files) if name.endswith((".c", ".h"))]
    return paths


def check(tree, _build):
    paths = sources(tree)
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], text=True, cwd=tree,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return []
    lines = [line.replace(tree + "/", "") for line in done.stdout.splitlines() if ": error: " in line]
    files = sorted({line.split(":")[0] for line in lines})
    return [f"{file}: not laid out as .clang-format says (make format)" for file in files] or [done.stdout]


def self_test():
    style = open(os.path.join(TREE, ".clang-format"), encoding="utf-8").read()
    expect(check, {".clang-format": style, "a.c": "int a;\n"}, [({"a.c": "int   a ;\n"}, "a.c: not laid out")])


if __name__ == "__main__":
    if sys.argv[1:] == ["--fix"]:
        sys.exit(subprocess.call(["clang-format", "-i", *sources(TREE)]))
    main(check, self_test)
