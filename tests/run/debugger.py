# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's gdb stub, as far as tests need it: stop at a symbol, read and write physical memory.

How to use: boot with Machine.stopped, then `with Debugger(guest) as debugger:`. Leaving it lets the machine go on.
Source: GDB manual, "Remote Serial Protocol"; QEMU manual, "GDB usage" (physical memory mode).
"""
import subprocess

from qemu import GuestError, connect_unix

CHUNK_BYTES = 1024  # a packet of QEMU's holds 4096 characters


class Debugger:
    """A connection to a machine that does not run meanwhile."""

    def __init__(self, guest, timeout_s=30):
        guest.qmp().monitor("gdbserver unix:gdb.sock,server=on,wait=off")
        self.connection = connect_unix(guest.path("gdb.sock"))
        self.connection.settimeout(timeout_s)
        self.pending = b""

    def __enter__(self):
        # Registers have numbers once their description was asked for.
        self.ask("qXfer:features:read:target.xml:0,8")
        if self.ask("Qqemu.PhyMemMode:1") != "OK":
            raise GuestError("QEMU's gdb stub cannot read physical memory")
        return self

    def __exit__(self, kind, value, traceback):
        try:
            self.ask("D")
        except OSError:
            pass
        self.connection.close()

    def ask(self, text):
        """One packet, and the answer to it."""
        data = text.encode()
        self.connection.sendall(b"+$%s#%02x" % (data, sum(data) % 256))
        while True:
            begin = self.pending.find(b"$")
            end = self.pending.find(b"#", begin + 1)
            if 0 <= begin < end and len(self.pending) >= end + 3:
                answer = self.pending[begin + 1:end].decode("latin-1")
                self.pending = self.pending[end + 3:]
                return answer
            data = self.connection.recv(4096)
            if not data:
                raise GuestError("QEMU closed the debugger's connection")
            self.pending += data

    def run_to(self, vaddr):
        """Let the machine run until the first processor comes to an address."""
        if self.ask(f"Z1,{vaddr:x},1") != "OK" or not self.ask("c").startswith("T"):
            raise GuestError(f"the machine does not come to {vaddr:#x}")
        self.ask(f"z1,{vaddr:x},1")

    def set_register(self, number, value):
        """A 64-bit register; 7 is rsp."""
        return self.ask(f"P{number:x}=" + value.to_bytes(8, "little").hex()) == "OK"

    def read(self, paddr, size_bytes):
        data = b""
        while len(data) < size_bytes:
            step = min(CHUNK_BYTES, size_bytes - len(data))
            answer = self.ask(f"m{paddr + len(data):x},{step:x}")
            if answer.startswith("E"):
                raise GuestError(f"no memory at {paddr + len(data):#x}")
            data += bytes.fromhex(answer)
        return data

    def write(self, paddr, data):
        if self.ask(f"M{paddr:x},{len(data):x}:{data.hex()}") != "OK":
            raise GuestError(f"no memory at {paddr:#x}")


def symbol(build, name):
    """Address of a symbol of the kernel."""
    lines = subprocess.run(["nm", build.directory + "/kernel.elf"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()
    return next(int(line.split()[0], 16) for line in lines if line.split()[-1] == name)
