#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The report, the shim's reference and the README's picture as a browser really lays them out: wide, narrow, dark,
printed; and that a bad page is found out.

Needs Debian's chromium; without it exits with 4, a skip. A script that measures is put into copies of the page;
the page itself has none.
"""
import html
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import page  # noqa: E402
import report  # noqa: E402

BROWSER = shutil.which("chromium")
SKIPPED = 4
NARROW, WIDE, WINDOW_LEAST = 400, 1280, 500
LEAST_CONTRAST = 4.5  # WCAG 2.1, 1.4.3, level AA
PERMILLE = (1, 10, 100, 300, 500, 700, 900, 990, 999)

PROBE = """
const seen = { width: innerWidth, overflow: [], contrast: [], bars: [], drivers: [], text: document.body.innerText };
const channels = (colour) => { const c = colour.match(/[\\d.]+/g).map(Number); return c.length < 4 ? [...c, 1] : c; };
const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor);
  if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
const clipped = (element) => { for (let e = element; e; e = e.parentElement) if (e.className === 'scroll') return true; return false; };
for (const element of document.body.querySelectorAll('*')) {
  const box = element.getBoundingClientRect();
  if (box.width && !clipped(element) && !element.closest('script') && (box.right > innerWidth + 1 || box.left < -1))
    seen.overflow.push(`${element.tagName} ${element.className.baseVal ?? element.className} ${element.textContent.slice(0, 30)}: ${box.left} to ${box.right}`);
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (own && box.width && element.tagName !== 'SCRIPT') {
    const style = getComputedStyle(element), svg = element.namespaceURI.endsWith('svg');
    const a = light(channels(svg ? style.fill : style.color)), b = light(behind(element));
    seen.contrast.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.textContent.slice(0, 40)]);
  }
}
for (const chart of document.querySelectorAll('.bars'))
  seen.bars.push([...chart.querySelectorAll('.bar')].map((bar) => [Number(bar.dataset.value), bar.getBoundingClientRect().width]));
for (const part of document.querySelectorAll('[data-driver]'))
  seen.drivers.push([part.dataset.driver, part.getBoundingClientRect().height]);
seen.scroll = document.documentElement.scrollWidth;
parent.document.body.textContent = JSON.stringify(seen);
"""


TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def reference():
    """The page that `make doc` writes."""
    spec = importlib.util.spec_from_file_location("reference_maker", os.path.join(TREE, ".ci", "reference.py"))
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.page(maker.headers(TREE))


def records():
    """A complete run whose figures all differ."""
    value = iter(range(300, 100000, 37))
    found = []

    def add(**known):
        figures = {field: float(next(value)) for field in report.FIELDS if field.endswith(("_op", "_ns", "_instructions"))}
        figures["p50_ns"], figures["p99_ns"], figures["p999_ns"] = sorted((figures["p50_ns"], figures["p99_ns"], figures["p999_ns"]))
        found.append(report.record(**{**figures, "samples": 10, "configuration": "phase2", **known}))
    for name in report.KERNEL:
        add(suite="kernel", name=name)
    for name, depth, size in report.LOADS:
        cell = {"queue_depth": depth, "block_bytes": size, "direction": name.split("-")[-1], "driver": "ahci"}
        for ring in report.RINGS:
            add(suite="block", name=name, placement=ring, **cell)
        add(suite="block", name="ceiling", **cell)
    for name in (f"{name}-{card}" for name in report.NET for card in report.CARDS):
        for ring in report.RINGS:
            add(suite="net", name=name, driver="e1000", placement=ring)
    for ring in report.RINGS:
        add(suite="kernel", name="interrupt", driver="ahci", placement=ring)
        for name in ("hot", "cold"):
            add(suite="move", name=name, driver="ahci", placement=ring, direction=f"to-{ring}")
    add(suite="recovery", name="restart", driver="ahci", placement="user")
    for name in ("share", "in-flight"):
        add(suite="move", name=name, value=0.5, unit="of something")
    add(suite="boot", name="prompt")
    for configuration in report.CONFIGURATIONS:
        add(suite="image", name="ring0", configuration=configuration, value=next(value) * 10, unit="bytes")
        add(suite="image", name="driver", driver="ahci", configuration=configuration, value=next(value), unit="bytes")
    return found


def details(run):
    blocks = [one for one in run if one["suite"] == "block" and one["placement"]]
    pauses = [one for one in run if one["suite"] in ("move", "recovery") and one["placement"]]
    return {"commit": "v1-2-gabcdef", "date": "2026-01-01 00:00 UTC", "machine": {"processor": "A <fast> one", "cores": 2},
            "drivers": [{"path": path, "configured": "m"} for path in ("block/ahci", "serial/uart", "bus/pci")],
            "latency": [{"name": one["name"], "queue_depth": one["queue_depth"], "placement": one["placement"], "value":
                         [[permille, one["p50_ns"] * (0.5 + permille / 1000)] for permille in PERMILLE]} for one in blocks],
            "pauses": [{"name": one["name"], "placement": one["placement"], "unit": unit,
                        "value": [one[f"p50_{unit}"] * (1 + n / 50) for n in range(60)]} for one in pauses
                       for unit in ("ns", "instructions")]}


class Browser:
    """Chromium without a screen, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="eft-page-")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run(self, text, *options, width=WIDE, height=2400, dark=False):
        with open(self.path("page.html"), "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             f"--user-data-dir={self.path('profile')}", f"--window-size={width},{height}",
             f"--blink-settings=preferredColorScheme={0 if dark else 1}", *options, self.path("page.html")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120, check=True)
        return done.stdout

    def measure(self, text, width=WIDE, **how):
        """What the probe saw. A window is never as narrow as a telephone: a frame in one is."""
        text = text.replace("</body>", f"<script>{PROBE}</script></body>")
        if width < WINDOW_LEAST:
            text = f'<!DOCTYPE html><body><iframe width="{width}" height="2000" style="border: 0" srcdoc="{html.escape(text)}">'
        dom = self.run(text, "--dump-dom", width=max(width, WINDOW_LEAST), **how)
        body = re.search(r"<body[^>]*>(.*)</body>", dom, re.S)[1]
        return json.loads(html.unescape(body))


def problems(seen, drivers):
    """What is wrong with a page as it was laid out."""
    found = [f"{what} sticks out" for what in seen["overflow"]]
    if seen["scroll"] > seen["width"]:
        found.append(f"the page is {seen['scroll']} wide, the window {seen['width']}")
    found += [f"contrast {ratio:.1f}: {text}" for ratio, text in seen["contrast"] if ratio < LEAST_CONTRAST]
    for bars in seen["bars"]:
        value, width = max(bars)
        found += [f"a bar of {some} is {wide:.1f} long, one of {value} {width:.1f}" for some, wide in bars
                  if abs(wide - max(1, width * some / value)) > 1.5]
    shown = {name for name, height in seen["drivers"] if height > 10}
    found += [f"driver {name} is not shown" for name in drivers if name not in shown]
    return found


def pixels(path):
    """Width and rows of a PNG of 8-bit RGB or RGBA, as bytes (PNG 1.2, section 6)."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    size = {2: 3, 6: 4}[colour]
    raw, stride, rows, before = zlib.decompress(packed), width * size, [], bytearray(width * size)
    for y in range(height):
        line = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        kind = raw[y * (stride + 1)]
        if kind:
            for x in range(stride):
                left, up = line[x - size] if x >= size else 0, before[x]
                corner = before[x - size] if x >= size else 0
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                line[x] = (line[x] + (0, left, up, (left + up) // 2, near)[kind]) & 255
        rows.append(line)
        before = line
    return width, size, rows


class Others(unittest.TestCase):
    def setUp(self):
        self.browser = Browser()
        self.addCleanup(self.browser.folder.cleanup)

    def test_reference_is_sound(self):
        text = reference()
        for how in ({}, {"dark": True}, {"width": NARROW}):
            seen = self.browser.measure(text, **how)
            self.assertEqual(problems(seen, ()), [], how)
            self.assertIn("shim_dma_allocate", seen["text"])

    def test_picture_follows_the_reader(self):
        with open(os.path.join(TREE, "doc", "two-rings.svg"), encoding="utf-8") as file:
            text = f'<!DOCTYPE html><body style="margin: 0">{file.read()}'
        for dark, ground in ((False, range(240, 256)), (True, range(0, 40))):
            path = self.browser.path("picture.png")
            self.browser.run(text, f"--screenshot={path}", width=760, height=400, dark=dark)
            self.assertIn(pixels(path)[2][200][30], ground)


class Laid(unittest.TestCase):
    DRIVERS = ("ahci", "uart", "pci")

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.run_ = records()
        cls.text = page.page(cls.run_, details(cls.run_))

    @classmethod
    def tearDownClass(cls):
        cls.browser.folder.cleanup()

    def good(self, text=None, **how):
        seen = self.browser.measure(text or self.text, **how)
        self.assertEqual(problems(seen, self.DRIVERS), [])
        self.assertGreater(len(seen["contrast"]), 200)
        return seen

    def test_wide_page_is_sound(self):
        seen = self.good()
        self.assertEqual(seen["width"], WIDE)
        self.assertNotIn("not complete", seen["text"])
        self.assertIn("A <fast> one", seen["text"])

    def test_dark_page_is_sound(self):
        self.good(dark=True)

    def test_narrow_page_is_sound(self):
        self.assertEqual(self.good(width=NARROW)["width"], NARROW)

    def test_paper_is_light_even_from_a_dark_browser(self):
        text = self.text.replace("@media print", "@media screen")
        self.good(text, dark=True, width=720)
        self.browser.run(text, f"--screenshot={self.browser.path('paper.png')}", width=720, height=100, dark=True)
        self.assertEqual(pixels(self.browser.path("paper.png"))[2][0][:3], b"\xff\xff\xff")

    def test_prints_on_a_few_pages(self):
        path = self.browser.path("report.pdf")
        self.browser.run(self.text, "--no-pdf-header-footer", f"--print-to-pdf={path}")
        with open(path, "rb") as file:
            pages = len(re.findall(rb"/Type\s*/Page\b", file.read()))
        self.assertIn(pages, range(2, 9))

    def test_both_rings_can_be_seen_in_light_and_dark(self):
        for dark, ground, wanted in ((False, range(240, 256), ((0x08, 0x68, 0xa8), (0xb8, 0x4d, 0x00))),
                                     (True, range(0, 40), ((0x62, 0xb7, 0xf0), (0xf0, 0xa0, 0x4b)))):
            path = self.browser.path("look.png")
            self.browser.run(self.text, f"--screenshot={path}", width=800, height=1400, dark=dark)
            _, size, rows = pixels(path)
            self.assertIn(rows[2][0], ground)
            for colour in wanted:
                found = sum(bytes(row).count(bytes((*colour, 255)[:size])) for row in rows)
                self.assertGreater(found, 2000, f"{colour}, dark {dark}")

    def test_numbers_are_those_of_the_records(self):
        text = self.browser.measure(self.text)["text"]
        for one in self.run_:
            if one["suite"] == "block" and one["placement"]:
                self.assertIn(f"{one['instructions_per_op']:,.0f}", text)
                self.assertIn(f"{one['p999_ns'] / 1000:,.1f}", text)
            if one["suite"] == "image":
                self.assertIn(f"{one['value']:,}", text)

    def test_what_is_missing_is_said(self):
        run = [one for one in self.run_ if not (one["suite"] == "image" and one["configuration"] == "phase3")
               and not (one["name"] == "write" and one["placement"] == "user")]
        seen = self.browser.measure(page.page(run, {}))
        for words in ("This run is not complete", "no record of image ring0 phase3", "no record of block write user 32",
                      "Commit not recorded", "not measured"):
            self.assertIn(words, seen["text"])
        self.assertEqual(seen["overflow"], [])

    def test_nothing_is_fetched_and_nothing_runs(self):
        self.assertEqual(re.findall(r"<script|<link|<img|src=|href=|url\(|@import", self.text), [])

    def test_bad_pages_are_found_out(self):
        for change, words in (
                (("<h2>", '<div style="width: 2000px">wide</div><h2>'), "sticks out"),
                (("--text: #1b1c1e", "--text: #cccccc"), "contrast 1."),
                (("width: calc((100% - 9.5rem) * 0.5", "width: calc((100% - 9.5rem) * 0.9"), "a bar of"),
                (('data-driver="uart"', 'data-driver="uart" hidden'), "driver uart is not shown")):
            self.assertIn(change[0], self.text)
            found = problems(self.browser.measure(self.text.replace(*change)), self.DRIVERS)
            self.assertTrue(any(words in one for one in found), (words, found[:3]))


if __name__ == "__main__":
    if not BROWSER:
        print("skipped: no browser; `make setup` installs one")
        sys.exit(SKIPPED)
    unittest.main()
