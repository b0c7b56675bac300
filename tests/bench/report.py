# SPDX-License-Identifier: BSD-2-Clause
"""Records of a benchmark run: what must be there, and how they look as a table and a picture."""
import math

FIELDS = ("suite", "name", "driver", "placement", "queue_depth", "block_bytes", "instructions_per_op",
          "mmio_per_op", "switches_per_op", "ns_per_op", "p50_ns", "p99_ns", "p999_ns",
          "p50_instructions", "p99_instructions", "samples", "configuration", "direction", "value", "unit")
CONFIGURATIONS = ("phase1", "phase2", "phase3", "phase2-fixed", "phase3-fixed", "minimal")
KERNEL = ("syscall", "call", "notify", "page-fault", "spawn")
LOADS = [(name, depth, 4096) for name in ("read", "write") for depth in (1, 4, 32)] \
    + [("sequential-read", 1, 131072), ("sequential-write", 1, 131072)]
RINGS = ("kernel", "user")
CARDS = {"82540em": "e1000", "82574l": "e1000e"}  # by QEMU's names
NET = ("send", "receive")
BARS = 16
MOVES = [(name, ring) for name in ("hot", "cold") for ring in RINGS]


def record(**known):
    """A record with every field; what is not known is None."""
    unknown = set(known) - set(FIELDS)
    if unknown:
        raise KeyError(f"no such field: {unknown}")
    return {field: known.get(field) for field in FIELDS}


def find(records, **wanted):
    """The first record with these values, or None."""
    for one in records:
        if all(one[key] == value for key, value in wanted.items()):
            return one
    return None


def _lacks(records, fields, **wanted):
    one = find(records, **wanted)
    what = " ".join(str(value) for value in wanted.values())
    if one is None:
        return [f"no record of {what}"]
    return [f"{what}: {field} is missing" for field in fields if one[field] is None]


def missing(records):
    """What results.json has to hold and does not."""
    both = ("instructions_per_op", "ns_per_op", "mmio_per_op", "switches_per_op", "p50_ns", "p99_ns",
            "p999_ns", "p50_instructions", "p99_instructions", "samples")
    found = [f"wrong fields: {sorted(one)}" for one in records if set(one) != set(FIELDS)]
    for name in KERNEL:
        found += _lacks(records, ("instructions_per_op", "ns_per_op"), suite="kernel", name=name)
    for ring in RINGS:
        found += _lacks(records, ("instructions_per_op",), suite="kernel", name="interrupt", placement=ring)
        for name, depth, size in LOADS:
            found += _lacks(records, both, suite="block", name=name, placement=ring, queue_depth=depth,
                            block_bytes=size)
    for name in (f"{name}-{card}" for name in NET for card in CARDS):
        for ring in RINGS:
            found += _lacks(records, ("instructions_per_op", "mmio_per_op", "switches_per_op"), suite="net", name=name,
                            placement=ring)
    for name, depth, size in LOADS:
        found += _lacks(records, ("ns_per_op", "p50_ns", "p99_ns", "p999_ns"), suite="block", name="ceiling",
                        direction=name.split("-")[-1], queue_depth=depth, block_bytes=size)
    pause = ("ns_per_op", "p50_ns", "p99_ns", "p999_ns", "instructions_per_op", "p50_instructions",
             "p99_instructions", "samples")
    for name, ring in MOVES:
        found += _lacks(records, pause, suite="move", name=name, direction=f"to-{ring}", placement=ring)
    for name in ("share", "in-flight"):
        found += _lacks(records, ("value", "unit"), suite="move", name=name)
    found += _lacks(records, pause, suite="recovery", name="restart", placement="user")
    found += _lacks(records, ("instructions_per_op", "ns_per_op"), suite="boot", name="prompt")
    for configuration in CONFIGURATIONS:
        found += _lacks(records, ("value", "unit"), suite="image", name="ring0", configuration=configuration)
    if not find(records, suite="image", name="driver"):
        found.append("no record of image driver")
    return found


def share(records, one):
    """Part of the ceiling's speed that a block record reaches, 0 to 1, or None."""
    top = find(records, suite="block", name="ceiling", direction=one["direction"],
               queue_depth=one["queue_depth"], block_bytes=one["block_bytes"])
    if not top or not top["ns_per_op"] or not one["ns_per_op"]:
        return None
    return top["ns_per_op"] / one["ns_per_op"]


def _number(value, places=0):
    return "-" if value is None else f"{value:,.{places}f}"


def _percent(value):
    return "-" if value is None else f"{100 * value:.0f} %"


def _rows(rows):
    """Columns aligned: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        yield "  " + "  ".join(cells).rstrip()


def _ratio(one, other):
    return "-" if not one or not other else f"{one / other:.2f}"


def _block_rows(records, ratios):
    yield ["block (AHCI)", "instr. ring 0", "ring 3", "ratio", "MMIO", "switches", "us ring 0", "ring 3", "ratio",
           "of ceiling", "ring 3"]
    for name, depth, size in LOADS:
        cell = [find(records, suite="block", name=name, placement=ring, queue_depth=depth, block_bytes=size)
                for ring in RINGS]
        if None in cell:
            continue
        kernel, user = cell
        time_ratio = ratios.get((name, depth))
        yield [f"{name} depth {depth}", _number(kernel["instructions_per_op"]), _number(user["instructions_per_op"]),
               _ratio(user["instructions_per_op"], kernel["instructions_per_op"]),
               f"{_number(kernel['mmio_per_op'], 1)}/{_number(user['mmio_per_op'], 1)}",
               f"{_number(kernel['switches_per_op'], 1)}/{_number(user['switches_per_op'], 1)}",
               *(_number(one["ns_per_op"] and one["ns_per_op"] / 1000, 1) for one in cell),
               "-" if time_ratio is None else f"{time_ratio:.2f}",
               *(_percent(share(records, one)) for one in cell)]


def _net_rows(records):
    yield ["net (64 bytes, bursts of 32)", "instr. ring 0", "ring 3", "ratio", "MMIO", "switches"]
    for name in (f"{name}-{card}" for name in NET for card in CARDS):
        cell = [find(records, suite="net", name=name, placement=ring) for ring in RINGS]
        if None in cell:
            continue
        kernel, user = cell
        yield [name, _number(kernel["instructions_per_op"]), _number(user["instructions_per_op"]),
               _ratio(user["instructions_per_op"], kernel["instructions_per_op"]),
               f"{_number(kernel['mmio_per_op'], 2)}/{_number(user['mmio_per_op'], 2)}",
               f"{_number(kernel['switches_per_op'], 2)}/{_number(user['switches_per_op'], 2)}"]


def _latency_rows(records, batches):
    yield ["latency, us", "ring 0 p50", "p99", "p99.9", "ring 3 p50", "p99", "p99.9", "ceiling p50", "p99", "p99.9",
           "requests an interrupt, ring 0", "ring 3"]
    for name, depth, size in LOADS:
        where = {"queue_depth": depth, "block_bytes": size}
        cell = [find(records, suite="block", name=name, placement=ring, **where) for ring in RINGS]
        cell.append(find(records, suite="block", name="ceiling", direction=name.split("-")[-1], **where))
        yield [f"{name} depth {depth}"] + [_number(one and one[field] and one[field] / 1000) for one in cell
                                           for field in ("p50_ns", "p99_ns", "p999_ns")] \
            + [_number(batches.get((name, depth, ring)), 1) for ring in RINGS]


def _kernel_rows(records):
    yield ["kernel", "instructions", "switches", "us", "p99 us"]
    for one in records:
        if one["suite"] not in ("kernel", "boot"):
            continue
        ring = {"kernel": " (ring 0 driver)", "user": " (ring 3 driver)", None: ""}[one["placement"]]
        yield [one["name"] + ring, _number(one["instructions_per_op"]), _number(one["switches_per_op"], 1),
               _number(one["ns_per_op"] and one["ns_per_op"] / 1000, 2),
               _number(one["p99_ns"] and one["p99_ns"] / 1000, 2)]


def _image_rows(records):
    images = [one for one in records if one["suite"] == "image"]
    drivers = sorted({one["driver"] for one in images if one["driver"]})
    yield ["image, bytes of code", "ring 0"] + [f"{driver} process" for driver in drivers]
    for configuration in CONFIGURATIONS:
        ring0 = find(images, name="ring0", configuration=configuration)
        cells = [find(images, name="driver", driver=driver, configuration=configuration) for driver in drivers]
        yield [configuration] + [_number(one and one["value"]) for one in [ring0] + cells]


def _move_rows(records):
    yield ["under 32 verified requests", "median instr.", "p99", "median us", "p99 us", "times"]
    for name, ring in MOVES + [("restart", "user")]:
        one = find(records, name=name, placement=ring)
        if one:
            what = "death to first answer" if name == "restart" else f"{name} move to ring {0 if ring == 'kernel' else 3}"
            yield [what, *(_number(one[field]) for field in ("p50_instructions", "p99_instructions")),
                   *(_number(one[field] / 1000) for field in ("p50_ns", "p99_ns")), _number(one["samples"])]


def buckets(values):
    """A histogram with bars of equal ratio: [(lower bound, how many)], at most BARS of them."""
    if not values:
        return []
    for parts in (16, 8, 4, 2, 1):  # bars a doubling
        place = [math.floor(parts * math.log2(max(value, 1))) for value in values]
        if max(place) - min(place) < BARS:
            break
    return [(round(2 ** (at / parts)), place.count(at)) for at in range(min(place), max(place) + 1)]


def _histograms(pauses):
    """Pauses of hot moves as bars of text."""
    for unit, divisor, name in (("instructions", 1, "instructions"), ("ns", 1000, "us")):
        for ring in RINGS:
            values = pauses.get(("hot", ring), {}).get(unit, [])
            yield f"hot move to ring {0 if ring == 'kernel' else 3}: pause in {name}, from ... on"
            for bound, count in buckets([value / divisor for value in values]):
                yield f"  {bound:>10,}  {count:>4}  {'#' * math.ceil(50 * count / len(values))}"


def _shares(records):
    for name in ("share", "in-flight"):
        one = find(records, suite="move", name=name)
        if one:
            yield f"  {100 * one['value']:.2f} % {one['unit']}"


def table(records, ratios, pauses=None, batches=None):
    """The whole result as text. `ratios`: (load, depth) -> ring 3 / ring 0 by wall clock; `pauses`: (kind of
    move, ring) -> unit -> values; `batches`: (load, depth, ring) -> requests an interrupt."""
    parts = [_rows(list(rows)) for rows in
             (_block_rows(records, ratios), _net_rows(records), _latency_rows(records, batches or {}), _kernel_rows(records), _image_rows(records),
              _move_rows(records))]
    parts += [_shares(records), _histograms(pauses or {})]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


_COLOURS = {"kernel": "#3b6ea5", "user": "#d98032"}


def _bar(x, y, width, ring, text):
    return (f'<rect x="{x}" y="{y}" width="{width:.1f}" height="12" fill="{_COLOURS[ring]}"/>'
            f'<text x="{x + width + 4:.1f}" y="{y + 10}">{text}</text>')


def _pause_bars(pauses, top):
    """Histograms of hot moves' pauses, instructions to the left, time to the right; and their end."""
    lines, end = [], top
    for x, unit, divisor, name in ((10, "instructions", 1, "instructions"), (430, "ns", 1000, "us")):
        lines.append(f'<text x="{x}" y="{top}" font-size="13">Pause of a hot move, {name}</text>')
        y = top + 12
        for ring in RINGS:
            values = pauses.get(("hot", ring), {}).get(unit, [])
            for bound, count in buckets([value / divisor for value in values]):
                lines.append(f'<text x="{x}" y="{y + 10}">from {bound:,}</text>')
                lines.append(_bar(x + 100, y, 240 * count / len(values), ring, _number(count)))
                y += 13
            y += 8
        end = max(end, y)
    return lines, end


def picture(records, pauses=None):
    """An SVG: a pair of bars a load, instructions to the left, share of the ceiling to the right; below, the
    pauses of hot moves."""
    blocks = [one for one in records if one["suite"] == "block" and one["placement"]]
    most = max((one["instructions_per_op"] or 0 for one in blocks), default=0) or 1
    lines, y = [], 56
    for name, depth, size in LOADS:
        lines.append(f'<text x="10" y="{y + 17}">{name}, depth {depth}</text>')
        for ring in RINGS:
            one = find(blocks, name=name, placement=ring, queue_depth=depth, block_bytes=size)
            if one:
                count, part = one["instructions_per_op"], share(records, one)
                lines.append(_bar(170, y, 260 * (count or 0) / most, ring, _number(count)))
                lines.append(_bar(530, y, 260 * min(part or 0, 1.2), ring, _percent(part)))
            y += 13
        y += 12
    bottom = y
    bars, y = _pause_bars(pauses or {}, y + 24)
    lines += bars
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{y + 20}" '
            'font-family="sans-serif" font-size="11">'
            '<rect width="100%" height="100%" fill="white"/>'
            '<text x="10" y="20" font-size="14">One driver object, two rings: AHCI</text>'
            f'<text x="170" y="44">guest instructions an operation</text>'
            '<text x="530" y="44">speed, as a share of the bare polling loop</text>'
            f'<rect x="560" y="10" width="12" height="12" fill="{_COLOURS["kernel"]}"/>'
            '<text x="577" y="20">ring 0</text>'
            f'<rect x="640" y="10" width="12" height="12" fill="{_COLOURS["user"]}"/>'
            '<text x="657" y="20">ring 3</text>')
    line = f'<line x1="790" y1="50" x2="790" y2="{bottom}" stroke="#999" stroke-dasharray="3"/>'
    return head + line + "\n".join(lines) + "</svg>\n"
