#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark report as one page: build/bench/report.html, of results.json and details.json.

page.py [--build BUILD]: writes it again from what `make bench` left. Nothing is fetched and nothing runs in
it; bars are laid out by the browser from the records' own numbers. What is missing is said.
"""
import argparse
import html
import json
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import report  # noqa: E402
from report import RINGS, find  # noqa: E402

RING = {"kernel": "ring 0", "user": "ring 3"}
NOTHING = '<span class="none">not measured</span>'
DASH = "–"
STYLE = """
:root { color-scheme: light dark; --page: #fcfcfa; --text: #1b1c1e; --soft: #55585e; --line: #d9dadd; --card: #f1f2f0;
  --kernel: #0868a8; --user: #b84d00; --bare: #6a6d73; --warn: #8a1c1c; }
@media (prefers-color-scheme: dark) { :root { --page: #16181b; --text: #e9eaec; --soft: #aeb2b9; --line: #3a3e45;
  --card: #202328; --kernel: #62b7f0; --user: #f0a04b; --bare: #9ba0a8; --warn: #ff9d94; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 72rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .3rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { margin: .3rem 0 .8rem; max-width: 48rem; }
.soft, figcaption, dt { color: var(--soft); }
.kernel { color: var(--kernel); } .user { color: var(--user); } .bare { color: var(--bare); }
b.kernel, b.user { font-weight: 650; }
.none { color: var(--soft); font-style: italic; }
.warn { color: var(--warn); border-left: 4px solid var(--warn); padding: .2rem 0 .2rem 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.4rem 0; }
.tile { background: var(--card); border-radius: .6rem; padding: .9rem 1.1rem; }
.tile big { display: block; font-size: 1.7rem; font-weight: 650; line-height: 1.25; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 0 3rem; }
figure { margin: 0 0 1.2rem; min-width: 0; }
figcaption { font-size: .9rem; margin-bottom: .5rem; }
.bars { display: grid; grid-template-columns: max-content max-content 1fr; gap: .1rem .6rem; align-items: center;
  font-size: .85rem; }
.bars .name { grid-row: span 2; align-self: center; padding: .35rem 0; max-width: 9.5rem; }
.bars .track { display: flex; align-items: center; gap: .4rem; min-width: 0; }
.bars .track > span:last-child { white-space: nowrap; }
.bars .space { flex: 0 1 calc(100% - 8.5rem); min-width: 0; display: contents; }
.bar { height: .85rem; border-radius: 2px; flex: none; background: currentColor; min-width: 1px; }
.bars .gap { grid-column: 1 / -1; height: .35rem; }
svg { display: block; width: 100%; overflow: visible; }
svg text { font-size: 12px; fill: var(--text); } svg .soft { fill: var(--soft); }
svg .kernel { fill: var(--kernel); stroke: var(--kernel); } svg .user { fill: var(--user); stroke: var(--user); }
svg .bare { stroke: var(--bare); fill: var(--bare); } svg .axis { stroke: var(--line); stroke-width: 1; }
svg text.kernel, svg text.user, svg text.bare { stroke: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; overflow-wrap: normal; }
caption { text-align: left; font-weight: 650; padding: .8rem 0 .3rem; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 550; color: var(--soft); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: .9rem; } dd { margin: 0; }
code { font: .9em "DejaVu Sans Mono", monospace; }
@media (max-width: 34rem) { body { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.5rem; }
  .bars .name { max-width: 6.5rem; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print { :root { color-scheme: light; --page: #fff; --text: #000; --soft: #444; --line: #bbb; --card: #f1f1ef;
  --kernel: #0868a8; --user: #b84d00; --bare: #6a6d73; --warn: #8a1c1c; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 11px; } body { font-size: 11px; padding: 0; max-width: none; } h2 { margin-top: 1.4rem; } h2, h3, caption { break-after: avoid; }
  figure, .tile, tr { break-inside: avoid; } table { font-size: 9.5px; } th, td { padding-right: .4rem; white-space: normal; }
  .pair { grid-template-columns: 1fr 1fr; gap: 0 1.5rem; } .scroll { overflow: visible; } }
"""


def number(value, places=0, unit=""):
    """With its unit, a space between; what is not known says so."""
    return NOTHING if value is None else f"{value:,.{places}f}{unit and ' ' + unit}"


def cell(value, places=0, unit=""):
    """For a table, where a dash is shorter."""
    return DASH if value is None else number(value, places, unit)


def microseconds(ns):
    return NOTHING if ns is None else number(ns / 1000, 0 if ns >= 1e5 else 1, "µs")


def ratio(one, other, places=2):
    return None if not one or not other else round(other / one, places)


def load_name(name, depth, size):
    return f"{name.replace('-', ' ')} {size // 1024} KiB, depth {depth}"


def ring_text(placement, text=None):
    return f'<b class="{placement}">{text or RING[placement]}</b>'


# --- Bars: laid out in the browser, as long as the number beside them says ---

def bars(rows, form, longest=None):
    """rows: (name, ((ring, value, note), ...)). One scale for all of them, beginning at nothing."""
    most = longest or max((value for _, pair in rows for _, value, _ in pair if value), default=1)
    lines = ['<div class="bars">']
    for name, pair in rows:
        lines.append(f'<span class="name" style="grid-row: span {len(pair)}">{html.escape(name)}</span>')
        for ring, value, note in pair:
            share = (value or 0) / most
            bar = "" if value is None else \
                (f'<i class="bar {ring}" data-value="{value}" style="width: calc((100% - 9.5rem) * {share:.5f})"></i>')
            lines.append(f'<span class="{ring}">{RING.get(ring, "")}</span><span class="track">{bar}'
                         f'<span>{form(value)}{note and f" <span class=soft>{note}</span>"}</span></span>')
        lines.append('<span class="gap"></span>')
    return "\n".join(lines) + "</div>"


def figure(caption, body, **data):
    words = "".join(f' data-{key}="{html.escape(str(value))}"' for key, value in data.items())
    return f"<figure{words}><figcaption>{caption}</figcaption>{body}</figure>"


# --- Logarithmic axes: positions in percent, so that text keeps its size whatever the width ---

class Axis:
    """A logarithmic axis over some values."""

    STEPS = (((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), 0.75), ((1, 2, 5), 2.5), ((1,), 99))  # up to so many decades

    def __init__(self, values):
        low, high = min(values), max(values)
        self.low, self.high = math.log10(low) - 0.03, math.log10(high) + 0.03

    def at(self, value):
        return 100 * (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self):
        steps = next(steps for steps, decades in self.STEPS if self.high - self.low < decades)
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            for step in steps:
                if self.low <= math.log10(step * 10.0 ** power) <= self.high:
                    yield step * 10.0 ** power

    def draw(self, top, bottom, form):
        ticks = list(self.ticks()) or [10 ** ((self.low + self.high) / 2)]
        for value in ticks:
            x = self.at(value)
            anchor = "start" if x < 8 else "end" if x > 92 else "middle"
            yield f'<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top}" y2="{bottom}"/>'
            yield f'<text class="soft" x="{x:.2f}%" y="{bottom + 15}" text-anchor="{anchor}">{form(value)}</text>'


def tick_us(ns):
    return f"{ns / 1e6:g} ms" if ns >= 1e6 else f"{ns / 1000:g} µs"


def tick_count(value):
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


# --- The parts of the page ---

class Page:
    """Everything that one run left, as HTML."""

    def __init__(self, records, details):
        self.records, self.details = records, details
        self.measured = sorted({one["driver"] for one in records
                                if one["suite"] == "block" and one["placement"] and one["driver"]})

    def detail(self, what, **wanted):
        """The value of a list of details, or None."""
        for one in self.details.get(what, ()):
            if all(one.get(key) == value for key, value in wanted.items()):
                return one["value"]
        return None

    def loads(self, driver):
        """(name, depth, size, record in ring 0, record in ring 3) of a driver's loads; either may be None."""
        for name, depth, size in report.LOADS:
            pair = [find(self.records, suite="block", name=name, placement=ring, queue_depth=depth, block_bytes=size,
                         driver=driver) for ring in RINGS]
            yield (name, depth, size, *pair)

    def figure_of(self, driver, field, places=0):
        """Bars of one field, a pair a load, the ratio behind ring 3's."""
        rows = []
        for name, depth, size, *pair in self.loads(driver):
            values = [one and one[field] for one in pair]
            change = self.detail("ratios", name=name, queue_depth=depth) if field == "ns_per_op" else None
            change = change or ratio(*values)
            notes = ("", f"× {change:.2f}" if change else "")
            rows.append((load_name(name, depth, size), tuple(zip(RINGS, values, notes))))
        return bars(rows, microseconds if field.endswith("_ns") or field == "ns_per_op" else lambda v: number(v, places))

    def head(self):
        machine = self.details.get("machine", {})
        where = ", ".join(str(machine[key]) for key in ("processor", "emulator") if machine.get(key))
        commit = self.details.get("commit")
        return (f"<h1>One driver object, two rings</h1><p>The same object file, byte for byte, in the kernel "
                f"({ring_text('kernel')}) and in a process ({ring_text('user')}); configuration {self.configuration()}.</p>"
                f'<p class="soft">Commit {"<code>" + html.escape(commit) + "</code>" if commit else "not recorded"}, '
                f'{html.escape(self.details.get("date", "date not recorded"))}. {html.escape(where)}.</p>')

    def configuration(self):
        names = {one["configuration"] for one in self.records if one["suite"] == "block" and one["configuration"]}
        return ", ".join(sorted(names)) or "not recorded"

    def lacking(self):
        lines = report.missing(self.records)
        if not lines:
            return ""
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines[:20])
        more = f"<p>... and {len(lines) - 20} more.</p>" if len(lines) > 20 else ""
        return f'<div class="warn"><strong>This run is not complete.</strong><ul>{items}</ul>{more}</div>'

    def tile(self, title, text, small):
        return f'<div class="tile">{title}<big>{text}</big><span class="soft">{small}</span></div>'

    def tiles(self):
        tiles = []
        for depth in (1, 32):
            pair = [find(self.records, suite="block", name="read", placement=ring, queue_depth=depth) for ring in RINGS]
            values = [one and one["instructions_per_op"] for one in pair]
            change = ratio(*values)
            tiles.append(self.tile(f"Read 4 KiB, {depth} in flight", f"× {change:.2f}" if change else NOTHING,
                                   f"{ring_text('kernel', number(values[0]))} → {ring_text('user', number(values[1]))} "
                                   "instructions"))
        hot = [find(self.records, suite="move", name="hot", placement=ring) for ring in RINGS]
        tiles.append(self.tile("Pause of a hot move, median", " / ".join(
            ring_text(ring, number(one and one["p50_instructions"])) for ring, one in zip(RINGS, hot)),
            "instructions, to ring 0 / to ring 3, under 32 requests"))
        first, last = (find(self.records, suite="image", name="ring0", configuration=name)
                       for name in (report.CONFIGURATIONS[0], "phase3-fixed"))
        if first and last:
            tiles.append(self.tile("Code in ring 0", f"{number(last['value'] / 1024)} KiB",
                                   f"in phase 3, fixed; {number(first['value'] / 1024)} KiB in phase 1"))
        return f'<div class="tiles">{"".join(tiles)}</div>'

    def nets(self):
        """Network cards, which are counted and not timed: (driver, its section), or nothing."""
        rows, driver = [], None
        for name in report.NET:
            for card in report.CARDS:
                pair = [find(self.records, suite="net", name=f"{name}-{card}", placement=ring) for ring in RINGS]
                if None in pair:
                    continue
                driver = pair[0]["driver"]
                values = [one["instructions_per_op"] for one in pair]
                change = ratio(*values)
                rows.append((f"{name}, {card}", tuple(zip(RINGS, values, ("", f"× {change:.2f}" if change else "")))))
        if not driver:
            return []
        return [(driver, f'<section data-driver="{html.escape(driver)}"><h3>{html.escape(driver)}</h3>' + figure(
            "guest instructions a frame of 64 bytes, in bursts of 32", bars(rows, number)) + "</section>")]

    def drivers(self):
        """Every driver of the build; those without a benchmark say so."""
        parts = []
        for driver in self.measured:
            name = html.escape(driver)
            parts.append(f'<section data-driver="{name}"><h3>{name}</h3><div class="pair">'
                         + figure("guest instructions an operation, client, kernel and driver together",
                                  self.figure_of(driver, "instructions_per_op"))
                         + figure("time an operation, median of interleaved rounds; × is the median of the rounds' ratios",
                                  self.figure_of(driver, "ns_per_op"))
                         + "</div></section>")
        nets = self.nets()
        parts += [section for _, section in nets]
        shown = {*self.measured, *(driver for driver, _ in nets)}
        others = [one for one in self.details.get("drivers", ()) if one["path"].split("/")[-1] not in shown]
        for one in others:
            name = one["path"].split("/")[-1]
            size = find(self.records, suite="image", name="driver", driver=name, configuration=self.configuration())
            parts.append(f'<p data-driver="{html.escape(name)}"><strong>{html.escape(name)}</strong> '
                         f'({html.escape(one["path"].split("/")[0])}): no benchmark drives it yet'
                         + (f"; its process has {number(size['value'])} bytes of code" if size else "") + ".</p>")
        return ("<h2>Each driver, both rings</h2><p>Instructions repeat to 0.1 %. Times are this host's: take the "
                "ratios.</p>" + ("".join(parts) or NOTHING))

    # --- Latency ---

    def quantiles(self, one):
        """[(permille, ns)] of a block record: many if the run kept them, else its three percentiles."""
        kept = self.detail("latency", name=one["name"], queue_depth=one["queue_depth"], placement=one["placement"])
        return kept or [(permille, one[field]) for permille, field in
                        ((500, "p50_ns"), (990, "p99_ns"), (999, "p999_ns")) if one[field]]

    @staticmethod
    def strip(axis, y, ring, quantiles):
        """Thin from end to end, thick from the 10th to the 90th percentile, a mark at the median."""
        at = dict(quantiles)
        low, high = min(at), max(at)
        yield (f'<line class="{ring}" x1="{axis.at(at[low]):.2f}%" x2="{axis.at(at[high]):.2f}%" y1="{y}" y2="{y}" '
               'stroke-width="1.5"/>')
        if 100 in at and 900 in at:
            yield (f'<line class="{ring}" x1="{axis.at(at[100]):.2f}%" x2="{axis.at(at[900]):.2f}%" y1="{y}" y2="{y}" '
                   'stroke-width="7" stroke-linecap="round" stroke-opacity="0.55"/>')
        for permille in (990, 999):
            if permille in at:
                yield (f'<line class="{ring}" x1="{axis.at(at[permille]):.2f}%" x2="{axis.at(at[permille]):.2f}%" '
                       f'y1="{y - 4}" y2="{y + 4}" stroke-width="1.5"/>')
        yield f'<circle class="{ring}" cx="{axis.at(at[500]):.2f}%" cy="{y}" r="4.5"/>'

    def latency_figure(self, driver):
        rows = []
        for name, depth, size, *pair in self.loads(driver):
            bare = find(self.records, suite="block", name="ceiling", direction=name.split("-")[-1], queue_depth=depth,
                        block_bytes=size)
            rows.append((load_name(name, depth, size), [(one["placement"], self.quantiles(one)) for one in pair if one],
                         bare and bare["p50_ns"]))
        values = [ns for _, strips, bare in rows for _, quantiles in strips for _, ns in quantiles if ns]
        if not values:
            return NOTHING
        values += [bare for _, _, bare in rows if bare]
        axis, y, lines = Axis(values), 4, []
        bottom = 4 + 62 * len(rows)
        lines += axis.draw(0, bottom, tick_us)
        for name, strips, bare in rows:
            lines.append(f'<text x="0" y="{y + 13}">{name}</text>')
            for place, (ring, quantiles) in enumerate(strips):
                if quantiles and 500 in dict(quantiles):
                    lines += self.strip(axis, y + 25 + 15 * place, ring, quantiles)
            if bare:
                x = axis.at(bare)
                lines.append(f'<line class="bare" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y + 19}" y2="{y + 47}" '
                             'stroke-width="1.5" stroke-dasharray="3 2"/>')
            y += 62
        return f'<svg height="{bottom + 22}" role="img" aria-label="latency of each load">{"".join(lines)}</svg>'

    def latency(self):
        text = (f"Dot: median. Thick: from the 10th to the 90th percentile. Thin: from the fastest in a thousand to the "
                f"slowest in a thousand; strokes at p99 and p99.9. Dashed: the median of the "
                f'<span class="bare">bare polling loop</span>, no system at all. Upper strip '
                f"{ring_text('kernel')}, lower {ring_text('user')}; the axis is logarithmic.")
        return f"<h2>Latency of one operation</h2><p>{text}</p>" + "".join(
            figure(html.escape(driver), self.latency_figure(driver)) for driver in self.measured)

    # --- Pauses ---

    def histogram(self, values_of, form):
        """Histograms one below the other on one axis: values_of = [(ring, title, values)]."""
        known = [value for _, _, values in values_of for value in values or ()]
        if not known:
            return NOTHING
        axis, lines, y = Axis(known), [], 0
        bins, height, block = 44, 46, 92
        bottom = block * len(values_of)
        lines += axis.draw(18, bottom, form)
        for ring, title, values in values_of:
            median = sorted(values)[len(values) // 2] if values else None
            said = form(median) if form is tick_us and median else number(median)
            said = f"median {tick_us(round(median, -3)) if form is tick_us and median else said}" if values else "not measured"
            lines.append(f'<text class="{ring}" x="0" y="{y + 13}">{title}: {said}'
                         f'{f", of {len(values)}" if values else ""}</text>')
            places = [min(bins - 1, int(axis.at(value) * bins / 100)) for value in values or ()]
            most = max((places.count(place) for place in set(places)), default=1)
            base = y + block - 16
            for place in sorted(set(places)):
                tall = max(1.5, height * places.count(place) / most)
                lines.append(f'<rect class="{ring}" stroke="none" stroke-width="0" x="{100 * place / bins:.2f}%" '
                             f'width="{92 / bins:.2f}%" y="{base - tall:.1f}" height="{tall:.1f}"/>')
            lines.append(f'<line class="axis" x1="0" x2="100%" y1="{base}" y2="{base}"/>')
            y += block
        return f'<svg height="{bottom + 20}" role="img" aria-label="histogram of pauses">{"".join(lines)}</svg>'

    def pauses_of(self, name, ring, unit):
        return self.detail("pauses", name=name, placement=ring, unit=unit)

    def pauses(self):
        parts = []
        for name, what in (("hot", "hot move"), ("cold", "cold move"), ("restart", "death to first answer")):
            rings = RINGS if name != "restart" else ("user",)
            titles = [(ring, f"{what}{f' to {RING[ring]}' if name != 'restart' else ', ring 3'}") for ring in rings]
            for unit, form in (("instructions", tick_count), ("ns", tick_us)):
                parts.append(figure(f"{what}: {'guest instructions' if unit == 'instructions' else 'time'}", self.histogram(
                    [(ring, title, self.pauses_of(name, ring, unit)) for ring, title in titles], form)))
        share = [find(self.records, suite="move", name=name) for name in ("share", "in-flight")]
        said = "".join(f"<p>{100 * one['value']:.2f} % {html.escape(one['unit'])}.</p>" for one in share if one)
        return ("<h2>How long clients wait while a driver changes rings</h2><p>32 verified requests are in flight. "
                "Bars count pauses; the axes are logarithmic, each figure has its own.</p>"
                f'<div class="pair">{"".join(parts)}</div>{said}')

    # --- Code ---

    def code(self):
        rows, absent = [], []
        for configuration in report.CONFIGURATIONS:
            one = find(self.records, suite="image", name="ring0", configuration=configuration)
            if one:
                rows.append((configuration, (("kernel", one["value"], ""),)))
            else:
                absent.append(configuration)
        said = f"<p>{NOTHING}: {html.escape(', '.join(absent))}.</p>" if absent else ""
        return ("<h2>Code in ring 0, by phase</h2><p>Bytes of executable code in the kernel image. In phases 1 to 3 drivers "
                "can move, so both images carry them all; the <em>fixed</em> ones are the migration's last step: ring 0 has "
                "no code of a driver that is a process.</p>" + figure("bytes", bars(rows, lambda v: number(v, 0, "bytes"))) + said)

    # --- Tables ---

    def table(self, caption, head, rows):
        cells = "".join(f"<th>{name}</th>" for name in head)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        return f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'

    def block_tables(self, driver):
        """What was counted, and what was timed: a pair of columns a figure."""
        def time(ns):
            return cell(ns and ns / 1000, 1)

        def head(words):
            return ["load"] + [f"{word}<br>{RING[ring]}" for word in words for ring in RINGS]
        counted, timed = [], []
        for name, depth, size, *pair in self.loads(driver):
            def both(field, form):
                return [form(one and one[field]) for one in pair]
            shares = [one and report.share(self.records, one) for one in pair]
            counted.append([load_name(name, depth, size), *both("instructions_per_op", cell), *both("p50_instructions", cell),
                            *both("p99_instructions", cell), *both("mmio_per_op", lambda v: cell(v, 1)),
                            *both("switches_per_op", lambda v: cell(v, 1))])
            timed.append([load_name(name, depth, size), *both("ns_per_op", time), *both("p50_ns", time), *both("p99_ns", time),
                          *both("p999_ns", time), *(cell(one and 100 * one, 0, "%") for one in shares),
                          *(cell(self.detail("batches", name=name, queue_depth=depth, placement=ring), 1) for ring in RINGS)])
        name = html.escape(driver)
        return self.table(f"{name}, an operation, counted", head(
            ("instructions", "instr., p50", "instr., p99", "MMIO", "switches")), counted) + self.table(
            f"{name}, an operation, by the clock", head(("µs", "µs, p50", "µs, p99", "µs, p99.9", "of bare loop", "requests an interrupt")),
            timed)

    def kernel_table(self):
        rows = []
        for one in self.records:
            if one["suite"] in ("kernel", "boot"):
                what = one["name"] if one["suite"] == "kernel" else "boot, from the kernel's entry to the prompt"
                rows.append([what + (f", {RING[one['placement']]} driver" if one["placement"] else ""),
                             cell(one["instructions_per_op"]), cell(one["p99_instructions"]),
                             cell(one["switches_per_op"], 1),
                             cell(one["ns_per_op"] and one["ns_per_op"] / 1000, 2),
                             cell(one["p99_ns"] and one["p99_ns"] / 1000, 2)])
        return self.table("The kernel, an operation", ["operation", "instructions", "p99 instr.", "switches", "µs", "p99 µs"], rows)

    def move_table(self):
        rows = []
        for name, ring in report.MOVES + [("restart", "user")]:
            one = find(self.records, name=name, placement=ring)
            what = "death to first answer" if name == "restart" else f"{name} move to {RING[ring]}"
            rows.append([what] + ([DASH] * 5 if not one else
                                  [cell(one["p50_instructions"]), cell(one["p99_instructions"]),
                                   cell(one["p50_ns"] / 1000), cell(one["p99_ns"] / 1000), cell(one["samples"])]))
        return self.table("Pauses under 32 verified requests", ["what", "median instructions", "p99 instructions", "median µs",
                                                               "p99 µs", "times"], rows)

    def image_table(self):
        names = sorted({one["driver"] for one in self.records if one["suite"] == "image" and one["driver"]})
        rows = []
        for configuration in report.CONFIGURATIONS:
            cells = [find(self.records, suite="image", name="ring0", configuration=configuration)]
            cells += [find(self.records, suite="image", name="driver", driver=name, configuration=configuration) for name in names]
            rows.append([configuration] + [cell(one["value"]) if one else "–" for one in cells])
        return self.table("Code, bytes", ["configuration", "ring 0",
                          *(f"{html.escape(name)} process" for name in names)], rows)

    def tables(self):
        return ("<h2>All figures</h2>" + f'<p>{DASH}: does not apply here, or was not measured.</p>'
                + "".join(self.block_tables(driver) for driver in self.measured) + self.kernel_table()
                + self.move_table() + self.image_table())

    def how(self):
        machine = self.details.get("machine", {})
        rows = "".join(f"<dt>{html.escape(key)}</dt><dd>{html.escape(str(value))}</dd>" for key, value in machine.items())
        return ("<h2>How this was measured</h2><p><code>make bench</code> at the commit above. Instructions are counted by a "
                "plugin of QEMU between markers in client, kernel and driver; times come from other boots, without it. What "
                "disturbs either stands in <code>tests/bench/README.md</code>, and what the figures mean in "
                "<code>doc/measurements.md</code>. Numbers here are those of <code>results.json</code>; distributions, ratios "
                "of rounds and the machine those of <code>details.json</code> beside it.</p>"
                + (f"<dl>{rows}</dl>" if rows else f"<p>Machine: {NOTHING}.</p>"))

    def text(self):
        parts = (self.head(), self.lacking(), self.tiles(), self.drivers(), self.latency(), self.pauses(), self.code(),
                 self.tables(), self.how())
        return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Eft: one driver object, two rings</title>'
                '<meta name="viewport" content="width=device-width, initial-scale=1">'
                f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n")


def page(records, details):
    """The report as one self-contained HTML text."""
    return Page(records, details).text()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.dirname(HERE)), "build"), help="build folder")
    folder = os.path.join(parser.parse_args().build, "bench")
    try:
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
            records = json.load(file)
        with open(os.path.join(folder, "details.json"), encoding="utf-8") as file:
            details = json.load(file)
    except FileNotFoundError as error:
        sys.exit(f"page: {error.filename} is missing: run `make bench` first")
    path = os.path.join(folder, "report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(records, details))
    print(path)


if __name__ == "__main__":
    main()
