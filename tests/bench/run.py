#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""make bench: both placements of one driver object, counted and timed. README.md tells how and why.

Left behind in BUILD/bench: results.json, details.json, results.txt, results.svg, report.html, and one
folder a boot.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TREE, "tests", "run")]
sys.dont_write_bytecode = True

import counts  # noqa: E402
import host  # noqa: E402
import page  # noqa: E402
import report  # noqa: E402
from build import read_config  # noqa: E402
from peer import Peer, frame, netdev, number_of  # noqa: E402
from qemu import Disk, Guest, GuestError, Machine  # noqa: E402

MEASURED = "phase2"  # the configuration that can do both placements and is the product's default
DISK_BYTES = 256 << 20
LATENCY_NS = 500000
LINGER_US = 600  # longer than the latency: at an interrupt all that is in flight completes
MOVE_RATE = 2000  # requests a second: the load has its 32 in flight nearly all the time
PROMPT = r"^eft> $"
ENTRY_POINT, PROMPT_POINT = 0, 1
TOLERANCE = 0.001


class BenchError(Exception):
    """The measurement failed, and why."""


class FileDisk(Disk):
    """A disk on an image file, with the fastest way in that this host has."""

    aio = "threads"

    def blockdev(self, node):
        return {"driver": "raw", "node-name": node, "file": {
            "driver": "file", "filename": self.image, "aio": self.aio, "cache": {"direct": False}}}


class SlowDisk(FileDisk):
    """The same with MOVE_RATE requests a second: they wait there, not in the client. Only for hot moves:
    a reset of the device waits until QEMU has let through what it throttled.
    """

    GROUP = "slow"
    OPTIONS = ("-object", f"throttle-group,id={GROUP},x-iops-total={MOVE_RATE}")

    def blockdev(self, node):
        inner = super().blockdev(node + "-file")
        return {"driver": "throttle", "node-name": node, "throttle-group": self.GROUP, "file": inner}


class BenchMachine(Machine):
    """A machine with one CPU and without the tests' tracing, which costs time."""

    def command(self, directory):
        line = super().command(directory)
        for option in ("-d", "-D"):
            at = line.index(option)
            del line[at:at + 2]
        return line


class Quiet:
    """The host made steady for a boot that is timed: QEMU's CPU and its I/O on a core each, and no core
    ever halts, since to wake it takes as long as a request. Entering needs no rights; what the host does
    not allow is left out.
    """

    SPIN = ("import os\nos.sched_setaffinity(0, [{cpu}])\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
            "while os.getppid() == {parent}: pass")

    def __init__(self):
        self.cpus = sorted(os.sched_getaffinity(0))[:2]
        self.pinned = len(self.cpus) < 2
        self.spinners = []

    def __enter__(self):
        if not self.pinned:
            self.spinners = [subprocess.Popen([sys.executable, "-c", self.SPIN.format(cpu=cpu, parent=os.getpid())],
                                              stderr=subprocess.DEVNULL) for cpu in self.cpus]
        return self

    def __exit__(self, kind, value, traceback):
        for spinner in self.spinners:
            spinner.kill()
            spinner.wait()

    def pin(self, pid):
        """Once QEMU's CPU thread exists: that one here, all others there."""
        if self.pinned:
            return
        threads = {}
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
                threads[int(task)] = "CPU" in file.read()
        if any(threads.values()):
            for task, computes in threads.items():
                os.sched_setaffinity(task, [self.cpus[0 if computes else 1]])
            self.pinned = True


def machine(iso, cmdline="", disk=None, plugin=None, icount=False, extra=()):
    found = BenchMachine(iso=iso, cmdline=cmdline, smp=1, disks=[disk] if disk else [], extra=list(extra))
    found.icount = icount
    found.extra += ["-name", "bench,debug-threads=on"]
    if plugin:
        found.extra += ["-plugin", plugin]
    return found


class BurstPeer(Peer):
    """The other end of the network's cable: sends bursts when the guest asks for them (programs/bench/net.c)."""

    ASKS, BURST, FRAME_BYTES, PAUSE_S = 0xF0000000, 32, 64, 0.004

    def __init__(self, guest):
        self.asked = threading.Event()
        super().__init__(guest)
        self.on_frame = self.look
        threading.Thread(target=self.answer, daemon=True).start()

    def look(self, data):
        number = number_of(data)
        if number is not None and number >= self.ASKS:
            (self.asked.set if number > self.ASKS else self.asked.clear)()

    def answer(self):
        one = frame(0, self.FRAME_BYTES)
        while self.asked.wait():
            try:
                self.send([one] * self.BURST)
            except OSError:
                return
            time.sleep(self.PAUSE_S)


class Progress:
    """A line a step, with the time left; `expected` is what each step took where it was written."""

    def __init__(self, expected):
        self.left = dict(expected)
        self.count, self.done = len(expected), 0
        self.speed, self.terminal = 1.0, sys.stdout.isatty()
        self.name = None

    def start(self, name):
        self.name, self.began, self.told = name, time.monotonic(), 0.0
        self.done += 1
        self.tell(0)

    def seconds_left(self):
        spent = time.monotonic() - self.began
        rest = sum(seconds for name, seconds in self.left.items() if name != self.name)
        return rest * self.speed + max(0.0, self.left.get(self.name, 0) * self.speed - spent)

    def tell(self, results):
        """On a terminal the line moves; in a log there is one each 20 seconds."""
        now = time.monotonic()
        if self.name is None:
            return  # no step: somebody else's boot
        if not self.terminal and now - self.told < 20:
            return
        self.told = now
        text = f"[{self.done}/{self.count}] {self.name}" + (f", {results} results" if results else "") \
            + f", about {self.seconds_left():.0f} s left"
        print(f"\r{text:<78}" if self.terminal else text, end="" if self.terminal else "\n", flush=True)

    def stop(self):
        expected = self.left.pop(self.name, 0)
        spent = time.monotonic() - self.began
        if expected:
            self.speed = 0.5 * self.speed + 0.5 * max(0.5, min(3.0, spent / expected))
        if self.terminal:
            print(f"\r{f'[{self.done}/{self.count}] {self.name}: {spent:.0f} s':<78}", flush=True)


class Bench:
    """One run of everything."""

    def __init__(self, options):
        self.build = os.path.abspath(options.build)
        self.out = os.path.join(self.build, "bench")
        self.word = ",quick" if options.quick else ""
        self.plugin = os.path.join(self.build, "tests", "bench", "plugin.so")
        self.ceiling_iso = os.path.join(self.build, "tests", "bench", "ceiling.iso")
        self.image = f"/dev/shm/eft-bench-{os.getpid()}.img"
        self.records, self.ratios, self.pauses, self.batches, self.latency = [], {}, {}, {}, {}
        steps = {"build": 30, "plugin": 1, "ceiling": 6, "wall clock": 60, "ceiling again": 6, "counted I/O": 60,
                 "counted kernel": 15, "counted net": 20, "hot moves": 25, "restarts": 20, "boot": 15, "image": 1}
        if options.repeat:
            steps.update({"counted I/O again": 60, "counted kernel again": 15})
        self.progress = Progress(steps)

    def step(self, name, function, *arguments):
        self.progress.start(name)
        try:
            return function(*arguments)
        finally:
            self.progress.stop()

    # --- Builds ---

    def folder_of(self, configuration):
        """Where a configuration is built: here if that is what this folder holds."""
        here = os.path.join(self.build, ".config")
        if os.path.exists(here) and read_config(here).get("CONFIGURATION") == configuration:
            return self.build
        return os.path.join(self.out, "build", configuration)

    def make(self, folder, *goals):
        drop = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O")
        environment = {key: value for key, value in os.environ.items() if key not in drop}
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(["make", "-j2", f"O={folder}", *goals], cwd=TREE, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise BenchError(f"make O={folder} {' '.join(goals)} failed:\n{done.stdout[-2000:]}")

    def make_all(self):
        for configuration in report.CONFIGURATIONS:
            folder = self.folder_of(configuration)
            if not os.path.exists(os.path.join(folder, ".config")):
                self.make(folder, f"{configuration}_defconfig")
            self.make(folder, "all")
        self.make(self.build, "bench-parts")
        self.iso = os.path.join(self.folder_of(MEASURED), "eft.iso")

    # --- Boots ---

    def timed_boot(self, name, described):
        with Quiet() as quiet:
            return self.boot(name, described, quiet)

    def boot(self, name, described, quiet=None, timeout_s=240.0, beside=None):
        """One boot that ends by itself; the data lines of its guest. `beside(guest)` is there meanwhile."""
        with Guest(described, os.path.join(self.out, name), f"make bench: {name}", timeout_s) as guest, \
                beside(guest) if beside else contextlib.nullcontext():
            while guest.process.poll() is None and guest.remaining() > 0:
                time.sleep(0.25)
                if quiet:
                    quiet.pin(guest.process.pid)
                self.progress.tell(self._results(guest.path("debugcon.log")))
            outcome = guest.finish()
        skipped = "; ".join(f"{suite} skipped: {why}" for suite, why in counts.skips(outcome.debugcon).items())
        why = counts.guest_error(outcome.debugcon) or skipped or "; ".join(outcome.problems())
        lines, ended = counts.data_lines(outcome.debugcon)
        spread = counts.quantiles(outcome.debugcon)
        for line in lines:
            line["quantiles"] = spread.get(line.get("segment"))
        if why or not ended or outcome.status != 1:
            raise BenchError(f"{name}: {why or f'ended early, status {outcome.status}'}; "
                             f"see {os.path.join(self.out, name)}")
        return lines

    @staticmethod
    def _results(path):
        try:
            with open(path, "rb") as file:
                return file.read().count(b"bench: suite")
        except OSError:
            return 0

    def plugged(self, name, mmio):
        """Plugin argument, and prefix of its output."""
        os.makedirs(os.path.join(self.out, name), exist_ok=True)
        prefix = os.path.join(self.out, name, "counts")
        return f"{self.plugin},out={prefix}" + (",mmio=on" if mmio else ""), prefix

    def check_plugin(self):
        """The ceiling image begins with 1003 instructions, one of them repeated; without a disk it then
        ends at once."""
        plugin, prefix = self.plugged("plugin", mmio=True)
        described = machine(self.ceiling_iso, plugin=plugin)
        with Guest(described, os.path.join(self.out, "plugin"), "make bench: plugin", 60.0) as guest:
            guest.finish()
        segments = counts.Counts(prefix).segments
        seen = [segments[0][key] for key in ("user", "kernel", "operations", "mmio")] if segments else None
        if seen != [1003, 0, 1, 0] or segments[0]["repeats"] not in (63, 64):
            raise BenchError(f"the plugin counts wrong: {segments[:1]} where 1003 instructions were")

    def make_image(self):
        """Filled, since a hole of a sparse file is read faster than data."""
        with open(self.image, "wb") as file:
            for _ in range(DISK_BYTES >> 20):
                file.write(os.urandom(4096) * 256)
        probe = subprocess.run(
            ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none", "-monitor", "stdio",
             "-blockdev", f"driver=file,node-name=x,filename={self.image},aio=io_uring"],
            input="quit\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, check=False)
        FileDisk.aio = "threads" if probe.returncode else "io_uring"

    def ceiling(self, name):
        lines = self.timed_boot(name, machine(self.ceiling_iso, disk=FileDisk(self.image)))
        return lines[1:]  # the first warms up

    def wall_clock(self):
        return self.timed_boot("wall-clock", machine(
            self.iso, f"idle=poll run=bench{self.word},kernel,block", FileDisk(self.image)))

    def counted_io(self, name="counted-io"):
        plugin, prefix = self.plugged(name, mmio=True)
        plugin += f",linger={LINGER_US}"
        disk = Disk(size_bytes=DISK_BYTES, latency_ns=LATENCY_NS)
        lines = self.boot(name, machine(self.iso, f"idle=poll run=bench,counted{self.word},block", disk, plugin))
        return lines, counts.Counts(prefix)

    def counted_net(self):
        """Both cards: one interrupts by its line, the other by MSI-X."""
        found = {}
        for card, device in report.CARDS.items():
            plugin, prefix = self.plugged("counted-net-" + card, mmio=True)
            plugin += f",linger={LINGER_US}"
            described = machine(self.iso, f"idle=poll run=bench,counted{self.word},net", plugin=plugin,
                                extra=[*netdev("n0", pcap=False), "-device", f"{device},netdev=n0"])
            lines = self.boot("counted-net-" + card, described, beside=BurstPeer)
            found[card] = lines, counts.Counts(prefix)
        return found

    def changes(self, name, suites, disk, options=()):
        """Moves or deaths, by the clock and counted."""
        words = f"{self.word},{suites}"
        timed = self.timed_boot(name, machine(self.iso, f"idle=poll run=bench{words}", disk, extra=options))
        plugin, prefix = self.plugged("counted-" + name, mmio=False)
        lines = self.boot("counted-" + name, machine(
            self.iso, f"idle=poll run=bench,counted{words}", disk, plugin, extra=options))
        return timed, lines, counts.Counts(prefix)

    def counted_kernel(self, name="counted-kernel"):
        plugin, prefix = self.plugged(name, mmio=False)
        lines = self.boot(name, machine(self.iso, f"idle=poll run=bench,counted{self.word},kernel",
                                        plugin=plugin, icount=True))
        return lines, counts.Counts(prefix)

    def to_prompt(self, name, described):
        """Boot to the shell; seconds on the host from the kernel's first line to the prompt."""
        with Guest(described, os.path.join(self.out, name), f"make bench: {name}", 60.0) as guest:
            path, first = guest.path("debugcon.log"), None
            while first is None and guest.remaining() > 0:
                if os.path.exists(path) and os.path.getsize(path):
                    first = time.monotonic()
                time.sleep(0.001)
            guest.expect(PROMPT)
            return time.monotonic() - first

    def boots(self):
        plugin, prefix = self.plugged("boot-counted", mmio=True)
        self.to_prompt("boot-counted", machine(self.iso, "idle=poll", plugin=plugin, icount=True))
        points = counts.Counts(prefix).points
        seconds = [self.to_prompt("boot", machine(self.iso, "idle=poll")) for _ in range(3)]
        self.records.append(self.boot_record(points, seconds))

    # --- Records ---

    @staticmethod
    def boot_record(points, seconds):
        if ENTRY_POINT not in points or PROMPT_POINT not in points:
            raise BenchError("boot: the plugin saw no kernel entry or no prompt marker")
        begin, end = points[ENTRY_POINT], points[PROMPT_POINT]
        spent = {key: end[key] - begin[key] for key in ("user", "kernel", "mmio", "switches")}
        return report.record(suite="boot", name="prompt", configuration=MEASURED, samples=len(seconds),
                             instructions_per_op=spent["user"] + spent["kernel"],
                             switches_per_op=spent["switches"], mmio_per_op=spent["mmio"],
                             ns_per_op=statistics.median(seconds) * 1e9)

    @staticmethod
    def counted_fields(lines, counted):
        """Fields that come of the plugin, of several segments of one load."""
        depth = lines[0].get("queue_depth", 1)
        per_sample = lines[0].get("per_sample", 1)
        segments = [counted.segments[line["segment"]] for line in lines]
        samples = [value for one in segments for value in counted.operations(one)]
        number = len(samples) * per_sample
        grouped = counts.grouped(samples, depth)
        usual = counts.mode(grouped)
        return {"instructions_per_op": round(usual / per_sample, 1),
                "mmio_per_op": round(sum(one["mmio"] for one in segments) / number, 2),
                "switches_per_op": round(sum(one["switches"] for one in segments) / number, 2),
                "p50_instructions": round(counts.percentile(grouped, 500) / per_sample, 1),
                "p99_instructions": round(counts.percentile(grouped, 990) / per_sample, 1)}

    @staticmethod
    def timed_fields(lines):
        """Fields that come of the clock: the median round."""
        per_sample = lines[0].get("per_sample", 1)
        found = {"ns_per_op": statistics.median(line["typical_ps"] / 1000 / per_sample for line in lines),
                 "samples": sum(line["samples"] for line in lines)}
        for field in ("p50_ns", "p99_ns", "p999_ns"):
            found[field] = statistics.median(line[field] / per_sample for line in lines)
        return {key: round(value, 1) if key != "samples" else value for key, value in found.items()}

    @staticmethod
    def typical_quantiles(lines):
        """[(permille, ns)]: of each quantile the median round."""
        rounds = [dict(line["quantiles"]) for line in lines if line["quantiles"]]
        return [(permille, statistics.median(one[permille] for one in rounds)) for permille in (rounds[0] if rounds else ())]

    @staticmethod
    def same(lines, **wanted):
        return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]

    def kernel_records(self, timed, lines, counted):
        for name in report.KERNEL:
            fields = self.counted_fields(self.same(lines, suite="kernel", name=name), counted)
            fields["mmio_per_op"] = None  # not counted in this boot
            fields.update(self.timed_fields(self.same(timed, suite="kernel", name=name)))
            self.records.append(report.record(suite="kernel", name=name, configuration=MEASURED, **fields))

    def block_records(self, timed, lines, counted):
        for name, depth, size in report.LOADS:
            for ring in report.RINGS:
                wanted = {"name": name, "placement": ring, "queue_depth": depth, "block_bytes": size}
                some, clocked = self.same(lines, **wanted), self.same(timed, **wanted)
                self.batches[name, depth, ring] = sum(line["requests"] for line in clocked) \
                    / max(1, sum(line["interrupts"] for line in clocked))
                self.latency[name, depth, ring] = self.typical_quantiles(clocked)
                self.records.append(report.record(
                    suite="block", driver=some[0]["driver"], configuration=MEASURED,
                    direction=some[0]["direction"], **wanted, **self.counted_fields(some, counted),
                    **self.timed_fields(clocked)))
            rounds = {ring: [line["typical_ps"] for line in self.same(
                timed, name=name, placement=ring, queue_depth=depth)] for ring in report.RINGS}
            self.ratios[name, depth] = statistics.median(
                user / kernel for user, kernel in zip(rounds["user"], rounds["kernel"]))
        for ring in report.RINGS:
            some = self.same(lines, name="read", placement=ring, queue_depth=1)
            values = [value for line in some for value in counted.interrupts(counted.segments[line["segment"]])]
            if not values:
                raise BenchError(f"no interrupt reached the driver in ring {'0' if ring == 'kernel' else '3'}")
            self.records.append(report.record(
                suite="kernel", name="interrupt", driver=some[0]["driver"], placement=ring,
                configuration=MEASURED, samples=len(values), instructions_per_op=counts.mode(values),
                p50_instructions=counts.percentile(values, 500), p99_instructions=counts.percentile(values, 990)))

    def net_records(self, boots):
        for card, (lines, counted) in boots.items():
            for name in report.NET:
                for ring in report.RINGS:
                    some = self.same(lines, suite="net", name=name, placement=ring)
                    if not some:
                        raise BenchError(f"net {name} {ring}: {card} was not measured")
                    self.records.append(report.record(
                        suite="net", name=f"{name}-{card}", driver=some[0]["driver"], placement=ring, queue_depth=32,
                        block_bytes=64, direction=some[0]["direction"], configuration=MEASURED,
                        samples=sum(line["samples"] for line in some), **self.counted_fields(some, counted)))

    def ceiling_records(self, boots):
        for name, depth, size in report.LOADS:
            direction = name.split("-")[-1]
            fields = [self.timed_fields(self.same(
                lines, direction=direction, queue_depth=depth, block_bytes=size)) for lines in boots]
            self.records.append(report.record(
                suite="block", name="ceiling", driver="ahci", direction=direction, queue_depth=depth,
                block_bytes=size, **min(fields, key=lambda one: one["ns_per_op"])))

    @staticmethod
    def spread(values, unit):
        """Median and tail of a few hundred values, as the fields of a record."""
        found = {f"p50_{unit}": counts.percentile(values, 500), f"p99_{unit}": counts.percentile(values, 990)}
        if unit == "ns":
            found["p999_ns"] = counts.percentile(values, 999)
        return {f"{unit}_per_op": found[f"p50_{unit}"], **found}

    def move_records(self, name, timed, lines, counted):
        for ring in report.RINGS:
            wanted = {"suite": "move", "name": name, "placement": ring, "direction": f"to-{ring}"}
            some, clocked = self.same(lines, **wanted), self.same(timed, **wanted)
            pauses = [value for line in some for value in counted.pauses(counted.segments[line["segment"]])]
            if not clocked or len(pauses) != len(some):
                raise BenchError(f"{name} moves to ring {report.RINGS.index(ring) * 3}: {len(clocked)} by the clock, "
                                 f"{len(pauses)} of {len(some)} counted")
            self.pauses[name, ring] = {"ns": [line["pause_ns"] for line in clocked], "instructions": pauses}
            self.records.append(report.record(
                driver=some[0]["driver"], configuration=MEASURED, queue_depth=32, block_bytes=4096,
                samples=len(clocked), **wanted, **self.spread(self.pauses[name, ring]["ns"], "ns"),
                **self.spread(pauses, "instructions")))

    def share_records(self, hot):
        for name, value, unit in (
                ("share", statistics.mean(line["pause_ns"] for line in hot) / 1e9,
                 "of a run with one hot move a second: sum of the pauses"),
                ("in-flight", statistics.mean(line["taken_over"] > 0 for line in hot),
                 "of the hot moves: requests were in flight in the hardware")):
            self.records.append(report.record(suite="move", name=name, driver=hot[0]["driver"], samples=len(hot),
                                              configuration=MEASURED, value=value, unit=unit))

    def recovery_records(self, timed, lines, counted):
        some, clocked = (self.same(of, suite="recovery", name="restart") for of in (lines, timed))
        restarts = [value for line in some for value in counted.operations(counted.segments[line["segment"]])]
        self.pauses["restart", "user"] = {"ns": [line["total_ns"] for line in clocked], "instructions": restarts}
        self.records.append(report.record(
            suite="recovery", name="restart", driver=some[0]["driver"], placement="user", configuration=MEASURED,
            queue_depth=32, block_bytes=4096, samples=len(clocked),
            **self.spread([line["total_ns"] for line in clocked], "ns"), **self.spread(restarts, "instructions"),
            value=counts.percentile([line["pause_ns"] for line in clocked], 500),
            unit="ns from death to live, median"))

    def image_records(self):
        for configuration in report.CONFIGURATIONS:
            folder = self.folder_of(configuration)
            self.records.append(report.record(
                suite="image", name="ring0", configuration=configuration, unit="bytes",
                value=counts.executable_bytes(os.path.join(folder, "kernel.elf"))))
            with open(os.path.join(folder, "drivers.list"), encoding="ascii") as file:
                drivers = [line.strip().split(",") for line in file if line.strip()]
            for driver, _, *images in drivers:
                if "user" in images:
                    self.records.append(report.record(
                        suite="image", name="driver", driver=driver.split("/")[-1], placement="user",
                        configuration=configuration, unit="bytes",
                        value=counts.executable_bytes(os.path.join(folder, "drivers-user", driver))))

    # --- All of it ---

    def run(self):
        self.step("build", self.make_all)
        self.step("plugin", self.check_plugin)
        self.make_image()
        first = self.step("ceiling", self.ceiling, "ceiling")
        timed = self.step("wall clock", self.wall_clock)
        second = self.step("ceiling again", self.ceiling, "ceiling-again")
        block = self.step("counted I/O", self.counted_io)
        kernel = self.step("counted kernel", self.counted_kernel)
        net = self.step("counted net", self.counted_net)
        hot = self.step("hot moves", self.changes, "hot", "hot", SlowDisk(self.image), SlowDisk.OPTIONS)
        restarts = self.step("restarts", self.changes, "restarts", "cold,recovery", FileDisk(self.image))
        self.kernel_records(timed, *kernel)
        self.block_records(timed, *block)
        self.ceiling_records((first, second))
        self.net_records(net)
        self.move_records("hot", *hot)
        self.move_records("cold", *restarts)
        self.share_records(hot[0])
        self.recovery_records(*restarts)
        self.step("boot", self.boots)
        self.step("image", self.image_records)

    def repeat(self):
        """The counted boots once more; how far each figure is from the first time."""
        before, self.records = self.records, []
        block = self.step("counted I/O again", self.counted_io, "counted-io-again")
        kernel = self.step("counted kernel again", self.counted_kernel, "counted-kernel-again")
        worst = []
        for lines, counted in (block, kernel):
            for line in {(one["suite"], one["name"], one.get("placement"), one.get("queue_depth")): one
                         for one in lines}.values():
                same = {key: line[key] for key in ("suite", "name", "placement", "queue_depth") if key in line}
                now = self.counted_fields(self.same(lines, **same), counted)["instructions_per_op"]
                then = report.find(before, **same)["instructions_per_op"]
                worst.append((abs(now - then) / then, " ".join(str(value) for value in same.values()), then, now))
        self.records = before
        return sorted(worst, reverse=True)

    def details(self):
        """What is beside the records: where it ran, and distributions."""
        with open(os.path.join(self.folder_of(MEASURED), "drivers.list"), encoding="ascii") as file:
            rows = [line.split(",") for line in file.read().split()]
        return {
            **host.describe(TREE, FileDisk.aio),
            "drivers": [{"path": row[0], "configured": row[1]} for row in rows],
            "ratios": [{"name": name, "queue_depth": depth, "value": value} for (name, depth), value in self.ratios.items()],
            "batches": [{"name": name, "queue_depth": depth, "placement": ring, "value": value}
                        for (name, depth, ring), value in self.batches.items()],
            "latency": [{"name": name, "queue_depth": depth, "placement": ring, "value": value}
                        for (name, depth, ring), value in self.latency.items()],
            "pauses": [{"name": name, "placement": ring, "unit": unit, "value": value}
                       for (name, ring), units in self.pauses.items() for unit, value in units.items()]}

    def write(self):
        text, details = report.table(self.records, self.ratios, self.pauses, self.batches), self.details()
        for name, content in (("results.json", json.dumps(self.records, indent=1) + "\n"),
                              ("details.json", json.dumps(details) + "\n"),
                              ("report.html", page.page(self.records, details)),
                              ("results.svg", report.picture(self.records, self.pauses)), ("results.txt", text)):
            with open(os.path.join(self.out, name), "w", encoding="utf-8") as file:
                file.write(content)
        print("\n" + text)
        print(f"Disk image on {os.path.dirname(self.image)}, aio={FileDisk.aio}. Medians of interleaved rounds; "
              f"ratios are ring 3 / ring 0.\n{os.path.join(self.out, 'results.json')}: {len(self.records)} records\n"
              f"{os.path.join(self.out, 'report.html')}: all of it, to look at")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(TREE, "build"), help="build folder")
    parser.add_argument("--repeat", action="store_true", help="count twice, and fail where the figures differ")
    parser.add_argument("--quick", action="store_true", help="a tenth of the operations: is it all there?")
    options = parser.parse_args()
    bench, started = Bench(options), time.monotonic()
    try:
        bench.run()
        worst = bench.repeat() if options.repeat else []
    except (BenchError, GuestError) as error:
        sys.exit(f"\nbench: {error}")
    finally:
        if os.path.exists(bench.image):
            os.unlink(bench.image)
    bench.write()
    lacking = report.missing(bench.records)
    for line in lacking:
        print(f"bench: {line}", file=sys.stderr)
    for difference, what, then, now in worst:
        if difference > TOLERANCE:
            print(f"bench: {what} does not repeat: {then} and {now} ({100 * difference:.2f} %)", file=sys.stderr)
    if worst:
        print(f"Repeated within {100 * worst[0][0]:.3f} % ({worst[0][1]}).")
    print(f"{time.monotonic() - started:.0f} s in all.")
    sys.exit(1 if lacking or (worst and worst[0][0] > TOLERANCE) else 0)


if __name__ == "__main__":
    main()
