# SPDX-License-Identifier: BSD-2-Clause
"""One finished build as the tests see it: its image, its .config, where each driver is placed."""
import os
import re

_PLACEMENTS = {"y": "kernel", "m": "user"}


def read_config(path):
    """The set symbols of a .config: name without CONFIG_ -> value, strings without quotes."""
    config = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"CONFIG_(\w+)=(.*)", line.rstrip())
            if match:
                config[match[1]] = match[2].strip('"')
    return config


class Build:
    """A build folder."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.iso = os.path.join(self.directory, "eft.iso")
        self.config_path = os.path.join(self.directory, ".config")
        self.config = read_config(self.config_path)
        self.name = self.config.get("CONFIGURATION", os.path.basename(self.directory))

    def placement(self, driver):
        """'kernel', 'user' or 'off', as this configuration has it without a command line."""
        return _PLACEMENTS.get(self.config.get("DRIVER_" + driver.upper().replace("-", "_")), "off")

    def drivers(self):
        """Names of all drivers that this configuration has in either ring."""
        return [symbol[len("DRIVER_"):].lower() for symbol, value in self.config.items()
                if symbol.startswith("DRIVER_") and value in _PLACEMENTS]

    def movable(self):
        """Whether the command line can choose a ring."""
        return self.config.get("MOVABLE_DRIVERS") == "y"
