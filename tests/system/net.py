# SPDX-License-Identifier: BSD-2-Clause
"""A network card in both rings: frames arrive whole, once and in order; link, filters, offloads work."""
import re

from peer import Peer, frame, netdev, number_of
from suite import case

CARDS = {"e1000": "line", "e1000e": "MSI-X"}
MAC = "52:54:00:12:34:56"
BURST = 250  # frames that come at once: the ring has 255 buffers


def _card(model, name="n0", mac=MAC, extra=""):
    return f"{model},netdev={name},mac={mac}{extra}"


def _boot(test, model, ring, name="", **options):
    options.setdefault("devices", [_card(model)])
    return test.boot(name=name or f"{model}-{ring}", cmdline=f"e1000={ring} loglevel=notice",
                     extra=netdev("n0"), **options)


def _rings(test):
    """The rings that the driver can be in."""
    if test.build.movable():
        return ["user"] if test.build.placement("pci") == "user" else ["kernel", "user"]
    return [test.build.placement("e1000")]


def _numbers(frames):
    return [number_of(one) for one in frames if one[12:14] == b"\x88\xb5"]


def _receive(guest, peer, frames, rate=0, options="", seconds=20, count=None):
    """Have the guest receive these frames; what it says of them."""
    with guest.changed:
        guest.cursor = len(guest.text)
    guest.send(f"net receive net0 {len(frames) if count is None else count} {seconds} {options}\r")
    guest.expect(r"^net0: receives")
    if rate:
        peer.send_paced(frames, rate)
    else:
        peer.send(frames)
    said = guest.expect(r"^net0: (\d+) good, (\d+) lost, (\d+) again, (\d+) wrong, (\d+) foreign, "
                        r"(\d+) damaged, (\d+) checked", seconds + 30)
    guest.wait_prompt()
    return dict(zip(("good", "lost", "again", "wrong", "foreign", "damaged", "checked"), map(int, said.groups())))


def _frames(count, size, **options):
    return [frame(number, size, **options) for number in range(count)]


def _check_received(test, name, said, count):
    test.check(name, said["good"] == count and not said["lost"] + said["again"] + said["wrong"], said)


def _check_sent(test, name, guest, peer, count, size):
    peer.take()
    lines = guest.command(f"net send net0 {count} {size}")
    test.check(f"{name}_says_so", any(f"{count} frames of {size} bytes sent" in line for line in lines), lines)
    peer.wait(lambda frames: len(_numbers(frames)) >= count, 20)
    numbers = _numbers(peer.take())
    test.check(name, numbers == list(range(count)), f"{len(numbers)} frames, first {numbers[:5]}")


@case(drivers=("pci", "e1000"), timeout_s=240)
def frames_go_both_ways(test):
    for model, kind in CARDS.items():
        for ring in _rings(test):
            with _boot(test, model, ring) as guest, Peer(guest) as peer:
                guest.wait_prompt()
                name = f"{model}_in_{ring}"
                test.check_lines(f"{name}_is_listed", guest.command("net"), rf"^net0 +{MAC} .*link up, 1000 Mb/s")
                test.check_lines(f"{name}_interrupts", guest.command("devices"), rf"e1000 +{ring} +live +\d+ {kind}$")
                _check_sent(test, f"{name}_sends", guest, peer, 300, 1514)
                _check_sent(test, f"{name}_sends_small_ones", guest, peer, 300, 64)
                _check_received(test, f"{name}_receives", _receive(guest, peer, _frames(BURST, 1514)), BURST)
                _check_received(test, f"{name}_receives_small_ones", _receive(guest, peer, _frames(BURST, 64)), BURST)
                test.end(guest, f"{name}_ends_well")
