/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shell: what its parts share. shell.c has the terminal, the prompt and the dispatch;
 * devices.c, system.c, disk.c, net.c and watchdog.c have the commands.
 */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/error.h>

#define SHELL_WORDS_MAX 32
#define MIB             ((uint64_t)1 << 20)
#define SECOND_NS       UINT64_C(1000000000)

struct command {
	const char *name;
	const char *usage; /* after the name */
	const char *help;
	/* argv[0] is the name. Says itself what is wrong. */
	void (*run)(int argc, char **argv);
	/* Completion `index` of argument `word` (1 is the first), or NULL. May be NULL. */
	const char *(*complete)(int word, char **words, unsigned index);
};

extern const struct command device_commands[], system_commands[], disk_commands[], net_commands[],
	watchdog_commands[];

/** The command of a name, or NULL. */
const struct command *command_find(const char *name);

/** Command number `index` of all, in the order of `help`; NULL after the last. */
const struct command *command_at(unsigned index);

/** Say how a command is used. */
void print_usage(const char *name);

/** Print to the terminal; a newline becomes what terminals want. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

/** Send what was printed to the terminal now; done before the next prompt anyway. */
void print_flush(void);

/** Has somebody pressed ^C? Everything else that was typed is kept. */
bool interrupted(void);

/** Read a number: decimal, or hexadecimal after 0x. Says what is wrong with it. */
bool number_argument(const char *what, const char *text, uint64_t *value);

/** "512 B", "64.0 MiB", "2.7 TiB". */
const char *size_text(uint64_t bytes, char text[24]);

/** "950 ns", "12.3 us", "4.5 ms", "1.23 s". */
const char *duration_text(uint64_t ns, char text[24]);

/** Say how many errors and warnings the log has, if any: the console may not have shown them. */
void print_log_summary(void);

/** Kill a driver's processes, and say what became of it. */
void kill_driver(const char *name);

/** Completions: element `index` of a list that ends with NULL, and of what exists now. */
const char *complete_from(const char *const *list, unsigned index);
const char *complete_disk(unsigned index);
const char *complete_driver(unsigned index);

#endif
