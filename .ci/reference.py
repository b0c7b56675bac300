#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""reference.py OUT.html: the shim's reference, made from the comments of shim/include/shim.

Headers are taken apart as this tree writes them: a comment `/** ... */` belongs to the declaration behind it.
tests/check/reference.py sees that none is missing.
"""
import glob
import html
import os
import re
import sys
from dataclasses import dataclass, field

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = "shim/include/shim"
ORDER = ("driver", "io", "irq", "dma", "time", "log", "error")

COMMENT = r"/\*.*?\*/"
FUNCTION = re.compile(
    r"^(?P<text>(?:MUST_CHECK |static inline |__attribute__\(\(.*?\)\)\)? )*(?P<type>(?:const )?(?:enum |struct )?\w+)[ \n*]+"
    r"(?P<name>shim_\w+)\((?P<parameters>[^;{}]*?)\))\s*[;{]", re.M | re.S)
BLOCK = re.compile(r"^(?:typedef )?(?:struct|enum|union)(?: (?P<name>\w+))?(?: \w+)? \{.*?^\}[^;\n]*;", re.M | re.S)
LOGICAL = r"(?:[^\n\\]|\\\n|\\.)*"  # the rest of a line that may go on
DEFINE = re.compile(rf"^#define (?P<name>SHIM_\w+|[A-Z]+_[A-Z_]+){LOGICAL}", re.M)
TAG = re.compile(r"@(param(?:\[out\])?|retval|return)\s+")


@dataclass
class Function:
    """One function of the contract."""

    name: str
    declaration: str
    parameters: list
    comment: str = ""      # without its stars
    documented: bool = False
    fails: bool = False    # returns enum error
    parts: dict = field(default_factory=dict)


@dataclass
class Header:
    """One header."""

    path: str
    head: str
    functions: list
    blocks: list           # (comment, text) of structures, enums
    defines: list          # (comment, text) of macros


def plain(comment):
    """A comment's text: lines without stars."""
    body = re.sub(r"^/\*+|\*+/$", "", comment.strip(), flags=re.S)
    lines = [re.sub(r"^\s*\* ?", "", line) for line in body.split("\n")]
    return "\n".join(line.rstrip() for line in lines).strip()


def before(text, at):
    """The comment that ends right before a position, as it stands, or ""."""
    match = re.search(rf"({COMMENT})\s*\Z", text[:at], re.S)
    if not match:
        return ""
    return match[1][match[1].rfind("/*"):]


def split_tags(text):
    """{"text": ..., "param": [(name, words)], "retval": [...], "return": [...]} of a comment."""
    parts = {"text": "", "param": [], "retval": [], "return": []}
    pieces = TAG.split(text)
    rest = []
    parts["text"] = pieces[0].strip()
    for tag, body in zip(pieces[1::2], pieces[2::2]):
        body, *after = re.split(r"\n\n", body, maxsplit=1)
        rest += after
        words = " ".join(body.split())
        if tag == "return":
            parts["return"].append(words)
            continue
        name = re.match(r"(?:\w+(?:, )?)+", words)
        out = " (out)" if "[out]" in tag else ""
        parts[tag.replace("[out]", "")].append((name[0] + out if name else "", words[name.end():].strip() if name else words))
    parts["text"] = "\n\n".join([parts["text"], *(piece.strip() for piece in rest)]).strip()
    return parts


def generated(text):
    """Functions that a macro makes for several widths: [(name, its comment)]."""
    for define in re.finditer(rf"^#define (\w+)\(bits{LOGICAL}", text, re.M):
        widths = re.findall(rf"^{define[1]}\((\d+)", text, re.M)
        for line in re.finditer(r"static inline ([^{]*?)\b(shim_\w+?)##bits(\([^{]*?\))", define[0].replace("\\\n", " ")):
            declaration = " ".join(f"{line[1]}{line[2]}{'/'.join(widths)}{line[3]}".replace("##bits##", "N").split())
            yield Function(f"{line[2]}{'/'.join(widths)}", declaration, [], plain(before(text, define.start())), True)


def parse(path, text):
    found = Header(path, plain(re.search(COMMENT, text, re.S)[0]), list(generated(text)), [], [])
    for match in FUNCTION.finditer(text):
        comment = before(text, match.start())
        parameters = [re.sub(r".*\W(?=\w)|\[\]$", "", one.strip(), flags=re.S) for one in match["parameters"].split(",")
                      if one.strip() not in ("", "void", "...")]
        one = Function(match["name"], " ".join(match["text"].replace("MUST_CHECK ", "").split()), parameters,
                       plain(comment), comment.startswith("/**"), match["type"] == "enum error")
        one.declaration = re.sub(r"^(static inline |__attribute__\(\(.*?\)\)\) )+", "", one.declaration)
        found.functions.append(one)
    for one in found.functions:
        one.parts = split_tags(one.comment)
    found.blocks = [(plain(before(text, match.start())), match[0]) for match in BLOCK.finditer(text)]
    found.defines = [(plain(before(text, match.start())), match[0]) for match in DEFINE.finditer(text)
                     if "##" not in match[0] and not match["name"].endswith("_H")]
    return found


def headers(tree):
    paths = sorted(glob.glob(f"{tree}/{FOLDER}/*.h") + glob.glob(f"{tree}/{FOLDER}/class/*.h"),
                   key=lambda path: ("/class/" in path, *(ORDER.index(name) if (name := os.path.basename(path)[:-2]) in ORDER
                                                          else len(ORDER),), path))
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found.append(parse(os.path.relpath(path, f"{tree}/shim/include"), file.read()))
    return found


# --- The page ---

STYLE = """
:root { color-scheme: light dark; --page: #fcfcfa; --text: #1b1c1e; --soft: #55585e; --line: #d9dadd; --card: #f1f2f0; --link: #0868a8; }
@media (prefers-color-scheme: dark) { :root { --page: #16181b; --text: #e9eaec; --soft: #aeb2b9; --line: #3a3e45; --card: #202328;
  --link: #62b7f0; } }
@media print { :root { color-scheme: light; --page: #fff; --text: #000; --soft: #444; --line: #bbb; --card: #f4f4f2; --link: #000; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 60rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); text-decoration: none; } h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h2 code { font-size: 1.2rem; } h3 { margin: 2rem 0 .3rem; font-size: 1rem; } pre, code { font: .875rem/1.45 "DejaVu Sans Mono", monospace; }
pre { background: var(--card); padding: .7rem .9rem; border-radius: .4rem; white-space: pre-wrap; tab-size: 4; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .15rem 1rem; margin: .4rem 0; }
dt { font-family: "DejaVu Sans Mono", monospace; font-size: .875rem; } dd { margin: 0; } .soft { color: var(--soft); }
nav ul { columns: 18rem; padding-left: 1.1rem; }
"""


def paragraphs(text):
    return "".join(f"<p>{html.escape(' '.join(part.split()))}</p>" for part in text.split("\n\n") if part.strip())


def function_html(one):
    lists = ""
    for title, kind in (("Parameters", "param"), ("Errors", "retval")):
        if one.parts[kind]:
            rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(words)}</dd>" for name, words in one.parts[kind])
            lists += f'<p class="soft">{title}</p><dl>{rows}</dl>'
    returns = "".join(f"<p>Returns {html.escape(words)}</p>" for words in one.parts["return"])
    return (f'<h3 id="{one.name}"><code>{one.name}</code></h3><pre>{html.escape(one.declaration)}</pre>'
            f"{paragraphs(one.parts['text'])}{returns}{lists}")


def header_html(one):
    head = re.sub(r"^SPDX[^\n]*\n+", "", one.head)
    blocks = "".join(f"{paragraphs(comment)}<pre>{html.escape(text)}</pre>" for comment, text in one.blocks)
    defines = "\n".join(re.sub(r"\s*\\\n\s*", " ", text) for _, text in one.defines)
    blocks += f"<pre>{html.escape(defines)}</pre>" * bool(defines)
    functions = "".join(function_html(function) for function in one.functions)
    return f'<h2 id="{one.path}"><code>&lt;{one.path}&gt;</code></h2>{paragraphs(head)}{blocks}{functions}'


def page(found):
    items = "".join(f'<li><a href="#{one.path}">{one.path}</a></li>' + "".join(
        f'<li><a href="#{function.name}"><code>{function.name}</code></a></li>' for function in one.functions) for one in found)
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Eft: the shim</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
            "<h1>The shim: all that a driver may call</h1><p>Made from <code>shim/include/shim</code> by <code>make doc</code>. "
            "Every call of one device belongs to one actor: none blocks, none overlaps. Classes come last.</p>"
            f"<nav><ul>{items}</ul></nav>{''.join(header_html(one) for one in found)}</body></html>\n")


def main():
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(page(headers(TREE)))


if __name__ == "__main__":
    main()
