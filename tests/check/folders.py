#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A driver is one complete folder: source, Kconfig, one-line driver.mk, README.md, a unit test, and
its `source` line. Every Kconfig symbol that is shown has help, and asks for nothing that is not there.
At the top stands what the layout names, and nothing that was built."""
import glob
import os
import re
import subprocess

from common import expect, main, read

import kconfiglib


TOP = {"Kconfig", "Makefile", "LICENSE", "README.md", "kernel", "shim", "drivers-kernel", "drivers-user",
       "tests", "configs", "doc"}


def check_top(tree):
    """What git knows; if git says nothing, what is there and has not the name of a build folder."""
    names = {name for name in os.listdir(tree) if not name.startswith("build")}
    if os.path.exists(f"{tree}/.git"):
        paths = subprocess.run(["git", "-C", tree, "ls-files"], text=True, stdout=subprocess.PIPE).stdout
        names = {path.split("/")[0].lstrip('"') for path in paths.splitlines()} or names
    return [f"{name}: does not belong at the top; there is {', '.join(sorted(TOP))}"
            for name in sorted(names - TOP) if not name.startswith(".")]


def check_folder(tree, folder):
    klass, name = folder.split("/")[-2:]
    short = f"shim/drivers/{klass}/{name}"
    symbol = "DRIVER_" + name.upper().replace("-", "_")
    found = [f"{path} is missing" for path in (f"{short}/{name}.c", f"{short}/Kconfig", f"{short}/driver.mk",
                                                f"{short}/README.md", f"tests/unit/{name}_test.c")
             if not os.path.exists(f"{tree}/{path}")]
    if os.path.exists(f"{folder}/driver.mk") and \
            read(f"{folder}/driver.mk") != f"drivers-$(CONFIG_{symbol}) += {klass}/{name}\n":
        found.append(f"{short}/driver.mk: expected the one line drivers-$(CONFIG_{symbol}) += {klass}/{name}")
    if os.path.exists(f"{folder}/Kconfig") and \
            not re.search(rf"^config {symbol}\n\ttristate ", read(f"{folder}/Kconfig"), re.M):
        found.append(f"{short}/Kconfig: no tristate {symbol}")
    if f'source "{short}/Kconfig"' not in read(f"{tree}/shim/drivers/Kconfig"):
        found.append(f'shim/drivers/Kconfig: no line source "{short}/Kconfig"')
    return found


def check_help(tree):
    os.environ["srctree"] = tree
    kconfig = kconfiglib.Kconfig(f"{tree}/Kconfig", warn_to_stderr=False)
    found = []
    for item in [*kconfig.unique_defined_syms, *kconfig.unique_choices]:
        if any(node.prompt for node in item.nodes) and not any((node.help or "").strip() for node in item.nodes):
            found.append(f"{item.nodes[0].filename}:{item.nodes[0].linenr}: {item.name or 'choice'} has no help")
    return found


def check(tree, _build):
    found = check_top(tree)
    for folder in sorted(glob.glob(f"{tree}/shim/drivers/*/*/")):
        found += check_folder(tree, folder.rstrip("/"))
    # A missing file is named above; Kconfig could only say so again.
    return found or check_help(tree)


def self_test():
    folder = "shim/drivers/block/x"
    symbol = 'config DRIVER_X\n\ttristate "X"\n\thelp\n\t  Drives X.\n'
    good = {"Kconfig": 'source "shim/drivers/Kconfig"\n', "shim/drivers/Kconfig": f'source "{folder}/Kconfig"\n',
            f"{folder}/Kconfig": symbol, f"{folder}/driver.mk": "drivers-$(CONFIG_DRIVER_X) += block/x\n",
            f"{folder}/README.md": "x", f"{folder}/x.c": "", "tests/unit/x_test.c": ""}
    bad = [({path: None}, path) for path in good if path not in ("Kconfig", "shim/drivers/Kconfig")]
    expect(check, good, [
        *bad,
        ({"shim/drivers/Kconfig": ""}, "no line source"),
        ({"kernel.c": ""}, "kernel.c: does not belong"),
        ({f"{folder}/driver.mk": "drivers-y += block/x\n"}, "expected the one line"),
        ({f"{folder}/Kconfig": symbol.replace("tristate", "bool")}, "no tristate"),
        ({f"{folder}/Kconfig": symbol.split("\thelp")[0]}, "DRIVER_X has no help"),
        ({"Kconfig": good["Kconfig"] + 'choice\n\tprompt "c"\nconfig A\n\tbool "a"\n\thelp\n\t  A.\nendchoice\n'},
         "choice has no help"),
    ])


if __name__ == "__main__":
    main(check, self_test)
