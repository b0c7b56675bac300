# SPDX-License-Identifier: BSD-2-Clause
"""The machine and the commit that a benchmark ran on."""
import os
import platform
import subprocess
import time


def _first(path, prefix):
    """What stands behind the colon in the first line that begins so."""
    try:
        with open(path, encoding="utf-8") as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith(prefix)), None)
    except OSError:
        return None


def _said(*command):
    try:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return done.stdout.strip().split("\n")[0] or None


def _system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def describe(tree, aio):
    """{"commit", "date", "machine": {word: text}}; what cannot be found out is left out."""
    memory = _first("/proc/meminfo", "MemTotal")
    machine = {
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": memory and f"{int(memory.split()[0]) >> 10:,} MiB",
        "system": f"{_system()}, Linux {platform.release()}",
        "emulator": _said("qemu-system-x86_64", "--version"),
        "accelerator": "TCG, one virtual CPU",
        "disk": f"image on tmpfs, aio={aio}",
        "compiler": _said("x86_64-linux-gnu-gcc", "--version"),
        "load": " ".join(f"{value:.1f}" for value in os.getloadavg()) + " (1, 5, 15 minutes, at the end)"}
    return {"commit": _said("git", "-C", tree, "describe", "--always", "--dirty", "--tags"),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "machine": {word: value for word, value in machine.items() if value}}
