#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A driver's state is plain data: no pointer in struct NAME_state (the device's) nor in struct
NAME_queue, but inside shim types. Read from the debug information of the driver object; that these are
its state is seen from the sizes in its struct shim_driver."""
import struct
import sys

from common import drivers, expect, main, run

try:
    from elftools.elf.elffile import ELFFile
except ImportError:
    sys.exit('python3-pyelftools is missing: run "make setup", which installs what Eft needs')

HEAD = struct.Struct("<II16sIII")  # shim_version, state_version, name, class, base and queue bytes
SKIP = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_array_type", "DW_TAG_member")
AGGREGATE = ("DW_TAG_structure_type", "DW_TAG_union_type")


def name_of(die):
    return die.attributes["DW_AT_name"].value.decode() if "DW_AT_name" in die.attributes else ""


def size_of(die):
    return die.attributes["DW_AT_byte_size"].value if "DW_AT_byte_size" in die.attributes else 0


def pointers(die, path):
    """Paths of the members that are pointers, below one type."""
    while die.tag in SKIP:
        if "DW_AT_type" not in die.attributes:
            return []
        die = die.get_DIE_from_attribute("DW_AT_type")
    if die.tag == "DW_TAG_pointer_type":
        return [path]
    if die.tag not in AGGREGATE or name_of(die).startswith("shim_"):
        return []
    return [found for member in die.iter_children() if member.tag == "DW_TAG_member"
            for found in pointers(member, f"{path}.{name_of(member)}")]


def check_object(name, path):
    with open(path, "rb") as file:
        elf = ELFFile(file)
        section = elf.get_section_by_name("shim_drivers")
        *_, base_bytes, queue_bytes = HEAD.unpack(section.data()[:HEAD.size])
        # One type may stand in several compilation units of a driver: by name, one is enough.
        types = {name_of(die): die for unit in elf.get_dwarf_info().iter_CUs() for die in unit.iter_DIEs()
                 if die.tag == "DW_TAG_structure_type" and size_of(die)}
        found = []
        for word, size in ((name + "_state", base_bytes), (name + "_queue", queue_bytes)):
            die = types.get(word)
            if size and (die is None or size_of(die) != size):
                found.append(f"{name}: its state has {size} bytes, struct {word} "
                             + (f"has {size_of(die)}" if die else "does not exist"))
            found += [f"{name}: {member} is a pointer in driver state" for member in (pointers(die, word) if die else ())]
        return found


def check(_tree, build):
    return [sentence for driver in drivers(build) for sentence in check_object(driver.name, driver.object(build))]


def self_test():
    source = """
struct shim_view { void *owned; };
struct x_queue { int head, tail; struct { long slots[4]; } table; };
struct x_state { int a; struct shim_view view; enum { ON } e; };
struct x_queue queue;
struct x_state base;
__attribute__((section("shim_drivers"))) struct { unsigned v, s; char name[16]; unsigned c, base, queue; }
	shim_driver_x = { 1, 1, "x", 0, sizeof(struct x_state), sizeof(struct x_queue) };
"""
    path = "shim/drivers/block/x/x.c"

    def compile_it(folder):
        run("gcc", "-g", "-c", "-o", f"{folder}/{path[:-1]}o", f"{folder}/{path}")

    expect(check, {"drivers.list": "block/x,m,user\n", path: source}, [
        ({path: source.replace("int a;", "char *a;")}, "x_state.a is a pointer"),
        ({path: source.replace("long slots[4]", "void (*slots[4])(void)")}, "x_queue.table.slots is a pointer"),
        ({path: source.replace("struct shim_view view", "struct { struct shim_view *p; } view")}, "x_state.view.p"),
        ({path: source.replace("sizeof(struct x_state)", "999")}, "has 999 bytes, struct x_state has"),
        ({path: source.replace("struct x_queue", "struct other")}, "struct x_queue does not exist"),
    ], compile_it)


if __name__ == "__main__":
    main(check, self_test)
