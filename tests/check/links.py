#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the pages name is there: each relative link with its heading, each path in `code`, each make target, each
constant's value; and the tests that doc/promises.md leans on.

A word of a path in capitals stands for any; paths below build/ are made, not kept.
"""
import glob
import os
import re
import subprocess

from common import expect, main, read

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
PATH = re.compile(r"[\w.*{},-]+(?:/[\w.*{},-]*)+")
MAKE = re.compile(r"(?<![\w/.-])make((?: +(?:-\w+|[\w.-]+(?:=(?:\"[^\"]*\"|\S*))?))+)")
PLACEHOLDER = re.compile(r"(?<![A-Za-z])[A-Z]{3,}(?![a-z])")
TARGET = re.compile(r"^([\w%. -]+?):(?!=)", re.M)
TOPS = {"kernel", "shim", "drivers-kernel", "drivers-user", "tests", "configs", "doc", ".ci", ".."}
PROMISES = "doc/promises.md"
PROPOSALS = {"doc/sketches.md"}  # name files that are not written yet
ALSO = {"README.md", "LICENSE", "Makefile", "Kconfig"}  # capitals that stand for themselves


def pages(tree):
    """Markdown files, of git where there is one."""
    if os.path.exists(f"{tree}/.git"):
        said = subprocess.run(["git", "-C", tree, "ls-files", "-co", "--exclude-standard", "*.md"], text=True,
                              stdout=subprocess.PIPE, check=True).stdout
        return [path for path in said.split("\n") if path]
    return [os.path.relpath(path, tree) for path in glob.glob(f"{tree}/**/*.md", recursive=True)]


def headings(text):
    """Names by which headings are linked to."""
    titles = re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-") for title in titles}


def targets(tree):
    found = {"all"}
    for path in [f"{tree}/Makefile", *glob.glob(f"{tree}/tests/**/*.mk", recursive=True)]:
        if os.path.exists(path):
            for names in TARGET.findall(read(path)):
                found |= set(names.split())
            for names in re.findall(r"^\w*GOALS := (.*(?:\\\n.*)*)", read(path), re.M):
                found |= set(re.findall(r"[\w%-]+", names))
    return found | {os.path.basename(path) for path in glob.glob(f"{tree}/configs/*")}


def there(tree, folder, path):
    """Is there such a file? A placeholder or a star stands for any name, {a,b} for each of its words."""
    brace = re.search(r"\{([^}]*)\}", path)
    if brace:
        return all(there(tree, folder, path[:brace.start()] + word + path[brace.end():]) for word in brace[1].split(","))
    words = [word if word in ALSO else PLACEHOLDER.sub("*", word) for word in path.split("/")]
    return any(glob.glob(os.path.join(glob.escape(root), *words)) for root in (tree, folder, f"{tree}/shim/include"))


def check_links(tree, page, text):
    folder = os.path.dirname(os.path.join(tree, page))
    for link in LINK.findall(FENCE.sub("", text)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(folder, path)) if path else os.path.join(tree, page)
        if not os.path.exists(target):
            yield f"{page}: the link to {link} leads nowhere"
        elif anchor and anchor not in headings(read(target)):
            yield f"{page}: {path or page} has no heading for #{anchor}"


def check_paths(tree, page, text):
    folder = os.path.dirname(os.path.join(tree, page))
    for span in SPAN.findall(FENCE.sub("", text)):
        for path in PATH.findall(span):
            path = path.rstrip(".,")
            if path.split("/")[0] in TOPS and not there(tree, folder, path.rstrip("/")):
                yield f"{page}: there is no {path}"


def check_constants(tree, page, text):
    """A table's row "`0x1000` | `NAME` in `path`": the file must give NAME that value."""
    for value, name, path in re.findall(r"`(0x[0-9a-f]+)`\s*\|\s*`([A-Z_]+)` in `([^`]+)`", text):
        if not os.path.exists(f"{tree}/{path}"):
            continue  # said elsewhere
        source = re.sub(r"\\\n\s*", " ", read(f"{tree}/{path}"))
        given = re.findall(rf"\b{name}\b\s*(?:\)\s*\?[^:]*:|=)?\s*(0x[0-9a-f]+)", source)
        if int(value, 16) not in {int(one, 16) for one in given}:
            yield f"{page}: {name} is {value} here, and {', '.join(given) or 'without a value'} in {path}"


def check_tests(tree, page, text):
    """A promise's test exists: `three_words_or_more` is a test's name."""
    paths = glob.glob(f"{tree}/tests/**/*.[cp]*", recursive=True) + glob.glob(f"{tree}/drivers-user/programs/systest/*.c")
    known = {word for path in paths if path.endswith((".c", ".py")) for word in re.findall(r"\w+_\w+_\w+", read(path))}
    for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", text):
        if name not in known:
            yield f"{page}: there is no test {name}"


def check_targets(page, text, known):
    code = "\n".join([*SPAN.findall(FENCE.sub("", text)), *FENCE.findall(text), *re.findall(r"^    .*$", text, re.M)])
    for words in MAKE.findall(code):
        for word in words.split():
            plain = "=" not in word and not word.startswith("-") and '"' not in word and not PLACEHOLDER.search(word)
            if plain and word not in known and not (word.endswith("_defconfig") and "%_defconfig" not in known):
                yield f"{page}: there is no target {word} (make{words})"


def check(tree, _build):
    known, found = targets(tree), []
    for page in pages(tree):
        text = read(f"{tree}/{page}")
        found += [*check_links(tree, page, text), *check_targets(page, text, known), *check_constants(tree, page, text)]
        found += check_tests(tree, page, text) if page == PROMISES else ()
        found += check_paths(tree, page, text) if page not in PROPOSALS else ()
    return found


def self_test():
    good = {"Makefile": ".PHONY: run\nrun:\n\techo\nsetup clean:\n", "doc/b.md": "# A heading: `x`, and\n",
            "shim/x/README.md": "", "kernel/a.h": "#define BASE \\\n\t0xf000ul\n", "tests/unit/x_test.c": "static void it_is_so(void **state)\n", "doc/promises.md": "`it_is_so`, `so_so`",
            "doc/a.md": "[b](b.md#a-heading-x-and) [out](https://x/y) `shim/NAME/README.md` `tests/unit/{x_test.c,*.c}` `read/write`\n"
                        "`build/nothing`\n\n| `0xf000` | `BASE` in `kernel/a.h` | x |\n\n `make run X=1`\n\n```\nmake setup run   # now\ncat shim/nowhere\n```\n"}
    expect(check, good, [
        ({"doc/b.md": None}, "b.md#a-heading-x-and leads nowhere"),
        ({"doc/b.md": "# Else\n"}, "no heading for #a-heading"),
        ({"shim/x/README.md": None, "shim/x/y": ""}, "no shim/NAME/README.md"),
        ({"tests/unit/x_test.c": None, "tests/unit/y.c": ""}, "no tests/unit/"),
        ({"kernel/a.h": "#define BASE 0xe000ul\n"}, "BASE is 0xf000 here, and 0xe000"),
        ({"doc/promises.md": "`it_is_not_so`"}, "no test it_is_not_so"),
        ({"doc/c.md": "`make runs`"}, "no target runs"),
        ({"doc/c.md": "```\nmake run clan\n```"}, "no target clan"),
        ({"doc/c.md": "`drivers-user/x.c`"}, "no drivers-user/x.c"),
    ])


if __name__ == "__main__":
    main(check, self_test)
