#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rule 2: a driver cannot tell where it runs. Its object needs shim_*, four memory functions and the
stack guard, and defines one global; its sources include <shim/...> and their own folder only, and
know no configuration, placement or assembler."""
import glob
import os
import re

from common import drivers, expect, main, read, run

ALLOWED = re.compile(r"shim_\w+|memcpy|memmove|memset|memcmp|__stack_chk_guard|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
FORBIDDEN = re.compile(r"\bCONFIG_\w+|\bPLACEMENT_\w+|\b(?:__)?asm(?:__)?\b|\b__KERNEL__\b|#\s*pragma|#\s*include_next")
INCLUDE = re.compile(r"^\s*#\s*include\s*(\S+)", re.M)


def check_object(name, path):
    found = []
    own = f"shim_driver_{name}"
    defined = set()
    for line in run("nm", path).splitlines():
        kind, symbol = line[17:].split(" ", 1)
        if kind in "Uwv" and not ALLOWED.fullmatch(symbol):
            found.append(f"{path}: needs {symbol}, which is not the shim's")
        elif kind not in "Uwv" and (kind.isupper() or kind == "u"):
            defined.add(symbol)
    if defined != {own}:
        found.append(f"{path}: defines {' '.join(sorted(defined)) or 'no global'}; only {own} may be global")
    return found


def check_source(path):
    found = []
    text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), read(path))
    for match in FORBIDDEN.finditer(text):
        found.append(f"{path}:{text[:match.start()].count(chr(10)) + 1}: {match[0]} is not for drivers")
    for match in INCLUDE.finditer(text):
        name = match[1]
        own = name.startswith('"') and os.path.exists(os.path.join(os.path.dirname(path), name.strip('"'))) \
            and "/" not in name
        if not own and not name.startswith("<shim/"):
            found.append(f"{path}:{text[:match.start(1)].count(chr(10)) + 1}: includes {name}, "
                         "neither the shim's nor the driver's own")
    return found


def check(tree, build):
    found = []
    for driver in drivers(build):
        found += check_object(driver.name, driver.object(build))
    for path in sorted(glob.glob(f"{tree}/shim/drivers/*/*/*.[ch]")):
        found += check_source(path)
    return found


def self_test():
    source = '#include <shim/driver.h>\n#include "x_regs.h"\n/* CONFIG_NOTHING, asm */\n' \
        "void shim_call(void);\nstatic void f(void) { shim_call(); }\nvoid (*const shim_driver_x)(void) = f;\n"
    path = "shim/drivers/block/x/x.c"
    good = {"drivers.list": "block/x,m,user\n", path: source, "shim/drivers/block/x/x_regs.h": "",
            "include/shim/driver.h": ""}

    def compile_it(folder):
        run("gcc", "-w", "-I", f"{folder}/include", "-c", "-o", f"{folder}/shim/drivers/block/x/x.o", f"{folder}/{path}")

    expect(check, good, [
        ({path: source.replace("shim_call", "printk")}, "needs printk"),
        ({path: source + "int leaked;\n"}, "defines leaked"),
        ({path: source.replace("shim_driver_x", "shim_driver_y")}, "only shim_driver_x"),
        ({path: source + "#ifdef CONFIG_DRIVER_X\n#endif\n"}, ":7: CONFIG_DRIVER_X"),
        ({path: source + '__asm__("cli");\n'}, "__asm__"),
        ({path: source + "#include <stdint.h>\n"}, "includes <stdint.h>"),
        ({path: source + '#include "../x/x_regs.h"\n'}, "neither"),
    ], compile_it)


if __name__ == "__main__":
    main(check, self_test)
