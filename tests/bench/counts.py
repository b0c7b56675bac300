# SPDX-License-Identifier: BSD-2-Clause
"""What the counting plugin and the guest's data lines say, as numbers."""
import array
import re
import shlex

FILL = re.compile(rb"(?:\x66*\x2e?\x0f\x1f[\0\x40\x44\x80\x84]\0*|[\0\x66\x90])*\Z")  # no-operations, zeros


def fields(line):
    """key=value words of a line; numbers where they are numbers."""
    found = {}
    for word in shlex.split(line):
        key, equals, value = word.partition("=")
        if equals:
            found[key] = int(value) if value.isdigit() else value
    return found


def data_lines(text):
    """The guest's results, in order, and whether it came to its end."""
    lines = [line for line in text.splitlines() if line.startswith("bench: ")]
    return [fields(line) for line in lines if "name=" in line], "bench: end" in lines


def quantiles(text):
    """segment -> [(permille, ns)], of the guest's `bench: quantiles` lines."""
    lines = [fields(line) for line in text.splitlines() if line.startswith("bench: quantiles ")]
    return {line["segment"]: [tuple(map(int, pair.split(":"))) for pair in line["ns"].split(",")] for line in lines}


def skips(text):
    """Suites that had nothing to measure, and why."""
    lines = [fields(line) for line in text.splitlines() if line.startswith("bench: skip ")]
    return {line["suite"]: line["text"] for line in lines}


def guest_error(text):
    """Why the guest gave up, or ''."""
    for line in text.splitlines():
        if line.startswith("bench: error"):
            return fields(line).get("text", line)
    return ""


class Counts:
    """Output of one run under the plugin."""

    def __init__(self, prefix):
        self.segments, self.points = [], {}
        with open(prefix + ".txt", encoding="ascii") as file:
            for line in file:
                if line.startswith("segment "):
                    self.segments.append(fields(line))
                elif line.startswith("point "):
                    point = fields(line)
                    self.points.setdefault(point["number"], point)
        self.samples = array.array("I")
        with open(prefix + ".samples", "rb") as file:
            self.samples.frombytes(file.read())

    def operations(self, segment):
        """Instructions of each operation of a segment."""
        return self.samples[segment["offset"]:segment["offset"] + segment["operations"]]

    def interrupts(self, segment):
        """Instructions from an interrupt's entry to the driver, each time."""
        begin = segment["offset"] + segment["operations"]
        return self.samples[begin:begin + segment["interrupts"]]


    def pauses(self, segment):
        """Instructions that clients waited for a new instance, each time."""
        begin = segment["offset"] + segment["operations"] + segment["interrupts"]
        return self.samples[begin:begin + segment["pauses"]]


def mode(values):
    """Middle of the densest window half a percent wide: what an operation costs when nothing else
    happens."""
    ordered = sorted(values)
    best, middle, end = 0, None, 0
    for begin, value in enumerate(ordered):
        while end < len(ordered) and ordered[end] <= value * 1.005:
            end += 1
        if end - begin > best:
            best, middle = end - begin, ordered[(begin + end - 1) // 2]
    return middle


def grouped(values, size):
    """Mean of each `size` consecutive values: what one of `size` requests in flight costs."""
    return [sum(values[i:i + size]) / size for i in range(0, len(values) - size + 1, size)]


def percentile(values, permille):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * permille // 1000)] if ordered else None


def executable_bytes(path):
    """Bytes of an ELF file's executable sections, without what fills their last page."""
    with open(path, "rb") as file:
        data = file.read()
    table, size, count = (int.from_bytes(data[a:b], "little") for a, b in ((40, 48), (58, 60), (60, 62)))
    total = 0
    for begin in range(table, table + size * count, size):
        flags, offset, length = (int.from_bytes(data[begin + a:begin + a + 8], "little") for a in (8, 24, 32))
        if flags & 4:
            tail = data[max(offset, offset + length - 4096):offset + length]
            total += length - len(FILL.search(tail)[0])
    return total
