#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The makefile rebuilds what a change concerns, and nothing else: a header, a Kconfig symbol, a
placement, flags. Tried on a made-up tree under the real Makefile and Kconfig files."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from common import TREE, main, read, write_tree

SOURCES = {
    "kernel/x/level.c": '#include <generated/autoconf.h>\nint level = CONFIG_LOG_LEVEL;\n',
    "kernel/x/movable.c": '#include <generated/autoconf.h>\n#ifdef CONFIG_MOVABLE_DRIVERS\nint movable;\n#endif\n',
    "kernel/x/header.c": '#include <kernel/header.h>\nint header = HEADER;\n',
    "kernel/x/placement.c": '#include <generated/placement.h>\n#define X(name, place, folder) name " " #place " "\n'
                            'const char *placement = PLACEMENT_TABLE(X);\n',
    "kernel/include/kernel/header.h": "#include <kernel/inner.h>\n",
    "kernel/include/kernel/inner.h": "#define HEADER 1\n",
    "drivers-user/runtime/runtime.c": "int runtime;\n",
    "shim/lib/shared.c": "int shared;\n",
    "shim/drivers/block/ahci/ahci.c": "const int shim_driver_ahci = 1;\n",
}
KERNEL = {f"[K] kernel/x/{name}.c" for name in ("level", "movable", "header", "placement")}
ALL = KERNEL | {"[U] drivers-user/runtime/runtime.c", "[K] shim/lib/shared.c", "[U] shim/lib/shared.c",
                "[S] shim/drivers/block/ahci/ahci.c", "[S] shim/drivers/block/ahci"}


class Tree:
    """The made-up tree, and what each make in it compiled."""

    def __init__(self, folder):
        self.folder = folder
        for pattern in ("Makefile", "Kconfig", "configs/*", "tests/tests.mk", "tests/*/*.mk", ".ci/*", "shim/drivers/Kconfig",
                        "shim/drivers/*/*/Kconfig", "shim/drivers/*/*/driver.mk"):
            for path in glob.glob(pattern, root_dir=TREE):
                if os.path.isfile(f"{TREE}/{path}"):
                    os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
                    shutil.copy(f"{TREE}/{path}", f"{folder}/{path}")
        write_tree(folder, SOURCES)

    def make(self, *goals):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")
                       and name not in ("MFLAGS", "O", "V", "T")}
        done = subprocess.run(["make", "-j2", *goals], cwd=self.folder, text=True, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def built(self):
        status, output = self.make("objects")
        if status != 0:
            return {output.strip()}
        return {" ".join(match) for match in re.findall(r"^  (?:CC|AS|JOIN) +(\S+) (\S+)$", output, re.M)}

    def edit(self, path, old, new):
        text = read(f"{self.folder}/{path}")
        assert old in text, f"{path} has no {old}"
        write_tree(self.folder, {path: text.replace(old, new)})


def examine(tree):
    """[(what was done, what should have been built, what was)] for each step."""
    config = "build/.config"
    steps = []

    def step(what, expected):
        steps.append((what, expected, tree.built()))

    step("first build", ALL)
    step("nothing", set())
    tree.edit("kernel/include/kernel/inner.h", "1", "2")
    step("a header, included by a header", {"[K] kernel/x/header.c"})
    tree.edit(config, "CONFIG_LOG_LEVEL=4", "CONFIG_LOG_LEVEL=3")
    step("a symbol's value", {"[K] kernel/x/level.c"})
    tree.edit(config, "CONFIG_MOVABLE_DRIVERS=y", "# CONFIG_MOVABLE_DRIVERS is not set")
    step("a symbol cleared", {"[K] kernel/x/movable.c"})
    tree.edit(config, "# CONFIG_MOVABLE_DRIVERS is not set", "CONFIG_MOVABLE_DRIVERS=y")
    step("a symbol set", {"[K] kernel/x/movable.c"})
    tree.edit(config, "CONFIG_MAX_CPUS=8", "CONFIG_MAX_CPUS=4")
    step("a symbol that nothing names", set())
    tree.edit(config, "CONFIG_DRIVER_AHCI=m", "CONFIG_DRIVER_AHCI=y")
    step("a placement", {"[K] kernel/x/placement.c"})
    tree.edit("kernel/include/kernel/header.h", "#include <kernel/inner.h>", "#define HEADER 3")
    os.unlink(f"{tree.folder}/kernel/include/kernel/inner.h")
    step("a header removed", {"[K] kernel/x/header.c"})
    tree.edit("Makefile", "kernel-flags := ", "kernel-flags := -DNEW ")
    step("flags of the kernel", KERNEL | {"[K] shim/lib/shared.c"})
    tree.edit(config, "CONFIG_LOG_LEVEL=3", "CONFIG_LOG_LEVEL=99")
    status, output = tree.make("objects")
    steps.append(("an impossible value is refused", True, status != 0 and "CONFIG_LOG_LEVEL: wanted 99" in output))
    return steps


def differences(steps):
    return [f"after {what}: expected {expected or 'nothing'}, built {built or 'nothing'}"
            for what, expected, built in steps if expected != built]


def check(_tree, _build):
    with tempfile.TemporaryDirectory() as folder:
        return differences(examine(Tree(folder)))


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder)
        write_tree(folder, {".ci/fixdep": "exit 0\n"})
        found = differences(examine(tree))
        assert any("a symbol's value" in sentence for sentence in found), found
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder)
        tree.edit("Makefile", "-MMD -MP -MF $$(@:.o=.d)", "")
        write_tree(folder, {".ci/fixdep": "exit 0\n"})
        found = differences(examine(tree))
        assert any("a header, included" in sentence for sentence in found), found


if __name__ == "__main__":
    main(check, self_test)
