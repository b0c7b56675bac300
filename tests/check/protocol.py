#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""doc/manager-protocol.md is of the version that the headers have, and names each state, control, event, signal and
call of the device manager that they define."""
import os
import re

from common import expect, main, read

PAGE = "doc/manager-protocol.md"
DEVICE, MANAGER = "kernel/include/abi/device.h", "kernel/include/abi/manager.h"
WORD = re.compile(r"^\s*(?:#define )?((?:INSTANCE|CONTROL|EVENT|SIGNAL|MANAGER|MOVE)_[A-Z_]+)\b", re.M)
EXEMPT = {"CONTROL_NONE", "EVENT_ADDED", "EVENT_UNITS", "MANAGER_PROTOCOL_VERSION"}  # nothing passes, or said in words


def check(tree, _build):
    missing = [path for path in (PAGE, DEVICE, MANAGER) if not os.path.exists(f"{tree}/{path}")]
    if missing:
        return [f"{path} is missing" for path in missing]
    page, device, manager = (read(f"{tree}/{path}") for path in (PAGE, DEVICE, MANAGER))
    found = []
    version = re.search(r"#define MANAGER_PROTOCOL_VERSION (\d+)", device + manager)
    title = re.search(r"^# .*version (\d+)$", page, re.M)
    if not version or not title or version[1] != title[1]:
        found.append(f"{PAGE}: its title is of version {title and title[1]}, the headers of version {version and version[1]}")
    names = {name for name in WORD.findall(device + manager) if not name.endswith("_H")} - EXEMPT
    found += [f"{PAGE}: says nothing of {name}" for name in sorted(names) if not re.search(rf"\b{name}\b", page)]
    return found


def self_test():
    good = {PAGE: "# The protocol, version 3\n`MANAGER_OPEN` `EVENT_LIVE`\n",
            DEVICE: "#define MANAGER_PROTOCOL_VERSION 3u\nenum {\n\tEVENT_LIVE = 1u << 1, /* x */\n};\n",
            MANAGER: "#ifndef MANAGER_H\nenum manager_call {\n\tMANAGER_OPEN,\n};\n"}
    expect(check, good, [
        ({PAGE: None}, "is missing"),
        ({PAGE: good[PAGE].replace("3", "2")}, "title is of version 2"),
        ({PAGE: good[PAGE].replace("MANAGER_OPEN", "")}, "says nothing of MANAGER_OPEN"),
        ({DEVICE: good[DEVICE].replace("};", "\tEVENT_NEW\n};")}, "says nothing of EVENT_NEW"),
    ])


if __name__ == "__main__":
    main(check, self_test)
