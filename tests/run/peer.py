# SPDX-License-Identifier: BSD-2-Clause
"""The other end of a guest's network cable: a host program on QEMU's stream socket.

How to use: boot with `extra=netdev("n0")` and a network card on it, `with Peer(guest) as peer:`, then
peer.send(frames); what the guest sends is in peer.frames, peer.wait() waits for it. Test frames are
those of drivers-user/runtime/include/runtime/frames.h.
"""
import os
import socket
import struct
import threading
import time

from qemu import connect_unix

TYPE = 0x88B5
MAGIC = 0x4E746645
MULTIPLIER = 0x9E3779B1
HEAD = struct.Struct("<IIII")
BYTES_MIN = 14 + HEAD.size
SOURCE = bytes.fromhex("020000000001")
EVERYBODY = b"\xff" * 6


def netdev(name, pcap=True):
    """QEMU's arguments for a cable whose other end is a socket in the run's folder."""
    line = ["-netdev", f"stream,id={name},server=on,addr.type=unix,addr.path={name}.sock"]
    if pcap:
        line += ["-object", f"filter-dump,id={name}-dump,netdev={name},file={name}.pcap"]
    return line


def frame(number, size, to=EVERYBODY, source=SOURCE):
    """A test frame of `size` bytes."""
    words = [(number + index) * MULTIPLIER & 0xFFFFFFFF for index in range((size - BYTES_MIN) // 4)]
    body = struct.pack(f"<{len(words)}I", *words)
    head = HEAD.pack(MAGIC, number, size, sum(words) & 0xFFFFFFFF)
    return (to + source + TYPE.to_bytes(2, "big") + head + body).ljust(size, b"\0")


def number_of(data):
    """The number of a good test frame; None: it is none, or damaged."""
    if len(data) < BYTES_MIN or int.from_bytes(data[12:14], "big") != TYPE:
        return None
    magic, number, size, _ = HEAD.unpack_from(data, 14)
    if magic != MAGIC or size > len(data) or (len(data) > 60 and size != len(data)):
        return None
    return number if data[14:size] == frame(number, size)[14:] else None


class Peer:
    """A connection to QEMU's end of the cable. What comes is kept; nothing is answered."""

    def __init__(self, guest, name="n0", timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.socket = connect_unix(os.path.join(guest.directory, f"{name}.sock"))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.frames = []
        self.changed = threading.Condition()
        self.on_frame = None  # called with each frame, in the reader's thread; None: frames are kept
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join(5)
        self.socket.close()

    def _read(self):
        data = b""
        while True:
            try:
                more = self.socket.recv(1 << 18)
            except OSError:
                return
            if not more:
                return
            data += more
            at, found = 0, []
            while len(data) - at >= 4:
                size = int.from_bytes(data[at:at + 4], "big")
                if len(data) - at - 4 < size:
                    break
                found.append(data[at + 4:at + 4 + size])
                at += 4 + size
            data = data[at:]
            with self.changed:
                if self.on_frame is None:
                    self.frames += found
                self.changed.notify_all()
            if self.on_frame is not None:
                for one in found:
                    self.on_frame(one)

    def send(self, frames):
        """Send frames, all in one piece."""
        self.socket.sendall(b"".join(len(one).to_bytes(4, "big") + one for one in frames))

    def send_paced(self, frames, rate):
        """Send so many frames a second, in bursts of a millisecond's worth, and never faster; seconds it took."""
        burst, began = max(1, rate // 1000), time.monotonic()
        due = began
        for at in range(0, len(frames), burst):
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
            due = max(due, now - 5 * burst / rate) + burst / rate
            self.send(frames[at:at + burst])
        return time.monotonic() - began

    def wait(self, wanted, timeout_s=30):
        """Wait until wanted(frames) is true; its last value."""
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while not (value := wanted(self.frames)) and time.monotonic() < deadline:
                self.changed.wait(max(0.0, min(1.0, deadline - time.monotonic())))
        return value

    def wait_count(self, count, timeout_s=30):
        self.wait(lambda frames: len(frames) >= count, timeout_s)
        return self.take()

    def take(self):
        """What came so far; forgotten here."""
        with self.changed:
            found, self.frames = self.frames, []
        return found
