#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ring 0 holds the code of the drivers that it should, and of no other; and a kernel that carries none
is small. The figure is written to BUILD/ring0.txt."""
import os

from common import drivers, expect, main, run

LIMIT_BYTES = 96 * 1024  # of ring-0 code in an image without drivers in the kernel
NM = "x86_64-linux-gnu-nm"


def functions(path):
    """{(name, size)} of the functions in an object or image; the driver's struct stands in by its name."""
    found = set()
    for line in run(NM, "-S", path).splitlines():
        fields = line.split()
        if len(fields) == 4 and (fields[2] in "tT" or fields[3].startswith("shim_driver_")):
            found.add((fields[3], int(fields[1], 16)))
    return found


def code_bytes(path):
    """From __text_start to __text_end, without the padding to a page."""
    ends = [int(line.split()[0], 16) + int(line.split()[1], 16) for line in run(NM, "-S", path).splitlines()
            if len(line.split()) == 4 and line.split()[2] in "tT"]
    start = [int(line.split()[0], 16) for line in run(NM, path).splitlines() if line.endswith(" __text_start")]
    return max(ends) - start[0]


def check(_tree, build):
    found = []
    kernel = functions(f"{build}/kernel.elf")
    for driver in drivers(build):
        code = functions(driver.object(build))
        held = code & kernel
        if "kernel" in driver.images and held != code:
            names = ", ".join(sorted(name for name, _ in code - kernel)[:5])
            found.append(f"{driver.name}: the kernel should carry it, and lacks {names}")
        if "kernel" not in driver.images and held:
            names = ", ".join(sorted(name for name, _ in held)[:5])
            found.append(f"{driver.name}: the kernel should not carry it, and has {names}")
    size = code_bytes(f"{build}/kernel.elf")
    if not any("kernel" in driver.images for driver in drivers(build)) and size > LIMIT_BYTES:
        found.append(f"ring-0 code without drivers is {size} bytes, over the limit of {LIMIT_BYTES}")
    with open(f"{build}/ring0.txt", "w", encoding="utf-8") as file:
        file.write(f"ring-0 code: {size} bytes\n")
    return found


def self_test():
    driver = ("static __attribute__((used)) int x_probe(int a) { return a * 7; }\n"
              "const int shim_driver_x __attribute__((used)) = 1;\n")
    kernel = "int main_kernel(void); int main_kernel(void) { return 0; }\n"
    big = "__asm__(\".type big, STT_FUNC; big: .fill 100000, 1, 0x90; .size big, 100000\");\n"
    link = '#include "kernel.c"\n#include "driver.c"\n'

    def build(folder):
        for source, target in (("kernel-image.c", "kernel.elf"), ("driver.c", "shim/drivers/block/x/x.o")):
            os.makedirs(os.path.dirname(f"{folder}/{target}"), exist_ok=True)
            run("x86_64-linux-gnu-gcc", "-O2", "-fno-pic", "-fno-toplevel-reorder", "-c", f"{folder}/{source}", "-o",
                f"{folder}/{target}")

    text_start = "__asm__(\"__text_start:\");\n"
    alone = text_start + '#include "kernel.c"\n'
    both = text_start + link
    expect(check, {"drivers.list": "block/x,m,user\n", "kernel.c": kernel, "driver.c": driver, "kernel-image.c": alone},
           [({"kernel-image.c": both}, "should not carry it, and has shim_driver_x, x_probe"),
            ({"drivers.list": "block/x,y,kernel\n"}, "should carry it, and lacks shim_driver_x, x_probe"),
            ({"kernel-image.c": alone + big}, "over the limit")], build)
    expect(check, {"drivers.list": "block/x,y,kernel\n", "kernel.c": kernel, "driver.c": driver,
                   "kernel-image.c": both + big}, [], build)


if __name__ == "__main__":
    main(check, self_test)
