#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""survived.py KCONFIG WANTED RESULT: does every line of WANTED (a defconfig or .config) stand in RESULT?

Kconfig drops unknown symbols, unmet dependencies and values out of range without a word.
"""
import os
import re
import sys

try:
    import kconfiglib
except ImportError:
    sys.exit('python3-kconfiglib is missing: run "make setup", which installs what Eft needs')


def main():
    kconfig_file, wanted, result = sys.argv[1:]
    os.environ["srctree"] = os.path.dirname(os.path.abspath(kconfig_file))
    kconfig = kconfiglib.Kconfig(kconfig_file, warn_to_stderr=False)
    kconfig.modules = kconfig.syms["USER_DRIVERS"]  # "option modules"; kconfiglib knows MODULES only
    kconfig.load_config(result)
    results = dict(parse(result)[0].values())
    lines, nonsense = parse(wanted)
    bad = len(nonsense)
    for number, line in nonsense.items():
        print(f"{wanted}:{number}: '{line}' means nothing; write CONFIG_NAME=value, or remove the line", file=sys.stderr)
    for number, (name, want) in lines.items():
        symbol = kconfig.syms.get(name)
        known = symbol is not None and symbol.nodes
        got = results.get(name, "n") if known else None
        if got == want or (got is None and want == "n"):
            continue
        bad += 1
        print(f"{wanted}:{number}: CONFIG_{name}: wanted {want}, got {got or 'no such symbol'}; "
              + remedy(symbol, got, want), file=sys.stderr)
    if bad:
        print('Edit the line, or let "make olddefconfig" settle .config on what is possible.', file=sys.stderr)
    return bad > 0


def parse(path):
    """{line number: (symbol, value)} of a .config or defconfig; {line number: what is no line of one}."""
    lines, nonsense = {}, {}
    for number, line in enumerate(open(path, encoding="utf-8", errors="replace"), 1):
        match = re.match(r"CONFIG_(\w+)=(.+)", line) or re.match(r"# CONFIG_(\w+) is not (set)$", line)
        if match:
            lines[number] = match[1], "n" if match[2] == "set" else match[2].strip('"')
        elif line.strip() and not line.startswith("#"):
            nonsense[number] = line.strip()
    return lines, nonsense


def remedy(symbol, got, want):
    if got is None:
        return "remove the line"
    if want not in {kconfiglib.BOOL: "yn", kconfiglib.TRISTATE: "ymn"}.get(symbol.orig_type, want):
        return "it is y, m or n" if symbol.orig_type == kconfiglib.TRISTATE else "it is y or n"
    if symbol.ranges:
        low, high = symbol.ranges[0][:2]
        return f"the range is {low.str_value} to {high.str_value}"
    if symbol.choice:
        return "another member of its choice is set"
    if kconfiglib.expr_value(symbol.direct_dep) < {"n": 0, "m": 1, "y": 2}.get(want, 0):
        return "it needs " + kconfiglib.expr_str(symbol.direct_dep)
    return "see its help in make menuconfig"


sys.exit(main())
