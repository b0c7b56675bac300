#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sparse finds nothing: no pointer into a process or to device registers is used as an ordinary one
(kernel/include/abi/space.h), and nothing else that it knows of is wrong."""
import json
import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

from common import TREE, expect, main, read

# Off: matters of style (constants that take the type they need, declarations where they are used, "return f()"
# in a void function, a loop's body without braces, the { 0 } that ends a table), and what it knows too little of.
FLAGS = ["-m64", "-D__x86_64__", "-D__builtin_ia32_rdtsc()=0ull", "-Wsparse-all", "-Wno-constant-suffix",
         "-Wno-declaration-after-statement", "-Wno-return-void", "-Wno-do-while", "-Wno-non-pointer-null",
         "-Wno-unknown-attribute", "-Wno-override-init", "-Wno-flexible-array-sizeof", "-Wno-ptr-subtraction-blows"]


def complaints(folder, command, file):
    """What sparse says about one file, compiled as `command` says."""
    words = [word for word in shlex.split(command) if word.startswith(("-I", "-D", "-std=", "-ffreestanding"))]
    try:
        run = subprocess.run(["sparse", *FLAGS, *words, file], cwd=folder, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        return ["sparse is missing: run \"make setup\", which installs what Eft needs"]
    said = [line for line in run.stdout.splitlines() if "warning:" in line or "error:" in line]
    return said or ([f"{file}: sparse failed: {run.stdout}"] if run.returncode else [])


def check(_tree, build):
    jobs = [job for job in json.loads(read(f"{build}/compile_commands.json")) if job["file"].endswith(".c")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda job: complaints(job["directory"], job["command"], job["file"]), jobs)
    return sorted({sentence for sentences in found for sentence in sentences})


HEAD = {"call": '#include <lib/string.h>\n#include "syscall.h"\nHANDLER(sys_x)\n{\n\tuint64_t x = b + c + d + e + f;\n',
        "registers": "#include <shim/io.h>\nuint32_t x(struct shim_mmio mmio);\nuint32_t x(struct shim_mmio mmio)\n{\n"}
TAIL = {"call": "\treturn done(x);\n}\n", "registers": "}\n"}


def self_test():
    """A system call that goes straight to what its caller points to, and a driver that goes around the contract."""
    include = " ".join(f"-I{TREE}/{path}" for path in
                       ("kernel/syscall", "shim/include", "shim/lib/include", "kernel/include", "shim"))

    def source(kind, statement):
        text = HEAD[kind] + statement + TAIL[kind]
        return {"x.c": text.replace("HANDLER(sys_x)", "HANDLER(sys_x);\nHANDLER(sys_x)")}

    commands = json.dumps([{"directory": "@", "file": "x.c", "command": f"cc {include} -std=gnu11 -ffreestanding -c x.c"}])
    for kind, good, bad in (
            ("call", "\tif (user_read(&x, user(a), sizeof(x)))\n\t\treturn failed(ERR_FAULT);\n",
             (("\tx = *(uint64_t __user *)user(a);\n", "dereference of noderef"),
              ("\tmemcpy(&x, user(a), sizeof(x));\n", "different address spaces"),
              ("\tx = *(uint64_t *)user(a);\n", "removes address space"))),
            ("registers", "\treturn shim_mmio_read32(mmio, 4);\n",
             (("\treturn *mmio.base;\n", "dereference of noderef"),
              ("\treturn *(volatile uint32_t *)mmio.base;\n", "removes address space")))):
        expect(check, {"compile_commands.json": commands, **source(kind, good)},
               [(source(kind, statement), words) for statement, words in bad])


if __name__ == "__main__":
    main(check, self_test)
