# SPDX-License-Identifier: BSD-2-Clause
"""What the checks share: their command line, the list of drivers, trees made up for self-tests.

A check is a script with check(tree, build), which returns what is wrong, a sentence each, and
self_test(), which shows check() good and bad trees and raises AssertionError when one is missed.
"""
import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True


@dataclass
class Driver:
    """One line of BUILD/drivers.list."""

    path: str        # block/ahci
    configured: str  # y, m
    images: tuple    # kernel, user

    @property
    def name(self):
        return os.path.basename(self.path)

    def object(self, build):
        return f"{build}/shim/drivers/{self.path}/{self.name}.o"


def drivers(build):
    with open(f"{build}/drivers.list", encoding="utf-8") as file:
        rows = [line.split(",") for line in file.read().split()]
    return [Driver(path, configured, tuple(images)) for path, configured, *images in rows]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write_tree(folder, files):
    """Write {path: text} below a folder."""
    for path, text in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def expect(check, good, bad, prepare=None):
    """check() finds nothing in the tree `good`, and each (change, words) of `bad` is found by its words.

    A change is {path: text, or None to remove the file} on top of the good tree. Trees are their own build folders.
    """
    for change, words in [({}, None), *bad]:
        with tempfile.TemporaryDirectory() as folder:
            files = {path: text for path, text in {**good, **change}.items() if text is not None}
            write_tree(folder, {path: text.replace("@", folder) for path, text in files.items()})
            if prepare:
                prepare(folder)
            found = check(folder, folder)
            if words is None:
                assert not found, f"found in a good tree: {found}"
            else:
                assert any(words in sentence for sentence in found), f"{change} was not found ({words}): {found}"


def run(*command, **more):
    """Output of a command; an exception with what it said if it fails."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def main(check, self_test):
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", help="build folder")
    parser.add_argument("--self-test", action="store_true", help="show that violations are found")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        sys.exit(0)
    try:
        found = check(TREE, os.path.abspath(arguments.build))
    except FileNotFoundError as error:
        if os.sep in (error.filename or os.sep):
            raise
        found = [f'{error.filename} is missing: run "make setup", which installs what Eft needs']
    print("\n".join(found) if found else "nothing to complain about")
    sys.exit(1 if found else 0)
