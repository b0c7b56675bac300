#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rule 1: one source, one object. Both link maps name the same driver object, and its bytes are the
same before and after both links. The evidence is written to BUILD/rule1.txt."""
import hashlib
import os
import re

from common import drivers, expect, main, read


def hashes(path):
    """{file: hash} as sha256sum wrote them; empty if there is no such record."""
    if not os.path.exists(path):
        return {}
    return {line[66:]: line[:64] for line in read(path).splitlines()}


def loaded(map_path):
    """The files that a link map says were linked: GNU ld lists them, lld names one with each section."""
    text = read(map_path) if os.path.exists(map_path) else ""
    return {gnu or lld for gnu, lld in re.findall(r"^LOAD (.*)$|^(?: *[0-9a-f]+){4} +(.*\.o):\(", text, re.M)}


def check_driver(build, driver, evidence):
    """Sentences about what is wrong with one driver."""
    found = []
    path = driver.object(build)
    with open(path, "rb") as file:
        now = hashlib.sha256(file.read()).hexdigest()
    evidence.append(f"{driver.path} {path}\n    object        {now}")
    for image, stem, map_path in (("kernel", "kernel", f"{build}/kernel.map"),
                                  ("user", f"drivers-user/{driver.path}", f"{build}/drivers-user/{driver.path}.map")):
        in_map = path in loaded(map_path) and (image == "kernel" or os.path.exists(f"{build}/archive/drivers/{driver.path}"))
        if in_map != (image in driver.images):
            found.append(f"{driver.name}: the {image} map {map_path} {'names' if in_map else 'does not name'} {path}")
        if image not in driver.images:
            continue
        for when in ("before", "after"):
            recorded = hashes(f"{build}/{stem}.{when}").get(path, "no record")
            evidence.append(f"    {image:<6} {when:<6} {recorded}")
            if recorded != now:
                found.append(f"{driver.name}: hash {when} the {image} link is {recorded}, the object's is {now}")
    return found


def check(_tree, build):
    evidence = []
    found = [sentence for driver in drivers(build) for sentence in check_driver(build, driver, evidence)]
    with open(f"{build}/rule1.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(evidence) + "\n")
    return found


def self_test():
    path = "@/shim/drivers/block/x/x.o"
    record = hashlib.sha256(b"object").hexdigest() + f"  {path}\n"
    good = {"drivers.list": "block/x,m,kernel,user\n", "shim/drivers/block/x/x.o": "object",
            "kernel.map": f"LOAD {path}\n", "archive/drivers/block/x": "", "drivers-user/block/x.map": f"LOAD {path}\n",
            "kernel.before": record, "kernel.after": record,
            "drivers-user/block/x.before": record, "drivers-user/block/x.after": record}
    expect(check, good, [
        ({"shim/drivers/block/x/x.o": "another"}, "hash before the kernel link"),
        ({"drivers-user/block/x.after": "0" * 64 + f"  {path}\n"}, "hash after the user link"),
        ({"kernel.before": None}, "no record"),
        ({"drivers-user/block/x.map": "LOAD @/elsewhere/x.o\n"}, "does not name"),
        ({"drivers.list": "block/x,m,user\n"}, "the kernel map"),
        ({"drivers.list": "block/x,y,kernel\n"}, "the user map"),
        ({"archive/drivers/block/x": None}, "does not name"),
    ])
    section = f"ffffffff8011c4b0           11c4b0     3c52    16         {path}:(.text)\n"
    expect(check, {**good, "kernel.map": section}, [({"kernel.map": section.replace("x.o", "y.o")}, "does not name")])


if __name__ == "__main__":
    main(check, self_test)
