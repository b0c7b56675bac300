# SPDX-License-Identifier: BSD-2-Clause
"""One virtual machine: its QEMU command line, a run of it, and what came out.

How to use: describe a Machine, `with Guest(machine, directory) as guest:`, talk to its serial
console, then `outcome = guest.finish()`. Files in the directory: qemu.cmd (runnable by itself),
serial.log, debugcon.log, guest_errors.log, qemu.log (what QEMU itself said).
"""
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import ktap

QEMU = "qemu-system-x86_64"
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
CD_PORT = 5  # of the q35's own AHCI; disks take 0 to 4

# What QEMU logs under guest_errors and unimp though no guest did wrong: the AHCI model's own trace
# of its interrupt line, and OVMF looking for a TPM.
NOISE = re.compile(r"ahci: IRQ#\d+ level:\d+$|Invalid (read|write) at addr 0xFED400")
_ANSI = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Za-z0-9]|[=>78cDEHM])")


def need_qemu():
    """End here, with one line, where nothing could run."""
    if not shutil.which(QEMU):
        sys.exit(f'{QEMU} is missing: run "make setup", which installs what Eft needs')


class GuestError(Exception):
    """The run proves nothing: it hung, ended early, or could not start."""


@dataclass
class Disk:
    """A disk on an AHCI port. `image` is a raw file in the run's folder, made when missing."""

    image: str = ""            # "": no file, blocks that read as zero (null-co)
    size_bytes: int = 64 << 20
    controller: str = ""       # "": the machine's first; else the id of an additional card
    port: int = -1             # -1: the next free one
    discard: bool = False      # let TRIM punch holes into the image
    bad_reads: tuple = ()      # 512-byte sectors whose reads fail with EIO
    bad_writes: tuple = ()
    broken: str = ""           # "read" or "write": every one of them fails with EIO
    held: bool = False         # Guest.hold() may hold a request back
    iops: int = 0              # so many requests a second at most; 0: as fast as it can
    latency_ns: int = 0        # null-co only
    options: str = ""          # more properties of ide-hd, as "serial=X"

    def blockdev(self, node):
        """QEMU's block graph below one node, as JSON."""
        if not self.image:
            return {"driver": "null-co", "node-name": node, "size": self.size_bytes,
                    "read-zeroes": True, "latency-ns": self.latency_ns}
        file = {"driver": "file", "filename": self.image, "discard": "unmap", "cache": {"direct": False}}
        bad = [("read", s) for s in self.bad_reads] + [("write", s) for s in self.bad_writes]
        if bad or self.held or self.broken:
            file = {"driver": "blkdebug", "node-name": f"{node}-debug", "image": file}
        if bad:
            file["inject-error"] = [{"event": "none", "iotype": kind, "errno": 5, "sector": sector, "once": False}
                                    for kind, sector in bad]
        if self.broken:
            file["inject-error"] = [{"event": "none", "iotype": self.broken, "errno": 5, "once": False}]
        if self.iops:
            file = {"driver": "throttle", "throttle-group": f"{node}-limit", "file": file}
        return {"driver": "raw", "node-name": node, "file": file,
                "discard": "unmap" if self.discard else "ignore"}


@dataclass
class Machine:
    """What a test wants to boot."""

    iso: str
    cmdline: str = ""
    machine: str = "q35"       # "pc": PIIX3 with an ich9-ahci card
    cpu: str = "qemu64,+smep,+smap,+umip"
    smp: int = 2
    memory_mib: int = 256
    uefi: bool = False
    com1: bool = True          # False: no serial line, nothing to type on
    ahci: bool = True          # False: "pc" without the card; the CD is on its IDE controller
    disks: list = field(default_factory=list)
    controllers: list = field(default_factory=list)  # ids of additional ich9-ahci cards, "id,bus=x"
    devices: list = field(default_factory=list)      # -device arguments before all storage
    stopped: bool = False      # until a debugger lets it go
    icount: bool = False       # virtual time by instructions; where all sleep, it skips to the next timer
    extra: list = field(default_factory=list)        # more QEMU arguments
    qemu: str = QEMU

    def command(self, directory):
        """The argument list, for a QEMU that runs in `directory`."""
        line = [self.qemu, "-machine", self.machine, *self._accelerator(), "-cpu", self.cpu,
                "-smp", str(self.smp), "-m", f"{self.memory_mib}M", "-nodefaults", "-display", "none",
                "-no-reboot", "-chardev", "stdio,id=serial,signal=off",
                *(("-device", "isa-serial,chardev=serial,id=com1") if self.com1 else ()),
                "-chardev", "file,id=debug,path=debugcon.log",
                "-device", "isa-debugcon,iobase=0xe9,chardev=debug",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                "-qmp", "unix:qmp.sock,server=on,wait=off",
                "-d", "guest_errors,unimp", "-D", "guest_errors.log"]
        if self.uefi:
            line += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}",
                     "-drive", "if=pflash,format=raw,file=ovmf_vars.fd"]
        if self.stopped:
            line.append("-S")
        if self.cmdline:
            line += ["-smbios", "type=11,value=" + self.cmdline.replace(",", ",,")]
        line += self._storage(directory)
        return line + self.extra

    def _accelerator(self):
        if self.icount:
            return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
        return ["-accel", "tcg,thread=multi"]

    def _storage(self, directory):
        first = "ide" if self.machine.split(",")[0] == "q35" else "ahci0"
        line = [word for device in self.devices for word in ("-device", device)]
        if first != "ide" and self.ahci:
            line += ["-device", "ich9-ahci,id=ahci0"]
        for card in self.controllers:
            line += ["-device", f"ich9-ahci,id={card}"]
        cd = f"ide.{CD_PORT}" if first == "ide" else "ide.1"
        line += ["-blockdev", json.dumps({"driver": "raw", "node-name": "cd", "read-only": True, "file": {
            "driver": "file", "filename": os.path.relpath(self.iso, directory)}}),
            "-device", f"ide-cd,drive=cd,bus={cd},bootindex=0"]
        next_port = {}
        for number, disk in enumerate(self.disks):
            card = disk.controller or first
            port = disk.port if disk.port >= 0 else next_port.get(card, 0)
            next_port[card] = port + 1
            options = f",{disk.options}" if disk.options else ""
            if disk.iops:
                line += ["-object", f"throttle-group,id=disk{number}-limit,x-iops-total={disk.iops}"]
            line += ["-blockdev", json.dumps(disk.blockdev(f"disk{number}")),
                     "-device", f"ide-hd,drive=disk{number},bus={card}.{port}{options}"]
        return line

    def script(self, directory, title):
        """Text of qemu.cmd: the same run by hand, with the serial console on the terminal."""
        lines = ["#!/bin/sh", f"# {title}. Run it as it is: sh qemu.cmd", 'cd "$(dirname "$0")" || exit']
        if self.uefi:
            lines.append(f"[ -e ovmf_vars.fd ] || cp {OVMF_VARS} ovmf_vars.fd")
        for disk in self.disks:
            if disk.image:
                name = shlex.quote(disk.image)
                lines.append(f"[ -e {name} ] || truncate -s {disk.size_bytes} {name}")
        command = self.command(directory)
        words, position = [command[0]], 1
        while position < len(command):  # an option and its value share a line
            step = 2 if position + 1 < len(command) and not command[position + 1].startswith("-") else 1
            words.append(" ".join(shlex.quote(word) for word in command[position:position + step]))
            position += step
        return "\n".join(lines) + "\nexec " + " \\\n\t".join(words) + "\n"


@dataclass
class Outcome:
    """All that a finished run left behind."""

    status: int = None  # QEMU's exit status; None: it had to be killed
    timed_out: bool = False
    serial: str = ""
    debugcon: str = ""
    guest_errors: str = ""
    qemu_log: str = ""
    seconds: float = 0.0

    def problems(self):
        """Why the run proves nothing, whatever it printed."""
        found = []
        if self.timed_out:
            found.append(f"hung: no end within {self.seconds:.0f} s")
        elif self.status is None:
            found.append("QEMU was killed before the guest ended")
        elif self.status < 0:
            found.append(f"QEMU died of signal {-self.status}")
        errors = [line for line in self.guest_errors.splitlines() if line and not NOISE.match(line)]
        if errors:
            found.append(f"{len(errors)} guest errors, the first: {errors[0]}")
        return found


def judge_tests(name, outcome):
    """Result of a run whose guest reports by KTAP on the debug console and leaves by debug exit."""
    result = ktap.parse(name, outcome.debugcon)
    result.seconds = outcome.seconds
    problems = outcome.problems()
    bad = result.status in (ktap.FAILED, ktap.ERROR)
    if not problems and outcome.status not in (1, 3):
        problems.append(f"QEMU's exit status is {outcome.status}, not 1 or 3 as the test exit gives")
    elif not problems and bad != (outcome.status == 3):
        problems.append(f"QEMU's exit status {outcome.status} contradicts the report ({result.status})")
    if problems and outcome.qemu_log.strip():
        problems.append("QEMU said: " + outcome.qemu_log.strip().splitlines()[-1])
    if not problems:
        return result
    tests = [child for child in result.children if child.name != "run"]
    problems += [child.reason for child in result.children if child.name == "run"]
    return ktap.error_in(name, "; ".join(problems), outcome.seconds, tests)


def judge_session(outcome):
    """Reasons why a run that was ended by `poweroff` is not to be believed; empty if it is."""
    problems = outcome.problems()
    if not problems and outcome.status != 0:
        problems.append(f"QEMU's exit status is {outcome.status}, not 0 as power-off gives")
    return problems


def connect_unix(path):
    """A Unix socket whose path may be longer than the 107 bytes that an address holds."""
    folder = os.open(os.path.dirname(path) or ".", os.O_PATH)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(folder)
    return connection


class Qmp:
    """QEMU's machine protocol: one command, one answer; events are kept."""

    def __init__(self, path, timeout_s=10):
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.socket = connect_unix(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.socket.settimeout(timeout_s)
        self.stream = self.socket.makefile("rw")
        self.events = []
        json.loads(self.stream.readline())
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        names = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.stream.write(json.dumps({"execute": command, "arguments": names}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise GuestError(f"QMP {command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def monitor(self, line):
        """A command of the human monitor; its text."""
        return self.call("human-monitor-command", command_line=line)

    def close(self):
        self.stream.close()
        self.socket.close()


class Guest:
    """A running machine. Leaving the `with` block ends it, whatever happened."""

    def __init__(self, machine, directory, title="", timeout_s=60.0):
        self.machine, self.directory, self.title = machine, directory, title
        self.timeout_s = timeout_s
        self.text = ""           # serial output so far, without escape sequences
        self.cursor = 0          # what `expect` has not looked at yet begins here
        self.changed = threading.Condition()
        self.outcome = None
        self.process = None
        self._qmp = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def __enter__(self):
        os.makedirs(self.directory, exist_ok=True)
        for name in ("serial.log", "debugcon.log", "guest_errors.log", "hang.log"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        with open(self.path("qemu.cmd"), "w", encoding="utf-8") as file:
            file.write(self.machine.script(self.directory, self.title or "one boot"))
        self.started = time.monotonic()
        self.deadline = self.started + self.timeout_s
        with open(self.path("qemu.log"), "wb") as log:
            self.process = subprocess.Popen(["/bin/sh", "qemu.cmd"], cwd=self.directory, stderr=log,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, kind, value, traceback):
        if self.outcome is None:
            self._collect(timed_out=False)

    def _read(self):
        raw = b""
        with open(self.path("serial.log"), "wb", buffering=0) as log:
            while data := self.process.stdout.read1(65536):
                log.write(data)
                raw += data
                with self.changed:
                    self.text = _ANSI.sub("", raw.decode("utf-8", "replace"))
                    self.changed.notify_all()
        with self.changed:
            self.reader_done = True
            self.changed.notify_all()

    reader_done = False

    def remaining(self):
        return self.deadline - time.monotonic()

    def qmp(self, timeout_s=10):
        if self._qmp is None:
            self._qmp = Qmp(self.path("qmp.sock"), timeout_s)
        return self._qmp

    def expect(self, pattern, timeout_s=30.0):
        """Wait until the serial console shows the regular expression; return the match."""
        compiled = re.compile(pattern, re.M)
        end = min(time.monotonic() + timeout_s, self.deadline)
        with self.changed:
            while True:
                match = compiled.search(self.text, self.cursor)
                if match:
                    self.cursor = match.end()
                    return match
                if self.reader_done:
                    raise GuestError(f"the machine ended before it showed '{pattern}'; last: {self.tail()}")
                if time.monotonic() >= end:
                    self._describe_hang()
                    raise GuestError(f"no '{pattern}' on the serial console; last: {self.tail()}")
                self.changed.wait(max(0.0, end - time.monotonic()))

    def hold(self, event, disk="disk0"):
        """Hold back the next request of a `held` disk: event pwritev or read_aio. Returns when one is."""
        self.qmp().monitor(f'qemu-io {disk}-debug "break {event} held"')
        self.expect(r"blkdebug: Suspended request 'held'")

    def release(self, disk="disk0"):
        """Let the request go on. While one is held a reset of its controller would hang QEMU."""
        self.qmp().monitor(f'qemu-io {disk}-debug "resume held"')

    def tail(self):
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else "(nothing)"

    def send(self, text):
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise GuestError("the machine ended before it could be typed to") from error

    def _describe_hang(self):
        """Where every CPU stands, for whoever looks into a hang."""
        try:
            text = self.qmp(1).monitor("info registers -a")
        except (OSError, ValueError, GuestError) as error:
            text = f"no answer from QEMU: {error}\n"
        with open(self.path("hang.log"), "w", encoding="utf-8") as file:
            file.write(text)

    def finish(self, timeout_s=None):
        """Wait for the guest to end by itself; an Outcome in any case."""
        left = self.remaining() if timeout_s is None else min(timeout_s, self.remaining())
        timed_out = False
        try:
            self.process.wait(max(left, 0.1))
        except subprocess.TimeoutExpired:
            timed_out = True
            self._describe_hang()
        return self._collect(timed_out)

    def _collect(self, timed_out):
        status = self.process.poll()
        if status is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        if self._qmp:
            self._qmp.close()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        if os.path.exists(self.path("qmp.sock")):
            os.unlink(self.path("qmp.sock"))
        self.outcome = Outcome(status, timed_out, self.text, self._file("debugcon.log"),
                               self._file("guest_errors.log"), self._file("qemu.log"),
                               time.monotonic() - self.started)
        return self.outcome

    def _file(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""
