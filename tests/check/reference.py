#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every function of shim/include/shim has a comment from which the reference is made: what each parameter is, each
error, the context it may be called in. "as NAME()" refers to another one's."""
import importlib.util
import os
import re

from common import TREE, expect, main

spec = importlib.util.spec_from_file_location("reference_maker", os.path.join(TREE, ".ci", "reference.py"))
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)

REFERS = re.compile(r"\bas\s+(shim_\w+)\(\)|parameters as above")


def problems(function, names):
    if not function.documented:
        yield "no comment /** ... */ before it"
        return
    refers = REFERS.search(function.comment)
    if refers and refers[1] and refers[1] not in names:
        yield f"refers to {refers[1]}(), which is not there"
    if refers:
        return
    if "Context:" not in function.comment:
        yield "its comment names no Context:"
    for parameter in function.parameters:
        if parameter != "device" and not re.search(rf"\b{parameter}\b", function.comment):
            yield f"its comment says nothing of parameter {parameter}"
    if function.fails and not function.parts["retval"]:
        yield "it returns an error, and its comment has no @retval"


def check(tree, _build):
    headers = maker.headers(tree)
    functions = [(header, function) for header in headers for function in header.functions]
    names = {function.name for _, function in functions}
    found = [f"shim/include/{header.path}: {function.name}(): {what}" for header, function in functions
             for what in problems(function, names)]
    if not functions:
        found.append("no functions in shim/include/shim")
    # What the parser does not know is not silently left out.
    for header in headers:
        with open(f"{tree}/shim/include/{header.path}", encoding="utf-8") as file:
            text = re.sub(maker.COMMENT, "", file.read(), flags=re.S)
        known = {function.name for function in header.functions}
        found += [f"shim/include/{header.path}: {name}() is declared in a way that .ci/reference.py does not read"
                  for name in re.findall(r"^[a-zA-Z_][^#\n=]*?\b(shim_[a-z0-9_]+)\([^()]*\)\s*[;{]?$", text, re.M)
                  if name not in known and "return" not in name]
    return found


def self_test():
    path = "shim/include/shim/x.h"
    def tags(folder):  # expect() has another use for @
        with open(f"{folder}/{path}", "r+", encoding="utf-8") as file:
            text = file.read().replace("%", "@")
            file.seek(0)
            file.write(text)
    comment = ("/** Do it.\n *\n * %param device  the device\n * %param[out] size_bytes  how much\n * %retval OK\n *\n"
               " * Context: any.\n */\n")
    declaration = "MUST_CHECK enum error shim_x_do(struct shim_device *device,\n\t\t\t uint32_t *size_bytes);\n"
    head = "/* x: a header. */\n"
    expect(check, {path: head + comment + declaration}, [
        ({path: head + declaration}, "no comment"),
        ({path: head + comment.replace("/**", "/*") + declaration}, "no comment"),
        ({path: head + comment.replace("Context", "context") + declaration}, "names no Context"),
        ({path: head + comment.replace("size_bytes", "it") + declaration}, "nothing of parameter size_bytes"),
        ({path: head + comment.replace("%retval", "returns") + declaration}, "no @retval"),
        ({path: head + "/** As shim_x_did(). as shim_x_did() */\n" + declaration}, "refers to shim_x_did()"),
        ({path: head}, "no functions"),
        ({path: head + comment + declaration + "long long long shim_y(int a);\n"}, "does not read"),
    ], tags)


if __name__ == "__main__":
    main(check, self_test)
