# SPDX-License-Identifier: BSD-2-Clause
"""Commands that gdb has once it is attached by `make gdb`; doc/debugging.md shows them at work.

eft-ps             processes and their threads, what each does, and where in its program it is
eft-where [WHO]    who is on each CPU; with the name or pid of a process, the backtrace of each of its threads
"""
import gdb

# What a system call keeps of the registers, and what a debugger needs to walk a stack.
REGISTERS = ("rip", "rsp", "rbp", "rbx", "r12", "r13", "r14", "r15")
PROCESS = "{:>4} {:<20} {:>3} {:<8} {}"


def symbol(name):
    return gdb.parse_and_eval(name)


def number(value):
    return int(value) & (1 << 64) - 1


def text(array):
    return array.string(errors="replace")


def threads():
    """Every thread, by id."""
    table = symbol("thread_table")
    if not number(table):
        raise gdb.GdbError("there are no processes yet")
    every = (table[i] for i in range(int(symbol("thread_capacity"))))
    return [thread.dereference() for thread in every if number(thread)]


def state(thread):
    return str(thread["state"].cast(gdb.lookup_type("enum thread_state"))).replace("THREAD_", "").lower()


def cpus():
    """(the gdb thread, struct cpu) of each processor that is started."""
    table = symbol("cpu_table")
    virtual = {thread.num: thread for thread in gdb.selected_inferior().threads()}
    every = ((virtual.get(i + 1), table[i]) for i in range(int(symbol("cpu_count"))))
    return [(thread, cpu.dereference()) for thread, cpu in every if thread and number(cpu)]


def place(vaddr):
    """A code address as function (file:line); the line may be that of another function that was inlined there."""
    block, function = gdb.block_for_pc(vaddr), None
    while block:
        function, block = block.function or function, block.superblock
    line = gdb.find_pc_line(vaddr)
    where = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return f"{function or gdb.format_address(vaddr)}{where}"


class Lent:
    """The registers and the address space of a thread that no CPU runs, lent to the selected CPU."""

    def __init__(self, thread):
        self.wanted = {name: number(thread["frame"][name]) for name in REGISTERS}
        self.wanted["cr3"] = number(thread["process"]["space"]["root"])

    @staticmethod
    def put(values):
        for name, value in values.items():
            gdb.execute(f"set ${name} = (unsigned long){value:#x}", to_string=True)

    def __enter__(self):
        self.saved = {name: number(symbol("(unsigned long)$" + name)) for name in self.wanted}
        self.put(self.wanted)

    def __exit__(self, *_):
        self.put(self.saved)


class Ps(gdb.Command):
    """eft-ps: processes and their threads, what each does, and where in its program it is."""

    def __init__(self):
        super().__init__("eft-ps", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        print(PROCESS.format("pid", "process", "cpu", "state", "in its program"))
        for thread in threads():
            process = thread["process"]
            runs = [int(cpu["index"]) for _, cpu in cpus() if number(cpu["current"]) == number(thread.address)]
            print(PROCESS.format(int(process["pid"]), text(process["name"]), runs[0] if runs else "-",
                                 state(thread), place(number(thread["frame"]["rip"]))))


class Where(gdb.Command):
    """eft-where [PROCESS]: who is on each CPU; with a name or pid, the backtrace of each of its threads."""

    def __init__(self):
        super().__init__("eft-where", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        selected, frame = gdb.selected_thread(), gdb.selected_frame()
        try:
            if argument:
                self.process(argument)
            else:
                self.processors()
        finally:
            selected.switch()
            if frame.is_valid():
                frame.select()

    @staticmethod
    def processors():
        for virtual, cpu in cpus():
            virtual.switch()
            gdb.newest_frame().select()
            ring = number(symbol("$cs")) & 3
            who = "no process"
            if number(cpu["current"]):
                process = cpu["current"]["process"]
                who = f"{text(process['name'])} (pid {int(process['pid'])})"
            print(f"cpu {int(cpu['index'])}: {who}, ring {ring}: {place(number(symbol('$pc')))}")

    @staticmethod
    def process(who):
        found = [thread for thread in threads()
                 if who in (text(thread["process"]["name"]), str(int(thread["process"]["pid"])))]
        if not found:
            raise gdb.GdbError(f"no process {who}: eft-ps lists them")
        for thread in found:
            process = thread["process"]
            print(f"{text(process['name'])} (pid {int(process['pid'])}), thread {int(thread['id'])}, {state(thread)}:")
            runs = [virtual for virtual, cpu in cpus() if number(cpu["current"]) == number(thread.address)]
            if runs:
                runs[0].switch()
                gdb.execute("backtrace")
                continue
            with Lent(thread):
                gdb.execute("backtrace")


gdb.execute("set backtrace past-main on")
gdb.execute("set stack-cache off")  # processes have their stacks at the same addresses
Ps()
Where()
