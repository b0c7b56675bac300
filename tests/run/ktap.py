# SPDX-License-Identifier: BSD-2-Clause
"""Test results: a tree of them, its strict KTAP parser, KTAP and JUnit writers.

A result is passed, failed, error or skipped, and these never mix: failed is a claim found untrue,
error a run that proves nothing (hung, cut short, not as announced). Source: KTAP version 1.
"""
import re
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"
VERSION = "KTAP version 1"
END_MARKER = "# eft: end of tests"

_LOG_LINE = re.compile(r"\[ *\d+\.\d{6}\] ")
_PLAN = re.compile(r"1\.\.(\d+)(?:\s+#\s*SKIP\b\s*(.*))?$", re.I)
_RESULT = re.compile(
    r"(not ok|ok)\s+(\d+)(?:\s+-)?(?:\s+([^#]*?))?(?:\s*#\s*(SKIP|ERROR|TIMEOUT|TODO|XFAIL)\b\s*(.*))?$")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


@dataclass
class Result:
    """One test, or a group of them: its children then say what it consists of."""

    name: str
    status: str = PASSED
    reason: str = ""
    seconds: float = 0.0
    children: list = field(default_factory=list)

    def leaves(self):
        """All results that have no children: what is counted."""
        if not self.children:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]

    def bad(self, prefix=""):
        """(path of names, leaf) of everything that failed or is an error."""
        if not self.children:
            return [(prefix + self.name, self)] if self.status in (FAILED, ERROR) else []
        return [found for child in self.children for found in child.bad(f"{prefix}{self.name}.")]

    def count(self):
        counts = dict.fromkeys((PASSED, FAILED, ERROR, SKIPPED), 0)
        for leaf in self.leaves():
            counts[leaf.status] += 1
        return counts

    def as_dict(self):
        record = {"name": self.name, "status": self.status, "seconds": round(self.seconds, 3)}
        if self.reason:
            record["reason"] = self.reason
        if self.children:
            record["children"] = [child.as_dict() for child in self.children]
        return record

    @staticmethod
    def from_dict(record):
        children = [Result.from_dict(child) for child in record.get("children", [])]
        return Result(record["name"], record["status"], record.get("reason", ""), record["seconds"],
                      children)


def worst(results):
    """Status of a group: one error spoils it, then one failure; all skipped is skipped."""
    found = {result.status for result in results}
    return next((status for status in (ERROR, FAILED, PASSED, SKIPPED) if status in found), ERROR)


def group(name, children, seconds=0.0):
    """A result made of others. A group without any is an error: it checked nothing."""
    if not children:
        return Result(name, ERROR, "no test in it ran", seconds)
    return Result(name, worst(children), "", seconds, list(children))


def error_in(name, reason, seconds=0.0, children=()):
    """A group that is an error for a reason of its own, added to its children as one more."""
    return group(name, [*children, Result("run", ERROR, reason)], seconds)


class _Level:
    """One indentation of a report while it is read."""

    def __init__(self):
        self.planned = None
        self.skipped = None
        self.results = []
        self.nested = None  # finished group that waits for its result line
        self.notes = []     # diagnostic lines since the last result
        self.problems = []

    def problem(self, text):
        self.problems.append(text)

    def close(self):
        if self.planned is None:
            self.problem("no plan")
        elif self.planned != len(self.results):
            self.problem(f"planned {self.planned} tests, saw {len(self.results)}")
        if self.nested is not None:
            self.problem("a nested report has no result line")


def _add_result(level, match):
    verdict, number, name, directive, reason = match.groups()
    name = name or f"test {number}"
    expected = len(level.results) + 1
    if level.planned is None:
        level.problem(f"'{name}' stands before the plan")
    if int(number) != expected:
        level.problem(f"test {number} '{name}' where {expected} was due")
    if any(result.name == name for result in level.results):
        level.problem(f"'{name}' reported twice")
    status = PASSED if verdict == "ok" else FAILED
    directive = (directive or "").upper()
    if directive == "SKIP":
        status = SKIPPED
    elif directive in ("ERROR", "TIMEOUT"):
        status = ERROR
    elif directive:
        level.problem(f"'{name}' has directive {directive}, which is not used here")
    reason = reason or ("; ".join(level.notes) if status == FAILED else "")
    level.notes = []
    result = Result(name, status, reason)
    if level.nested is not None:
        _adopt(level, result)
    level.results.append(result)


def _adopt(level, result):
    """Hang the nested report below its result line; the two must agree."""
    nested, level.nested = level.nested, None
    result.children = nested.results
    for text in nested.problems:
        level.problem(f"{result.name}: {text}")
    bad = {child.status for child in nested.results} & {FAILED, ERROR}
    if bool(bad) != (result.status in (FAILED, ERROR)) and result.status != SKIPPED:
        level.problem(f"'{result.name}' contradicts its nested results")
    if not nested.results and result.status == PASSED:
        level.problem(f"'{result.name}' has an empty nested report")


def _read_line(levels, line):
    text = line.lstrip(" ")
    depth, odd = divmod(len(line) - len(text), 2)
    match = _RESULT.match(text)
    plan = _PLAN.match(text)
    if not (match or plan or text == VERSION):
        if re.match(r"(not )?ok\b", text):
            levels[-1].problem(f"malformed line: {text}")
        elif text.startswith("# ") and not re.match(r"# \d+ us$", text):
            levels[-1].notes.append(text[2:])
        return
    if odd or depth > len(levels):
        levels[-1].problem(f"wrong indentation: {text}")
        return
    if text == VERSION:
        if depth < len(levels):
            levels[-1].problem("a second report begins")
        else:
            levels.append(_Level())
        return
    if depth >= len(levels):
        levels[-1].problem(f"no version line before: {text}")
        return
    while len(levels) > depth + 1:
        closed = levels.pop()
        closed.close()
        if levels[-1].nested is not None:
            levels[-1].problem("two nested reports for one result line")
        levels[-1].nested = closed
    level = levels[depth]
    if match:
        _add_result(level, match)
    elif level.planned is not None:
        level.problem("a second plan")
    else:
        level.planned = int(plan[1])
        level.skipped = plan[2] if plan[1] == "0" and plan[2] is not None else None


def parse(name, text, end_marker=END_MARKER):
    """Read one report, mixed with log lines, into a Result.

    Whatever is not exactly as announced makes the result an error, with every reason told.
    """
    levels, ended, started = [], False, False
    problems = []
    for line in text.splitlines():
        line = line.rstrip()
        if _LOG_LINE.match(line):
            continue
        if end_marker and line == end_marker:
            if ended:
                problems.append("two end markers")
            ended = True
        elif not started:
            if line == VERSION:
                levels, started = [_Level()], True
            elif re.match(r" *(not )?ok \d", line):
                problems.append(f"no version line before: {line}")
        elif ended:
            if _RESULT.match(line.strip()):
                problems.append(f"after the end: {line.strip()}")
        else:
            _read_line(levels, line)
    if not started:
        problems.append(f"no line '{VERSION}'")
    while len(levels) > 1:
        closed = levels.pop()
        closed.close()
        levels[-1].nested = closed
    if levels:
        levels[0].close()
        problems += levels[0].problems
    if end_marker and not ended:
        problems.append(f"no end marker '{end_marker}'")
    return _judge(name, levels, problems)


def _judge(name, levels, problems):
    results = levels[0].results if levels else []
    if problems:
        return error_in(name, "; ".join(problems), children=results)
    if not results:
        if levels[0].skipped is not None:
            return Result(name, SKIPPED, levels[0].skipped)
        return Result(name, ERROR, "the report has no tests")
    return group(name, results)


def _write_level(results, indent, lines):
    lines.append(f"{indent}{VERSION}")
    lines.append(f"{indent}1..{len(results)}")
    for number, result in enumerate(results, 1):
        if result.children:
            _write_level(result.children, indent + "  ", lines)
        reason = " ".join(result.reason.split())
        if reason and result.status == FAILED:
            lines.append(f"{indent}# {reason}")
        verdict = "ok" if result.status in (PASSED, SKIPPED) else "not ok"
        directive = {SKIPPED: f" # SKIP {reason}", ERROR: f" # ERROR {reason}"}
        line = f"{indent}{verdict} {number} {result.name}{directive.get(result.status, '')}"
        lines.append(line.rstrip())


def write(results, end_marker=END_MARKER):
    """KTAP text of a list of results."""
    lines = []
    _write_level(results, "", lines)
    if end_marker:
        lines.append(end_marker)
    return "\n".join(lines) + "\n"


def closing_line(results):
    """The last line of every runner. Errors are counted as failures there, and named."""
    total = group("all", results).count() if results else dict.fromkeys((PASSED, FAILED, ERROR, SKIPPED), 0)
    failed = total[FAILED] + total[ERROR]
    line = f"{total[PASSED]} passed, {failed} failed, {total[SKIPPED]} skipped"
    return line + (f" ({total[ERROR]} of the failed are errors)" if total[ERROR] else "")


def _junit_cases(parent, result, prefix):
    for child in result.children or [result]:
        name = prefix + child.name if child is not result else result.name
        if child.children:
            _junit_cases(parent, child, name + ".")
            continue
        case = xml.SubElement(parent, "testcase", classname=parent.get("name"), name=name,
                              time=f"{child.seconds:.3f}")
        tag = {FAILED: "failure", ERROR: "error", SKIPPED: "skipped"}.get(child.status)
        if tag:
            xml.SubElement(case, tag, message=_UNPRINTABLE.sub("?", child.reason))


def write_junit(path, suites):
    """JUnit XML: one testsuite for each (name, Result)."""
    root = xml.Element("testsuites")
    for name, result in suites:
        counts = result.count()
        suite = xml.SubElement(root, "testsuite", name=name, tests=str(sum(counts.values())),
                               failures=str(counts[FAILED]), errors=str(counts[ERROR]),
                               skipped=str(counts[SKIPPED]), time=f"{result.seconds:.3f}")
        _junit_cases(suite, result, "")
    xml.indent(root)
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
