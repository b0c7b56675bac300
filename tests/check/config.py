#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every line of every configs/*_defconfig survives Kconfig, and each sets its own name."""
import glob
import os
import subprocess
import sys
import tempfile

from common import TREE, expect, main, read, run

SURVIVED = os.path.join(TREE, ".ci/survived.py")


def check(tree, _build):
    found = []
    for path in sorted(glob.glob(f"{tree}/configs/*_defconfig")):
        name = os.path.basename(path)[:-len("_defconfig")]
        if f'CONFIG_CONFIGURATION="{name}"\n' not in read(path):
            found.append(f'configs/{name}_defconfig: does not say CONFIG_CONFIGURATION="{name}"')
        with tempfile.TemporaryDirectory() as folder:
            run("kconfig-conf", f"--defconfig={path}", f"{tree}/Kconfig", cwd=folder,
                env={**os.environ, "srctree": tree, "KCONFIG_CONFIG": f"{folder}/.config"})
            done = subprocess.run([sys.executable, SURVIVED, f"{tree}/Kconfig", path, f"{folder}/.config"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                found += done.stdout.splitlines()
    return found


def self_test():
    kconfig = """
config CONFIGURATION
	string "name"
config USER_DRIVERS
	bool "m"
	option modules
	default y
config BUS
	tristate "bus"
config DISK
	tristate "disk"
	depends on BUS
config LEVEL
	int "level"
	range 0 7
	default 3
"""
    path = "configs/a_defconfig"
    text = 'CONFIG_CONFIGURATION="a"\nCONFIG_BUS=m\nCONFIG_DISK=m\nCONFIG_LEVEL=7\n'
    expect(check, {"Kconfig": kconfig, path: text}, [
        ({path: text.replace("DISK=m", "DISK=y")}, "wanted y, got m; it needs BUS"),
        ({path: text.replace("=7", "=8")}, "wanted 8, got 3; the range is 0 to 7"),
        ({path: text + "CONFIG_GONE=y\n"}, "CONFIG_GONE: wanted y, got no such symbol; remove the line"),
        ({path: text.replace("CONFIG_BUS=m", "# CONFIG_BUS is not set")}, "CONFIG_DISK: wanted m, got n"),
        ({path: text.replace('"a"', '"b"')}, "does not say"),
    ])


if __name__ == "__main__":
    main(check, self_test)
