# SPDX-License-Identifier: BSD-2-Clause
"""Each command of the shell answers, typed on the serial console."""
from suite import Disk, case

COMMANDS = ("help", "devices", "drivers", "ps", "mem", "log", "disk", "bench", "kill", "poweroff", "reboot")
UP, DOWN, LEFT, RIGHT, BACKSPACE = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C", "\x7f"


@case()
def commands_answer(test):
    image = test.image("disk.img", 64 << 20)
    with test.boot(disks=[Disk(image)]) as guest:
        guest.wait_prompt()
        test.check_lines("help_lists_every_command", guest.command("help"), *(rf"^  {c} " for c in COMMANDS))
        test.check_lines("help_explains_one", guest.command("help disk"), r"disk .*verify")
        test.check_lines("devices_shows_the_serial_line", guest.command("devices"), r"uart +(kernel|user) +live +[1-9]")
        drivers = guest.command("drivers")
        for driver in test.build.drivers():
            ring = test.build.placement(driver)
            test.check_lines(f"drivers_shows_{driver}_where_configured", drivers, rf"^{driver} +(?!none)\w+ +\S+ +{ring} ")
        test.check_lines("ps_shows_manager_and_shell", guest.command("ps"), r"manager", r"shell")
        test.check_lines("mem_shows_total_and_free", guest.command("mem"), r"^memory +\d+ MiB, \d+ MiB free", r"kernel .*KiB code")
        test.check_lines("log_shows_the_boot", guest.command("log"), r"^\[ *\d+\.\d{6}\] ")
        test.check("log_can_be_limited", len(guest.command("log -n 3")) == 3)
        if test.build.placement("ahci") != "off":
            test.check_lines("disk_list_shows_the_disk", guest.command("disk list"), r"^disk0 +64\.0 MiB  131072 blocks of 512")
            test.check("disk_read_shows_a_block", guest.reads("disk0", 0) == "")
            test.check_lines("read_past_the_end_is_refused", guest.command("disk read disk0 131072"), r"lie outside of disk0")
        test.check_lines("missing_disk_is_refused", guest.command("disk read disk99 0"), r"there is no 'disk99'")
        test.check_lines("unknown_command_gets_a_hint", guest.command("hepl"), r"no command 'hepl'.*did you mean `help`")
        test.check_lines("missing_arguments_show_usage", guest.command("disk read"), r"^usage: disk ")
        test.check_lines("kill_of_nobody_is_refused", guest.command("kill 99999"), r"no process 99999")
        test.end(guest)


@case()
def lines_are_edited(test):
    with test.boot(smp=1) as guest:
        guest.wait_prompt()
        test.check("backspace_erases", guest.command("echo onex" + BACKSPACE) == ["one"])
        test.check("arrows_move", guest.command("echo oe" + LEFT + "n" + RIGHT + "s") == ["ones"])
        test.check("up_repeats", guest.command(UP + UP) == ["one"])
        test.check("down_comes_back", guest.command(UP + UP + DOWN) == ["one"])
        test.check("tab_completes", guest.command("ech\ttwo") == ["two"])
        word = "".join(chr(ord("a") + i % 26) for i in range(120))
        answers = [guest.command(f"echo {word}{number}") for number in range(4)]
        test.check("long_lines_arrive_in_order", answers == [[f"{word}{n}"] for n in range(4)], answers)
        test.end(guest)
